//! The phone number of who is paid, in international form, or what a spreadsheet made of it.

use crate::country::Country;
use crate::numbering::{Fit, calling_code, fit, is_possible};
use crate::problem::Fault;
use crate::text::quoted;
use crate::{Code, currency, digits};
use payrun_core::{Currency, PhoneNumber};

/// The fewest and the most digits of a number in international form (E.164; the least is the core's).
pub(crate) const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

const AS_TEXT: &str = "Format the column as text";
const INTERNATIONAL: &str = "Write it in international form, such as +254712345678.";

/// What the rest of the row says about where the number belongs. It decides what is suggested, never what is read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) currency: Option<Currency>,
    pub(crate) country: Option<Country>,
    /// Whether the number may be a landline: true where the money goes elsewhere.
    pub(crate) any_kind: bool,
}

impl Place {
    /// Calling codes of the country that the row names, or of those that its currency is paid in.
    fn calling_codes(self) -> impl Iterator<Item = &'static str> {
        let named = self.country.and_then(Country::calling_code);
        let currency = self.currency.filter(|_| self.country.is_none());
        named.into_iter().chain(currency.into_iter().flat_map(currency::calling_codes))
    }

    fn kind(self) -> &'static str {
        if self.any_kind { "phone number" } else { "mobile number" }
    }
}

/// Reads a number.
pub(crate) fn read(text: &str, place: Place) -> Result<PhoneNumber, Fault> {
    if let Some(phone) = PhoneNumber::from_e164(text)
        && fits(text.trim_start_matches('+'), place)
    {
        return Ok(phone);
    }
    if text.is_empty() {
        return Err(Fault::new(
            Code::PhoneEmpty,
            "The phone number is missing.",
            "Enter the mobile number in international form, such as +254712345678.",
        ));
    }
    if let Some(fault) = spreadsheet_damage(text, place) {
        return Err(fault);
    }
    let Some((plus, digits)) = digits_of(text) else {
        return Err(no_number(text, place));
    };
    if plus { international(text, &digits, place) } else { Err(national(text, &digits, place)) }
}

fn fits(digits: &str, place: Place) -> bool {
    if place.any_kind { is_possible(digits) } else { matches!(fit(digits), Fit::Mobile(_)) }
}

/// A doubt, not a fault: money of one country on its way to a number of another.
pub(crate) fn other_country(phone: &PhoneNumber, place: Place) -> Option<Fault> {
    let code = calling_code(phone.as_str().trim_start_matches('+'))?;
    let mut codes = place.calling_codes().peekable();
    if codes.peek().is_none() || codes.any(|other| other == code) {
        return None;
    }
    let number = match currency::country_name(code) {
        Some(name) => format!("of {name}"),
        None => format!("with the country code +{code}"),
    };
    let (what, other) = match (place.country, place.currency) {
        (Some(country), _) => ("country", country.name()),
        (None, Some(currency)) => ("currency", currency.code()),
        (None, None) => return None,
    };
    Some(Fault::new(
        Code::PhoneOtherCountry,
        format!("The number is one {number}, but the {what} is {other}."),
        format!("Compare number and {what}; if both are right, leave them."),
    ))
}

fn no_number(text: &str, place: Place) -> Fault {
    let Some(ascii) = digits::ascii(text) else {
        return Fault::new(
            Code::PhoneNotANumber,
            format!("{} is not a phone number.", quoted(text)),
            "Enter one mobile number in international form, such as +254712345678.",
        );
    };
    let hint = match suggestion(&ascii, place) {
        Some(number) => format!("Write {number} if that is the number."),
        None => INTERNATIONAL.to_owned(),
    };
    Fault::new(
        Code::PhoneOtherDigits,
        format!("{} has digits other than 0 to 9.", quoted(text)),
        hint,
    )
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

fn spreadsheet_damage(text: &str, place: Place) -> Option<Fault> {
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
    let hint = match suggestion(bare, place) {
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

fn international(text: &str, digits: &str, place: Place) -> Result<PhoneNumber, Fault> {
    if fits(digits, place)
        && let Some(phone) = PhoneNumber::from_e164(&format!("+{digits}"))
    {
        return Ok(phone);
    }
    let kind = place.kind();
    let of = |code: &str| match currency::country_name(code) {
        Some(name) => format!("a {kind} of {name}"),
        None => format!("a {kind} with the country code +{code}"),
    };
    let judged = fit(digits);
    let (code, message) = match judged {
        _ if digits.len() < *DIGITS.start() => {
            (Code::PhoneTooShort, "is too short for a phone number".to_owned())
        }
        Fit::UnknownCountry => {
            (Code::PhoneUnknownCountry, "does not begin with the code of any country".to_owned())
        }
        Fit::TooShort(country) => {
            (Code::PhoneTooShort, format!("is too short for {}", of(country)))
        }
        Fit::TooLong(country) | Fit::NotMobile(country) | Fit::Mobile(country) => {
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
fn national(text: &str, digits: &str, place: Place) -> Fault {
    let (abroad, at_home) = (without_plus(digits), of_country(digits, place));
    let (code, what) = match (&abroad, &at_home) {
        (Some(_), _) => (Code::PhoneWithoutPlus, "has no + at its beginning"),
        (None, _) if digits.len() < *DIGITS.start() => {
            (Code::PhoneTooShort, "is too short for a phone number")
        }
        (None, Some(_)) if !digits.starts_with('0') => {
            (Code::PhoneLostZero, "has neither a country code nor a 0 at its beginning")
        }
        (None, _) => (Code::PhoneWithoutCountryCode, "does not begin with + and a country code"),
    };
    let hint = match only(abroad, at_home) {
        Some(number) => format!("Write {number} if that is the number."),
        None => INTERNATIONAL.to_owned(),
    };
    Fault::new(code, format!("{} {what}.", quoted(text)), hint)
}

/// The number in international form that a damaged one was most likely.
fn suggestion(text: &str, place: Place) -> Option<String> {
    let (plus, digits) = digits_of(text)?;
    if plus {
        return mobile(&digits);
    }
    only(without_plus(&digits), of_country(&digits, place))
}

/// Two that fit are none.
fn only(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(number), None) | (None, Some(number)) => Some(number),
        _ => None,
    }
}

/// `254712345678` and `00254712345678`.
fn without_plus(digits: &str) -> Option<String> {
    mobile(digits.strip_prefix("00").unwrap_or(digits))
}

/// `0712345678` and `712345678`, in a country that the row points to: the 0 belongs to the number in some, and to
/// the dialling in others.
fn of_country(digits: &str, place: Place) -> Option<String> {
    let bare = digits.strip_prefix('0').unwrap_or(digits);
    let mut numbers = place
        .calling_codes()
        .flat_map(|code| [format!("{code}{bare}"), format!("{code}0{bare}")])
        .filter_map(|digits| mobile(&digits));
    // Where several countries share the currency, two that fit are none.
    match (numbers.next(), numbers.next()) {
        (Some(number), None) => Some(number),
        _ => None,
    }
}

fn mobile(digits: &str) -> Option<String> {
    let number = matches!(fit(digits), Fit::Mobile(_)).then(|| format!("+{digits}"))?;
    PhoneNumber::from_e164(&number).is_some().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paid_in(code: &str) -> Place {
        Place { currency: Some(code.parse().unwrap()), ..Place::default() }
    }

    fn paid_to(country: &str) -> Place {
        Place { country: crate::country::read(country).unwrap(), ..paid_in("USD") }
    }

    /// The number that a hint suggests.
    fn suggested(fault: &Fault) -> Option<&str> {
        let (_, rest) = fault.hint.split_once("rite ")?;
        rest.split_once(" if that is the number.").map(|(number, _)| number)
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
            assert_eq!(read(text, Place::default()).unwrap().as_str(), "+254712345678", "{text}");
        }
    }

    #[test]
    fn every_other_text_is_refused_by_the_rule_that_fits() {
        use Code::{
            PhoneApostrophe, PhoneDecimal, PhoneEmpty, PhoneExponent, PhoneLostZero,
            PhoneNotANumber, PhoneNotMobile, PhoneOtherDigits, PhoneTooLong, PhoneTooShort,
            PhoneTrunkZero, PhoneUnknownCountry, PhoneWithoutCountryCode, PhoneWithoutPlus,
        };
        for (text, money, code, hint) in [
            ("", "KES", PhoneEmpty, "+254712345678"),
            ("n/a", "KES", PhoneNotANumber, "one mobile number"),
            ("+", "KES", PhoneNotANumber, "one mobile number"),
            ("++254712345678", "KES", PhoneNotANumber, "one mobile number"),
            ("+254712345678/+254722345678", "KES", PhoneNotANumber, "one mobile number"),
            ("+２５４７１２３４５６７８", "KES", PhoneOtherDigits, "Write +254712345678"),
            ("٠٧١٢٣٤٥٦٧٨", "KES", PhoneOtherDigits, "Write +254712345678"),
            ("½", "KES", PhoneOtherDigits, "international form"),
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
            let fault = read(text, paid_in(money)).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }

    #[test]
    fn a_zero_that_belongs_to_the_number_is_kept() {
        assert_eq!(
            read("+225 07 12 34 56 78", Place::default()).unwrap().as_str(),
            "+2250712345678"
        );
        let fault = read("0712345678", paid_in("XOF")).unwrap_err();
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
            let fault = other_country(&phone, paid_in(money));
            assert_eq!(fault.map(|fault| fault.message).as_deref(), message, "{number} {money}");
        }
    }

    #[test]
    fn the_country_that_the_row_names_tells_where_a_national_number_belongs() {
        for (text, country, hint) in [
            ("0712345678", "KE", "Write +254712345678"),
            ("712345678", "KEN", "Write +254712345678"),
            ("0712345678", "CI", "Write +2250712345678"),
            ("771234567", "SN", "Write +221771234567"),
            ("712345678.0", "KE", "write +254712345678"),
            ("0712345678", "AQ", "international form"),
        ] {
            let fault = read(text, paid_to(country)).unwrap_err();
            assert!(fault.hint.contains(hint), "{text} {country}: {}", fault.hint);
        }
        let phone = PhoneNumber::from_e164("+256772123456").unwrap();
        let fault = other_country(&phone, paid_to("KE")).unwrap();
        assert_eq!(fault.message, "The number is one of Uganda, but the country is Kenya.");
        assert_eq!(other_country(&phone, paid_to("UG")), None);
        assert_eq!(other_country(&phone, paid_to("AQ")), None);
    }

    #[test]
    fn where_no_phone_is_paid_it_may_be_of_any_kind() {
        let place = Place { any_kind: true, ..paid_in("KES") };
        for text in ["+254712345678", "+254 20 201 2345", "+254800723456"] {
            assert!(read(text, place).is_ok(), "{text}");
        }
        for (text, code) in [
            ("+254712", Code::PhoneTooShort),
            ("+25471234567890", Code::PhoneTooLong),
            ("+999712345678", Code::PhoneUnknownCountry),
            ("0202012345", Code::PhoneWithoutCountryCode),
            ("2.54E+11", Code::PhoneExponent),
            ("", Code::PhoneEmpty),
        ] {
            assert_eq!(read(text, place).unwrap_err().code, code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_passes_is_its_own_digits(text in "\\PC{0,20}|\\+?[0-9 .()e-]{0,20}|\\+254[ .(-]?7[0-9]{8}[ .)-]?") {
            for place in [Place::default(), paid_in("XOF"), Place { any_kind: true, ..paid_in("KES") }] {
                match read(&text, place) {
                    Ok(phone) => {
                        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                        prop_assert_eq!(phone.as_str(), format!("+{digits}"));
                    }
                    Err(fault) => if let Some(number) = suggested(&fault) {
                        prop_assert!(read(number, place).is_ok(), "{}", number);
                    },
                }
            }
        }

        #[test]
        fn what_is_suggested_is_a_good_number(
            damage in "(\\+|00|0|'|)(254|256|233|225|)(0|)7[0-9]{7,9}(\\.0|)",
            money in prop::sample::select(vec!["KES", "UGX", "GHS", "XOF", "TZS", "USD"]),
        ) {
            let place = paid_in(money);
            if let Err(fault) = read(&damage, place) && let Some(number) = suggested(&fault) {
                let phone = read(number, place).unwrap();
                prop_assert_eq!(phone.as_str(), number);
            }
        }
    }
}
