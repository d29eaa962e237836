//! What the provider says unasked is never believed: it only makes the run ask sooner.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{ProviderReference, State};
use payrun_exec::{Engine, Pace, Settings};
use payrun_ports::{RateLimit, RateLimits, RunStore};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Fate, Faults, Provider, Seed, VirtualClock, engine, plan, run, settings};
use tokio::time::{Instant, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn states(store: &MemoryStore) -> Vec<State> {
    let history = store.reopened().history().await.unwrap();
    history.progress.iter().map(|progress| progress.standing.state).collect()
}

#[test]
fn what_was_heard_of_is_asked_about_at_once() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(1));
        let hour = Duration::from_secs(3600);
        let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
        let settings = Settings { settle_timeout: 2 * hour, ..settings };
        let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
        let began = Instant::now();
        let heard = async {
            sleep(Duration::from_secs(60)).await;
            engine.callbacks.heard_of(plan.payments[0].provider_reference);
            pending::<()>().await;
        };
        tokio::select! {
            finish = engine.run(pending()) => assert_eq!(finish.unwrap().stopped, None),
            () = heard => {}
        }
        assert_eq!(states(&store).await, [State::Paid]);
        assert!(began.elapsed() < Duration::from_secs(61), "{:?}", began.elapsed());
    });
}

#[test]
fn any_number_of_them_asks_no_more_often_than_the_first_poll_would_wait() {
    run(async {
        let plan = plan(3);
        let fates = plan.payments.iter().map(|p| (p.provider_reference, Fate::NeverSettles));
        let provider = Provider::with_fates(VirtualClock::new(), Seed::new(2), fates.collect());
        let provider = Arc::new(provider);
        let store = Arc::new(MemoryStore::new(3));
        let engine = engine(&plan, &provider, store.clone());
        let heard = async {
            loop {
                for planned in &plan.payments {
                    engine.callbacks.heard_of(planned.provider_reference);
                }
                engine.callbacks.heard_of(ProviderReference::from_bytes([7; 16]));
                sleep(MILLISECOND).await;
            }
        };
        tokio::select! {
            finish = engine.run(pending()) => assert_eq!(finish.unwrap().stopped, None),
            () = heard => {}
        }
        // For the 60 s that it waits for settlement, each payment at most once in 200 ms.
        let asked = provider.asked.load(Ordering::Relaxed);
        assert!((300..=3 * 61 * 5).contains(&asked), "{asked}");
        assert_eq!(states(&store).await, [State::Accepted; 3]);
        assert_eq!(provider.most_executed(), 1);
    });
}

#[test]
fn a_stop_is_heard_in_a_flood_of_them() {
    run(async {
        let plan = plan(2);
        let fates = plan.payments.iter().map(|p| (p.provider_reference, Fate::NeverSettles));
        let provider = Provider::with_fates(VirtualClock::new(), Seed::new(3), fates.collect());
        let provider = Arc::new(provider);
        let engine = engine(&plan, &provider, Arc::new(MemoryStore::new(2)));
        let heard = async {
            loop {
                (0..20_000).for_each(|_| {
                    engine.callbacks.heard_of(plan.payments[0].provider_reference);
                });
                sleep(20 * MILLISECOND).await;
            }
        };
        tokio::select! {
            finish = engine.run(sleep(Duration::from_secs(1))) => {
                assert_eq!(finish.unwrap().stopped, Some(payrun_exec::StopCause::Interrupted));
            }
            () = heard => {}
        }
    });
}

/// A question that was not meant to be the last one of a proof can become it by waiting for its turn. Whether the provider still
/// knows what it knew was not asked beside it then, so it must not count (I3).
#[test]
fn a_question_that_was_asked_early_does_not_complete_a_proof_of_absence() {
    for seed in 0..20 {
        run(async {
            let plan = plan(2);
            let provider = Provider::new(VirtualClock::new(), Seed::new(seed), &plan);
            let store = Arc::new(MemoryStore::new(2));
            let engine = engine(&plan, &provider, store.clone());
            let one = RateLimit { per: Duration::from_millis(700), ..RateLimit::per_seconds(1, 1) };
            let limits = RateLimits { read: vec![one], money: vec![one], ..RateLimits::default() };
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let short = Settings { poll_first: MILLISECOND, ..settings() };
            let engine = Engine { settings: short, pace, ..engine };
            // The first is accepted. The second is executed too, its answer is lost, and then the provider forgets both.
            let meanwhile = async {
                while provider.requests.load(Ordering::Relaxed) < 1 {
                    sleep(MILLISECOND).await;
                }
                sleep(300 * MILLISECOND).await;
                *provider.faults.lock().unwrap() =
                    Faults { answer_lost: 1000, ..Faults::default() };
                while provider.requests.load(Ordering::Relaxed) < 2 {
                    sleep(MILLISECOND).await;
                }
                *provider.knows_nothing.lock().unwrap() = true;
                loop {
                    engine.callbacks.heard_of(plan.payments[1].provider_reference);
                    sleep(MILLISECOND).await;
                }
            };
            tokio::select! {
                finish = engine.run(pending()) => drop(finish.unwrap()),
                () = meanwhile => {}
            }
            assert_eq!(provider.most_executed(), 1, "seed {seed}");
        });
    }
}
