//! The payer's own words about a payment. They are kept with it, and not sent.

use crate::Code;
use crate::problem::Fault;

/// The longest description, in characters. No provider states a bound; this is a few lines of a report.
pub const DESCRIPTION_CHARS_MAX: usize = 500;

/// Reads a description.
pub(crate) fn read(text: &str) -> Result<&str, Fault> {
    // No text has more characters than bytes.
    if text.len() <= DESCRIPTION_CHARS_MAX || text.chars().count() <= DESCRIPTION_CHARS_MAX {
        return Ok(text);
    }
    Err(Fault::new(
        Code::DescriptionTooLong,
        format!(
            "The description has {} characters; at most {DESCRIPTION_CHARS_MAX} fit.",
            text.chars().count()
        ),
        "Shorten it; look for a quotation mark that is never closed if other rows are in it.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_a_bounded_length() {
        let longest = "é".repeat(DESCRIPTION_CHARS_MAX);
        for text in ["", "June\n2026", &longest] {
            assert_eq!(read(text), Ok(text));
        }
        let fault = read(&"é".repeat(DESCRIPTION_CHARS_MAX + 1)).unwrap_err();
        assert_eq!(fault.code, Code::DescriptionTooLong);
        assert_eq!(fault.message, "The description has 501 characters; at most 500 fit.");
    }
}
