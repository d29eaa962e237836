//! What only shows when rows are compared, or counted: the words for it. Who compares them is the pass over the file.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use payrun_core::{Amount, Reference};

const ONE_OR_TWO: &str =
    "If it is the same payment, delete one of the rows; if there are two, leave them.";

/// The reference is that of an earlier row.
pub(crate) fn duplicate(reference: &Reference, first_row: u64) -> Fault {
    Fault::new(
        Code::ReferenceDuplicate,
        format!("{} is the reference of row {first_row} already.", quoted(reference.as_str())),
        "If it is the same payment, delete one of the rows; if it is another, give it a reference of its own.",
    )
}

/// The reference is that of an earlier row, but for capitals.
pub(crate) fn nearly_duplicate(reference: &Reference, other: &Reference, row: u64) -> Fault {
    let (reference, other) = (quoted(reference.as_str()), quoted(other.as_str()));
    Fault::new(
        Code::ReferenceNearlyDuplicate,
        format!("{reference} differs from {other} in row {row} only by capitals."),
        ONE_OR_TWO,
    )
}

/// An earlier row pays the same amount to the same payee.
pub(crate) fn payee_amount_repeated(amount: Amount, row: u64) -> Fault {
    Fault::new(
        Code::PayeeAmountRepeated,
        format!("The same payee is paid {amount} in row {row} too."),
        "If it is one payment, delete one of the rows; if there are two, leave them.",
    )
}

/// An earlier row has the same phone number under another name.
pub(crate) fn phone_of_two_names(name: &str, other: &str, row: u64) -> Fault {
    Fault::new(
        Code::PayeeTwoNames,
        format!("The number is of {} here and of {} in row {row}.", quoted(name), quoted(other)),
        "Compare both rows with what the persons gave; if they share the phone, leave them.",
    )
}

/// The file has more payments, or fewer, than the payer said.
pub(crate) fn count_differs(expected: u64, found: u64) -> Fault {
    Fault::new(
        Code::CountDiffers,
        format!(
            "The file has {found} payment{}, not {expected}.",
            if found == 1 { "" } else { "s" }
        ),
        "Check that this is the right file and that no row is missing, refused or there twice.",
    )
}

/// The payments of a currency come to another sum than the payer said.
pub(crate) fn total_differs(expected: Amount, found: Amount) -> Fault {
    let difference = match (found.checked_sub(expected), expected.checked_sub(found)) {
        (Ok(more), _) => format!("{more} more than"),
        (_, Ok(less)) => format!("{less} less than"),
        (Err(_), Err(_)) => "not".to_owned(),
    };
    Fault::new(
        Code::TotalDiffers,
        format!("The payments come to {found}, {difference} {expected}."),
        "Check that this is the right file and that no row is missing, refused or there twice.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text, "KES".parse().unwrap()).unwrap()
    }

    #[test]
    fn both_rows_are_named() {
        let (one, two) = ("EMP-1".parse().unwrap(), "emp-1".parse().unwrap());
        for (fault, code, message) in [
            (
                duplicate(&one, 7),
                Code::ReferenceDuplicate,
                r#""EMP-1" is the reference of row 7 already."#,
            ),
            (
                nearly_duplicate(&two, &one, 7),
                Code::ReferenceNearlyDuplicate,
                r#""emp-1" differs from "EMP-1" in row 7 only by capitals."#,
            ),
            (
                payee_amount_repeated(amount("1500"), 7),
                Code::PayeeAmountRepeated,
                "The same payee is paid KES 1,500 in row 7 too.",
            ),
            (
                phone_of_two_names("Jane Doe", "John\u{202e}", 7),
                Code::PayeeTwoNames,
                r#"The number is of "Jane Doe" here and of "John\u{202e}" in row 7."#,
            ),
        ] {
            assert_eq!((fault.code, fault.message.as_str()), (code, message));
        }
    }

    #[test]
    fn a_difference_from_the_control_totals_is_said_in_figures() {
        for (fault, code, message) in [
            (count_differs(1, 2), Code::CountDiffers, "The file has 2 payments, not 1."),
            (count_differs(0, 1), Code::CountDiffers, "The file has 1 payment, not 0."),
            (
                total_differs(amount("1250000"), amount("1250100")),
                Code::TotalDiffers,
                "The payments come to KES 1,250,100, KES 100 more than KES 1,250,000.",
            ),
            (
                total_differs(amount("1250000"), Amount::zero("KES".parse().unwrap())),
                Code::TotalDiffers,
                "The payments come to KES 0, KES 1,250,000 less than KES 1,250,000.",
            ),
        ] {
            assert_eq!((fault.code, fault.message.as_str()), (code, message));
        }
    }
}
