//! The file's text, kept where it can be read a second time: rows that are looked at again are read again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

/// What is held in memory before a private temporary file is begun.
const MEMORY_MAX: usize = 4 * 1024 * 1024;

/// A text that stays where it is, to be read at any place.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The payer's own file, or a temporary one without a name.
    File(File),
    /// A short text.
    Memory(Vec<u8>),
}

impl Kept {
    /// Reads up to `length` bytes from `offset`; fewer only at the end.
    pub(crate) fn read_at(&self, offset: u64, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        match self {
            Self::Memory(text) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
                let end = start.saturating_add(length).min(text.len());
                into.extend_from_slice(text.get(start..end).unwrap_or_default());
            }
            Self::File(file) => {
                into.resize(length, 0);
                let mut done = 0;
                while let Some(room) = into.get_mut(done..).filter(|room| !room.is_empty()) {
                    let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
                    match file.read_at(room, at) {
                        Ok(0) => break,
                        Ok(count) => done += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                into.truncate(done);
            }
        }
        Ok(())
    }
}

/// A reader that keeps what it gives: in memory, and beyond that in a temporary file that only this process can
/// open and that is gone when it ends.
pub(crate) struct Keeping<R> {
    input: R,
    memory: Vec<u8>,
    file: Option<File>,
}

impl<R> Keeping<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, memory: Vec::new(), file: None }
    }

    /// What was given, to be read again.
    pub(crate) fn kept(&mut self) -> io::Result<Kept> {
        Ok(match self.file.take() {
            Some(mut file) => {
                file.write_all(&self.memory)?;
                Kept::File(file)
            }
            None => Kept::Memory(std::mem::take(&mut self.memory)),
        })
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        if self.memory.len() > MEMORY_MAX {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile()?),
            };
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        Ok(())
    }
}

impl<R: Read> Read for Keeping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.keep(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_can_be_read_again_from_memory_and_from_a_file() {
        for length in [0, 10, MEMORY_MAX, MEMORY_MAX + 1, 3 * MEMORY_MAX + 17] {
            let text: Vec<u8> = (0u8..=250).cycle().take(length).collect();
            let mut keeping = Keeping::new(text.as_slice());
            let mut given = Vec::new();
            keeping.read_to_end(&mut given).unwrap();
            assert!(given == text);
            let kept = keeping.kept().unwrap();
            assert_eq!(matches!(kept, Kept::Memory(_)), length <= MEMORY_MAX);
            let mut again = Vec::new();
            for offset in [0, 3, length / 2, length.saturating_sub(5), length, length + 9] {
                kept.read_at(u64::try_from(offset).unwrap(), 100, &mut again).unwrap();
                let end = (offset + 100).min(length);
                assert_eq!(again, text.get(offset.min(length)..end).unwrap_or_default());
            }
        }
    }
}
