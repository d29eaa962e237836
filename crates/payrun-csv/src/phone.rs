//! The mobile number of who is paid, in international form, or what a spreadsheet made of it.

use crate::numbering::{Fit, fit};
use crate::problem::Fault;
use crate::text::quoted;
use crate::{Code, currency};
use payrun_core::{Currency, PhoneNumber};

/// The fewest and the most digits of a number in international form (E.164; the least is the core's).
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

const AS_TEXT: &str = "Format the column as text";
const INTERNATIONAL: &str = "Write it in international form, such as +254712345678.";

/// Reads a number. The currency, where it is known, tells which country a national number may be of; it is only
/// suggested, never assumed.
pub(crate) fn read(text: &str, currency: Option<Currency>) -> Result<PhoneNumber, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::PhoneEmpty,
            "The phone number is missing.",
            "Enter the mobile number in international form, such as +254712345678.",
        ));
    }
    if let Some(fault) = spreadsheet_damage(text, currency) {
        return Err(fault);
    }
    let Some((plus, digits)) = digits_of(text) else {
        return Err(Fault::new(
            Code::PhoneNotANumber,
            format!("{} is not a phone number.", quoted(text)),
            "Enter one mobile number in international form, such as +254712345678.",
        ));
    };
    if plus { international(text, &digits) } else { Err(national(text, &digits, currency)) }
}

/// A doubt, not a fault: money of one country on its way to a number of another.
pub(crate) fn other_country(phone: &PhoneNumber, currency: Currency) -> Option<Fault> {
    let Fit::Mobile(code) = fit(phone.as_str().trim_start_matches('+')) else {
        return None;
    };
    let mut codes = currency::calling_codes(currency).peekable();
    if codes.peek().is_none() || codes.any(|other| other == code) {
        return None;
    }
    let country = match currency::country_name(code) {
        Some(name) => format!("of {name}"),
        None => format!("with the country code +{code}"),
    };
    Some(Fault::new(
        Code::PhoneOtherCountry,
        format!("The number is one {country}, but the currency is {currency}."),
        "Compare number and currency; if both are right, leave them.",
    ))
}

/// The digits of a number, and whether a + stands before them. Blanks, dashes, dots and brackets mean nothing.
fn digits_of(text: &str) -> Option<(bool, String)> {
    let rest = text.trim_start_matches('(');
    let (plus, rest) = match rest.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let mut digits = String::new();
    for character in rest.chars() {
        match character {
            '0'..='9' => digits.push(character),
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2013}' => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some((plus, digits))
}

fn spreadsheet_damage(text: &str, currency: Option<Currency>) -> Option<Fault> {
    if is_exponent(text) {
        return Some(Fault::new(
            Code::PhoneExponent,
            format!(
                "{} is a number that a spreadsheet has shortened; its last digits are lost.",
                quoted(text)
            ),
            format!("{AS_TEXT} and enter the number again."),
        ));
    }
    let (code, bare, what) = if let Some(bare) = text.strip_prefix(['\'', '’', '‘', '`']) {
        (Code::PhoneApostrophe, bare, "begins with an apostrophe")
    } else {
        let bare = text.strip_suffix(".0").or_else(|| text.strip_suffix(".00"))?;
        let one_number = bare.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
        if !one_number || bare.len() < *DIGITS.start() {
            return None;
        }
        (Code::PhoneDecimal, bare, "ends with .0, as if it were an amount")
    };
    let hint = match suggestion(bare, currency) {
        Some(number) => format!("{AS_TEXT} and write {number} if that is the number."),
        None => format!("{AS_TEXT} and enter the number again."),
    };
    Some(Fault::new(code, format!("{} {what}.", quoted(text)), hint))
}

/// `2.54713E+11`, with a point or a comma.
fn is_exponent(text: &str) -> bool {
    let Some((left, right)) = text.trim_start_matches('+').split_once(['e', 'E']) else {
        return false;
    };
    let right = right.strip_prefix('+').unwrap_or(right);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match left.split_once(['.', ',']) {
        Some((whole, fraction)) => digits(whole) && digits(fraction) && digits(right),
        None => digits(left) && digits(right),
    }
}

fn international(text: &str, digits: &str) -> Result<PhoneNumber, Fault> {
    let of = |code: &str| match currency::country_name(code) {
        Some(name) => format!("a mobile number of {name}"),
        None => format!("a mobile number with the country code +{code}"),
    };
    let judged = fit(digits);
    let (code, message) = match judged {
        Fit::Mobile(country) => match PhoneNumber::from_e164(&format!("+{digits}")) {
            Some(phone) => return Ok(phone),
            None => (Code::PhoneNotMobile, format!("cannot be {}", of(country))),
        },
        _ if digits.len() < *DIGITS.start() => {
            (Code::PhoneTooShort, "is too short for a phone number".to_owned())
        }
        Fit::UnknownCountry => {
            (Code::PhoneUnknownCountry, "does not begin with the code of any country".to_owned())
        }
        Fit::TooShort(country) => {
            (Code::PhoneTooShort, format!("is too short for {}", of(country)))
        }
        Fit::TooLong(country) | Fit::NotMobile(country) => {
            if let Some(number) = without_trunk_zero(digits, country) {
                return Err(Fault::new(
                    Code::PhoneTrunkZero,
                    format!("{} has a 0 behind the country code.", quoted(text)),
                    format!("Write {number} if that is the number."),
                ));
            }
            if matches!(judged, Fit::TooLong(_)) {
                (Code::PhoneTooLong, format!("is too long for {}", of(country)))
            } else {
                (Code::PhoneNotMobile, format!("cannot be {}", of(country)))
            }
        }
    };
    Err(Fault::new(
        code,
        format!("{} {message}.", quoted(text)),
        "Compare it with what the person gave.",
    ))
}

fn without_trunk_zero(digits: &str, country: &str) -> Option<String> {
    let national = digits.strip_prefix(country)?.strip_prefix('0')?;
    mobile(&format!("{country}{national}"))
}

/// What to say of a number without a +: which number it would be, if it can be one.
fn national(text: &str, digits: &str, currency: Option<Currency>) -> Fault {
    let (code, what) = match (without_plus(digits), of_country(digits, currency)) {
        (Some(_), _) => (Code::PhoneWithoutPlus, "has no + at its beginning"),
        (None, _) if digits.len() < *DIGITS.start() => {
            (Code::PhoneTooShort, "is too short for a phone number")
        }
        (None, Some(_)) if !digits.starts_with('0') => {
            (Code::PhoneLostZero, "has neither a country code nor a 0 at its beginning")
        }
        (None, _) => (Code::PhoneWithoutCountryCode, "does not begin with + and a country code"),
    };
    let hint = match suggestion(digits, currency) {
        Some(number) => format!("Write {number} if that is the number."),
        None => INTERNATIONAL.to_owned(),
    };
    Fault::new(code, format!("{} {what}.", quoted(text)), hint)
}

/// The number in international form that a damaged one was most likely.
fn suggestion(text: &str, currency: Option<Currency>) -> Option<String> {
    let (plus, digits) = digits_of(text)?;
    if plus {
        return mobile(&digits);
    }
    without_plus(&digits).or_else(|| of_country(&digits, currency))
}

/// `254712345678` and `00254712345678`.
fn without_plus(digits: &str) -> Option<String> {
    mobile(digits.strip_prefix("00").unwrap_or(digits))
}

/// `0712345678` and `712345678`, in a country of the currency: the 0 belongs to the number in some, and to the
/// dialling in others.
fn of_country(digits: &str, currency: Option<Currency>) -> Option<String> {
    let bare = digits.strip_prefix('0').unwrap_or(digits);
    let mut numbers = currency::calling_codes(currency?)
        .flat_map(|code| [format!("{code}{bare}"), format!("{code}0{bare}")])
        .filter_map(|digits| mobile(&digits));
    // Where several countries share the currency, two that fit are none.
    match (numbers.next(), numbers.next()) {
        (Some(number), None) => Some(number),
        _ => None,
    }
}

fn mobile(digits: &str) -> Option<String> {
    matches!(fit(digits), Fit::Mobile(_)).then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Option<Currency> {
        Some(code.parse().unwrap())
    }

    #[test]
    fn separators_mean_nothing() {
        for text in [
            "+254712345678",
            "+254 712 345 678",
            "+254-712-345-678",
            "+254.712.345.678",
            "+254 (712) 345678",
            "(+254) 712345678",
            "+254\u{a0}712\u{2011}345678",
        ] {
            assert_eq!(read(text, None).unwrap().as_str(), "+254712345678", "{text}");
        }
    }

    #[test]
    fn every_other_text_is_refused_by_the_rule_that_fits() {
        use Code::{
            PhoneApostrophe, PhoneDecimal, PhoneEmpty, PhoneExponent, PhoneLostZero,
            PhoneNotANumber, PhoneNotMobile, PhoneTooLong, PhoneTooShort, PhoneTrunkZero,
            PhoneUnknownCountry, PhoneWithoutCountryCode, PhoneWithoutPlus,
        };
        for (text, money, code, hint) in [
            ("", "KES", PhoneEmpty, "+254712345678"),
            ("n/a", "KES", PhoneNotANumber, "one mobile number"),
            ("+", "KES", PhoneNotANumber, "one mobile number"),
            ("++254712345678", "KES", PhoneNotANumber, "one mobile number"),
            ("+254712345678/+254722345678", "KES", PhoneNotANumber, "one mobile number"),
            ("+２５４７１２３４５６７８", "KES", PhoneNotANumber, "one mobile number"),
            ("+254712345678 ext. 5", "KES", PhoneNotANumber, "one mobile number"),
            ("2.54E+11", "KES", PhoneExponent, "again"),
            ("2,54713E+11", "KES", PhoneExponent, "again"),
            ("2.54713e11", "KES", PhoneExponent, "again"),
            ("254712345678.0", "KES", PhoneDecimal, "+254712345678"),
            ("+254712345678.0", "KES", PhoneDecimal, "+254712345678"),
            ("712345678.0", "KES", PhoneDecimal, "+254712345678"),
            ("'+254712345678", "KES", PhoneApostrophe, "+254712345678"),
            ("'0712345678", "KES", PhoneApostrophe, "+254712345678"),
            ("’", "KES", PhoneApostrophe, "again"),
            ("254712345678", "KES", PhoneWithoutPlus, "Write +254712345678"),
            ("00254 712 345678", "UGX", PhoneWithoutPlus, "Write +254712345678"),
            ("0712345678", "KES", PhoneWithoutCountryCode, "Write +254712345678"),
            ("0772123456", "UGX", PhoneWithoutCountryCode, "Write +256772123456"),
            ("0244123456", "GHS", PhoneWithoutCountryCode, "Write +233244123456"),
            ("0712345678", "USD", PhoneWithoutCountryCode, "international form"),
            ("0202012345", "KES", PhoneWithoutCountryCode, "international form"),
            ("712345678", "KES", PhoneLostZero, "Write +254712345678"),
            ("971234567", "ZMW", PhoneLostZero, "Write +260971234567"),
            ("+2540712345678", "KES", PhoneTrunkZero, "Write +254712345678"),
            ("+254 (0) 712 345678", "KES", PhoneTrunkZero, "Write +254712345678"),
            ("+999712345678", "KES", PhoneUnknownCountry, "Compare"),
            ("+254", "KES", PhoneTooShort, "Compare"),
            ("+25471234567", "KES", PhoneTooShort, "Compare"),
            ("12345", "KES", PhoneTooShort, "international form"),
            ("+2547123456789", "KES", PhoneTooLong, "Compare"),
            ("+254202012345", "KES", PhoneNotMobile, "Compare"),
            ("+254800723456", "KES", PhoneNotMobile, "Compare"),
        ] {
            let fault = read(text, currency(money)).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }

    #[test]
    fn a_zero_that_belongs_to_the_number_is_kept() {
        assert_eq!(read("+225 07 12 34 56 78", None).unwrap().as_str(), "+2250712345678");
        let fault = read("0712345678", currency("XOF")).unwrap_err();
        assert_eq!(fault.code, Code::PhoneWithoutCountryCode);
        // It would be a mobile number in Côte d'Ivoire and in Senegal, so neither is suggested.
        assert_eq!(fault.hint, INTERNATIONAL);
    }

    #[test]
    fn a_number_of_another_country_is_a_doubt() {
        for (number, money, message) in [
            ("+256772123456", "KES", Some("The number is one of Uganda, but the currency is KES.")),
            (
                "+4915123456789",
                "KES",
                Some("The number is one with the country code +49, but the currency is KES."),
            ),
            ("+254712345678", "KES", None),
            ("+221771234567", "XOF", None),
            ("+254712345678", "USD", None),
        ] {
            let phone = PhoneNumber::from_e164(number).unwrap();
            let fault = other_country(&phone, money.parse().unwrap());
            assert_eq!(fault.map(|fault| fault.message).as_deref(), message, "{number} {money}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_is_its_own_digits(text in "\\PC{0,20}|\\+?[0-9 .()e-]{0,20}|\\+254[ .(-]?7[0-9]{8}[ .)-]?") {
            if let Ok(phone) = read(&text, currency("XOF")) {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                prop_assert_eq!(phone.as_str(), format!("+{digits}"));
            }
        }
    }
}
