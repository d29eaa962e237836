//! One row: every cell judged, all its problems at once, and a payment if there is no error among them.
//!
//! Nothing here looks at another row; what only shows when rows are compared is found by the pass over the file, which
//! places it with [`Row::problem`].

use crate::country::{self, Country};
use crate::header::Header;
use crate::problem::{Fault, Problem};
use crate::record::{Oddity, Record};
use crate::rules::Rules;
use crate::text::{cut_bytes, is_plain, trimmed, visible, visible_free_text};
use crate::{
    Code, Column, Severity, amount, currency, description, email, formula, metadata, name, network,
    phone, policy, quote, rail, reference,
};
use payrun_core::{
    Amount, BankAccount, Currency, Payee, Payment, PhoneNumber, Rail, RailKind, Reference, WalletId,
};

/// A record of the file, with its place.
#[derive(Clone, Copy)]
pub(crate) struct Row<'r> {
    pub(crate) header: &'r Header,
    pub(crate) record: &'r Record,
    pub(crate) rules: &'r Rules,
    /// Among the data rows, from 1.
    pub(crate) number: u64,
    /// Where it starts, from 1.
    pub(crate) line: u64,
}

/// What came of a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Even of a row with errors, as long as it is a reference.
    pub(crate) reference: Option<Reference>,
    /// If there is no error, and the header can be used.
    pub(crate) payment: Option<Payment>,
}

/// Whether every cell is blank, as in the rows that spreadsheets leave at the end.
pub(crate) fn is_blank(record: &Record) -> bool {
    record.oddity().is_none() && record.cells().all(|cell| trimmed(cell).is_empty())
}

/// Judges a row. What it finds goes to `problems`.
pub(crate) fn judge(row: Row<'_>, problems: &mut Vec<Problem>) -> Standing {
    let before = problems.len();
    let mut judge = Judge { row, text: "", problems, faulty: Vec::new() };
    if !judge.is_whole() || !judge.is_readable() {
        return Standing::default();
    }
    judge.text = row.record.text().unwrap_or_default();
    let (reference, payment) = judge.cells();
    judge.formulas();
    let found = judge.problems.get(before..).unwrap_or_default();
    let faulty = found.iter().any(|problem| problem.severity() == Severity::Error);
    let payable = !faulty && row.header.is_usable();
    let payment = payment.filter(|_| payable);
    Standing { reference, payment }
}

impl<'r> Row<'r> {
    /// A problem at this row's cell of `column`.
    pub(crate) fn problem(self, column: Column, fault: Fault) -> Problem {
        self.problem_at(self.header.place(column), fault)
    }

    fn problem_at(self, place: Option<usize>, fault: Fault) -> Problem {
        let name = place.and_then(|place| self.header.name(place));
        let cell = place.and_then(|place| self.record.cell(place));
        Problem {
            code: fault.code,
            row: Some(self.number),
            line: Some(self.line),
            column: name.map(str::to_owned),
            value: cell.map(cut_bytes),
            message: fault.message,
            hint: fault.hint,
        }
    }

    fn ragged(self) -> Option<Fault> {
        let (width, cells) = (self.header.width(), self.record.len());
        let (code, hint) = match cells.cmp(&width) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Less => {
                (Code::RowTooShort, "Compare the row with the header, and fill in what is missing.")
            }
            std::cmp::Ordering::Greater => (
                Code::RowTooLong,
                "Put quotation marks around the cell that has a separator inside.",
            ),
        };
        let hint = if self.record.lines() > 1 {
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
}

struct Judge<'r, 'p> {
    row: Row<'r>,
    /// All its cells, one behind the other.
    text: &'r str,
    problems: &'p mut Vec<Problem>,
    /// Places of cells with an error.
    faulty: Vec<usize>,
}

impl<'r> Judge<'r, '_> {
    /// Whether the record is one row with a cell for each column; otherwise nobody can say which cell is which.
    fn is_whole(&mut self) -> bool {
        let (record, rules) = (self.row.record, self.row.rules);
        let (place, fault) = match record.oddity() {
            Some(Oddity::NeverClosed) => (None, quote::never_closed(self.row.line, record)),
            Some(Oddity::TooLong) => (None, quote::too_long(rules.limits.record_bytes_max)),
            Some(Oddity::BehindQuote(place)) => (Some(place), quote::misplaced(record, place)),
            None => match self.row.ragged() {
                Some(fault) => (None, fault),
                None => return true,
            },
        };
        self.report_at(place, fault);
        // A quotation mark that stands wrong in one cell says nothing against the others.
        place.is_some() && record.len() == self.row.header.width()
    }

    /// Whether all cells are text, those of columns that payrun does not know too.
    fn is_readable(&mut self) -> bool {
        let longest = self.row.rules.limits.cell_bytes_max;
        let mut readable = true;
        for (place, cell) in self.row.record.cells().enumerate() {
            let fault = if cell.len() > longest {
                Fault::new(
                    Code::CellTooLong,
                    format!("The cell has {} bytes; at most {longest} fit.", cell.len()),
                    "Look for a quotation mark that is never closed, or shorten the cell.",
                )
            } else if is_plain(cell) {
                continue;
            } else if std::str::from_utf8(cell).is_err() {
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
    fn cells(&mut self) -> (Option<Reference>, Option<Payment>) {
        let name = self.cell(Column::RecipientName, name::read);
        let email = self.cell(Column::RecipientEmail, email::read);
        let currency = self.cell(Column::Currency, currency::read);
        let country = self.optional(Column::Country, country::read).map(Option::flatten);
        let kind = self.method(currency);
        let phone = self.phone(phone::Place {
            currency,
            country: country.flatten(),
            any_kind: kind != Some(RailKind::MobileMoney),
        });
        let amount = self.amount(currency, kind);
        let reference = self.cell(Column::Reference, reference::read);
        let description = self.optional(Column::Description, description::read);
        let metadata = self.optional(Column::Metadata, metadata::check);
        let network = self.optional(Column::Network, network::read);
        let wallet = self.optional(Column::Wallet, Ok);
        let rail = kind.and_then(|kind| self.rail(kind, country, name));
        let payment = || {
            metadata?;
            Some(Payment {
                row: self.row.number,
                reference: reference.clone()?,
                payee: Payee { name: name?.to_owned(), email: email?.to_owned(), phone: phone? },
                amount: amount?,
                rail: rail?,
                network: network?.flatten(),
                wallet: wallet?.filter(|text| !text.is_empty()).map(WalletId::new),
                description: description?.filter(|text| !text.is_empty()).map(str::to_owned),
            })
        };
        let payment = payment();
        (reference, payment)
    }

    fn method(&mut self, currency: Option<Currency>) -> Option<RailKind> {
        let kind = self.optional(Column::Method, rail::method)?.unwrap_or_default();
        if let Some(Err(fault)) = currency.map(|currency| rail::carries(kind, currency)) {
            self.report(Column::Method, fault);
        }
        Some(kind)
    }

    fn phone(&mut self, place: phone::Place) -> Option<PhoneNumber> {
        let column = Column::RecipientPhone;
        let phone = self.cell(column, |text| phone::read(text, place))?;
        if let Some(doubt) = phone::other_country(&phone, place) {
            self.report(column, doubt);
        }
        Some(phone)
    }

    fn amount(&mut self, currency: Option<Currency>, kind: Option<RailKind>) -> Option<Amount> {
        let policy = &self.row.rules.policy;
        self.cell(Column::Amount, |text| {
            let amount = amount::read(text, currency)?;
            if let (Some(amount), Some(kind)) = (amount, kind) {
                policy::check(amount, kind, policy)?;
            }
            Ok(amount)
        })?
    }

    /// The account at the end of the rail. `country` is `None` where the cell is at fault.
    fn rail(
        &mut self,
        kind: RailKind,
        country: Option<Option<Country>>,
        name: Option<&str>,
    ) -> Option<Rail> {
        for column in rail::OPTIONAL {
            let text = if rail::uses(kind, column) { None } else { self.text(column) };
            if text.is_some_and(|text| !text.is_empty()) && self.cell(column, Ok).is_some() {
                self.report(column, rail::unused(column, kind));
            }
        }
        let number = |judge: &mut Self| {
            judge.needed(Column::AccountNumber, kind, |text| rail::account_number(text, kind))
        };
        match kind {
            RailKind::MobileMoney => Some(Rail::MobileMoney),
            RailKind::Bank => {
                let bank_code = self.needed(Column::BankCode, kind, rail::bank_code);
                let number = number(self);
                let holder = self.optional(Column::AccountName, name::bounded);
                if country == Some(None) {
                    self.lacking(Column::Country, kind);
                }
                Some(Rail::Bank(BankAccount {
                    bank_code: bank_code?.to_owned(),
                    number: number?,
                    name: holder?.filter(|text| !text.is_empty()).or(name)?.to_owned(),
                    country: country??.alpha2().to_owned(),
                }))
            }
            RailKind::Paybill => {
                let number = number(self);
                let account = self.needed(Column::AccountReference, kind, rail::account_reference);
                Some(Rail::Paybill { number: number?, account: account?.to_owned() })
            }
            RailKind::Till => Some(Rail::Till { number: number(self)? }),
        }
    }

    /// As [`cell`](Self::cell), but the column is one that only this rail needs.
    fn needed<T>(
        &mut self,
        column: Column,
        kind: RailKind,
        rule: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<T> {
        if self.text(column).is_none_or(str::is_empty) {
            self.lacking(column, kind);
            return None;
        }
        self.cell(column, rule)
    }

    fn lacking(&mut self, column: Column, kind: RailKind) {
        let in_file = self.row.header.place(column).is_some();
        self.report(column, rail::lacking(column, kind, in_file));
    }

    /// Doubts about cells that a spreadsheet would run, where nothing worse was found.
    fn formulas(&mut self) {
        for (place, cell) in self.row.record.cells().enumerate() {
            if let Some(doubt) = formula::doubt(cell)
                && !self.faulty.contains(&place)
            {
                self.report_at(Some(place), doubt);
            }
        }
    }

    /// What the rule makes of a cell; `None` if it is at fault or the header lacks it.
    fn cell<T>(
        &mut self,
        column: Column,
        rule: impl FnOnce(&'r str) -> Result<T, Fault>,
    ) -> Option<T> {
        let text = self.text(column)?;
        if !self.faulty.is_empty() && self.is_faulty(column) {
            return None;
        }
        let seen = if column.is_free_text() { visible_free_text(text) } else { visible(text) };
        match seen.and_then(rule) {
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

    /// The cell's text without blanks around it; `None` if the header lacks the column.
    fn text(&self, column: Column) -> Option<&'r str> {
        let place = self.row.header.place(column)?;
        Some(self.text.get(self.row.record.range(place)?)?.trim_ascii())
    }

    fn is_faulty(&self, column: Column) -> bool {
        self.row.header.place(column).is_some_and(|place| self.faulty.contains(&place))
    }

    fn report(&mut self, column: Column, fault: Fault) {
        self.report_at(self.row.header.place(column), fault);
    }

    fn report_at(&mut self, place: Option<usize>, fault: Fault) {
        if fault.code.severity() == Severity::Error {
            self.faulty.extend(place);
        }
        self.problems.push(self.row.problem_at(place, fault));
    }
}

#[cfg(test)]
mod tests;
