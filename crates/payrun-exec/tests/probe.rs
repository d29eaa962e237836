//! What a new run asks before it begins, on virtual time.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::Generation;
use payrun_exec::{Pace, probe, successors};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::late::usual_limits;
use support::{Provider, Seed, VirtualClock, plan, run};

#[test]
fn a_payment_that_was_paid_anew_is_found_whatever_its_generation() {
    run(async {
        for payments in [1, 10, 11, 19, 20, 1000] {
            let plan = plan(payments);
            for number in 1..=Generation::LAST.number() {
                let clock = VirtualClock::new();
                let provider = Provider::new(clock.clone(), Seed::new(1), &plan);
                for planned in &plan.payments {
                    let mut later = successors(planned, &plan.organisation);
                    let anew = later.find(|later| later.generation.number() == number).unwrap();
                    provider.remember(anew.provider_reference);
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
                let pace = Pace::new(&usual_limits(), clock);
                let known = probe(&plan, provider.as_ref(), &pace).await.unwrap();
                assert!(known.is_some(), "{payments} payments, generation {number}");
            }
        }
    });
}

#[test]
fn a_new_run_has_asked_after_twenty_seconds_at_the_documented_pace() {
    run(async {
        let plan = plan(100_000);
        let clock = VirtualClock::new();
        let provider = Provider::new(clock.clone(), Seed::new(1), &plan);
        let pace = Arc::new(Pace::new(&usual_limits(), clock));
        let began = tokio::time::Instant::now();
        assert_eq!(probe(&plan, provider.as_ref(), &pace).await, Ok(None));
        let asked = provider.asked.load(Ordering::Relaxed);
        assert!((40..=50).contains(&asked), "{asked}");
        assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    });
}
