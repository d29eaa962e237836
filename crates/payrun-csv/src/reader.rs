//! The one pass over a file.

use crate::duplicates::Seen;
use crate::header::Header;
use crate::kind::{self, HEAD_LENGTH};
use crate::lines::Lines;
use crate::problem::{Fault, Problem};
use crate::row::{self, Row};
use crate::source::Hashed;
use crate::{Code, ReadError, Validated};
use csv::ByteRecord;
use payrun_core::{Payment, SourceFile, Tally};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

/// Reads a payment file from its path. The source is named by the last part of the path.
///
/// # Errors
/// [`ReadError`] if the file cannot be read to its end; whatever is wrong inside it is a problem, not an error.
pub fn read_file(path: impl AsRef<Path>) -> Result<Validated, ReadError> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| ReadError::new(path, error))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    whole(file, &name.to_string_lossy()).map_err(|error| ReadError::new(path, error))
}

/// Reads a payment file from anywhere. `name` is what it is called in reports.
///
/// # Errors
/// [`ReadError`] if the input cannot be read to its end; whatever is wrong inside it is a problem, not an error.
pub fn read(input: impl Read, name: &str) -> Result<Validated, ReadError> {
    whole(input, name).map_err(|error| ReadError::new(Path::new(name), error))
}

fn whole(input: impl Read, name: &str) -> io::Result<Validated> {
    let mut input = Hashed::new(input);
    let mut pass = Pass::default();
    let head = input.head(HEAD_LENGTH)?;
    if let Some(fault) = kind::not_csv(&head) {
        pass.report(None, fault);
    } else {
        // A byte order mark is passed over by the CSV reader.
        pass.records(Cursor::new(&head).chain(&mut input))?;
    }
    Ok(Validated {
        source: SourceFile { name: name.to_owned(), sha256: input.finish()? },
        rows: pass.rows,
        payments: pass.payments,
        rejected_rows: pass.rejected_rows,
        problems: pass.problems,
        totals: pass.totals,
    })
}

/// What was found so far.
#[derive(Default)]
struct Pass {
    rows: u64,
    payments: Vec<Payment>,
    rejected_rows: u64,
    problems: Vec<Problem>,
    totals: Tally,
    seen: Seen,
}

impl Pass {
    fn records(&mut self, body: impl Read) -> io::Result<()> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Lines::new(body));
        let mut record = ByteRecord::new();
        let mut header = None;
        while reader.read_byte_record(&mut record).map_err(io_error)? {
            let offset = record.position().map_or(0, csv::Position::byte);
            let line = reader.get_mut().line_at(offset);
            if row::is_blank(&record) {
                continue;
            }
            match &header {
                None => header = Some(self.header(&record, line)),
                Some(header) => self.row(header, &record, line),
            }
        }
        self.end(header.is_some());
        Ok(())
    }

    fn header(&mut self, record: &ByteRecord, line: u64) -> Header {
        let (header, faults) = Header::read(record);
        for fault in faults {
            self.report(Some(line), fault);
        }
        header
    }

    fn row(&mut self, header: &Header, record: &ByteRecord, line: u64) {
        self.rows = self.rows.saturating_add(1);
        let row = Row { header, record, number: self.rows, line };
        let payment = row::judge(row, &mut self.seen, &mut self.problems);
        // A sum that cannot be held exactly takes 10¹⁴ payments of the largest amount; the row is refused all the same.
        match payment.filter(|payment| self.totals.add(payment.amount).is_ok()) {
            Some(payment) => self.payments.push(payment),
            None => self.rejected_rows = self.rejected_rows.saturating_add(1),
        }
    }

    fn end(&mut self, has_header: bool) {
        if !has_header {
            self.report(
                None,
                Fault::new(
                    Code::FileEmpty,
                    "The file is empty.",
                    "Check that this is the right file, and that it was saved.",
                ),
            );
        } else if self.rows == 0 {
            self.report(
                None,
                Fault::new(
                    Code::FileWithoutPayments,
                    "The file has a header and no payments.",
                    "Check that this is the right file, or the right sheet of it.",
                ),
            );
        }
    }

    /// A problem of the whole file.
    fn report(&mut self, line: Option<u64>, fault: Fault) {
        self.problems.push(Problem {
            code: fault.code,
            row: None,
            line,
            column: None,
            value: None,
            message: fault.message,
            hint: fault.hint,
        });
    }
}

/// Records of bytes and of any length have no errors of their own.
fn io_error(error: csv::Error) -> io::Error {
    let text = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { io::Error::other(text) }
}

#[cfg(test)]
mod tests;
