//! One file of a journal: a header that links it to the file before, then records.
//!
//! ```text
//! magic 8 · format version u32 · kind u32 · segment u32 · first sequence u64 · previous hash 32 · hash 32
//! ```

use crate::record::{Hash, take_u32, take_u64};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The format this version writes. Older ones have to open for ever; a newer one is refused.
pub(crate) const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"payrun\x1aj";
const COVERED_BYTES: usize = 8 + 4 + 4 + 4 + 8 + 32;

/// Bytes before the first record.
pub(crate) const HEADER_BYTES: usize = COVERED_BYTES + 32;

/// What a journal is for. One never opens as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Events of one run.
    Run,
    /// Claims of one organisation.
    Ledger,
}

impl Kind {
    fn code(self) -> u32 {
        match self {
            Self::Run => 1,
            Self::Ledger => 2,
        }
    }
}

/// What stands at the start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// From 1.
    pub(crate) number: u32,
    /// The sequence that its first record has.
    pub(crate) first_sequence: u64,
    /// The hash of the record before that one.
    pub(crate) previous: Hash,
}

/// What the first bytes of a segment turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// The header that was expected.
    Expected,
    /// A whole header, but of another place, journal or kind.
    Other,
    /// A whole header of a version that this program does not know.
    Newer(u32),
    /// Not a header: half-written or damaged.
    Unreadable,
}

impl Header {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.kind.code().to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_le_bytes());
        bytes.extend_from_slice(&self.previous);
        let hash = Hash::from(Sha256::digest(&bytes));
        bytes.extend_from_slice(&hash);
        bytes
    }

    /// Compares the start of a segment with the header that has to be there.
    pub(crate) fn check(self, bytes: &[u8]) -> Parsed {
        match read(bytes) {
            None => Parsed::Unreadable,
            Some((version, _)) if version != FORMAT_VERSION => Parsed::Newer(version),
            Some(_) if bytes.starts_with(&self.to_bytes()) => Parsed::Expected,
            Some(_) => Parsed::Other,
        }
    }
}

/// Version and number of a header whose hash is right.
fn read(bytes: &[u8]) -> Option<(u32, u32)> {
    let (covered, rest) = bytes.split_at_checked(COVERED_BYTES)?;
    let hash = rest.first_chunk::<32>()?;
    if Hash::from(Sha256::digest(covered)) != *hash {
        return None;
    }
    let (version, rest) = take_u32(covered.strip_prefix(&MAGIC)?)?;
    let (_kind, rest) = take_u32(rest)?;
    let (number, rest) = take_u32(rest)?;
    take_u64(rest)?;
    Some((version, number))
}

/// The file of a segment.
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

/// The number in a file's name, if it is the name of a segment.
pub(crate) fn number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    let number = digits.parse().ok()?;
    (format!("{number:08}") == digits && number > 0).then_some(number)
}
