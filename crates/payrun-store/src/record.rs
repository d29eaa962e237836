//! One record of a journal: a payload, chained to the record before it.
//!
//! ```text
//! marker 4 · length u32 · sequence u64 · epoch u64 · previous hash 32 · payload · hash 32
//! ```
//! Little-endian. The hash is the SHA-256 of all before it: checksum of this record and link of the next.

use crate::limits::RECORD_BYTES_MAX;
use sha2::{Digest as _, Sha256};

/// A SHA-256 that links records.
pub(crate) type Hash = [u8; 32];

/// What the first record of a journal is chained to.
pub(crate) const GENESIS: Hash = [0; 32];

const MARKER: [u8; 4] = *b"\xf5PRr";

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 4 + 4 + 8 + 8 + 32;
const FRAME_BYTES: usize = HEADER_BYTES + 32;

/// A record as it lies in a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) sequence: u64,
    pub(crate) epoch: u64,
    pub(crate) previous: Hash,
    pub(crate) payload: &'a [u8],
    pub(crate) hash: Hash,
}

/// What a record is linked to, and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) sequence: u64,
    pub(crate) epoch: u64,
    pub(crate) previous: Hash,
}

/// The size on disk of a record with a payload of this size.
pub(crate) fn size(payload: usize) -> usize {
    FRAME_BYTES.saturating_add(payload)
}

impl<'a> Record<'a> {
    /// The record at the start of `bytes`, if it is whole and its hash is right.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MARKER)?;
        let (length, rest) = take_u32(rest)?;
        let length = usize::try_from(length).ok()?;
        if length > RECORD_BYTES_MAX {
            return None;
        }
        let (sequence, rest) = take_u64(rest)?;
        let (epoch, rest) = take_u64(rest)?;
        let (previous, rest) = rest.split_first_chunk::<32>()?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let hash = *rest.first_chunk::<32>()?;
        let covered = bytes.get(..HEADER_BYTES + length)?;
        (Hash::from(Sha256::digest(covered)) == hash).then_some(Self {
            sequence,
            epoch,
            previous: *previous,
            payload,
            hash,
        })
    }

    /// Its size on disk.
    pub(crate) fn size(&self) -> usize {
        size(self.payload.len())
    }
}

/// The size on disk that the header at the start of `bytes` says; bounded, whatever it says.
pub(crate) fn declared_size(bytes: &[u8]) -> usize {
    let length = bytes.get(MARKER.len()..).and_then(take_u32).map_or(0, |(length, _)| length);
    size(usize::try_from(length).unwrap_or(usize::MAX).min(RECORD_BYTES_MAX))
}

/// Appends the record to `buffer` and returns its hash. `payload` is at most [`RECORD_BYTES_MAX`] long.
pub(crate) fn write(buffer: &mut Vec<u8>, link: Link, payload: &[u8]) -> Hash {
    let start = buffer.len();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    buffer.extend_from_slice(&MARKER);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&link.sequence.to_le_bytes());
    buffer.extend_from_slice(&link.epoch.to_le_bytes());
    buffer.extend_from_slice(&link.previous);
    buffer.extend_from_slice(payload);
    let hash = Hash::from(Sha256::digest(buffer.get(start..).unwrap_or_default()));
    buffer.extend_from_slice(&hash);
    hash
}

/// Whether a whole record numbered above `sequence` lies anywhere in `bytes`: then what is before it was not
/// torn by a crash, it was damaged.
pub(crate) fn any_after(bytes: &[u8], sequence: u64) -> bool {
    let mut from = 0;
    while let Some(rest) = bytes.get(from..) {
        let Some(at) = rest.windows(MARKER.len()).position(|four| four == MARKER) else {
            return false;
        };
        let found = rest.get(at..).and_then(Record::parse);
        if found.is_some_and(|record| record.sequence > sequence) {
            return true;
        }
        from += at + 1;
    }
    false
}

pub(crate) fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*number), rest))
}

pub(crate) fn take_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        let link = Link { sequence: 7, epoch: 2, previous: [9; 32] };
        write(&mut buffer, link, payload);
        buffer
    }

    #[test]
    fn a_record_reads_back_as_written() {
        let bytes = record(b"hello");
        let record = Record::parse(&bytes).unwrap();
        assert_eq!((record.sequence, record.epoch), (7, 2));
        assert_eq!((record.previous, record.payload), ([9; 32], &b"hello"[..]));
        assert_eq!(record.size(), bytes.len());
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_noticed() {
        let bytes = record(b"hello");
        for at in 0..bytes.len() {
            assert!(Record::parse(&bytes[..at]).is_none());
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Record::parse(&flipped).is_none(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_later_record_is_found_behind_damage() {
        let mut bytes = b"\xf5PRr torn \xf5PR".to_vec();
        bytes.extend(record(b"hello"));
        assert!(any_after(&bytes, 6));
        assert!(!any_after(&bytes, 7));
        bytes.pop();
        assert!(!any_after(&bytes, 6));
    }
}
