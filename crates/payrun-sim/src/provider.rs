//! A provider that misbehaves as its seed says, and keeps the truth.

mod corrections;
mod told;

use crate::audit::{Ban, Call, Callback, Execution, Heard, Planned, Question, Request, Wait};
use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::faults::Faults;
use crate::replaced::Before;
use crate::trace::Trace;
use payrun_core::{Clue, GatewayHost, ProviderReference, Settlement};
use payrun_ports::{Answer, CallError, GatewayRules, KeyFingerprint, LookUp, NotSent, RateLimits};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How long the engine waits for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

/// How long the provider takes to settle.
const SETTLES_AFTER: Duration = Duration::from_millis(400);

/// How long a word stands that is taken back.
const CORRECTED_AFTER: Duration = Duration::from_secs(40);

/// What becomes of a payment there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Pays,
    Fails,
    /// Cancelled, and paid later after all.
    Corrected,
    Expires,
    Reversed,
    Review,
    Refused,
    NeverSettles,
}

impl Fate {
    pub(crate) fn drawn(chance: &Chance) -> Self {
        match chance.below(12) {
            0 => Self::Fails,
            1 => Self::Refused,
            2 => Self::Expires,
            3 => Self::Review,
            4 => Self::Corrected,
            5 if chance.one_in(4) => Self::Reversed,
            6 if chance.one_in(8) => Self::NeverSettles,
            _ => Self::Pays,
        }
    }
}

pub(crate) struct Provider {
    pub(crate) host: GatewayHost,
    pub(crate) limits: RateLimits,
    /// It honours a reference once, as real ones say they do.
    pub(crate) unique: bool,
    /// For so long it refuses another payment to one payee.
    pub(crate) same_payee_gap: Duration,
    /// How long the answer to a look-up takes at least: longer than a token stays fresh, or not.
    pub(crate) look_up_takes: Duration,
    /// It works on what it was asked for while the process that asked is frozen, or gone.
    pub(crate) goes_on: bool,
    clock: Arc<VirtualClock>,
    chance: Arc<Chance>,
    trace: Arc<Trace>,
    pub(crate) fates: HashMap<String, Fate>,
    /// What the run replaces.
    pub(crate) before: HashMap<String, Before>,
    state: Mutex<State>,
    /// It was decided when one of these is corrected.
    correction: Notify,
}

#[derive(Default)]
struct State {
    faults: Faults,
    key_works: bool,
    forgets: bool,
    /// After so many more look-ups it forgets what it knew, or remembers it.
    turns_after: Option<u64>,
    empty_wallet: Option<&'static str>,
    /// Whom nobody may pay.
    banned: Option<String>,
    /// Who was told so.
    bans: Vec<Ban>,
    /// When each payee was last paid, and by what.
    paid_last: HashMap<String, (Duration, String)>,
    ledger: Vec<Execution>,
    requests: Vec<Request>,
    refused: BTreeSet<String>,
    differed: BTreeSet<String>,
    /// Requests that were let go, and come in later.
    on_the_way: Vec<(Duration, Planned)>,
    /// When each reference was first known.
    known: BTreeMap<String, Duration>,
    calls: Vec<Call>,
    /// Which process calls.
    process: u64,
    /// It has taken up the run.
    is_running: bool,
    /// It cannot be reached.
    is_gone: bool,
    heard: Vec<Heard>,
    waits: Vec<Wait>,
    /// How often each of what the run replaces was answered for.
    answered: BTreeMap<String, u64>,
    /// When each of these is corrected to paid.
    corrected: BTreeMap<String, Duration>,
    /// The last of which that was decided by a question.
    corrected_last: Option<(String, Duration)>,
    questions: Vec<Question>,
    callbacks: Vec<Callback>,
}

impl Provider {
    pub(crate) fn new(
        host: &str,
        clock: Arc<VirtualClock>,
        chance: Arc<Chance>,
        trace: Arc<Trace>,
    ) -> Self {
        let state = Mutex::new(State { key_works: true, ..State::default() });
        let (limits, fates, before) = (RateLimits::default(), HashMap::new(), HashMap::new());
        let correction = Notify::new();
        let host = GatewayHost::new(host);
        let look_up_takes = Duration::from_millis(2);
        let unique = false;
        Self {
            host,
            limits,
            unique,
            same_payee_gap: Duration::ZERO,
            look_up_takes,
            goes_on: false,
            clock,
            chance,
            trace,
            fates,
            before,
            state,
            correction,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, faults: Faults, key_works: bool, empty: Option<&'static str>) {
        let mut state = self.state();
        (state.faults, state.key_works, state.empty_wallet) = (faults, key_works, empty);
    }

    /// Whether it answers for what it knows.
    pub(crate) fn remembers(&self, remembers: bool) {
        let mut state = self.state();
        (state.forgets, state.turns_after) = (!remembers, None);
    }

    /// From then on it is the other way round: between two look-ups, however short a time lies between them.
    pub(crate) fn turns_after(&self, look_ups: u64) {
        self.state().turns_after = Some(look_ups);
    }

    /// Whether this look-up is answered by somebody who never heard of anything.
    fn forgets(&self) -> bool {
        let mut state = self.state();
        if state.turns_after == Some(0) {
            (state.forgets, state.turns_after) = (!state.forgets, None);
            let word = if state.forgets { "forgets" } else { "knows again" };
            self.trace.say(|| format!("the provider {word} what it knew"));
        }
        state.turns_after = state.turns_after.map(|look_ups| look_ups - 1);
        state.forgets
    }

    /// Another process calls from now on.
    pub(crate) fn process_begins(&self, process: u64) {
        let mut state = self.state();
        (state.process, state.is_running) = (process, false);
    }

    pub(crate) fn ledger(&self) -> Vec<Execution> {
        self.arrivals();
        self.state().ledger.clone()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    fn execute(&self, payment: Planned, at: Duration) {
        self.trace.say(|| format!("PROVIDER pays {} to {}", payment.reference, payment.payee));
        let mut state = self.state();
        state.known.entry(payment.reference.clone()).or_insert(at);
        let at_ms = u64::try_from(at.as_millis()).unwrap();
        let last = (at, payment.reference.clone());
        let payee = state.paid_last.entry(payment.payee.clone()).or_insert_with(|| last.clone());
        if payee.0 < at {
            *payee = last;
        }
        state.ledger.push(Execution { payment, at_ms });
    }

    /// What has come in meanwhile.
    fn arrivals(&self) {
        let now = self.clock.elapsed();
        let due = {
            let on_the_way = &mut self.state().on_the_way;
            let (due, later) =
                std::mem::take(on_the_way).into_iter().partition(|(at, _)| *at <= now);
            *on_the_way = later;
            let due: Vec<(Duration, Planned)> = due;
            due
        };
        for (at, payment) in due {
            if !(self.unique && self.state().known.contains_key(&payment.reference)) {
                self.execute(payment, at);
            }
        }
    }

    /// The run itself calls from now on, not whoever decides whether it may begin.
    pub(crate) fn run_begins(&self) {
        self.state().is_running = true;
    }

    /// Whether it can be reached.
    pub(crate) fn reachable(&self, is_reachable: bool) {
        self.state().is_gone = !is_reachable;
    }

    /// Whether its payee was paid by another one just before.
    fn is_too_soon(&self, payment: &Planned) -> bool {
        let (state, now) = (self.state(), self.clock.elapsed());
        let last = state.paid_last.get(&payment.payee);
        let other = last.filter(|(_, reference)| *reference != payment.reference);
        other.is_some_and(|(at, _)| now.saturating_sub(*at) < self.same_payee_gap)
    }

    /// From now on nobody may pay this one, if anyone.
    pub(crate) fn ban(&self, payee: Option<String>) {
        self.state().banned = payee;
    }

    /// Whether every question about it is refused: about one payment in eight, while that is so.
    fn is_refused_always(&self, reference: &str) -> bool {
        self.state().faults.some_refused && reference.starts_with(['0', '8'])
    }

    /// Whether it is said to differ each time: so is one payment in eight, while that is so.
    fn differs_always(&self, reference: &str) -> bool {
        self.state().faults.some_differ && reference.ends_with(['0', '8'])
    }

    /// Why a call that moves no money comes to nothing, if so.
    fn read_fails(&self) -> Option<CallError> {
        let (faults, key_works, is_gone) = {
            let state = self.state();
            (state.faults, state.key_works, state.is_gone)
        };
        if is_gone {
            Some(CallError::Unreachable("refused".into()))
        } else if !key_works {
            Some(CallError::KeyRefused("Invalid API Key".into()))
        } else if self.chance.per_mille(faults.look_up_fails) {
            Some(CallError::Unreadable("HTTP 500".into()))
        } else if self.chance.per_mille(faults.busy) {
            Some(CallError::Busy(self.wait_asked()))
        } else {
            None
        }
    }

    fn fate(&self, reference: &str) -> Fate {
        self.fates.get(reference).copied().unwrap_or(Fate::Pays)
    }

    /// What it says of a reference that it knows.
    fn settlement(&self, reference: &str) -> Option<Settlement> {
        self.arrivals();
        let now = self.clock.elapsed();
        let since = now.saturating_sub(*self.state().known.get(reference)?);
        if let Some(before) = self.before.get(reference) {
            let correctable = before.became.is_called_correctable();
            let is_paid = self.state().corrected.get(reference).is_some_and(|at| *at <= now);
            let failed = Settlement::Failed { correctable };
            return Some(if is_paid { Settlement::Paid } else { failed });
        }
        Some(match self.fate(reference) {
            Fate::NeverSettles => Settlement::InFlight,
            _ if since < SETTLES_AFTER => Settlement::InFlight,
            Fate::Fails => Settlement::Failed { correctable: false },
            Fate::Expires => Settlement::Failed { correctable: true },
            Fate::Corrected if since < CORRECTED_AFTER => Settlement::Failed { correctable: true },
            Fate::Reversed => Settlement::Reversed,
            Fate::Review => Settlement::NeedsPerson,
            Fate::Pays | Fate::Refused | Fate::Corrected => Settlement::Paid,
        })
    }

    /// Its last word on everything that it knows.
    pub(crate) fn words(&self) -> BTreeMap<String, &'static str> {
        self.arrivals();
        let known: Vec<String> = self.state().known.keys().cloned().collect();
        let word = |reference: &String| match self.settlement(reference)? {
            Settlement::InFlight => Some("pending"),
            Settlement::Paid => Some("paid"),
            Settlement::Failed { .. } => Some("failed"),
            Settlement::Reversed => Some("reversed"),
            Settlement::NeedsPerson => Some("review"),
        };
        known.iter().filter_map(|reference| Some((reference.clone(), word(reference)?))).collect()
    }

    fn wait_asked(&self) -> Option<Duration> {
        // In the body, in a header, or not at all; at once, soon, a minute, and longer than an answer holds.
        let kinds = if self.state().faults.long_waits { 6 } else { 4 };
        let kind = usize::try_from(self.chance.below(kinds)).unwrap();
        let wait = [None, Some(0), Some(700), Some(60_000), Some(400_000), Some(1_200_000)][kind];
        wait.map(Duration::from_millis)
    }

    pub(crate) fn key_fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(&self.host, b"key")
    }

    pub(crate) fn rules(&self) -> GatewayRules {
        GatewayRules {
            request_timeout: TIMEOUT,
            same_payee_gap: self.same_payee_gap,
            limits: self.limits.clone(),
            ..GatewayRules::default()
        }
    }

    /// What it says when it is asked whether it knows a payee.
    pub(crate) async fn answer_payee(&self) -> Result<(), CallError> {
        self.clock.sleep(Duration::from_millis(3)).await;
        self.read_fails().map_or(Ok(()), Err)
    }

    /// What it says when it is asked about a reference.
    pub(crate) async fn answer_look_up(&self, reference: String) -> Result<LookUp, CallError> {
        self.clock.sleep(self.look_up_takes + self.chance.millis(10)).await;
        let faults = self.state().faults;
        if let Some(error) = self.read_fails() {
            return Err(error);
        }
        if self.chance.per_mille(faults.look_up_hangs) {
            self.clock.sleep(TIMEOUT).await;
            return Err(CallError::Timeout(TIMEOUT));
        }
        if self.is_refused_always(&reference) || self.chance.per_mille(faults.look_up_refused) {
            return Err(CallError::Refused("400 Bad Request".into()));
        }
        self.arrivals();
        let forgets = self.forgets();
        let known = self.state().known.get(&reference).copied().filter(|_| !forgets);
        let lags = |at: Duration| self.clock.elapsed() < at + Duration::from_millis(faults.lag_ms);
        let is_there = known.is_some_and(|at| !lags(at));
        let found = match self.settlement(&reference) {
            Some(_)
                if is_there
                    && (self.chance.per_mille(faults.look_up_differs)
                        || self.differs_always(&reference)) =>
            {
                self.state().differed.insert(reference.clone());
                LookUp::Different("amount is 1 there".into())
            }
            Some(settlement) if is_there => LookUp::Found(settlement, None),
            _ => LookUp::NotFound,
        };
        self.count_answer(&reference);
        Ok(found)
    }

    pub(crate) async fn answer(&self, payment: Planned) -> Answer {
        let state = {
            let state = self.state();
            (state.faults, state.key_works, state.empty_wallet)
        };
        let (faults, key_works, empty) = state;
        let chance = |per_mille| self.chance.per_mille(per_mille);
        let silence = |why: &str| Answer::Unknown(Clue::Silence, why.to_owned());
        let reference = payment.reference.clone();
        if !key_works {
            return Answer::NotSent(NotSent::KeyRefused("Invalid API Key".into()));
        }
        if empty.is_some_and(|wallet| wallet == payment.wallet) {
            return Answer::NotSent(NotSent::InsufficientFunds("Insufficient funds".into()));
        }
        let is_gone = self.state().is_gone;
        if is_gone || chance(faults.no_connection) {
            return Answer::NotSent(NotSent::NoConnection("refused".into()));
        }
        let takes_ms = 5 + faults.answer_takes_ms;
        self.clock.sleep(Duration::from_millis(takes_ms) + self.chance.millis(40)).await;
        if chance(faults.busy) {
            return Answer::NotSent(NotSent::Busy(self.wait_asked()));
        }
        if chance(faults.request_lost) {
            return silence("connection reset");
        }
        if self.state().banned.as_ref() == Some(&payment.payee) {
            return Answer::NotSent(NotSent::PayeeBanned { until: "tomorrow".into() });
        }
        self.arrivals();
        if chance(faults.too_soon) || self.is_too_soon(&payment) {
            return Answer::TooSoonForPayee("Transaction Denied".into());
        }
        if self.unique && self.state().known.contains_key(&reference) {
            return Answer::Unknown(Clue::Duplicate, "Duplicate referenceId".into());
        }
        if self.fate(&reference) == Fate::Refused {
            self.state().refused.insert(reference);
            return match chance(faults.unclear_refusal) {
                true => Answer::Unknown(Clue::Refused, "400 what is this".into()),
                false => Answer::Refused("Invalid phone".into()),
            };
        }
        let now = self.clock.elapsed();
        if chance(faults.arrives_late) {
            // The connection breaks at once, and the provider works on it until its own time-out.
            let at = now + self.chance.millis(1800);
            self.state().on_the_way.push((at, payment));
            return silence("connection reset");
        }
        self.execute(payment, now);
        self.clock.sleep(self.chance.millis(30)).await;
        if chance(faults.answer_late) {
            self.clock.sleep((now + TIMEOUT).saturating_sub(self.clock.elapsed())).await;
            return silence("no answer in time");
        }
        for (per_mille, why) in [
            (faults.answer_lost, "connection reset"),
            (faults.server_error, "HTTP 502"),
            (faults.answer_truncated, "the answer broke off"),
        ] {
            if chance(per_mille) {
                return silence(why);
            }
        }
        if chance(faults.wrong_echo) {
            return Answer::Unknown(Clue::Duplicate, "HTTP 200, but amount is 1 there".into());
        }
        if chance(faults.called_duplicate) {
            // Something on the way forwarded the request twice.
            return Answer::Unknown(Clue::Duplicate, "Duplicate referenceId".into());
        }
        Answer::Settled(Settlement::InFlight, None)
    }
}

/// What a request says, as the provider reads it.
pub(crate) fn read(body: &[u8]) -> Planned {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let mut parts = text.split('|').map(str::to_owned);
    let mut part = || parts.next().unwrap();
    Planned { reference: part(), amount: part(), wallet: part(), payee: part() }
}

/// How a reference is written everywhere.
pub(crate) fn written(reference: ProviderReference) -> String {
    reference.to_string()
}
