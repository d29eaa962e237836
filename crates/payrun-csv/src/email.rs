//! The e-mail address of who is paid.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use email_address::{EmailAddress, Options};

const OPTIONS: Options = Options {
    minimum_sub_domains: 2,
    allow_domain_literal: false,
    allow_display_text: false,
    allow_long_local_parts: false,
};

/// Reads an address as it stands behind "to", without a name or brackets around it.
pub(crate) fn read(text: &str) -> Result<String, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::EmailEmpty,
            "The e-mail address is missing.",
            "Enter the e-mail address of the person.",
        ));
    }
    match EmailAddress::parse_with_options(text, OPTIONS) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Fault::new(
            Code::EmailMalformed,
            format!("{} is not an e-mail address.", quoted(text)),
            hint(text),
        )),
    }
}

fn hint(text: &str) -> &'static str {
    let ats = text.matches('@').count();
    if ats > 1 || text.contains([',', ';']) {
        "Enter one address only."
    } else if text.contains(['<', '>']) {
        "Enter the address only, without the name and the brackets."
    } else if text.contains(char::is_whitespace) {
        "Remove the blank inside the address."
    } else if ats == 0 {
        "Write it with an @, such as jane@example.com."
    } else {
        "Compare it with what the person gave; the part behind the @ needs a form such as example.com."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_pass_as_they_are() {
        for text in ["jane@example.com", "Jane.Doe+pay@mail.example.co.ke", "o'brien@example.org"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_way_out() {
        assert_eq!(read("").unwrap_err().code, Code::EmailEmpty);
        for (text, hint) in [
            ("jane", "with an @"),
            ("jane.example.com", "with an @"),
            ("jane@", "example.com"),
            ("jane@example", "example.com"),
            ("@example.com", "example.com"),
            ("jane@example..com", "example.com"),
            ("jane@[127.0.0.1]", "example.com"),
            ("jane doe@example.com", "blank"),
            ("jane@example.com; joe@example.com", "one address"),
            ("jane@@example.com", "one address"),
            ("Jane <jane@example.com>", "without the name"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.code, Code::EmailMalformed, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }
}
