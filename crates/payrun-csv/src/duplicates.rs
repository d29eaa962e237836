//! What only shows when rows are compared: references and payees that are there twice.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use payrun_core::{Amount, Payment, PhoneNumber, Reference};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What the rows so far held, with the row that held it first.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    references: HashMap<Reference, u64>,
    folded: HashMap<String, (Reference, u64)>,
    payees: HashMap<(PhoneNumber, Amount), u64>,
}

impl Seen {
    /// Takes a row's reference; a fault if an earlier row has it, or one that differs only by capitals.
    pub(crate) fn reference(&mut self, reference: &Reference, row: u64) -> Option<Fault> {
        match self.references.entry(reference.clone()) {
            Entry::Occupied(first) => return Some(duplicate(reference, *first.get())),
            Entry::Vacant(place) => place.insert(row),
        };
        match self.folded.entry(reference.as_str().to_ascii_lowercase()) {
            Entry::Vacant(place) => {
                place.insert((reference.clone(), row));
                None
            }
            Entry::Occupied(first) => {
                let (other, row) = first.get();
                Some(nearly_duplicate(reference, other, *row))
            }
        }
    }

    /// Takes a payment's payee and amount; a doubt if an earlier payment has both.
    pub(crate) fn payee(&mut self, payment: &Payment) -> Option<Fault> {
        match self.payees.entry((payment.payee.phone.clone(), payment.amount)) {
            Entry::Vacant(place) => {
                place.insert(payment.row);
                None
            }
            Entry::Occupied(first) => Some(Fault::new(
                Code::PayeeAmountRepeated,
                format!("The same number is paid {} in row {} too.", payment.amount, first.get()),
                "If it is one payment, delete one of the rows; if there are two, leave them.",
            )),
        }
    }
}

fn duplicate(reference: &Reference, row: u64) -> Fault {
    Fault::new(
        Code::ReferenceDuplicate,
        format!("{} is the reference of row {row} already.", quoted(reference.as_str())),
        "If it is the same payment, delete one of the rows; if it is another, give it a reference of its own.",
    )
}

fn nearly_duplicate(reference: &Reference, other: &Reference, row: u64) -> Fault {
    Fault::new(
        Code::ReferenceNearlyDuplicate,
        format!(
            "{} differs from {} in row {row} only by capitals.",
            quoted(reference.as_str()),
            quoted(other.as_str())
        ),
        "If it is the same payment, delete one of the rows; if there are two, leave them.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_compared_over_all_rows() {
        let mut seen = Seen::default();
        for (reference, row, expected) in [
            ("EMP-1", 1, None),
            ("EMP-2", 2, None),
            ("emp-1", 3, Some((Code::ReferenceNearlyDuplicate, "\"EMP-1\" in row 1"))),
            ("EMP-1", 4, Some((Code::ReferenceDuplicate, "of row 1 already"))),
            ("emp-1", 5, Some((Code::ReferenceDuplicate, "of row 3 already"))),
            ("Emp-2", 6, Some((Code::ReferenceNearlyDuplicate, "\"EMP-2\" in row 2"))),
        ] {
            let fault = seen.reference(&reference.parse().unwrap(), row);
            assert_eq!(
                fault.as_ref().map(|fault| fault.code),
                expected.map(|(code, _)| code),
                "{row}"
            );
            if let (Some(fault), Some((_, part))) = (fault, expected) {
                assert!(fault.message.contains(part), "{}", fault.message);
            }
        }
    }
}
