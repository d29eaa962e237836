//! Intents on record that wait for a token, and of which what they replace is read again meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::ProviderReference;
use payrun_exec::{Callbacks, Pace, StopCause};
use payrun_ports::{
    CallClass, CallError, GrantLog, GrantLogError, Grants, KeyFingerprint, MemoryGrants, RateLimit,
    RateLimits,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::late::{
    Jumping, as_usual, at_its_limits, paid_anew, says, two_days, usual_limits, watched, wrapped,
};
use support::past::{INTENT, events, reopened};
use support::{plan, run};
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

/// Grants, of which the file is waited for: a callback comes just when a request is granted.
struct Heard {
    inner: MemoryGrants,
    callbacks: Arc<Callbacks>,
    /// What it is about.
    about: Vec<ProviderReference>,
    granted: AtomicU64,
    /// Only at the second grant, the one that the first late intent waits for.
    once: bool,
}

impl GrantLog for Heard {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        let mut is_granted = false;
        let count = |grants: &Grants| grants.classes[0].groups.iter().map(|g| g.count).sum::<u64>();
        self.inner.change(key, &mut |grants| {
            let before = count(grants);
            change(grants);
            is_granted = count(grants) > before;
        })?;
        if is_granted {
            let granted = self.granted.fetch_add(1, Ordering::Relaxed) + 1;
            for reference in self.about.iter().filter(|_| granted == 2 || !self.once) {
                self.callbacks.heard_of(*reference);
            }
        }
        Ok(())
    }
}

/// The most requests under way at one time, where each takes ten minutes to be answered.
async fn most_in_flight(in_flight: u32, is_heard: Option<bool>) -> usize {
    let (plan, provider, predecessors) = paid_anew(&plan(12), 1);
    *provider.limits.lock().unwrap() = usual_limits();
    let way_back = 600_000;
    let gateway = wrapped(&provider, [100, way_back]);
    let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(12)));
    let about = predecessors.values().flatten().map(|p| p.payment.provider_reference);
    let log = Heard {
        inner: MemoryGrants::default(),
        callbacks: engine.callbacks.clone(),
        about: about.filter(|_| is_heard.is_some()).collect(),
        granted: AtomicU64::new(0),
        once: is_heard == Some(true),
    };
    let key = KeyFingerprint::from_bytes([1; 32]);
    engine.pace = Arc::new(Pace::shared(&usual_limits(), engine.clock.clone(), Arc::new(log), key));
    engine.predecessors = predecessors;
    engine.gateway = gateway.clone();
    engine.settings.in_flight_max = in_flight;
    let _end = timeout(6 * HOUR, engine.run(pending())).await;
    let begun: Vec<Duration> = gateway.begun.lock().unwrap().values().copied().collect();
    let open_at = |at: Duration| {
        begun
            .iter()
            .filter(|b| **b <= at && at.saturating_sub(**b).as_millis() < u128::from(way_back))
            .count()
    };
    begun.iter().map(|at| open_at(*at)).max().unwrap_or(0)
}

#[test]
fn no_more_requests_are_under_way_than_may_be_although_callbacks_come() {
    let mut all = Vec::new();
    for in_flight in [1, 2, 4] {
        all.push((
            in_flight,
            run(most_in_flight(in_flight, None)),
            run(most_in_flight(in_flight, Some(true))),
            run(most_in_flight(in_flight, Some(false))),
        ));
    }
    for (max, quiet, once, heard) in &all {
        assert!(
            [quiet, once, heard].iter().all(|most| **most <= *max as usize),
            "(most allowed, without, with callbacks once, at each token): {all:?}"
        );
    }
}

/// Why the run stops, where one payment cannot be asked about, the other one is paid anew, and so many tokens are taken by others.
async fn stopped(limit: RateLimit, others: u32) -> Option<StopCause> {
    let (plan, provider, predecessors) = paid_anew(&plan(2), 1);
    *provider.limits.lock().unwrap() = RateLimits { money: vec![limit], ..usual_limits() };
    says(&provider, plan.payments[0].provider_reference, Err(CallError::Unreadable("500".into())));
    let store = reopened(2, events(0, &[INTENT])).await;
    let mut engine = as_usual(&plan, &provider, store);
    engine.predecessors = predecessors;
    engine.gateway = wrapped(&provider, [200, 0]);
    let engine = at_its_limits(engine, &provider);
    let pace = engine.pace.clone();
    let other_process = async {
        sleep(Duration::from_secs(5)).await;
        for _ in 0..others {
            pace.token(CallClass::Money).await;
        }
        pending::<()>().await;
    };
    let finish = tokio::select! {
        finish = timeout(24 * HOUR, engine.run(pending())) => finish,
        () = other_process => unreachable!(),
    };
    finish.ok().and_then(|finish| finish.unwrap().stopped)
}

#[test]
fn a_provider_that_answers_what_is_read_again_is_not_gone() {
    for others in [0, 6] {
        for seconds in [100, 200, 400, 1800, 3600] {
            let stopped = run(stopped(RateLimit::per_seconds(1, seconds), others));
            assert_eq!(stopped, None, "{others} taken by others, one in {seconds} s");
        }
    }
}

/// The most requests under way at one time, of a process that is stopped again and again. None of them is answered meanwhile.
async fn most_although_stopped(awake: u64, still: u64, requests: u32, max: u32) -> usize {
    let (plan, provider, predecessors) = paid_anew(&plan(12), 1);
    let money = vec![RateLimit::per_seconds(requests, 3600)];
    *provider.limits.lock().unwrap() = RateLimits { money, ..usual_limits() };
    let clock = Arc::new(Jumping { inner: provider.clock.clone(), awake, still });
    let gateway = watched(&provider, clock.clone(), [100, 4_000_000_000]);
    let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(12)));
    engine.clock = clock.clone();
    engine.predecessors = predecessors;
    engine.gateway = gateway.clone();
    engine.settings.in_flight_max = max;
    let engine = at_its_limits(engine, &provider);
    tokio::select! {
        _end = engine.run(pending()) => {}
        () = two_days(&*clock) => {}
    }
    gateway.begun.lock().unwrap().len()
}

#[test]
fn no_more_requests_are_under_way_than_may_be_although_the_process_is_stopped() {
    let mut all = Vec::new();
    for (awake, still, requests) in
        [(600, 2100, 2), (60, 360, 12), (60, 600, 12), (20, 360, 60), (100, 400, 30)]
    {
        for max in [1, 2] {
            let most = run(most_although_stopped(awake, still, requests, max));
            all.push((awake, still, requests, max, most));
        }
    }
    assert!(
        all.iter().all(|(.., max, most)| *most <= *max as usize),
        "(s awake, s still, requests an hour, most allowed, most): {all:?}"
    );
}
