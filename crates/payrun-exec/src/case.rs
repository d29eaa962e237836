//! One payment as the run sees it: what is on record, and what is being done about it now.

use crate::absence::Absence;
use payrun_core::{Progress, State};
use payrun_ports::Moment;

/// What is being done about a payment now. In memory only: after a restart everyone is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing: final, held, in doubt, or nothing more to do in this run.
    Resting,
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
}

/// How often a proof of absence is put off because of a callback, which may be forged.
const PUT_OFF_MAX: u32 = 3;

impl Case {
    pub(crate) fn new(progress: Progress, lane: usize) -> Self {
        Self {
            progress,
            phase: Phase::Resting,
            lane,
            absence: None,
            cleared: false,
            tries: 0,
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
        }
    }

    /// The provider had something to say of it since it was last asked, so that its absence is not to be believed yet.
    pub(crate) fn is_put_off(&self) -> bool {
        self.is_heard_of && self.put_off < PUT_OFF_MAX
    }

    /// It is over for this run, and the provider may still say something else of it.
    pub(crate) fn may_change(&self) -> bool {
        let is_failed = self.state() == State::Failed;
        self.state() == State::InDoubt || (is_failed && self.progress.correctable)
    }

    pub(crate) fn state(&self) -> State {
        self.progress.standing.state
    }

    /// A request that could move money is open, or about to be.
    pub(crate) fn holds_open_intent(&self) -> bool {
        matches!(self.phase, Phase::Recording | Phase::Sending)
    }

    /// What the agenda counts of it.
    pub(crate) fn census(&self) -> Census {
        let waits = matches!(self.phase, Phase::Waiting | Phase::LookingUp);
        Census {
            active: u32::from(self.phase != Phase::Resting),
            open: u32::from(self.holds_open_intent()),
            checking: u32::from(self.phase == Phase::Checking),
            preparing: u32::from(self.phase == Phase::Preparing),
            looking_up: u32::from(self.phase == Phase::LookingUp),
            unsent: u32::from(waits && self.state() == State::Planned),
            unknown: u32::from(waits && self.state() == State::Unknown),
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
    /// Unknown, and waiting for an answer.
    pub(crate) unknown: u32,
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
            unknown: part(self.unknown, from.unknown, to.unknown),
        }
    }
}
