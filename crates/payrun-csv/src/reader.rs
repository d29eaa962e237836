//! The one pass over a file.

use crate::across;
use crate::header::Header;
use crate::kind::{self, HEAD_LENGTH};
use crate::lines::Lines;
use crate::problem::{Fault, Problem};
use crate::record::Record;
use crate::row::{self, Row};
use crate::rules::Rules;
use crate::source::Hashed;
use crate::{Code, Column, ReadError, Severity, Validated};
use csv::ByteRecord;
use payrun_core::{Amount, Payment, PhoneNumber, Reference, SourceFile, Tally};
use std::collections::HashMap;
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
    rules: Rules,
}

/// What the rows so far held, with the row that held it first.
#[derive(Default)]
struct Seen {
    references: HashMap<Reference, u64>,
    folded: HashMap<String, (Reference, u64)>,
    payees: HashMap<(PhoneNumber, Amount), u64>,
}

impl Seen {
    fn reference(&mut self, reference: &Reference, row: u64) -> Option<Fault> {
        if let Some(first) = self.references.get(reference) {
            return Some(across::duplicate(reference, *first));
        }
        self.references.insert(reference.clone(), row);
        let folded = reference.as_str().to_ascii_lowercase();
        let (other, row) = self.folded.entry(folded).or_insert_with(|| (reference.clone(), row));
        (other != reference).then(|| across::nearly_duplicate(reference, other, *row))
    }

    fn payee(&mut self, payment: &Payment) -> Option<Fault> {
        let key = (payment.payee.phone.clone(), payment.amount);
        let first = *self.payees.entry(key).or_insert(payment.row);
        (first != payment.row).then(|| across::payee_amount_repeated(payment.amount, first))
    }
}

/// The csv crate's record as ours.
fn take(bytes: &ByteRecord, record: &mut Record) {
    record.clear();
    for cell in bytes {
        record.push(cell);
        record.end_cell();
        for _ in cell.iter().filter(|byte| **byte == b'\n') {
            record.add_line();
        }
    }
}

impl Pass {
    fn records(&mut self, body: impl Read) -> io::Result<()> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Lines::new(body));
        let mut bytes = ByteRecord::new();
        let mut record = Record::default();
        let mut header = None;
        while reader.read_byte_record(&mut bytes).map_err(io_error)? {
            let offset = bytes.position().map_or(0, csv::Position::byte);
            let line = reader.get_mut().line_at(offset);
            take(&bytes, &mut record);
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

    fn header(&mut self, record: &Record, line: u64) -> Header {
        let (header, faults) = Header::read(record, &self.rules);
        for fault in faults {
            self.report(Some(line), fault);
        }
        header
    }

    fn row(&mut self, header: &Header, record: &Record, line: u64) {
        self.rows = self.rows.saturating_add(1);
        let rules = self.rules.clone();
        let row = Row { header, record, rules: &rules, number: self.rows, line };
        let standing = row::judge(row, &mut self.problems);
        let mut payment = standing.payment;
        if let Some(reference) = standing.reference
            && let Some(fault) = self.seen.reference(&reference, self.rows)
        {
            payment = payment.filter(|_| fault.code.severity() != Severity::Error);
            self.problems.push(row.problem(Column::Reference, fault));
        }
        if let Some(payment) = &payment
            && let Some(doubt) = self.seen.payee(payment)
        {
            self.problems.push(row.problem(Column::RecipientPhone, doubt));
        }
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
