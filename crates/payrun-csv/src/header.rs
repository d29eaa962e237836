//! The first line: which column stands where.

use crate::column::folded;
use crate::problem::Fault;
use crate::record::{Oddity, Record};
use crate::rules::Rules;
use crate::text::{cut_bytes, quoted, shown};
use crate::{Code, Column, quote};

/// The names of the columns, and where the known ones stand.
#[derive(Debug)]
pub(crate) struct Header {
    names: Vec<String>,
    places: [Option<usize>; Column::ALL.len()],
    usable: bool,
}

impl Header {
    /// Reads the header, and whatever is wrong with it. A column that is there twice counts as not there: nobody
    /// can say which of the two is meant.
    pub(crate) fn read(record: &Record, rules: &Rules) -> (Self, Vec<Fault>) {
        let names: Vec<String> = record.cells().map(|cell| shown(&cut_bytes(cell))).collect();
        let known = known(record, rules);
        let mut places = [None; Column::ALL.len()];
        let (mut missing, mut repeated) = (Vec::new(), Vec::new());
        for (place, column) in places.iter_mut().zip(Column::ALL) {
            let found = (0..).zip(&known).filter(|(_, other)| **other == Some(column));
            let found: Vec<usize> = found.map(|(index, _)| index).collect();
            match found.as_slice() {
                [index] => *place = Some(*index),
                [] if column.is_required() => missing.push(column),
                [] => {}
                [_, _, ..] => repeated.push((column, found)),
            }
        }
        let damage = match record.oddity() {
            Some(Oddity::NeverClosed) => Some(quote::never_closed(1, record)),
            Some(Oddity::TooLong) => Some(quote::too_long(rules.limits.record_bytes_max)),
            Some(Oddity::BehindQuote(place)) => Some(quote::misplaced(record, place)),
            None => None,
        };
        let usable = missing.is_empty() && repeated.is_empty() && damage.is_none();
        let header = Self { names, places, usable };
        let mut faults: Vec<Fault> = damage.into_iter().collect();
        faults.extend(header.missing(&missing, &known, record));
        faults.extend(repeated.iter().map(|(column, places)| header.repeated(*column, places)));
        (header, faults)
    }

    /// Whether rows can be paid: with a column missing, or there twice, none can, though all are judged.
    pub(crate) fn is_usable(&self) -> bool {
        self.usable
    }

    /// How many cells a row has.
    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    /// Where `column` stands, from 0.
    pub(crate) fn place(&self, column: Column) -> Option<usize> {
        self.places.get(column.index()).copied().flatten()
    }

    /// The name at `place` as the header has it.
    pub(crate) fn name(&self, place: usize) -> Option<&str> {
        self.names.get(place).map(|name| name.trim())
    }

    fn missing(
        &self,
        missing: &[Column],
        known: &[Option<Column>],
        record: &Record,
    ) -> Option<Fault> {
        if missing.is_empty() {
            return None;
        }
        let misspelt: Vec<String> = missing
            .iter()
            .filter_map(|column| {
                let unknown = record.cells().zip(known).filter(|(_, known)| known.is_none());
                let name = unknown
                    .filter_map(|(cell, _)| std::str::from_utf8(cell).ok())
                    .find(|name| nearly(name, *column))?;
                Some(format!("{} to {}", quoted(name.trim()), column.name()))
            })
            .collect();
        let hint = if let Some(separator) = other_separator(record) {
            format!(
                "The columns seem to be separated by {separator}; say so with --delimiter, or save the file with commas."
            )
        } else if !misspelt.is_empty() {
            format!("Rename {}, if that is what is meant.", listed(&misspelt))
        } else if known.iter().all(Option::is_none) {
            "Make the names of the columns the first line of the file.".to_owned()
        } else {
            format!(
                "Add {} to the first line, and fill it in for every row.",
                if missing.len() == 1 { "it" } else { "them" }
            )
        };
        let names: Vec<&str> = missing.iter().map(|column| column.name()).collect();
        let message = format!(
            "The header lacks the column{} {}.",
            if missing.len() == 1 { "" } else { "s" },
            listed(&names)
        );
        Some(Fault::new(Code::HeaderColumnMissing, message, hint))
    }

    fn repeated(&self, column: Column, places: &[usize]) -> Fault {
        let names: Vec<String> =
            places.iter().filter_map(|place| self.name(*place)).map(quoted).collect();
        Fault::new(
            Code::HeaderColumnRepeated,
            format!(
                "The header has the column {} more than once: {}.",
                column.name(),
                listed(&names)
            ),
            "Keep the one that is meant, and delete or rename the other.",
        )
    }
}

/// Which column each cell names: first by the payer's own names, then, for columns that these do not give, by ours.
fn known(record: &Record, rules: &Rules) -> Vec<Option<Column>> {
    let own: Vec<(String, Column)> =
        rules.columns.iter().map(|(name, column)| (folded(name), *column)).collect();
    let cells: Vec<&str> =
        record.cells().map(|cell| std::str::from_utf8(cell).unwrap_or_default()).collect();
    let given = |cell: &str| {
        let name = folded(cell);
        own.iter().find(|(other, _)| *other == name).map(|(_, column)| *column)
    };
    let given: Vec<Option<Column>> = cells.iter().map(|cell| given(cell)).collect();
    let ours = |cell: &str| Column::named(cell).filter(|column| !given.contains(&Some(*column)));
    cells.iter().zip(&given).map(|(cell, given)| given.or_else(|| ours(cell))).collect()
}

/// The separator of a header that was not separated by it.
fn other_separator(record: &Record) -> Option<&'static str> {
    let only = record.cell(0).filter(|_| record.len() == 1)?;
    [(b',', "commas"), (b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars (|)")]
        .into_iter()
        .find(|(separator, _)| only.contains(separator))
        .map(|(_, name)| name)
}

/// Whether a name was most likely meant to be the column's: one letter off, or two in a long one.
fn nearly(name: &str, column: Column) -> bool {
    let name: Vec<char> = folded(name).chars().take(64).collect();
    let names = column.aliases().iter().copied().chain([column.name()]);
    names.map(|other| folded(other).chars().collect::<Vec<_>>()).any(|other| {
        let off = if other.len() < 8 { 1 } else { 2 };
        other.len() > 4 && distance(&name, &other) <= off
    })
}

/// How many letters must be added, left out or replaced to make one of the other (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in (1..).zip(one) {
        let mut diagonal = std::mem::replace(&mut row[0], above);
        for place in 0..other.len() {
            let replaced = diagonal.saturating_add(usize::from(other[place] != *letter));
            diagonal = row[place + 1];
            let shifted = diagonal.min(row[place]).saturating_add(1);
            row[place + 1] = replaced.min(shifted);
        }
    }
    row.last().copied().unwrap_or_default()
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_by(cells: &[&str], columns: &[(&str, Column)]) -> (Header, Vec<Fault>) {
        let columns = columns.iter().map(|(name, column)| ((*name).to_owned(), *column)).collect();
        Header::read(&Record::of(cells), &Rules { columns, ..Rules::default() })
    }

    fn read(cells: &[&str]) -> (Header, Vec<Fault>) {
        read_by(cells, &[])
    }

    #[test]
    fn columns_stand_in_any_order_among_others() {
        let (header, faults) = read(&[
            "No.",
            "Reference",
            "CURRENCY",
            "amount",
            "MSISDN",
            "",
            "e-mail",
            "Beneficiary",
            "No.",
        ]);
        assert_eq!(faults, []);
        assert!(header.is_usable());
        assert_eq!(header.place(Column::Reference), Some(1));
        assert_eq!(header.place(Column::RecipientPhone), Some(4));
        assert_eq!(header.place(Column::RecipientName), Some(7));
        assert_eq!(header.place(Column::Network), None);
        assert_eq!((header.name(4), header.width()), (Some("MSISDN"), 9));
    }

    #[test]
    fn the_payer_s_own_names_go_first() {
        let cells =
            ["Reference", "Emp No", "name", "email", "Amount", "Net Pay", "phone", "currency"];
        let own = [("EMP-NO", Column::Reference), ("net_pay", Column::Amount)];
        let (header, faults) = read_by(&cells, &own);
        assert_eq!(faults, []);
        assert_eq!(header.place(Column::Reference), Some(1));
        assert_eq!(header.place(Column::Amount), Some(5));
        // A name of ours can be given to another column.
        let (header, faults) = read_by(&cells, &[("reference", Column::Description)]);
        assert_eq!(header.place(Column::Description), Some(0));
        assert_eq!(faults[0].message, "The header lacks the column reference.");
        // Two columns of one own name are as little guessed at.
        let (_, faults) = read_by(
            &["a", "A", "name", "email", "phone", "amount", "currency"],
            &[("a", Column::Reference)],
        );
        assert_eq!(
            faults[0].message,
            r#"The header has the column reference more than once: "a" and "A"."#
        );
    }

    #[test]
    fn all_missing_columns_are_listed_at_once() {
        let (header, faults) = read(&["recipient_name", "recipient_phone", "reference", "amount"]);
        assert_eq!(faults.len(), 1);
        assert!(!header.is_usable());
        assert_eq!(faults[0].code, Code::HeaderColumnMissing);
        assert_eq!(faults[0].message, "The header lacks the columns recipient_email and currency.");
    }

    #[test]
    fn a_header_that_is_none_says_what_it_may_be() {
        for (cells, hint) in [
            (vec!["recipient_name;amount;currency"], "semicolons"),
            (vec!["recipient_name\tamount"], "tabs"),
            (vec!["recipient_name,amount"], "commas"),
            (vec!["Jane Doe", "jane@example.com", "+254712345678"], "Make the names"),
            (
                vec!["name", "email", "Recipent Phone", "amount", "curency", "ref"],
                r#"Rename "Recipent Phone" to recipient_phone and "curency" to currency"#,
            ),
            (
                vec!["name", "email", "phone\u{200b}", "amount", "currency", "ref"],
                "to recipient_phone",
            ),
            (vec!["name", "email", "amount", "currency", "ref", "net"], "Add it"),
        ] {
            let (_, faults) = read(&cells);
            assert!(faults[0].hint.contains(hint), "{}", faults[0].hint);
        }
    }

    #[test]
    fn of_two_columns_of_one_meaning_neither_is_taken() {
        let (header, faults) =
            read(&["name", "email", "phone", "amount", "Amount", "currency", "ref", "MSISDN"]);
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                r#"The header has the column recipient_phone more than once: "phone" and "MSISDN"."#,
                r#"The header has the column amount more than once: "amount" and "Amount"."#,
            ]
        );
        assert!(faults.iter().all(|fault| fault.code == Code::HeaderColumnRepeated));
        assert_eq!(header.place(Column::Amount), None);
        assert!(!header.is_usable());
    }

    #[test]
    fn a_header_with_a_broken_quotation_mark_is_not_trusted() {
        let cells = ["name", "email", "phone", "amount", "currency", "ref"];
        for (oddity, code) in [
            (Oddity::NeverClosed, Code::QuoteNeverClosed),
            (Oddity::BehindQuote(3), Code::QuoteMisplaced),
            (Oddity::TooLong, Code::RecordTooLong),
        ] {
            let mut record = Record::of(cells);
            record.note(oddity);
            let (header, faults) = Header::read(&record, &Rules::default());
            assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [code]);
            assert!(!header.is_usable());
        }
    }
}
