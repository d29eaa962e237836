//! A file from its first byte to what is wrong with it: open, header, first pass, comparison.

use crate::across;
use crate::compare::{self, Across, Compared};
use crate::effort::Effort;
use crate::explain;
use crate::first::{self, First};
use crate::marks::Rows;
use crate::opened::{self, Opened, Text};
use crate::pieces::Pieces;
use crate::problem::{Fault, Problem};
use crate::rules::Rules;
use crate::source::Hashed;
use crate::survey::{Asked, Stopped, Survey, survey};
use crate::validated::{Details, Validated};
use crate::{Code, Encoding, ReadError};
use payrun_core::{Payment, SourceFile};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How a payment file is to be read: by which rules, and what is kept of it.
///
/// ```
/// use payrun_csv::{Reading, Rules};
/// let rules = Rules { delimiter: Some(b';'), ..Rules::default() };
/// let file = "name;email;phone;amount;currency;reference\n\
///             Jane Doe;jane@example.com;+254712345678;1500;KES;EMP-1\n";
/// let validated = Reading::new(rules).input(file.as_bytes(), "june.csv")?;
/// assert_eq!((validated.rows, validated.errors()), (1, 0));
/// # Ok::<(), payrun_csv::ReadError>(())
/// ```
pub struct Reading<'w> {
    rules: Rules,
    keep: bool,
    watch: Option<&'w dyn Fn(u64)>,
    effort: Effort,
}

impl<'w> Reading<'w> {
    /// By `rules`; payments are kept.
    pub fn new(rules: Rules) -> Self {
        Self { rules, keep: true, watch: None, effort: Effort::default() }
    }

    /// Counts payments without keeping them: whoever only validates needs no memory for them.
    #[must_use]
    pub fn without_payments(mut self) -> Self {
        self.keep = false;
        self
    }

    /// Tells `watch` now and then how many bytes of the text were read so far.
    #[must_use]
    pub fn watched(mut self, watch: &'w dyn Fn(u64)) -> Self {
        self.watch = Some(watch);
        self
    }

    #[cfg(test)]
    pub(crate) fn with_effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Reads a file from its path. The source is named by the last part of the path.
    ///
    /// # Errors
    /// [`ReadError`] if the file cannot be read to its end; whatever is wrong inside it is a problem, not an error.
    pub fn file(self, path: impl AsRef<Path>) -> Result<Validated, ReadError> {
        let path = path.as_ref();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let read = || {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let again = file.metadata()?.is_file().then(|| file.try_clone()).transpose()?;
            self.read(file, again, &name)
        };
        read().map_err(|error| ReadError::new(path, error))
    }

    /// Reads from anywhere, such as standard input; what does not fit into a little memory is kept in a temporary file
    /// that nobody else can open. `name` is what it is called in reports.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn input(self, input: impl Read, name: &str) -> Result<Validated, ReadError> {
        self.read(input, None, name).map_err(|error| ReadError::new(Path::new(name), error))
    }

    fn read(self, input: impl Read, file: Option<File>, name: &str) -> io::Result<Validated> {
        let mut raw = Hashed::new(input);
        let mut validated = match self.opened(&raw, file) {
            Ok(Ok(validated)) => validated,
            Ok(Err(fault)) => Validated::refused(fault, &self.rules),
            Err(error) if opened::is_damaged(&error) => {
                Validated::refused(opened::damaged(), &self.rules)
            }
            Err(error) => return Err(error),
        };
        raw.drain(self.rules.limits.bytes_max)?;
        validated.source = SourceFile { name: name.to_owned(), sha256: raw.digest() };
        Ok(validated)
    }

    fn opened<R: Read>(
        &self,
        raw: &Hashed<R>,
        file: Option<File>,
    ) -> io::Result<Result<Validated, Fault>> {
        let Opened { text, encoding, mark } = match opened::open(raw, file, &self.rules)? {
            Ok(opened) => opened,
            Err(fault) => return Ok(Err(fault)),
        };
        let limits = &self.rules.limits;
        let mut pieces = Pieces::new(text, self.effort.piece_bytes, limits.record_bytes_max);
        pieces.head(mark)?;
        pieces.skip(mark);
        let first = match first::first(&mut pieces, &self.rules)? {
            Ok(first) => first,
            Err(fault) => return Ok(Err(fault)),
        };
        let asked =
            Asked { keep: self.keep, line: first.next_line, watch: self.watch.unwrap_or(&|_| {}) };
        let survey = survey(&mut pieces, first.terms(&self.rules, self.effort), asked)?;
        self.compared(pieces, first, survey, encoding).map(Ok)
    }

    /// Compares the rows and puts everything together.
    fn compared(
        &self,
        pieces: Pieces<Text<'_>>,
        first: First,
        mut survey: Survey,
        encoding: Encoding,
    ) -> io::Result<Validated> {
        let text = pieces.into_input().kept()?;
        let terms = first.terms(&self.rules, self.effort);
        let reader = Rows {
            text: &text,
            marks: &survey.marks,
            classes: terms.classes,
            record_bytes_max: self.rules.limits.record_bytes_max,
        };
        let Compared { found: mut across, taken } =
            compare::references(&survey.references, reader, terms)?;
        let payees = compare::payees(&survey.payees, &taken, reader, terms)?;
        for taken in &taken {
            if let Some((currency, hundredths)) = taken.paid {
                survey.sums.take_out(currency, hundredths);
                survey.rejected += 1;
            }
        }
        let is_taken = |payment: &Payment| {
            let row = u32::try_from(payment.row.saturating_sub(1)).unwrap_or(u32::MAX);
            taken.binary_search_by_key(&row, |taken| taken.row).is_ok()
        };
        survey.payments.retain(|payment| !is_taken(payment));
        across.extend(payees);
        across.sort_by_key(|(row, _)| *row);
        for (_, across) in &across {
            survey.counts.add(explain::code(across));
        }
        let rows = merged(std::mem::take(&mut survey.doubtful), &across);
        let mut validated = Validated {
            source: Validated::no_source(),
            rows: u64::from(survey.rows),
            payments: survey.payments,
            rejected_rows: survey.rejected,
            totals: survey.sums.tally().map_err(io::Error::other)?,
            delimiter: Some(first.classes.delimiter()),
            encoding: Some(encoding),
            strict: self.rules.strict,
            file_problems: Vec::new(),
            counts: survey.counts,
            details: Some(Details {
                text,
                header: first.header,
                names: first.names,
                body: first.body,
                classes: first.classes,
                rules: self.rules.clone(),
                effort: self.effort,
                marks: survey.marks,
                rows,
                across,
            }),
        };
        for fault in first.faults {
            validated.report(Some(first.line), fault);
        }
        if let Some(first) = survey.not_utf8 {
            validated.report(Some(first.line), not_utf8(first.byte));
        }
        if let Some(stopped) = survey.stopped {
            validated.report(None, too_large(stopped, &self.rules));
        } else {
            self.totals(&mut validated);
        }
        Ok(validated)
    }

    /// What is to be said of the payments as a whole.
    fn totals(&self, validated: &mut Validated) {
        if validated.rows == 0 {
            validated.report(
                None,
                Fault::new(
                    Code::FileWithoutPayments,
                    "The file has a header and no payments.",
                    "Check that this is the right file, or the right sheet of it.",
                ),
            );
        }
        let expected = &self.rules.expected;
        let found = validated.payment_count();
        if let Some(count) = expected.count.filter(|count| *count != found) {
            validated.report(None, across::count_differs(count, found));
        }
        for total in &expected.totals {
            let found = validated.totals.get(total.currency()).sum;
            if found != *total {
                validated.report(None, across::total_differs(*total, found));
            }
        }
    }
}

/// Rows with a problem of either kind, ascending, each once.
fn merged(mut doubtful: Vec<u32>, across: &[(u32, Across)]) -> Vec<u32> {
    if !across.is_empty() {
        doubtful.extend(across.iter().map(|(row, _)| *row));
        doubtful.sort_unstable();
        doubtful.dedup();
    }
    doubtful
}

fn not_utf8(byte: u8) -> Fault {
    let windows = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.into_owned();
    Fault::new(
        Code::FileNotUtf8,
        format!(
            "The file is not UTF-8: the byte {byte:02X} stands where text should; in Windows-1252 it is \"{windows}\"."
        ),
        "Save the file as CSV UTF-8; or, if the letters are right that way, pass --encoding windows-1252.",
    )
}

fn too_large(stopped: Stopped, rules: &Rules) -> Fault {
    match stopped {
        Stopped::Rows => Fault::new(
            Code::FileTooManyRows,
            format!("The file has more than {} rows.", rules.limits.rows_max),
            "Split it into several files, or allow more rows with --max-rows.",
        ),
        Stopped::Bytes => Fault::new(
            Code::FileTooLarge,
            format!("The file is larger than {} bytes.", rules.limits.bytes_max),
            "Split it into several files, or allow more bytes with --max-bytes.",
        ),
    }
}

/// Reads a payment file from its path, by the default rules.
///
/// # Errors
/// [`ReadError`] if the file cannot be read to its end; whatever is wrong inside it is a problem, not an error.
pub fn read_file(path: impl AsRef<Path>) -> Result<Validated, ReadError> {
    Reading::new(Rules::default()).file(path)
}

/// Reads a payment file from anywhere, by the default rules. `name` is what it is called in reports.
///
/// # Errors
/// As [`read_file`].
pub fn read(input: impl Read, name: &str) -> Result<Validated, ReadError> {
    Reading::new(Rules::default()).input(input, name)
}

/// A problem of the whole file.
pub(crate) fn of_file(line: Option<u64>, fault: Fault) -> Problem {
    Problem {
        code: fault.code,
        row: None,
        line,
        column: None,
        value: None,
        message: fault.message,
        hint: fault.hint,
    }
}

#[cfg(test)]
mod inputs;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
