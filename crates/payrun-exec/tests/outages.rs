//! What the provider forgets for a while proves nothing, and what cannot be read for a while is asked again.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Clue, Event, Settlement, State, UnixMillis};
use payrun_exec::{Engine, Notice, Pace, Settings};
use payrun_ports::{
    CallClass, CallError, Clock, Entry, LookUp, RateLimit, RateLimits, RunEvent, RunStore,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::iter::from_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, Wrapped, accepted, as_usual, asked, beside, left, never_settling, says,
    sent_again_after, states, until, usual_limits, wrapped,
};
use support::past::{INTENT, anew, cautious, events, events_at, predecessors, reopened, sent};
use support::{Execution, Faults, Provider, Seed, VirtualClock, engine, plan, run, settings};
use tokio::time::{sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);

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
fn many_accepted_payments_do_not_keep_what_is_to_be_sent_from_being_sent() {
    for accepted in [200, 3000] {
        let (at, asked) = run(sent_again_after(accepted, None));
        let soon = at.is_some_and(|at| at < Duration::from_secs(10 * 60));
        assert!(soon, "beside {accepted}: sent again at {at:?}; asked {asked} times");
    }
}

/// The records of a run are lost but for one payment that was accepted; each of the others is asked about before it is sent.
#[test]
fn many_payments_to_decide_on_do_not_keep_what_was_paid_from_being_told() {
    run(async {
        let plan = plan(600);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = accepted(&plan, &provider, 1).await;
        let lost = RunEvent::CautiousStart { reason: "records lost".to_owned() };
        let _ = store.commit(vec![Entry::Run(lost)]).await.unwrap();
        let store = Arc::new(store.reopened());
        let engine = as_usual(&plan, &provider, store.clone());
        tokio::select! {
            finish = engine.run(pending()) => unreachable!("{finish:?}"),
            () = until(&provider, 60_000) => {},
        }
        assert_eq!(states(&store).await[0], State::Paid);
    });
}

/// What waits only for its time to be sent again needs no question, and does not wait for those of others.
#[test]
fn what_is_only_to_be_queued_again_does_not_wait_for_look_ups() {
    run(async {
        let plan = plan(101);
        let provider = never_settling(&plan);
        *provider.faults.lock().unwrap() = Faults { no_connection: 1000, ..Faults::default() };
        let store = accepted(&plan, &provider, 100).await;
        // The answers to look-ups do not come back.
        let gateway = wrapped(&provider, [3_600_000, 0]);
        let engine = Engine { gateway, ..engine(&plan, &provider, store.clone()) };
        tokio::select! {
            finish = engine.run(pending()) => unreachable!("{finish:?}"),
            () = async {
                while provider.requests.load(Ordering::Relaxed) < 2 {
                    sleep(MILLISECOND).await;
                }
            } => {},
            () = until(&provider, 60_000) => {},
        }
        assert!(provider.requests.load(Ordering::Relaxed) >= 2, "not tried again");
    });
}

/// What else the provider surely knows is asked about beside the last question, after a restart too.
#[test]
fn what_failed_there_or_came_back_is_known_there_and_a_control() {
    let failed = Settlement::Failed { correctable: false };
    let histories: [(&str, &[Event]); 4] = [
        ("accepted", &[INTENT, Event::Answered(Settlement::InFlight)]),
        ("paid", &[INTENT, Event::Answered(Settlement::Paid)]),
        ("failed", &[INTENT, Event::Answered(failed)]),
        (
            "returned",
            &[INTENT, Event::Answered(Settlement::Paid), Event::Found(Settlement::Reversed)],
        ),
    ];
    let mut twice = Vec::new();
    for (name, history) in histories {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            provider.remember(plan.payments[0].provider_reference);
            let mut left = events(0, history);
            left.extend(events(1, &[INTENT]));
            let store = reopened(2, left).await;
            // It was executed, and the process was killed. The provider forgets for six minutes.
            *provider.knows_nothing.lock().unwrap() = true;
            provider.executions.lock().unwrap().insert(
                plan.payments[1].provider_reference,
                Execution { count: 1, at: Duration::ZERO, amount_body: 9_494_057 },
            );
            let engine = as_usual(&plan, &provider, store.clone());
            let _ = beside(&engine, async {
                until(&provider, 360_000).await;
                *provider.knows_nothing.lock().unwrap() = false;
            })
            .await;
            let times =
                provider.executions.lock().unwrap()[&plan.payments[1].provider_reference].count;
            if times > 1 {
                twice.push((name, times));
            }
        });
    }
    assert!(twice.is_empty(), "paid twice where the other payment is {twice:?}");
}

/// One outage, in which the provider knows nothing, and a process that is killed a few times meanwhile. `known` payments were
/// accepted, and one more was executed whose answer was lost.
#[test]
fn a_control_is_not_used_up_by_the_outage_that_it_is_there_to_notice() {
    let mut twice = Vec::new();
    for known in [1, 2, 3] {
        run(async {
            let plan = plan(known + 1);
            let provider = never_settling(&plan);
            let mut left = Vec::new();
            for index in 0..known {
                provider.remember(plan.payments[index as usize].provider_reference);
                left.extend(events(index, &[INTENT, Event::Answered(Settlement::InFlight)]));
            }
            left.extend(events(known, &[INTENT]));
            let lost = plan.payments[known as usize].provider_reference;
            provider
                .executions
                .lock()
                .unwrap()
                .insert(lost, Execution { count: 1, at: Duration::ZERO, amount_body: 9_494_057 });
            *provider.knows_nothing.lock().unwrap() = true;
            let mut store = reopened(known as usize + 1, left).await;
            for _ in 0..=known {
                let engine = as_usual(&plan, &provider, store.clone());
                let ten_minutes = Duration::from_secs(600);
                let _ = tokio::time::timeout(ten_minutes, engine.run(pending())).await;
                drop(engine);
                store = Arc::new(store.reopened());
            }
            let times = provider.executions.lock().unwrap()[&lost].count;
            if times > 1 {
                twice.push((known, times));
            }
        });
    }
    assert!(twice.is_empty(), "(accepted payments, how often the other was paid): {twice:?}");
}

/// The provider forgets for a second while what a payment replaces is read again.
#[test]
fn one_forgetful_answer_about_the_predecessor_does_not_hold_it_for_good() {
    run(async {
        let first = plan(1);
        let plan = anew(&first, 1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let before = first.payments[0].provider_reference;
        says(&provider, before, Ok(LookUp::NotFound));
        let store = Arc::new(MemoryStore::new(1));
        let mut engine = engine(&plan, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let _ = beside(&engine, async {
            until(&provider, 1000).await;
            says(
                &provider,
                before,
                Ok(LookUp::Found(Settlement::Failed { correctable: false }, None)),
            );
        })
        .await;
        let store = Arc::new(store.reopened());
        let mut engine = support::engine(&plan, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let _ = engine.run(pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Paid]);
    });
}

/// How often an unreachable provider is tried in 30 s.
#[test]
fn an_unreachable_provider_is_tried_less_and_less_often() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(11), &plan);
        *provider.faults.lock().unwrap() = Faults { no_connection: 1000, ..Faults::default() };
        let engine = engine(&plan, &provider, Arc::new(MemoryStore::new(1)));
        let _ = engine.run(pending()).await.unwrap();
        let at = provider.sent_at.lock().unwrap().clone();
        let longest = at.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(at.len() < 30, "{} tries, longest wait {longest:?}", at.len());
    });
}

/// Payment 0 is paid, 1 was accepted and is gone for good there, the request of 2 was lost.
#[test]
fn one_that_is_gone_does_not_keep_another_from_being_sent() {
    run(async {
        let plan = plan(3);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut left = events(1, &[INTENT, Event::Answered(Settlement::InFlight)]);
        provider.remember(plan.payments[0].provider_reference);
        left.extend(events(0, &[INTENT, Event::Answered(Settlement::Paid)]));
        left.extend(events(2, &[INTENT]));
        let store = reopened(3, left).await;
        let finish = engine(&plan, &provider, store.clone()).run(pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Paid, State::InDoubt, State::Paid], "{finish:?}");
    });
}

/// One request at a time, and every one is answered with a 429 that says one minute.
#[test]
fn nothing_is_sent_in_the_minute_that_a_429_asks_for() {
    run(async {
        let (plan, minute) = (plan(5), Duration::from_secs(60));
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
        *provider.busy_wait.lock().unwrap() = minute;
        let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(5)));
        engine.settings.in_flight_max = 1;
        // The answer takes two seconds, so that the next token is there when it comes.
        engine.gateway = wrapped(&provider, [0, 2000]);
        engine.run(sleep(Duration::from_secs(200))).await.unwrap();
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(at.len() > 1 && at.windows(2).all(|two| two[1] - two[0] >= minute), "{at:?}");
    });
}

/// One look-up fails, the next one meets a 429 that says ten minutes, and the first one after that fails once more: the provider
/// answered in between.
#[test]
fn a_429_between_two_failures_is_no_outage() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let reference = plan.payments[0].provider_reference;
        let failed = Err(CallError::Unreadable("500".to_owned()));
        let busy = Err(CallError::Busy(Some(Duration::from_secs(600))));
        says(&provider, reference, failed.clone());
        let store = Arc::new(MemoryStore::new(1));
        let engine = as_usual(&plan, &provider, store.clone());
        let finish = beside(&engine, async {
            for (times, next) in [(1, Some(busy)), (2, Some(failed)), (3, None)] {
                asked(&provider, times).await;
                sleep(20 * MILLISECOND).await;
                match next {
                    Some(next) => says(&provider, reference, next),
                    None => provider.says.lock().unwrap().clear(),
                }
            }
        })
        .await;
        assert_eq!(finish.stopped, None);
        assert_eq!(states(&store).await, [State::Paid]);
    });
}

/// The provider forgets what a payment replaces for ten minutes, and answers for everything else. The next process comes when it
/// knows it again.
#[test]
fn a_provider_that_forgets_for_ten_minutes_does_not_hold_what_is_paid_anew_for_good() {
    run(async {
        let first = plan(1);
        let second = anew(&first, 1);
        let provider = never_settling(&second);
        let before = first.payments[0].provider_reference;
        says(&provider, before, Ok(LookUp::NotFound));
        let mut store = Arc::new(MemoryStore::new(1));
        for expected in [State::Planned, State::Accepted] {
            let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
            let mut engine = as_usual(&second, &provider, store.clone());
            engine.observer = Arc::new(told);
            engine.predecessors = predecessors(&[(&first, State::Failed)]);
            let _ = beside(&engine, async {}).await;
            store = Arc::new(store.reopened());
            assert_eq!(states(&store).await, [expected]);
            let left = from_fn(|| notices.try_recv().ok())
                .filter(|notice| matches!(notice, Notice::Left { .. }));
            assert_eq!(left.count(), usize::from(expected == State::Planned));
            let failed = LookUp::Found(Settlement::Failed { correctable: false }, None);
            says(&provider, before, Ok(failed));
        }
    });
}

/// Twenty are paid, the last two were accepted and are gone for good there, and the request of one more was lost.
#[test]
fn two_that_are_gone_do_not_keep_another_from_being_sent() {
    run(async {
        let plan = plan(23);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut left = Vec::new();
        for index in 0..20 {
            provider.remember(plan.payments[index as usize].provider_reference);
            left.extend(events(index, &[INTENT, Event::Answered(Settlement::Paid)]));
        }
        for index in 20..22 {
            left.extend(events(index, &[INTENT, Event::Answered(Settlement::InFlight)]));
        }
        left.extend(events(22, &[INTENT]));
        let store = reopened(23, left).await;
        let finish = as_usual(&plan, &provider, store.clone()).run(pending()).await.unwrap();
        let states = states(&store).await;
        assert_eq!(states[20..], [State::InDoubt, State::InDoubt, State::Paid], "{finish:?}");
    });
}

/// What one payment replaces cannot be read for three minutes, in which others are sent. Then the process is frozen for ten
/// minutes, and one more call fails.
#[test]
fn a_freeze_does_not_count_as_time_in_which_a_question_was_not_answered() {
    run(async {
        let first = plan(30);
        let mut second = (*first).clone();
        second.payments[0] = anew(&first, 1).payments[0].clone();
        let second = Arc::new(second);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &second);
        let before = first.payments[0].provider_reference;
        says(&provider, before, Err(CallError::Unreadable("500".to_owned())));
        let store = Arc::new(MemoryStore::new(30));
        let mut engine = as_usual(&second, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let finish = beside(&engine, async {
            until(&provider, 190_000).await;
            tokio::time::advance(Duration::from_secs(600)).await;
            sleep(Duration::from_secs(35)).await;
            let failed = LookUp::Found(Settlement::Failed { correctable: false }, None);
            says(&provider, before, Ok(failed));
        })
        .await;
        assert_eq!(states(&store).await[0], State::Paid, "{finish:?}");
    });
}

/// The provider is in trouble for good: every other call is a 429 of its edge, and all else a 500.
#[test]
fn an_outage_with_some_429s_is_not_a_run_that_came_to_its_end() {
    run(async {
        let plan = plan(3);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = cautious(3, Vec::new()).await;
        let engine = as_usual(&plan, &provider, store.clone());
        let finish = beside(&engine, async {
            for turn in 0.. {
                for planned in &plan.payments {
                    let said = match turn % 2 {
                        0 => CallError::Unreadable("500".to_owned()),
                        _ => CallError::Busy(Some(Duration::from_secs(1))),
                    };
                    says(&provider, planned.provider_reference, Err(said));
                }
                sleep(Duration::from_secs(7)).await;
            }
        })
        .await;
        assert!(
            finish.stopped.is_some(),
            "no call was answered but by 429, for {:?}: {finish:?}, {:?}",
            provider.clock.now().0,
            states(&store).await
        );
    });
}

/// The provider is in trouble for good: 500 to everything, and for four seconds in every four minutes its edge answers 429, asking
/// for a minute.
#[test]
fn the_429s_of_calls_that_were_under_way_together_are_one_wait() {
    run(async {
        let plan = plan(100);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = cautious(100, Vec::new()).await;
        let gateway = wrapped(&provider, [3000, 0]);
        let engine = Engine { gateway, ..as_usual(&plan, &provider, store) };
        let everything = |said: CallError| {
            for planned in &plan.payments {
                says(&provider, planned.provider_reference, Err(said.clone()));
            }
        };
        let all = beside(&engine, async {
            loop {
                everything(CallError::Unreadable("500".to_owned()));
                sleep(4 * MINUTE).await;
                everything(CallError::Busy(Some(MINUTE)));
                sleep(Duration::from_secs(4)).await;
            }
        });
        let ended = timeout(24 * 60 * MINUTE, all).await;
        assert!(
            ended.is_ok_and(|finish| finish.stopped.is_some()),
            "nothing was answered for {:?}, {} look-ups",
            provider.clock.now().0,
            provider.asked.load(Ordering::Relaxed)
        );
    });
}

/// An answer was lost, and the first look-up is answered with a 429 that says forty minutes.
#[test]
fn a_run_does_not_end_over_a_429_before_what_is_unknown_was_asked_about() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let reference = plan.payments[0].provider_reference;
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        says(&provider, reference, Err(CallError::Busy(Some(40 * MINUTE))));
        let store = Arc::new(MemoryStore::new(1));
        let engine = as_usual(&plan, &provider, store.clone());
        let finish = beside(&engine, async {
            asked(&provider, 1).await;
            sleep(Duration::from_secs(1)).await;
            provider.says.lock().unwrap().clear();
        })
        .await;
        assert_eq!(
            states(&store).await,
            [State::Paid],
            "it ended after {:?}: {finish:?}",
            provider.clock.now().0
        );
    });
}

/// An answer that might be a refusal (a 404 or 422 whose words nobody knows) is on record since long before; the provider had paid it
/// all the same, and knows it no more: the time in which it honours a reference is over.
#[test]
fn what_may_have_been_refused_is_not_called_rejected_after_its_window() {
    for (clue, hours) in [(Clue::Silence, 25), (Clue::Refused, 25)] {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            provider.remember(plan.payments[0].provider_reference);
            *provider.knows_nothing.lock().unwrap() = true;
            let first_at = UnixMillis(provider.clock.wall().0 - hours * 3_600_000);
            let left = events_at(first_at, 0, &[INTENT, Event::Lost(clue)]);
            let store = reopened(1, left).await;
            let _ = engine(&plan, &provider, store.clone()).run(pending()).await;
            assert_eq!(states(&store).await, [State::InDoubt], "{clue:?}, {hours} hours ago");
        });
    }
}

/// At one request in ten minutes two that fail one after the other are no outage of the five minutes that a run is patient.
#[test]
fn two_requests_that_fail_minutes_apart_do_not_stop_the_run() {
    run(async {
        let plan = plan(4);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let slow = RateLimits { money: vec![RateLimit::per_seconds(1, 600)], ..usual_limits() };
        provider.limits.lock().unwrap().clone_from(&slow);
        let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(4)));
        engine.pace = Arc::new(Pace::new(&slow, provider.clock.clone()));
        let requests = async |count| {
            while sent(&provider) < count {
                sleep(MILLISECOND).await;
            }
        };
        let finish = beside(&engine, async {
            requests(1).await;
            sleep(MINUTE).await;
            *provider.faults.lock().unwrap() = Faults { no_connection: 1000, ..Faults::default() };
            requests(3).await;
            *provider.faults.lock().unwrap() = Faults::default();
        })
        .await;
        assert_eq!(finish.stopped, None);
    });
}

/// Another process of the key was asked to wait, or the one before this: whoever watches is told why nothing is sent.
#[test]
fn a_wait_that_was_asked_for_before_the_run_began_is_told() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let (told, mut notices) = tokio::sync::mpsc::unbounded_channel();
        let mut engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(1)));
        engine.observer = Arc::new(told);
        engine.pace.pause(CallClass::Money, 10 * MINUTE);
        let _ = beside(&engine, async {}).await;
        let is_told =
            |notice: Notice| matches!(notice, Notice::Slowed { wait } if wait == 10 * MINUTE);
        assert!(from_fn(|| notices.try_recv().ok()).any(is_told));
    });
}
