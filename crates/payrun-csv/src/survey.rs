//! The first pass: every row is judged once, in pieces that are read side by side, and merged in the order of the file.
//!
//! What it keeps of a row is little: whether something is wrong with it, and what it weighs when rows are compared. The
//! words for what is wrong are made by the second pass, for the rows that need them.

mod piece;

use crate::abreast;
use crate::buckets::{Filled, Filling};
use crate::counts::Counts;
use crate::marks::{Mark, Marks};
use crate::pieces::{Piece, Pieces};
use crate::sums::Sums;
use crate::terms::Terms;
use payrun_core::Payment;
use piece::{Closer, Found, Look};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::ControlFlow;

pub(crate) use piece::FirstByte;

/// Bytes of what is kept of a reference: hash and row.
pub(crate) const REFERENCE_ENTRY: usize = 12;

/// Bytes of what is kept of a payee: hash, row, and hashes of amount and name.
pub(crate) const PAYEE_ENTRY: usize = 18;

/// What the first pass found.
pub(crate) struct Survey {
    pub(crate) rows: u32,
    /// Problems within rows, by rule.
    pub(crate) counts: Counts,
    pub(crate) rejected: u64,
    pub(crate) sums: Sums,
    /// Rows with a problem of their own, from 0, ascending.
    pub(crate) doubtful: Vec<u32>,
    pub(crate) marks: Marks,
    pub(crate) references: Filled<REFERENCE_ENTRY>,
    pub(crate) payees: Filled<PAYEE_ENTRY>,
    /// In the order of the file, if they are to be kept.
    pub(crate) payments: Vec<Payment>,
    /// The first byte that is not UTF-8.
    pub(crate) not_utf8: Option<FirstByte>,
    /// Why it did not go on to the end.
    pub(crate) stopped: Option<Stopped>,
}

/// Why a file was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// More rows than the limit.
    Rows,
    /// More bytes than the limit.
    Bytes,
}

/// What the first pass is asked for.
pub(crate) struct Asked<'s> {
    /// Whether payments are kept, not only counted.
    pub(crate) keep: bool,
    /// The line on which the first row may start, from 1.
    pub(crate) line: u64,
    /// Told, now and then, how many bytes of the text were read.
    pub(crate) watch: &'s dyn Fn(u64),
}

/// Goes through all rows.
///
/// # Errors
/// If the text cannot be read, or the temporary files for what does not fit into memory cannot be written.
pub(crate) fn survey(
    pieces: &mut Pieces<impl Read>,
    terms: Terms<'_>,
    asked: Asked<'_>,
) -> io::Result<Survey> {
    let look = Look::new(terms, asked.keep);
    let mut merge = Merge::new(terms, asked);
    let first = pieces.next(terms.classes, Vec::new())?;
    let second = pieces.next(terms.classes, Vec::new())?;
    // One piece is not worth a thread.
    let threads = if second.is_some() { terms.effort.threads } else { 1 };
    let mut ready: VecDeque<Piece> = first.into_iter().chain(second).collect();
    // What was found and merged is room for what comes next.
    let rooms = RefCell::new(Vec::new());
    abreast::in_order(
        threads,
        || {
            let mut found: Found = rooms.borrow_mut().pop().unwrap_or_default();
            let piece = match ready.pop_front() {
                Some(piece) => Some(piece),
                None => pieces.next(terms.classes, std::mem::take(&mut found.room))?,
            };
            Ok(piece.map(|piece| (piece, found)))
        },
        |closer: &mut Closer, (piece, found)| look.at(piece, found, closer),
        |found| {
            rooms.borrow_mut().push(merge.take(found)?.emptied());
            let is_stopped = merge.survey.stopped.is_some();
            Ok(if is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        },
    )?;
    Ok(merge.end())
}

/// Puts together what was found in one piece after another.
struct Merge<'s> {
    terms: Terms<'s>,
    watch: &'s dyn Fn(u64),
    survey: Gathering,
    /// The line on which the next piece begins.
    line: u64,
}

/// A [`Survey`] on the way.
struct Gathering {
    rows: u32,
    counts: Counts,
    rejected: u64,
    sums: Sums,
    doubtful: Vec<u32>,
    marks: Marks,
    references: Filling<REFERENCE_ENTRY>,
    payees: Filling<PAYEE_ENTRY>,
    payments: Vec<Payment>,
    not_utf8: Option<FirstByte>,
    stopped: Option<Stopped>,
}

impl<'s> Merge<'s> {
    fn new(terms: Terms<'s>, asked: Asked<'s>) -> Self {
        let survey = Gathering {
            rows: 0,
            counts: Counts::default(),
            rejected: 0,
            sums: Sums::default(),
            doubtful: Vec::new(),
            marks: Marks::default(),
            references: Filling::new(terms.effort.memory_max),
            payees: Filling::new(terms.effort.memory_max),
            payments: Vec::new(),
            not_utf8: None,
            stopped: None,
        };
        Self { terms, watch: asked.watch, survey, line: asked.line }
    }

    /// Takes what was found in the next piece; gives the room of it back.
    fn take(&mut self, mut found: Found) -> io::Result<Found> {
        let (base, survey) = (self.survey.rows, &mut self.survey);
        let limits = &self.terms.rules.limits;
        survey.marks.end = found.end;
        (self.watch)(found.end);
        let rows = base.checked_add(found.rows);
        if found.end > limits.bytes_max {
            survey.stopped = Some(Stopped::Bytes);
        }
        let Some(rows) = rows.filter(|rows| u64::from(*rows) <= limits.rows_max) else {
            survey.stopped = Some(Stopped::Rows);
            return Ok(found);
        };
        survey.rows = rows;
        survey.counts.add_all(&found.counts);
        survey.rejected += u64::from(found.rejected);
        survey.sums.add_all(&found.sums);
        survey.doubtful.extend(found.doubtful.iter().map(|row| base + row));
        let line = self.line;
        survey.marks.marks.extend(found.marks.iter().map(|mark| Mark {
            row: base + mark.row,
            offset: mark.offset,
            line: line.saturating_add(mark.line),
        }));
        survey.marks.cuts.extend(found.cuts.iter().map(|(row, cut)| (base + row, *cut)));
        for (hash, row) in &found.references {
            let mut entry = [0; REFERENCE_ENTRY];
            put(&mut entry, 0, &hash.to_be_bytes());
            put(&mut entry, 8, &(base + row).to_be_bytes());
            survey.references.push(&entry);
        }
        for payee in &found.payees {
            let mut entry = [0; PAYEE_ENTRY];
            put(&mut entry, 0, &payee.hash.to_be_bytes());
            put(&mut entry, 8, &(base + payee.row).to_be_bytes());
            put(&mut entry, 12, &payee.amount.to_be_bytes());
            put(&mut entry, 14, &payee.name.to_be_bytes());
            survey.payees.push(&entry);
        }
        survey.references.spill()?;
        survey.payees.spill()?;
        survey.payments.extend(found.payments.drain(..).map(|mut payment| {
            payment.row = payment.row.saturating_add(u64::from(base));
            payment
        }));
        if survey.not_utf8.is_none() {
            survey.not_utf8 = found
                .not_utf8
                .map(|first| FirstByte { line: line.saturating_add(first.line), ..first });
        }
        self.line = line.saturating_add(found.lines);
        Ok(found)
    }

    fn end(self) -> Survey {
        let Gathering {
            rows,
            counts,
            rejected,
            sums,
            doubtful,
            marks,
            references,
            payees,
            payments,
            not_utf8,
            stopped,
        } = self.survey;
        Survey {
            rows,
            counts,
            rejected,
            sums,
            doubtful,
            marks,
            references: references.filled(),
            payees: payees.filled(),
            payments,
            not_utf8,
            stopped,
        }
    }
}

#[inline(always)]
fn put(entry: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(room) = entry.get_mut(at..at + bytes.len()) {
        room.copy_from_slice(bytes);
    }
}
