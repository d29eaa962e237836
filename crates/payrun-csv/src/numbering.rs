//! Which numbers can be mobile numbers, by the numbering plans of the countries (libphonenumber's data).
//!
//! The patterns are compiled once per country and anchored at both ends; whether a number is in use, only its
//! network knows.

use phonenumber::metadata::DATABASE;
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
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

static PLANS: LazyLock<HashMap<String, Vec<MobilePlan>>> = LazyLock::new(|| {
    let mut plans = HashMap::<String, Vec<MobilePlan>>::new();
    for country in DATABASE.iter() {
        let code = country.country_code().to_string();
        let mobile = country.descriptors().mobile().map(|mobile| MobilePlan {
            lengths: mobile.possible_length().iter().map(|length| usize::from(*length)).collect(),
            pattern: mobile.national_number().as_str().to_owned(),
            compiled: OnceLock::new(),
        });
        plans.entry(code).or_default().extend(mobile);
    }
    plans
});

/// Judges the digits of a number in international form, without the `+`.
pub(crate) fn fit(digits: &str) -> Fit<'_> {
    // No calling code is the beginning of another, so the first that fits is the one.
    let split = (1..=3).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        Some((code, national, PLANS.get(code)?))
    });
    let Some((code, national, plans)) = split else {
        return Fit::UnknownCountry;
    };
    if plans.iter().any(|plan| plan.holds(national)) {
        return Fit::Mobile(code);
    }
    let lengths = || plans.iter().flat_map(|plan| plan.lengths.iter().copied());
    match (lengths().min(), lengths().max()) {
        (Some(least), _) if national.len() < least => Fit::TooShort(code),
        (_, Some(most)) if national.len() > most => Fit::TooLong(code),
        _ => Fit::NotMobile(code),
    }
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
    fn numbers_of_other_kinds_are_told_apart() {
        for (digits, expected) in [
            ("254712345678", Fit::Mobile("254")),
            ("2250712345678", Fit::Mobile("225")), // Côte d'Ivoire keeps its 0
            ("12015550123", Fit::Mobile("1")),
            ("254202012345", Fit::NotMobile("254")), // a landline in Nairobi
            ("25471234567", Fit::TooShort("254")),
            ("2547123456789", Fit::TooLong("254")),
            ("999123456789", Fit::UnknownCountry),
            ("", Fit::UnknownCountry),
            ("2", Fit::UnknownCountry),
        ] {
            assert_eq!(fit(digits), expected, "{digits}");
        }
    }
}
