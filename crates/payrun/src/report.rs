//! What happened to the money: every payment of a run, and the books per currency and wallet.

mod csv;
mod json;

use crate::error::stop_exit;
use crate::{Exit, JobError};
use payrun_core::{PaymentIndex, Plan, PlannedPayment, Progress, RunKey, State, WalletId};
use payrun_exec::{Books, Finish};
use payrun_store::{RunIdentity, RunSnapshot};
use std::sync::Arc;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// A process works on it now.
    Running,
    /// Nobody works on it, and something is left to do or to wait for.
    Stopped,
    /// Every payment has come to its end.
    Finished,
}

impl RunState {
    /// The word in JSON and on screens.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }
}

/// What the journal says of a run: the truth that reports show.
#[derive(Debug, Clone)]
pub struct Report {
    /// The run's first record.
    pub identity: RunIdentity,
    /// What it pays.
    pub plan: Arc<Plan>,
    /// One for each payment of the plan, in order.
    pub progress: Vec<Progress>,
    /// Why the run goes on by cautious start, if it does.
    pub cautious: Option<String>,
    /// Who works on it now.
    pub holder: Option<String>,
    /// Count and sum per wallet and state.
    pub books: Books,
    /// What is paid here and was paid under another generation too, and by which run: a correction came after it was paid anew.
    pub paid_twice: Vec<(PaymentIndex, RunKey)>,
}

/// One payment of a report.
#[derive(Debug, Clone, Copy)]
pub struct ReportLine<'a> {
    /// As it was planned.
    pub planned: &'a PlannedPayment,
    /// Who pays.
    pub wallet: &'a WalletId,
    /// What became of it.
    pub progress: &'a Progress,
}

impl Report {
    pub(crate) fn of(snapshot: RunSnapshot, plan: Arc<Plan>) -> Result<Self, JobError> {
        let RunSnapshot { identity, mut progress, cautious, holder, .. } = snapshot;
        progress.resize(plan.payments.len(), Progress::default());
        let books = Books::of(&plan, &progress)?;
        if !books.balance(&plan)? {
            return Err(JobError::Bug("the books do not balance".to_owned()));
        }
        let holder = holder.map(|holder| holder.to_string());
        let paid_twice = Vec::new();
        Ok(Self { identity, plan, progress, cautious, holder, books, paid_twice })
    }

    /// How far the run is.
    pub fn state(&self) -> RunState {
        if self.holder.is_some() {
            RunState::Running
        } else if self.progress.iter().all(|progress| progress.standing.state.is_final()) {
            RunState::Finished
        } else {
            RunState::Stopped
        }
    }

    /// Whether a process works on it, or it has something left to send. What is accepted waits for the provider, what is held
    /// or in doubt for a person.
    pub(crate) fn goes_on(&self) -> bool {
        let is_open = |state| matches!(state, State::Planned | State::Submitting | State::Unknown);
        self.holder.is_some() || self.progress.iter().any(|of| is_open(of.standing.state))
    }

    /// Every payment in the order of the plan.
    pub fn lines(&self) -> impl Iterator<Item = ReportLine<'_>> {
        self.plan
            .payments
            .iter()
            .zip(self.plan.wallets())
            .zip(&self.progress)
            .map(|((planned, wallet), progress)| ReportLine { planned, wallet, progress })
    }

    /// The payments in one state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = PaymentIndex> {
        let wanted =
            move |(_, progress): &(PaymentIndex, &Progress)| progress.standing.state == state;
        self.plan.indices().zip(&self.progress).filter(wanted).map(|(index, _)| index)
    }

    /// The exit code of what the journal says: 5 before 4 before 0. `wait` is whether settlement was to be waited for.
    pub fn exit(&self, wait: bool) -> Exit {
        let any = |states: &[State]| states.iter().any(|state| self.books.count(*state) > 0);
        if any(&[State::Planned, State::Submitting, State::Unknown, State::Held, State::InDoubt])
            || (wait && any(&[State::Accepted]))
            || !self.paid_twice.is_empty()
        {
            Exit::SomeOpen
        } else if any(&[State::Failed, State::Rejected, State::Returned, State::Cancelled]) {
            Exit::SomeUnpaid
        } else {
            Exit::Done
        }
    }

    /// The exit code of a run that ended like this: what stopped it, else what the journal says.
    pub fn exit_after(&self, finish: &Finish, wait: bool) -> Exit {
        match &finish.stopped {
            Some(cause) => stop_exit(cause),
            None if !finish.paused_wallets.is_empty() => Exit::Gateway,
            None => self.exit(wait),
        }
    }
}
