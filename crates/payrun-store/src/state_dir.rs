//! One organisation's folder: its plans, its ledger and its runs.
//!
//! ```text
//! <root>/<organisation>/LOCK            held for moments: creating a run, changing the ledger
//!                       ledger/         claims of provider references
//!                       pace/grants     what each key was granted lately
//!                       plans/<sha256>.plan
//!                       runs/<key>/LOCK journal/ checkpoint/
//! ```

use crate::claiming::{self, ClaimError, Claims, LedgerRebuilt};
use crate::disk::{Disk, RealDisk};
use crate::file_system;
use crate::grant_file::GrantFile;
use crate::identity::RunIdentity;
use crate::ledger::{self, LedgerError};
use crate::limits::{Limits, ORGANISATION_LOCK_PATIENCE};
use crate::lock::{Holder, Lock, LockError};
use crate::opening::{self, OpenMode, OpenRunError, Rebuilt};
use crate::plan_file::{self, PlanError};
use crate::run_dir::{self, RunDir};
use crate::run_handle::RunHandle;
use crate::snapshot::{self, ReadError, RunSnapshot};
use crate::verify::{self, Verification};
use crate::{CreateError, ExportError, ImportError, creating, exporting, importing};
use payrun_core::{Account, Digest, Organisation, ProviderReference, RunKey};
use payrun_ports::{GrantLog, MemoryGrants};
use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Something that is no folder has this name.
    #[error("{0} is not a directory")]
    NotADirectory(PathBuf),
    /// We may not write there.
    #[error("{path} is not writable: {error}")]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// Locks and syncs cannot be relied on there.
    #[error(
        "{path} lies on a network file system ({kind}): name a local directory, or money could move twice"
    )]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// Which kind.
        kind: &'static str,
    },
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

/// One organisation's folder.
#[derive(Clone)]
pub struct StateDir {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) limits: Limits,
    pub(crate) path: PathBuf,
    pub(crate) organisation: Organisation,
    to_read: bool,
}

impl std::fmt::Debug for StateDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StateDir").field(&self.path).finish()
    }
}

impl StateDir {
    /// Opens the organisation's folder below `root`, and makes what is missing of it.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of a run was read or changed.
    pub fn open(root: &Path, organisation: &Organisation) -> Result<Self, OpenError> {
        Self::open_with(root, organisation, Arc::new(RealDisk), Limits::default())
    }

    /// As [`open`](Self::open), on a disk and with limits of the caller's.
    pub fn open_with(
        root: &Path,
        organisation: &Organisation,
        disk: Arc<dyn Disk>,
        limits: Limits,
    ) -> Result<Self, OpenError> {
        let path = root.join(organisation.as_str());
        for folder in [root, &path, &path.join("plans"), &path.join("runs"), &path.join("ledger")] {
            file_system::make_folder(&*disk, folder)?;
        }
        file_system::refuse_network(&path)?;
        file_system::try_writing(&path)?;
        Ok(Self { disk, limits, path, organisation: organisation.clone(), to_read: false })
    }

    /// Opens the organisation's folder below `root` to look at it: makes nothing and needs no right to write. Whatever
    /// would change it fails. A folder that is not there has no runs, and [`runs`](Self::runs) says that it is not found.
    ///
    /// # Errors
    /// [`OpenError`] if it is no folder, or cannot be looked at.
    pub fn open_to_read(root: &Path, organisation: &Organisation) -> Result<Self, OpenError> {
        let path = root.join(organisation.as_str());
        match path.metadata() {
            Ok(found) if !found.is_dir() => return Err(OpenError::NotADirectory(path)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::Io { path, error });
            }
            Ok(_) | Err(_) => {}
        }
        let (disk, limits) = (Arc::new(RealDisk), Limits::default());
        Ok(Self { disk, limits, path, organisation: organisation.clone(), to_read: true })
    }

    /// The organisation's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stores a plan under the hash of its bytes, durably. Storing it again changes nothing.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] if the bytes have another hash, or a damaged plan is stored under it.
    pub fn put_plan(&self, digest: &Digest, bytes: &[u8]) -> Result<PathBuf, PlanError> {
        let dir = self.path.join("plans");
        self.check_writable().map_err(|error| PlanError::Io { path: dir.clone(), error })?;
        plan_file::put(&*self.disk, &dir, digest, bytes)
    }

    /// Reads a plan back, and checks it against its hash.
    ///
    /// # Errors
    /// [`PlanError::Missing`] or [`PlanError::Damaged`].
    pub fn plan(&self, digest: &Digest) -> Result<Vec<u8>, PlanError> {
        plan_file::get(&*self.disk, &self.path.join("plans"), digest)
    }

    /// The stored plan whose digest begins with `prefix`, at least
    /// [`PLAN_PREFIX_LENGTH_MIN`](crate::PLAN_PREFIX_LENGTH_MIN) hexadecimal digits in lower case.
    ///
    /// # Errors
    /// [`PlanError::Prefix`], or [`PlanError::Ambiguous`] if more than one begins like this.
    pub fn find_plan(&self, prefix: &str) -> Result<Option<Digest>, PlanError> {
        plan_file::find(&self.path.join("plans"), prefix)
    }

    /// All runs, in order of their keys. A file beside their folders is none.
    ///
    /// # Errors
    /// If the folder of runs cannot be read.
    pub fn runs(&self) -> Result<Vec<RunKey>, io::Error> {
        let mut runs = Vec::new();
        for entry in std::fs::read_dir(self.runs_path())? {
            let entry = entry?;
            // Only what is a file for certain, such as a backup, is no run: a folder that cannot be looked at may be one.
            if !entry.path().is_file() {
                runs.extend(entry.file_name().to_str().and_then(run_dir::key));
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// The runs that have claims in the ledger and are not there any more, in order of their keys. Takes no lock and changes
    /// nothing; where there is no ledger, no run is known to be gone. A run has its folder before it claims, so one that is
    /// just being made is none of them.
    ///
    /// # Errors
    /// [`LedgerError`](LedgerError) if the ledger cannot be read.
    pub fn lost_runs(&self) -> Result<Vec<RunKey>, crate::LedgerError> {
        let (claimed, _) = ledger::completeness(&*self.disk, &self.ledger_path())?;
        let with_claims = claimed.into_iter().filter(|(_, claims)| claims.are_there());
        let lost = with_claims.map(|(run, _)| run).filter(|run| !self.has_run(run));
        let mut lost: Vec<_> = lost.collect();
        lost.sort();
        Ok(lost)
    }

    /// Whether there is a run of this key, in whatever condition. A folder that cannot be looked at counts as
    /// one: empty is not new (I11).
    pub fn run_exists(&self, key: &RunKey) -> bool {
        self.run_dir(key).path().try_exists().unwrap_or(true)
    }

    /// The same, but that a copy of another run's folder in its place is not it.
    pub fn has_run(&self, key: &RunKey) -> bool {
        self.run_exists(key) && !claiming::is_anothers(self, key)
    }

    /// What a run is bound to, from its first record; `None` if there is no such run. Takes no lock.
    ///
    /// # Errors
    /// [`ReadError::LostContents`] if the run is there and its first record is not, [`ReadError::Foreign`] if that is of
    /// another organisation.
    pub fn run_identity(&self, key: &RunKey) -> Result<Option<RunIdentity>, ReadError> {
        snapshot::identity(self, key)
    }

    /// Begins a run: its folder, its first record, its claims in the ledger. All of it is durable after `Ok`.
    ///
    /// # Errors
    /// After [`CreateError`] no run was made, but for [`CreateError::Io`] and [`CreateError::Ledger`]: then it
    /// may be there, with nothing sent, and [`open_run`](Self::open_run) completes it.
    pub fn create_run(
        &self,
        key: &RunKey,
        identity: &RunIdentity,
        references: &[ProviderReference],
    ) -> Result<RunHandle, CreateError> {
        creating::create(self, key, identity, references, None)
    }

    /// As [`create_run`](Self::create_run), for a run that was begun before and whose history is gone: claims
    /// under its own key are taken over, and it starts cautiously (I11).
    ///
    /// # Errors
    /// As [`create_run`](Self::create_run), but never [`CreateError::HistoryLost`].
    pub fn adopt_run(
        &self,
        key: &RunKey,
        identity: &RunIdentity,
        references: &[ProviderReference],
        reason: &str,
    ) -> Result<RunHandle, CreateError> {
        creating::create(self, key, identity, references, Some(reason))
    }

    /// Goes on with a run. Claims that a crash kept out of the ledger are made up for first.
    ///
    /// # Errors
    /// [`OpenRunError`]; nothing was sent, and unless the words say otherwise nothing was changed.
    pub fn open_run(
        &self,
        key: &RunKey,
        references: &[ProviderReference],
        mode: OpenMode,
    ) -> Result<RunHandle, OpenRunError> {
        opening::open(self, key, references, mode)
    }

    /// Puts a run's claims back on record in the ledger, if some are missing, and from where it pays. Returns how many claims
    /// were.
    ///
    /// # Errors
    /// [`ClaimError::Claimed`] if another run has one of them.
    pub fn reclaim(
        &self,
        key: &RunKey,
        references: &[ProviderReference],
        account: &Account,
    ) -> Result<usize, ClaimError> {
        let _lock = self.lock()?;
        Claims::open(self, key, references)?.complete(account)
    }

    /// Which of these references are claimed, each with its run. Takes no lock and changes nothing.
    ///
    /// # Errors
    /// [`LedgerError`] if the ledger cannot be read.
    pub fn claimants(
        &self,
        references: &HashSet<ProviderReference>,
    ) -> Result<HashMap<ProviderReference, RunKey>, LedgerError> {
        ledger::claimants(&*self.disk, &self.ledger_path(), references)
    }

    /// Says that a run, some of whose references other runs have, lacks no more claims: it is refused when it is opened, and is no
    /// reason that no other may be begun. It keeps, or is given, those of its references of which something is `on_record`; what it
    /// never sent others may claim.
    ///
    /// By one that has nothing on record it is no longer explained that claims of the ledger's end are missing: runs are cautious
    /// from then on (I11).
    ///
    /// # Errors
    /// [`ClaimError`] if the ledger cannot be written.
    pub fn release_claims(
        &self,
        key: &RunKey,
        references: &[ProviderReference],
        on_record: &HashSet<ProviderReference>,
    ) -> Result<(), ClaimError> {
        let _lock = self.lock()?;
        Claims::open(self, key, references)?.release(self, on_record)
    }

    /// Whether a run has anything on record of a payment; `None` if it cannot be read.
    pub fn got_going(&self, key: &RunKey) -> Option<bool> {
        claiming::got_going(self, key)
    }

    /// Where a run stands, read from its journal alone. Takes no lock and changes nothing; a record that is being
    /// written just now is not seen.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_run(&self, key: &RunKey) -> Result<RunSnapshot, ReadError> {
        snapshot::read(self, key)
    }

    /// Checks a run offline: its whole chain of records, every transition, the checkpoint against the journal,
    /// the claims against the ledger. Writes nothing into the state directory.
    ///
    /// # Errors
    /// [`ReadError::Missing`] or [`ReadError::Io`]; whatever is wrong with the records is a finding instead.
    pub fn verify(&self, key: &RunKey) -> Result<Verification, ReadError> {
        verify::verify(self, key)
    }

    /// Sets a run's checkpoint aside (renamed, never deleted) and derives a new one from the journal; from then
    /// on the run goes by cautious start. This is the way on after [`OpenRunError::JournalLostRecords`].
    ///
    /// # Errors
    /// As [`open_run`](Self::open_run), but for that one.
    pub fn rebuild(&self, key: &RunKey) -> Result<Rebuilt, OpenRunError> {
        opening::rebuild(self, key)
    }

    /// Writes everything of a run to `out` as JSON lines: what it is bound to, its plan with names and phones, its events. Takes
    /// no lock; what is being written to the journal just now is left out.
    ///
    /// # Errors
    /// [`ExportError`]; what was written until then is no whole export, and is refused when it is read.
    pub fn export_run(&self, key: &RunKey, out: impl Write) -> Result<(), ExportError> {
        exporting::export(self, key, out)
    }

    /// Makes a run of an export, under the key that it had. It goes on by cautious start (I11), since what came after the
    /// export is not known. `accept` judges what it is bound to, before anything is changed, and reads the provider references
    /// out of the plan file, in its order.
    ///
    /// # Errors
    /// [`ImportError`]; no run was made, but for [`CreateError::Io`] and [`CreateError::Ledger`], as with
    /// [`create_run`](Self::create_run).
    pub fn import_run<E>(
        &self,
        input: impl BufRead,
        accept: impl FnOnce(&RunIdentity, &[u8]) -> Result<Vec<ProviderReference>, E>,
    ) -> Result<RunIdentity, ImportError<E>> {
        importing::import(self, input, accept)
    }

    /// What the organisation's keys were granted, shared by all its processes (I8). Where the folder was opened to be
    /// looked at only, nothing is shared.
    pub fn grants(&self) -> Arc<dyn GrantLog> {
        if self.to_read {
            return Arc::new(MemoryGrants::default());
        }
        let is_new = self.runs().is_ok_and(|runs| runs.is_empty());
        Arc::new(GrantFile::open(&self.path.join("pace"), is_new))
    }

    /// Sets a damaged ledger aside (renamed, never deleted) and begins a new one; one that can be read is kept. No run is
    /// created before every run that is there has its claims on record again: [`reclaim`](Self::reclaim), or opening it.
    /// From then on new runs start cautiously (I11): of runs that are not there any more, the claims are lost.
    ///
    /// # Errors
    /// [`ClaimError`]; of a ledger that cannot be read for another reason than damage, too.
    pub fn rebuild_ledger(&self) -> Result<LedgerRebuilt, ClaimError> {
        let _lock = self.lock()?;
        claiming::rebuild(self)
    }

    pub(crate) fn runs_path(&self) -> PathBuf {
        self.path.join("runs")
    }

    pub(crate) fn ledger_path(&self) -> PathBuf {
        self.path.join("ledger")
    }

    pub(crate) fn run_dir(&self, key: &RunKey) -> RunDir {
        RunDir::of(&self.runs_path(), key)
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.path.join("LOCK")
    }

    /// Refuses where the folder was opened to be looked at only.
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        if self.to_read {
            return Err(io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "opened to read only"));
        }
        Ok(())
    }

    /// The organisation's lock.
    pub(crate) fn lock(&self) -> Result<Lock, OrganisationLockError> {
        let path = self.lock_path();
        if let Err(error) = self.check_writable() {
            return Err(OrganisationLockError::Io { path, error });
        }
        Lock::acquire(&path, ORGANISATION_LOCK_PATIENCE).map_err(|error| match error {
            LockError::Held(holder) => OrganisationLockError::Held(holder),
            LockError::Io(error) => OrganisationLockError::Io { path, error },
        })
    }
}

/// The organisation's lock, which others hold for moments only, was not to be had.
#[derive(Debug, thiserror::Error)]
pub enum OrganisationLockError {
    /// Another process keeps it.
    #[error("the organisation's folder is being changed by {0}: try again")]
    Held(Holder),
    /// Locking failed.
    #[error("{path}: {error}")]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}
