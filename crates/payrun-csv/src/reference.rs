//! The payer's own id of a payment, as it stands in a cell.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use payrun_core::{REFERENCE_LENGTH_MAX, Reference, ReferenceError};

/// Reads a reference.
pub(crate) fn read(text: &str) -> Result<Reference, Fault> {
    text.parse().map_err(|error| match error {
        ReferenceError::Empty => Fault::new(
            Code::ReferenceEmpty,
            "The reference is missing.",
            "Enter a reference that no other payment has, such as the number of the employee.",
        ),
        ReferenceError::TooLong => Fault::new(
            Code::ReferenceTooLong,
            format!("{} is longer than {REFERENCE_LENGTH_MAX} characters.", quoted(text)),
            "Shorten it, and keep it different from every other.",
        ),
        ReferenceError::Character(' ') => Fault::new(
            Code::ReferenceCharacter,
            format!("{} has a blank inside.", quoted(text)),
            format!("Write {} instead.", quoted(&text.replace(' ', "-"))),
        ),
        ReferenceError::Character(other) => Fault::new(
            Code::ReferenceCharacter,
            format!(
                "{} has {}, which is not allowed in a reference.",
                quoted(text),
                quoted(&other.to_string())
            ),
            "Use letters A to Z, digits and . _ - / : # only.",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_judged_by_length_and_character() {
        assert_eq!(read("EMP-0001").unwrap().as_str(), "EMP-0001");
        let long = "x".repeat(65);
        for (text, code, message) in [
            ("", Code::ReferenceEmpty, "is missing"),
            ("EMP 1", Code::ReferenceCharacter, "a blank inside"),
            ("EMP*1", Code::ReferenceCharacter, r#"has "*""#),
            ("=A1", Code::ReferenceCharacter, r#"has "=""#),
            (&long, Code::ReferenceTooLong, "64 characters"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.message.contains(message), "{}", fault.message);
        }
        assert_eq!(read("EMP 1").unwrap_err().hint, r#"Write "EMP-1" instead."#);
    }
}
