//! What the provider forgets for a while proves nothing, and what cannot be read for a while is asked again.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::State;
use payrun_exec::{Engine, Pace, Settings};
use payrun_ports::{CallClass, CallError, Clock, LookUp, RateLimit, RateLimits, RunStore};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, Wrapped, accepted, as_usual, beside, left, never_settling, says,
    sent_again_after, states, until, usual_limits, wrapped,
};
use support::{Faults, Provider, Seed, VirtualClock, engine, plan, run, settings};
use tokio::time::sleep;

/// The provider forgets, and remembers again, at any moment: what it knew is asked about before the last question of a proof and
/// after it (I3). No callback is needed for this.
#[test]
fn a_provider_that_forgets_around_the_last_question_proves_nothing() {
    for script in [&[false][..], &[true, false], &[true, false, false, true, false]] {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            let one = RateLimit { per: Duration::from_millis(700), ..RateLimit::per_seconds(1, 1) };
            let limits = RateLimits { money: vec![one], ..RateLimits::default() };
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let control = plan.payments[0].provider_reference;
            let gateway = Arc::new(Wrapped {
                knows: Mutex::new((control, script.iter().copied().collect())),
                ..Arc::into_inner(wrapped(&provider, [0, 0])).unwrap()
            });
            let hour = Duration::from_secs(3600);
            // Asked about only as the control.
            let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
            let store = Arc::new(MemoryStore::new(2));
            let engine = Engine {
                pace,
                gateway: gateway.clone(),
                settings,
                ..engine(&plan, &provider, store)
            };
            let _ = beside(&engine, async {
                // The first is accepted. The second is executed too, and its answer is lost.
                until(&provider, 300).await;
                *provider.faults.lock().unwrap() =
                    Faults { answer_lost: 1000, ..Faults::default() };
            })
            .await;
            assert_eq!(provider.most_executed(), 1, "{script:?}");
            assert!(gateway.knows.lock().unwrap().1.is_empty(), "{script:?}: not asked so often");
        });
    }
}

/// Of `accepted` payments that the run knows, and one that was executed and whose answer was lost, the provider forgets all until
/// `outage_ends`. How often the one was executed in the end.
async fn executed_over_an_outage(accepted: u32, told: bool, outage_ends: u64) -> u32 {
    let plan = plan(accepted + 1);
    let provider = never_settling(&plan);
    *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
    let store = self::accepted(&plan, &provider, accepted).await;
    let engine = as_usual(&plan, &provider, store);
    let callbacks = async {
        for planned in plan.payments.iter().cycle() {
            if !told || provider.clock.now().0 > Duration::from_secs(450) {
                break;
            }
            sleep(100 * MILLISECOND).await;
            engine.callbacks.heard_of(planned.provider_reference);
        }
        pending::<()>().await;
    };
    let outage = async {
        while provider.requests.load(Ordering::Relaxed) < 1 {
            sleep(MILLISECOND).await;
        }
        *provider.knows_nothing.lock().unwrap() = true;
        until(&provider, outage_ends * 1000).await;
        *provider.knows_nothing.lock().unwrap() = false;
        pending::<()>().await;
    };
    tokio::select! {
        _ = engine.run(pending()) => {},
        () = callbacks => unreachable!(),
        () = outage => unreachable!(),
        () = sleep(Duration::from_secs(1200)) => {},
    }
    let executions = provider.executions.lock().unwrap();
    executions[&plan.payments[accepted as usize].provider_reference].count
}

#[test]
fn an_outage_that_ends_at_any_moment_gets_nothing_sent_again() {
    for accepted in [1, 6] {
        for told in [false, true] {
            for end in (300..400).step_by(2) {
                let executed = run(executed_over_an_outage(accepted, told, end));
                assert_eq!(executed, 1, "{accepted} accepted, told {told}, ends after {end} s");
            }
        }
    }
}

#[test]
fn a_control_that_cannot_be_read_does_not_keep_the_question_from_being_asked() {
    for said in [
        Err(CallError::Unreadable("500".into())),
        Err(CallError::Refused("400".into())),
        Ok(LookUp::NotFound),
    ] {
        run(async {
            let plan = plan(2);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
            let store = accepted(&plan, &provider, 1).await;
            let (control, lost) =
                (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
            // Executed, and shown late. Of the other, nothing can be read any more.
            says(&provider, control, said.clone());
            says(&provider, lost, Ok(LookUp::NotFound));
            let hour = Duration::from_secs(3600);
            let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
            let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
            let finish = beside(&engine, async {
                until(&provider, 3700).await;
                provider.says.lock().unwrap().remove(&lost);
            })
            .await;
            let states = states(&store).await;
            assert_eq!(
                states[1],
                State::Paid,
                "{said:?}: {finish:?} at {:?}",
                provider.clock.now().0
            );
        });
    }
}

/// There was nothing to ask beside the last question when it was decided on, but there was when it was answered.
#[test]
fn a_control_that_came_up_meanwhile_is_asked() {
    for way_back in [900, 1000, 1050, 1100, 1200, 1300] {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
            let gateway = wrapped(&provider, [way_back, 0]);
            let one =
                RateLimit { per: Duration::from_millis(5000), ..RateLimit::per_seconds(1, 1) };
            let limits = RateLimits { money: vec![one], ..RateLimits::default() };
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let hour = Duration::from_secs(3600);
            let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
            let engine = Engine {
                pace,
                gateway: gateway.clone(),
                settings,
                ..engine(&plan, &provider, Arc::new(MemoryStore::new(2)))
            };
            let _ = beside(&engine, async {
                until(&provider, 42).await;
                *provider.knows_nothing.lock().unwrap() = true;
                *provider.faults.lock().unwrap() = Faults::default();
                until(&provider, 20_000).await;
                *provider.knows_nothing.lock().unwrap() = false;
            })
            .await;
            assert_eq!(provider.most_executed(), 1, "{way_back}");
        });
    }
}

#[test]
fn one_500_at_a_restart_does_not_end_the_only_question() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = left(&plan, &provider, 1, 1, "old").await;
        let (doubtful, other) =
            (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
        says(&provider, doubtful, Err(CallError::Unreadable("500".into())));
        says(&provider, other, IN_FLIGHT);
        let engine = engine(&plan, &provider, store.clone());
        let finish = beside(&engine, async {
            until(&provider, 100).await;
            provider.says.lock().unwrap().remove(&doubtful);
        })
        .await;
        assert_eq!(states(&store).await[0], State::Paid, "{finish:?}");
    });
}

/// How many of 300 in doubt, all of which the provider paid, are still so after a process, if every twentieth look-up fails;
/// or if the provider answers 503 for the first three seconds.
#[test]
fn a_hiccup_at_a_restart_leaves_nothing_in_doubt_that_was_paid() {
    for outage in [true, false] {
        run(async {
            let plan = plan(300);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let store = left(&plan, &provider, 300, 0, "old").await;
            let engine = as_usual(&plan, &provider, store.clone());
            let fails = if outage { 1000 } else { 50 };
            *provider.faults.lock().unwrap() = Faults { look_up_fails: fails, ..Faults::default() };
            let _ = beside(&engine, async {
                until(&provider, 3000).await;
                if outage {
                    *provider.faults.lock().unwrap() = Faults::default();
                }
            })
            .await;
            let left = states(&store).await.iter().filter(|s| **s == State::InDoubt).count();
            assert_eq!(left, 0, "outage {outage}");
        });
    }
}

/// The provider answers 503 to everything, all the time.
#[test]
fn a_provider_that_answers_503_all_the_time_is_not_a_finished_run() {
    run(async {
        let plan = plan(20);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = left(&plan, &provider, 20, 0, "old").await;
        *provider.faults.lock().unwrap() = Faults { look_up_fails: 1000, ..Faults::default() };
        let engine = engine(&plan, &provider, store.clone());
        let finish = beside(&engine, async {}).await;
        assert!(finish.stopped.is_some(), "{finish:?} after {:?}", provider.clock.now().0);
    });
}

#[test]
fn what_differs_of_a_payment_in_doubt_is_told() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store =
            left(&plan, &provider, 1, 0, "the time in which it may be resent is over").await;
        says(
            &provider,
            plan.payments[0].provider_reference,
            Ok(LookUp::Different("amount 999".into())),
        );
        let engine = engine(&plan, &provider, store.clone());
        let _ = beside(&engine, async {}).await;
        let history = store.reopened().history().await.unwrap();
        assert_eq!(history.progress[0].reason.as_deref(), Some("amount 999"));
    });
}

#[test]
fn a_process_that_was_frozen_after_its_last_answer_asks_before_it_ends() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let store = Arc::new(MemoryStore::new(1));
        let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
        let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
        let finish = beside(&engine, async {
            while provider.requests.load(Ordering::Relaxed) < 1 {
                sleep(MILLISECOND).await;
            }
            // The answer is lost some 50 ms later. Then it is frozen before it could ask.
            engine.pace.pause(CallClass::Read, Duration::from_secs(5));
            sleep(200 * MILLISECOND).await;
            tokio::time::advance(Duration::from_secs(3600)).await;
        })
        .await;
        let asked = provider.asked.load(Ordering::Relaxed);
        assert_eq!(states(&store).await, [State::Paid], "asked {asked} times; {finish:?}");
    });
}

#[test]
fn many_accepted_payments_do_not_keep_what_is_to_be_sent_from_being_sent() {
    let (calm, asked) = run(sent_again_after(200, None));
    assert!(calm.is_some(), "never sent again; asked {asked} times");
}
