//! One payment as the run sees it: what is on record, and what is being done about it now.

use crate::absence::Absence;
use payrun_core::{Progress, State};
use payrun_ports::Moment;

/// What is being done about a payment now. In memory only: after a restart everyone is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing: final, held, in doubt, or nothing more to do in this run.
    Resting,
    /// Cautious start: to be looked up, and not begun with.
    Unseen,
    /// In its wallet's queue.
    Queued,
    /// Its payee is being resolved.
    Preparing,
    /// Its body is at hand; a token is waited for.
    Ready,
    /// Paid anew: its earlier generation is read once more.
    Checking,
    /// Its intent is on the way to the disk.
    Recording,
    /// Its intent is on record, and nothing of it was sent yet.
    Intended,
    /// A request that moves money is under way.
    Sending,
    /// It waits for its time: to be asked about, or to be queued again.
    Waiting,
    /// It is being asked about.
    LookingUp,
}

/// One payment as the run sees it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) progress: Progress,
    pub(crate) phase: Phase,
    /// Place of its wallet.
    pub(crate) lane: usize,
    /// Not-found answers so far.
    pub(crate) absence: Option<Absence>,
    /// Cautious start: the provider surely does not know it.
    pub(crate) cleared: bool,
    /// Fruitless tries or polls in a row, for backoff.
    pub(crate) tries: u32,
    /// Since when no question about it could be answered.
    pub(crate) unanswered_since: Option<Moment>,
    /// The last call about it came to nothing.
    pub(crate) is_failing: bool,
    /// Not to be sent before.
    pub(crate) not_before: Moment,
    /// When the token for its next request was given.
    pub(crate) token_at: Moment,
    /// What it waits for is due then.
    pub(crate) due: Moment,
    /// When it was last asked about.
    pub(crate) asked_at: Option<Moment>,
    /// A callback came about it, and it was not asked about since.
    pub(crate) is_heard_of: bool,
    /// It was asked about because of a callback.
    pub(crate) is_asked_early: bool,
    /// It was asked about in such a way that a not-found answer may be the last of a proof.
    pub(crate) is_asked_for_proof: bool,
    /// What the provider knew was asked about beside it.
    pub(crate) has_control: bool,
    /// How often its proof of absence was put off because of a callback.
    pub(crate) put_off: u32,
    /// This process has sent a request of it.
    pub(crate) is_sent_here: bool,
    /// How many attempts were on record when this process began.
    pub(crate) attempts_before: u32,
    /// By its record it did not pay, and the provider says now that it is under way.
    pub(crate) is_under_way: bool,
}

/// How often a proof of absence is put off because of a callback, which may be forged.
const PUT_OFF_MAX: u32 = 3;

impl Case {
    pub(crate) fn new(progress: Progress, lane: usize) -> Self {
        Self {
            attempts_before: progress.standing.attempts,
            progress,
            phase: Phase::Resting,
            lane,
            absence: None,
            cleared: false,
            tries: 0,
            unanswered_since: None,
            is_failing: false,
            not_before: Moment::default(),
            token_at: Moment::default(),
            due: Moment::default(),
            asked_at: None,
            is_heard_of: false,
            is_asked_early: false,
            is_asked_for_proof: false,
            has_control: false,
            put_off: 0,
            is_sent_here: false,
            is_under_way: false,
        }
    }

    /// The provider had something to say of it since it was last asked, so that its absence is not to be believed yet.
    pub(crate) fn is_put_off(&self) -> bool {
        self.is_heard_of && self.may_be_put_off()
    }

    /// Callbacks about it are still heeded.
    pub(crate) fn may_be_put_off(&self) -> bool {
        self.put_off < PUT_OFF_MAX
    }

    /// It is over for this run, and the provider may still say something else of it.
    pub(crate) fn may_change(&self) -> bool {
        let is_failed = self.state() == State::Failed;
        self.state() == State::InDoubt || (is_failed && self.progress.correctable)
    }

    /// By what is on record it may have been sent before this process began.
    pub(crate) fn is_of_before(&self) -> bool {
        self.attempts_before > 0 || self.progress.standing.earlier_unresolved
    }

    /// By its record the provider knows it.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.state(), State::Accepted | State::Paid | State::Failed | State::Returned)
    }

    /// The provider had accepted it, and did not know it when it was last asked.
    pub(crate) fn is_missed(&self) -> bool {
        self.state() == State::Accepted && self.absence.is_some()
    }

    /// The provider may have something new to say of it if it says that it has.
    pub(crate) fn may_be_news(&self) -> bool {
        matches!(self.state(), State::InDoubt | State::Failed | State::Rejected | State::Paid)
    }

    pub(crate) fn state(&self) -> State {
        self.progress.standing.state
    }

    /// A request that could move money is open, or about to be.
    pub(crate) fn holds_open_intent(&self) -> bool {
        matches!(self.phase, Phase::Recording | Phase::Intended | Phase::Sending)
    }

    /// It is on its way from its queue to the provider.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.holds_open_intent()
            || matches!(self.phase, Phase::Preparing | Phase::Ready | Phase::Checking)
    }

    /// It came to its end, and is asked about only because of a callback, as soon as it may be: no run stays for that.
    fn waits_idly(&self) -> bool {
        let is_over = self.may_be_news() && !self.may_change();
        self.phase == Phase::Waiting && is_over
    }

    /// What the agenda counts of it.
    pub(crate) fn census(&self) -> Census {
        let waits = matches!(self.phase, Phase::Waiting | Phase::LookingUp);
        Census {
            active: u32::from(self.phase != Phase::Resting && !self.waits_idly()),
            open: u32::from(self.holds_open_intent()),
            checking: u32::from(self.phase == Phase::Checking),
            preparing: u32::from(self.phase == Phase::Preparing),
            looking_up: u32::from(self.phase == Phase::LookingUp),
            unsent: u32::from(waits && self.state() == State::Planned),
            looked_at: u32::from(waits && self.state() == State::Planned && self.absence.is_some()),
            unknown: u32::from(waits && self.state() == State::Unknown),
            known: u32::from(self.is_known()),
        }
    }
}

/// How many payments are where. Kept up with every change, so that no decision has to look at all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Census {
    /// Something is being done or waited for.
    pub(crate) active: u32,
    /// A request that could move money is open, or about to be.
    pub(crate) open: u32,
    /// Their earlier generation is being read.
    pub(crate) checking: u32,
    /// Their payee is being resolved.
    pub(crate) preparing: u32,
    /// They are being asked about.
    pub(crate) looking_up: u32,
    /// Not sent, and waiting for their time.
    pub(crate) unsent: u32,
    /// Of these, those that are looked up before they are first sent.
    pub(crate) looked_at: u32,
    /// Unknown, and waiting for an answer.
    pub(crate) unknown: u32,
    /// The provider knows them, by their records.
    pub(crate) known: u32,
}

impl Census {
    /// This census with one payment counted anew.
    pub(crate) fn moved(self, from: Self, to: Self) -> Self {
        let part = |all: u32, from: u32, to: u32| all.saturating_add(to).saturating_sub(from);
        Self {
            active: part(self.active, from.active, to.active),
            open: part(self.open, from.open, to.open),
            checking: part(self.checking, from.checking, to.checking),
            preparing: part(self.preparing, from.preparing, to.preparing),
            looking_up: part(self.looking_up, from.looking_up, to.looking_up),
            unsent: part(self.unsent, from.unsent, to.unsent),
            looked_at: part(self.looked_at, from.looked_at, to.looked_at),
            unknown: part(self.unknown, from.unknown, to.unknown),
            known: part(self.known, from.known, to.known),
        }
    }
}
