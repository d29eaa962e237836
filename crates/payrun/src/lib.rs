//! payrun as a library: validate a payment file, plan it, pay each payment once, report what happened.
//!
//! ```no_run
//! # async fn run() -> Result<(), payrun::JobError> {
//! use payrun::{Choices, Payer, Records, Rehearsal, Settings, sandbox};
//! use std::{path::Path, sync::Arc};
//!
//! let file = payrun::csv::read_file("june.csv")?;
//! let state_dir = Path::new("/var/lib/payrun");
//! let records = Records::open(&payrun::rehearsal_root(state_dir), &"acme".parse().unwrap())?;
//! let local = Rehearsal::start(state_dir, sandbox::Settings::default(), None).await?;
//! let payer = Payer::new(records, local.gateway());
//!
//! let prepared = payer.prepare(&file, &Choices::default()).await?; // nothing was sent
//! let ended = payer
//!     .start(prepared, false, Settings::default(), Arc::new(()), std::future::pending())
//!     .await?;
//! assert_eq!(ended.report.books.count(payrun::State::Paid), 200);
//! # Ok(())
//! # }
//! ```
//!
//! It prints nothing, keeps no global state, and its futures may be dropped at any time: whatever was sent and not
//! answered is unknown, and the next run finds out.

mod error;
mod exit;
mod job;
mod records;
mod rehearsal;
mod report;
mod retry;
mod verified;

pub use error::{JobError, Refusal};
pub use exit::Exit;
pub use job::{Choices, Ended, Payer, Prepared, Stage};
pub use records::{LedgerRebuilt, Records};
pub use rehearsal::{Rehearsal, rehearsal_root};
pub use report::{Report, ReportLine, RunState};
pub use retry::{PreparedRetry, Quarantine};
pub use verified::{Balance, Verified};

pub use payrun_core::*;
pub use payrun_csv as csv;
pub use payrun_exec::{
    AbsenceRule, Books, CallClass, Callbacks, Finish, Notice, Observer, Pace, Settings, StopCause,
};
pub use payrun_kotani as kotani;
pub use payrun_plan::{PlanError, Policy, Preview, WalletPreview};
pub use payrun_ports::{
    Answer, Body, CallError, Clock, Entropy, Gateway, GatewayRules, KeyFingerprint, LookUp,
    NotSent, PayeeKey, Permit, RateLimit, RateLimits, StoreError, SystemClock, SystemEntropy,
};
pub use payrun_sandbox as sandbox;
pub use payrun_store::{
    CheckpointStanding, ExportError, Finding, Part, PlanError as PlanFileError, PortableError,
    ReadError as ReadRunError, RunIdentity, Verification,
};
