//! The run's own task stands still between the last look at a request and its first byte: a disk, a terminal.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex, Plan, Settlement, State, UnixMillis};
use payrun_exec::{Callbacks, Engine, Notice, Observer, Pace, Settings};
use payrun_ports::{
    Body, CallError, Clock, Entry, GrantLog, GrantLogError, Grants, History, KeyFingerprint,
    LookUp, MemoryGrants, Moment, PaymentEntry, RateLimit, RateLimits, Receipt, RunStore,
    StoreError,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::late::{
    as_usual, beside, never_settling, paid_anew, says, usual_limits, watched, wrapped,
};
use support::past::{INTENT, events, first_anew, predecessors, reopened, sent};
use support::{Provider, Seed, VirtualClock, engine, plan, run, to_one_phone};
use tokio::time::{sleep, timeout};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The machine's clocks, of which the engine's own task sees a part at once: it stood still in a call that is not asynchronous.
struct Stalls {
    inner: Arc<VirtualClock>,
    stalled_ms: AtomicU64,
}

impl Stalls {
    fn of(provider: &Provider) -> Arc<Self> {
        Arc::new(Self { inner: provider.clock.clone(), stalled_ms: AtomicU64::new(0) })
    }

    fn stall(&self, milliseconds: u64) {
        self.stalled_ms.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn stalled(&self) -> Duration {
        Duration::from_millis(self.stalled_ms.load(Ordering::Relaxed))
    }
}

#[async_trait]
impl Clock for Stalls {
    fn now(&self) -> Moment {
        Moment(self.inner.now().0 + self.stalled())
    }
    fn wall(&self) -> UnixMillis {
        UnixMillis(self.inner.wall().0 + self.stalled_ms.load(Ordering::Relaxed))
    }
    async fn sleep_until(&self, moment: Moment) {
        sleep(moment.since(self.now())).await;
    }
}

/// What befalls the task of a run while it stands still, once.
struct Blow {
    provider: Arc<Provider>,
    /// It comes at the call of this number.
    at: u64,
    calls: AtomicU64,
    befalls: Box<dyn Fn() + Send + Sync>,
    /// How many requests had been made by then.
    requests: Mutex<Option<u64>>,
}

impl Blow {
    fn of(
        provider: &Arc<Provider>,
        at: u64,
        befalls: impl Fn() + Send + Sync + 'static,
    ) -> Arc<Self> {
        let (provider, calls) = (provider.clone(), AtomicU64::new(0));
        Arc::new(Self {
            provider,
            at,
            calls,
            befalls: Box::new(befalls),
            requests: Mutex::default(),
        })
    }

    fn call(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.at {
            *self.requests.lock().unwrap() = Some(sent(&self.provider));
            (self.befalls)();
        }
    }

    /// How many requests were made after it, if it came.
    fn sent_after(&self) -> Option<u64> {
        self.requests.lock().unwrap().map(|before| sent(&self.provider) - before)
    }
}

/// Eight hours by the machine's clocks, or by one of them.
const HOURS_MS: u64 = 8 * 3_600_000;

/// The provider corrects all of these to paid.
fn corrects(provider: &Provider, replaced: &Plan) {
    for planned in &replaced.payments {
        let paid = Ok(LookUp::Found(Settlement::Paid, None));
        says(provider, planned.provider_reference, paid);
    }
}

/// The file of grants: each look takes so many milliseconds, and one of them is struck.
struct Log {
    inner: MemoryGrants,
    clock: Arc<Stalls>,
    milliseconds: u64,
    blow: Arc<Blow>,
}

impl Log {
    fn of(clock: &Arc<Stalls>, milliseconds: u64, blow: &Arc<Blow>) -> Arc<Self> {
        let (clock, blow) = (clock.clone(), blow.clone());
        Arc::new(Self { inner: MemoryGrants::default(), clock, milliseconds, blow })
    }
}

impl GrantLog for Log {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        self.clock.stall(self.milliseconds);
        self.blow.call();
        self.inner.change(key, change)
    }
}

/// A pace whose grants are in this log.
fn paced(limits: &RateLimits, clock: &Arc<Stalls>, log: Arc<Log>) -> Arc<Pace> {
    Arc::new(Pace::shared(limits, clock.clone(), log, KeyFingerprint::from_bytes([0; 32])))
}

/// Whoever is told that a call failed stands still: the terminal was stopped with Ctrl-S.
struct StoppedTerminal(Arc<Blow>);

impl Observer for StoppedTerminal {
    fn notice(&self, notice: &Notice) {
        if matches!(notice, Notice::Unreachable { .. }) {
            self.0.call();
        }
    }
}

/// Six payments are paid anew, beside a file of grants of which each look takes so long, and the look `at` is struck.
struct Scene {
    engine: Engine,
    blow: Arc<Blow>,
}

impl Scene {
    fn of(
        (milliseconds, at): (u64, u64),
        befalls: impl Fn(&Stalls, &Provider, &Plan, &Callbacks) + Send + Sync + 'static,
    ) -> Self {
        let first = plan(6);
        let (plan, provider, predecessors) = paid_anew(&first, 1);
        let (clock, callbacks) = (Stalls::of(&provider), Arc::new(Callbacks::default()));
        let blow = {
            let (clock, corrected, first) = (clock.clone(), provider.clone(), first.clone());
            let callbacks = callbacks.clone();
            Blow::of(&provider, at, move || befalls(&clock, &corrected, &first, &callbacks))
        };
        let pace = paced(&usual_limits(), &clock, Log::of(&clock, milliseconds, &blow));
        let gateway = wrapped(&provider, [100, 0]);
        let store = Arc::new(MemoryStore::new(6));
        let engine = as_usual(&plan, &provider, store);
        Self { engine: Engine { pace, clock, gateway, callbacks, predecessors, ..engine }, blow }
    }
}

/// Tries each look as the one that is struck; where something was sent after it.
fn sent_after(
    befalls: impl Fn(&Stalls, &Provider, &Plan, &Callbacks) + Send + Sync + Copy + 'static,
) -> Vec<(u64, u64, u64)> {
    let (mut struck, mut wrong) = (0, Vec::new());
    for milliseconds in [0, 30, 60] {
        for at in 0..80 {
            run(async {
                let Scene { engine, blow } = Scene::of((milliseconds, at), befalls);
                let _ = timeout(DAY, engine.run(pending())).await;
                struck += u32::from(blow.sent_after().is_some());
                if let Some(after @ 1..) = blow.sent_after() {
                    wrong.push((milliseconds, at, after));
                }
            });
        }
    }
    assert!(struck > 0);
    wrong
}

/// Between the last look at a request and its leaving, the run asks for more tokens, in a file.
#[test]
fn a_disk_that_stalls_while_tokens_are_asked_for_does_not_send_what_was_judged_before() {
    let wrong = sent_after(|clock, provider, first, _| {
        clock.stall(HOURS_MS);
        corrects(provider, first);
    });
    assert!(wrong.is_empty(), "(ms, look, paid anew although paid for hours): {wrong:?}");
}

#[test]
fn a_callback_that_comes_while_tokens_are_asked_for_is_heard_before_the_next_request() {
    let wrong = sent_after(|clock, provider, first, callbacks| {
        clock.stall(2_000);
        corrects(provider, first);
        first.payments.iter().for_each(|planned| callbacks.heard_of(planned.provider_reference));
    });
    assert!(wrong.is_empty(), "(ms, look, paid anew although told of): {wrong:?}");
}

/// Counted from when the run has noticed it.
#[test]
fn nothing_leaves_after_a_stop_that_came_while_tokens_were_asked_for() {
    let mut wrong = Vec::new();
    for milliseconds in [0, 30, 60] {
        for at in 0..80 {
            run(async {
                let stop = Arc::new(tokio::sync::Notify::new());
                let called = stop.clone();
                let Scene { engine, blow } =
                    Scene::of((milliseconds, at), move |clock, _, _, _| {
                        clock.stall(2_000);
                        called.notify_one();
                    });
                let before = Mutex::new(None);
                let noticed = async {
                    stop.notified().await;
                    *before.lock().unwrap() = Some(sent(&blow.provider));
                };
                let _ = timeout(DAY, engine.run(noticed)).await;
                let before = *before.lock().unwrap();
                if before.is_some_and(|before| sent(&blow.provider) > before) {
                    wrong.push((milliseconds, at));
                }
            });
        }
    }
    assert!(wrong.is_empty(), "(ms, look): {wrong:?}");
}

/// The second of two payments to one payee, where the first stood still just before it left.
#[test]
fn the_gap_between_two_payments_to_one_payee_counts_from_when_the_first_left() {
    let mut wrong = Vec::new();
    for at in 0..60 {
        run(async {
            let plan = to_one_phone(6, 2);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(65);
            let clock = Stalls::of(&provider);
            let stalls = clock.clone();
            let blow = Blow::of(&provider, at, move || stalls.stall(9_000));
            let pace = paced(&usual_limits(), &clock, Log::of(&clock, 0, &blow));
            let gateway = watched(&provider, clock.clone(), [0, 0]);
            let engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(6)));
            let engine = Engine { pace, clock, gateway: gateway.clone(), ..engine };
            let _ = timeout(DAY, engine.run(pending())).await;
            let to_one = &plan.payments[..2];
            let to_one = to_one.iter().map(|planned| planned.provider_reference);
            let begun = gateway.begun.lock().unwrap();
            let mut left: Vec<_> = to_one.map(|reference| begun[&reference]).collect();
            left.sort_unstable();
            if left[1] - left[0] < Duration::from_secs(65) {
                wrong.push((at, left));
            }
        });
    }
    assert!(wrong.is_empty(), "(look, when they left): {wrong:?}");
}

/// The request may come there as late as its answer is.
#[test]
fn the_gap_between_two_payments_to_one_payee_counts_from_the_answer_to_the_first() {
    run(async {
        let plan = to_one_phone(2, 2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(61);
        let gateway = wrapped(&provider, [0, 25_000]);
        let engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(2)));
        let engine = Engine { gateway: gateway.clone(), ..engine };
        let _ = timeout(DAY, engine.run(pending())).await;
        let mut begun: Vec<_> = gateway.begun.lock().unwrap().values().copied().collect();
        begun.sort_unstable();
        assert!(begun[1] - begun[0] >= Duration::from_secs(25 + 61), "{begun:?}");
    });
}

/// A token is a little old when its intent is on record, and whoever watches takes a little time, too.
#[test]
fn a_limit_holds_where_both_the_disk_and_the_screen_are_a_little_slow() {
    let mut wrong = Vec::new();
    for at in 0..40 {
        run(async {
            let plan = plan(60);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let money = vec![RateLimit::per_seconds(20, 5)];
            let limits = RateLimits { money, ..RateLimits::default() };
            provider.limits.lock().unwrap().clone_from(&limits);
            let clock = Stalls::of(&provider);
            let writes = AtomicBool::new(false);
            let inner = Arc::new(MemoryStore::new(60));
            let store = Arc::new(SlowIntents { inner, writes, takes: Mutex::new(48) });
            let blow = {
                let (clock, store) = (clock.clone(), store.clone());
                Blow::of(&provider, at, move || {
                    clock.stall(48);
                    *store.takes.lock().unwrap() = 0;
                })
            };
            let observer = Arc::new(SlowScreen(blow));
            let pace = Arc::new(Pace::new(&limits, clock.clone()));
            let gateway = watched(&provider, clock.clone(), [0, 0]);
            let engine = engine(&plan, &provider, store);
            let engine = Engine { pace, clock, gateway: gateway.clone(), observer, ..engine };
            let _ = timeout(DAY, engine.run(pending())).await;
            let mut begun: Vec<_> = gateway.begun.lock().unwrap().values().copied().collect();
            begun.sort_unstable();
            let bunched = |window: &[Duration]| window[20] - window[0] < Duration::from_secs(5);
            assert_eq!(begun.len(), 60);
            if begun.windows(21).any(bunched) {
                wrong.push(at);
            }
        });
    }
    assert!(wrong.is_empty(), "more than 20 in 5 s where the screen was slow at {wrong:?}");
}

/// Whoever is told that a request begins stands still.
struct SlowScreen(Arc<Blow>);

impl Observer for SlowScreen {
    fn notice(&self, notice: &Notice) {
        if matches!(notice, Notice::Moved { to: State::Submitting, .. }) {
            self.0.call();
        }
    }
}

/// At 400 a second a token is fresh for 15 ms. Many are ready at a time, and each turn of the loop takes nearly as long.
#[test]
fn a_machine_that_is_slow_at_every_turn_still_sends() {
    for milliseconds in [1, 4, 10, 14] {
        run(async {
            let plan = plan(60);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let clock = Stalls::of(&provider);
            let money = vec![RateLimit::per_seconds(400, 1)];
            let limits = RateLimits { money, ..RateLimits::default() };
            let blow = Blow::of(&provider, 2_000, || panic!("it looks for tokens for ever"));
            let pace = paced(&limits, &clock, Log::of(&clock, milliseconds, &blow));
            let engine = engine(&plan, &provider, Arc::new(MemoryStore::new(60)));
            let settings = Settings { in_flight_max: 30, ..engine.settings.clone() };
            let engine = Engine { pace, clock, settings, ..engine };
            let _ = timeout(DAY, engine.run(pending())).await;
            assert_eq!(sent(&provider), 60, "{milliseconds} ms");
        });
    }
}

/// Between the last look at a request and its leaving, whoever watches is told what happened meanwhile.
#[test]
fn who_stands_still_when_told_does_not_send_what_was_judged_before() {
    run(async {
        let first = plan(2);
        let plan = first_anew(&first);
        let provider = never_settling(&plan);
        let before = first.payments[0].provider_reference;
        let failed = Settlement::Failed { correctable: true };
        says(&provider, before, Ok(LookUp::Found(failed, None)));
        provider.remember(plan.payments[1].provider_reference);
        let accepted = events(1, &[INTENT, Event::Answered(Settlement::InFlight)]);
        let store = Arc::new(SlowIntents {
            inner: reopened(2, accepted).await,
            writes: AtomicBool::new(false),
            takes: Mutex::new(300),
        });
        let clock = Stalls::of(&provider);
        let blow = {
            let (clock, corrected, first) = (clock.clone(), provider.clone(), first.clone());
            Blow::of(&provider, 0, move || {
                clock.stall(HOURS_MS);
                corrects(&corrected, &first);
            })
        };
        let observer = Arc::new(StoppedTerminal(blow.clone()));
        let pace = Arc::new(Pace::new(&RateLimits::default(), clock.clone()));
        let mut engine =
            Engine { pace, clock, observer, ..engine(&plan, &provider, store.clone()) };
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        engine.predecessors.retain(|index, _| index.get() == 0);
        let other = plan.payments[1].provider_reference;
        let _ = beside(&engine, async {
            while !store.writes.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(1)).await;
            }
            // One look-up of another payment fails meanwhile.
            says(&provider, other, Err(CallError::Unreachable("reset".to_owned())));
            engine.callbacks.heard_of(other);
            sleep(Duration::from_millis(400)).await;
            provider.says.lock().unwrap().remove(&other);
        })
        .await;
        let after = blow.sent_after();
        assert_eq!(after, Some(0), "generation 0 was paid for eight hours, generation 1 was sent");
    });
}

/// A store of which an intent takes so many milliseconds to reach the disk.
struct SlowIntents {
    inner: Arc<MemoryStore>,
    writes: AtomicBool,
    takes: Mutex<u64>,
}

#[async_trait]
impl RunStore for SlowIntents {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let is_intent = |entry: &Entry| {
            matches!(entry, Entry::Payment(PaymentEntry { event: Event::Intent { .. }, .. }))
        };
        if group.iter().any(is_intent) {
            self.writes.store(true, Ordering::Relaxed);
            let takes = *self.takes.lock().unwrap();
            sleep(Duration::from_millis(takes)).await;
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
