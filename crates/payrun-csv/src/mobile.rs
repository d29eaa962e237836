//! Mobile numbers by table steps: the numbering plans' patterns as automata, made when a country is first met.

use crate::numbering;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};
use std::sync::{LazyLock, OnceLock};

/// The mobile numbers of one numbering plan.
pub(crate) struct Mobile {
    /// A bit for each length that a number can have.
    lengths: u32,
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
}

/// By calling code, 0 to 999; those that are none hold nothing.
static PLANS: LazyLock<Vec<OnceLock<Vec<Mobile>>>> =
    LazyLock::new(|| (0..1000).map(|_| OnceLock::new()).collect());

impl Mobile {
    /// The calling code of a mobile number, given by its digits in international form without the `+`. `None` for all
    /// that is not one at a glance.
    #[inline]
    pub(crate) fn calling_code(digits: &[u8]) -> Option<u16> {
        if !(7..=15).contains(&digits.len()) || digits.first() == Some(&b'0') {
            return None;
        }
        let mut code = 0u16;
        // No calling code is the beginning of another.
        for (length, byte) in (1..=3).zip(digits) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            code = code * 10 + u16::from(digit);
            let plans = PLANS.get(usize::from(code))?.get_or_init(|| Self::plans(code));
            if !plans.is_empty() {
                let national = digits.get(length..)?;
                return plans.iter().any(|plan| plan.holds(national)).then_some(code);
            }
        }
        None
    }

    fn plans(code: u16) -> Vec<Self> {
        numbering::mobile_plans(code)
            .filter_map(|(lengths, pattern)| Self::new(lengths, pattern))
            .collect()
    }

    /// `None` if the pattern cannot be made an automaton of; its numbers are looked at closely then.
    fn new(lengths: &[usize], pattern: &str) -> Option<Self> {
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new()
                    .start_kind(StartKind::Anchored)
                    .match_kind(MatchKind::All)
                    .minimize(true),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false).ignore_whitespace(true))
            .build(&format!("(?:{pattern})\\z"))
            .ok()?;
        let start = automaton.start_state(&start::Config::new().anchored(Anchored::Yes)).ok()?;
        let bit = |length: &usize| {
            u32::try_from(*length).ok().and_then(|length| 1u32.checked_shl(length)).unwrap_or(0)
        };
        let lengths = lengths.iter().map(bit).fold(0, |all, bit| all | bit);
        Some(Self { lengths, automaton, start })
    }

    #[inline]
    fn holds(&self, national: &[u8]) -> bool {
        let length = u32::try_from(national.len()).unwrap_or(u32::MAX);
        if self.lengths.checked_shr(length).unwrap_or(0) & 1 == 0 {
            return false;
        }
        let end =
            national.iter().fold(self.start, |state, byte| self.automaton.next_state(state, *byte));
        self.automaton.is_match_state(self.automaton.next_eoi_state(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbering::{Fit, fit};
    use phonenumber::metadata::DATABASE;
    use proptest::prelude::*;

    /// Never more than the close look accepts, which is libphonenumber's own pattern.
    fn agrees(digits: &str) {
        let glance = Mobile::calling_code(digits.as_bytes()).map(|code| code.to_string());
        let close = match fit(digits) {
            Fit::Mobile(code) if digits.len() >= 7 => Some(code.to_owned()),
            _ => None,
        };
        assert_eq!(glance, close, "{digits}");
    }

    #[test]
    fn the_examples_of_every_country_and_their_neighbours_agree_with_the_patterns() {
        for country in DATABASE.iter() {
            let Some(example) = country.descriptors().mobile().and_then(|mobile| mobile.example())
            else {
                continue;
            };
            let number = format!("{}{example}", country.country_code());
            agrees(&number);
            for place in 0..number.len() {
                for digit in "0123456789".chars() {
                    let mut other = number.clone();
                    other.replace_range(place..=place, &digit.to_string());
                    agrees(&other);
                }
                agrees(&number[..place]);
            }
            agrees(&format!("{number}0"));
        }
    }

    proptest! {
        #[test]
        fn any_digits_agree(digits in "(254|256|255|233|260|225|237|1|44|7)?[0-9]{0,12}") {
            agrees(&digits);
        }
    }
}
