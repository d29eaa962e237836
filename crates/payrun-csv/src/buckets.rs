//! Entries of equal size, sorted by their first byte into buckets that are looked at one by one: what is equal is
//! in the same bucket. Beyond a bound they go to a private temporary file.

use crate::text_file::Kept;
use std::fs::File;
use std::io::{self, Write};

/// Buckets, one for each first byte.
const BUCKETS: usize = 256;

/// Buckets that go to the file at a time: whoever waits meanwhile does not wait long.
const AT_A_TIME: usize = 16;

/// Collects entries of `W` bytes.
pub(crate) struct Filling<const W: usize> {
    buckets: Vec<Vec<u8>>,
    /// Where in `file` the earlier entries of each bucket are: offset and length.
    written: Vec<Vec<(u64, usize)>>,
    file: Option<File>,
    offset: u64,
    in_memory: usize,
    memory_max: usize,
    /// The bucket that goes to the file next.
    next: usize,
}

/// Entries that can be looked at, bucket by bucket, by several threads.
pub(crate) struct Filled<const W: usize> {
    buckets: Vec<Vec<u8>>,
    written: Vec<Vec<(u64, usize)>>,
    file: Option<Kept>,
}

impl<const W: usize> Filling<W> {
    /// Holds about `memory_max` bytes in memory.
    pub(crate) fn new(memory_max: usize) -> Self {
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            written: vec![Vec::new(); BUCKETS],
            file: None,
            offset: 0,
            in_memory: 0,
            memory_max,
            next: 0,
        }
    }

    /// Takes an entry. Its first byte should be as good as random.
    #[inline]
    pub(crate) fn push(&mut self, entry: &[u8; W]) {
        let first = entry.first().copied().map_or(0, usize::from);
        if let Some(bucket) = self.buckets.get_mut(first) {
            bucket.extend_from_slice(entry);
            self.in_memory += W;
        }
    }

    /// Some of it goes to the file if there is too much in memory; to be called now and then.
    pub(crate) fn spill(&mut self) -> io::Result<()> {
        if self.in_memory <= self.memory_max {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        let buckets = self.buckets.iter_mut().zip(&mut self.written);
        for (bucket, written) in buckets.skip(self.next).take(AT_A_TIME) {
            file.write_all(bucket)?;
            written.push((self.offset, bucket.len()));
            self.offset =
                self.offset.saturating_add(u64::try_from(bucket.len()).unwrap_or(u64::MAX));
            self.in_memory = self.in_memory.saturating_sub(bucket.len());
            bucket.clear();
        }
        self.next = (self.next + AT_A_TIME) % BUCKETS;
        Ok(())
    }

    pub(crate) fn filled(self) -> Filled<W> {
        let file = self.file.map(Kept::File);
        Filled { buckets: self.buckets, written: self.written, file }
    }
}

impl<const W: usize> Filled<W> {
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.buckets.len()
    }

    /// The entries of one bucket, in the order in which they came, put into `room`.
    pub(crate) fn bucket<'r>(
        &self,
        number: usize,
        room: &'r mut Vec<u8>,
    ) -> io::Result<&'r [[u8; W]]> {
        room.clear();
        let mut part = Vec::new();
        for (offset, length) in self.written.get(number).into_iter().flatten() {
            if let Some(file) = &self.file {
                file.read_at(*offset, *length, &mut part)?;
                if part.len() != *length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                room.extend_from_slice(&part);
            }
        }
        room.extend_from_slice(self.buckets.get(number).map(Vec::as_slice).unwrap_or_default());
        Ok(room.as_chunks().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_comes_back_in_order_from_memory_and_from_the_file() {
        for memory_max in [0, 100, 1_000_000] {
            let mut filling = Filling::<3>::new(memory_max);
            for i in 0..2_000u16 {
                let [high, low] = i.to_be_bytes();
                filling.push(&[low, high, low]);
                filling.spill().unwrap();
            }
            let filled = filling.filled();
            assert_eq!(filled.file.is_some(), memory_max < 1_000_000);
            let (mut room, mut count) = (Vec::new(), 0);
            for number in filled.numbers() {
                let entries = filled.bucket(number, &mut room).unwrap();
                assert!(entries.iter().all(|entry| usize::from(entry[0]) == number));
                assert!(entries.is_sorted());
                count += entries.len();
            }
            assert_eq!(count, 2_000);
        }
    }
}
