//! Beginning a run: everything is built aside and appears under its name at once.

use crate::book::Book;
use crate::checkpoint::{Checkpoint, Mark};
use crate::claiming::{ClaimError, Claims, OtherAccount, name_all};
use crate::codec;
use crate::committer::{Committer, Unsaved};
use crate::identity::RunIdentity;
use crate::journal::{AppendError, Journal};
use crate::ledger::{Claimed, LedgerError};
use crate::limits::RUN_LOCK_PATIENCE;
use crate::lock::{Lock, LockError};
use crate::run_dir::RunDir;
use crate::run_handle::RunHandle;
use crate::scan::Head;
use crate::segment::Kind;
use crate::snapshot;
use crate::state_dir::{OrganisationLockError, StateDir};
use payrun_core::{ProviderReference, RunKey};
use std::io;
use std::path::{Path, PathBuf};

/// The epoch of a run's first process.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// Why runs start cautiously ever after (I11).
pub(crate) const LEDGER_LOST: &str =
    "the ledger or its end was lost, and with it what runs that are not here any more had claimed";

/// Why a run that pays anew starts cautiously where the run before it does (I11).
const PREDECESSOR_CAUTIOUS: &str = "the run whose payments it pays anew goes by cautious start: what may have been paid anew already is not known here";

/// Why a run was not begun. No money moved.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is a run of this key; it is gone on with, never begun again.
    #[error("the run {0} exists")]
    AlreadyExists(RunKey),
    /// The identity is of another run or organisation than it is stored for: a bug in the caller.
    #[error("the identity is of {found}, not of {expected}")]
    OtherIdentity {
        /// What it should be of.
        expected: String,
        /// What it is of.
        found: String,
    },
    /// Other runs have claimed some of the payments.
    #[error("{count} of the payments belong to another run: {}", name_all(.examples))]
    Claimed {
        /// How many.
        count: usize,
        /// The first of them.
        examples: Vec<Claimed>,
    },
    /// The ledger knows this run, but its records are gone: what it sent is not known any more.
    #[error(
        "the run {run} was begun before ({claims} claims are on record), but its records are gone"
    )]
    HistoryLost {
        /// The run.
        run: RunKey,
        /// How many of its claims are in the ledger.
        claims: usize,
    },
    /// The run that is gone had more payments, by the ledger. What is left out would be in no report any more, and no other
    /// run may claim it.
    #[error(
        "the run {run} had {missing} more payments before its records were lost, by the ledger"
    )]
    AdoptsLess {
        /// The run.
        run: RunKey,
        /// How many.
        missing: usize,
    },
    /// The run that is gone paid from another account: this one knows nothing of what it sent.
    #[error(transparent)]
    OtherAccount(#[from] Box<OtherAccount>),
    /// The ledger lost claims, and these runs have not put theirs back.
    #[error("the ledger lost records, and the claims of {} runs are not back on record: {}", .runs.len(), names(.runs))]
    LedgerIncomplete {
        /// The runs to open or reclaim first.
        runs: Vec<RunKey>,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The organisation's lock was not to be had.
    #[error(transparent)]
    Lock(#[from] OrganisationLockError),
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

pub(crate) fn names(runs: &[RunKey]) -> String {
    runs.iter().map(RunKey::as_str).collect::<Vec<_>>().join(", ")
}

impl From<ClaimError> for CreateError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Claimed { count, examples } => Self::Claimed { count, examples },
            ClaimError::Ledger(error) => Self::Ledger(error),
            ClaimError::Lock(error) => Self::Lock(error),
        }
    }
}

impl From<AppendError> for CreateError {
    fn from(AppendError { path, error, .. }: AppendError) -> Self {
        Self::Io { path: path.into(), error }
    }
}

/// Begins a run; with `adopt`, over claims of its own whose run is gone, and cautiously.
pub(crate) fn create(
    state: &StateDir,
    key: &RunKey,
    identity: &RunIdentity,
    references: &[ProviderReference],
    adopt: Option<&str>,
) -> Result<RunHandle, CreateError> {
    check_identity(state, key, identity)?;
    let organisation = state.lock()?;
    if state.run_exists(key) {
        return Err(CreateError::AlreadyExists(key.clone()));
    }
    let claims = Claims::open(state, key, references)?;
    claims.check_others()?;
    let known = claims.standing.runs.get(key).filter(|known| known.are_there());
    if let Some(known) = known
        && adopt.is_none()
    {
        let claims = usize::try_from(known.on_record).unwrap_or(usize::MAX);
        return Err(CreateError::HistoryLost { run: key.clone(), claims });
    }
    check_ledger(&claims, state, identity)?;
    let cautious = adopt
        .or(claims.standing.lost_for_good.then_some(LEDGER_LOST))
        .or(is_after_a_cautious_run(state, identity).then_some(PREDECESSOR_CAUTIOUS));
    let nothing = |_: &mut Journal| Ok::<(), CreateError>(());
    let (lock, journal, head) = build(state, key, identity, cautious, nothing)?;
    claims.complete(&identity.account)?;
    drop(organisation);

    let dir = state.run_dir(key);
    let mut book = Book::new(usize::try_from(identity.payments).unwrap_or(usize::MAX));
    book.cautious = cautious.map(str::to_owned);
    // Without it the run goes on all the same: the next opening makes one.
    let checkpoint = Checkpoint::create(&dir.checkpoint(), Mark::of(head.hash, head), &book).ok();
    let committer = Committer {
        disk: state.disk.clone(),
        limits: state.limits.clone(),
        journal,
        journal_dir: dir.journal(),
        book,
        epoch: FIRST_EPOCH,
        run: head.hash,
        checkpoint,
        unsaved: Unsaved::none(),
        poisoned: None,
        lock,
    };
    let started = RunHandle::start(committer, identity.clone(), Vec::new());
    started.map_err(|error| CreateError::Io { path: dir.path().to_owned(), error })
}

/// Refuses a run that pays from elsewhere than the ledger says, one that lacks what the ledger says that it had, and any while
/// claims of others are not back on record.
pub(crate) fn check_ledger(
    claims: &Claims<'_>,
    state: &StateDir,
    RunIdentity { run: key, account, .. }: &RunIdentity,
) -> Result<(), CreateError> {
    claims.check_account(account)?;
    let missing = claims.missing();
    if missing > 0 {
        return Err(CreateError::AdoptsLess { run: key.clone(), missing });
    }
    let runs = claims.incomplete_runs(state)?;
    if !runs.is_empty() {
        return Err(CreateError::LedgerIncomplete { runs });
    }
    Ok(())
}

/// Whether the run before it may have lost its newest part, and with it the knowledge of a run like this one. A run that
/// cannot be read is no better.
fn is_after_a_cautious_run(state: &StateDir, identity: &RunIdentity) -> bool {
    let parent = identity.retry_of.as_ref().map(|parent| snapshot::read(state, parent));
    parent.is_some_and(|read| read.map_or(true, |snapshot| snapshot.cautious.is_some()))
}

pub(crate) fn check_identity(
    state: &StateDir,
    key: &RunKey,
    identity: &RunIdentity,
) -> Result<(), CreateError> {
    if identity.run == *key && identity.organisation == state.organisation {
        return Ok(());
    }
    Err(CreateError::OtherIdentity {
        expected: format!("{} of {}", key, state.organisation),
        found: format!("{} of {}", identity.run, identity.organisation),
    })
}

/// Builds the run's folder aside, with its first record and what `fill` adds on disk and its lock held, and gives it its
/// name. Gives the head of the first record.
pub(crate) fn build<E: From<CreateError>>(
    state: &StateDir,
    key: &RunKey,
    identity: &RunIdentity,
    cautious: Option<&str>,
    fill: impl FnOnce(&mut Journal) -> Result<(), E>,
) -> Result<(Lock, Journal, Head), E> {
    let disk = &state.disk;
    let runs = state.runs_path();
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| CreateError::Io { path, error }
    };
    remove_unfinished(state).map_err(at(&runs))?;
    let aside = RunDir::at(runs.join(format!(".new-{}", std::process::id())));
    disk.create_dir(aside.path()).map_err(at(aside.path()))?;
    disk.create_dir(&aside.journal()).map_err(at(&aside.journal()))?;
    let lock = Lock::acquire(&aside.lock(), RUN_LOCK_PATIENCE);
    let mut lock = lock.map_err(|error| match error {
        LockError::Io(error) => at(&aside.lock())(error),
        held @ LockError::Held(_) => at(&aside.lock())(io::Error::other(held.to_string())),
    })?;
    lock.set_epoch(FIRST_EPOCH).map_err(at(&aside.lock()))?;
    let limit = state.limits.segment_bytes_max;
    let mut first = Journal::new(disk.clone(), aside.journal(), Kind::Run, limit);
    let payload = codec::created(identity, cautious);
    let payload = payload.map_err(|why| at(aside.path())(io::Error::other(why)))?;
    let head = first.append(FIRST_EPOCH, &payload).map_err(CreateError::from)?;
    if let Err(error) = fill(&mut first) {
        // Nothing of it was asked for; what cannot be removed now is removed by the next one.
        let _removed = disk.remove_tree(aside.path());
        return Err(error);
    }
    disk.sync_dir(aside.path()).map_err(at(aside.path()))?;
    let dir = state.run_dir(key);
    disk.rename(aside.path(), dir.path()).map_err(at(dir.path()))?;
    disk.sync_dir(&runs).map_err(at(&runs))?;
    Ok((lock, first.moved_to(dir.journal()), head))
}

/// What a crash left half-built. Nobody builds now: we hold the organisation's lock.
fn remove_unfinished(state: &StateDir) -> io::Result<()> {
    for entry in std::fs::read_dir(state.runs_path())? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(".new-")) {
            state.disk.remove_tree(&entry.path())?;
        }
    }
    Ok(())
}
