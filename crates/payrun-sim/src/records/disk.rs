//! payrun's own state directory, on a disk that is memory where there is one.
//!
//! What a process leaves of its checkpoint when it is killed is any state that it was in: the newest, an older one, or none. The
//! journal is the authority, so nothing that follows may depend on it.

use super::{Directory, Refused, Wanted};
use crate::at_once::at_once;
use crate::chance::Chance;
use async_trait::async_trait;
use payrun_core::{Account, AccountId, Organisation, PaymentIndex, Progress, RunKey, UnixMillis};
use payrun_ports::{Body, Entry, History, Receipt, RunStore, StoreError};
use payrun_store::{
    CreateError, OpenMode, OpenRunError, ReadError, RunHandle, RunIdentity, StateDir,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// payrun's own state directory.
pub(crate) struct OnDisk {
    root: TempDir,
    organisation: Organisation,
    state: Mutex<StateDir>,
    /// Apart from the one that everything else is drawn from: what becomes of checkpoints changes nothing.
    chance: Chance,
}

impl OnDisk {
    pub(crate) fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let organisation: Organisation = "acme".parse().unwrap();
        let state = Mutex::new(StateDir::open(&root.path().join("state"), &organisation).unwrap());
        Self { root, organisation, state, chance: Chance::of(!seed) }
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

    fn begin(&self, wanted: Wanted<'_>) -> Result<RunHandle, Refused> {
        let (state, key, identity) = (self.state(), key(wanted.run), self.identity(wanted));
        let references = references(wanted);
        let begun = match wanted.adopted {
            true => state.adopt_run(&key, &identity, &references, "its records were lost"),
            false => state.create_run(&key, &identity, &references),
        };
        begun.map_err(|error| match error {
            CreateError::Claimed { .. } => Refused::Claimed,
            CreateError::HistoryLost { .. } => Refused::HistoryLost,
            other @ (CreateError::AlreadyExists(_)
            | CreateError::OtherIdentity { .. }
            | CreateError::LedgerIncomplete { .. }
            | CreateError::Ledger(_)
            | CreateError::Lock(_)
            | CreateError::Io { .. }) => panic!("the run cannot be begun: {other}"),
        })
    }

    fn go_on(&self, wanted: Wanted<'_>) -> Result<RunHandle, Refused> {
        let (state, key) = (self.state(), key(wanted.run));
        let identity = state.run_identity(&key).unwrap().unwrap();
        if identity.account != account(wanted) {
            return Err(Refused::OtherProvider);
        }
        let open = || state.open_run(&key, &references(wanted), OpenMode::Resume);
        let opened = match open() {
            // A person sees what it says, and goes on cautiously.
            Err(OpenRunError::JournalLostRecords { .. }) => {
                state.rebuild(&key).unwrap();
                open()
            }
            opened => opened,
        };
        opened.map_err(|error| match error {
            OpenRunError::Held(_) => Refused::Locked,
            OpenRunError::Claimed { .. } => Refused::Claimed,
            other @ (OpenRunError::Missing(_)
            | OpenRunError::LostContents(_)
            | OpenRunError::Corrupt(_)
            | OpenRunError::JournalLostRecords { .. }
            | OpenRunError::Foreign { .. }
            | OpenRunError::Ledger(_)
            | OpenRunError::Lock(_)
            | OpenRunError::Io { .. }) => panic!("the run cannot be opened: {other}"),
        })
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
        let opened = match self.has(wanted.run) {
            true => self.go_on(wanted),
            false => self.begin(wanted),
        }?;
        Ok(Box::new(OpenRun(opened)))
    }

    fn progress(&self, run: &str, payments: usize) -> Vec<Progress> {
        match self.state().read_run(&key(run)) {
            Ok(snapshot) => snapshot.progress,
            Err(ReadError::Missing(_)) => vec![Progress::default(); payments],
            Err(error) => panic!("the run cannot be read: {error}"),
        }
    }

    fn process_ended(&self, run: &str) {
        self.disturb_checkpoint(run);
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
struct OpenRun(RunHandle);

#[async_trait]
impl RunStore for OpenRun {
    async fn history(&self) -> Result<History, StoreError> {
        at_once(self.0.history())
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        at_once(self.0.commit(group))
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        at_once(self.0.body(payment))
    }

    async fn close(&self) -> Result<(), StoreError> {
        at_once(self.0.close())
    }
}
