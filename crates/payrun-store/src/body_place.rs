//! Where the body of a payment's first intent lies in the journal.

use crate::disk::Disk;
use crate::journal;
use crate::scan::Position;
use payrun_ports::{Body, BodyHash};
use std::path::Path;

/// A body in a record: its place in the record's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyPlace {
    pub(crate) record: Position,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Where a body is, or that its record is just being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Fresh(BodyHash),
    At(BodyPlace),
}

impl BodyPlace {
    /// The body, out of a record whose hash is right.
    pub(crate) fn read(&self, disk: &dyn Disk, journal: &Path) -> Result<Body, String> {
        let start = usize::try_from(self.start).unwrap_or(usize::MAX);
        let end = usize::try_from(self.end).unwrap_or(usize::MAX);
        journal::read_at(disk, journal, self.record, |record| {
            record.payload.get(start..end).map(Body::new)
        })
    }
}
