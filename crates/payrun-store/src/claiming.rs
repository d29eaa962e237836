//! Claiming a run's references, under the organisation's lock.

use crate::codec::{self, RunRecord};
use crate::importing::CAUTION;
use crate::ledger::{self, Claimed, Ledger, LedgerError, Standing, Surroundings};
use crate::scan;
use crate::segment::Kind;
use crate::snapshot::ReadError;
use crate::state_dir::{OrganisationLockError, StateDir};
use payrun_core::{Account, ProviderReference, RunKey};
use payrun_ports::Entry;
use std::collections::HashSet;
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

/// By the ledger a run of this name paid from another account, which alone knows what became of it (I6).
#[derive(Debug, thiserror::Error)]
#[error(
    "the run {run} was begun from account {begun_from}, by the ledger, and this is account {this}"
)]
pub struct OtherAccount {
    /// The run.
    pub run: RunKey,
    /// From where it paid.
    pub begun_from: Account,
    /// From where it would pay now.
    pub this: Account,
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
        let io = |error: std::io::Error| LedgerError::Io(error.to_string());
        let runs = state.runs().map_err(io)?;
        let lack_claims = |standing: &Standing| {
            let lacks = |run: &&RunKey| !standing.is_whole(run) && !is_anothers(state, run);
            runs.iter().filter(lacks).cloned().collect()
        };
        let surroundings = Surroundings {
            // Who set one aside may have been cut off before the new one said that there was another.
            had_ledger: !runs.is_empty() || one_was_there(state).map_err(io)?,
            lack_claims: &lack_claims,
            may_have_sent: &|run| may_have_sent(state, run),
            is_there: &|run| state.has_run(run),
        };
        let (ledger, standing) = Ledger::open(
            state.disk.clone(),
            state.ledger_path(),
            state.limits.segment_bytes_max,
            &surroundings,
            (key, references),
        )?;
        leave_a_mark(state).map_err(io)?;
        Ok(Self { ledger, standing, key, references })
    }

    /// Refuses references that other runs have.
    pub(crate) fn check_others(&self) -> Result<(), ClaimError> {
        match self.standing.others.len() {
            0 => Ok(()),
            count => Err(ClaimError::Claimed { count, examples: self.standing.examples.clone() }),
        }
    }

    /// Refuses another account than the one that this run paid from, by the ledger. What is on record of one that claimed
    /// nothing counts only where claims may be lost.
    pub(crate) fn check_account(&self, this: &Account) -> Result<(), Box<OtherAccount>> {
        let claimed = !self.standing.own.is_empty() || self.standing.lost;
        match &self.standing.account {
            Some(begun_from) if claimed && begun_from != this => Err(Box::new(OtherAccount {
                run: self.key.clone(),
                begun_from: begun_from.clone(),
                this: this.clone(),
            })),
            Some(_) | None => Ok(()),
        }
    }

    /// How many claims of this run are on record that are not among its references.
    pub(crate) fn missing(&self) -> usize {
        let references: HashSet<_> = self.references.iter().collect();
        self.standing.own.iter().filter(|own| !references.contains(own)).count()
    }

    /// Runs that are there without all of their claims, in a ledger that is known to have lost some, or that must
    /// have: no run writes of a payment before it has claimed.
    pub(crate) fn incomplete_runs(&self, state: &StateDir) -> Result<Vec<RunKey>, LedgerError> {
        let mut runs = state.runs().map_err(|error| LedgerError::Io(error.to_string()))?;
        runs.retain(|run| {
            !self.standing.is_whole(run)
                && (self.standing.lost || got_going(state, run) == Some(true))
                && !is_anothers(state, run)
        });
        Ok(runs)
    }

    /// Appends the claims that are not on record, and returns how many those were; before them from where the run pays, if
    /// that is not on record as it is given.
    pub(crate) fn complete(mut self, account: &Account) -> Result<usize, ClaimError> {
        self.check_others()?;
        let is_on_record = self.standing.account.as_ref() == Some(account);
        if !is_on_record && self.check_account(account).is_ok() {
            self.ledger.bind(self.key, account)?;
        }
        let own = &self.standing.own;
        let missing: Vec<_> =
            self.references.iter().filter(|reference| !own.contains(reference)).copied().collect();
        self.claim(&missing, self.references.len())?;
        Ok(missing.len())
    }

    /// Appends claims, with which the run has all that it is to have: so many.
    fn claim(&mut self, missing: &[ProviderReference], of: usize) -> Result<(), LedgerError> {
        if missing.is_empty() && !self.standing.is_whole(self.key) {
            self.ledger.claim_no_more(self.key, of)?;
        }
        self.ledger.claim(self.key, missing, of)
    }

    /// Says that a run has all the claims that it is to have: those of its references of which it has something `on_record`, and
    /// nobody else has. It is refused when it is opened, and nobody is kept from what it never sent.
    pub(crate) fn release(
        mut self,
        state: &StateDir,
        on_record: &HashSet<ProviderReference>,
    ) -> Result<(), ClaimError> {
        let Standing { own, others, lost, lost_for_good, .. } = &self.standing;
        let is_free = |reference: &&ProviderReference| {
            !own.contains(*reference) && !others.contains(*reference)
        };
        let free: Vec<_> = self.references.iter().filter(is_free).copied().collect();
        let are_others = own.is_empty() && free.is_empty() && !self.references.is_empty();
        let sent_nothing = got_going(state, self.key) == Some(false);
        if *lost && !lost_for_good && sent_nothing && !are_others {
            self.ledger.lose_for_good()?;
        }
        let missing: Vec<_> =
            free.into_iter().filter(|reference| on_record.contains(reference)).collect();
        let of = own.len() + missing.len();
        Ok(self.claim(&missing, of)?)
    }
}

/// Whether this is a copy of another run's folder, of this organisation or of another one: it is no run of this ledger.
pub(crate) fn is_anothers(state: &StateDir, run: &RunKey) -> bool {
    match state.run_identity(run) {
        Ok(identity) => identity.is_some_and(|identity| identity.run != *run),
        Err(error) => matches!(error, ReadError::Foreign { .. }),
    }
}

/// Whether a run's journal says anything of a payment; `None` if it cannot be read.
pub(crate) fn got_going(state: &StateDir, run: &RunKey) -> Option<bool> {
    speaks_of_payments(state, run, Imported::Counts)
}

/// The same, but that what was imported and never gone on with here says nothing of what was sent from here: it may have been cut
/// off before it claimed.
fn may_have_sent(state: &StateDir, run: &RunKey) -> Option<bool> {
    speaks_of_payments(state, run, Imported::IsLeftOut)
}

/// What an import wrote.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Imported {
    Counts,
    IsLeftOut,
}

fn speaks_of_payments(state: &StateDir, run: &RunKey, imported: Imported) -> Option<bool> {
    let (journal, mut speaks) = (state.run_dir(run).journal(), false);
    let mut imported_in = None;
    let chain = scan::scan(&*state.disk, &journal, Kind::Run, &mut |_, record| {
        match codec::decode(record.payload)? {
            RunRecord::Created { cautious, .. } if cautious.as_deref() == Some(CAUTION) => {
                imported_in = Some(record.epoch);
            }
            RunRecord::Group(entries)
                if imported == Imported::Counts || imported_in != Some(record.epoch) =>
            {
                speaks |= entries.iter().any(|(entry, _)| matches!(entry, Entry::Payment(_)));
            }
            RunRecord::Created { .. } | RunRecord::Opened { .. } | RunRecord::Group(_) => {}
        }
        Ok(())
    });
    chain.is_ok().then_some(speaks)
}

/// What a damaged ledger is called from then on, with a number.
const SET_ASIDE: &str = "ledger.aside-";

/// An empty folder beside the ledger's, which says that there was a ledger where that is emptied.
const MARK: &str = "ledger.begun";

fn leave_a_mark(state: &StateDir) -> std::io::Result<()> {
    let mark = state.path.join(MARK);
    if !mark.try_exists()? {
        state.disk.create_dir(&mark)?;
        state.disk.sync_dir(&state.path)?;
    }
    Ok(())
}

fn one_was_there(state: &StateDir) -> std::io::Result<bool> {
    if state.path.join(MARK).try_exists()? {
        return Ok(true);
    }
    for entry in std::fs::read_dir(&state.path)? {
        if entry?.file_name().to_str().is_some_and(|name| name.starts_with(SET_ASIDE)) {
            return Ok(true);
        }
    }
    Ok(false)
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
    let aside = (1u32..).map(|n| state.path.join(format!("{SET_ASIDE}{n}")));
    let aside = aside.clone().find(|path| path.symlink_metadata().is_err());
    let aside = aside.ok_or_else(|| LedgerError::Io("too many set aside".to_owned()))?;
    state.disk.rename(&dir, &aside).map_err(io)?;
    state.disk.create_dir(&dir).map_err(io)?;
    state.disk.sync_dir(&state.path).map_err(io)?;
    let limit = state.limits.segment_bytes_max;
    Ledger::begin_after_loss(state.disk.clone(), dir, limit)?;
    Ok(LedgerRebuilt { set_aside: Some(aside), runs })
}
