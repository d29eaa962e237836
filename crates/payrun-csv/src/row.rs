//! One row: every cell judged, all its problems at once, and a payment if there is no error among them.

use crate::duplicates::Seen;
use crate::header::Header;
use crate::problem::{Fault, Problem};
use crate::text::{cut_bytes, trimmed, visible};
use crate::{Code, Column, Severity, amount, currency, email, metadata, network, phone, reference};
use csv::ByteRecord;
use payrun_core::{Currency, Payee, Payment, PhoneNumber, Reference, WalletId};

/// A record of the file, with its place.
#[derive(Clone, Copy)]
pub(crate) struct Row<'r> {
    pub(crate) header: &'r Header,
    pub(crate) record: &'r ByteRecord,
    /// Among the data rows, from 1.
    pub(crate) number: u64,
    /// Where it starts, from 1.
    pub(crate) line: u64,
}

/// Whether every cell is blank, as in the rows that spreadsheets leave at the end.
pub(crate) fn is_blank(record: &ByteRecord) -> bool {
    record.iter().all(|cell| trimmed(cell).is_empty())
}

/// Judges a row. What it finds goes to `problems`; there is a payment only if none of it is an error.
pub(crate) fn judge(row: Row<'_>, seen: &mut Seen, problems: &mut Vec<Problem>) -> Option<Payment> {
    let before = problems.len();
    let mut judge = Judge { row, problems };
    if let Some(fault) = row.ragged() {
        judge.report_at(None, fault);
        return None;
    }
    if !judge.is_readable() {
        return None;
    }
    let payment = judge.payment(seen);
    let found = judge.problems.get(before..).unwrap_or_default();
    let faulty = found.iter().any(|problem| problem.severity() == Severity::Error);
    let payment = payment.filter(|_| !faulty && row.header.is_usable())?;
    if let Some(doubt) = seen.payee(&payment) {
        judge.report(Column::RecipientPhone, doubt);
    }
    Some(payment)
}

impl<'r> Row<'r> {
    fn ragged(self) -> Option<Fault> {
        let (width, cells) = (self.header.width(), self.record.len());
        let (code, hint) = match cells.cmp(&width) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less => {
                (Code::RowTooShort, "Compare the row with the header, and fill in what is missing.")
            }
            std::cmp::Ordering::Greater => {
                (Code::RowTooLong, "Put quotation marks around the cell that has a comma inside.")
            }
        };
        let several_lines = self.record.as_slice().contains(&b'\n');
        let hint = if several_lines {
            "Look for a quotation mark that is never closed: the row runs over several lines."
        } else {
            hint
        };
        let message = format!(
            "The row has {cells} cell{} but the header has {width}.",
            if cells == 1 { "" } else { "s" }
        );
        Some(Fault::new(code, message, hint))
    }

    /// The cell's text without blanks around it; `None` if the header lacks the column.
    fn text(self, column: Column) -> Option<&'r str> {
        let cell = self.record.get(self.header.place(column)?)?;
        std::str::from_utf8(trimmed(cell)).ok()
    }
}

struct Judge<'r, 'p> {
    row: Row<'r>,
    problems: &'p mut Vec<Problem>,
}

impl<'r> Judge<'r, '_> {
    /// Whether all cells are text, those of columns that payrun does not know too.
    fn is_readable(&mut self) -> bool {
        let mut readable = true;
        for (place, cell) in self.row.record.iter().enumerate() {
            let fault = if std::str::from_utf8(cell).is_err() {
                Fault::new(
                    Code::CellNotUtf8,
                    "The cell is not UTF-8 text, so its letters cannot be read.",
                    "Save the file as CSV UTF-8.",
                )
            } else if cell.contains(&0) {
                Fault::new(
                    Code::CellNul,
                    "The cell holds a NUL byte, which never belongs into text.",
                    "Type the cell anew, or save the file as CSV UTF-8 once more.",
                )
            } else {
                continue;
            };
            self.report_at(Some(place), fault);
            readable = false;
        }
        readable
    }

    /// Judges every cell, and only then says whether there is a payment.
    fn payment(&mut self, seen: &mut Seen) -> Option<Payment> {
        let name = self.cell(Column::RecipientName, name);
        let email = self.cell(Column::RecipientEmail, email::read);
        let currency = self.cell(Column::Currency, currency::read);
        let phone = self.phone(currency);
        let amount = self.cell(Column::Amount, |text| amount::read(text, currency));
        let reference = self.reference(seen);
        let description = self.optional(Column::Description, |text| Ok(text.to_owned()));
        let metadata = self.optional(Column::Metadata, metadata::check);
        let network = self.optional(Column::Network, network::read);
        let wallet = self.optional(Column::Wallet, |text| Ok(text.to_owned()));
        metadata?;
        let payee = Payee { name: name?, email: email?, phone: phone? };
        Some(Payment {
            row: self.row.number,
            reference: reference?,
            payee,
            amount: amount??,
            network: network?.flatten(),
            wallet: wallet?.filter(|text| !text.is_empty()).map(WalletId::new),
            description: description?.filter(|text| !text.is_empty()),
        })
    }

    fn phone(&mut self, currency: Option<Currency>) -> Option<PhoneNumber> {
        let column = Column::RecipientPhone;
        let phone = self.cell(column, |text| phone::read(text, currency))?;
        if let Some(doubt) = currency.and_then(|currency| phone::other_country(&phone, currency)) {
            self.report(column, doubt);
        }
        Some(phone)
    }

    fn reference(&mut self, seen: &mut Seen) -> Option<Reference> {
        let reference = self.cell(Column::Reference, reference::read)?;
        if let Some(fault) = seen.reference(&reference, self.row.number) {
            self.report(Column::Reference, fault);
        }
        Some(reference)
    }

    /// What the rule makes of a cell; `None` if it is at fault or the header lacks it.
    fn cell<T>(
        &mut self,
        column: Column,
        rule: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.row.text(column)?;
        let visible = if column.is_free_text() { Ok(text) } else { visible(text) };
        match visible.and_then(rule) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.report(column, fault);
                None
            }
        }
    }

    /// As [`cell`](Self::cell), but a column that the header lacks is no fault.
    fn optional<T>(
        &mut self,
        column: Column,
        rule: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<Option<T>> {
        match self.row.header.place(column) {
            Some(_) => self.cell(column, rule).map(Some),
            None => Some(None),
        }
    }

    fn report(&mut self, column: Column, fault: Fault) {
        self.report_at(self.row.header.place(column), fault);
    }

    fn report_at(&mut self, place: Option<usize>, fault: Fault) {
        let name = place.and_then(|place| self.row.header.name(place));
        let cell = place.and_then(|place| self.row.record.get(place));
        self.problems.push(Problem {
            code: fault.code,
            row: Some(self.row.number),
            line: Some(self.row.line),
            column: name.map(str::to_owned),
            value: cell.map(cut_bytes),
            message: fault.message,
            hint: fault.hint,
        });
    }
}

fn name(text: &str) -> Result<String, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::NameEmpty,
            "The name is missing.",
            "Enter the full name of who is paid.",
        ));
    }
    Ok(text.to_owned())
}
