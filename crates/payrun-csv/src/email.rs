//! The e-mail address of who is paid.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use email_address::{EmailAddress, Options};

/// The longest address: what a mail path has room for (RFC 5321, 4.5.3.1.3, less its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

const OPTIONS: Options = Options {
    minimum_sub_domains: 2,
    allow_domain_literal: false,
    allow_display_text: false,
    allow_long_local_parts: false,
};

/// Reads an address as it stands behind "to", without a name or brackets around it.
pub(crate) fn read(text: &str) -> Result<&str, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::EmailEmpty,
            "The e-mail address is missing.",
            "Enter the e-mail address of the person.",
        ));
    }
    if text.len() > EMAIL_BYTES_MAX {
        return Err(Fault::new(
            Code::EmailTooLong,
            format!(
                "The address is longer than the {EMAIL_BYTES_MAX} characters that one can have."
            ),
            "Check that nothing else is in the cell.",
        ));
    }
    if is_common(text) || EmailAddress::parse_with_options(text, OPTIONS).is_ok() {
        return Ok(text);
    }
    Err(Fault::new(
        Code::EmailMalformed,
        format!("{} is not an e-mail address.", quoted(text)),
        hint(text),
    ))
}

/// The form that nearly all addresses have: none of them is refused by the full rules, which take longer.
fn is_common(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let words = |part: &str, more: &[u8], longest: usize| {
        part.split('.').all(|word| {
            (1..=longest).contains(&word.len())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
        })
    };
    // A label of a domain neither begins nor ends with a dash: with none in it, it cannot.
    local.len() <= 64 && words(local, b"_+-", 64) && domain.contains('.') && words(domain, b"", 63)
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
    use proptest::prelude::*;

    #[test]
    fn addresses_pass_as_they_are() {
        for text in ["jane@example.com", "Jane.Doe+pay@mail.example.co.ke", "o'brien@example.org"] {
            assert_eq!(read(text), Ok(text));
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

    #[test]
    fn an_address_has_a_bounded_length() {
        let label = "x".repeat(60);
        let address = |count: usize| format!("jane@{}.com", vec![label.as_str(); count].join("."));
        assert!(read(&address(3)).is_ok());
        assert_eq!(read(&address(5)).unwrap_err().code, Code::EmailTooLong);
        let local = "x".repeat(65);
        assert_eq!(read(&format!("{local}@example.com")).unwrap_err().code, Code::EmailMalformed);
    }

    proptest! {
        #[test]
        fn the_common_form_is_a_part_of_the_full_rules(
            text in "[a-z0-9_+.-]{0,70}@[a-z0-9.-]{0,70}|[A-Za-z0-9._+-]{1,8}@[a-z0-9]{1,8}(\\.[a-z]{1,4}){0,3}"
        ) {
            if is_common(&text) {
                prop_assert!(EmailAddress::parse_with_options(&text, OPTIONS).is_ok());
            }
        }
    }
}
