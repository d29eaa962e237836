//! The payer's own file written back: with what is wrong beside each row, or valid and invalid rows apart.
//!
//! Columns and rows keep their order; blank rows are left out. Cells keep their text, but one that a spreadsheet would
//! run gets an apostrophe in front; a phone number with its `+` is none of those.

use crate::explain::RowProblems;
use crate::formula;
use crate::marks;
use crate::pieces::{Piece, Pieces};
use crate::record::Record;
use crate::scan::{Cells, Splitter, fill};
use crate::text_file::Kept;
use crate::validated::{Details, Validated};
use crate::{Code, Problem, Severity};
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::ops::{ControlFlow, Range};

/// The columns that are added; a file that has them already gets them anew.
const ADDED: [&str; 2] = ["payrun_problems", "payrun_suggestion"];

impl Validated {
    /// Writes the file back as CSV in UTF-8, with two more columns: what is wrong with each row, and what to do.
    ///
    /// # Errors
    /// What `writer` says; that the file has no header, or a row too long to be held; that it cannot be read any more as
    /// it was.
    pub fn write_corrected(&self, writer: impl Write) -> io::Result<()> {
        let details = self.writable()?;
        let mut out = details.writer(writer, true)?;
        details.each_row(|record, problems| out.row(record, problems))?;
        out.end()
    }

    /// Writes the rows without an error to `valid`, as they are, and the others to `invalid`, with what is wrong.
    ///
    /// # Errors
    /// As [`write_corrected`](Self::write_corrected).
    pub fn write_split(&self, valid: impl Write, invalid: impl Write) -> io::Result<()> {
        let details = self.writable()?;
        let mut valid = details.writer(valid, false)?;
        let mut invalid = details.writer(invalid, true)?;
        details.each_row(|record, problems| {
            let is_error = |problem: &Problem| problem.severity() == Severity::Error;
            if !details.header.is_usable() || problems.iter().any(is_error) {
                invalid.row(record, problems)
            } else {
                valid.row(record, problems)
            }
        })?;
        valid.end()?;
        invalid.end()
    }

    /// What can be written back whole.
    fn writable(&self) -> io::Result<&Details> {
        let refused = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let details =
            self.details.as_ref().ok_or_else(|| refused("there are no rows to write back"))?;
        if self.count(Code::RecordTooLong) > 0 || !details.marks.cuts.is_empty() {
            return Err(refused("a row is too long to be written back; correct it first"));
        }
        let stopped = [Code::FileTooLarge, Code::FileTooManyRows];
        if stopped.iter().any(|code| self.count(*code) > 0) {
            return Err(refused("the file was not read to its end"));
        }
        Ok(details)
    }
}

impl Details {
    fn writer<W: Write>(&self, writer: W, with_problems: bool) -> io::Result<Writer<W>> {
        let is_added =
            |name: &[u8]| ADDED.iter().any(|added| name.trim_ascii() == added.as_bytes());
        let left_out = self.names.iter().map(|name| is_added(name)).collect();
        let out = csv::WriterBuilder::new()
            .delimiter(self.classes.delimiter())
            .flexible(true)
            .from_writer(writer);
        let mut out = Writer { out, left_out, with_problems };
        out.header(&self.names)?;
        Ok(out)
    }

    /// Every row with its problems, in order.
    fn each_row(
        &self,
        mut row: impl FnMut(&Record, &[Problem]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut walk = Walk::new(self);
        self.each_with_problems(|RowProblems { row: number, problems }| {
            while let Some((found, record)) = walk.next()? {
                if found == number {
                    row(record, &problems)?;
                    return Ok(ControlFlow::Continue(()));
                }
                row(record, &[])?;
            }
            Err(marks::changed())
        })?;
        while let Some((_, record)) = walk.next()? {
            row(record, &[])?;
        }
        Ok(())
    }
}

/// Rows on their way out.
struct Writer<W: Write> {
    out: csv::Writer<W>,
    /// Columns of an earlier correction.
    left_out: Vec<bool>,
    with_problems: bool,
}

impl<W: Write> Writer<W> {
    fn header(&mut self, names: &[Vec<u8>]) -> io::Result<()> {
        self.cells(names.iter().map(Vec::as_slice))?;
        let added = if self.with_problems { ADDED.as_slice() } else { &[] };
        for name in added {
            self.out.write_field(name).map_err(io_error)?;
        }
        self.end_row()
    }

    fn row(&mut self, record: &Record, problems: &[Problem]) -> io::Result<()> {
        self.cells(record.cells())?;
        if self.with_problems {
            self.out
                .write_field(tame(joined(problems, |problem| &problem.message).as_bytes()))
                .map_err(io_error)?;
            self.out
                .write_field(tame(joined(problems, |problem| &problem.hint).as_bytes()))
                .map_err(io_error)?;
        }
        self.end_row()
    }

    fn cells<'c>(&mut self, cells: impl Iterator<Item = &'c [u8]>) -> io::Result<()> {
        for (place, cell) in cells.enumerate() {
            if !self.left_out.get(place).copied().unwrap_or(false) {
                self.out.write_field(tame(cell)).map_err(io_error)?;
            }
        }
        Ok(())
    }

    fn end_row(&mut self) -> io::Result<()> {
        self.out.write_record(None::<&[u8]>).map_err(io_error)
    }

    fn end(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What is wrong with each cell, or what to do about it.
fn joined(problems: &[Problem], part: fn(&Problem) -> &String) -> String {
    let one = |problem: &Problem| match &problem.column {
        Some(column) => format!("{column}: {}", part(problem)),
        None => part(problem).clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Nothing that a spreadsheet would run.
fn tame(cell: &[u8]) -> Cow<'_, [u8]> {
    let is_safe = match cell.first() {
        None => true,
        Some(first) => first.is_ascii_alphanumeric() || matches!(first, b'\'' | b'`'),
    };
    if is_safe || !formula::is_formula(&String::from_utf8_lossy(cell)) {
        return Cow::Borrowed(cell);
    }
    Cow::Owned([b"'", cell].concat())
}

fn io_error(error: csv::Error) -> io::Error {
    let text = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { io::Error::other(text) }
}

/// Every row of a text, one after another.
struct Walk<'d> {
    details: &'d Details,
    pieces: Pieces<FromPlace<'d>>,
    piece: Piece,
    /// The rows of the piece that are to come, the next one last.
    rows: Vec<Range<usize>>,
    next: u32,
    record: Record,
}

impl<'d> Walk<'d> {
    fn new(details: &'d Details) -> Self {
        let text = FromPlace { text: &details.text, offset: details.body, room: Vec::new() };
        let bytes_max = details.rules.limits.record_bytes_max;
        Self {
            details,
            pieces: Pieces::new(text, details.effort.piece_bytes, bytes_max),
            piece: Piece::default(),
            rows: Vec::new(),
            next: 0,
            record: Record::default(),
        }
    }

    fn next(&mut self) -> io::Result<Option<(u32, &Record)>> {
        let classes = &self.details.classes;
        loop {
            if let Some(place) = self.rows.pop() {
                fill(&mut self.record, self.piece.text().get(place).unwrap_or_default(), classes);
                let row = self.next;
                self.next += 1;
                return Ok(Some((row, &self.record)));
            }
            let room = std::mem::take(&mut self.piece).into_room();
            match self.pieces.next(classes, room)? {
                Some(piece) => self.piece = piece,
                None => return Ok(None),
            }
            let text = self.piece.text();
            let (mut splitter, mut cells) = (Splitter::new(text, classes), Cells::default());
            while splitter.next(&mut cells) {
                if !marks::is_blank(text, &cells, &mut self.record, classes) {
                    self.rows.push(cells.start..cells.end);
                }
            }
            self.rows.reverse();
        }
    }
}

/// Reads a kept text from a place on.
struct FromPlace<'k> {
    text: &'k Kept,
    offset: u64,
    room: Vec<u8>,
}

impl Read for FromPlace<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read_at(self.offset, buffer.len(), &mut self.room)?;
        let count = self.room.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), self.room.get(..count)) {
            to.copy_from_slice(from);
        }
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
