//! Claiming a run's references, under the organisation's lock.

use crate::ledger::{self, Claimed, Ledger, LedgerError, Standing};
use crate::scan;
use crate::segment::Kind;
use crate::state_dir::{OrganisationLockError, StateDir};
use payrun_core::{ProviderReference, RunKey};
use std::path::PathBuf;

/// Why claims were not made.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Other runs have claimed some of the references.
    #[error("{count} of the payments belong to another run: {}", name_all(.examples))]
    Claimed {
        /// How many.
        count: usize,
        /// The first of them.
        examples: Vec<Claimed>,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The organisation's lock was not to be had.
    #[error(transparent)]
    Lock(#[from] OrganisationLockError),
}

pub(crate) fn name_all(examples: &[Claimed]) -> String {
    let line = |claimed: &Claimed| format!("{} (run {})", claimed.reference, claimed.run);
    examples.iter().map(line).collect::<Vec<_>>().join(", ")
}

/// The ledger, read for one run. Whoever has this holds the organisation's lock.
pub(crate) struct Claims<'a> {
    ledger: Ledger,
    pub(crate) standing: Standing,
    key: &'a RunKey,
    references: &'a [ProviderReference],
}

impl<'a> Claims<'a> {
    pub(crate) fn open(
        state: &StateDir,
        key: &'a RunKey,
        references: &'a [ProviderReference],
    ) -> Result<Self, LedgerError> {
        let runs = state.runs().map_err(|error| LedgerError::Io(error.to_string()))?;
        let (ledger, standing) = Ledger::open(
            state.disk.clone(),
            state.ledger_path(),
            state.limits.segment_bytes_max,
            !runs.is_empty(),
            (key, references),
        )?;
        Ok(Self { ledger, standing, key, references })
    }

    /// Refuses references that other runs have.
    pub(crate) fn check_others(&self) -> Result<(), ClaimError> {
        match self.standing.others {
            0 => Ok(()),
            count => Err(ClaimError::Claimed { count, examples: self.standing.examples.clone() }),
        }
    }

    /// Runs that are there without all of their claims, in a ledger that is known to have lost some, or that must
    /// have: no run gets beyond its first record before it has claimed. A copy of a run's folder is no run.
    pub(crate) fn incomplete_runs(&self, state: &StateDir) -> Result<Vec<RunKey>, LedgerError> {
        let whole =
            |run: &RunKey| self.standing.runs.get(run).is_some_and(|claims| claims.is_whole());
        let mut runs = state.runs().map_err(|error| LedgerError::Io(error.to_string()))?;
        let copy = |run: &RunKey| {
            let identity = state.run_identity(run);
            identity.is_ok_and(|identity| identity.is_some_and(|identity| identity.run != *run))
        };
        runs.retain(|run| {
            !whole(run) && (self.standing.lost || got_going(state, run)) && !copy(run)
        });
        Ok(runs)
    }

    /// Appends the claims that are not on record, and returns how many those were.
    pub(crate) fn complete(mut self) -> Result<usize, ClaimError> {
        self.check_others()?;
        let own = &self.standing.own;
        let missing: Vec<_> =
            self.references.iter().filter(|reference| !own.contains(reference)).copied().collect();
        self.ledger.claim(self.key, &missing, self.references.len())?;
        Ok(missing.len())
    }
}

/// Whether a run's journal holds more than its first record. One that cannot be read does not tell.
fn got_going(state: &StateDir, run: &RunKey) -> bool {
    let journal = state.run_dir(run).journal();
    let chain = scan::scan(&*state.disk, &journal, Kind::Run, &mut |_, _| Ok(()));
    chain.is_ok_and(|chain| chain.head.is_some_and(|head| head.sequence > 1))
}

/// What rebuilding the ledger did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRebuilt {
    /// Where the damaged ledger lies now; `None` if there was none and it was kept.
    pub set_aside: Option<PathBuf>,
    /// The runs whose claims are to be put back.
    pub runs: Vec<RunKey>,
}

/// Renames a damaged ledger's folder and begins a new one that knows that there was another.
pub(crate) fn rebuild(state: &StateDir) -> Result<LedgerRebuilt, ClaimError> {
    let io = |error: std::io::Error| LedgerError::Io(error.to_string());
    let runs = state.runs().map_err(io)?;
    let dir = state.ledger_path();
    if !ledger::is_damaged(&*state.disk, &dir)? {
        return Ok(LedgerRebuilt { set_aside: None, runs });
    }
    let aside = (1u32..).map(|n| state.path.join(format!("ledger.aside-{n}")));
    let aside = aside.clone().find(|path| path.symlink_metadata().is_err());
    let aside = aside.ok_or_else(|| LedgerError::Io("too many set aside".to_owned()))?;
    state.disk.rename(&dir, &aside).map_err(io)?;
    state.disk.create_dir(&dir).map_err(io)?;
    state.disk.sync_dir(&state.path).map_err(io)?;
    let limit = state.limits.segment_bytes_max;
    Ledger::begin_after_loss(state.disk.clone(), dir, limit)?;
    Ok(LedgerRebuilt { set_aside: Some(aside), runs })
}
