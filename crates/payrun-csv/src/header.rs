//! The first line: which column stands where.

use crate::problem::Fault;
use crate::text::{cut_bytes, shown};
use crate::{Code, Column};
use csv::ByteRecord;

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
    pub(crate) fn read(record: &ByteRecord) -> (Self, Vec<Fault>) {
        let names: Vec<String> = record.iter().map(|cell| shown(&cut_bytes(cell))).collect();
        let known: Vec<Option<Column>> = record
            .iter()
            .map(|cell| std::str::from_utf8(cell).ok().and_then(Column::named))
            .collect();
        let mut places = [None; Column::ALL.len()];
        let (mut missing, mut repeated) = (Vec::new(), Vec::new());
        for (place, column) in places.iter_mut().zip(Column::ALL) {
            let mut found = (0..).zip(&known).filter(|(_, other)| **other == Some(column));
            match (found.next(), found.next()) {
                (Some((index, _)), None) => *place = Some(index),
                (Some(_), Some(_)) => repeated.push(column),
                (None, _) if column.is_required() => missing.push(column),
                (None, _) => {}
            }
        }
        let header = Self { names, places, usable: missing.is_empty() && repeated.is_empty() };
        let faults = [header.missing(&missing, &known), header.repeated(&repeated)];
        (header, faults.into_iter().flatten().collect())
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
        self.places
            .iter()
            .zip(Column::ALL)
            .find_map(|(place, other)| if other == column { *place } else { None })
    }

    /// The name at `place` as the header has it.
    pub(crate) fn name(&self, place: usize) -> Option<&str> {
        self.names.get(place).map(|name| name.trim())
    }

    fn missing(&self, missing: &[Column], known: &[Option<Column>]) -> Option<Fault> {
        if missing.is_empty() {
            return None;
        }
        let hint = if let Some(separator) = self.other_separator() {
            format!("Save the file with commas between the columns; this one has {separator}.")
        } else if known.iter().all(Option::is_none) {
            "Make the names of the columns the first line of the file.".to_owned()
        } else {
            format!(
                "Add {} to the first line, and fill it in for every row.",
                if missing.len() == 1 { "it" } else { "them" }
            )
        };
        let message = format!(
            "The header lacks the column{} {}.",
            if missing.len() == 1 { "" } else { "s" },
            listed(missing)
        );
        Some(Fault::new(Code::HeaderColumnMissing, message, hint))
    }

    /// The separator of a header that was not separated by commas.
    fn other_separator(&self) -> Option<&'static str> {
        let [only] = self.names.as_slice() else {
            return None;
        };
        [(";", "semicolons"), ("\\u{9}", "tabs"), ("|", "bars (|)")]
            .into_iter()
            .find(|(separator, _)| only.contains(separator))
            .map(|(_, name)| name)
    }

    fn repeated(&self, repeated: &[Column]) -> Option<Fault> {
        let plural = repeated.len() != 1;
        (!repeated.is_empty()).then(|| {
            Fault::new(
                Code::HeaderColumnRepeated,
                format!(
                    "The header has the column{} {} more than once.",
                    if plural { "s" } else { "" },
                    listed(repeated)
                ),
                "Keep the one that is meant, and delete or rename the other.",
            )
        })
    }
}

fn listed(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> (Header, Vec<Fault>) {
        Header::read(&ByteRecord::from(cells.to_vec()))
    }

    #[test]
    fn columns_stand_in_any_order_among_others() {
        let (header, faults) = read(&[
            "No.",
            "Reference",
            "CURRENCY",
            "amount",
            "Recipient Phone",
            "recipient-email",
            "recipient_name",
            "No.",
        ]);
        assert_eq!(faults, []);
        assert_eq!(header.place(Column::Reference), Some(1));
        assert_eq!(header.place(Column::RecipientName), Some(6));
        assert_eq!(header.place(Column::Network), None);
        assert_eq!(header.name(4), Some("Recipient Phone"));
    }

    #[test]
    fn all_missing_columns_are_listed_at_once() {
        let (_, faults) = read(&["recipient_name", "recipient_phone", "reference", "amount"]);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].code, Code::HeaderColumnMissing);
        assert_eq!(faults[0].message, "The header lacks the columns recipient_email and currency.");
    }

    #[test]
    fn a_header_that_is_none_says_what_it_may_be() {
        for (cells, hint) in [
            (vec!["recipient_name;amount;currency"], "semicolons"),
            (vec!["recipient_name\tamount"], "tabs"),
            (vec!["Jane Doe", "jane@example.com", "+254712345678"], "Make the names"),
        ] {
            let (_, faults) = read(&cells);
            assert!(faults[0].hint.contains(hint), "{}", faults[0].hint);
        }
    }

    #[test]
    fn of_two_columns_of_one_name_neither_is_taken() {
        let (header, faults) = read(&[
            "recipient_name",
            "recipient_email",
            "recipient_phone",
            "amount",
            "Amount",
            "currency",
            "reference",
        ]);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].code, Code::HeaderColumnRepeated);
        assert_eq!(faults[0].message, "The header has the column amount more than once.");
        assert_eq!(header.place(Column::Amount), None);
    }
}
