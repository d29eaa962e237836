//! The mobile numbers of one numbering plan, by table steps: its pattern as an automaton.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};
use regex_automata::{Anchored, MatchKind};

/// What numbers without their calling code are held against.
pub(crate) struct Mobile {
    /// A bit for each length that a number can have.
    lengths: u32,
    automaton: dense::DFA<Vec<u32>>,
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
        Some(Self { lengths, automaton, start })
    }

    /// Whether it is one of the numbers.
    #[inline]
    pub(crate) fn holds(&self, national: &[u8]) -> bool {
        let length = u32::try_from(national.len()).unwrap_or(u32::MAX);
        if self.lengths.checked_shr(length).unwrap_or(0) & 1 == 0 {
            return false;
        }
        let step = |state, byte: &u8| self.automaton.next_state(state, *byte);
        let end = national.iter().fold(self.start, step);
        self.automaton.is_match_state(self.automaton.next_eoi_state(end))
    }
}
