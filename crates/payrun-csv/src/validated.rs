//! What came of a payment file.

use crate::{Problem, Severity};
use payrun_core::{Payment, SourceFile, Tally};

/// A payment file after validation: all that can be paid, and all that is wrong.
///
/// `rows` = `payments` + `rejected_rows`, always. A file can have errors without rejected rows, when it has no rows
/// at all: ask [`errors`](Self::errors) before paying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validated {
    /// The file's name, and the SHA-256 of its bytes as they are, from the first to the last.
    pub source: SourceFile,
    /// Data rows: neither the header, nor blank lines, nor rows of blank cells.
    pub rows: u64,
    /// The rows without an error, in the order of the file.
    pub payments: Vec<Payment>,
    /// The rows with an error.
    pub rejected_rows: u64,
    /// Every problem of every row, in the order of the file; those of the whole file come first.
    pub problems: Vec<Problem>,
    /// Count and sum of the payments, per currency.
    pub totals: Tally,
}

impl Validated {
    /// How many problems are errors.
    pub fn errors(&self) -> u64 {
        self.count(Severity::Error)
    }

    /// How many problems are warnings.
    pub fn warnings(&self) -> u64 {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> u64 {
        self.problems
            .iter()
            .filter(|problem| problem.severity() == severity)
            .fold(0, |count, _| count.saturating_add(1))
    }
}
