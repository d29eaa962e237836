//! Where a payment stands.

use crate::Clue;
use std::fmt;
use std::str::FromStr;

/// The states of a payment. See [`transition`](crate::transition()) for what may follow what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// In the plan; no request that could move money is open.
    #[default]
    Planned,
    /// Set aside before anything was sent.
    Held,
    /// An intent is durable; the request may be on its way.
    Submitting,
    /// The outcome of a request is not known. Never the same as failed.
    Unknown,
    /// The provider has it and has not settled it.
    Accepted,
    /// An intent exists, and only evidence or a person can say what became of it.
    InDoubt,
    /// The provider says the money reached the payee.
    Paid,
    /// The provider says that it finally did not.
    Failed,
    /// The provider refused the request for good.
    Rejected,
    /// Paid, and then reversed.
    Returned,
    /// Withdrawn before anything was sent.
    Cancelled,
}

impl State {
    /// All states, in the order in which books list them.
    pub const ALL: [State; 11] = [
        State::Planned,
        State::Submitting,
        State::Accepted,
        State::Unknown,
        State::Held,
        State::InDoubt,
        State::Paid,
        State::Failed,
        State::Rejected,
        State::Returned,
        State::Cancelled,
    ];

    /// The word in JSON, CSV and on screens: `in_doubt`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Held => "held",
            Self::Submitting => "submitting",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::InDoubt => "in_doubt",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }

    /// The provider, or the payer, has had the last word. A late correction can still change a failure to
    /// paid, and a reversal paid to returned; nothing is left to do for the run.
    pub fn is_final(self) -> bool {
        match self {
            Self::Paid | Self::Failed | Self::Rejected | Self::Returned | Self::Cancelled => true,
            Self::Planned
            | Self::Held
            | Self::Submitting
            | Self::Unknown
            | Self::Accepted
            | Self::InDoubt => false,
        }
    }

    /// The order that a payment climbs within one attempt; it never goes down by itself.
    pub fn rank(self) -> u8 {
        match self {
            Self::Planned => 0,
            Self::Held => 1,
            Self::Submitting => 2,
            Self::Unknown => 3,
            Self::Accepted | Self::InDoubt => 4,
            Self::Failed | Self::Rejected | Self::Cancelled => 5,
            Self::Paid => 6,
            Self::Returned => 7,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| format!("no state is called '{word}'"))
    }
}

/// A state with what has to be remembered to judge the next event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Where the payment stands.
    pub state: State,
    /// How many intents are on record. The provider reference and body are the same for all.
    pub attempts: u32,
    /// An attempt before the latest was never answered. Then an answer judges its attempt only, and the
    /// payment waits for a look-up.
    pub earlier_unresolved: bool,
    /// What is known beside "unknown"; [`Clue::Silence`] otherwise.
    pub clue: Clue,
}
