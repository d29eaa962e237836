//! Where rows are in the text: every so many rows a mark, so that any row can be read again without the ones far
//! before it.

use crate::pieces::Cut;
use crate::record::{Oddity, Record};
use crate::row;
use crate::scan::{Cells, Classes, Splitter, fill};
use crate::text_file::Kept;
use std::collections::BTreeMap;
use std::io;

/// The most rows from one mark to the next.
pub(crate) const ROWS_MAX: u64 = 64;

/// The most bytes from one mark to the last row before the next.
pub(crate) const BYTES_MAX: u64 = 64 * 1024;

/// A row's place: its number, from 0, where it starts, and on which line, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) row: u32,
    pub(crate) offset: u64,
    pub(crate) line: u64,
}

/// The marks of a text, in order, and where the rows end.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) marks: Vec<Mark>,
    /// Rows that were cut.
    pub(crate) cuts: BTreeMap<u32, Cut>,
    pub(crate) end: u64,
}

/// A row of the text, read again.
pub(crate) struct Reread<'r> {
    /// From 0.
    pub(crate) row: u32,
    pub(crate) line: u64,
    pub(crate) record: &'r Record,
}

/// What is needed to read rows again.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'s> {
    pub(crate) text: &'s Kept,
    pub(crate) marks: &'s Marks,
    pub(crate) classes: &'s Classes,
    pub(crate) record_bytes_max: usize,
}

/// Whether the row is one of blank cells, as spreadsheets leave them at the end. Fills `record` where it has to.
pub(crate) fn is_blank(text: &[u8], cells: &Cells, record: &mut Record, classes: &Classes) -> bool {
    if !cells.is_intricate {
        return (0..cells.len()).all(|place| cells.cell(text, place).trim_ascii().is_empty());
    }
    fill(record, text.get(cells.start..cells.end).unwrap_or_default(), classes);
    row::is_blank(record)
}

impl Rows<'_> {
    /// Reads `rows`, which are in ascending order, again, and shows each to `see`.
    ///
    /// # Errors
    /// What the system says, or that the text is not what it was.
    pub(crate) fn see(self, rows: &[u32], mut see: impl FnMut(Reread<'_>)) -> io::Result<()> {
        let (mut block, mut cells, mut record) = (Vec::new(), Cells::default(), Record::default());
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let number = self.marks.marks.partition_point(|mark| mark.row <= *first);
            let mark = number.checked_sub(1).and_then(|number| self.marks.marks.get(number));
            let mark = *mark.ok_or_else(changed)?;
            let next = self.marks.marks.get(number);
            let count = next.map_or(rest.len(), |next| rest.partition_point(|row| *row < next.row));
            let (here, behind) = rest.split_at_checked(count).ok_or_else(changed)?;
            rest = behind;
            let end = next.map_or(self.marks.end, |next| next.offset);
            if let Some(cut) = self.marks.cuts.get(first) {
                self.text.read_at(mark.offset, self.record_bytes_max, &mut block)?;
                fill(&mut record, &block, self.classes);
                record.cut(*cut);
                see(Reread { row: *first, line: mark.line, record: &record });
                continue;
            }
            let length = usize::try_from(end.saturating_sub(mark.offset)).map_err(|_| changed())?;
            self.text.read_at(mark.offset, length, &mut block)?;
            let mut splitter = Splitter::new(&block, self.classes);
            let (mut row, mut wanted) = (mark.row, here.iter().peekable());
            while wanted.peek().is_some() {
                if !splitter.next(&mut cells) {
                    return Err(changed());
                }
                if is_blank(&block, &cells, &mut record, self.classes) {
                    continue;
                }
                if wanted.next_if_eq(&&row).is_some() {
                    take(&mut record, &block, &cells, self.record_bytes_max, self.classes);
                    let line = mark.line.saturating_add(cells.line);
                    see(Reread { row, line, record: &record });
                }
                row = row.saturating_add(1);
            }
        }
        Ok(())
    }
}

/// Fills `record` with `cells`; of one that is longer than a record may be only the beginning.
pub(crate) fn take(
    record: &mut Record,
    text: &[u8],
    cells: &Cells,
    bytes_max: usize,
    classes: &Classes,
) {
    let raw = text.get(cells.start..cells.end).unwrap_or_default();
    match raw.get(..bytes_max) {
        Some(beginning) if raw.len() > bytes_max => {
            fill(record, beginning, classes);
            record.cut(Cut { oddity: Oddity::TooLong, lines: cells.lines() });
        }
        _ if cells.is_intricate => fill(record, raw, classes),
        _ => cells.fill(record, text),
    }
}

/// What is there is not what was there.
pub(crate) fn changed() -> io::Error {
    io::Error::other("the file was changed while it was read")
}
