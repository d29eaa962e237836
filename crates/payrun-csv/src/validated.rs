//! What came of a payment file.

use crate::compare::Across;
use crate::counts::Counts;
use crate::effort::Effort;
use crate::explain::{Findings, RowProblems};
use crate::header::Header;
use crate::marks::{Marks, Rows};
use crate::problem::Fault;
use crate::reading::of_file;
use crate::rules::Rules;
use crate::scan::Classes;
use crate::terms::Terms;
use crate::text_file::Kept;
use crate::{Code, Encoding, Problem, Severity};
use payrun_core::{Digest, Payment, SourceFile, Tally};
use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// A payment file after validation: all that can be paid, and all that is wrong.
///
/// Every row is a payment or is rejected. A file can have errors without rejected rows, when it has no rows
/// at all: ask [`is_valid`](Self::is_valid) before paying.
///
/// Problems are not held: their words are made when they are asked for, from the file, which stays open until then.
pub struct Validated {
    /// The file's name, and the SHA-256 of its bytes as they are, from the first to the last; of a file that is over a
    /// limit, of those that were read.
    pub source: SourceFile,
    /// Data rows: neither the header, nor blank lines, nor rows of blank cells.
    pub rows: u64,
    /// The rows without an error, in the order of the file; none if they were not to be kept.
    pub payments: Vec<Payment>,
    /// The rows with an error.
    pub rejected_rows: u64,
    /// Count and sum of the payments, per currency.
    pub totals: Tally,
    /// What separates the columns; `None` if there is no header.
    pub delimiter: Option<u8>,
    /// What the text was read as; `None` if it is no text.
    pub encoding: Option<Encoding>,
    pub(crate) strict: bool,
    pub(crate) file_problems: Vec<Problem>,
    pub(crate) counts: Counts,
    pub(crate) details: Option<Details>,
}

/// What is needed to say what is wrong with the rows.
pub(crate) struct Details {
    pub(crate) text: Kept,
    pub(crate) header: Header,
    /// The cells of the header as they are.
    pub(crate) names: Vec<Vec<u8>>,
    /// Where the rows begin in the text.
    pub(crate) body: u64,
    pub(crate) classes: Classes,
    pub(crate) rules: Rules,
    pub(crate) effort: Effort,
    pub(crate) marks: Marks,
    /// Rows with problems, from 0, ascending.
    pub(crate) rows: Vec<u32>,
    pub(crate) across: Vec<(u32, Across)>,
}

impl Details {
    /// As [`Findings::explain`].
    pub(crate) fn explain<T: Default + Send>(
        &self,
        gather: impl Fn(&mut T, RowProblems) -> io::Result<()> + Sync,
        take: impl FnMut(T) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        let reader = Rows {
            text: &self.text,
            marks: &self.marks,
            classes: &self.classes,
            record_bytes_max: self.rules.limits.record_bytes_max,
        };
        let terms = Terms {
            header: &self.header,
            rules: &self.rules,
            classes: &self.classes,
            effort: self.effort,
        };
        Findings { rows: &self.rows, across: &self.across, reader, terms }.explain(gather, take)
    }

    /// Gives every row with a problem to `take`, in the order of the file, until that has enough.
    ///
    /// # Errors
    /// What `take` says, or that the file cannot be read any more as it was.
    pub(crate) fn each_with_problems(
        &self,
        mut take: impl FnMut(RowProblems) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        let gather = |rows: &mut Vec<RowProblems>, row| {
            rows.push(row);
            Ok(())
        };
        self.explain(gather, |rows| {
            for row in rows {
                if take(row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

impl Validated {
    /// A file that was not read.
    pub(crate) fn refused(fault: Fault, rules: &Rules) -> Self {
        let mut validated = Self {
            source: Self::no_source(),
            rows: 0,
            payments: Vec::new(),
            rejected_rows: 0,
            totals: Tally::default(),
            delimiter: None,
            encoding: None,
            strict: rules.strict,
            file_problems: Vec::new(),
            counts: Counts::default(),
            details: None,
        };
        validated.report(None, fault);
        validated
    }

    /// Until the whole is read.
    pub(crate) fn no_source() -> SourceFile {
        SourceFile { name: String::new(), sha256: Digest::from_bytes([0; 32]) }
    }

    /// Adds a problem of the whole file.
    pub(crate) fn report(&mut self, line: Option<u64>, fault: Fault) {
        self.counts.add(fault.code);
        self.file_problems.push(of_file(line, fault));
    }

    /// Rows without an error.
    pub fn payment_count(&self) -> u64 {
        self.rows.saturating_sub(self.rejected_rows)
    }

    /// How many problems are errors.
    pub fn errors(&self) -> u64 {
        self.counts.severe(Severity::Error)
    }

    /// How many problems are warnings.
    pub fn warnings(&self) -> u64 {
        self.counts.severe(Severity::Warning)
    }

    /// How many problems are of this rule.
    pub fn count(&self, code: Code) -> u64 {
        self.counts.of(code)
    }

    /// Whether nothing is wrong: no error, and under strict rules no warning either.
    pub fn is_valid(&self) -> bool {
        self.errors() == 0 && !(self.strict && self.warnings() > 0)
    }

    /// Whether nothing is wrong once the rows with errors are left out.
    ///
    /// That is not so where an error is of the whole file, such as a control total that differs, or where warnings count
    /// as errors: no row can be left out for them. Nor where nobody can say where a row ends: those behind it went down in it.
    pub fn is_valid_without_rejected_rows(&self) -> bool {
        let warnings_count = self.strict && self.warnings() > 0;
        let is_error = |problem: &Problem| problem.severity() == Severity::Error;
        let swallows = [Code::QuoteNeverClosed, Code::RecordTooLong];
        let is_swallowed = swallows.into_iter().any(|code| self.count(code) > 0);
        !warnings_count && !is_swallowed && !self.file_problems.iter().any(is_error)
    }

    /// Whether it was read by [`strict`](Rules::strict) rules.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Gives every problem to `take`, one after another, until that has enough: those of the whole file first, then row
    /// by row.
    ///
    /// # Errors
    /// What `take` says, or that the file cannot be read any more as it was.
    pub fn each_problem(
        &self,
        mut take: impl FnMut(Problem) -> io::Result<ControlFlow<()>>,
    ) -> io::Result<()> {
        for problem in &self.file_problems {
            if take(problem.clone())?.is_break() {
                return Ok(());
            }
        }
        let Some(details) = &self.details else { return Ok(()) };
        details.each_with_problems(|row| {
            for problem in row.problems {
                if take(problem)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Writes every problem in the order of [`each_problem`](Self::each_problem), each by `form`, which several threads
    /// call side by side: the fast way to many problems.
    ///
    /// # Errors
    /// What `writer` or `form` says, or that the file cannot be read any more as it was.
    pub fn write_problems(
        &self,
        mut writer: impl Write,
        form: impl Fn(&mut Vec<u8>, &Problem) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        let mut of_file = Vec::new();
        self.file_problems.iter().try_for_each(|problem| form(&mut of_file, problem))?;
        writer.write_all(&of_file)?;
        let Some(details) = &self.details else { return Ok(()) };
        let gather = |text: &mut Vec<u8>, row: RowProblems| {
            row.problems.iter().try_for_each(|problem| form(text, problem))
        };
        details.explain(gather, |text| {
            writer.write_all(&text)?;
            Ok(ControlFlow::Continue(()))
        })
    }

    /// Every problem, those of the whole file first, then row by row. Of a large file they may be many.
    ///
    /// # Errors
    /// That the file cannot be read any more as it was.
    pub fn problems(&self) -> io::Result<Vec<Problem>> {
        let mut problems = Vec::new();
        self.each_problem(|problem| {
            problems.push(problem);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(problems)
    }
}

/// Counts only: a file is personal data.
impl fmt::Debug for Validated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validated")
            .field("rows", &self.rows)
            .field("rejected_rows", &self.rejected_rows)
            .field("errors", &self.errors())
            .field("warnings", &self.warnings())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Expected, Reading, Rules};

    #[test]
    fn only_rows_can_be_left_out() {
        let row = "Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1\n";
        let bad = "Joan Doe,joan@example.com,+254712345679,1.000,KES,EMP-2\n";
        let doubt = "Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-3\n";
        // The quotation mark swallows what stands behind it.
        let open = "\"Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-4\n";
        let header = "name,email,phone,amount,currency,reference\n";
        let (mut one, mut two) = (Expected::default(), Expected::default());
        (one.count, two.count) = (Some(1), Some(2));
        for (rows, expected, strict, sound) in [
            (vec![row], &one, false, true),
            (vec![row, bad], &one, false, true),
            // The control total counts what is left.
            (vec![row, bad], &two, false, false),
            (vec![row, doubt], &two, false, true),
            (vec![row, doubt], &two, true, false),
            (vec![row, open, row], &one, false, false),
            (vec![bad], &one, false, false),
            (vec![], &one, false, false),
        ] {
            let rules = Rules { strict, expected: expected.clone(), ..Rules::default() };
            let file = format!("{header}{}", rows.concat());
            let validated = Reading::new(rules).input(file.as_bytes(), "june.csv").unwrap();
            assert_eq!(validated.is_valid_without_rejected_rows(), sound, "{file}");
        }
    }
}
