//! Why a job did not begin, or could not go on. Each says whether money moved.

use crate::Exit;
use payrun_core::{Account, GatewayHost, RunKey, SumError};
use payrun_csv::ReadError;
use payrun_exec::StopCause;
use payrun_kotani::SettingsError;
use payrun_plan::{DecodeError, PlanError};
use payrun_ports::{CallError, StoreError};
use payrun_store::{
    CreateError, ExportError, OpenError, OpenRunError, PlanError as PlanFileError, PortableError,
    ReadError as ReadRunError,
};

/// Refused on purpose: going on could pay twice, or pay something else than what was approved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run key belongs to a run of another file.
    #[error("run '{run}' was begun with another file ({begun_with}, SHA-256 {begun_hash})")]
    OtherFile {
        /// The run.
        run: RunKey,
        /// The name of its file.
        begun_with: String,
        /// The first digits of that file's hash.
        begun_hash: String,
    },
    /// The run was begun from another account.
    #[error("run '{run}' was begun from account {begun_from}, this is account {this}")]
    OtherAccount {
        /// The run.
        run: RunKey,
        /// Where it was begun.
        begun_from: Account,
        /// What the key opens now.
        this: Account,
    },
    /// What was exported belongs to another organisation than these records.
    #[error("the export is of {found}, and these records are not")]
    OtherOrganisation {
        /// Run and organisation of the export.
        found: String,
    },
    /// A rehearsal's run for records of real payments, or the other way round: it would hold their references for ever.
    #[error("run '{run}' was begun at {gateway}, and these records are of {}", if *.rehearsal { "real payments" } else { "rehearsals" })]
    OtherKind {
        /// The run.
        run: RunKey,
        /// Where it was begun.
        gateway: GatewayHost,
        /// Whether it is the rehearsal.
        rehearsal: bool,
    },
    /// A run that pays anew cannot be made where the run before it is not.
    #[error("it pays anew what run '{run}' did not pay, and that run is not here")]
    PredecessorMissing {
        /// The run before it.
        run: RunKey,
    },
    /// The provider knows a payment of which there is no record here.
    #[error(
        "the provider already knows the payment of row {row} (reference {reference}), and there is no record of it here"
    )]
    KnownAtProvider {
        /// The data row.
        row: u64,
        /// The payer's reference.
        reference: String,
    },
    /// The records that existed are gone.
    #[error("run '{run}' had begun before, and its records are gone")]
    HistoryLost {
        /// The run.
        run: RunKey,
    },
    /// The records that existed are gone, and the run had more payments than are to take its place.
    #[error(
        "run '{run}' had {missing} more payments before its records were lost, which no other run may pay now"
    )]
    AdoptsLess {
        /// The run.
        run: RunKey,
        /// How many.
        missing: usize,
    },
    /// Another run took the references first.
    #[error("{0}")]
    Claimed(String),
    /// Another process works on the run.
    #[error("{0}")]
    Held(String),
    /// Nothing of the run may be paid anew.
    #[error("run '{run}' has nothing to pay anew: {why}")]
    NothingToRetry {
        /// The run.
        run: RunKey,
        /// What there is instead.
        why: String,
    },
}

/// Why a job did not begin, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The file has errors.
    #[error("{errors} errors in {rejected_rows} of {rows} rows")]
    Invalid {
        /// How many errors.
        errors: u64,
        /// Rows with errors.
        rejected_rows: u64,
        /// All rows.
        rows: u64,
    },
    /// The payments cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A stored plan cannot be used.
    #[error(transparent)]
    PlanFile(#[from] PlanFileError),
    /// A stored plan cannot be read.
    #[error(transparent)]
    PlanDecode(#[from] DecodeError),
    /// No plan or run of this name.
    #[error("{0}")]
    NoSuch(String),
    /// A wallet lacks money for its part of the plan.
    #[error("{0}")]
    Shortfall(String),
    /// Refused on purpose.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] OpenError),
    /// The run's records cannot be made.
    #[error(transparent)]
    Create(CreateError),
    /// The run's records cannot be opened.
    #[error(transparent)]
    OpenRun(OpenRunError),
    /// The run's records cannot be read.
    #[error(transparent)]
    ReadRun(#[from] ReadRunError),
    /// The organisation's ledger cannot be used, or lacks claims of runs.
    #[error("{0}")]
    Ledger(String),
    /// The state directory cannot be listed.
    #[error("{path} cannot be read: {error}")]
    Listing {
        /// Which folder.
        path: std::path::PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
    /// A run cannot be written out.
    #[error(transparent)]
    Export(ExportError),
    /// What was written out of a run cannot be read.
    #[error("the export cannot be used: {0}")]
    Import(PortableError),
    /// The run's records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider cannot be asked.
    #[error(transparent)]
    Gateway(#[from] CallError),
    /// The gateway's settings cannot be used.
    #[error(transparent)]
    GatewaySettings(#[from] SettingsError),
    /// The local provider cannot be started.
    #[error("the sandbox cannot be started: {0}")]
    Sandbox(String),
    /// A sum left its range.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// A bug in payrun.
    #[error("a bug in payrun: {0}")]
    Bug(String),
}

impl JobError {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable(_) | Self::Invalid { .. } | Self::Import(_) => Exit::FileInvalid,
            Self::Plan(PlanError::NoWallet(_)) => Exit::Gateway,
            Self::Plan(
                PlanError::Rows(_)
                | PlanError::Rails(_)
                | PlanError::Empty
                | PlanError::TooMany
                | PlanError::Sum(_),
            ) => Exit::FileInvalid,
            Self::Sum(_) => Exit::FileInvalid,
            Self::PlanFile(PlanFileError::Prefix(_) | PlanFileError::Ambiguous(_)) => Exit::Usage,
            Self::PlanFile(
                PlanFileError::Damaged { .. }
                | PlanFileError::Missing(_)
                | PlanFileError::Io { .. },
            )
            | Self::PlanDecode(_)
            | Self::Create(_)
            | Self::OpenRun(_)
            | Self::Export(ExportError::Journal(_) | ExportError::Plan(_))
            | Self::ReadRun(_)
            | Self::StateDir(_)
            | Self::Ledger(_)
            | Self::Listing { .. }
            | Self::Store(_) => Exit::StoreFault,
            Self::NoSuch(_) | Self::GatewaySettings(_) | Self::Export(ExportError::Output(_)) => {
                Exit::Usage
            }
            Self::Refused(_) => Exit::Refused,
            Self::Gateway(_) | Self::Shortfall(_) | Self::Sandbox(_) => Exit::Gateway,
            Self::Bug(_) => Exit::Bug,
        }
    }
}

/// The exit code that goes with the reason for which a run stopped.
pub(crate) fn stop_exit(cause: &StopCause) -> Exit {
    match cause {
        StopCause::Interrupted => Exit::Interrupted,
        StopCause::Store(_) => Exit::StoreFault,
        StopCause::KeyRefused(_) | StopCause::GatewayGone { .. } => Exit::Gateway,
        StopCause::Bug(_) => Exit::Bug,
    }
}
