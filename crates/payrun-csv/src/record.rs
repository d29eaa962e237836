//! One record of the file: its cells without their quotation marks, and what was odd about them.

use crate::pieces::Cut;
use std::ops::Range;

/// A record whose room is used again for the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    ends: Vec<usize>,
    /// Physical lines that it runs over, at least 1.
    lines: u64,
    oddity: Option<Oddity>,
}

/// What a record has that no program writes on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// A quotation mark is open at the end of the file, or for so long that the record was cut.
    NeverClosed,
    /// Text stands behind the closing quotation mark of the cell at this place, as in `"1500"00`.
    BehindQuote(usize),
    /// The record is longer than a record may be; only its beginning is here.
    TooLong,
}

impl Record {
    /// Makes it empty, to be filled anew.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.lines = 1;
        self.oddity = None;
    }

    /// Adds to the cell that is being filled.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Ends the cell that is being filled.
    pub(crate) fn end_cell(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Counts one more physical line.
    pub(crate) fn add_line(&mut self) {
        self.lines = self.lines.saturating_add(1);
    }

    /// Notes what is odd; the first oddity stays, but one that swallows rows goes before.
    pub(crate) fn note(&mut self, oddity: Oddity) {
        if self.oddity.is_none() || !matches!(oddity, Oddity::BehindQuote(_)) {
            self.oddity = Some(oddity);
        }
    }

    /// Notes that only its beginning is here.
    pub(crate) fn cut(&mut self, cut: Cut) {
        self.oddity = Some(cut.oddity);
        self.lines = cut.lines;
    }

    /// How many cells.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of the cell at `place`, from 0.
    pub(crate) fn cell(&self, place: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(place)?)
    }

    /// Every cell in order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|place| self.cell(place))
    }

    /// Physical lines that the record runs over, at least 1.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// What is odd about it.
    pub(crate) fn oddity(&self) -> Option<Oddity> {
        self.oddity
    }

    /// All cells, one behind the other, if they are text.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Where the cell at `place` is in [`text`](Self::text).
    pub(crate) fn range(&self, place: usize) -> Option<Range<usize>> {
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        Some(start..*self.ends.get(place)?)
    }
}

#[cfg(test)]
impl Record {
    /// A record of these cells, for tests of what judges them.
    pub(crate) fn of<C: AsRef<[u8]>>(cells: impl IntoIterator<Item = C>) -> Self {
        let mut record = Self::default();
        record.clear();
        for cell in cells {
            record.push(cell.as_ref());
            record.end_cell();
        }
        record
    }
}
