//! The second pass: the words for what is wrong, made for the rows that need them, in the order of the file.

use crate::compare::Across;
use crate::marks::{Reread, Rows};
use crate::problem::{Fault, Problem};
use crate::row::{self, Row, Standing};
use crate::terms::Terms;
use crate::{Code, Column, abreast, across};
use payrun_core::Payment;
use std::io;
use std::ops::ControlFlow;

/// Rows that one thread takes at a time.
const AT_A_TIME: usize = 1024;

/// A row, and every problem that it has.
pub(crate) struct RowProblems {
    /// From 0.
    pub(crate) row: u32,
    pub(crate) problems: Vec<Problem>,
}

/// What the passes before have found.
#[derive(Clone, Copy)]
pub(crate) struct Findings<'s> {
    /// Rows with a problem of their own or one with another row, from 0; ascending.
    pub(crate) rows: &'s [u32],
    /// By row.
    pub(crate) across: &'s [(u32, Across)],
    pub(crate) reader: Rows<'s>,
    pub(crate) terms: Terms<'s>,
}

impl Findings<'_> {
    /// Gathers the rows with a problem, so many at a time, by `gather`, and gives what came of them to `take` in the order
    /// of the file, until that has enough. `gather` is called by several threads, each with rows of its own.
    ///
    /// # Errors
    /// What `gather` or `take` says, or that the file cannot be read any more as it was.
    pub(crate) fn explain<T: Default + Send>(
        self,
        gather: impl Fn(&mut T, RowProblems) -> io::Result<()> + Sync,
        mut take: impl FnMut(T) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        let mut parts = self.rows.chunks(AT_A_TIME);
        abreast::in_order(
            self.terms.effort.threads.min(parts.len()),
            || Ok(parts.next()),
            |(): &mut (), part| self.part(part, &gather),
            |gathered| take(gathered?),
        )
    }

    fn part<T: Default>(
        self,
        rows: &[u32],
        gather: impl Fn(&mut T, RowProblems) -> io::Result<()>,
    ) -> io::Result<T> {
        let (mut gathered, mut outcome) = (T::default(), Ok(()));
        self.reader.see(rows, |reread| {
            if outcome.is_ok() {
                let problems = self.row(&reread);
                outcome = gather(&mut gathered, RowProblems { row: reread.row, problems });
            }
        })?;
        outcome.map(|()| gathered)
    }

    fn row(self, reread: &Reread<'_>) -> Vec<Problem> {
        let Terms { header, rules, .. } = self.terms;
        let number = u64::from(reread.row).saturating_add(1);
        let row = Row { header, rules, record: reread.record, number, line: reread.line };
        let mut problems = Vec::new();
        let standing = row::judge(row, &mut problems);
        let first = self.across.partition_point(|(other, _)| *other < reread.row);
        let across = self.across.get(first..).unwrap_or_default();
        let across = across.iter().take_while(|(other, _)| *other == reread.row);
        for (_, across) in across {
            if let Some((column, fault)) = words(&standing, across) {
                problems.push(row.problem(column, fault));
            }
        }
        problems
    }
}

/// The rule that a comparison is of.
pub(crate) fn code(across: &Across) -> Code {
    match across {
        Across::Duplicate { .. } => Code::ReferenceDuplicate,
        Across::Nearly { .. } => Code::ReferenceNearlyDuplicate,
        Across::Repeated { .. } => Code::PayeeAmountRepeated,
        Across::TwoNames { .. } => Code::PayeeTwoNames,
    }
}

/// The words for what a row has in common with an earlier one, and the column that shows it.
fn words(standing: &Standing, across: &Across) -> Option<(Column, Fault)> {
    let payment = standing.payment.as_ref();
    let reference = standing.reference.as_ref().or(payment.map(|payment| &payment.reference));
    let row = |first: u32| u64::from(first).saturating_add(1);
    Some(match across {
        Across::Duplicate { first } => {
            (Column::Reference, across::duplicate(reference?, row(*first)))
        }
        Across::Nearly { first, other } => {
            (Column::Reference, across::nearly_duplicate(reference?, other, row(*first)))
        }
        Across::Repeated { first } => {
            let payment = payment?;
            (payee_column(payment), across::payee_amount_repeated(payment.amount, row(*first)))
        }
        Across::TwoNames { first, other } => {
            let name = &payment?.payee.name;
            (Column::RecipientName, across::phone_of_two_names(name, other, row(*first)))
        }
    })
}

/// The column that says where the money goes.
fn payee_column(payment: &Payment) -> Column {
    match payment.rail.kind() {
        payrun_core::RailKind::MobileMoney => Column::RecipientPhone,
        payrun_core::RailKind::Bank
        | payrun_core::RailKind::Paybill
        | payrun_core::RailKind::Till => Column::AccountNumber,
    }
}
