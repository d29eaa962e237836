//! Reads a journal from its first byte to its last and says whether it is whole.
//!
//! Only the very end may be bad: one group is in flight at a time, so a crash tears the last record or
//! nothing. Whatever is bad and has a whole record behind it is damage. Reading never changes anything.

use crate::disk::Disk;
use crate::record::{self, GENESIS, Hash, Record};
use crate::segment::{self, Header, Kind, Parsed};
use std::io::Read as _;
use std::path::Path;

const OTHER_PLACE: &str = "the segment belongs to another place or journal";
const BAD_HEADER: &str = "the segment's header is damaged";
const BAD_RECORD: &str = "the record is damaged";

/// Where a record lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Position {
    /// The segment's number, from 1.
    pub(crate) segment: u32,
    /// The record's first byte in it.
    pub(crate) offset: u64,
}

/// The last whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: Position,
    pub(crate) sequence: u64,
    pub(crate) epoch: u64,
    pub(crate) hash: Hash,
}

/// Bytes at the end that are no whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) position: Position,
    pub(crate) bytes: u64,
}

/// A journal that was read to its end.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chain {
    /// `None` if there is not one whole record.
    pub(crate) head: Option<Head>,
    pub(crate) segments: u32,
    pub(crate) bytes: u64,
    pub(crate) torn: Option<Torn>,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("cannot read {path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("segment {}, byte {}: {what}", .at.segment, .at.offset)]
    Corrupt { at: Position, what: String },
    #[error("segment {segment} is of format version {version}, newer than this program knows")]
    Newer { segment: u32, version: u32 },
}

/// Takes each whole record in order; an error of it counts as damage at that place.
pub(crate) type Visitor<'v> = &'v mut dyn FnMut(Position, &Record<'_>) -> Result<(), String>;

/// Reads the whole journal in `dir`. A folder that is missing counts as empty.
pub(crate) fn scan(
    disk: &dyn Disk,
    dir: &Path,
    kind: Kind,
    visit: Visitor<'_>,
) -> Result<Chain, ScanError> {
    let count = segments(dir)?;
    let mut chain = Chain { segments: count, ..Chain::default() };
    for number in 1..=count {
        let bytes = read(disk, &segment::path(dir, number))?;
        chain.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let segment = Segment { kind, number, last: number == count, bytes: &bytes };
        segment.walk(&mut chain, visit)?;
    }
    Ok(chain)
}

/// How many segments there are. A gap in their numbers is damage.
fn segments(dir: &Path) -> Result<u32, ScanError> {
    let io = |error| ScanError::Io { path: dir.display().to_string(), error };
    let mut numbers = Vec::new();
    match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(io(error)),
        Ok(names) => {
            for name in names {
                let name = name.map_err(io)?.file_name();
                numbers.extend(name.to_str().and_then(segment::number));
            }
        }
    }
    numbers.sort_unstable();
    for (expected, number) in (1..).zip(&numbers) {
        if *number != expected {
            let at = Position { segment: expected, offset: 0 };
            return Err(ScanError::Corrupt { at, what: "the segment is missing".to_owned() });
        }
    }
    Ok(numbers.last().copied().unwrap_or(0))
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, ScanError> {
    let io = |error| ScanError::Io { path: path.display().to_string(), error };
    let mut bytes = Vec::new();
    let mut file = disk.open_read(path).map_err(io)?;
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

struct Segment<'a> {
    kind: Kind,
    number: u32,
    last: bool,
    bytes: &'a [u8],
}

impl Segment<'_> {
    fn walk(&self, chain: &mut Chain, visit: Visitor<'_>) -> Result<(), ScanError> {
        let header = Header {
            kind: self.kind,
            number: self.number,
            first_sequence: next_sequence(chain),
            previous: chain.head.map_or(GENESIS, |head| head.hash),
        };
        match header.check(self.bytes) {
            Parsed::Expected => {}
            Parsed::Other => {
                return Err(self.corrupt(0, OTHER_PLACE));
            }
            Parsed::Newer(version) => {
                return Err(ScanError::Newer { segment: self.number, version });
            }
            Parsed::Unreadable => return self.bad(chain, 0, BAD_HEADER),
        }
        let mut offset = segment::HEADER_BYTES;
        while offset < self.bytes.len() {
            let rest = self.bytes.get(offset..).unwrap_or_default();
            let Some(record) = Record::parse(rest) else {
                return self.bad(chain, offset, BAD_RECORD);
            };
            if record.sequence != next_sequence(chain)
                || record.previous != chain.head.map_or(GENESIS, |head| head.hash)
                || record.epoch < chain.head.map_or(0, |head| head.epoch)
            {
                return Err(self.corrupt(offset, "the record does not follow the one before it"));
            }
            let position = self.position(offset);
            visit(position, &record).map_err(|what| self.corrupt(offset, &what))?;
            chain.head = Some(Head {
                position,
                sequence: record.sequence,
                epoch: record.epoch,
                hash: record.hash,
            });
            offset += record.size();
        }
        Ok(())
    }

    /// Something at `offset` is no whole record: torn if it is the journal's end, damage otherwise.
    fn bad(&self, chain: &mut Chain, offset: usize, what: &str) -> Result<(), ScanError> {
        let rest = self.bytes.get(offset..).unwrap_or_default();
        let sequence = chain.head.map_or(0, |head| head.sequence);
        if !self.last || record::any_after(rest, sequence) {
            return Err(self.corrupt(offset, what));
        }
        chain.torn = Some(Torn {
            position: self.position(offset),
            bytes: u64::try_from(rest.len()).unwrap_or(u64::MAX),
        });
        Ok(())
    }

    fn position(&self, offset: usize) -> Position {
        Position { segment: self.number, offset: u64::try_from(offset).unwrap_or(u64::MAX) }
    }

    fn corrupt(&self, offset: usize, what: &str) -> ScanError {
        ScanError::Corrupt { at: self.position(offset), what: what.to_owned() }
    }
}

/// The number of the record after the chain's last.
pub(crate) fn next_sequence(chain: &Chain) -> u64 {
    chain.head.map_or(1, |head| head.sequence.saturating_add(1))
}

/// The payload of the first record; `None` if no bytes of one are there.
pub(crate) fn first(disk: &dyn Disk, dir: &Path, kind: Kind) -> Result<Option<Vec<u8>>, ScanError> {
    let path = segment::path(dir, 1);
    let io = |error| ScanError::Io { path: path.display().to_string(), error };
    let mut file = match disk.open_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io)?,
    };
    let mut bytes = vec![0; segment::HEADER_BYTES + record::HEADER_BYTES];
    if file.read_exact(&mut bytes).is_err() {
        return Ok(None);
    }
    let header = Header { kind, number: 1, first_sequence: 1, previous: GENESIS };
    let corrupt = |offset, what: &str| {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        let at = Position { segment: 1, offset };
        ScanError::Corrupt { at, what: what.to_owned() }
    };
    match header.check(&bytes) {
        Parsed::Expected => {}
        Parsed::Newer(version) => return Err(ScanError::Newer { segment: 1, version }),
        Parsed::Other => return Err(corrupt(0, OTHER_PLACE)),
        Parsed::Unreadable => return Err(corrupt(0, BAD_HEADER)),
    }
    bytes.drain(..segment::HEADER_BYTES);
    let rest = record::declared_size(&bytes).saturating_sub(bytes.len());
    let rest = u64::try_from(rest).unwrap_or(u64::MAX);
    file.take(rest).read_to_end(&mut bytes).map_err(io)?;
    let record = Record::parse(&bytes);
    let record = record.ok_or_else(|| corrupt(segment::HEADER_BYTES, BAD_RECORD))?;
    Ok(Some(record.payload.to_vec()))
}
