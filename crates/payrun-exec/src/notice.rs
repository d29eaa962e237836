//! What a run tells whoever watches it.

use payrun_core::{PaymentIndex, State, WalletId};
use std::time::Duration;
use tokio::sync::mpsc;

/// Something that happened in a run. Payments are told of only after the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The run begins or goes on.
    Started {
        /// Payments in the plan.
        payments: u32,
        /// Of these, how many an earlier process left unknown.
        unknown: u32,
        /// Why nothing is sent before it was looked up, if so.
        cautious: Option<String>,
    },
    /// A payment moved from one state to another.
    Moved {
        /// Which.
        payment: PaymentIndex,
        /// From where.
        from: State,
        /// To where.
        to: State,
        /// Why, where there is something to say.
        reason: Option<String>,
    },
    /// A wallet pays no more in this run.
    WalletPaused {
        /// Which.
        wallet: WalletId,
        /// Why.
        reason: String,
    },
    /// The provider asked to slow down; every task waits.
    Slowed {
        /// How long.
        wait: Duration,
    },
    /// The provider cannot be reached; it is tried again.
    Unreachable {
        /// The latest reason.
        reason: String,
    },
    /// Nothing more is done about a payment in this run, since questions about it are not answered in a way that could be used.
    /// It stays as it is; the next run over the same store tries again.
    Left {
        /// Which.
        payment: PaymentIndex,
        /// The latest reason.
        reason: String,
    },
    /// No new payment is begun; what is under way is waited for.
    Stopping,
}

/// Watches a run. Called from the run's own task: return soon, never block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn notice(&self, notice: &Notice);
}

/// Nobody watches.
impl Observer for () {
    fn notice(&self, _: &Notice) {}
}

/// Every notice goes into the channel; a receiver that is gone is no fault.
impl Observer for mpsc::UnboundedSender<Notice> {
    fn notice(&self, notice: &Notice) {
        let _ = self.send(notice.clone());
    }
}
