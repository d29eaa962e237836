//! Going on with a run: read everything first, change something only when it is known to be sound.

use crate::book::Book;
use crate::checkpoint::{self, Checkpoint, Loaded, Mark};
use crate::claiming::{self, ClaimError, Claims, OtherAccount, name_all};
use crate::codec;
use crate::committer::{Committer, Unsaved};
use crate::creating::{LEDGER_LOST, names};
use crate::disk::Disk;
use crate::identity::RunIdentity;
use crate::journal::{AppendError, Journal};
use crate::ledger::{Claimed, LedgerError};
use crate::limits::RUN_LOCK_PATIENCE;
use crate::lock::{Holder, Lock, LockError};
use crate::replay::{Agreement, Replay};
use crate::run_dir::RunDir;
use crate::run_handle::RunHandle;
use crate::scan::{self, Chain, Head, ScanError};
use crate::segment::Kind;
use crate::state_dir::{OrganisationLockError, StateDir};
use payrun_core::{ProviderReference, RunKey};
use std::io;
use std::path::{Path, PathBuf};

/// How a run is gone on with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// As its records say.
    #[default]
    Resume,
    /// Cautiously from here on (I11), for the caller's reason.
    Cautious {
        /// Why.
        reason: String,
    },
}

/// Why a run was not opened. No money moved.
#[derive(Debug, thiserror::Error)]
pub enum OpenRunError {
    /// There is no such run.
    #[error("there is no run {0}")]
    Missing(RunKey),
    /// Another process, or another handle of this one, has it (I7).
    #[error("the run is held by {0}")]
    Held(Holder),
    /// Its folder is there, and its records are not. It is never taken for new (I11).
    #[error("the run's records are gone from {0}")]
    LostContents(PathBuf),
    /// A record before the last is bad, or a file is missing or out of place.
    #[error("the run's journal is damaged: {0}")]
    Corrupt(String),
    /// The checkpoint reflects records that the journal does not hold.
    #[error(
        "the run's journal lost records: it ends at {journal}, but its checkpoint knows {checkpoint}"
    )]
    JournalLostRecords {
        /// The last record of the journal.
        journal: u64,
        /// The record that the checkpoint reflects.
        checkpoint: u64,
    },
    /// The journal in this folder is of another run.
    #[error("the journal in this place is of the run {found} of {organisation}")]
    Foreign {
        /// The run it is of.
        found: RunKey,
        /// The organisation it is of.
        organisation: String,
    },
    /// What lies here is another beginning of the run that the ledger knows.
    #[error(transparent)]
    OtherAccount(#[from] Box<OtherAccount>),
    /// Other runs have claimed some of the payments.
    #[error("{count} of the payments belong to another run: {}", name_all(.examples))]
    Claimed {
        /// How many.
        count: usize,
        /// The first of them.
        examples: Vec<Claimed>,
    },
    /// The ledger lost claims that runs had, and this one sent nothing yet: it waits until they are back.
    #[error("the ledger lost records, and the claims of {} runs are not back on record: {}", .runs.len(), names(.runs))]
    LedgerIncomplete {
        /// Those runs.
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

impl From<ClaimError> for OpenRunError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Claimed { count, examples } => Self::Claimed { count, examples },
            ClaimError::Ledger(error) => Self::Ledger(error),
            ClaimError::Lock(error) => Self::Lock(error),
        }
    }
}

impl From<AppendError> for OpenRunError {
    fn from(AppendError { path, error, .. }: AppendError) -> Self {
        Self::Io { path: path.into(), error }
    }
}

impl From<ScanError> for OpenRunError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Io { path, error } => Self::Io { path: path.into(), error },
            ScanError::Corrupt { .. } | ScanError::Newer { .. } => Self::Corrupt(error.to_string()),
        }
    }
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Records of the journal that the new checkpoint reflects.
    pub records: u64,
    /// Where the old checkpoint lies now, if there was one.
    pub set_aside: Option<PathBuf>,
    /// Why the run goes on cautiously.
    pub cautious: String,
}

pub(crate) fn open(
    state: &StateDir,
    key: &RunKey,
    references: &[ProviderReference],
    mode: OpenMode,
) -> Result<RunHandle, OpenRunError> {
    let found = Found::read(state, key)?;
    found.check_no_record_lost()?;
    let ledger_is_older = {
        let _organisation = state.lock()?;
        let claims = Claims::open(state, key, references)?;
        if !claims.standing.is_whole(key) && claiming::got_going(state, key) == Some(false) {
            // It sent nothing, and would take what another one has paid.
            let mut runs = claims.incomplete_runs(state)?;
            runs.retain(|run| claiming::got_going(state, run) == Some(true));
            if !runs.is_empty() {
                return Err(OpenRunError::LedgerIncomplete { runs });
            }
        }
        let is_lost = claims.standing.lost_for_good;
        claims.check_account(&found.identity.account)?;
        claims.complete(&found.identity.account)?;
        is_lost
    };
    let reason = match mode {
        // What it has not sent yet is as good as new: what others had claimed and paid is not known any more.
        OpenMode::Resume if ledger_is_older => Some(LEDGER_LOST.to_owned()),
        OpenMode::Resume => None,
        OpenMode::Cautious { reason } => Some(reason),
    };
    let (committer, identity, notes, _) = found.go_on(state, reason)?;
    let path = committer.journal_dir.clone();
    let started = RunHandle::start(committer, identity, notes);
    started.map_err(|error| OpenRunError::Io { path, error })
}

pub(crate) fn rebuild(state: &StateDir, key: &RunKey) -> Result<Rebuilt, OpenRunError> {
    let mut found = Found::read(state, key)?;
    let reason = match found.check_no_record_lost() {
        Err(lost) => lost.to_string(),
        Ok(()) => "its checkpoint was rebuilt".to_owned(),
    };
    found.drop_checkpoint("it is being rebuilt")?;
    let (committer, _, _, set_aside) = found.go_on(state, Some(reason.clone()))?;
    let records = committer.journal.head().map_or(0, |head| head.sequence);
    Ok(Rebuilt { records, set_aside, cautious: reason })
}

/// A run as it was found, locked and read, with nothing changed yet.
struct Found {
    dir: RunDir,
    lock: Lock,
    chain: Chain,
    head: Head,
    replay: Replay,
    identity: RunIdentity,
    checkpoint: At,
    disk: std::sync::Arc<dyn Disk>,
}

const FOREIGN: &str = "it is of another beginning of the run, or of another run";

/// What is where the checkpoint should be.
enum At {
    Missing,
    Unusable(String),
    /// It is of another beginning of the run, or of another run.
    Foreign,
    Usable(Box<Checkpoint>),
}

impl Found {
    fn read(state: &StateDir, key: &RunKey) -> Result<Self, OpenRunError> {
        let dir = state.run_dir(key);
        if !state.run_exists(key) {
            return Err(OpenRunError::Missing(key.clone()));
        }
        let writable = state.check_writable();
        writable.map_err(|error| OpenRunError::Io { path: dir.lock(), error })?;
        let lock = Lock::acquire(&dir.lock(), RUN_LOCK_PATIENCE);
        let lock = lock.map_err(|error| match error {
            LockError::Held(holder) => OpenRunError::Held(holder),
            LockError::Io(error) => OpenRunError::Io { path: dir.lock(), error },
        })?;
        let (replay, chain, checkpoint) = read_records(&*state.disk, &dir)?;
        let (Some(head), Some(identity)) = (chain.head, replay.identity.clone()) else {
            return Err(OpenRunError::LostContents(dir.journal()));
        };
        if identity.run != *key || identity.organisation != state.organisation {
            return Err(OpenRunError::Foreign {
                found: identity.run,
                organisation: identity.organisation.to_string(),
            });
        }
        let disk = state.disk.clone();
        Ok(Self { dir, lock, chain, head, replay, identity, checkpoint, disk })
    }

    /// The checkpoint only ever reflects records that were synced: one that is not there was lost.
    fn check_no_record_lost(&self) -> Result<(), OpenRunError> {
        let lost = match (&self.checkpoint, self.replay.mark, self.replay.agreement) {
            (At::Usable(_), Some(mark), Agreement::NotMet | Agreement::Differs) => mark,
            _ => return Ok(()),
        };
        Err(OpenRunError::JournalLostRecords {
            journal: self.head.sequence,
            checkpoint: lost.sequence,
        })
    }

    /// Reads the journal again, from its first record.
    fn drop_checkpoint(&mut self, why: &str) -> Result<(), OpenRunError> {
        if !matches!(self.checkpoint, At::Missing) {
            self.checkpoint = At::Unusable(why.to_owned());
        }
        let mut replay = Replay::from_start();
        scan_run(&*self.disk, &self.dir.journal(), &mut replay)?;
        self.replay = replay;
        Ok(())
    }

    /// Mends the end of the journal, says in it that the run was opened, and puts the checkpoint in order.
    fn go_on(
        self,
        state: &StateDir,
        reason: Option<String>,
    ) -> Result<(Committer, RunIdentity, Vec<String>, Option<PathBuf>), OpenRunError> {
        let Self { dir, mut lock, chain, head, mut replay, identity, checkpoint, disk } = self;
        let journal_dir = dir.journal();
        for folder in [state.runs_path(), dir.path().to_owned()] {
            let synced = disk.sync_dir(&folder);
            synced.map_err(|error| OpenRunError::Io { path: folder, error })?;
        }
        let limit = state.limits.segment_bytes_max;
        let (mut journal, torn) =
            Journal::resume(disk.clone(), journal_dir.clone(), Kind::Run, limit, &chain)?;
        let mut notes = Vec::new();
        if torn {
            notes.push(format!(
                "the end of its journal was torn or damaged, and is kept in {}",
                journal_dir.display()
            ));
        }
        // Journal and checkpoint were put together: either may be the older one.
        let foreign =
            matches!(checkpoint, At::Foreign).then(|| format!("its checkpoint: {FOREIGN}"));
        let reasons: Vec<String> = notes.iter().cloned().chain(foreign).chain(reason).collect();
        let cautious = (!reasons.is_empty()).then(|| reasons.join("; "));
        let epoch = head.epoch.saturating_add(1);
        let io = |path: &Path, error| OpenRunError::Io { path: path.to_owned(), error };
        lock.set_epoch(epoch).map_err(|error| io(&dir.lock(), error))?;
        let payload = codec::opened(cautious.as_deref());
        let payload = payload.map_err(|why| io(&journal_dir, io::Error::other(why)))?;
        let opened = journal.append(epoch, &payload)?;
        if cautious.is_some() {
            replay.book.cautious = cautious;
        }
        let mark = Mark::of(replay.run, opened);
        let (checkpoint, set_aside) = renew(&dir, checkpoint, mark, &replay.book, &mut notes)?;
        // A checkpoint just made holds everything; one that was kept lacks what was replayed.
        let unsaved = Unsaved {
            blocks: replay.touched,
            events: replay.replayed.saturating_add(1),
            ..Unsaved::none()
        };
        let committer = Committer {
            disk,
            limits: state.limits.clone(),
            journal,
            journal_dir,
            book: replay.book,
            epoch,
            run: replay.run,
            checkpoint,
            unsaved,
            poisoned: None,
            lock,
        };
        Ok((committer, identity, notes, set_aside))
    }
}

/// The checkpoint if it is of use, else a new one in its place. Without one the run goes on all the same.
fn renew(
    dir: &RunDir,
    checkpoint: At,
    mark: Mark,
    book: &Book<crate::body_place::Place>,
    notes: &mut Vec<String>,
) -> Result<(Option<Checkpoint>, Option<PathBuf>), OpenRunError> {
    let path = dir.checkpoint();
    let why = match checkpoint {
        At::Usable(checkpoint) => return Ok((Some(*checkpoint), None)),
        At::Missing => "it was missing".to_owned(),
        At::Foreign => FOREIGN.to_owned(),
        At::Unusable(why) => why,
    };
    let set_aside = checkpoint::set_aside(&path);
    let set_aside = set_aside.map_err(|error| OpenRunError::Io { path: path.clone(), error })?;
    notes.push(format!("its checkpoint was rebuilt from the journal: {why}"));
    let created = Checkpoint::create(&path, mark, book);
    if let Err(why) = &created {
        notes.push(format!("a new checkpoint cannot be written: {why}"));
    }
    Ok((created.ok(), set_aside))
}

/// Reads checkpoint and journal. A checkpoint that contradicts the journal is of no use, and read around.
fn read_records(disk: &dyn Disk, dir: &RunDir) -> Result<(Replay, Chain, At), ScanError> {
    let journal = dir.journal();
    let (checkpoint, saved) = match Checkpoint::load(&dir.checkpoint()) {
        Loaded::Ready(ready) => {
            let (checkpoint, saved) = *ready;
            (At::Usable(Box::new(checkpoint)), Some(saved))
        }
        Loaded::Missing => (At::Missing, None),
        // It may know more than the journal: going on without it is no choice.
        Loaded::Busy(error) => {
            return Err(ScanError::Io { path: dir.checkpoint().display().to_string(), error });
        }
        Loaded::Unusable(why) => (At::Unusable(why), None),
    };
    if let Some(saved) = saved {
        let mut replay = Replay::from_checkpoint(saved);
        let scanned = scan_run(disk, &journal, &mut replay);
        match (scanned, replay.agreement) {
            (Ok(chain), Agreement::Foreign) => {
                return Ok((replay, chain, At::Foreign));
            }
            (Ok(chain), Agreement::NotMet | Agreement::Met | Agreement::Differs) => {
                return Ok((replay, chain, checkpoint));
            }
            (Err(ScanError::Corrupt { .. }), _) => {}
            (Err(error @ (ScanError::Io { .. } | ScanError::Newer { .. })), _) => {
                return Err(error);
            }
        }
        let mut replay = Replay::from_start();
        let chain = scan_run(disk, &journal, &mut replay)?;
        let why = "it contradicts the journal".to_owned();
        return Ok((replay, chain, At::Unusable(why)));
    }
    let mut replay = Replay::from_start();
    let chain = scan_run(disk, &journal, &mut replay)?;
    Ok((replay, chain, checkpoint))
}

pub(crate) fn scan_run(
    disk: &dyn Disk,
    journal: &Path,
    replay: &mut Replay,
) -> Result<Chain, ScanError> {
    scan::scan(disk, journal, Kind::Run, &mut |position, record| replay.visit(position, record))
}
