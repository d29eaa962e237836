//! A few payments that cannot be asked about are not taken for a provider that is gone.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Plan, PlannedPayment, Settlement, State};
use payrun_exec::{Engine, StopCause};
use payrun_ports::{CallError, Clock as _, LookUp, RateLimit, RateLimits, RunStore as _};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use support::late::{
    accepted, an_hour, as_usual, at_its_limits, never_settling, says, states, usual_limits,
    without_payees,
};
use support::past::{INTENT, cautious, count, events, reopened, sent};
use support::{Provider, Seed, VirtualClock, plan, run};
use tokio::time::timeout;

const DAY: Duration = Duration::from_secs(86_400);

/// Nobody can say what became of these.
fn cannot_say(provider: &Provider, payments: &[PlannedPayment]) {
    for planned in payments {
        says(provider, planned.provider_reference, Err(CallError::Unreadable("500".into())));
    }
}

fn a_minute(calls: u32) -> RateLimits {
    RateLimits { all: vec![RateLimit::per_seconds(calls, 60)], ..usual_limits() }
}

/// How many of twelve are paid by one process, at so many requests an hour, where of two either the payee cannot be asked about or
/// what became of an earlier attempt.
async fn paid_beside_two(requests: u32, is_payee: bool) -> usize {
    let plan = plan(12);
    let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
    *provider.limits.lock().unwrap() = RateLimits { money: an_hour(requests), ..usual_limits() };
    let mut open = vec![];
    if !is_payee {
        cannot_say(&provider, &plan.payments[..2]);
        open = (0..2).flat_map(|index| events(index, &[INTENT])).collect();
    }
    let store = reopened(12, open).await;
    let mut engine = at_its_limits(as_usual(&plan, &provider, store.clone()), &provider);
    if is_payee {
        engine.gateway = without_payees(&provider, |planned| planned.payment.row <= 2);
    }
    let finish = timeout(DAY, engine.run(pending())).await.unwrap().unwrap();
    assert_eq!(finish.stopped, None, "{requests} an hour");
    count(&states(&store).await, State::Paid)
}

#[test]
fn where_requests_are_rare_two_that_cannot_be_asked_about_do_not_stop_the_run() {
    for requests in [12, 6, 2] {
        assert_eq!(run(paid_beside_two(requests, true)), 10, "{requests} an hour");
        assert_eq!(run(paid_beside_two(requests, false)), 10, "{requests} an hour");
    }
}

#[test]
fn the_last_one_that_is_left_is_unsettled_and_the_provider_not_gone() {
    run(async {
        let plan = plan(12);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        provider.limits.lock().unwrap().clone_from(&usual_limits());
        cannot_say(&provider, &plan.payments[..1]);
        let store = reopened(12, events(0, &[INTENT])).await;
        let finish = as_usual(&plan, &provider, store.clone()).run(pending()).await.unwrap();
        assert_eq!(finish.stopped, None);
        assert_eq!(count(&states(&store).await, State::Paid), 11);
    });
}

#[test]
fn a_provider_that_answers_nothing_any_more_is_gone() {
    run(async {
        let plan = plan(12);
        let provider = never_settling(&plan);
        provider.limits.lock().unwrap().clone_from(&usual_limits());
        let store = accepted(&plan, &provider, 12).await;
        cannot_say(&provider, &plan.payments);
        let finish = as_usual(&plan, &provider, store).run(pending()).await.unwrap();
        let Some(StopCause::GatewayGone { waited, .. }) = finish.stopped else {
            panic!("{:?}", finish.stopped);
        };
        let patience = Duration::from_secs(300)..Duration::from_secs(400);
        assert!(patience.contains(&waited), "{waited:?}");
        assert!(provider.clock.now().0 < Duration::from_secs(400));
    });
}

/// The same processes one after the other, over one store.
async fn processes(number: u32, engine: impl Fn(Arc<MemoryStore>) -> Engine, store: &MemoryStore) {
    let mut store = Arc::new(store.reopened());
    for _ in 0..number {
        timeout(5 * DAY, engine(store.clone()).run(pending())).await.unwrap().unwrap();
        store = Arc::new(store.reopened());
    }
}

/// A crash left all open but the first, and none of them arrived.
async fn left_open(plan: &Plan, provider: &Provider) -> Arc<MemoryStore> {
    let store = accepted(plan, provider, 1).await;
    // It was paid, so that nobody has to ask about it.
    let paid = Ok(LookUp::Found(Settlement::Paid, None));
    says(provider, plan.payments[0].provider_reference, paid);
    for (index, _) in (0..).zip(&plan.payments).skip(1) {
        let _ = store.commit(events(index, &[INTENT])).await.unwrap();
    }
    store
}

#[test]
fn one_that_cannot_be_asked_about_does_not_keep_what_a_crash_left_open() {
    for (limits, in_flight, open, grace, patience) in [
        (a_minute(15), 32, 32, 300, 300),
        (a_minute(12), 32, 32, 300, 300),
        (a_minute(5), 32, 32, 300, 300),
        (usual_limits(), 1000, 1000, 300, 300),
        (usual_limits(), 32, 64, 900, 300),
        (usual_limits(), 32, 64, 1800, 300),
        (usual_limits(), 32, 64, 300, 60),
    ] {
        run(async {
            let plan = plan(open + 1);
            let provider = never_settling(&plan);
            *provider.limits.lock().unwrap() = limits;
            let store = left_open(&plan, &provider).await;
            cannot_say(&provider, &plan.payments[1..2]);
            let engine = |store| {
                let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
                engine.settings.in_flight_max = in_flight;
                engine.settings.absence.grace = Duration::from_secs(grace);
                engine.settings.gateway_patience = Duration::from_secs(patience);
                engine
            };
            processes(2, engine, &store).await;
            let case = format!("{in_flight} in flight, {open} open, {grace} s, {patience} s");
            assert_eq!(sent(&provider), u64::from(open - 1), "{case}");
        });
    }
}

#[test]
fn a_few_that_cannot_be_asked_about_do_not_keep_a_cautious_start_from_all_others() {
    let each = |calls| RateLimits {
        money: an_hour(calls),
        payee: an_hour(calls),
        read: an_hour(calls),
        all: vec![],
    };
    for (limits, payments, bad) in [
        (a_minute(10), 64, 1),
        (a_minute(4), 64, 1),
        (each(240), 20, 1),
        (each(60), 20, 5),
        (each(60), 20, 8),
        (each(12), 20, 1),
        (each(12), 20, 7),
        (each(12), 20, 8),
    ] {
        run(async {
            let plan = plan(payments);
            let provider = never_settling(&plan);
            *provider.limits.lock().unwrap() = limits;
            cannot_say(&provider, &plan.payments[..bad]);
            let store = cautious(plan.payments.len(), vec![]).await;
            let engine = |store| at_its_limits(as_usual(&plan, &provider, store), &provider);
            processes(3, engine, &store).await;
            let others = plan.payments.len() - bad;
            assert_eq!(sent(&provider), u64::try_from(others).unwrap(), "{payments}, {bad} bad");
        });
    }
}
