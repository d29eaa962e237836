//! Which numbers can be mobile numbers, by the numbering plans of the countries (libphonenumber's data, taken out of it
//! when payrun is built). Whether a number is in use, only its network knows.

use crate::mobile::Mobile;
use std::sync::{LazyLock, OnceLock};

/// The numbering plan of one country, or of one territory that shares a calling code.
struct Territory {
    /// Its two letters, or three digits where it is no country.
    id: &'static str,
    code: u16,
    /// The code as its digits.
    dialled: &'static str,
    /// How long numbers of any kind can be, without the calling code.
    possible: &'static [u16],
    /// How long mobile numbers can be, and their pattern.
    mobile: Option<(&'static [u16], &'static str)>,
}

static TERRITORIES: &[Territory] = include!(concat!(env!("OUT_DIR"), "/territories.rs"));

/// What the digits of a number, country code first, can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit<'d> {
    /// A mobile number of the country with this calling code.
    Mobile(&'d str),
    /// No country has such a code.
    UnknownCountry,
    /// Shorter than every mobile number of the country.
    TooShort(&'d str),
    /// Longer than every mobile number of the country.
    TooLong(&'d str),
    /// Of another kind, or of none.
    NotMobile(&'d str),
}

/// The numbers of a calling code, which several territories may share.
#[derive(Default)]
struct Plan {
    territories: Vec<&'static Territory>,
    /// Made when the first number of the code is met.
    mobile: OnceLock<Vec<Mobile>>,
}

impl Plan {
    fn holds(&self, national: &[u8]) -> bool {
        let plans =
            || self.mobile_lengths().filter_map(|(lengths, pattern)| Mobile::new(lengths, pattern));
        self.mobile.get_or_init(|| plans().collect()).iter().any(|mobile| mobile.holds(national))
    }

    fn mobile_lengths(&self) -> impl Iterator<Item = (&'static [u16], &'static str)> {
        self.territories.iter().filter_map(|territory| territory.mobile)
    }
}

/// By calling code, 0 to 999.
static PLANS: LazyLock<Vec<Option<Plan>>> = LazyLock::new(|| {
    let mut plans: Vec<Option<Plan>> = Vec::new();
    plans.resize_with(1000, || None);
    for territory in TERRITORIES {
        if let Some(plan) = plans.get_mut(usize::from(territory.code)) {
            plan.get_or_insert_default().territories.push(territory);
        }
    }
    plans
});

/// The calling code of a country, by its two letters.
pub(crate) fn code_of_country(alpha2: &str) -> Option<&'static str> {
    TERRITORIES.iter().find(|territory| territory.id == alpha2).map(|territory| territory.dialled)
}

/// The calling code of a mobile number, given by its digits in international form without the `+`; `None` for all that
/// is not one.
#[inline]
pub(crate) fn mobile_code(digits: &[u8]) -> Option<u16> {
    let (code, length, plan) = split(digits)?;
    plan.holds(digits.get(length..)?).then_some(code)
}

/// The calling code, how many digits it has, and the plan for it.
#[inline]
fn split(digits: &[u8]) -> Option<(u16, usize, &'static Plan)> {
    let plans = &*PLANS;
    let mut code = 0u16;
    // No code begins with 0, and none is the beginning of another, so the first that fits is the one.
    for (length, byte) in (1..=3).zip(digits) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || (length == 1 && digit == 0) {
            return None;
        }
        code = code * 10 + u16::from(digit);
        if let Some(Some(plan)) = plans.get(usize::from(code)) {
            return Some((code, length, plan));
        }
    }
    None
}

/// Judges the digits of a number in international form, without the `+`.
pub(crate) fn fit(digits: &str) -> Fit<'_> {
    let Some((code, national, plan)) = parts(digits) else {
        return Fit::UnknownCountry;
    };
    if plan.holds(national.as_bytes()) {
        return Fit::Mobile(code);
    }
    let lengths = || {
        plan.mobile_lengths().flat_map(|(lengths, _)| lengths).map(|length| usize::from(*length))
    };
    match (lengths().min(), lengths().max()) {
        (Some(least), _) if national.len() < least => Fit::TooShort(code),
        (_, Some(most)) if national.len() > most => Fit::TooLong(code),
        _ => Fit::NotMobile(code),
    }
}

fn parts(digits: &str) -> Option<(&str, &str, &'static Plan)> {
    let (_, length, plan) = split(digits.as_bytes())?;
    let (code, national) = digits.split_at_checked(length)?;
    Some((code, national, plan))
}

/// Whether digits can be a number of any kind: of a length that some number of the country has.
pub(crate) fn is_possible(digits: &str) -> bool {
    parts(digits).is_some_and(|(_, national, plan)| {
        let lengths = plan.territories.iter().flat_map(|territory| territory.possible);
        lengths.map(|length| usize::from(*length)).any(|length| length == national.len())
    })
}

/// The calling code at the beginning of the digits.
pub(crate) fn calling_code(digits: &str) -> Option<&str> {
    parts(digits).map(|(code, _, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use phonenumber::Type;
    use phonenumber::metadata::{DATABASE, Descriptor};
    use proptest::prelude::*;
    use regex::RegexBuilder;

    const KINDS: [Type; 7] = [
        Type::FixedLine,
        Type::Mobile,
        Type::TollFree,
        Type::SharedCost,
        Type::PersonalNumber,
        Type::Voip,
        Type::Uan,
    ];

    #[test]
    fn the_data_s_own_examples_are_mobile_numbers() {
        let mut examples = 0;
        for country in DATABASE.iter() {
            let Some(example) = country.descriptors().mobile().and_then(|mobile| mobile.example())
            else {
                continue;
            };
            let number = format!("{}{example}", country.country_code());
            let code = country.country_code().to_string();
            assert_eq!(fit(&number), Fit::Mobile(&code), "{} {number}", country.id());
            examples += 1;
        }
        assert!(examples > 200, "{examples}");
    }

    #[test]
    fn the_data_s_own_examples_of_every_kind_are_possible_numbers() {
        let mut examples = 0;
        for country in DATABASE.iter() {
            for kind in KINDS {
                let descriptor = country.descriptors().get(kind);
                let Some(example) = descriptor.and_then(Descriptor::example) else { continue };
                let number = format!("{}{example}", country.country_code());
                assert!(is_possible(&number), "{} {number}", country.id());
                assert_eq!(calling_code(&number), Some(&*country.country_code().to_string()));
                examples += 1;
            }
        }
        assert!(examples > 600, "{examples}");
    }

    #[test]
    fn numbers_of_other_kinds_are_told_apart() {
        for (digits, expected, possible) in [
            ("254712345678", Fit::Mobile("254"), true),
            ("2250712345678", Fit::Mobile("225"), true), // Côte d'Ivoire keeps its 0
            ("12015550123", Fit::Mobile("1"), true),
            ("254202012345", Fit::NotMobile("254"), true), // a landline in Nairobi
            ("25471234567", Fit::TooShort("254"), true),
            ("2547", Fit::TooShort("254"), false),
            ("25471234567890123", Fit::TooLong("254"), false),
            ("999123456789", Fit::UnknownCountry, false),
            ("0712345678", Fit::UnknownCountry, false),
            ("", Fit::UnknownCountry, false),
            ("2", Fit::UnknownCountry, false),
            ("٢٥٤", Fit::UnknownCountry, false),
            ("+254", Fit::UnknownCountry, false),
        ] {
            assert_eq!(fit(digits), expected, "{digits}");
            assert_eq!(is_possible(digits), possible, "{digits}");
        }
    }

    /// What the pattern says to another engine than ours.
    fn by_pattern(digits: &str) -> Option<u16> {
        let (code, _, plan) = split(digits.as_bytes())?;
        let national = &digits[code.to_string().len()..];
        let holds = |(lengths, pattern): (&[u16], &str)| {
            let pattern = RegexBuilder::new(&format!("^(?:{pattern})$"))
                .ignore_whitespace(true)
                .build()
                .unwrap();
            lengths.iter().any(|length| usize::from(*length) == national.len())
                && pattern.is_match(national)
        };
        plan.mobile_lengths().any(holds).then_some(code)
    }

    #[test]
    fn the_examples_of_every_country_and_their_neighbours_agree_with_the_patterns() {
        for country in DATABASE.iter() {
            let Some(example) = country.descriptors().mobile().and_then(|mobile| mobile.example())
            else {
                continue;
            };
            let number = format!("{}{example}", country.country_code());
            for place in 0..number.len() {
                for digit in ["0", "5", "9", ""] {
                    let mut other = number.clone();
                    other.replace_range(place..=place, digit);
                    assert_eq!(mobile_code(other.as_bytes()), by_pattern(&other), "{other}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_digits_agree_with_the_patterns(digits in "(254|256|255|233|260|225|237|1|44|7)?[0-9]{0,12}") {
            prop_assert_eq!(mobile_code(digits.as_bytes()), by_pattern(&digits));
            prop_assert_eq!(mobile_code(digits.as_bytes()).is_some(), matches!(fit(&digits), Fit::Mobile(_)));
        }
    }
}
