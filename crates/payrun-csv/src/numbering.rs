//! Which numbers can be mobile numbers, by the numbering plans of the countries (libphonenumber's data).
//!
//! The patterns are compiled once per country and anchored at both ends; whether a number is in use, only its
//! network knows.

use phonenumber::Type;
use phonenumber::metadata::{DATABASE, Descriptor};
use regex::{Regex, RegexBuilder};
use std::sync::{LazyLock, OnceLock};

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

/// Kinds of numbers that a person or a firm can be called at.
const KINDS: [Type; 7] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Uan,
];

/// The numbers of a calling code; several territories may share it.
#[derive(Default)]
struct Plan {
    mobile: Vec<MobilePlan>,
    /// How long the numbers of any kind can be, without the calling code.
    lengths: Vec<usize>,
}

/// The mobile numbers of one country, or of one territory that shares a calling code.
struct MobilePlan {
    lengths: Vec<usize>,
    pattern: String,
    compiled: OnceLock<Option<Regex>>,
}

impl MobilePlan {
    fn holds(&self, national: &str) -> bool {
        let compile = || {
            RegexBuilder::new(&format!("^(?:{})$", self.pattern))
                .ignore_whitespace(true)
                .unicode(false)
                .build()
                .ok()
        };
        self.lengths.contains(&national.len())
            && self
                .compiled
                .get_or_init(compile)
                .as_ref()
                .is_some_and(|regex| regex.is_match(national))
    }
}

fn lengths(descriptor: &Descriptor) -> Vec<usize> {
    descriptor.possible_length().iter().map(|length| usize::from(*length)).collect()
}

/// By calling code, 0 to 999.
static PLANS: LazyLock<Vec<Option<Plan>>> = LazyLock::new(|| {
    let mut plans: Vec<Option<Plan>> = Vec::new();
    plans.resize_with(1000, || None);
    for country in DATABASE.iter() {
        let Some(place) = plans.get_mut(usize::from(country.country_code())) else {
            continue;
        };
        let plan = place.get_or_insert_default();
        plan.mobile.extend(country.descriptors().mobile().map(|mobile| MobilePlan {
            lengths: lengths(mobile),
            pattern: mobile.national_number().as_str().to_owned(),
            compiled: OnceLock::new(),
        }));
        let kinds = KINDS.iter().filter_map(|kind| country.descriptors().get(*kind));
        plan.lengths.extend(kinds.flat_map(lengths));
    }
    for plan in plans.iter_mut().flatten() {
        plan.lengths.sort_unstable();
        plan.lengths.dedup();
    }
    plans
});

/// Lengths and pattern of the mobile numbers of each territory with this calling code.
pub(crate) fn mobile_plans(code: u16) -> impl Iterator<Item = (&'static [usize], &'static str)> {
    let plan = PLANS.get(usize::from(code)).and_then(Option::as_ref);
    let mobile = plan.into_iter().flat_map(|plan| &plan.mobile);
    mobile.map(|mobile| (mobile.lengths.as_slice(), mobile.pattern.as_str()))
}

/// The calling code, the rest, and the plan for it.
fn split(digits: &str) -> Option<(&str, &str, &'static Plan)> {
    // No code begins with 0, and none is the beginning of another, so the first that fits is the one.
    if digits.starts_with('0') {
        return None;
    }
    let mut code = 0usize;
    for (length, digit) in (1..=3).zip(digits.bytes()) {
        code = code.checked_mul(10)?.checked_add(usize::from(digit.checked_sub(b'0')?))?;
        if let Some(Some(plan)) = PLANS.get(code) {
            let (code, national) = digits.split_at_checked(length)?;
            return Some((code, national, plan));
        }
    }
    None
}

/// Judges the digits of a number in international form, without the `+`.
pub(crate) fn fit(digits: &str) -> Fit<'_> {
    let Some((code, national, plan)) = split(digits) else {
        return Fit::UnknownCountry;
    };
    if plan.mobile.iter().any(|mobile| mobile.holds(national)) {
        return Fit::Mobile(code);
    }
    let lengths = || plan.mobile.iter().flat_map(|mobile| mobile.lengths.iter().copied());
    match (lengths().min(), lengths().max()) {
        (Some(least), _) if national.len() < least => Fit::TooShort(code),
        (_, Some(most)) if national.len() > most => Fit::TooLong(code),
        _ => Fit::NotMobile(code),
    }
}

/// Whether digits can be a number of any kind: of a length that some number of the country has.
pub(crate) fn is_possible(digits: &str) -> bool {
    split(digits).is_some_and(|(_, national, plan)| plan.lengths.contains(&national.len()))
}

/// The calling code at the beginning of the digits.
pub(crate) fn calling_code(digits: &str) -> Option<&str> {
    split(digits).map(|(code, _, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
