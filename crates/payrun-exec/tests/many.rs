//! More payments than a process can ask about while it waits for settlement: each is asked about by some process.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Event, Settlement, State};
use payrun_ports::{CallError, Clock as _, LookUp, RunStore as _};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use support::late::{
    accepted, as_usual, beside, left, never_settling, says, states, usual_limits, without_word,
};
use support::past::{INTENT, count, events, sent};
use support::{plan, run};
use tokio::time::sleep;

const CORRECTABLE: Settlement = Settlement::Failed { correctable: true };

/// Nothing tells which of ten thousand that failed was paid after all.
#[test]
fn a_late_success_is_seen_in_the_end_however_many_failed() {
    run(async {
        let plan = plan(10_000);
        let provider = never_settling(&plan);
        let store = MemoryStore::new(plan.payments.len());
        for (index, planned) in plan.payments.iter().enumerate() {
            let index = u32::try_from(index).unwrap();
            let group = events(index, &[INTENT, Event::Answered(CORRECTABLE)]);
            let _ = store.commit(group).await.unwrap();
            let said = if index == 9_999 { Settlement::Paid } else { CORRECTABLE };
            says(&provider, planned.provider_reference, Ok(LookUp::Found(said, None)));
        }
        let mut store = Arc::new(store.reopened());
        // Each asks about a half of them.
        for _ in 0..8 {
            let _ = as_usual(&plan, &provider, store.clone()).run(pending()).await.unwrap();
            store = Arc::new(store.reopened());
            if states(&store).await[9_999] == State::Paid {
                return;
            }
        }
        panic!("eight processes did not ask about it");
    });
}

/// What is under way is asked about beside thousands that a person has to look at.
#[test]
fn what_was_accepted_and_paid_is_seen_beside_very_many_in_doubt() {
    run(async {
        let doubtful: u32 = 6_000;
        let plan = plan(doubtful + 10);
        let provider = never_settling(&plan);
        let store = left(&plan, &provider, doubtful, 10, "why").await;
        for (index, planned) in (0..).zip(&plan.payments) {
            let said = if index < doubtful { Settlement::NeedsPerson } else { Settlement::Paid };
            says(&provider, planned.provider_reference, Ok(LookUp::Found(said, None)));
        }
        let _ = as_usual(&plan, &provider, store.clone()).run(pending()).await.unwrap();
        assert_eq!(count(&states(&store).await, State::Paid), 10);
    });
}

/// All their proofs are done side by side, and none is whole before almost all the calls of all of them were made.
#[test]
fn very_many_that_are_unknown_are_decided_on_side_by_side() {
    run(async {
        let open: u32 = 1_500;
        let plan = plan(open + 1);
        let provider = never_settling(&plan);
        provider.limits.lock().unwrap().clone_from(&usual_limits());
        let store = accepted(&plan, &provider, 1).await;
        for index in 1..=open {
            let _ = store.commit(events(index, &[INTENT])).await.unwrap();
        }
        let store = Arc::new(store.reopened());
        let mut engine = as_usual(&plan, &provider, store);
        engine.settings.in_flight_max = open;
        let _ = engine.run(pending()).await.unwrap();
        assert_eq!(sent(&provider), u64::from(open));
    });
}

/// One that never arrived stands last, behind many that cannot be asked about.
#[test]
fn what_may_have_been_sent_is_asked_about_behind_very_many_that_cannot_be() {
    run(async {
        let bad: u32 = 8_000;
        let plan = plan(bad + 2);
        let provider = never_settling(&plan);
        let store = MemoryStore::new(plan.payments.len());
        provider.remember(plan.payments[plan.payments.len() - 1].provider_reference);
        let accepted = [INTENT, Event::Answered(Settlement::InFlight)];
        let _ = store.commit(events(bad + 1, &accepted)).await.unwrap();
        for (index, planned) in (0..=bad).zip(&plan.payments) {
            let _ = store.commit(events(index, &[INTENT])).await.unwrap();
            if index < bad {
                let error = Err(CallError::Unreadable("500".into()));
                says(&provider, planned.provider_reference, error);
            }
        }
        let mut store = Arc::new(store.reopened());
        for _ in 0..20 {
            let _ = as_usual(&plan, &provider, store.clone()).run(pending()).await.unwrap();
            store = Arc::new(store.reopened());
            if sent(&provider) == 1 {
                return;
            }
        }
        panic!("twenty processes did not ask about it");
    });
}

/// What was paid is taken back, and a callback says so while thousands in doubt are asked about.
#[test]
fn a_reversal_is_heard_of_beside_very_many_in_doubt() {
    run(async {
        let doubtful: u32 = 6_000;
        let plan = plan(doubtful + 1);
        let provider = never_settling(&plan);
        let store = MemoryStore::new(plan.payments.len());
        for (index, planned) in (0..).zip(&plan.payments) {
            let is_last = index == doubtful;
            let settlement = if is_last { Settlement::Paid } else { Settlement::NeedsPerson };
            let _ =
                store.commit(events(index, &[INTENT, Event::Answered(settlement)])).await.unwrap();
            let said = if is_last { Settlement::Reversed } else { settlement };
            says(&provider, planned.provider_reference, Ok(LookUp::Found(said, None)));
        }
        let store = Arc::new(store.reopened());
        let engine = as_usual(&plan, &provider, store.clone());
        let reversed = plan.payments[plan.payments.len() - 1].provider_reference;
        let _ = beside(&engine, async {
            sleep(Duration::from_secs(10)).await;
            engine.callbacks.heard_of(reversed);
        })
        .await;
        assert_eq!(states(&store).await.last(), Some(&State::Returned));
    });
}

/// When one that never arrived is sent again, beside many accepted of which half cannot be asked about, if its last question fails
/// so often.
async fn sent_again_after_failures(payments: u32, failures: u32) -> Option<Duration> {
    let plan = plan(payments + 1);
    let provider = never_settling(&plan);
    provider.limits.lock().unwrap().clone_from(&usual_limits());
    let store = accepted(&plan, &provider, payments).await;
    let _ = store.commit(events(payments, &[INTENT])).await.unwrap();
    let store = Arc::new(store.reopened());
    for planned in &plan.payments[..payments as usize / 2] {
        says(&provider, planned.provider_reference, Err(CallError::Unreadable("500".into())));
    }
    let mut engine = as_usual(&plan, &provider, store);
    let reference = plan.payments[payments as usize].provider_reference;
    let (clock, left) = (provider.clock.clone(), AtomicU32::new(failures));
    engine.gateway = without_word(&provider, move |planned| {
        planned.provider_reference == reference
            && clock.now().0 > Duration::from_secs(290)
            && left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    });
    let again = async {
        while sent(&provider) == 0 {
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        _end = engine.run(pending()) => None,
        () = again => Some(provider.clock.now().0),
        () = sleep(Duration::from_secs(86_400)) => None,
    }
}

#[test]
fn a_few_failures_do_not_put_what_was_begun_behind_very_many() {
    for failures in [0, 1, 2, 4] {
        let at = run(sent_again_after_failures(6_000, failures));
        assert!(at.is_some_and(|at| at < Duration::from_secs(600)), "{failures}: {at:?}");
    }
}
