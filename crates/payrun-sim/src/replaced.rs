//! What a run that pays anew replaces: the generations before, where each stands on record, and what the provider makes of
//! it, which may change its mind while a process lives.

use crate::chance::Chance;
use payrun_core::State;
use std::time::Duration;

/// An earlier generation of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) became: Became,
    /// It was called correctable when the run was planned, and rested since.
    pub(crate) has_rested: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    Failed,
    /// It may be corrected, and never is.
    Expired,
    /// Refused, and the provider never heard of it.
    Refused,
    /// Refused, and the provider has it as one that failed.
    RefusedThere,
    /// Withdrawn before it was sent.
    Cancelled,
    /// Called failed once, and paid long before the run.
    CorrectedBefore,
    /// Called failed until so long after the run began, and paid then.
    CorrectedAt(Duration),
    /// Called failed until it was asked about so often and so much time went by after the last answer, and paid then.
    CorrectedAfter(u64, Duration),
}

impl Before {
    pub(crate) fn drawn(chance: &Chance) -> Self {
        let became = match chance.below(14) {
            0 => Became::Expired,
            1 => Became::Refused,
            2 => Became::RefusedThere,
            3 => Became::Cancelled,
            4 => Became::CorrectedBefore,
            5 => {
                // While processes live, or while one stands still.
                let longest = if chance.one_in(2) { 30_000 } else { 1_500_000 };
                Became::CorrectedAt(chance.millis(longest))
            }
            6 | 7 => {
                let longest = if chance.one_in(2) { 30 } else { 3000 };
                Became::CorrectedAfter(1 + chance.below(3), chance.millis(longest))
            }
            _ => Became::Failed,
        };
        let has_rested = chance.below(8) != 0 || !became.is_called_correctable();
        Self { became, has_rested }
    }

    /// Where it stands on record.
    pub(crate) fn state(self) -> State {
        match self.became {
            Became::Refused | Became::RefusedThere => State::Rejected,
            Became::Cancelled => State::Cancelled,
            Became::Failed
            | Became::Expired
            | Became::CorrectedBefore
            | Became::CorrectedAt(_)
            | Became::CorrectedAfter(..) => State::Failed,
        }
    }

    /// Whether the provider has it on record.
    pub(crate) fn is_known_there(self) -> bool {
        !matches!(self.became, Became::Refused | Became::Cancelled)
    }
}

impl Became {
    /// Until it is called paid, if it ever is.
    pub(crate) fn is_called_correctable(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::CorrectedBefore | Self::CorrectedAt(_) | Self::CorrectedAfter(..)
        )
    }
}
