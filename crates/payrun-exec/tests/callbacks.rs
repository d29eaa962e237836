//! What the provider says unasked is never believed: it only makes the run ask sooner.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Event, PaymentIndex, ProviderReference, Settlement, State};
use payrun_exec::{Engine, Finish, Notice, Pace, Settings};
use payrun_ports::{CallClass, CallError, Clock, LookUp, RateLimit, RateLimits};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, NEEDS_PERSON, accepted, as_usual, asked, beside, never_settling,
    paid_anew, says, sent_again_after, states, until, wrapped,
};
use support::past::{INTENT, anew, cautious, events, predecessors, reopened, sent};
use support::{
    Fate, Faults, FrailStore, Provider, Seed, VirtualClock, engine, plan, run, settings,
};
use tokio::time::{Instant, sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);

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

#[test]
fn a_callback_that_comes_while_it_is_asked_about_is_not_lost() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let gateway = wrapped(&provider, [300, 0]);
        let store = Arc::new(MemoryStore::new(1));
        says(&provider, plan.payments[0].provider_reference, IN_FLIGHT);
        let settings = Settings {
            poll_max: Duration::from_secs(3600),
            settle_timeout: Duration::from_secs(3600),
            ..settings()
        };
        let engine = Engine {
            settings,
            gateway: gateway.clone(),
            ..engine(&plan, &provider, store.clone())
        };
        let paid_at = Mutex::new(Duration::ZERO);
        let _ = beside(&engine, async {
            // A look-up is on its way back in the second minute.
            let mut seen = gateway.asked_at.lock().unwrap().len();
            loop {
                sleep(MILLISECOND).await;
                let now = gateway.asked_at.lock().unwrap().len();
                if now > seen && provider.clock.now().0 > Duration::from_secs(60) {
                    break;
                }
                seen = now;
            }
            sleep(50 * MILLISECOND).await;
            provider.says.lock().unwrap().clear();
            *paid_at.lock().unwrap() = provider.clock.now().0;
            for _ in 0..10 {
                engine.callbacks.heard_of(plan.payments[0].provider_reference);
                sleep(MILLISECOND).await;
            }
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid]);
        let waited = provider.clock.now().0 - *paid_at.lock().unwrap();
        assert!(waited < Duration::from_secs(2), "{waited:?} after the callback");
    });
}

#[test]
fn a_callback_that_overtakes_the_answer_is_not_lost() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(1));
        let hour = Duration::from_secs(3600);
        let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
        let settings = Settings { settle_timeout: hour / 4, ..settings };
        let gateway = wrapped(&provider, [0, 1500]);
        let engine = Engine { settings, gateway, ..engine(&plan, &provider, store.clone()) };
        let finish = beside(&engine, async {
            until(&provider, 1000).await;
            assert_eq!(
                provider.settlement(plan.payments[0].provider_reference),
                Some(Settlement::Paid)
            );
            engine.callbacks.heard_of(plan.payments[0].provider_reference);
        })
        .await;
        assert_eq!(finish.stopped, None);
        assert_eq!(states(&store).await, [State::Paid]);
    });
}

async fn ends_with_one_in_doubt(
    said: Result<LookUp, CallError>,
    forged: bool,
) -> (Finish, Duration, Vec<State>) {
    let plan = plan(2);
    let fates = [Fate::Review, Fate::Pays];
    let fates = plan.payments.iter().map(|p| p.provider_reference).zip(fates);
    let provider =
        Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates.collect()));
    let store = Arc::new(MemoryStore::new(2));
    let reference = plan.payments[0].provider_reference;
    // In doubt at once, and nothing can be read of it afterwards. The other is paid a little later.
    says(&provider, reference, NEEDS_PERSON);
    let other = plan.payments[1].provider_reference;
    says(&provider, other, IN_FLIGHT);
    let engine = engine(&plan, &provider, store.clone());
    let finish = beside(&engine, async {
        until(&provider, 3000).await;
        says(&provider, reference, said);
        provider.says.lock().unwrap().remove(&other);
        if forged {
            engine.callbacks.heard_of(reference);
        }
    })
    .await;
    (finish, provider.clock.now().0, states(&store).await)
}

#[test]
fn one_callback_does_not_make_a_finished_run_fail() {
    for forged in [false, true] {
        let said = Err(CallError::Unreadable("500".into()));
        let (finish, took, states) = run(ends_with_one_in_doubt(said, forged));
        assert_eq!(states, [State::InDoubt, State::Paid]);
        assert_eq!(finish.stopped, None, "forged: {forged}, after {took:?}");
    }
}

#[test]
fn one_callback_does_not_keep_a_finished_run_from_ending() {
    for forged in [false, true] {
        let said = Err(CallError::Refused("400".into()));
        let (finish, took, states) = run(ends_with_one_in_doubt(said, forged));
        assert_eq!(states, [State::InDoubt, State::Paid]);
        assert_eq!(finish.stopped, None);
        assert!(took < Duration::from_secs(10), "forged: {forged}, after {took:?}");
    }
}

/// One is in doubt, and the other waits for longer than patience with the provider lasts. After 20 minutes it is paid, and this
/// happens.
async fn ends_beside_one_that_waits(
    then: impl AsyncFnOnce(&Provider, &Engine, ProviderReference),
) -> (Finish, Vec<State>) {
    let plan = plan(2);
    let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
    let (doubtful, other) =
        (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
    says(&provider, doubtful, NEEDS_PERSON);
    says(&provider, other, IN_FLIGHT);
    let store = Arc::new(MemoryStore::new(2));
    let settings = Settings {
        poll_max: 10 * MINUTE,
        settle_timeout: 60 * MINUTE,
        gateway_patience: 2 * MINUTE,
        ..settings()
    };
    let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
    let finish = beside(&engine, async {
        until(&provider, 20 * 60 * 1000).await;
        then(&provider, &engine, doubtful).await;
        provider.says.lock().unwrap().remove(&other);
    })
    .await;
    (finish, states(&store).await)
}

#[test]
fn one_callback_does_not_stop_a_run_that_waits_for_others() {
    for forged in [false, true] {
        let (finish, states) =
            run(ends_beside_one_that_waits(async |provider, engine, doubtful| {
                says(provider, doubtful, Err(CallError::Unreadable("500".into())));
                if forged {
                    engine.callbacks.heard_of(doubtful);
                }
            }));
        assert_eq!(finish.stopped, None, "forged: {forged}");
        assert_eq!(states, [State::InDoubt, State::Paid], "forged: {forged}");
    }
}

#[test]
fn a_time_out_and_then_a_500_of_one_in_doubt_does_not_stop_the_run() {
    let (finish, states) = run(ends_beside_one_that_waits(async |provider, engine, doubtful| {
        says(provider, doubtful, Err(CallError::Timeout(MINUTE)));
        engine.callbacks.heard_of(doubtful);
        sleep(50 * MILLISECOND).await;
        says(provider, doubtful, Err(CallError::Unreadable("500".into())));
    }));
    assert_eq!(finish.stopped, None);
    assert_eq!(states, [State::InDoubt, State::Paid]);
}

#[test]
fn callbacks_that_come_early_do_not_make_it_ask_later() {
    for forged in [false, true] {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let reference = plan.payments[0].provider_reference;
            says(&provider, reference, IN_FLIGHT);
            let store = Arc::new(MemoryStore::new(1));
            let second = Duration::from_secs(1);
            let settings = Settings { poll_first: second, poll_max: 3600 * second, ..settings() };
            let settings = Settings { settle_timeout: 600 * second, ..settings };
            let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
            let _ = beside(&engine, async {
                while provider.clock.now().0 < 30 * second {
                    if forged {
                        engine.callbacks.heard_of(reference);
                    }
                    sleep(50 * MILLISECOND).await;
                }
                // Nothing comes any more; it settles a little later.
                sleep(5 * second).await;
                provider.says.lock().unwrap().clear();
            })
            .await;
            assert_eq!(states(&store).await, [State::Paid], "forged: {forged}");
        });
    }
}

#[test]
fn callbacks_do_not_write_the_same_again_and_again() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        let reference = plan.payments[0].provider_reference;
        says(&provider, reference, Ok(LookUp::Different("amount".into())));
        let store = Arc::new(MemoryStore::new(2));
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let engine = Engine { observer: Arc::new(tell), ..engine(&plan, &provider, store.clone()) };
        let _ = beside(&engine, async {
            loop {
                engine.callbacks.heard_of(reference);
                sleep(10 * MILLISECOND).await;
            }
        })
        .await;
        let mut moved = 0;
        while let Ok(notice) = told.try_recv() {
            moved += u32::from(matches!(
                notice,
                Notice::Moved { payment: PaymentIndex(0), from: State::InDoubt, .. }
            ));
        }
        assert!(moved <= 1, "{moved} times on record");
    });
}

#[test]
fn a_payment_is_not_asked_about_more_often_than_the_first_poll_would_wait() {
    run(async {
        let plan = plan(1);
        let provider = never_settling(&plan);
        let second = Duration::from_secs(1);
        let settings = Settings { poll_first: 5 * second, poll_max: 60 * second, ..settings() };
        let gateway = wrapped(&provider, [0, 0]);
        let engine = Engine {
            settings,
            gateway: gateway.clone(),
            ..engine(&plan, &provider, Arc::new(MemoryStore::new(1)))
        };
        let _ = beside(&engine, async {
            until(&provider, 1000).await;
            // As after a 429, or where many wait for their turn.
            engine.pace.pause(CallClass::Read, 20 * second);
            loop {
                engine.callbacks.heard_of(plan.payments[0].provider_reference);
                sleep(10 * MILLISECOND).await;
            }
        })
        .await;
        let at = gateway.asked_at.lock().unwrap().clone();
        let least = at.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
        assert!(least >= 5 * second, "{least:?}: {at:?}");
    });
}

#[test]
fn callbacks_do_not_keep_what_is_to_be_sent_from_being_sent() {
    let (calm, _) = run(sent_again_after(20, None));
    assert!(calm.is_some_and(|at| at < Duration::from_secs(330)), "{calm:?}");
    // Each of 20 payments is heard of once in 5 s.
    let (told, asked) = run(sent_again_after(20, Some(250)));
    assert!(told.is_some(), "never sent again; asked {asked} times");
}

#[test]
fn a_callback_that_comes_while_one_in_doubt_is_asked_about_is_not_lost() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let gateway = wrapped(&provider, [300, 0]);
        let store = Arc::new(MemoryStore::new(2));
        let (doubtful, other) =
            (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
        says(&provider, doubtful, NEEDS_PERSON);
        says(&provider, other, IN_FLIGHT);
        let engine = Engine { gateway, ..engine(&plan, &provider, store.clone()) };
        let finish = beside(&engine, async {
            until(&provider, 10_000).await;
            engine.callbacks.heard_of(doubtful);
            sleep(50 * MILLISECOND).await;
            // The old answer is on its way back. Now it is paid, and the provider says so.
            provider.says.lock().unwrap().remove(&doubtful);
            engine.callbacks.heard_of(doubtful);
        })
        .await;
        assert_eq!(states(&store).await[0], State::Paid, "{finish:?}");
    });
}

/// A callback that comes while the last question of a proof is on its way.
#[test]
fn a_callback_during_the_last_question_keeps_it_from_being_sent_again() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let store = accepted(&plan, &provider, 1).await;
        let gateway = wrapped(&provider, [300, 0]);
        let lost = plan.payments[1].provider_reference;
        says(&provider, lost, Ok(LookUp::NotFound));
        let settings = Settings { poll_max: Duration::from_secs(3600), ..settings() };
        let engine = Engine {
            gateway: gateway.clone(),
            settings,
            ..engine(&plan, &provider, store.clone())
        };
        let _ = beside(&engine, async {
            // The control, and the question itself, of which the answer is on its way back.
            until(&provider, 4000).await;
            // The last question and its controls come after 4 s: the second look-up is the question itself.
            let before = gateway.asked_at.lock().unwrap().len();
            while gateway.asked_at.lock().unwrap().len() < before + 2 {
                sleep(MILLISECOND).await;
            }
            sleep(50 * MILLISECOND).await;
            provider.says.lock().unwrap().remove(&lost);
            engine.callbacks.heard_of(lost);
        })
        .await;
        assert_eq!(provider.most_executed(), 1);
    });
}

/// A callback that comes while one unknown is asked about.
#[test]
fn a_callback_that_comes_while_one_unknown_is_asked_about_is_not_lost() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let store = Arc::new(MemoryStore::new(1));
        let gateway = wrapped(&provider, [300, 0]);
        let lost = plan.payments[0].provider_reference;
        says(&provider, lost, Ok(LookUp::NotFound));
        let engine = Engine {
            gateway: gateway.clone(),
            settings: Settings::default(),
            ..engine(&plan, &provider, store.clone())
        };
        let heard = Mutex::new(Duration::ZERO);
        let _ = beside(&engine, async {
            // From here on its not-found answers count.
            until(&provider, 1900).await;
            let before = gateway.asked_at.lock().unwrap().len();
            while gateway.asked_at.lock().unwrap().len() < before + 1 {
                sleep(MILLISECOND).await;
            }
            sleep(50 * MILLISECOND).await;
            provider.says.lock().unwrap().remove(&lost);
            *heard.lock().unwrap() = provider.clock.now().0;
            engine.callbacks.heard_of(lost);
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid]);
        let waited = provider.clock.now().0 - *heard.lock().unwrap();
        assert!(waited < Duration::from_secs(10), "{waited:?} after the callback");
    });
}

/// A callback that comes when absence is proven, and it waits for its token to be sent again.
#[test]
fn a_callback_before_it_is_sent_again_makes_the_run_ask() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let store = accepted(&plan, &provider, 1).await;
        let lost = plan.payments[1].provider_reference;
        says(&provider, lost, Ok(LookUp::NotFound));
        let one = RateLimit { per: Duration::from_secs(12), ..RateLimit::per_seconds(1, 1) };
        let limits = RateLimits { money: vec![one], ..RateLimits::default() };
        let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
        let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
        let _ = beside(&engine, async {
            until(&provider, 9000).await;
            provider.says.lock().unwrap().remove(&lost);
            engine.callbacks.heard_of(lost);
        })
        .await;
        assert_eq!(provider.most_executed(), 1, "sent at {:?}", provider.sent_at.lock().unwrap());
    });
}

/// A callback while what it replaces is read again, before it is sent again.
#[test]
fn a_callback_is_heeded_while_the_earlier_generation_is_read_again() {
    let mut ignored = Vec::new();
    for generation in [0, 1] {
        for at in (2000..45_000).step_by(500) {
            run(async {
                let first = plan(1);
                let plan = anew(&first, generation);
                let provider = never_settling(&plan);
                let reference = plan.payments[0].provider_reference;
                if generation == 1 {
                    says(
                        &provider,
                        first.payments[0].provider_reference,
                        Ok(LookUp::Found(Settlement::Failed { correctable: false }, None)),
                    );
                }
                says(&provider, reference, Ok(LookUp::NotFound));
                let store = reopened(1, events(0, &[INTENT])).await;
                // Answers to look-ups take three seconds.
                let gateway = wrapped(&provider, [3000, 0]);
                let mut engine = Engine { gateway, ..engine(&plan, &provider, store) };
                engine.settings.poll_first = 100 * MILLISECOND;
                if generation == 1 {
                    engine.predecessors = predecessors(&[(&first, State::Failed)]);
                }
                let _ = beside(&engine, async {
                    until(&provider, at).await;
                    // It arrived late, or is shown late; the provider says so.
                    says(&provider, reference, IN_FLIGHT);
                    engine.callbacks.heard_of(reference);
                })
                .await;
                let late = provider
                    .sent_at
                    .lock()
                    .unwrap()
                    .iter()
                    .map(|sent| sent.as_millis() as u64)
                    .find(|sent| *sent > at + 100);
                if let Some(sent) = late {
                    ignored.push((generation, at, sent));
                }
            });
        }
    }
    assert!(ignored.is_empty(), "(generation, callback at ms, sent again at ms): {ignored:?}");
}

/// A callback about what a cautious start has cleared, while it waits for its token.
#[test]
fn a_callback_is_heeded_by_a_cautious_start_before_the_first_intent() {
    let mut ignored = Vec::new();
    for at in (1000..20_000).step_by(500) {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            let reference = plan.payments[0].provider_reference;
            says(&provider, reference, Ok(LookUp::NotFound));
            let store = cautious(2, Vec::new()).await;
            let one = RateLimit { per: Duration::from_secs(12), ..RateLimit::per_seconds(1, 1) };
            let limits = RateLimits { money: vec![one], ..RateLimits::default() };
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
            let _ = beside(&engine, async {
                until(&provider, at).await;
                says(&provider, reference, IN_FLIGHT);
                engine.callbacks.heard_of(reference);
            })
            .await;
            let executions = provider.executions.lock().unwrap();
            // Another execution of what the provider had.
            if let Some(execution) = executions.get(&reference)
                && execution.at > Duration::from_millis(at + 100)
            {
                ignored.push((at, execution.at));
            }
        });
    }
    assert!(ignored.is_empty(), "(callback at ms, sent at): {ignored:?}");
}

/// What came to its end is asked about once more where the provider says that there is news, and never moves backward.
#[test]
fn what_is_over_is_asked_about_when_the_provider_has_news() {
    let failed = Settlement::Failed { correctable: false };
    for (on_record, says_now, expected) in [
        (
            Event::Answered(Settlement::Paid),
            Ok(LookUp::Found(Settlement::Reversed, None)),
            State::Returned,
        ),
        (Event::Answered(Settlement::Paid), Ok(LookUp::Found(failed, None)), State::Paid),
        (
            Event::Answered(Settlement::Paid),
            Ok(LookUp::Different("amount".to_owned())),
            State::Paid,
        ),
        (Event::Answered(Settlement::Paid), Ok(LookUp::NotFound), State::Paid),
        (Event::Answered(failed), Ok(LookUp::Found(Settlement::Paid, None)), State::Paid),
        (Event::Answered(failed), Ok(LookUp::Found(Settlement::InFlight, None)), State::Failed),
        (Event::Refused, Ok(LookUp::Found(Settlement::Paid, None)), State::Paid),
        (Event::Refused, Ok(LookUp::Found(Settlement::InFlight, None)), State::Rejected),
        (Event::Refused, Err(CallError::Unreadable("500".to_owned())), State::Rejected),
    ] {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            provider.remember(plan.payments[1].provider_reference);
            let reference = plan.payments[0].provider_reference;
            let mut left = events(0, &[INTENT, on_record]);
            // Another one keeps the run going.
            left.extend(events(1, &[INTENT, Event::Answered(Settlement::InFlight)]));
            let store = reopened(2, left).await;
            says(&provider, reference, says_now.clone());
            let engine = engine(&plan, &provider, store.clone());
            let finish = beside(&engine, async {
                until(&provider, 1000).await;
                engine.callbacks.heard_of(reference);
            })
            .await;
            let state = states(&store).await[0];
            assert_eq!((state, finish.stopped), (expected, None), "{on_record:?}, {says_now:?}");
        });
    }
}

/// Refused, or failed for good; then a callback comes, the provider has it under way after all, and pays it ten seconds later.
#[test]
fn what_did_not_pay_and_is_under_way_after_all_is_followed_while_the_run_goes_on() {
    for fate in [Fate::Refused, Fate::Fails] {
        run(async {
            let plan = plan(2);
            let [first, second] = [0, 1].map(|index| plan.payments[index].provider_reference);
            let fates = [(first, fate), (second, Fate::NeverSettles)];
            let provider = Provider::with_fates(VirtualClock::new(), Seed::new(1), fates.into());
            let provider = Arc::new(provider);
            let store = Arc::new(MemoryStore::new(2));
            let engine = as_usual(&plan, &provider, store.clone());
            let finish = beside(&engine, async {
                sleep(Duration::from_secs(60)).await;
                says(&provider, first, IN_FLIGHT);
                engine.callbacks.heard_of(first);
                // It is followed for longer than what is in doubt is asked about, and beyond an answer that cannot be read.
                sleep(Duration::from_secs(300)).await;
                says(&provider, first, Err(CallError::Unreadable("500".to_owned())));
                let asked_so_far = provider.asked.load(Ordering::Relaxed);
                asked(&provider, asked_so_far + 4).await;
                says(&provider, first, Ok(LookUp::Found(Settlement::Paid, None)));
            })
            .await;
            assert_eq!(finish.stopped, None);
            assert_eq!(states(&store).await[0], State::Paid, "{fate:?}");
        });
    }
}

/// Callbacks about what is over never end, and it may be asked about once an hour.
#[test]
fn no_run_stays_for_callbacks_about_what_is_over() {
    run(async {
        let plan = plan(1);
        let hour = 60 * MINUTE;
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
        let settings = Settings { settle_timeout: 3 * hour, ..settings };
        let store = Arc::new(MemoryStore::new(1));
        let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
        let _ = beside(&engine, async {
            loop {
                sleep(5 * MILLISECOND).await;
                engine.callbacks.heard_of(plan.payments[0].provider_reference);
            }
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid]);
        let now = provider.clock.now().0;
        // Within the first hour it is accepted, and asked about once.
        assert!(now < 2 * hour, "it ends after {now:?}");
    });
}

/// Everything is paid; one more delivery of a callback about a payment that is paid, and the provider cannot be reached then.
#[test]
fn a_callback_about_what_is_paid_does_not_make_a_finished_run_fail() {
    for said in
        [CallError::Timeout(Duration::from_secs(30)), CallError::Unreachable("refused".to_owned())]
    {
        run(async {
            let plan = plan(2);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let [one, other] = [0, 1].map(|i| plan.payments[i].provider_reference);
            says(&provider, other, Ok(LookUp::Found(Settlement::InFlight, None)));
            let store = Arc::new(MemoryStore::new(2));
            let engine = engine(&plan, &provider, store.clone());
            let finish = beside(&engine, async {
                until(&provider, 3000).await;
                says(&provider, one, Err(said.clone()));
                engine.callbacks.heard_of(one);
                provider.says.lock().unwrap().remove(&other);
            })
            .await;
            assert_eq!(states(&store).await, [State::Paid, State::Paid]);
            assert_eq!(finish.stopped, None, "after {:?}", provider.clock.now());
        });
    }
}

/// One is unknown, and its payee is banned when it would be sent again, so that it comes to rest. While the run goes on, the provider
/// says that it was paid.
#[test]
fn a_callback_about_one_that_rests_unknown_is_heeded() {
    run(async {
        let mut plan = (*plan(3)).clone();
        plan.payments[1].payment.payee = plan.payments[0].payment.payee.clone();
        let plan = Arc::new(plan);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.banned.lock().unwrap() = Some(plan.payments[0].payment.payee.phone.clone());
        let [unknown, _, other] = [0, 1, 2].map(|i| plan.payments[i].provider_reference);
        says(&provider, other, Ok(LookUp::Found(Settlement::InFlight, None)));
        let store = reopened(3, events(0, &[INTENT])).await;
        let engine = engine(&plan, &provider, store.clone());
        let _ = beside(&engine, async {
            until(&provider, 20_000).await;
            says(&provider, unknown, Ok(LookUp::Found(Settlement::Paid, None)));
            engine.callbacks.heard_of(unknown);
            sleep(Duration::from_secs(10)).await;
            provider.says.lock().unwrap().remove(&other);
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid, State::Held, State::Paid]);
    });
}

/// One is unknown, and its payee is banned when it would be sent again, so that it comes to rest. Another one is accepted and never
/// settles. Somebody forges a callback about the first every twenty minutes; the provider never knew it.
#[test]
fn no_run_stays_for_callbacks_about_one_that_rests_unknown() {
    let ends_after = |with_callbacks: bool| {
        run(async {
            let plan = plan(2);
            let provider = never_settling(&plan);
            *provider.banned.lock().unwrap() = Some(plan.payments[0].payment.payee.phone.clone());
            let store = reopened(2, events(0, &[INTENT])).await;
            let engine = as_usual(&plan, &provider, store);
            let all = beside(&engine, async {
                if !with_callbacks {
                    return;
                }
                loop {
                    sleep(20 * MINUTE).await;
                    engine.callbacks.heard_of(plan.payments[0].provider_reference);
                }
            });
            let ended = timeout(24 * 60 * MINUTE, all).await;
            assert_eq!(sent(&provider), 2);
            ended.is_ok().then(|| provider.clock.now().0)
        })
    };
    let without = ends_after(false);
    assert!(without.is_some_and(|after| after < 60 * MINUTE), "without any: {without:?}");
    let with = ends_after(true);
    assert!(with.is_some(), "without callbacks it ends after {without:?}, with them never");
}

/// A cautious start has proven it absent; its first request is answered with 429. The provider says then that it knows it.
#[test]
fn a_callback_is_heeded_by_a_cautious_start_after_a_429() {
    let mut ignored = Vec::new();
    for at in (15_000..60_000).step_by(5000) {
        run(async {
            let plan = plan(1);
            let provider = never_settling(&plan);
            let reference = plan.payments[0].provider_reference;
            says(&provider, reference, Ok(LookUp::NotFound));
            *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
            *provider.busy_wait.lock().unwrap() = MINUTE;
            let store = cautious(1, Vec::new()).await;
            let one = RateLimit { per: Duration::from_secs(1), ..RateLimit::per_seconds(1, 1) };
            let limits = RateLimits { money: vec![one], ..RateLimits::default() };
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
            let _ = beside(&engine, async {
                until(&provider, at).await;
                assert_eq!(sent(&provider), 1, "one 429");
                *provider.faults.lock().unwrap() = Faults::default();
                says(&provider, reference, IN_FLIGHT);
                engine.callbacks.heard_of(reference);
            })
            .await;
            if let Some(execution) = provider.executions.lock().unwrap().get(&reference) {
                ignored.push((at, execution.at));
            }
        });
    }
    assert!(ignored.is_empty(), "(callback at ms, sent at): {ignored:?}");
}

/// While a request of a group begins, what the others replace is corrected to paid, and callbacks say so.
#[test]
fn a_callback_that_comes_while_one_request_of_a_group_begins_is_heard_before_the_next() {
    run(async {
        let first = plan(6);
        let (plan, provider, predecessors) = paid_anew(&first, 1);
        // The second group takes long, and the others gather in the third.
        let mut store = FrailStore::new(6);
        store.late = Some(Duration::from_millis(300));
        let store = Arc::new(store);
        let mut engine = engine(&plan, &provider, store);
        engine.pace = Arc::new(Pace::new(&RateLimits::default(), provider.clock.clone()));
        engine.predecessors = predecessors;
        let callbacks = engine.callbacks.clone();
        let corrects = {
            let provider = provider.clone();
            move || {
                for planned in &first.payments {
                    let paid = Ok(LookUp::Found(Settlement::Paid, None));
                    says(&provider, planned.provider_reference, paid);
                    callbacks.heard_of(planned.provider_reference);
                }
            }
        };
        let gateway = wrapped(&provider, [0, 0]);
        *gateway.when_begun.lock().unwrap() = Some((3, Box::new(corrects)));
        let _ =
            timeout(Duration::from_secs(24 * 3600), Engine { gateway, ..engine }.run(pending()))
                .await;
        assert_eq!(sent(&provider), 3);
    });
}
