//! What goes wrong, and how often: chances in thousandths, drawn from a seed.

use crate::SettingsError;
use crate::hash::mix;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What goes wrong. Chances are in thousandths of requests, times in milliseconds of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Money moves, and the connection is dropped without an answer.
    pub accept_then_drop: u64,
    /// Money moves, and the answer is 500.
    pub accept_then_500: u64,
    /// The connection is dropped, and no money moves.
    pub drop_before_accept: u64,
    /// 429 with `data.retryAfter` of 1, and no money moves.
    pub rate_limited: u64,
    /// The answer comes late.
    pub slow_answer: u64,
    /// How late.
    pub slow_answer_ms: u64,
    /// A payment that was just accepted is not found for a while.
    pub status_404_lag: u64,
    /// How long.
    pub status_404_lag_ms: u64,
    /// A look-up, or a call about wallets or customers, is answered with 500.
    pub read_500: u64,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// A preset by its name: `none`, or `hostile`, which has every fault, often.
    pub fn preset(name: &str) -> Option<Self> {
        if name == "none" {
            return Some(Self::none());
        }
        (name == "hostile").then_some(Self {
            accept_then_drop: 70,
            accept_then_500: 60,
            drop_before_accept: 70,
            rate_limited: 20,
            slow_answer: 60,
            slow_answer_ms: 150,
            status_404_lag: 300,
            status_404_lag_ms: 250,
            read_500: 30,
        })
    }

    /// A preset, or a JSON file.
    ///
    /// # Errors
    /// [`SettingsError`] if it is neither, or the file is none of faults.
    pub fn read(name: &str) -> Result<Self, SettingsError> {
        if let Some(preset) = Self::preset(name) {
            return Ok(preset);
        }
        let unreadable = |why: String| SettingsError::Unreadable { path: name.into(), why };
        match std::fs::read(name) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SettingsError::NoFaults(name.to_owned()))
            }
            Err(error) => Err(unreadable(error.to_string())),
        }
    }
}

/// Draws from a seed: the same requests in the same order have the same faults.
#[derive(Debug)]
pub(crate) struct Draw {
    seed: u64,
    drawn: AtomicU64,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }

    /// Whether something of this chance happens now.
    pub(crate) fn per_mille(&self, chance: u64) -> bool {
        chance > 0 && {
            let number = self.drawn.fetch_add(1, Ordering::Relaxed);
            mix(self.seed ^ mix(number)) % 1000 < chance
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_faults_at_the_chance_asked_for() {
        let hits = |seed| {
            let draw = Draw::new(seed);
            (0..10_000).filter(|_| draw.per_mille(100)).count()
        };
        assert_eq!(hits(1), hits(1));
        assert!((800..1200).contains(&hits(2)), "{}", hits(2));
        assert!(!Draw::new(1).per_mille(0));
    }

    #[test]
    fn an_unknown_name_says_which_presets_there_are() {
        assert!(Faults::read("hostil").unwrap_err().to_string().contains("hostile"));
        assert_ne!(Faults::read("hostile").unwrap(), Faults::none());
    }
}
