//! What only shows when rows are compared: references that are there twice, and payees that are paid twice or bear two
//! names. Rows whose hashes are equal are read a second time and compared in full, so no hash decides anything.

mod payees;
mod references;

use crate::abreast;
use crate::buckets::Filled;
use crate::marks::{Reread, Rows};
use crate::terms::Terms;
use payrun_core::Reference;
use std::io;

pub(crate) use payees::payees;
pub(crate) use references::{Compared, Taken, references};

/// What a row has in common with an earlier one. Rows count from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Across {
    /// The reference is that of an earlier row.
    Duplicate { first: u32 },
    /// The reference is that of an earlier row but for capitals.
    Nearly { first: u32, other: Reference },
    /// The payee is paid the same in an earlier row.
    Repeated { first: u32 },
    /// The payee has another name in an earlier row.
    TwoNames { first: u32, other: Box<str> },
}

/// Entries of one bucket by their hash, those that share theirs with another.
fn shared<const W: usize>(
    filled: &Filled<W>,
    bucket: usize,
    room: &mut Vec<u8>,
) -> io::Result<Vec<[u8; W]>> {
    let entries = filled.bucket(bucket, room)?;
    let mut seen = Seen::with_room_for(entries.len());
    let mut twice = Vec::new();
    for entry in entries {
        let hash = number(entry, 0);
        if !seen.insert(hash) {
            twice.push(hash);
        }
    }
    if twice.is_empty() {
        return Ok(Vec::new());
    }
    twice.sort_unstable();
    let is_shared = |entry: &&[u8; W]| twice.binary_search(&number(entry, 0)).is_ok();
    let mut shared: Vec<[u8; W]> = entries.iter().filter(is_shared).copied().collect();
    // Hash first, then the row: both stand in front, the highest byte first.
    shared.sort_unstable();
    Ok(shared)
}

/// Eight bytes of an entry.
fn number<const W: usize>(entry: &[u8; W], at: usize) -> u64 {
    let bytes = entry.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    u64::from_be_bytes(bytes.unwrap_or_default())
}

/// Four bytes of an entry.
fn half<const W: usize>(entry: &[u8; W], at: usize) -> u32 {
    let bytes = entry.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.unwrap_or_default())
}

/// Hashes that were met: an open table, since a bucket's worth of them fits into the cache.
struct Seen {
    /// 0 where nothing is.
    table: Vec<u64>,
    mask: usize,
    zero: bool,
}

impl Seen {
    fn with_room_for(count: usize) -> Self {
        let size = count.saturating_mul(2).next_power_of_two().max(16);
        Self { table: vec![0; size], mask: size - 1, zero: false }
    }

    /// Whether it is new.
    fn insert(&mut self, hash: u64) -> bool {
        if hash == 0 {
            return !std::mem::replace(&mut self.zero, true);
        }
        // The bucket is chosen by the highest byte, so the place is by the lowest ones.
        let mut place = usize::try_from(hash & 0xffff_ffff).unwrap_or(0) & self.mask;
        loop {
            match self.table.get_mut(place) {
                Some(slot) if *slot == hash => return false,
                Some(slot) if *slot == 0 => {
                    *slot = hash;
                    return true;
                }
                _ => place = (place + 1) & self.mask,
            }
        }
    }
}

/// Reads rows again, side by side, and keeps of each what `keep` makes of it; in the order of the rows.
fn gather<T: Send>(
    rows: &[u32],
    reader: Rows<'_>,
    threads: usize,
    keep: impl Fn(Reread<'_>) -> Option<T> + Sync,
) -> io::Result<Vec<(u32, T)>> {
    const AT_A_TIME: usize = 4096;
    let parts: Vec<&[u32]> = rows.chunks(AT_A_TIME).collect();
    let gathered = abreast::each(0..parts.len(), threads, |number| {
        let mut kept = Vec::new();
        reader.see(parts.get(number).copied().unwrap_or_default(), |reread| {
            let row = reread.row;
            kept.extend(keep(reread).map(|fact| (row, fact)));
        })?;
        Ok(kept)
    })?;
    Ok(gathered.into_iter().flatten().collect())
}

fn find<T>(facts: &[(u32, T)], row: u32) -> Option<&T> {
    let place = facts.binary_search_by_key(&row, |(row, _)| *row).ok()?;
    facts.get(place).map(|(_, fact)| fact)
}

/// The rows of entries, ascending, each once.
fn rows_of<const W: usize>(entries: &[[u8; W]]) -> Vec<u32> {
    let mut rows: Vec<u32> = entries.iter().map(|entry| half(entry, 8)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// A row's standing, once more.
fn judge(reread: &Reread<'_>, terms: Terms<'_>) -> crate::row::Standing {
    let row = crate::row::Row {
        header: terms.header,
        rules: terms.rules,
        record: reread.record,
        number: u64::from(reread.row).saturating_add(1),
        line: reread.line,
    };
    crate::row::judge(row, &mut Vec::new())
}
