//! The name of who is paid, or of who holds an account.

use crate::Code;
use crate::problem::Fault;

/// The longest name, in characters: what ISO 20022 gives the name of a party (`Max140Text`).
pub const NAME_CHARS_MAX: usize = 140;

/// Reads the name of the payee.
pub(crate) fn read(text: &str) -> Result<&str, Fault> {
    if is_blank(text) {
        return Err(Fault::new(
            Code::NameEmpty,
            "The name is missing.",
            "Enter the full name of who is paid.",
        ));
    }
    bounded(text)
}

/// A name that is not too long.
pub(crate) fn bounded(text: &str) -> Result<&str, Fault> {
    // No text has more characters than bytes.
    if text.len() <= NAME_CHARS_MAX || text.chars().count() <= NAME_CHARS_MAX {
        return Ok(text);
    }
    Err(Fault::new(
        Code::NameTooLong,
        format!("The name has {} characters; at most {NAME_CHARS_MAX} fit.", text.chars().count()),
        "Check that nothing else is in the cell, and shorten the name.",
    ))
}

/// Whether nothing is there but blanks, no-break ones and the like included.
fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_any_text_of_bounded_length() {
        let longest = "é".repeat(NAME_CHARS_MAX);
        for text in
            ["Jane Doe", "J", "Adébáyọ̀ N'Diaye", "محمد علي", "O’Brien-Smith", "3M Ltd.", &longest]
        {
            assert_eq!(read(text), Ok(text));
        }
        for text in ["", "\u{a0}", "\u{2003}\u{3000}"] {
            assert_eq!(read(text).unwrap_err().code, Code::NameEmpty, "{text:?}");
        }
        for text in ["x".repeat(NAME_CHARS_MAX + 1), "é".repeat(NAME_CHARS_MAX + 1)] {
            let fault = read(&text).unwrap_err();
            assert_eq!(fault.code, Code::NameTooLong);
            assert_eq!(fault.message, "The name has 141 characters; at most 140 fit.");
        }
    }
}
