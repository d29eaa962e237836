//! A provider on virtual time that misbehaves as its seed says, and keeps the truth.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of test files, each of which uses its part"
)]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

pub mod late;
pub mod past;

use async_trait::async_trait;
use payrun_core::{
    AccountId, Amount, Batch, Clue, Digest, GatewayHost, Generation, Payee, Payment, PaymentIndex,
    PhoneNumber, Plan, PlannedPayment, ProviderReference, Settlement, SourceFile, UnixMillis,
    Wallet, WalletId,
};
use payrun_exec::{Engine, Pace, Settings};
use payrun_ports::{
    Answer, Body, CallError, Clock, Entropy, Entry, Gateway, GatewayRules, History, LookUp, Moment,
    NotSent, PayeeKey, Permit, RateLimits, Receipt, RunStore, StoreError,
};
use payrun_store::MemoryStore;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

pub const TIMEOUT: Duration = Duration::from_secs(2);

/// Both clocks on tokio's virtual time.
pub struct VirtualClock(Instant);

impl VirtualClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment(self.0.elapsed())
    }

    fn wall(&self) -> UnixMillis {
        UnixMillis(1_780_000_000_000 + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }

    async fn sleep_until(&self, moment: Moment) {
        tokio::time::sleep(moment.since(self.now())).await;
    }
}

/// The same clocks, of which somebody set the one on the wall, or the engine's own stood still while the machine slept.
pub struct WallApart {
    pub inner: Arc<VirtualClock>,
    pub by_ms: AtomicI64,
}

impl WallApart {
    pub fn of(provider: &Provider) -> Arc<Self> {
        Arc::new(Self { inner: provider.clock.clone(), by_ms: AtomicI64::new(0) })
    }
}

#[async_trait]
impl Clock for WallApart {
    fn now(&self) -> Moment {
        self.inner.now()
    }

    fn wall(&self) -> UnixMillis {
        let by = self.by_ms.load(Ordering::Relaxed);
        UnixMillis(self.inner.wall().0.checked_add_signed(by).unwrap())
    }

    async fn sleep_until(&self, moment: Moment) {
        self.inner.sleep_until(moment).await;
    }
}

/// splitmix64: small, good enough, the same everywhere.
pub struct Seed(AtomicU64);

impl Seed {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seed)))
    }

    pub fn per_mille(&self, chance: u64) -> bool {
        self.next_u64() % 1000 < chance
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }
}

impl Entropy for Seed {
    fn next_u64(&self) -> u64 {
        let mut z = self
            .0
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
            .wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// How a payment ends at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Pays,
    Fails,
    /// Fails with a word that may still be corrected.
    Expires,
    /// Held for a person to look at.
    Review,
    Refused,
    NeverSettles,
}

/// Chances in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub answer_lost: u64,
    pub request_lost: u64,
    pub arrives_late: u64,
    pub busy: u64,
    pub no_connection: u64,
    pub look_up_fails: u64,
    pub unclear_refusal: u64,
    pub too_soon: u64,
    pub called_duplicate: u64,
    pub lag_ms: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct Execution {
    pub count: u32,
    pub at: Duration,
    pub amount_body: u64,
}

/// A provider that, unlike real ones, pays a repeated reference again: the engine alone must keep it at once.
pub struct Provider {
    pub clock: Arc<VirtualClock>,
    pub seed: Arc<Seed>,
    pub faults: Mutex<Faults>,
    pub fates: HashMap<ProviderReference, Fate>,
    pub executions: Mutex<BTreeMap<ProviderReference, Execution>>,
    /// Requests still on their way: when they arrive.
    pub on_the_way: Mutex<Vec<(Duration, ProviderReference, u64)>>,
    pub bodies: Mutex<HashMap<ProviderReference, Vec<u8>>>,
    pub requests: AtomicU64,
    /// How many look-ups came.
    pub asked: AtomicU64,
    /// When each request came.
    pub sent_at: Mutex<Vec<Duration>>,
    pub empty_wallet: Mutex<Option<WalletId>>,
    pub key_works: Mutex<bool>,
    pub knows_nothing: Mutex<bool>,
    pub banned: Mutex<Option<PhoneNumber>>,
    pub same_payee_gap: Mutex<Duration>,
    pub busy_wait: Mutex<Duration>,
    /// The limits that it documents.
    pub limits: Mutex<RateLimits>,
    /// What it says of these references, whatever is true.
    pub says: Mutex<HashMap<ProviderReference, Result<LookUp, CallError>>>,
}

impl Provider {
    pub fn new(clock: Arc<VirtualClock>, seed: Arc<Seed>, plan: &Plan) -> Arc<Self> {
        let fates = plan.payments.iter().map(|p| (p.provider_reference, Fate::Pays)).collect();
        Arc::new(Self::with_fates(clock, seed, fates))
    }

    pub fn with_fates(
        clock: Arc<VirtualClock>,
        seed: Arc<Seed>,
        fates: HashMap<ProviderReference, Fate>,
    ) -> Self {
        Self {
            clock,
            seed,
            faults: Mutex::default(),
            fates,
            executions: Mutex::default(),
            on_the_way: Mutex::default(),
            bodies: Mutex::default(),
            requests: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            sent_at: Mutex::default(),
            empty_wallet: Mutex::default(),
            key_works: Mutex::new(true),
            knows_nothing: Mutex::new(false),
            banned: Mutex::default(),
            same_payee_gap: Mutex::default(),
            busy_wait: Mutex::new(Duration::from_millis(700)),
            limits: Mutex::default(),
            says: Mutex::default(),
        }
    }

    fn execute(&self, reference: ProviderReference, at: Duration, body: u64) {
        let mut executions = self.executions.lock().unwrap();
        let execution =
            executions.entry(reference).or_insert(Execution { count: 0, at, amount_body: body });
        execution.count += 1;
        assert_eq!(execution.amount_body, body, "another body under the same reference");
    }

    /// An execution of before this test's time.
    pub fn remember(&self, reference: ProviderReference) {
        self.execute(reference, self.clock.now().0, 0);
    }

    fn arrivals(&self) {
        let now = self.clock.now().0;
        let mut on_the_way = self.on_the_way.lock().unwrap();
        on_the_way.retain(|(at, reference, body)| {
            if *at <= now {
                self.execute(*reference, *at, *body);
            }
            *at > now
        });
    }

    fn fate(&self, reference: ProviderReference) -> Fate {
        self.fates.get(&reference).copied().unwrap_or(Fate::Pays)
    }

    /// What the provider would say of an execution now.
    pub fn settlement(&self, reference: ProviderReference) -> Option<Settlement> {
        self.arrivals();
        let execution = *self.executions.lock().unwrap().get(&reference)?;
        let settled = self.clock.now().0 >= execution.at + Duration::from_millis(400);
        Some(match self.fate(reference) {
            Fate::NeverSettles => Settlement::InFlight,
            _ if !settled => Settlement::InFlight,
            Fate::Fails => Settlement::Failed { correctable: false },
            Fate::Expires => Settlement::Failed { correctable: true },
            Fate::Review => Settlement::NeedsPerson,
            Fate::Pays | Fate::Refused => Settlement::Paid,
        })
    }

    pub fn most_executed(&self) -> u32 {
        self.arrivals();
        self.executions.lock().unwrap().values().map(|e| e.count).max().unwrap_or(0)
    }
}

fn body_number(body: &[u8]) -> u64 {
    body.iter().fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

#[async_trait]
impl Gateway for Provider {
    fn host(&self) -> GatewayHost {
        GatewayHost::new("virtual")
    }

    fn rules(&self) -> GatewayRules {
        let same_payee_gap = *self.same_payee_gap.lock().unwrap();
        let limits = self.limits.lock().unwrap().clone();
        GatewayRules { request_timeout: TIMEOUT, same_payee_gap, limits, ..GatewayRules::default() }
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        Ok(AccountId::new("account"))
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        Ok(Vec::new())
    }

    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.seed.per_mille(self.faults.lock().unwrap().look_up_fails) {
            return Err(CallError::Unreadable("500".into()));
        }
        Ok(Some(PayeeKey(planned.payment.payee.phone.as_str().to_owned())))
    }

    async fn create_payee(&self, _: &PlannedPayment) -> Result<PayeeKey, CallError> {
        Err(CallError::Refused("not needed".into()))
    }

    fn body(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        _: &PayeeKey,
    ) -> Result<Body, String> {
        let reference = planned.provider_reference;
        Ok(Body::new(
            format!("{reference} {} {wallet}", planned.payment.amount.text()).into_bytes(),
        ))
    }

    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        let bytes = permit.spend(body).expect("the permit is for this body").to_vec();
        let faults = *self.faults.lock().unwrap();
        let reference = planned.provider_reference;
        let silence = |why: &str| Answer::Unknown(Clue::Silence, why.to_owned());
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.sent_at.lock().unwrap().push(self.clock.now().0);
        if !*self.key_works.lock().unwrap() {
            return Answer::NotSent(NotSent::KeyRefused("Invalid API Key".into()));
        }
        if let Some(wallet) = &*self.empty_wallet.lock().unwrap()
            && bytes.ends_with(wallet.as_str().as_bytes())
        {
            return Answer::NotSent(NotSent::InsufficientFunds("Insufficient funds".into()));
        }
        if self.banned.lock().unwrap().as_ref() == Some(&planned.payment.payee.phone) {
            return Answer::NotSent(NotSent::PayeeBanned { until: "2026-12-01".into() });
        }
        if self.seed.per_mille(faults.no_connection) {
            return Answer::NotSent(NotSent::NoConnection("refused".into()));
        }
        tokio::time::sleep(Duration::from_millis(5 + self.seed.below(40))).await;
        if self.seed.per_mille(faults.busy) {
            return Answer::NotSent(NotSent::Busy(Some(*self.busy_wait.lock().unwrap())));
        }
        if self.seed.per_mille(faults.too_soon) {
            return Answer::TooSoonForPayee("Transaction Denied".into());
        }
        if self.seed.per_mille(faults.request_lost) {
            return silence("connection reset");
        }
        let now = self.clock.now().0;
        if self.fate(reference) == Fate::Refused {
            return match self.seed.per_mille(faults.unclear_refusal) {
                true => Answer::Unknown(Clue::Refused, "400 what is this".into()),
                false => Answer::Refused("Invalid phone".into()),
            };
        }
        if self.seed.per_mille(faults.arrives_late) {
            // The connection breaks at once, and the provider works on it until its own time-out.
            let at = now + Duration::from_millis(self.seed.below(1800));
            self.on_the_way.lock().unwrap().push((at, reference, body_number(&bytes)));
            return silence("connection reset");
        }
        self.execute(reference, now, body_number(&bytes));
        tokio::time::sleep(Duration::from_millis(self.seed.below(30))).await;
        if self.seed.per_mille(faults.answer_lost) {
            return silence("500");
        }
        if self.seed.per_mille(faults.called_duplicate) {
            // Something on the way forwarded the request twice.
            return Answer::Unknown(Clue::Duplicate, "Duplicate referenceId".into());
        }
        Answer::Settled(Settlement::InFlight, None)
    }

    async fn look_up(
        &self,
        planned: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2 + self.seed.below(10))).await;
        let faults = *self.faults.lock().unwrap();
        if self.seed.per_mille(faults.look_up_fails) {
            return Err(CallError::Unreadable("500".into()));
        }
        self.arrivals();
        let reference = planned.provider_reference;
        if let Some(said) = self.says.lock().unwrap().get(&reference) {
            return said.clone();
        }
        let at = self.executions.lock().unwrap().get(&reference).map(|execution| execution.at);
        let lags = |at: Duration| self.clock.now().0 < at + Duration::from_millis(faults.lag_ms);
        if *self.knows_nothing.lock().unwrap() || at.is_none_or(lags) {
            return Ok(LookUp::NotFound);
        }
        Ok(match self.settlement(reference) {
            Some(settlement) => LookUp::Found(settlement, None),
            None => LookUp::NotFound,
        })
    }
}

/// A store that breaks, or is slow.
pub struct FrailStore {
    inner: MemoryStore,
    groups: AtomicU64,
    /// It breaks at this group, counted from 1.
    pub breaks_at: Option<u64>,
    /// One group in five takes so long.
    pub late: Option<Duration>,
}

impl FrailStore {
    pub fn new(payments: usize) -> Self {
        let inner = MemoryStore::new(payments);
        Self { inner, groups: AtomicU64::new(0), breaks_at: None, late: None }
    }
}

#[async_trait]
impl RunStore for FrailStore {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let number = self.groups.fetch_add(1, Ordering::Relaxed) + 1;
        if self.breaks_at.is_some_and(|at| number >= at) {
            return Err(StoreError::Io { doing: "synced", error: "EIO".into() });
        }
        if let Some(late) = self.late.filter(|_| number % 5 == 2) {
            tokio::time::sleep(late).await;
        }
        self.inner.commit(group).await
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.inner.body(payment).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// `count` payments over two wallets.
pub fn plan(count: u32) -> Arc<Plan> {
    let kes = "KES".parse().unwrap();
    let payments: Vec<_> = (0..count)
        .map(|i| {
            let reference: payrun_core::Reference = format!("P-{i}").parse().unwrap();
            PlannedPayment {
                generation: Generation::FIRST,
                provider_reference: ProviderReference::derive(
                    &"acme".parse().unwrap(),
                    &reference,
                    Generation::FIRST,
                ),
                payment: Payment {
                    row: u64::from(i) + 1,
                    reference,
                    payee: Payee {
                        name: "Jane Doe".into(),
                        email: "j@example.com".into(),
                        phone: PhoneNumber::from_e164(&format!("+2547{:08}", i)).unwrap(),
                    },
                    amount: Amount::parse(&(100 + i).to_string(), kes).unwrap(),
                    rail: payrun_core::Rail::MobileMoney,
                    network: None,
                    wallet: None,
                    description: None,
                },
            }
        })
        .collect();
    let half = count / 2;
    let batch = |number, first: u32, count: u32, wallet: &str| {
        let range = first as usize..(first + count) as usize;
        let total = payments[range].iter().fold(Amount::zero(kes), |sum, p: &PlannedPayment| {
            sum.checked_add(p.payment.amount).unwrap()
        });
        Batch { number, wallet: WalletId::new(wallet), first: PaymentIndex(first), count, total }
    };
    let batches = vec![batch(1, 0, half, "w1"), batch(2, half, count - half, "w2")];
    Arc::new(Plan {
        organisation: "acme".parse().unwrap(),
        source: SourceFile { name: "t.csv".into(), sha256: Digest::from_bytes([1; 32]) },
        retry_of: None,
        batches: batches.into_iter().filter(|batch| batch.count > 0).collect(),
        payments,
    })
}

/// A plan whose first `count` payments are to one phone.
pub fn to_one_phone(payments: u32, count: usize) -> Arc<Plan> {
    let mut plan = (*plan(payments)).clone();
    let phone = plan.payments[0].payment.payee.phone.clone();
    for planned in &mut plan.payments[..count] {
        planned.payment.payee.phone = phone.clone();
    }
    Arc::new(plan)
}

pub fn settings() -> Settings {
    Settings {
        absence: payrun_exec::AbsenceRule { answers: 3, grace: Duration::from_secs(2) },
        poll_first: Duration::from_millis(200),
        poll_max: Duration::from_secs(2),
        settle_timeout: Duration::from_secs(60),
        gateway_patience: Duration::from_secs(30),
        in_flight_max: 8,
        ..Settings::default()
    }
}

pub fn engine(plan: &Arc<Plan>, provider: &Arc<Provider>, store: Arc<dyn RunStore>) -> Engine {
    let clock: Arc<dyn Clock> = provider.clock.clone();
    Engine {
        plan: Arc::clone(plan),
        predecessors: HashMap::new(),
        superseded: HashMap::new(),
        gateway: provider.clone(),
        store,
        pace: Arc::new(Pace::new(&RateLimits::default(), Arc::clone(&clock))),
        clock,
        entropy: provider.seed.clone(),
        callbacks: Arc::default(),
        observer: Arc::new(()),
        settings: settings(),
    }
}

/// On virtual time, one thread.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}
