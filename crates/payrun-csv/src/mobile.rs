//! The mobile numbers of one numbering plan, by table steps: its pattern as an automaton.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};
use std::collections::HashMap;

type Plan = dense::DFA<Vec<u32>>;

/// First digits that decide about most numbers.
const FIRST: usize = 3;

/// What numbers without their calling code are held against.
pub(crate) struct Mobile {
    /// A bit for each length that a number can have.
    lengths: u32,
    /// By the first digits as a number, a bit for each length in which all numbers that begin with them are mobile ones.
    sure: Vec<u32>,
    automaton: Plan,
    start: StateID,
}

impl Mobile {
    /// `None` if the pattern cannot be made an automaton of, which a test rules out for all there are.
    pub(crate) fn new(lengths: &[u16], pattern: &str) -> Option<Self> {
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
        let bit = |length: &u16| 1u32.checked_shl(u32::from(*length)).unwrap_or(0);
        let lengths = lengths.iter().map(bit).fold(0, |all, bit| all | bit);
        let sure = sure(&automaton, start, lengths);
        Some(Self { lengths, sure, automaton, start })
    }

    /// Whether it is one of the numbers.
    #[inline]
    pub(crate) fn holds(&self, national: &[u8]) -> bool {
        let length = u32::try_from(national.len()).unwrap_or(u32::MAX);
        if self.lengths.checked_shr(length).unwrap_or(0) & 1 == 0 {
            return false;
        }
        if let Some(first) = first(national) {
            let sure = self.sure.get(first).copied().unwrap_or(0);
            if sure.checked_shr(length).unwrap_or(0) & 1 == 1 && are_digits(national) {
                return true;
            }
        }
        let step = |state, byte: &u8| self.automaton.next_state(state, *byte);
        let end = national.iter().fold(self.start, step);
        self.automaton.is_match_state(self.automaton.next_eoi_state(end))
    }
}

/// The first digits as a number; of other bytes any number.
#[inline]
fn first(national: &[u8]) -> Option<usize> {
    let first: &[u8; FIRST] = national.first_chunk()?;
    let digit = |byte: &u8| usize::from(byte.wrapping_sub(b'0'));
    Some(first.iter().fold(0, |number, byte| number * 10 + digit(byte)))
}

/// Whether all bytes are digits; no to what is shorter than eight or longer than sixteen.
#[inline]
fn are_digits(bytes: &[u8]) -> bool {
    let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) else {
        return false;
    };
    // Eight at a time. The upper half of a digit is a 3, and stays one when 6 is added.
    let digits = |bytes: &[u8; 8]| {
        let word = u64::from_le_bytes(*bytes);
        let upper = |word: u64| word & 0xf0f0_f0f0_f0f0_f0f0 == 0x3030_3030_3030_3030;
        upper(word) && upper(word.wrapping_add(0x0606_0606_0606_0606))
    };
    bytes.len() <= 16 && digits(first) && digits(last)
}

/// What [`Mobile::sure`] holds.
fn sure(plan: &Plan, start: StateID, lengths: u32) -> Vec<u32> {
    let mut known = HashMap::new();
    let behind = |number: u32| {
        let digits = format!("{number:0width$}", width = FIRST);
        digits.bytes().fold(start, |state, digit| plan.next_state(state, digit))
    };
    let mut of = |state: StateID| {
        let longer = (FIRST..).take(16).zip(0..);
        longer.fold(0, |all, (length, more)| {
            let bit = u32::try_from(length).map_or(0, |length| lengths & 1 << length);
            if bit != 0 && all_match(plan, state, more, &mut known) { all | bit } else { all }
        })
    };
    (0..1000).map(|number| of(behind(number))).collect()
}

/// Whether all numbers match that go on from `state` by so many digits.
fn all_match(
    plan: &Plan,
    state: StateID,
    more: u32,
    known: &mut HashMap<(StateID, u32), bool>,
) -> bool {
    let Some(fewer) = more.checked_sub(1) else {
        return plan.is_match_state(plan.next_eoi_state(state));
    };
    if let Some(known) = known.get(&(state, more)) {
        return *known;
    }
    let all = (b'0'..=b'9').all(|digit| {
        let next = plan.next_state(state, digit);
        !plan.is_dead_state(next) && all_match(plan, next, fewer, known)
    });
    known.insert((state, more), all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_to_sixteen_digits_are_known_and_nothing_else() {
        for length in 0..=18 {
            let digits: Vec<u8> = (b'0'..=b'9').cycle().take(length).collect();
            assert_eq!(are_digits(&digits), (8..=16).contains(&length), "{length}");
            for place in 0..length {
                for byte in (0..=255).filter(|byte: &u8| !byte.is_ascii_digit()) {
                    let mut other = digits.clone();
                    other[place] = byte;
                    assert!(!are_digits(&other), "{byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn first_digits_that_decide_say_what_the_pattern_says() {
        let pattern = "1(?:0[0-8]|1\\d)\\d{6}|7[2-5]\\d{6,7}";
        let mobile = Mobile::new(&[8, 9], pattern).unwrap();
        let sure = |number: usize| mobile.sure[number];
        assert_eq!((sure(100), sure(109), sure(119)), (1 << 9, 0, 1 << 9));
        assert_eq!((sure(719), sure(720), sure(759), sure(0)), (0, 3 << 8, 3 << 8, 0));
        for (number, holds) in [
            ("100123456", true),
            ("109123456", false),
            ("10012345", false),
            ("72012345", true),
            ("720123456", true),
            ("7201234567", false),
            ("72012345x", false),
            ("72x123456", false),
            ("", false),
        ] {
            assert_eq!(mobile.holds(number.as_bytes()), holds, "{number}");
        }
    }
}
