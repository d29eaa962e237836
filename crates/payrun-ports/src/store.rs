//! The port to where a run's journal is kept.

use crate::{Body, Receipt};
use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex, Progress, UnixMillis};

/// One event of one payment, as it goes into the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEntry {
    /// Which payment.
    pub payment: PaymentIndex,
    /// What happened.
    pub event: Event,
    /// When, by the wall.
    pub at: UnixMillis,
    /// The exact body: with the first intent of a payment. Later intents send the same one, and leave it out.
    pub body: Option<Body>,
    /// Why, in the provider's words or ours. No personal data.
    pub reason: Option<String>,
}

/// Something that happened to the run as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEvent {
    /// From here on, what has no intent on record is looked up before it is first sent (I11).
    CautiousStart {
        /// Why.
        reason: String,
    },
    /// A person asked to stop what was not sent.
    CancelRequested,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Of one payment.
    Payment(PaymentEntry),
    /// Of the run.
    Run(RunEvent),
}

/// What a store knows of a run when it is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// One for each payment of the plan, in order.
    pub progress: Vec<Progress>,
    /// Why the run goes on by cautious start, if it does.
    pub cautious: Option<String>,
    /// A person asked to stop what was not sent.
    pub cancel_requested: bool,
    /// How often the run was opened, this time included: 1 for a new run.
    pub epoch: u64,
}

/// Why a store could not do what it was asked.
///
/// After any of these but `NearlyFull` and `Illegal` the store is poisoned: every later commit fails, nothing
/// may be sent, and what was in the failed group is unknown until the run is opened again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("the run's records cannot be {doing}: {error}")]
    Io {
        /// `written`, `synced`, `read`.
        doing: &'static str,
        /// The system's words.
        error: String,
    },
    /// An earlier write failed; it is never tried again.
    #[error("the run's records are closed after an earlier failure: {0}")]
    Poisoned(String),
    /// Too little disk space is left to begin new payments; outcomes of open ones can still be written.
    #[error(
        "the disk is nearly full: {} are left, {} are needed",
        megabytes(*.free_bytes),
        megabytes(*.needed_bytes)
    )]
    NearlyFull {
        /// What is free.
        free_bytes: u64,
        /// What has to be.
        needed_bytes: u64,
    },
    /// The entry cannot follow what is on record. A bug in the caller; nothing was written.
    #[error("{0}")]
    Illegal(String),
    /// A record does not read back as it was written.
    #[error("the run's records are damaged: {0}")]
    Damaged(String),
}

/// `3.1 MB`: what is left rounded down.
fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// Where a run's journal is kept. One open store per run: the implementer holds the run's lock (I7).
#[async_trait]
pub trait RunStore: Send + Sync {
    /// What was on record when the store was opened. Payments that were submitting are still so: the engine
    /// records them as lost.
    async fn history(&self) -> Result<History, StoreError>;

    /// Makes a group of entries durable, all or none, in order.
    ///
    /// - After `Ok`: all of them survive a power cut, and the receipt holds a permit for each intent.
    /// - After `Err`: none of the permits exist. With `NearlyFull` and `Illegal` nothing was written; otherwise
    ///   the group may or may not be on disk, and the store is poisoned.
    /// - After a crash in the middle: the group is there as a whole or not at all.
    ///
    /// Dropping the future does not undo the group.
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError>;

    /// The body of a payment's first intent, read back from the journal; `None` if there was no intent.
    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError>;

    /// Writes the checkpoint and gives up the lock. Later commits fail. Idempotent.
    async fn close(&self) -> Result<(), StoreError>;
}
