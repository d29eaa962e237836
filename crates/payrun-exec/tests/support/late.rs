//! Runs in which answers come late, and a provider that forgets.

use super::past::{anew, predecessors};
use super::{Fate, Faults, Provider, Seed, VirtualClock, engine, plan};
use async_trait::async_trait;
use payrun_core::{
    AccountId, Basis, Event, GatewayHost, PaymentIndex, Plan, PlannedPayment, ProviderReference,
    Settlement, State, UnixMillis, Wallet, WalletId,
};
use payrun_exec::{Engine, Finish, Pace, Predecessor, Settings};
use payrun_ports::{
    Answer, Body, CallError, Clock, Entry, Gateway, GatewayRules, LookUp, Moment, PayeeKey,
    PaymentEntry, Permit, RateLimit, RateLimits, RunStore,
};
use payrun_store::MemoryStore;
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

pub const MILLISECOND: Duration = Duration::from_millis(1);

pub const IN_FLIGHT: Result<LookUp, CallError> = Ok(LookUp::Found(Settlement::InFlight, None));

pub const NEEDS_PERSON: Result<LookUp, CallError> =
    Ok(LookUp::Found(Settlement::NeedsPerson, None));

pub async fn states(store: &MemoryStore) -> Vec<State> {
    let history = store.reopened().history().await.unwrap();
    history.progress.iter().map(|progress| progress.standing.state).collect()
}

type Happens = Box<dyn FnOnce() + Send>;

/// The provider, with a way back that takes time, and an outage that may end.
pub struct Wrapped {
    pub provider: Arc<Provider>,
    /// How long the answer to a look-up, and to a request, is on its way back.
    pub way_back: [Duration; 2],
    /// Whether it knows this reference, each time that it is asked about it; until this is over it knows nothing else.
    pub knows: Mutex<(ProviderReference, VecDeque<bool>)>,
    /// When each look-up came.
    pub asked_at: Mutex<Vec<Duration>>,
    /// When each request was begun, by this clock.
    pub begun: Mutex<HashMap<ProviderReference, Duration>>,
    /// What happens when so many were.
    pub when_begun: Mutex<Option<(usize, Happens)>>,
    pub clock: Arc<dyn Clock>,
}

/// The provider, of which answers to look-ups and to requests take so many milliseconds to come back.
pub fn wrapped(provider: &Arc<Provider>, way_back: [u32; 2]) -> Arc<Wrapped> {
    watched(provider, provider.clock.clone(), way_back)
}

/// The same, watched by this clock.
pub fn watched(
    provider: &Arc<Provider>,
    clock: Arc<dyn Clock>,
    way_back: [u32; 2],
) -> Arc<Wrapped> {
    Arc::new(Wrapped {
        provider: provider.clone(),
        way_back: way_back.map(|milliseconds| milliseconds * MILLISECOND),
        knows: Mutex::new((ProviderReference::from_bytes([0; 16]), VecDeque::new())),
        asked_at: Mutex::default(),
        begun: Mutex::default(),
        when_begun: Mutex::default(),
        clock,
    })
}

#[async_trait]
impl Gateway for Wrapped {
    fn host(&self) -> GatewayHost {
        self.provider.host()
    }
    fn rules(&self) -> GatewayRules {
        self.provider.rules()
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.provider.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.provider.wallets().await
    }
    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.provider.find_payee(planned).await
    }
    async fn create_payee(&self, planned: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.provider.create_payee(planned).await
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.provider.body(p, w, k)
    }
    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        let begun = {
            let mut begun = self.begun.lock().unwrap();
            begun.insert(planned.provider_reference, self.clock.now().0);
            begun.len()
        };
        let happens = self.when_begun.lock().unwrap().take_if(|(number, _)| *number == begun);
        if let Some((_, happens)) = happens {
            happens();
        }
        let answer = self.provider.send(permit, planned, body).await;
        sleep(self.way_back[1]).await;
        answer
    }
    async fn look_up(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let forgets = {
            let mut knows = self.knows.lock().unwrap();
            match planned.provider_reference == knows.0 {
                true => knows.1.pop_front().map(|knows| !knows),
                false => Some(!knows.1.is_empty()),
            }
        };
        if forgets == Some(true) {
            return Ok(LookUp::NotFound);
        }
        self.asked_at.lock().unwrap().push(self.provider.clock.now().0);
        let answer = self.provider.look_up(planned, wallet, body).await;
        sleep(self.way_back[0]).await;
        answer
    }
}

/// A clock that jumps each time that the process ran for so many seconds: it stood still for so many.
pub struct Jumping {
    pub inner: Arc<VirtualClock>,
    pub awake: u64,
    pub still: u64,
}

impl Jumping {
    fn by(&self) -> Duration {
        Duration::from_secs(self.inner.now().0.as_secs() / self.awake * self.still)
    }
}

#[async_trait]
impl Clock for Jumping {
    fn now(&self) -> Moment {
        self.inner.now().after(self.by())
    }
    fn wall(&self) -> UnixMillis {
        UnixMillis(self.inner.wall().0 + u64::try_from(self.by().as_millis()).unwrap())
    }
    async fn sleep_until(&self, moment: Moment) {
        // It wakes at the latest when the process does.
        while self.now() < moment {
            let wait = moment.since(self.now()).min(Duration::from_secs(1));
            sleep(wait.max(Duration::from_millis(1))).await;
        }
    }
}

/// Until two days are over by this clock.
pub async fn two_days(clock: &dyn Clock) {
    while clock.now().0 < Duration::from_secs(2 * 86_400) {
        sleep(Duration::from_secs(1)).await;
    }
}

/// Whether what is asked about this payment comes to nothing.
type Fails = Box<dyn Fn(&PlannedPayment) -> bool + Send + Sync>;

/// The provider, of which some questions come to nothing.
pub struct Flawed {
    provider: Arc<Provider>,
    /// Who its payee is.
    payee: Fails,
    /// What became of it.
    look_up: Fails,
}

/// The provider, where questions about these payees come to nothing.
pub fn without_payees(
    provider: &Arc<Provider>,
    payee: impl Fn(&PlannedPayment) -> bool + Send + Sync + 'static,
) -> Arc<Flawed> {
    let (payee, look_up) = (Box::new(payee), Box::new(|_: &PlannedPayment| false));
    Arc::new(Flawed { provider: provider.clone(), payee, look_up })
}

/// The provider, where questions about what became of these payments come to nothing.
pub fn without_word(
    provider: &Arc<Provider>,
    look_up: impl Fn(&PlannedPayment) -> bool + Send + Sync + 'static,
) -> Arc<Flawed> {
    let (payee, look_up) = (Box::new(|_: &PlannedPayment| false), Box::new(look_up));
    Arc::new(Flawed { provider: provider.clone(), payee, look_up })
}

fn unless(fails: bool) -> Result<(), CallError> {
    if fails { Err(CallError::Unreadable("500".into())) } else { Ok(()) }
}

#[async_trait]
impl Gateway for Flawed {
    fn host(&self) -> GatewayHost {
        self.provider.host()
    }
    fn rules(&self) -> GatewayRules {
        self.provider.rules()
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.provider.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.provider.wallets().await
    }
    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        unless((self.payee)(planned))?;
        self.provider.find_payee(planned).await
    }
    async fn create_payee(&self, planned: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.provider.create_payee(planned).await
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.provider.body(p, w, k)
    }
    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        self.provider.send(permit, planned, body).await
    }
    async fn look_up(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        unless((self.look_up)(planned))?;
        self.provider.look_up(planned, wallet, body).await
    }
}

/// A provider that accepts every payment, and settles none.
pub fn never_settling(plan: &Plan) -> Arc<Provider> {
    let fates = plan.payments.iter().map(|p| (p.provider_reference, Fate::NeverSettles));
    Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates.collect()))
}

/// The same payments under a later generation, which the provider accepts and never settles; all before it failed there.
pub fn paid_anew(
    first: &Arc<Plan>,
    generation: u32,
) -> (Arc<Plan>, Arc<Provider>, HashMap<PaymentIndex, Vec<Predecessor>>) {
    let earlier: Vec<_> = (0..generation).map(|earlier| anew(first, earlier)).collect();
    let plan = anew(first, generation);
    let provider = never_settling(&plan);
    for planned in earlier.iter().flat_map(|plan| &plan.payments) {
        let failed = LookUp::Found(Settlement::Failed { correctable: false }, None);
        says(&provider, planned.provider_reference, Ok(failed));
    }
    let earlier: Vec<_> = earlier.iter().map(|plan| (plan, State::Failed)).collect();
    (plan, provider, predecessors(&earlier))
}

/// From now on this is what it says of the reference.
pub fn says(provider: &Provider, reference: ProviderReference, said: Result<LookUp, CallError>) {
    provider.says.lock().unwrap().insert(reference, said);
}

/// Waits until so many milliseconds from the beginning.
pub async fn until(provider: &Provider, at: u64) {
    let at = Duration::from_millis(at);
    sleep(at.saturating_sub(provider.clock.now().0)).await;
}

/// Waits until the provider was asked so often.
pub async fn asked(provider: &Provider, times: u64) {
    while provider.asked.load(Ordering::Relaxed) < times {
        sleep(MILLISECOND).await;
    }
}

/// How the run ends while this happens.
pub async fn beside(engine: &Engine, other: impl Future<Output = ()>) -> Finish {
    let other = async {
        other.await;
        pending::<()>().await;
    };
    tokio::select! {
        finish = engine.run(pending()) => finish.unwrap(),
        () = other => unreachable!(),
    }
}

/// The records of a process that had `accepted` payments of the plan accepted.
pub async fn accepted(plan: &Plan, provider: &Provider, accepted: u32) -> Arc<MemoryStore> {
    let store = MemoryStore::new(plan.payments.len());
    for index in 0..accepted {
        provider.remember(plan.payments[index as usize].provider_reference);
        let (payment, at) = (PaymentIndex(index), provider.clock.wall());
        let entry =
            |event, body| Entry::Payment(PaymentEntry { payment, event, at, body, reason: None });
        let intent = Event::Intent { attempt: 1, basis: Basis::Clear };
        let answer = Event::Answered(Settlement::InFlight);
        let group = vec![entry(intent, Some(Body::new(*b"body"))), entry(answer, None)];
        let _permits = store.commit(group).await.unwrap();
    }
    Arc::new(store.reopened())
}

/// The records of a process that left the first `doubtful` payments in doubt for this reason, and had `accepted` more accepted.
pub async fn left(
    plan: &Plan,
    provider: &Provider,
    doubtful: u32,
    accepted: u32,
    why: &str,
) -> Arc<MemoryStore> {
    let store = self::accepted(plan, provider, doubtful + accepted).await;
    for index in 0..doubtful {
        let entry = PaymentEntry {
            payment: PaymentIndex(index),
            event: Event::WindowClosed,
            at: provider.clock.wall(),
            body: None,
            reason: Some(why.to_owned()),
        };
        let _ = store.commit(vec![Entry::Payment(entry)]).await.unwrap();
    }
    Arc::new(store.reopened())
}

/// The engine with its usual settings, at the limits that Kotani documents.
pub fn as_usual(plan: &Arc<Plan>, provider: &Arc<Provider>, store: Arc<MemoryStore>) -> Engine {
    let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
    Engine { settings: Settings::default(), pace, ..engine(plan, provider, store) }
}

pub fn an_hour(calls: u32) -> Vec<RateLimit> {
    vec![RateLimit::per_seconds(calls, 3600)]
}

/// A run of this provider at its own limits.
pub fn at_its_limits(engine: Engine, provider: &Provider) -> Engine {
    let limits = provider.limits.lock().unwrap().clone();
    Engine { pace: Arc::new(Pace::new(&limits, engine.clock.clone())), ..engine }
}

pub fn usual_limits() -> RateLimits {
    let money = vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
    RateLimits {
        payee: money.clone(),
        money,
        read: vec![RateLimit::per_seconds(20, 5)],
        all: vec![RateLimit::per_seconds(15, 5)],
    }
}

/// `accepted` payments were accepted by an earlier process and do not settle; of the last the request is lost, and look-ups prove
/// it absent after five minutes. At the usual pace, with the usual settings: when it is sent again, if within 25 minutes.
pub async fn sent_again_after(accepted: u32, gap: Option<u64>) -> (Option<Duration>, u64) {
    let plan = plan(accepted + 1);
    let provider = never_settling(&plan);
    *provider.faults.lock().unwrap() = Faults { request_lost: 1000, ..Faults::default() };
    let store = self::accepted(&plan, &provider, accepted).await;
    let engine = as_usual(&plan, &provider, store);
    let callbacks = async {
        let Some(gap) = gap else { return pending().await };
        for planned in plan.payments[..accepted as usize].iter().cycle() {
            sleep(Duration::from_millis(gap)).await;
            engine.callbacks.heard_of(planned.provider_reference);
        }
    };
    let sent_again = async {
        while provider.requests.load(Ordering::Relaxed) < 2 {
            sleep(100 * MILLISECOND).await;
        }
    };
    let at = tokio::select! {
        _ = engine.run(pending()) => None,
        () = callbacks => unreachable!(),
        () = sent_again => Some(provider.clock.now().0),
        () = sleep(Duration::from_secs(25 * 60)) => None,
    };
    (at, provider.asked.load(Ordering::Relaxed))
}
