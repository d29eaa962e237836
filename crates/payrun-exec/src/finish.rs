//! How a run ended.

use payrun_core::{IllegalTransition, WalletId};
use payrun_ports::{CallError, StoreError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a run stopped before everything was settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopCause {
    /// Whoever runs it asked.
    #[error("interrupted")]
    Interrupted,
    /// The records cannot be written. Nothing was sent that is not on record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider no longer takes the key.
    #[error("the provider refused the key: {0}")]
    KeyRefused(String),
    /// The provider stayed out of reach, or gave no answer that could be used.
    #[error("the provider did not answer as it should for {} s: {last}", .waited.as_secs())]
    GatewayGone {
        /// How long that was waited for.
        waited: Duration,
        /// What came of the last call.
        last: CallError,
    },
    /// The engine came to a state that the table of states does not have. A bug in payrun.
    #[error("a bug in payrun: {0}")]
    Bug(String),
}

impl StopCause {
    /// Whether this is told instead of `first`, which came before it: a bug, then a fault of the records.
    pub(crate) fn outranks(&self, first: &Self) -> bool {
        let rank = |cause: &Self| match cause {
            Self::Bug(_) => 2,
            Self::Store(_) => 1,
            Self::Interrupted | Self::KeyRefused(_) | Self::GatewayGone { .. } => 0,
        };
        rank(self) > rank(first)
    }
}

impl From<IllegalTransition> for StopCause {
    fn from(illegal: IllegalTransition) -> Self {
        Self::Bug(illegal.to_string())
    }
}

/// How a run ended. What became of each payment stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// Why it stopped early; `None` if nothing was left to do, or to wait for.
    pub stopped: Option<StopCause>,
    /// Wallets that stopped paying, with the provider's reason.
    pub paused_wallets: BTreeMap<WalletId, String>,
}
