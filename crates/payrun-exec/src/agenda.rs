//! What to do next, and what an answer means: the run's decisions, without any I/O.
//!
//! The [`Engine`](crate::Engine) asks it for [`Action`]s, performs them, and tells it what came of them. It holds the
//! state of every payment, and changes it only through the one transition function. Same inputs, same
//! decisions.
//!
//! Invariants kept here: I2 (a body is made once), I3 (unknown is looked up, resent only on proof of absence inside
//! the window), I4 (through the transition function), I11 (cautious start).

mod answers;
mod look_ups;
mod queue;
mod recovery;
mod trouble;
mod waiting;

pub(crate) use answers::STOPPED;

use crate::absence::Absence;
use crate::backoff::backoff;
use crate::case::{Case, Census, Phase};
use crate::finish::StopCause;
use crate::outcome::{Consequence, outcome};
use crate::pace::{longest_gap, longest_wait, time_for, useful_at_a_time};
use crate::{Notice, Settings};
use payrun_core::{
    Basis, Clue, Event, Generation, PaymentIndex, PhoneNumber, Plan, ProviderReference, RunKey,
    Settlement, State, UnixMillis, WalletId,
};
use payrun_ports::{
    Answer, Body, CallClass, CallError, Entropy, Entry, GatewayRules, History, LookUp, Moment,
    PaymentEntry,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use waiting::{Wait, Waiting};

/// The longest wait between two tries of a call that moves no money.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// The first one.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// The wait after a 429 that names none. Source: Kotani Pay's sample code, which takes 60 s.
const BUSY_WAIT: Duration = Duration::from_secs(60);
/// A turn that comes so late comes after a freeze.
const FROZEN: Duration = Duration::from_secs(10);
/// The longest time between two turns, so that a freeze shows by the next one being late.
const TURN_MAX: Duration = Duration::from_secs(5);
/// So many payments are looked up side by side before they are first sent, however slow the pace is.
const LOOKED_AT_MIN: u32 = 8;
/// And no more than so many.
const LOOKED_AT_MAX: u32 = 5_000;
/// The last question of a proof of absence, and what is asked beside it: a control before and after, and every later generation.
const LAST_QUESTION_CALLS: u32 = 3 + Generation::LAST.number();
/// A resend begins only if this much of the window is left.
const WINDOW_MARGIN: Duration = Duration::from_secs(60);

/// The time at which something is decided, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) at: Moment,
    pub(crate) wall: UnixMillis,
}

impl Now {
    /// How long ago this was, by the clock that says more: while a machine is suspended its monotonic clock may stand still.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let by_wall = self.wall.since(earlier.wall).unwrap_or_default();
        self.at.since(earlier.at).max(by_wall)
    }
}

/// Something for the engine to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Resolve the payee and make the body, or read the body that is on record.
    Prepare { payment: PaymentIndex, on_record: bool },
    /// Read the earlier generation of a payment that is paid anew, just before its intent.
    Check(PaymentIndex),
    /// Ask what became of it. If it is not found, `control` must be, or the answer counts for nothing.
    LookUp { payment: PaymentIndex, control: Option<PaymentIndex>, successors: Successors },
}

/// When the later generations of a payment are asked about, too. The history that gave it up for them may be lost, or was put
/// back from an older copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Successors {
    NotAsked,
    /// If the provider says that it did not pay: no attempt of it is on record, so nobody knows what followed.
    IfFailed,
    /// And if the provider does not know it, so that it would be sent next.
    IfUnpaid,
}

/// What came of an [`Action::Prepare`].
pub(crate) enum Prepared {
    Ready {
        body: Body,
        /// The provider was asked for that, and answered.
        is_answered: bool,
    },
    /// This payment cannot be expressed for the provider.
    Impossible(String),
    Call(CallError),
    Store(payrun_ports::StoreError),
}

/// What came of an [`Action::Check`].
pub(crate) enum Checked {
    /// No earlier generation paid. The first of them was asked about at `read_at`.
    Unpaid {
        read_at: Now,
    },
    /// It took so long that what was read first may be so no more.
    TooSlow,
    /// It did, or may have.
    NotUnpaid(String),
    /// It may be another time: the provider had it on record and does not know it now, or calls it correctable only now.
    NotNow(String),
    Call(CallError),
}

/// The payments of one wallet that wait to be sent.
struct Lane {
    wallet: WalletId,
    queue: VecDeque<PaymentIndex>,
    paused: Option<String>,
}

/// An intent that waits for its group.
pub(crate) struct Intent {
    pub(crate) payment: PaymentIndex,
    /// When its token was given.
    pub(crate) token_at: Moment,
    /// When the first of what it replaces, if it replaces anything, was asked about.
    pub(crate) read_at: Now,
    pub(crate) entry: PaymentEntry,
}

pub(crate) struct Agenda {
    plan: Arc<Plan>,
    /// Where each reference is in the plan; made when it is first asked for.
    places: Option<HashMap<ProviderReference, PaymentIndex>>,
    rules: GatewayRules,
    settings: Settings,
    entropy: Arc<dyn Entropy>,
    cases: Vec<Case>,
    lanes: Vec<Lane>,
    next_lane: usize,
    ready: VecDeque<PaymentIndex>,
    waiting: Waiting,
    /// Whom a cautious start has not asked about yet.
    unseen: VecDeque<PaymentIndex>,
    /// How many of them are asked about at a time.
    looked_at_max: u32,
    /// How many questions are asked at a time, whatever about.
    asked_at_a_time: u32,
    bodies: HashMap<PaymentIndex, Body>,
    payee_last: HashMap<PhoneNumber, (Moment, PaymentIndex)>,
    /// Of which a run holds a later generation.
    superseded: HashMap<PaymentIndex, RunKey>,
    /// Whom nothing is sent to any more, and why.
    held_payees: HashMap<PhoneNumber, String>,
    cautious: bool,
    /// A person asked to stop what was not sent.
    cancelled: bool,
    census: Census,
    /// The last two that the provider was known to know, the latest first.
    known_at_provider: [Option<PaymentIndex>; 2],
    outbox: Vec<Entry>,
    notices: Vec<Notice>,
    intents: Vec<Intent>,
    actions: Vec<Action>,
    pauses: Vec<(CallClass, Duration)>,
    stop: Option<StopCause>,
    trouble_since: Option<Moment>,
    /// How many calls failed since then.
    troubles: u32,
    /// Who is asked about to see whether the provider is gone.
    witness: Option<PaymentIndex>,
    /// How many of them could not be asked about since something was last answered.
    witnesses_failed: u32,
    /// About whom a question was last answered.
    answered_of: Option<PaymentIndex>,
    /// The last call that failed.
    trouble: Option<CallError>,
    /// When that was.
    trouble_last: Moment,
    /// When a call was last answered.
    answered_last: Moment,
    /// Until when the provider asked to wait.
    busy_until: Moment,
    /// Requests in a row that found no connection, one at a time.
    no_connection: u32,
    /// When the first of them was.
    no_connection_since: Option<Moment>,
    /// Until when none is made because of that.
    no_connection_until: Moment,
    /// Something that the provider said in this process could be read.
    has_read: bool,
    /// When the next turn was due.
    turn_due: Option<Moment>,
    /// When a request was last begun, answered, or its answer lost.
    last_exchange: Moment,
}

impl Agenda {
    pub(crate) fn new(
        plan: Arc<Plan>,
        superseded: HashMap<PaymentIndex, RunKey>,
        history: History,
        rules: GatewayRules,
        settings: Settings,
        entropy: Arc<dyn Entropy>,
        now: Now,
    ) -> Self {
        let (lanes, lane_of) = lanes(&plan);
        let cases: Vec<_> =
            history.progress.into_iter().zip(lane_of).map(|(p, lane)| Case::new(p, lane)).collect();
        let none = Census::default();
        let census = cases.iter().fold(none, |all, case| all.moved(none, case.census()));
        let looked_at_max = looked_at_max(&rules, &settings);
        let asked_at_a_time = asked_at_a_time(&rules, &settings);
        let mut agenda = Self {
            cases,
            lanes,
            cautious: history.cautious.is_some(),
            cancelled: history.cancel_requested,
            plan,
            places: None,
            rules,
            settings,
            entropy,
            next_lane: 0,
            ready: VecDeque::new(),
            waiting: Waiting::default(),
            unseen: VecDeque::new(),
            looked_at_max,
            asked_at_a_time,
            bodies: HashMap::new(),
            payee_last: HashMap::new(),
            superseded,
            held_payees: HashMap::new(),
            census,
            known_at_provider: [None; 2],
            outbox: Vec::new(),
            notices: Vec::new(),
            intents: Vec::new(),
            actions: Vec::new(),
            pauses: Vec::new(),
            stop: None,
            trouble_since: None,
            troubles: 0,
            witness: None,
            witnesses_failed: 0,
            answered_of: None,
            trouble: None,
            trouble_last: now.at,
            answered_last: now.at,
            busy_until: now.at,
            no_connection: 0,
            no_connection_since: None,
            no_connection_until: now.at,
            has_read: false,
            turn_due: None,
            last_exchange: now.at,
        };
        agenda.recover(now, history.cautious);
        agenda
    }

    /// Everything that can be begun now.
    pub(crate) fn next_actions(&mut self, now: Now) -> Vec<Action> {
        // Woken this late it was frozen: what is waited for was not waited for, and no call was tried meanwhile.
        if self.turn_due.take().is_some_and(|due| now.at.since(due) > FROZEN) {
            self.last_exchange = now.at;
            (self.trouble_since, self.no_connection_since) = (None, None);
            (self.witness, self.witnesses_failed) = (None, 0);
            self.cases.iter_mut().for_each(|case| case.unanswered_since = None);
        }
        self.wake(now);
        if self.stop.is_none() {
            self.prepare_more(now);
            self.check_patience(now);
        }
        std::mem::take(&mut self.actions)
    }

    /// The classes in which nobody calls the provider from now on, and for how long.
    pub(crate) fn take_pauses(&mut self) -> Vec<(CallClass, Duration)> {
        std::mem::take(&mut self.pauses)
    }

    /// How many tokens for calls that move money would be used.
    pub(crate) fn tokens_wanted(&self) -> u32 {
        if self.stop.is_some() {
            return 0;
        }
        // A payment that is being checked has its token, and keeps its place.
        let open = self.census.open.saturating_add(self.census.checking);
        self.may_begin().min(self.in_flight_max().saturating_sub(open))
    }

    /// How many of those at hand, as they follow each other, may have their turn: what they replace is read for some at a time.
    fn may_begin(&self) -> u32 {
        let mut checks = self.asked_at_a_time.saturating_sub(self.census.checking);
        let mut may_begin = 0;
        for index in &self.ready {
            if self.planned(*index).generation.previous().is_some() {
                let Some(left) = checks.checked_sub(1) else { break };
                checks = left;
            }
            may_begin += 1;
        }
        may_begin
    }

    /// Uses a token: the next ready payment's intent joins the next group, or its earlier generation is read. One that nobody
    /// wants lapses: who it was taken for may not be sent any more.
    pub(crate) fn use_token(&mut self, token_at: Moment, now: Now) {
        if self.tokens_wanted() == 0 {
            return;
        }
        let Some(index) = self.next_ready(now) else {
            return;
        };
        if self.asks_once_more(index, now) {
            return;
        }
        self.case_mut(index).token_at = token_at;
        if self.planned(index).generation.previous().is_some() {
            self.set_phase(index, Phase::Checking);
            self.actions.push(Action::Check(index));
        } else {
            self.intend(index, now, now);
        }
    }

    /// What has to be written next: outcomes, then intents. Empty if there is nothing.
    pub(crate) fn take_group(&mut self) -> (Vec<Entry>, Vec<Intent>, Vec<Notice>) {
        (
            std::mem::take(&mut self.outbox),
            std::mem::take(&mut self.intents),
            std::mem::take(&mut self.notices),
        )
    }

    pub(crate) fn has_group(&self) -> bool {
        !self.outbox.is_empty() || !self.intents.is_empty() || !self.notices.is_empty()
    }

    /// When something is due although nothing happened.
    pub(crate) fn next_due(&mut self, now: Now) -> Option<Moment> {
        let waiting = self.waiting.next_due(now.at).filter(|_| self.stop.is_none());
        let settle = (!self.has_sending_work()).then(|| self.settle_deadline());
        let due = [waiting, settle].into_iter().flatten().filter(|at| *at > now.at).min();
        let Census { open, checking, preparing, looking_up, .. } = self.census;
        let calls = open + checking + preparing + looking_up;
        // A call says by itself when it is over; that it was frozen meanwhile it does not say.
        let turn = (due.is_some() || calls > 0).then(|| now.at.after(TURN_MAX));
        self.turn_due = [due, turn].into_iter().flatten().min();
        self.turn_due
    }

    /// Nothing is left to do, or to wait for.
    pub(crate) fn is_finished(&self, now: Now) -> bool {
        if self.has_group() || self.census.open > 0 {
            return false;
        }
        if self.stop.is_some() {
            return true;
        }
        !self.has_sending_work() && (self.only_paused_wait() || now.at >= self.settle_deadline())
    }

    /// Begins nothing more. What the records or payrun itself did wrong is told before all else.
    pub(crate) fn stop(&mut self, cause: StopCause) {
        if self.stop.as_ref().is_some_and(|first| cause.outranks(first)) {
            self.stop = Some(cause);
        } else if self.stop.is_none() {
            self.notices.push(Notice::Stopping);
            self.stop = Some(cause);
            for intent in std::mem::take(&mut self.intents) {
                self.requeue(intent.payment);
            }
            self.unready();
        }
    }

    pub(crate) fn stop_cause(&self) -> Option<&StopCause> {
        self.stop.as_ref()
    }

    pub(crate) fn into_finish(self) -> crate::Finish {
        let paused_wallets: BTreeMap<_, _> = self
            .lanes
            .into_iter()
            .filter_map(|lane| lane.paused.map(|reason| (lane.wallet, reason)))
            .collect();
        crate::Finish { stopped: self.stop, paused_wallets }
    }

    pub(crate) fn body_of(&self, index: PaymentIndex) -> Option<&Body> {
        self.bodies.get(&index)
    }

    /// Changes a payment's state through the transition function, and puts the event down to be written.
    fn record(&mut self, index: PaymentIndex, event: Event, reason: Option<String>, now: Now) {
        let from = self.case(index).state();
        let applied =
            self.change(index, |case| case.progress.apply(event, now.wall, reason.as_deref()));
        if let Err(illegal) = applied {
            self.stop(illegal.into());
            return;
        }
        if event != Event::NotSent {
            // Whatever it was cleared for is over.
            self.case_mut(index).cleared = false;
        }
        let to = self.case(index).state();
        self.set_phase(index, Phase::Resting);
        self.notices.push(Notice::Moved { payment: index, from, to, reason: reason.clone() });
        let entry = PaymentEntry { payment: index, event, at: now.wall, body: None, reason };
        self.outbox.push(Entry::Payment(entry));
    }

    /// Until when what was sent is waited for: unknown payments at least until absence could be proven.
    fn settle_deadline(&self) -> Moment {
        // Those that are asked about side by side take turns: the first is told when the last calls of all are almost made.
        // Before it is asked others are, of each kind one and as many as are side by side.
        let side_by_side = self.census.active.min(self.asked_at_a_time);
        let questions = side_by_side.saturating_mul(2).saturating_add(waiting::KINDS);
        let calls = questions.saturating_mul(LAST_QUESTION_CALLS);
        let turns = time_for(calls, CallClass::Read, &self.rules.limits);
        let grace = self.settings.absence.grace.saturating_mul(2);
        let proof = self.rules.request_timeout.saturating_add(grace).saturating_add(turns);
        let is_unknown = self.census.unknown > 0;
        let least = if is_unknown { proof } else { Duration::ZERO };
        // Nothing can be asked about before the provider may be asked.
        let from =
            if is_unknown { self.last_exchange.max(self.busy_until) } else { self.last_exchange };
        from.after(self.settings.settle_timeout.max(least))
    }

    /// Something is still to be sent, or waits to be resent.
    fn has_sending_work(&self) -> bool {
        let Census { open, checking, preparing, unsent, .. } = self.census;
        open > 0
            || checking > 0
            || preparing > 0
            || unsent > 0
            || !self.unseen.is_empty()
            || !self.ready.is_empty()
            || self.lanes.iter().any(|lane| lane.paused.is_none() && !lane.queue.is_empty())
    }

    /// Whoever is not at rest is queued for a wallet that is paused.
    fn only_paused_wait(&self) -> bool {
        let queued = self.lanes.iter().map(|lane| lane.queue.len()).sum::<usize>();
        usize::try_from(self.census.active).unwrap_or(usize::MAX) == queued
    }

    fn in_flight_max(&self) -> u32 {
        self.settings.in_flight_max.max(1)
    }

    /// How many are asked about at a time.
    pub(crate) fn asked_at_a_time(&self) -> u32 {
        self.asked_at_a_time
    }

    /// The only way to change what is being done about a payment.
    fn set_phase(&mut self, index: PaymentIndex, phase: Phase) {
        self.change(index, |case| case.phase = phase);
    }

    /// The only way to change what is proven of its absence: the census counts by it, too.
    fn set_absence(&mut self, index: PaymentIndex, absence: Option<Absence>) {
        self.change(index, |case| case.absence = absence);
    }

    fn change<T>(&mut self, index: PaymentIndex, change: impl FnOnce(&mut Case) -> T) -> T {
        let case = &mut self.cases[index.get()];
        let before = case.census();
        let result = change(case);
        self.census = self.census.moved(before, case.census());
        result
    }

    fn case(&self, index: PaymentIndex) -> &Case {
        &self.cases[index.get()]
    }

    fn case_mut(&mut self, index: PaymentIndex) -> &mut Case {
        &mut self.cases[index.get()]
    }

    fn lane_of(&self, index: PaymentIndex) -> &Lane {
        &self.lanes[self.case(index).lane]
    }

    fn planned(&self, index: PaymentIndex) -> &payrun_core::PlannedPayment {
        &self.plan.payments[index.get()]
    }
}

/// How many payments are asked about at a time: as many as requests are under way, and no more than the pace lets through while one
/// question waits for its answer. Of the others none would be answered sooner, and all later.
fn asked_at_a_time(rules: &GatewayRules, settings: &Settings) -> u32 {
    let useful = useful_at_a_time(CallClass::Read, &rules.limits, rules.request_timeout);
    settings.in_flight_max.max(1).min(useful)
}

/// How many payments are proven absent side by side: as many as there are questions while one proof takes, so that no call is left
/// unused.
fn looked_at_max(rules: &GatewayRules, settings: &Settings) -> u32 {
    let proof = rules.request_timeout.saturating_add(settings.absence.grace);
    let gap = longest_gap(CallClass::Read, &rules.limits);
    let questions = proof.as_nanos().checked_div(gap.as_nanos()).unwrap_or(u128::MAX);
    u32::try_from(questions).unwrap_or(u32::MAX).clamp(LOOKED_AT_MIN, LOOKED_AT_MAX)
}

fn lanes(plan: &Plan) -> (Vec<Lane>, Vec<usize>) {
    let mut lanes: Vec<Lane> = Vec::new();
    let lane_of = plan
        .wallets()
        .map(|wallet| match lanes.iter().position(|lane| lane.wallet == *wallet) {
            Some(place) => place,
            None => {
                lanes.push(Lane { wallet: wallet.clone(), queue: VecDeque::new(), paused: None });
                lanes.len() - 1
            }
        })
        .collect();
    (lanes, lane_of)
}
