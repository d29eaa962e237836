//! Looking at a run without opening it: from its journal alone, without its lock.

use crate::book::Counts;
use crate::codec::{self, RunRecord};
use crate::identity::RunIdentity;
use crate::lock::{self, Holder};
use crate::opening::scan_run;
use crate::replay::Replay;
use crate::scan::{self, ScanError};
use crate::segment::Kind;
use crate::state_dir::StateDir;
use payrun_core::{Progress, RunKey};
use std::io;
use std::path::PathBuf;

/// Why a run cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such run.
    #[error("there is no run {0}")]
    Missing(RunKey),
    /// Its folder is there, and its records are not.
    #[error("the run's records are gone from {0}")]
    LostContents(PathBuf),
    /// A record before the last is bad, or a file is missing or out of place.
    #[error("the run's journal is damaged: {0}")]
    Corrupt(String),
    /// The records in this folder are of another organisation: a copy of its folder, or one that was renamed.
    #[error("the journal in this place is of the run {found} of {organisation}")]
    Foreign {
        /// The run it is of.
        found: RunKey,
        /// The organisation it is of.
        organisation: String,
    },
    /// Reading failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

impl From<ScanError> for ReadError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Io { path, error } => Self::Io { path: path.into(), error },
            ScanError::Corrupt { .. } | ScanError::Newer { .. } => Self::Corrupt(error.to_string()),
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSnapshot {
    /// What it is bound to.
    pub identity: RunIdentity,
    /// One for each payment of the plan, in order.
    pub progress: Vec<Progress>,
    /// How many payments stand in each state.
    pub counts: Counts,
    /// Why it goes on by cautious start, if it does.
    pub cautious: Option<String>,
    /// A person asked to stop what was not sent.
    pub cancel_requested: bool,
    /// How often it was opened.
    pub epoch: u64,
    /// The process that has it open now, if one does.
    pub holder: Option<Holder>,
    /// Behind the last record are bytes that are none: torn, or being written just now if there is a holder.
    pub torn: bool,
}

pub(crate) fn read(state: &StateDir, key: &RunKey) -> Result<RunSnapshot, ReadError> {
    let dir = state.run_dir(key);
    if !state.run_exists(key) {
        return Err(ReadError::Missing(key.clone()));
    }
    let mut replay = Replay::from_start();
    let chain = scan_run(&*state.disk, &dir.journal(), &mut replay)?;
    let (Some(head), Some(identity)) = (chain.head, replay.identity) else {
        return Err(ReadError::LostContents(dir.journal()));
    };
    let identity = of_this_organisation(state, identity)?;
    let holder = lock::holder(&dir.lock());
    Ok(RunSnapshot {
        identity,
        progress: replay.book.progress(),
        counts: replay.book.counts(),
        cautious: replay.book.cautious,
        cancel_requested: replay.book.cancel_requested,
        epoch: head.epoch,
        holder: holder.map_err(|error| ReadError::Io { path: dir.lock(), error })?,
        torn: chain.torn.is_some(),
    })
}

pub(crate) fn identity(state: &StateDir, key: &RunKey) -> Result<Option<RunIdentity>, ReadError> {
    if !state.run_exists(key) {
        return Ok(None);
    }
    let journal = state.run_dir(key).journal();
    let lost = || ReadError::LostContents(journal.clone());
    let first = scan::first(&*state.disk, &journal, Kind::Run)?;
    let first = first.ok_or_else(lost)?;
    match codec::decode(&first).map_err(ReadError::Corrupt)? {
        RunRecord::Created { identity, .. } => of_this_organisation(state, *identity).map(Some),
        RunRecord::Opened { .. } | RunRecord::Group(_) => {
            Err(ReadError::Corrupt("the first record does not say which run this is".to_owned()))
        }
    }
}

/// What another organisation's run paid says nothing of this one's payments: their provider references differ.
fn of_this_organisation(state: &StateDir, identity: RunIdentity) -> Result<RunIdentity, ReadError> {
    if identity.organisation == state.organisation {
        return Ok(identity);
    }
    Err(ReadError::Foreign { found: identity.run, organisation: identity.organisation.to_string() })
}
