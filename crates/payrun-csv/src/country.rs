//! The country of who is paid: its ISO 3166-1 code, and how its phone numbers begin.

use crate::problem::Fault;
use crate::text::quoted;
use crate::{Code, numbering};
use rust_iso3166::CountryCode;

/// A country of ISO 3166-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Country {
    alpha2: &'static str,
    name: &'static str,
}

impl Country {
    /// The two letters: `KE`.
    pub(crate) fn alpha2(self) -> &'static str {
        self.alpha2
    }

    /// The name in English, as ISO has it: `Kenya`.
    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// The digits behind the `+`: `254`; `None` for a country without phones of its own.
    pub(crate) fn calling_code(self) -> Option<&'static str> {
        numbering::code_of_country(self.alpha2)
    }

    /// The country of this code: two letters or three, in capitals or not.
    fn of_code(text: &str) -> Option<Self> {
        let code = text.to_ascii_uppercase();
        let found = match code.len() {
            2 => rust_iso3166::from_alpha2(&code),
            3 => rust_iso3166::from_alpha3(&code),
            _ => None,
        };
        found.map(Self::from)
    }

    /// The country that is called this, as far as ISO's names begin so: `Tanzania`.
    fn called(text: &str) -> Option<Self> {
        let name = text.trim().to_lowercase();
        let is_called = |country: &&CountryCode| {
            let full = country.name.to_lowercase();
            full == name
                || full.strip_prefix(&name).is_some_and(|rest| rest.starts_with([',', ' ']))
        };
        let mut found = rust_iso3166::ALL.iter().filter(is_called);
        // Two that begin so, as with Congo and Korea, are none.
        match (found.next(), found.next()) {
            (Some(only), None) if name.len() > 3 => Some(Self::from(*only)),
            _ => None,
        }
    }
}

impl From<CountryCode> for Country {
    fn from(code: CountryCode) -> Self {
        Self { alpha2: code.alpha2, name: code.name }
    }
}

/// Reads a country; an empty cell names none.
pub(crate) fn read(text: &str) -> Result<Option<Country>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(country) = Country::of_code(text) {
        return Ok(Some(country));
    }
    let hint = match Country::called(text) {
        Some(meant) => format!("Write {} if {} is meant.", meant.alpha2, meant.name),
        None => "Write its two capitals of ISO 3166, such as KE.".to_owned(),
    };
    Err(Fault::new(
        Code::CountryUnknown,
        format!("{} is not the code of a country.", quoted(text)),
        hint,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_two_and_three_letters_name_a_country() {
        for (text, alpha2, calling) in [
            ("KE", "KE", Some("254")),
            ("ken", "KE", Some("254")),
            ("ZAF", "ZA", Some("27")),
            ("tz", "TZ", Some("255")),
            ("US", "US", Some("1")),
            ("CIV", "CI", Some("225")),
            ("SSD", "SS", Some("211")),
            ("AQ", "AQ", None),
        ] {
            let country = read(text).unwrap().unwrap();
            assert_eq!((country.alpha2(), country.calling_code()), (alpha2, calling), "{text}");
        }
        assert_eq!(read(""), Ok(None));
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_code_that_is_meant() {
        for (text, hint) in [
            ("Kenya", "Write KE if Kenya is meant."),
            ("kenya", "Write KE if"),
            ("Tanzania", "Write TZ if"),
            ("Guinea", "Write GN if"),
            ("Congo", "such as KE"),
            ("254", "such as KE"),
            ("XX", "such as KE"),
            ("K", "such as KE"),
            ("ＫＥ", "such as KE"),
            ("United", "such as KE"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.code, Code::CountryUnknown, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }
}
