//! One piece of the text, looked at from its first row to its last. Numbers of rows and lines count from its beginning.

use crate::counts::Counts;
use crate::glance::Glance;
use crate::marks::{self, Mark};
use crate::pieces::{Cut, Piece};
use crate::problem::Problem;
use crate::record::Record;
use crate::row::{self, Row, Standing};
use crate::scan::{Cells, Special, Splitter, fill};
use crate::sums::Sums;
use crate::terms::Terms;
use crate::weight::{self, Weight};
use crate::{Code, Severity};
use payrun_core::Payment;

/// Looks at pieces; every thread has the same one.
pub(super) struct Look<'s> {
    terms: Terms<'s>,
    keep: bool,
    /// None where no row can be clean.
    glance: Option<Glance>,
}

/// What was found in a piece.
#[derive(Default)]
pub(super) struct Found {
    pub(super) rows: u32,
    pub(super) lines: u64,
    /// Where it ends in the whole text.
    pub(super) end: u64,
    pub(super) counts: Counts,
    pub(super) rejected: u32,
    pub(super) sums: Sums,
    pub(super) doubtful: Vec<u32>,
    pub(super) marks: Vec<Mark>,
    pub(super) cuts: Vec<(u32, Cut)>,
    /// Hash and row of each reference.
    pub(super) references: Vec<(u64, u32)>,
    pub(super) payees: Vec<Payee>,
    pub(super) payments: Vec<Payment>,
    pub(super) not_utf8: Option<FirstByte>,
    /// The room of the piece, to be used again.
    pub(super) room: Vec<u8>,
}

/// A payment when payees are compared.
pub(super) struct Payee {
    pub(super) hash: u64,
    pub(super) row: u32,
    pub(super) amount: u16,
    pub(super) name: u32,
}

/// The first byte of a file that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstByte {
    /// The line on which its row starts.
    pub(crate) line: u64,
    pub(crate) byte: u8,
}

impl<'s> Look<'s> {
    pub(super) fn new(terms: Terms<'s>, keep: bool) -> Self {
        Self { terms, keep, glance: Glance::new(terms.header, terms.rules) }
    }

    /// Everything in a piece.
    pub(super) fn at(&self, piece: Piece, mut found: Found, closer: &mut Closer) -> Found {
        let length = u64::try_from(piece.text().len()).unwrap_or(u64::MAX);
        found.end = piece.offset.saturating_add(length);
        match piece.cut {
            Some(cut) => self.cut_row(&piece, cut, &mut found, closer),
            None => self.rows(&piece, &mut found, closer),
        }
        found.room = piece.into_room();
        found
    }

    fn rows(&self, piece: &Piece, found: &mut Found, closer: &mut Closer) {
        let text = piece.text();
        let room = std::mem::take(&mut closer.specials);
        let width = self.terms.header.width();
        let mut splitter = Splitter::with_room(text, self.terms.classes, width, room);
        let mut cells = Cells::default();
        while splitter.next(&mut cells) {
            let glance = self.glance.as_ref();
            let clean = glance.and_then(|glance| glance.row(text, &cells, &mut closer.room));
            if clean.is_none()
                && marks::is_blank(text, &cells, &mut closer.record, self.terms.classes)
            {
                continue;
            }
            found.mark(piece.offset, cells.start, cells.line);
            match clean {
                Some(weight) if !self.keep => found.weigh(weight),
                _ => {
                    let bytes_max = self.terms.rules.limits.record_bytes_max;
                    let record = &mut closer.record;
                    marks::take(record, text, &cells, bytes_max, self.terms.classes);
                    self.judge(found, closer, cells.line);
                }
            }
            found.rows += 1;
        }
        found.lines = splitter.lines();
        closer.specials = splitter.into_room();
    }

    /// A piece that is the beginning of one row.
    fn cut_row(&self, piece: &Piece, cut: Cut, found: &mut Found, closer: &mut Closer) {
        fill(&mut closer.record, piece.text(), self.terms.classes);
        closer.record.cut(cut);
        found.mark(piece.offset, 0, 0);
        found.cuts.push((0, cut));
        self.judge(found, closer, 0);
        found.rows = 1;
        found.lines = cut.lines;
    }

    /// Judges the row that stands in `closer`.
    fn judge(&self, found: &mut Found, closer: &mut Closer, line: u64) {
        let number = u64::from(found.rows).saturating_add(1);
        let Terms { header, rules, .. } = self.terms;
        let row = Row { header, rules, record: &closer.record, number, line };
        closer.problems.clear();
        let Standing { reference, payment } = row::judge(row, &mut closer.problems);
        for problem in &closer.problems {
            found.counts.add(problem.code);
        }
        if !closer.problems.is_empty() {
            found.doubtful.push(found.rows);
        }
        if found.not_utf8.is_none()
            && closer.problems.iter().any(|problem| problem.code == Code::CellNotUtf8)
        {
            found.not_utf8 =
                closer.record.cells().find_map(first_not_utf8).map(|byte| FirstByte { line, byte });
        }
        let weight = payment.as_ref().and_then(Weight::of);
        match (payment, weight) {
            (Some(payment), Some(weight)) => {
                found.weigh(weight);
                if self.keep {
                    found.payments.push(payment);
                }
            }
            _ => {
                debug_assert!(
                    !header.is_usable()
                        || closer
                            .problems
                            .iter()
                            .any(|problem| problem.severity() == Severity::Error)
                );
                found.rejected += 1;
                if let Some(reference) = reference {
                    found
                        .references
                        .push((weight::reference(reference.as_str().as_bytes()), found.rows));
                }
            }
        }
    }
}

impl Found {
    /// Nothing, with the same room.
    pub(super) fn emptied(mut self) -> Self {
        self.doubtful.clear();
        self.marks.clear();
        self.cuts.clear();
        self.references.clear();
        self.payees.clear();
        self.payments.clear();
        Self {
            doubtful: self.doubtful,
            marks: self.marks,
            cuts: self.cuts,
            references: self.references,
            payees: self.payees,
            payments: self.payments,
            room: self.room,
            ..Self::default()
        }
    }

    /// Sets a mark at the row that begins at `start` if the last one is far enough.
    fn mark(&mut self, offset: u64, start: usize, line: u64) {
        let offset = offset.saturating_add(u64::try_from(start).unwrap_or(u64::MAX));
        let is_near = self.marks.last().is_some_and(|mark| {
            u64::from(self.rows - mark.row) < marks::ROWS_MAX
                && offset - mark.offset < marks::BYTES_MAX
        });
        if !is_near {
            self.marks.push(Mark { row: self.rows, offset, line });
        }
    }

    /// Counts a payment.
    #[inline]
    fn weigh(&mut self, weight: Weight) {
        self.sums.add(weight.currency, weight.hundredths);
        self.references.push((weight.reference, self.rows));
        let Weight { payee, name, .. } = weight;
        self.payees.push(Payee { hash: payee, row: self.rows, amount: weight.amount(), name });
    }
}

/// What is needed for a closer look, used again for the next.
#[derive(Default)]
pub(super) struct Closer {
    record: Record,
    problems: Vec<Problem>,
    room: Vec<u8>,
    specials: Vec<Special>,
}

fn first_not_utf8(cell: &[u8]) -> Option<u8> {
    let error = std::str::from_utf8(cell).err()?;
    cell.get(error.valid_up_to()).copied()
}
