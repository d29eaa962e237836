//! What happens in one seed: a payroll, a provider, a machine, and the lives of the processes that pay.

use crate::audit::{Case, Limit, Planned};
use crate::broken::{Broken, BrokenGateway};
use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::faults::Faults;
use crate::freezing::frozen;
use crate::payroll::{WALLETS, planned};
use crate::provider::{Fate, Provider, written};
use crate::records::{Directory, Records, Refused};
use crate::trace::{Trace, Watcher};
use payrun_core::{PaymentIndex, Plan, State};
use payrun_exec::{AbsenceRule, Engine, Finish, Pace, Predecessor, Settings, probe};
use payrun_ports::{Gateway, MemoryGrants, RateLimit, RateLimits, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const DAY_MILLIS: i64 = 86_400_000;

/// After this the provider has said its last word on everything.
const CALM: Duration = Duration::from_secs(600);

/// Runs that take longer, once nothing is wrong any more, do not end.
const PATIENCE: Duration = Duration::from_secs(48 * 3600);

/// Runs a seed to its end, with this part of the engine broken if any, and keeps everything that happened if `traced`.
/// The same seed is the same case, to the last line.
pub fn case(seed: u64, broken: Option<Broken>, traced: bool) -> Case {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::drawn(seed, broken, traced);
        world.begin().await;
        for life in 1..=world.chance.below(8) {
            world.between_lives(life).await;
            world.live(life).await;
        }
        world.end().await
    })
}

struct World {
    clock: Arc<VirtualClock>,
    chance: Arc<Chance>,
    trace: Arc<Trace>,
    broken: Option<Broken>,
    faults: Faults,
    plan: Arc<Plan>,
    /// What this run pays anew.
    before: Option<Arc<Plan>>,
    provider: Arc<Provider>,
    directory: Arc<Directory>,
    was_lost: bool,
    watcher: Option<Arc<Watcher>>,
}

impl World {
    fn drawn(seed: u64, broken: Option<Broken>, traced: bool) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let chance = Arc::new(Chance::of(seed));
        let trace = Arc::new(Trace::new(Arc::clone(&clock), traced));
        let mut faults = Faults::drawn(&chance);
        // An older copy is what only the provider can help against: it would convict the innocent.
        faults.backup_restored &= broken.is_none();
        // Where a broken engine would have to be lucky to be caught, luck is not waited for.
        faults.directory_lost |= broken == Some(Broken::EmptyIsNew);
        faults.second_process |= broken == Some(Broken::UnlockedStore);
        faults.other_run |= broken == Some(Broken::SharedReferences);
        if broken == Some(Broken::EagerAbsence) {
            (faults.lag_ms, faults.answer_lost) = (1499, 300);
        }
        let payments = 1 + chance.below(40);
        let is_anew = chance.one_in(4) || broken == Some(Broken::UncheckedRetry);
        let plan = Arc::new(planned(0, payments, u32::from(is_anew), &chance));
        let before = is_anew.then(|| Arc::new(planned(0, payments, 0, &chance)));
        let mut provider =
            Provider::new("virtual", Arc::clone(&clock), Arc::clone(&chance), Arc::clone(&trace));
        provider.unique = faults.backup_restored;
        if chance.one_in(2) || broken == Some(Broken::ForgottenPace) {
            let money = vec![RateLimit::per_seconds(5, 1), RateLimit::per_seconds(20, 10)];
            let read = vec![RateLimit::per_seconds(20, 1)];
            provider.limits = RateLimits { money, read, ..RateLimits::default() };
        }
        for planned in &plan.payments {
            let fate = match chance.below(12) {
                0 => Fate::Fails,
                1 => Fate::Refused,
                2 => Fate::Expires,
                3 => Fate::Review,
                4 => Fate::Corrected,
                5 if chance.one_in(4) => Fate::Reversed,
                6 if chance.one_in(8) => Fate::NeverSettles,
                _ => Fate::Pays,
            };
            provider.fates.insert(written(planned.provider_reference), fate);
        }
        for planned in before.iter().flat_map(|before| &before.payments) {
            let fate = if chance.one_in(4) { Fate::Corrected } else { Fate::Fails };
            provider.fates.insert(written(planned.provider_reference), fate);
        }
        let directory = Arc::new(Directory::default());
        let provider = Arc::new(provider);
        let was_lost = false;
        Self {
            clock,
            chance,
            trace,
            broken,
            faults,
            plan,
            before,
            provider,
            directory,
            was_lost,
            watcher: None,
        }
    }

    async fn begin(&self) {
        self.trace.say(|| format!("{} payments; {:?}", self.plan.payments.len(), self.faults));
        self.trace
            .say(|| format!("the provider pays a reference twice: {}", !self.provider.unique));
        for (planned, payment) in plain(&self.plan).iter().zip(&self.plan.payments) {
            let fate = self.provider.fates.get(&planned.reference);
            self.trace.say(|| {
                let name = &payment.payment.reference;
                let Planned { reference, amount, wallet, payee } = planned;
                let fate = fate.map(|fate| format!("{fate:?}")).unwrap_or_default();
                format!("{name} is {reference}: {amount} from {wallet} to {payee}, fate: {fate}")
            });
        }
        if let Some(before) = &self.before {
            self.trace.say(|| "these are paid anew: an earlier run failed".to_owned());
            for planned in &before.payments {
                self.provider.remember(written(planned.provider_reference));
            }
            // What is corrected is corrected by now.
            sleep(Duration::from_secs(60)).await;
        }
    }

    /// What befalls the machine while no process lives.
    async fn between_lives(&mut self, life: u64) {
        let chance = Arc::clone(&self.chance);
        let strikes = |is_there: bool| is_there && chance.one_in(3);
        if strikes(self.faults.clock_jumps) {
            let millis = DAY_MILLIS * if chance.one_in(2) { 1 } else { -1 };
            self.trace.say(|| format!("the wall clock jumps by {millis} ms"));
            self.clock.jump(millis);
        }
        if self.faults.clock_stands {
            self.clock.stand_still(chance.one_in(2));
        }
        if strikes(self.faults.directory_lost) && self.directory.has_run() {
            self.trace.say(|| "the state directory is lost".to_owned());
            self.directory.lose();
            self.was_lost = true;
        }
        if self.faults.backup_restored {
            if chance.one_in(2) {
                self.directory.copy();
            } else if self.directory.restore() {
                self.trace.say(|| "an older copy of the run is put back".to_owned());
            }
        }
        if strikes(self.faults.other_run) && self.directory.has_run() {
            self.try_other_run().await;
        }
        if strikes(self.faults.other_provider) && self.directory.has_run() {
            let other = payrun_core::GatewayHost::new("rehearsal");
            let payments = self.plan.payments.len();
            let opened = self.directory.open(&other, payments, (self.faults, None), &chance).await;
            assert_eq!(opened.err(), Some(Refused::OtherProvider));
            self.trace.say(|| "the same run at another provider is refused".to_owned());
        }
        if life > 1 {
            sleep(chance.millis(5000)).await;
        }
    }

    /// A run of other references and some of these.
    async fn try_other_run(&self) {
        let count = u64::try_from(self.plan.payments.len()).unwrap();
        let generation = self.plan.payments[0].generation.number();
        let other = Arc::new(planned(count / 2, count, generation, &self.chance));
        let claimed = self.directory.claim("july", &other);
        self.trace.say(|| format!("another run wants some of these references: {claimed:?}"));
        if self.broken == Some(Broken::SharedReferences) {
            let directory = Arc::new(Directory::default());
            directory.begin(&self.provider.host, false);
            let records = self.open(&directory, other.payments.len(), self.faults).await.unwrap();
            let engine = self.engine(&other, records, Arc::new(()));
            let _ = timeout(self.chance.millis(4000), engine.run(pending())).await;
        } else {
            assert!(claimed.is_err(), "two runs hold one reference");
        }
    }

    /// One process, until it ends, is asked to stop, or is killed.
    async fn live(&mut self, life: u64) {
        let chance = Arc::clone(&self.chance);
        let key_works = !(self.faults.key_revoked && chance.one_in(4));
        let empty = (self.faults.wallet_emptied && chance.one_in(3)).then_some(WALLETS[0].0);
        self.provider.set(self.faults, key_works, empty);
        self.trace.say(|| format!("LIFE {life} begins"));
        let Some(records) = self.taken_up(self.faults).await else {
            self.trace.say(|| format!("LIFE {life} could not begin"));
            return;
        };
        let watcher = self.watcher().await;
        let engine = self.engine(&self.plan, records, watcher);
        let (mut length, stops) = (chance.millis(4000), chance.one_in(3));
        let freezes = self.faults.freezes && chance.one_in(3);
        let (from, frozen_for) =
            (chance.millis(2000), Duration::from_secs(60) + chance.millis(600_000));
        if freezes {
            length += frozen_for;
        }
        let process = async {
            let ended = if stops {
                Ok(engine.run(sleep(length)).await)
            } else {
                timeout(length, engine.run(pending())).await
            };
            self.trace.say(|| format!("LIFE {life} ends: {}", how(ended)));
        };
        let meanwhile = self.meanwhile(key_works, empty);
        tokio::select! {
            biased;
            never = meanwhile => never,
            () = async {
                if freezes {
                    frozen(process, Instant::now() + from, frozen_for).await;
                } else {
                    process.await;
                }
            } => {}
        }
        drop(engine);
        if chance.per_mille(self.faults.last_record_lost) {
            self.trace.say(|| "the last record is torn".to_owned());
            self.directory.lose_last_record();
        }
    }

    /// What happens while a process lives. Never returns.
    async fn meanwhile<T>(&self, key_works: bool, empty: Option<&'static str>) -> T {
        let chance = &self.chance;
        sleep(chance.millis(3000)).await;
        if self.faults.key_revoked && chance.one_in(3) {
            self.trace.say(|| "the key is revoked".to_owned());
            self.provider.set(self.faults, false, empty);
        } else if self.faults.wallet_emptied && chance.one_in(3) {
            self.trace.say(|| "a wallet is emptied".to_owned());
            self.provider.set(self.faults, key_works, Some(WALLETS[1].0));
        }
        if self.faults.clock_jumps && chance.one_in(3) {
            self.trace.say(|| "the wall clock jumps a day ahead".to_owned());
            self.clock.jump(DAY_MILLIS);
        }
        if self.faults.second_process {
            let payments = self.plan.payments.len();
            match self.open(&self.directory, payments, self.faults).await {
                Err(refused) => self.trace.say(|| format!("a second process: {refused:?}")),
                Ok(records) => {
                    self.trace.say(|| "a second process sends too".to_owned());
                    let engine = self.engine(&self.plan, records, Arc::new(()));
                    let _ = engine.run(pending()).await;
                }
            }
        }
        pending().await
    }

    /// Once nothing is wrong any more: goes on until the run is over.
    async fn end(mut self) -> Case {
        self.faults = Faults::calm();
        self.provider.set(self.faults, true, None);
        self.clock.stand_still(false);
        self.trace.say(|| "from here on nothing goes wrong".to_owned());
        let mut finished = false;
        // The second time asks again about what was corrected after the first.
        for _ in 0..2 {
            sleep(CALM).await;
            let Some(records) = self.taken_up(self.faults).await else { continue };
            let watcher = self.watcher().await;
            let engine = self.engine(&self.plan, records, watcher);
            let ended = timeout(PATIENCE, engine.run(pending())).await;
            finished = matches!(&ended, Ok(Ok(Finish { stopped: None, .. })));
            self.trace.say(|| format!("the last process ends: {}", how(ended)));
        }
        self.judged(finished).await
    }

    async fn judged(self, finished: bool) -> Case {
        let states = self.directory.states(self.plan.payments.len()).await;
        let word = |state: &State| state.word().to_owned();
        let reported = self.watcher.as_ref().map(|watcher| watcher.states.lock().unwrap().clone());
        let replaces = self.before.iter().flat_map(|before| &before.payments);
        let pairs = self.plan.payments.iter().zip(replaces);
        let limit = |class: &'static str, limits: &[RateLimit]| {
            let of = |limit: &RateLimit| Limit {
                class,
                count: usize::try_from(limit.count.get()).unwrap(),
                per_ms: u64::try_from(limit.per.as_millis()).unwrap(),
            };
            limits.iter().map(of).collect::<Vec<_>>()
        };
        let RateLimits { money, read, .. } = &self.provider.limits;
        Case {
            planned: plain(&self.plan),
            ledger: self.provider.ledger(),
            words: self.provider.words(),
            reported: reported.unwrap_or_default(),
            journal: states.iter().map(word).collect(),
            calls: self.provider.calls(),
            limits: [limit("money", money), limit("read", read)].concat(),
            finished,
            replaces: pairs
                .map(|(planned, before)| {
                    (written(planned.provider_reference), written(before.provider_reference))
                })
                .collect::<BTreeMap<_, _>>(),
            trace: self.trace.take(),
        }
    }

    /// The run's records, opened; begun if there are none.
    async fn taken_up(&self, faults: Faults) -> Option<Records> {
        if !self.directory.has_run() {
            let adopted = self.was_lost && self.broken != Some(Broken::EmptyIsNew);
            if !self.was_lost {
                let pace = self.pace();
                let known = probe(&self.plan, self.gateway().as_ref(), &pace).await;
                self.trace.say(|| format!("is any of them known? {known:?}"));
                known.ok()?.is_none().then_some(())?;
            }
            self.directory.begin(&self.provider.host, adopted);
        }
        self.directory.claim("june", &self.plan).ok()?;
        self.open(&self.directory, self.plan.payments.len(), faults).await.ok()
    }

    async fn open(
        &self,
        directory: &Arc<Directory>,
        payments: usize,
        faults: Faults,
    ) -> Result<Records, Refused> {
        directory.open(&self.provider.host, payments, (faults, self.broken), &self.chance).await
    }

    async fn watcher(&mut self) -> Arc<Watcher> {
        let states = self.directory.states(self.plan.payments.len()).await;
        let references = self.plan.payments.iter();
        let watcher = Arc::new(Watcher {
            trace: Arc::clone(&self.trace),
            references: references.map(|planned| planned.payment.reference.to_string()).collect(),
            states: Mutex::new(states.iter().map(|state| state.word().to_owned()).collect()),
        });
        self.watcher = Some(Arc::clone(&watcher));
        watcher
    }

    fn gateway(&self) -> Arc<dyn Gateway> {
        let inner: Arc<dyn Gateway> = self.provider.clone();
        match self.broken {
            Some(broken) => Arc::new(BrokenGateway { inner, broken }),
            None => inner,
        }
    }

    fn pace(&self) -> Arc<Pace> {
        let key = self.provider.key_fingerprint();
        let log: Arc<dyn payrun_ports::GrantLog> = match self.broken {
            Some(Broken::ForgottenPace) => Arc::new(MemoryGrants::default()),
            _ => self.directory.grants.clone(),
        };
        Arc::new(Pace::shared(&self.provider.limits, self.clock.clone(), log, key))
    }

    fn engine(
        &self,
        plan: &Arc<Plan>,
        records: Records,
        observer: Arc<dyn payrun_exec::Observer>,
    ) -> Engine {
        Engine {
            plan: Arc::clone(plan),
            predecessors: self.predecessors(plan),
            gateway: self.gateway(),
            store: Arc::new(records),
            pace: self.pace(),
            clock: self.clock.clone(),
            entropy: self.chance.clone(),
            observer,
            settings: Settings {
                absence: match self.broken {
                    Some(Broken::EagerAbsence) => AbsenceRule { answers: 1, grace: Duration::ZERO },
                    _ => AbsenceRule { answers: 3, grace: Duration::from_secs(2) },
                },
                poll_first: Duration::from_millis(200),
                poll_max: Duration::from_secs(2),
                settle_timeout: Duration::from_secs(60),
                gateway_patience: Duration::from_secs(30),
                in_flight_max: 8,
                ..Settings::default()
            },
        }
    }

    fn predecessors(&self, plan: &Plan) -> HashMap<PaymentIndex, Vec<Predecessor>> {
        let Some(before) = &self.before else { return HashMap::new() };
        let of = |index: PaymentIndex| {
            let reference = &plan.payment(index).unwrap().payment.reference;
            let earlier =
                |planned: &&payrun_core::PlannedPayment| planned.payment.reference == *reference;
            let payment = before.payments.iter().find(earlier).unwrap().clone();
            let number = before.payments.iter().position(|other| *other == payment).unwrap();
            let number = u32::try_from(number).unwrap();
            let holds = |batch: &&payrun_core::Batch| batch.first.0 <= number;
            let wallet = before.batches.iter().rev().find(holds).unwrap().wallet.clone();
            (index, vec![Predecessor { payment, wallet, state: State::Failed }])
        };
        plan.indices().map(of).collect()
    }
}

/// The payments of a plan in the auditor's words.
fn plain(plan: &Plan) -> Vec<Planned> {
    let of_batch = |batch: &payrun_core::Batch| {
        let wallet = batch.wallet.to_string();
        batch.indices().map(move |index| (index, wallet.clone())).collect::<Vec<_>>()
    };
    let payments = plan.batches.iter().flat_map(of_batch);
    payments
        .map(|(index, wallet)| {
            let planned = plan.payment(index).unwrap();
            Planned {
                reference: written(planned.provider_reference),
                amount: planned.payment.amount.text(),
                wallet,
                payee: planned.payment.payee.phone.as_str().to_owned(),
            }
        })
        .collect()
}

fn how(ended: Result<Result<Finish, StoreError>, tokio::time::error::Elapsed>) -> String {
    match ended {
        Err(_) => "killed".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(finish)) => match finish.stopped {
            Some(cause) => cause.to_string(),
            None => "nothing is left to do".to_owned(),
        },
    }
}
