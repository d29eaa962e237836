//! What a run is bound to for its whole life.

use payrun_core::{Account, Digest, Organisation, RunKey, UnixMillis};

/// The first record of a run's journal: which plan is paid, and from which account (I6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// The run's name.
    pub run: RunKey,
    /// The plan that it executes.
    pub plan: Digest,
    /// The SHA-256 of the payment file that the plan was made of.
    pub source: Digest,
    /// That file's name, without the folder.
    pub source_name: String,
    /// Who pays.
    pub organisation: Organisation,
    /// From where.
    pub account: Account,
    /// How many payments the plan has.
    pub payments: u32,
    /// The run whose unpaid payments this one pays anew, if any.
    pub retry_of: Option<RunKey>,
    /// When the run was created, by the wall.
    pub created_at: UnixMillis,
}
