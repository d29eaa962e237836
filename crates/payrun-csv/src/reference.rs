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
        ReferenceError::Character(' ' | '\u{a0}') => Fault::new(
            Code::ReferenceCharacter,
            format!("{} has a blank inside.", quoted(text)),
            without_blanks(text),
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

fn without_blanks(text: &str) -> String {
    let joined: String =
        text.chars().map(|c| if matches!(c, ' ' | '\u{a0}') { '-' } else { c }).collect();
    match joined.parse::<Reference>() {
        Ok(reference) => format!("Write {} instead.", quoted(reference.as_str())),
        Err(_) => "Use letters A to Z, digits and . _ - / : # only.".to_owned(),
    }
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
        for text in ["EMP 1", "EMP\u{a0}1"] {
            assert_eq!(read(text).unwrap_err().hint, r#"Write "EMP-1" instead."#);
        }
        // What is suggested is a reference itself.
        for text in ["EMP 1*".to_owned(), format!("EMP {long}")] {
            assert!(read(&text).unwrap_err().hint.starts_with("Use letters"), "{text}");
        }
    }
}
