//! What is replaced is read shortly before it is paid anew, however slow the pace, and whatever stood still in between (I2).
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{PaymentIndex, ProviderReference, Settlement, UnixMillis};
use payrun_ports::{
    Body, Clock, Entry, History, LookUp, Moment, RateLimit, RateLimits, Receipt, RunStore,
    StoreError,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::late::{
    Jumping, an_hour, as_usual, at_its_limits, paid_anew, says, two_days, usual_limits, wrapped,
};
use support::past::sent;
use support::{Provider, VirtualClock, plan, run};
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

/// A clock of a machine that was suspended: it went on by so much at once.
struct Suspended {
    inner: Arc<VirtualClock>,
    by_ms: AtomicU64,
}

#[async_trait]
impl Clock for Suspended {
    fn now(&self) -> Moment {
        self.inner.now().after(Duration::from_millis(self.by_ms.load(Ordering::Relaxed)))
    }
    fn wall(&self) -> UnixMillis {
        UnixMillis(self.inner.wall().0 + self.by_ms.load(Ordering::Relaxed))
    }
    async fn sleep_until(&self, moment: Moment) {
        sleep(moment.since(self.now())).await;
    }
}

/// How the first group is written.
enum First {
    /// The machine is suspended just then.
    Suspended(Arc<Suspended>, Duration),
    /// The disk takes so long.
    Slow(Duration),
}

/// Records of which the first group takes long. Meanwhile what is replaced is corrected to paid.
struct Corrected {
    inner: MemoryStore,
    provider: Arc<Provider>,
    replaced: Vec<ProviderReference>,
    groups: AtomicU64,
    first: First,
}

#[async_trait]
impl RunStore for Corrected {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        if self.groups.fetch_add(1, Ordering::Relaxed) == 0 {
            match &self.first {
                First::Suspended(clock, wait) => {
                    let wait = u64::try_from(wait.as_millis()).unwrap();
                    clock.by_ms.fetch_add(wait, Ordering::Relaxed);
                }
                First::Slow(wait) => sleep(*wait).await,
            }
            for reference in &self.replaced {
                says(&self.provider, *reference, Ok(LookUp::Found(Settlement::Paid, None)));
            }
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

/// How many are paid again: one payment is paid anew, and nothing else is asked about.
async fn paid_again(limits: RateLimits, wait: Duration, in_flight: u32, is_suspended: bool) -> u64 {
    let (plan, provider, predecessors) = paid_anew(&plan(1), 1);
    *provider.limits.lock().unwrap() = limits;
    let clock = Arc::new(Suspended { inner: provider.clock.clone(), by_ms: AtomicU64::new(0) });
    let first =
        if is_suspended { First::Suspended(clock.clone(), wait) } else { First::Slow(wait) };
    let store = Corrected {
        inner: MemoryStore::new(1),
        provider: provider.clone(),
        replaced: predecessors.values().flatten().map(|p| p.payment.provider_reference).collect(),
        groups: AtomicU64::new(0),
        first,
    };
    let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(1)));
    engine.clock = clock;
    engine.store = Arc::new(store);
    engine.predecessors = predecessors;
    engine.settings.in_flight_max = in_flight;
    let engine = at_its_limits(engine, &provider);
    let _end = timeout(60 * HOUR, engine.run(pending())).await;
    sent(&provider)
}

/// Each pace, and for how many minutes something stands still at it.
fn paces() -> Vec<(&'static str, RateLimits, u64, u32)> {
    let usual = usual_limits;
    let a_day = vec![RateLimit::per_seconds(1, 86_400)];
    let six_a_minute = vec![RateLimit::per_seconds(6, 60)];
    vec![
        ("usual", usual(), 480, 32),
        ("usual, 1000 in flight", usual(), 30, 1000),
        ("2 requests an hour", RateLimits { money: an_hour(2), ..usual() }, 110, 32),
        ("a request a day", RateLimits { money: a_day, ..usual() }, 480, 32),
        ("6 questions a minute", RateLimits { read: six_a_minute, ..usual() }, 30, 32),
        ("60 questions an hour", RateLimits { read: an_hour(60), ..usual() }, 180, 32),
        ("12 an hour in all", RateLimits { all: an_hour(12), ..RateLimits::default() }, 480, 32),
    ]
}

#[test]
fn what_is_replaced_is_read_again_after_the_machine_was_suspended() {
    for (name, limits, minutes, in_flight) in paces() {
        let wait = Duration::from_secs(60 * minutes);
        assert_eq!(run(paid_again(limits, wait, in_flight, true)), 0, "{name}");
    }
}

#[test]
fn what_is_replaced_is_read_again_after_the_disk_took_long() {
    for (name, limits, minutes, in_flight) in paces() {
        let wait = Duration::from_secs(60 * minutes);
        assert_eq!(run(paid_again(limits, wait, in_flight, false)), 0, "{name}");
    }
}

/// How many questions were asked in the five minutes before one that is paid anew was sent, and how many before these.
async fn asked_before_it_was_sent(limits: RateLimits) -> (usize, usize) {
    let (plan, provider, predecessors) = paid_anew(&plan(1), 1);
    *provider.limits.lock().unwrap() = limits;
    let gateway = wrapped(&provider, [0, 0]);
    let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(1)));
    engine.predecessors = predecessors;
    engine.gateway = gateway.clone();
    let _end = timeout(60 * HOUR, at_its_limits(engine, &provider).run(pending())).await;
    let sent_at = provider.sent_at.lock().unwrap()[0];
    let asked_at = gateway.asked_at.lock().unwrap();
    let before = asked_at.iter().filter(|asked| **asked <= sent_at);
    let is_late = |asked: &&Duration| sent_at.saturating_sub(**asked) <= Duration::from_secs(300);
    let (late, early): (Vec<&Duration>, Vec<_>) = before.partition(is_late);
    (late.len(), early.len())
}

#[test]
fn where_requests_are_rare_what_they_replace_is_read_again_shortly_before() {
    for seconds in [400, 600, 1800, 3600, 86_400] {
        let money = vec![RateLimit::per_seconds(1, seconds)];
        let limits = RateLimits { money, ..usual_limits() };
        let (late, early) = run(asked_before_it_was_sent(limits));
        // One reading with the first token, which is too old when its intent is on record, and one before the next.
        assert_eq!((late, early), (3, 3), "one in {seconds} s");
    }
}

/// How many of three that are paid anew are sent within two days by a process that is stopped again and again.
async fn sent_although_stopped(awake: u64, still: u64, requests: u32) -> u64 {
    let (plan, provider, predecessors) = paid_anew(&plan(3), 1);
    *provider.limits.lock().unwrap() = RateLimits { money: an_hour(requests), ..usual_limits() };
    let clock = Arc::new(Jumping { inner: provider.clock.clone(), awake, still });
    let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(3)));
    engine.clock = clock.clone();
    engine.predecessors = predecessors;
    let engine = at_its_limits(engine, &provider);
    tokio::select! {
        _end = engine.run(pending()) => {}
        () = two_days(&*clock) => {}
    }
    sent(&provider)
}

#[test]
fn what_is_paid_anew_is_sent_although_the_process_is_stopped_again_and_again() {
    for (awake, still, requests) in [(600, 2100, 2), (60, 360, 12), (60, 600, 12), (20, 360, 60)] {
        let sent = run(sent_although_stopped(awake, still, requests));
        assert_eq!(sent, 3, "{awake} s awake, {still} s still, {requests} an hour");
    }
}
