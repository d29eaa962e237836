//! What the provider says unasked is never believed: it only makes the run ask sooner.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{PaymentIndex, ProviderReference, Settlement, State};
use payrun_exec::{Engine, Finish, Notice, Pace, Settings};
use payrun_ports::{CallClass, CallError, Clock, LookUp, RateLimit, RateLimits};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, NEEDS_PERSON, accepted, beside, never_settling, says, sent_again_after,
    states, until, wrapped,
};
use support::{Fate, Faults, Provider, Seed, VirtualClock, engine, plan, run, settings};
use tokio::time::{Instant, sleep};

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
