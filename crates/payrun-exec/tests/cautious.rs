//! Cautious starts: of large plans, and of what was turned away for as long as a reference is honoured (I3, I11).
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{State, UnixMillis};
use payrun_exec::{Engine, Pace};
use payrun_ports::RunStore as _;
use payrun_store::MemoryStore;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::late::{as_usual, beside, never_settling, states, usual_limits};
use support::past::{BEGIN, INTENT, cautious, count, events, events_at, sent};
use support::{Faults, WallApart, plan, run};
use tokio::time::{sleep, timeout};

const HOUR: Duration = Duration::from_secs(3600);
const DAY_MS: i64 = 24 * 3_600_000;

/// The first requests of a cautious start get a 429. It had proven them absent itself, and nothing of them was sent: what time has
/// gone by since the first intent says nothing.
#[test]
fn what_a_cautious_start_sent_and_a_429_turned_away_is_sent_however_late_that_is() {
    for (in_flight_max, wait, set_by) in [
        (1, HOUR / 60, 0),
        (1, 25 * HOUR, 0),
        (1, HOUR / 60, DAY_MS),
        (1, HOUR / 60, -DAY_MS),
        (32, HOUR / 60, DAY_MS),
    ] {
        run(async {
            let plan = plan(40);
            let provider = never_settling(&plan);
            *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
            *provider.busy_wait.lock().unwrap() = wait;
            let store = cautious(40, vec![]).await;
            let clock = WallApart::of(&provider);
            let pace = Arc::new(Pace::new(&usual_limits(), clock.clone()));
            let engine = as_usual(&plan, &provider, store.clone());
            let mut engine = Engine { pace, clock: clock.clone(), ..engine };
            engine.settings.in_flight_max = in_flight_max;
            let all = beside(&engine, async {
                while sent(&provider) < 1 {
                    sleep(Duration::from_millis(100)).await;
                }
                sleep(Duration::from_secs(1)).await;
                *provider.faults.lock().unwrap() = Faults::default();
                clock.by_ms.store(set_by, Ordering::Relaxed);
            });
            let ended = timeout(wait + 6 * HOUR, all).await.is_ok();
            let accepted = count(&states(&store).await, State::Accepted);
            assert!(ended, "{wait:?}, set by {set_by} ms: {} requests", sent(&provider));
            assert_eq!(accepted, 40, "{wait:?}, set by {set_by} ms");
        });
    }
}

/// Of what was turned away before the last record was lost a later request may be among what was lost: it is held, and not tried
/// for ever.
#[test]
fn what_was_turned_away_before_records_were_lost_is_held_once_its_window_is_over() {
    run(async {
        let plan = plan(6);
        let provider = never_settling(&plan);
        let turned_away = events(0, &[INTENT, payrun_core::Event::NotSent]);
        *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
        *provider.busy_wait.lock().unwrap() = 25 * HOUR;
        let store = cautious(6, turned_away).await;
        let mut engine = as_usual(&plan, &provider, store.clone());
        engine.settings.in_flight_max = 1;
        let all = beside(&engine, async {
            while sent(&provider) < 1 {
                sleep(Duration::from_millis(100)).await;
            }
            *provider.faults.lock().unwrap() = Faults::default();
        });
        let ended = timeout(30 * HOUR, all).await.is_ok();
        let states = states(&store).await;
        assert!(ended, "{states:?}: {} requests", sent(&provider));
        assert_eq!(states[0], State::Held);
        assert_eq!(count(&states, State::Accepted), 5);
    });
}

/// A crash left one payment unknown and tore the last record. At the documented pace the others take a day to be looked up.
#[test]
fn what_may_have_been_sent_is_decided_on_beside_thousands_that_were_not() {
    run(async {
        let plan = plan(30_001);
        let provider = never_settling(&plan);
        let store = cautious(plan.payments.len(), events(0, &[INTENT])).await;
        let engine = as_usual(&plan, &provider, store.clone());
        let _ = timeout(HOUR, engine.run(std::future::pending())).await;
        let history = store.reopened().history().await.unwrap();
        assert_eq!(history.progress[0].standing.state, State::Accepted);
    });
}

/// A process that lives for three hours at a time gets on with a plan whose look-ups take longer than that.
#[test]
fn a_cautious_start_sends_what_it_has_looked_up_before_it_has_looked_up_all() {
    run(async {
        let plan = plan(20_000);
        let provider = never_settling(&plan);
        provider.limits.lock().unwrap().clone_from(&usual_limits());
        let mut store: Arc<MemoryStore> = cautious(plan.payments.len(), vec![]).await;
        let mut sent_so_far = Vec::new();
        for _ in 0..2 {
            let engine = as_usual(&plan, &provider, store.clone());
            let _ = engine.run(sleep(3 * HOUR)).await.unwrap();
            sent_so_far.push(sent(&provider));
            store = Arc::new(store.reopened());
        }
        // A payment takes nine calls: three answers, the last with three later generations, its payee, its request.
        assert!(sent_so_far[0] > 2_000, "{sent_so_far:?}");
        assert!(sent_so_far[1] > sent_so_far[0] + 2_000, "{sent_so_far:?}");
    });
}

/// It was turned away twenty hours before the last record was lost, and stands at the end of the plan.
#[test]
fn what_was_tried_before_is_looked_up_before_what_was_not() {
    run(async {
        let plan = plan(6_000);
        let provider = never_settling(&plan);
        provider.limits.lock().unwrap().clone_from(&usual_limits());
        let tried = UnixMillis(BEGIN.0 - 20 * 3_600_000);
        let turned_away = events_at(tried, 5_999, &[INTENT, payrun_core::Event::NotSent]);
        let store = cautious(plan.payments.len(), turned_away).await;
        let engine = as_usual(&plan, &provider, store.clone());
        let _ = engine.run(sleep(HOUR)).await.unwrap();
        assert_eq!(states(&store).await[5_999], State::Accepted);
    });
}
