//! payrun's own state directory, on a disk that is memory where there is one.
//!
//! What a process leaves of its checkpoint when it is killed is any state that it was in: the newest, an older one, or none. The
//! journal is the authority, so nothing that follows may depend on it.
//!
//! The disk can be one that fails: at an operation that is drawn, it does not do it, does it by half as the last one before the
//! power goes, or does it and says that it failed. Then what was not synced is lost, wholly, in part, or is zeros.

/// The disk of the store's own tests.
#[path = "../../../payrun-store/tests/support/fault.rs"]
#[allow(dead_code, unreachable_pub, reason = "the store's tests use all of it")]
mod fault;

use self::fault::{Fault, FaultDisk, Left};
use super::{Directory, Refused, Wanted};
use crate::at_once::at_once;
use crate::chance::Chance;
use async_trait::async_trait;
use payrun_core::{Account, AccountId, Organisation, PaymentIndex, Progress, RunKey, UnixMillis};
use payrun_ports::{Body, Entry, History, Receipt, RunStore, StoreError};
use payrun_store::{
    CreateError, Limits, OpenMode, OpenRunError, ReadError, RunHandle, RunIdentity, StateDir,
};
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// What the disk says when it fails.
const INJECTED: &str = "injected";

/// Within so many operations of a process the disk fails.
const OPERATIONS: u64 = 120;

/// payrun's own state directory.
pub(crate) struct OnDisk {
    root: TempDir,
    /// The disk fails.
    fails: AtomicBool,
    /// The disk as the process that has the run, or failed to get it, found it.
    disk: Mutex<Option<FaultDisk>>,
    organisation: Organisation,
    state: Mutex<StateDir>,
    /// Apart from the one that everything else is drawn from: what becomes of checkpoints changes nothing.
    chance: Chance,
}

impl OnDisk {
    pub(crate) fn new(seed: u64, fails: bool) -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let organisation: Organisation = "acme".parse().unwrap();
        let state = Mutex::new(StateDir::open(&root.path().join("state"), &organisation).unwrap());
        let (fails, disk, chance) = (AtomicBool::new(fails), Mutex::default(), Chance::of(!seed));
        Self { root, fails, disk, organisation, state, chance }
    }

    fn state(&self) -> StateDir {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run_dir(&self, run: &str) -> PathBuf {
        self.state().path().join("runs").join(run)
    }

    fn aside(&self, what: &str, run: &str) -> PathBuf {
        self.root.path().join(format!("{what}-{run}"))
    }

    /// A checkpoint of before that some process may have left, in the place of the one that is there.
    fn disturb_checkpoint(&self, run: &str) {
        let (checkpoint, older) =
            (self.run_dir(run).join("checkpoint"), self.aside("checkpoint", run));
        let left = self.chance.below(3);
        if left > 0 && checkpoint.is_dir() {
            fs::remove_dir_all(&checkpoint).unwrap();
            if left == 1 && older.is_dir() {
                copy_tree(&older, &checkpoint);
            }
        }
        if checkpoint.is_dir() {
            self.forget_checkpoint(run);
            copy_tree(&checkpoint, &older);
        }
    }

    /// What was kept of a checkpoint is of a journal that is not there any more.
    fn forget_checkpoint(&self, run: &str) {
        let older = self.aside("checkpoint", run);
        if older.is_dir() {
            fs::remove_dir_all(older).unwrap();
        }
    }

    /// The state directory as a new process sees it, on a disk that may fail it; and whether it dies of that.
    fn seen(&self) -> Option<(StateDir, FaultDisk, bool)> {
        if !self.fails.load(Ordering::Relaxed) {
            return None;
        }
        let disk = FaultDisk::default();
        let state = StateDir::open_with(
            &self.root.path().join("state"),
            &self.organisation,
            Arc::new(disk.clone()),
            Limits::default(),
        );
        let at = self.chance.below(OPERATIONS);
        let dies = self.chance.one_in(2);
        match self.chance.below(6) {
            0 | 1 if dies => disk.fail_after(at, Fault::Cut),
            0 | 1 => disk.fail_after(at, Fault::Fails),
            2 | 3 => disk.fail_after(at, Fault::DoneButFails),
            4 => disk.fail_next_sync_as_linux_does(),
            _ => {}
        }
        Some((state.unwrap(), disk, dies))
    }

    /// The power goes; in words.
    fn cut_power(&self, disk: &FaultDisk) -> String {
        let (left, words) = [
            (Left::All, "all is still there"),
            (Left::Nothing, "nothing is left"),
            (Left::HalfOfBytes, "half of the bytes are left"),
            (Left::Zeros, "zeros are left"),
        ][usize::try_from(self.chance.below(4)).unwrap()];
        disk.cut_power(left);
        format!("the power goes: of what was not synced, {words}")
    }

    fn begin(&self, state: &StateDir, wanted: Wanted<'_>) -> Result<RunHandle, Refused> {
        let (key, identity) = (key(wanted.run), self.identity(wanted));
        let references = references(wanted);
        let begun = match wanted.adopted {
            true => state.adopt_run(&key, &identity, &references, "its records were lost"),
            false => state.create_run(&key, &identity, &references),
        };
        begun.map_err(|error| match error {
            CreateError::Claimed { .. } => Refused::Claimed,
            CreateError::HistoryLost { .. } => Refused::HistoryLost,
            CreateError::LedgerIncomplete { .. } => Refused::ClaimsMissing,
            CreateError::OtherAccount(_) => Refused::OtherProvider,
            other @ (CreateError::AlreadyExists(_)
            | CreateError::AdoptsLess { .. }
            | CreateError::OtherIdentity { .. }
            | CreateError::Ledger(_)
            | CreateError::Lock(_)
            | CreateError::Io { .. }) => self.broken(&other),
        })
    }

    fn go_on(&self, state: &StateDir, wanted: Wanted<'_>) -> Result<RunHandle, Refused> {
        let key = key(wanted.run);
        let identity = state.run_identity(&key).unwrap().unwrap();
        if identity.account != account(wanted) {
            return Err(Refused::OtherProvider);
        }
        let open = || state.open_run(&key, &references(wanted), OpenMode::Resume);
        let opened = match open() {
            // A person sees what it says, and goes on cautiously.
            Err(OpenRunError::JournalLostRecords { .. }) => {
                state.rebuild(&key).and_then(|_| open())
            }
            opened => opened,
        };
        opened.map_err(|error| match error {
            OpenRunError::Held(_) => Refused::Locked,
            OpenRunError::Claimed { .. } => Refused::Claimed,
            OpenRunError::LedgerIncomplete { .. } => Refused::ClaimsMissing,
            OpenRunError::OtherAccount(_) => Refused::OtherProvider,
            other @ (OpenRunError::Missing(_)
            | OpenRunError::LostContents(_)
            | OpenRunError::Corrupt(_)
            | OpenRunError::JournalLostRecords { .. }
            | OpenRunError::Foreign { .. }
            | OpenRunError::Ledger(_)
            | OpenRunError::Lock(_)
            | OpenRunError::Io { .. }) => self.broken(&other),
        })
    }

    /// Only a disk that fails explains it.
    fn broken(&self, error: &dyn std::error::Error) -> Refused {
        assert!(error.to_string().contains(INJECTED), "unexpected: {error}");
        Refused::Disk
    }

    fn identity(&self, wanted: Wanted<'_>) -> RunIdentity {
        let bytes = payrun_plan::encode(wanted.plan).unwrap();
        let plan = payrun_plan::digest(&bytes);
        self.state().put_plan(&plan, &bytes).unwrap();
        RunIdentity {
            run: key(wanted.run),
            plan,
            source: wanted.plan.source.sha256,
            source_name: wanted.plan.source.name.clone(),
            organisation: self.organisation.clone(),
            account: account(wanted),
            payments: u32::try_from(wanted.plan.payments.len()).unwrap(),
            retry_of: None,
            created_at: UnixMillis(0),
        }
    }
}

fn key(run: &str) -> RunKey {
    run.parse().unwrap()
}

fn account(wanted: Wanted<'_>) -> Account {
    Account { gateway: wanted.host.clone(), id: AccountId::new("account") }
}

fn references(wanted: Wanted<'_>) -> Vec<payrun_core::ProviderReference> {
    wanted.plan.payments.iter().map(|planned| planned.provider_reference).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Directory for OnDisk {
    fn has(&self, run: &str) -> bool {
        self.state().run_exists(&key(run))
    }

    fn open(&self, wanted: Wanted<'_>) -> Result<Box<dyn RunStore>, Refused> {
        let (state, disk, dies) = match self.seen() {
            Some((state, disk, dies)) => (state, Some(disk), dies),
            None => (self.state(), None, false),
        };
        let opened = match self.has(wanted.run) {
            true => self.go_on(&state, wanted),
            false => self.begin(&state, wanted),
        };
        if matches!(opened, Err(Refused::Disk)) {
            disk.iter().for_each(|disk| drop(self.cut_power(disk)));
        }
        let run = opened?;
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = disk.clone();
        let root = self.root.path().display().to_string();
        Ok(Box::new(OpenRun { run, disk: disk.filter(|_| dies), root }))
    }

    fn progress(&self, run: &str, payments: usize) -> Vec<Progress> {
        match self.state().read_run(&key(run)) {
            Ok(snapshot) => snapshot.progress,
            Err(ReadError::Missing(_)) => vec![Progress::default(); payments],
            Err(error) => panic!("the run cannot be read: {error}"),
        }
    }

    fn calm(&self) {
        self.fails.store(false, Ordering::Relaxed);
    }

    fn process_ended(&self, run: &str) -> Option<String> {
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner).take();
        let words = disk.map(|disk| self.cut_power(&disk));
        self.disturb_checkpoint(run);
        words
    }

    fn findings(&self, run: &str) -> Vec<String> {
        let verified = self.state().verify(&key(run)).unwrap();
        verified.findings.iter().map(ToString::to_string).collect()
    }

    fn lose(&self, run: &str, all: bool) {
        self.forget_checkpoint(run);
        if all {
            fs::remove_dir_all(self.state().path()).unwrap();
            let state = StateDir::open(&self.root.path().join("state"), &self.organisation);
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.unwrap();
            let copy = self.aside("copy", run);
            if copy.is_dir() {
                fs::remove_dir_all(copy).unwrap();
            }
        } else if self.has(run) {
            fs::remove_dir_all(self.run_dir(run)).unwrap();
        }
    }

    fn copy(&self, run: &str) {
        let copy = self.aside("copy", run);
        if self.has(run) {
            if copy.is_dir() {
                fs::remove_dir_all(&copy).unwrap();
            }
            copy_tree(&self.run_dir(run), &copy);
        }
    }

    fn restore(&self, run: &str) -> bool {
        let copy = self.aside("copy", run);
        if !copy.is_dir() {
            return false;
        }
        if !self.has(run) {
            fs::remove_dir_all(copy).unwrap();
            return false;
        }
        self.forget_checkpoint(run);
        fs::remove_dir_all(self.run_dir(run)).unwrap();
        fs::rename(copy, self.run_dir(run)).unwrap();
        true
    }

    fn tear_last_record(&self, run: &str) {
        self.forget_checkpoint(run);
        let files = fs::read_dir(self.run_dir(run).join("journal")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "seg");
        let last = paths.filter(is_segment).max().unwrap();
        let file = fs::File::options().write(true).open(last).unwrap();
        let length = file.metadata().unwrap().len();
        file.set_len(length - 1 - self.chance.below(40)).unwrap();
    }
}

/// A run that is open. What its thread does takes no virtual time, so that the order of everything is the same each time.
struct OpenRun {
    run: RunHandle,
    /// The process dies with it.
    disk: Option<FaultDisk>,
    /// Another one each time that a seed is replayed.
    root: String,
}

impl OpenRun {
    /// The same words whenever a seed is replayed.
    fn told(&self, mut error: StoreError) -> StoreError {
        if let StoreError::Io { error, .. } = &mut error {
            *error = error.replace(&self.root, "");
        }
        error
    }
}

#[async_trait]
impl RunStore for OpenRun {
    async fn history(&self) -> Result<History, StoreError> {
        at_once(self.run.history())
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let answer = at_once(self.run.commit(group));
        if answer.is_err() && self.disk.as_ref().is_some_and(FaultDisk::broke) {
            // There is no power, and nobody to tell.
            pending::<()>().await;
        }
        answer.map_err(|error| self.told(error))
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        at_once(self.run.body(payment))
    }

    async fn close(&self) -> Result<(), StoreError> {
        at_once(self.run.close()).map_err(|error| self.told(error))
    }
}
