//! Where the records of runs lie, and what outlives a process there.

mod disk;
mod failing;
mod played;

pub(crate) use disk::OnDisk;
pub(crate) use failing::Failing;
pub(crate) use played::Played;

use payrun_core::{GatewayHost, Plan, Progress, State};
use payrun_ports::RunStore;

/// A run as whoever starts a process names it.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) run: &'static str,
    pub(crate) host: &'a GatewayHost,
    pub(crate) plan: &'a Plan,
    /// Begun over what a lost run of this name had claimed, and cautiously.
    pub(crate) adopted: bool,
}

/// Why a process may not have a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Locked,
    OtherProvider,
    Claimed,
    /// It was begun, and its records are gone.
    HistoryLost,
    /// Another run is there whose claims the disk lost: until that one is opened, no new one is begun.
    ClaimsMissing,
    /// The disk failed.
    Disk,
}

/// A state directory.
pub(crate) trait Directory: Send + Sync {
    /// Whether there is such a run.
    fn has(&self, run: &str) -> bool;

    /// Goes on with the run, or begins it if there is none. The process has it until what is given is dropped.
    fn open(&self, wanted: Wanted<'_>) -> Result<Box<dyn RunStore>, Refused>;

    /// What the journal says of each payment. A run that is not there has sent nothing.
    fn progress(&self, run: &str, payments: usize) -> Vec<Progress>;

    /// Nothing fails from here on.
    fn calm(&self) {}

    /// A process that had the run is gone, however it ended. What befell the disk with it, in words.
    fn process_ended(&self, _run: &str) -> Option<String> {
        None
    }

    /// Whatever is wrong with the run's records by their own check.
    fn findings(&self, _run: &str) -> Vec<String> {
        Vec::new()
    }

    /// The run's records are gone; with `all`, everything else in the directory too.
    fn lose(&self, run: &str, all: bool);

    /// Keeps a copy of the run's records as they are now.
    fn copy(&self, run: &str);

    /// Puts the copy in their place, if there is one; it is gone then.
    fn restore(&self, run: &str) -> bool;

    /// The last record of the run cannot be read any more.
    fn tear_last_record(&self, run: &str);
}

/// Where each payment stands, in words.
pub(crate) fn words(progress: &[Progress]) -> Vec<String> {
    let word = |progress: &Progress| State::word(progress.standing.state).to_owned();
    progress.iter().map(word).collect()
}
