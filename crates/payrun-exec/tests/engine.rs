//! The run loop on virtual time against a provider that keeps the truth.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{PaymentIndex, State};
use payrun_exec::StopCause;
use payrun_ports::{Entry, RunEvent, RunStore};
use payrun_store::MemoryStore;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use support::{Fate, Faults, Provider, Seed, VirtualClock, engine, plan, run};

async fn states(store: &Arc<MemoryStore>) -> Vec<State> {
    store
        .reopened()
        .history()
        .await
        .unwrap()
        .progress
        .iter()
        .map(|progress| progress.standing.state)
        .collect()
}

fn count(states: &[State], state: State) -> usize {
    states.iter().filter(|other| **other == state).count()
}

#[test]
fn every_payment_of_a_calm_run_is_paid_once() {
    run(async {
        let plan = plan(100);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(100));
        let finish =
            engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(finish.stopped, None);
        assert_eq!(count(&states(&store).await, State::Paid), 100);
        assert_eq!(provider.most_executed(), 1);
        assert_eq!(provider.requests.load(std::sync::atomic::Ordering::Relaxed), 100);
    });
}

#[test]
fn failures_and_refusals_are_told_apart() {
    run(async {
        let plan = plan(10);
        let fate_of = |i: u64| match i % 3 {
            0 => Fate::Pays,
            1 => Fate::Fails,
            _ => Fate::Refused,
        };
        let fates: HashMap<_, _> =
            plan.payments.iter().map(|p| (p.provider_reference, fate_of(p.payment.row))).collect();
        let provider = Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates));
        let store = Arc::new(MemoryStore::new(10));
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        let states = states(&store).await;
        for (planned, state) in plan.payments.iter().zip(states) {
            let expected = match fate_of(planned.payment.row) {
                Fate::Pays => State::Paid,
                Fate::Fails => State::Failed,
                Fate::Refused | Fate::NeverSettles => State::Rejected,
            };
            assert_eq!(state, expected, "row {}", planned.payment.row);
        }
    });
}

#[test]
fn a_lost_answer_is_looked_up_and_never_sent_again() {
    run(async {
        let plan = plan(20);
        let provider = Provider::new(VirtualClock::new(), Seed::new(3), &plan);
        *provider.faults.lock().unwrap() =
            Faults { answer_lost: 1000, lag_ms: 900, ..Faults::default() };
        let store = Arc::new(MemoryStore::new(20));
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Paid), 20);
        assert_eq!(provider.requests.load(std::sync::atomic::Ordering::Relaxed), 20);
    });
}

#[test]
fn a_request_that_never_arrived_is_resent_on_proof_of_absence_under_the_same_body() {
    run(async {
        let plan = plan(4);
        let provider = Provider::new(VirtualClock::new(), Seed::new(4), &plan);
        *provider.faults.lock().unwrap() = Faults { request_lost: 600, ..Faults::default() };
        let store = Arc::new(MemoryStore::new(4));
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Paid), 4);
        assert!(provider.requests.load(std::sync::atomic::Ordering::Relaxed) > 4);
        assert_eq!(provider.most_executed(), 1);
    });
}

#[test]
fn where_a_known_reference_no_longer_resolves_nothing_is_resent() {
    run(async {
        let plan = plan(6);
        let provider = Provider::new(VirtualClock::new(), Seed::new(5), &plan);
        let store = Arc::new(MemoryStore::new(6));
        // The first are accepted; then the provider forgets everything, and loses answers.
        let handle = engine(&plan, &provider, store.clone());
        let blind = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            *provider.knows_nothing.lock().unwrap() = true;
            *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        };
        let (finish, ()) = tokio::join!(handle.run(std::future::pending()), blind);
        finish.unwrap();
        assert_eq!(provider.most_executed(), 1);
        assert_eq!(count(&states(&store).await, State::Paid), 0);
    });
}

#[test]
fn an_empty_wallet_pauses_alone_and_others_go_on() {
    run(async {
        let plan = plan(40);
        let provider = Provider::new(VirtualClock::new(), Seed::new(6), &plan);
        *provider.empty_wallet.lock().unwrap() = Some(payrun_core::WalletId::new("w1"));
        let store = Arc::new(MemoryStore::new(40));
        let finish =
            engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        let states = states(&store).await;
        assert_eq!((count(&states, State::Paid), count(&states, State::Planned)), (20, 20));
        assert_eq!(finish.paused_wallets.len(), 1);
        // Resumed with money there, it pays the rest.
        *provider.empty_wallet.lock().unwrap() = None;
        let store = Arc::new(store.reopened());
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&self::states(&store).await, State::Paid), 40);
        assert_eq!(provider.most_executed(), 1);
    });
}

#[test]
fn a_revoked_key_stops_the_run_with_nothing_unknown() {
    run(async {
        let plan = plan(30);
        let provider = Provider::new(VirtualClock::new(), Seed::new(7), &plan);
        *provider.key_works.lock().unwrap() = false;
        let store = Arc::new(MemoryStore::new(30));
        let finish =
            engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert!(matches!(finish.stopped, Some(StopCause::KeyRefused(_))), "{finish:?}");
        assert_eq!(count(&states(&store).await, State::Planned), 30);
    });
}

#[test]
fn cancelling_drains_what_is_under_way_and_a_resume_pays_the_rest() {
    run(async {
        let plan = plan(60);
        let provider = Provider::new(VirtualClock::new(), Seed::new(8), &plan);
        let store = Arc::new(MemoryStore::new(60));
        let finish = engine(&plan, &provider, store.clone())
            .run(tokio::time::sleep(Duration::from_millis(100)))
            .await
            .unwrap();
        assert_eq!(finish.stopped, Some(StopCause::Interrupted));
        let now = states(&store).await;
        assert_eq!(count(&now, State::Submitting) + count(&now, State::Unknown), 0);
        assert!(count(&now, State::Planned) > 0 && count(&now, State::Accepted) > 0, "{now:?}");
        let store = Arc::new(store.reopened());
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Paid), 60);
        assert_eq!(provider.most_executed(), 1);
    });
}

#[test]
fn a_payment_that_never_settles_ends_the_run_accepted_after_the_settle_timeout() {
    run(async {
        let plan = plan(2);
        let fates =
            plan.payments.iter().map(|p| (p.provider_reference, Fate::NeverSettles)).collect();
        let provider = Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(9), fates));
        let store = Arc::new(MemoryStore::new(2));
        let began = tokio::time::Instant::now();
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Accepted), 2);
        assert!(
            began.elapsed() >= Duration::from_secs(60) && began.elapsed() < Duration::from_secs(70)
        );
    });
}

#[test]
fn a_cautious_start_adopts_what_the_provider_knows_and_sends_the_rest() {
    run(async {
        let plan = plan(30);
        let provider = Provider::new(VirtualClock::new(), Seed::new(10), &plan);
        let lost = Arc::new(MemoryStore::new(30));
        engine(&plan, &provider, lost)
            .run(tokio::time::sleep(Duration::from_millis(30)))
            .await
            .unwrap();
        let sent = provider.executions.lock().unwrap().len();
        assert!(sent > 0 && sent < 30, "{sent}");
        // Its records are gone.
        let fresh = MemoryStore::new(30);
        let lost = RunEvent::CautiousStart { reason: "records lost".to_owned() };
        let _no_intents = fresh.commit(vec![Entry::Run(lost)]).await.unwrap();
        let store = Arc::new(fresh.reopened());
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Paid), 30);
        assert_eq!(provider.most_executed(), 1);
    });
}

/// The seeded crash test: faults of every kind, the process killed at random moments, no help from the provider's own
/// uniqueness. More: `PAYRUN_SEEDS=100000`. Replay one with `PAYRUN_SEED=n cargo test -p payrun-exec --test engine seeds`.
#[test]
fn seeds_of_crashes_and_faults_never_pay_twice_and_lose_nothing() {
    let seeds = match std::env::var("PAYRUN_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..seed_count()).collect::<Vec<u64>>(),
    };
    for seed in seeds {
        run(one_seed(seed));
    }
}

fn seed_count() -> u64 {
    std::env::var("PAYRUN_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(1000)
}

async fn one_seed(number: u64) {
    let seed = Seed::new(number);
    let payments = 1 + u32::try_from(seed.below(40)).unwrap();
    let plan = plan(payments);
    let fate = |seed: &Seed| match seed.below(10) {
        0 => Fate::Fails,
        1 => Fate::Refused,
        _ => Fate::Pays,
    };
    let fates: HashMap<_, _> =
        plan.payments.iter().map(|p| (p.provider_reference, fate(&seed))).collect();
    let provider = Arc::new(Provider::with_fates(VirtualClock::new(), seed.clone(), fates));
    // The seed also chooses which faults exist at all.
    let maybe = |most: u64| if seed.below(2) == 0 { 0 } else { seed.below(most) };
    *provider.faults.lock().unwrap() = Faults {
        answer_lost: maybe(300),
        request_lost: maybe(300),
        arrives_late: maybe(200),
        busy: maybe(100),
        no_connection: maybe(100),
        look_up_fails: maybe(200),
        unclear_refusal: maybe(1000),
        lag_ms: maybe(1500),
    };
    let mut store = Arc::new(MemoryStore::new(payments as usize));
    for _crash in 0..seed.below(8) {
        let life = Duration::from_millis(seed.below(4000));
        let engine = engine(&plan, &provider, store.clone());
        // Dropped in the middle of whatever it does: kill -9.
        let _ = tokio::time::timeout(life, engine.run(std::future::pending())).await;
        drop(engine);
        store = Arc::new(store.reopened());
    }
    *provider.faults.lock().unwrap() = Faults::default();
    let finish = engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
    assert_eq!(finish.stopped, None, "seed {number}");
    assert!(provider.most_executed() <= 1, "seed {number}: paid twice");
    for (index, state) in states(&store).await.into_iter().enumerate() {
        let planned = plan.payment(PaymentIndex(u32::try_from(index).unwrap())).unwrap();
        let truth = provider.settlement(planned.provider_reference);
        let expected = match truth {
            None => State::Rejected,
            Some(payrun_core::Settlement::Paid) => State::Paid,
            Some(_) => State::Failed,
        };
        assert_eq!(state, expected, "seed {number}, payment {index}: the provider says {truth:?}");
    }
}
