//! A provider that misbehaves as its seed says, and keeps the truth.

use crate::audit::{Call, Execution, Planned, Request};
use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::faults::Faults;
use crate::trace::Trace;
use async_trait::async_trait;
use payrun_core::{
    AccountId, Clue, GatewayHost, PlannedPayment, ProviderReference, Settlement, Wallet, WalletId,
};
use payrun_ports::{
    Answer, Body, CallError, Gateway, GatewayRules, KeyFingerprint, LookUp, NotSent, PayeeKey,
    Permit, RateLimits,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

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
    clock: Arc<VirtualClock>,
    chance: Arc<Chance>,
    trace: Arc<Trace>,
    pub(crate) fates: HashMap<String, Fate>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: Faults,
    key_works: bool,
    forgets: bool,
    empty_wallet: Option<&'static str>,
    ledger: Vec<Execution>,
    requests: Vec<Request>,
    refused: BTreeSet<String>,
    /// Requests that were let go, and come in later.
    on_the_way: Vec<(Duration, Planned)>,
    /// When each reference was first known.
    known: BTreeMap<String, Duration>,
    calls: Vec<Call>,
}

impl Provider {
    pub(crate) fn new(
        host: &str,
        clock: Arc<VirtualClock>,
        chance: Arc<Chance>,
        trace: Arc<Trace>,
    ) -> Self {
        let state = Mutex::new(State { key_works: true, ..State::default() });
        let (limits, fates) = (RateLimits::default(), HashMap::new());
        let host = GatewayHost::new(host);
        Self { host, limits, unique: false, clock, chance, trace, fates, state }
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
        self.state().forgets = !remembers;
    }

    /// It knows a reference of before this time.
    pub(crate) fn remember(&self, reference: String) {
        let now = self.clock.elapsed();
        self.state().known.insert(reference, now);
    }

    pub(crate) fn ledger(&self) -> Vec<Execution> {
        self.arrivals();
        self.state().ledger.clone()
    }

    pub(crate) fn refused(&self) -> BTreeSet<String> {
        self.state().refused.clone()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap()
    }

    fn call(&self, class: &'static str) {
        let at_ms = self.now_ms();
        self.state().calls.push(Call { class, at_ms });
    }

    fn execute(&self, payment: Planned, at: Duration) {
        self.trace.say(|| format!("PROVIDER pays {} to {}", payment.reference, payment.payee));
        let mut state = self.state();
        state.known.entry(payment.reference.clone()).or_insert(at);
        let at_ms = u64::try_from(at.as_millis()).unwrap();
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

    fn fate(&self, reference: &str) -> Fate {
        self.fates.get(reference).copied().unwrap_or(Fate::Pays)
    }

    /// What it says of a reference that it knows.
    fn settlement(&self, reference: &str) -> Option<Settlement> {
        self.arrivals();
        let since = self.clock.elapsed().saturating_sub(*self.state().known.get(reference)?);
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
        // In the body, in a header, or not at all; at once, soon, a minute.
        [None, Some(0), Some(700), Some(60_000)][usize::try_from(self.chance.below(4)).unwrap()]
            .map(Duration::from_millis)
    }

    async fn answer(&self, payment: Planned) -> Answer {
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
        if chance(faults.no_connection) {
            return Answer::NotSent(NotSent::NoConnection("refused".into()));
        }
        sleep(Duration::from_millis(5) + self.chance.millis(40)).await;
        if chance(faults.busy) {
            return Answer::NotSent(NotSent::Busy(self.wait_asked()));
        }
        if chance(faults.request_lost) {
            return silence("connection reset");
        }
        if chance(faults.too_soon) {
            return Answer::TooSoonForPayee("Transaction Denied".into());
        }
        self.arrivals();
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
        sleep(self.chance.millis(30)).await;
        if chance(faults.answer_late) {
            sleep((now + TIMEOUT).saturating_sub(self.clock.elapsed())).await;
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
fn read(body: &[u8]) -> Planned {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let mut parts = text.split('|').map(str::to_owned);
    let mut part = || parts.next().unwrap();
    Planned { reference: part(), amount: part(), wallet: part(), payee: part() }
}

/// How a reference is written everywhere.
pub(crate) fn written(reference: ProviderReference) -> String {
    reference.to_string()
}

#[async_trait]
impl Gateway for Provider {
    fn host(&self) -> GatewayHost {
        self.host.clone()
    }

    fn key_fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(&self.host, b"key")
    }

    fn rules(&self) -> GatewayRules {
        GatewayRules {
            request_timeout: TIMEOUT,
            same_payee_gap: Duration::ZERO,
            limits: self.limits.clone(),
            ..GatewayRules::default()
        }
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        Ok(AccountId::new("account"))
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        Ok(Vec::new())
    }

    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.call("read");
        sleep(Duration::from_millis(3)).await;
        let (faults, key_works) = {
            let state = self.state();
            (state.faults, state.key_works)
        };
        if !key_works {
            return Err(CallError::KeyRefused("Invalid API Key".into()));
        }
        if self.chance.per_mille(faults.look_up_fails) {
            return Err(CallError::Unreadable("HTTP 500".into()));
        }
        Ok(Some(PayeeKey(planned.payment.payee.phone.as_str().to_owned())))
    }

    async fn create_payee(&self, _: &PlannedPayment) -> Result<PayeeKey, CallError> {
        Err(CallError::Refused("known already".into()))
    }

    fn body(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        payee: &PayeeKey,
    ) -> Result<Body, String> {
        let (reference, amount) =
            (written(planned.provider_reference), planned.payment.amount.text());
        Ok(Body::new(format!("{reference}|{amount}|{wallet}|{}", payee.0).into_bytes()))
    }

    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        self.call("money");
        let attempt = permit.attempt();
        let payment = read(permit.spend(body).unwrap());
        let at_ms = self.now_ms();
        let number = {
            let requests = &mut self.state().requests;
            requests.push(Request { payment: payment.clone(), at_ms, is_unsent: false });
            requests.len() - 1
        };
        let name = planned.payment.reference.clone();
        self.trace.say(|| format!("{name}: sent, attempt {attempt}"));
        let answer = self.answer(payment).await;
        self.state().requests[number].is_unsent = matches!(answer, Answer::NotSent(_));
        self.trace.say(|| format!("{name}: answered {answer:?}"));
        answer
    }

    async fn look_up(
        &self,
        planned: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.call("read");
        sleep(Duration::from_millis(2) + self.chance.millis(10)).await;
        let (faults, key_works) = {
            let state = self.state();
            (state.faults, state.key_works)
        };
        let failed = if !key_works {
            Some(CallError::KeyRefused("Invalid API Key".into()))
        } else if self.chance.per_mille(faults.look_up_fails) {
            Some(CallError::Unreadable("HTTP 500".into()))
        } else if self.chance.per_mille(faults.busy) {
            Some(CallError::Busy(self.wait_asked()))
        } else if self.chance.per_mille(faults.look_up_hangs) {
            sleep(TIMEOUT).await;
            Some(CallError::Timeout(TIMEOUT))
        } else {
            None
        };
        let name = &planned.payment.reference;
        if let Some(error) = failed {
            self.trace.say(|| format!("{name}: looked up: {error}"));
            return Err(error);
        }
        self.arrivals();
        let reference = written(planned.provider_reference);
        let forgets = self.state().forgets;
        let known = self.state().known.get(&reference).copied().filter(|_| !forgets);
        let lags = |at: Duration| self.clock.elapsed() < at + Duration::from_millis(faults.lag_ms);
        let found = match self.settlement(&reference) {
            Some(settlement) if known.is_some_and(|at| !lags(at)) => {
                LookUp::Found(settlement, None)
            }
            _ => LookUp::NotFound,
        };
        self.trace.say(|| format!("{name}: looked up: {found:?}"));
        Ok(found)
    }
}
