//! Journal, sled checkpoint, plan files and ledger: what a run may rely on after a crash.
//!
//! [`StateDir`] is one organisation's folder. It begins, opens, reads, verifies and rebuilds runs; an open run is a
//! [`RunHandle`], the journal-backed [`RunStore`](payrun_ports::RunStore). [`MemoryStore`] is its twin without a disk.
//!
//! # Invariants
//!
//! - **The journal is the authority.** A group is acknowledged after `fdatasync`, one record in flight at a time; each
//!   record is chained to the one before by its SHA-256. The checkpoint only saves replaying; it can be lost or damaged
//!   at any time, and has one right: to show that the journal lost records.
//! - **Only the end may be bad.** A torn last record is kept aside, never deleted, and the run goes on by cautious
//!   start. A bad record with a whole one behind it, a missing or a swapped file: the run is refused.
//! - **Empty is not new** (I11). A run's folder appears under its name with its first record on disk, or not at all; one
//!   without records has lost them. A run that the ledger knows and whose folder is gone has lost its history.
//! - **Claims before intents** (I7). The references of a run are claimed in the ledger, under the organisation's lock,
//!   before anyone gets a handle to write an intent with.
//! - **A failure is final.** After a failed write or sync nothing more is written by that handle. The next opening
//!   writes the last record once more before it builds on it: it may have read it out of memory only.
//! - **Nothing illegal is on record.** Every entry passes [`Progress::apply`](payrun_core::Progress::apply) before it is
//!   written and again when it is read; a later intent never changes a body (I2).
//! - **Taken together** (I8). What a key was granted stands in one file, changed under its lock; what it does not tell is
//!   not known, and never taken for nothing.
//! - Files are 0600, folders 0700 (I10).
//!
//! # What is deliberately absent
//!
//! No clock but for a lock's "since", the checkpoint's cadence and a holder who may be frozen, no chance, no printing, no retry of a write, no
//! deletion of a record, no network, no knowledge of what a plan's or body's bytes mean. No background timer: a
//! checkpoint is written with a group, or on closing. No lease or fence between machines: one machine, one disk.
//!
//! Calls of [`StateDir`] block; async callers move them to a thread for blocking work.

mod body_place;
mod book;
mod checkpoint;
mod claiming;
mod codec;
mod committer;
mod creating;
mod disk;
mod exporting;
mod file_system;
mod finding;
mod grant_file;
mod identity;
mod importing;
mod journal;
mod ledger;
mod limits;
mod lock;
mod memory;
mod opening;
mod plan_file;
mod portable;
mod record;
mod replay;
mod run_dir;
mod run_handle;
#[cfg(test)]
mod samples;
mod scan;
mod segment;
mod snapshot;
mod state_dir;
mod verify;

pub use book::Counts;
pub use claiming::{ClaimError, LedgerRebuilt, OtherAccount};
pub use creating::CreateError;
pub use disk::{Disk, DiskFile, RealDisk};
pub use exporting::ExportError;
pub use finding::{Finding, Part};
pub use identity::RunIdentity;
pub use importing::ImportError;
pub use ledger::{Claimed, LedgerError};
pub use limits::Limits;
pub use lock::{Holder, Lock, LockError};
pub use memory::MemoryStore;
pub use opening::{OpenMode, OpenRunError, Rebuilt};
pub use plan_file::{PLAN_PREFIX_LENGTH_MIN, PlanError};
pub use portable::PortableError;
pub use run_handle::RunHandle;
pub use snapshot::{ReadError, RunSnapshot};
pub use state_dir::{OpenError, OrganisationLockError, StateDir};
pub use verify::{CheckpointStanding, Verification};
