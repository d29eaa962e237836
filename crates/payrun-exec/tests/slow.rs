//! A pace of a few calls an hour: whatever is to be done is done in the end, and by a process that does not live for ever.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::State;
use payrun_exec::Engine;
use payrun_ports::{CallError, RateLimit, RateLimits, RunStore as _};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use support::late::{
    accepted, an_hour, as_usual, at_its_limits, never_settling, paid_anew, says, states,
    usual_limits, without_payees,
};
use support::past::{INTENT, cautious, count, events, reopened, sent};
use support::{Provider, Seed, VirtualClock, plan, run};
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);

/// How many of those are sent again that a crash left open and that never arrived, by one process.
async fn sent_again(all: u32, open: u32, in_flight: u32) -> u64 {
    let plan = plan(open + 1);
    let provider = never_settling(&plan);
    let money = vec![RateLimit::per_seconds(60, 60)];
    *provider.limits.lock().unwrap() =
        RateLimits { money, all: an_hour(all), ..RateLimits::default() };
    let store = accepted(&plan, &provider, 1).await;
    for index in 1..=open {
        let _ = store.commit(events(index, &[INTENT])).await.unwrap();
    }
    let store = Arc::new(store.reopened());
    let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
    engine.settings.in_flight_max = in_flight;
    let _ = timeout(20 * HOUR, engine.run(pending())).await;
    sent(&provider)
}

#[test]
fn what_may_have_been_sent_is_decided_on() {
    for (all, open, in_flight) in [(12, 1, 1), (12, 2, 32), (120, 32, 32)] {
        let sent = run(sent_again(all, open, in_flight));
        assert_eq!(sent, u64::from(open), "{all} an hour, {in_flight} at a time");
    }
}

/// Twelve payments need 60 calls, in bursts of twelve an hour apart.
#[test]
fn what_is_paid_anew_is_sent_where_calls_come_in_bursts() {
    run(async {
        let (plan, provider, predecessors) = paid_anew(&plan(12), 1);
        *provider.limits.lock().unwrap() = RateLimits { all: an_hour(12), ..RateLimits::default() };
        let store = Arc::new(MemoryStore::new(plan.payments.len()));
        let engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
        let mut engine = Engine { predecessors, ..engine };
        engine.settings.in_flight_max = 4;
        timeout(20 * HOUR, engine.run(pending())).await.unwrap().unwrap();
        assert_eq!(sent(&provider), 12);
    });
}

/// Processes of some hours that go by cautious start: each sends some.
#[test]
fn a_cautious_start_gets_on_in_every_process() {
    for (calls, hours) in [(12, 24), (60, 16), (600, 3)] {
        run(async {
            let plan = plan(600);
            let provider = never_settling(&plan);
            let each = || an_hour(calls);
            *provider.limits.lock().unwrap() =
                RateLimits { money: each(), payee: each(), read: each(), all: each() };
            let mut store = cautious(plan.payments.len(), vec![]).await;
            for _ in 0..3 {
                let before = sent(&provider);
                let engine = at_its_limits(as_usual(&plan, &provider, store.clone()), &provider);
                let _ = engine.run(sleep(hours * HOUR)).await.unwrap();
                assert!(sent(&provider) > before, "{calls} an hour, in {hours} hours");
                store = Arc::new(store.reopened());
            }
        });
    }
}

/// How many of twelve are paid by one process at this pace of requests, where the questions about one payment always fail:
/// about its payee, or about what became of it.
async fn paid_beside_one(money: u32, is_payee: bool) -> usize {
    let plan = plan(12);
    let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
    *provider.limits.lock().unwrap() = RateLimits { money: an_hour(money), ..usual_limits() };
    let store = if is_payee {
        reopened(12, vec![]).await
    } else {
        let fails = Err(CallError::Unreadable("500".into()));
        says(&provider, plan.payments[0].provider_reference, fails);
        reopened(12, events(0, &[INTENT])).await
    };
    let mut engine = at_its_limits(as_usual(&plan, &provider, store.clone()), &provider);
    if is_payee {
        engine.gateway = without_payees(&provider, |planned| planned.payment.row == 1);
    }
    let _ = timeout(24 * HOUR, engine.run(pending())).await.unwrap().unwrap();
    count(&states(&store).await, State::Paid)
}

#[test]
fn one_payment_whose_questions_fail_is_not_taken_for_the_provider() {
    for money in [60, 12, 2] {
        for is_payee in [true, false] {
            assert_eq!(run(paid_beside_one(money, is_payee)), 11, "{money} an hour, {is_payee}");
        }
    }
}

/// How many processes it takes until one that never arrived is sent again, beside others that were accepted and do not settle.
async fn processes_until_sent_again(
    calls: u32,
    in_flight: u32,
    grace: u64,
    accepted_too: u32,
) -> u32 {
    let plan = plan(accepted_too + 1);
    let provider = never_settling(&plan);
    *provider.limits.lock().unwrap() = RateLimits { read: an_hour(calls), ..RateLimits::default() };
    let store = accepted(&plan, &provider, accepted_too).await;
    let _ = store.commit(events(accepted_too, &[INTENT])).await.unwrap();
    let mut store = Arc::new(store.reopened());
    for process in 1..=4 {
        let mut engine = at_its_limits(as_usual(&plan, &provider, store.clone()), &provider);
        engine.settings.in_flight_max = in_flight;
        engine.settings.absence.grace = Duration::from_secs(grace);
        let _end = timeout(40 * HOUR, engine.run(pending())).await;
        if sent(&provider) > 0 {
            return process;
        }
        store = Arc::new(store.reopened());
    }
    u32::MAX
}

#[test]
fn a_process_does_not_end_in_the_middle_of_the_last_question() {
    for (calls, in_flight, grace, accepted_too) in [
        (12, 32, 300, 40),
        (1, 32, 300, 100),
        (4, 8, 300, 20),
        (4, 1, 300, 1),
        (2, 1, 300, 1),
        (12, 1, 60, 1),
        (12, 32, 1, 100),
        (240, 32, 1, 100),
    ] {
        let processes = run(processes_until_sent_again(calls, in_flight, grace, accepted_too));
        let case = format!("{calls} an hour, {in_flight} in flight, {grace} s, {accepted_too}");
        assert_eq!(processes, 1, "{case}");
    }
}
