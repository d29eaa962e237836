//! A history that was put back from an older copy goes on where it stops: what was paid anew since is not sent again.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Clue, Event, Generation, PaymentIndex, Settlement, State};
use payrun_exec::successors;
use payrun_ports::LookUp;
use payrun_store::MemoryStore;
use std::sync::Arc;
use support::late::{never_settling, says, states};
use support::past::{INTENT, anew, cautious, events, predecessors, reopened, sent};
use support::{Provider, Seed, VirtualClock, engine, plan, run};

#[test]
fn what_an_older_history_calls_sent_is_not_sent_again_where_a_later_generation_is_known() {
    let lost = Event::Lost;
    for (on_record, expected) in [
        (vec![INTENT], State::InDoubt),
        (vec![INTENT, lost(Clue::Silence)], State::InDoubt),
        (vec![INTENT, lost(Clue::Duplicate)], State::InDoubt),
        // Nothing else is known that could tell whether the provider forgot it, and it is never sent again.
        (vec![INTENT, Event::Answered(Settlement::InFlight)], State::Accepted),
    ] {
        for number in 1..=Generation::LAST.number() {
            // As it goes on by itself, and by cautious start.
            for is_cautious in [false, true] {
                run(async {
                    let plan = plan(1);
                    let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
                    let mut later = successors(&plan.payments[0], &plan.organisation);
                    let anew = later.find(|later| later.generation.number() == number).unwrap();
                    provider.remember(anew.provider_reference);
                    let entries = events(0, &on_record);
                    let store = match is_cautious {
                        true => cautious(1, entries).await,
                        false => reopened(1, entries).await,
                    };
                    let engine = engine(&plan, &provider, store.clone());
                    engine.run(std::future::pending()).await.unwrap();
                    let states = states(&store).await;
                    assert_eq!(states, [expected], "{on_record:?}, cautious: {is_cautious}");
                    assert_eq!(sent(&provider), 0);
                });
            }
        }
    }
}

/// By an older copy of the records generation 1 is still to be sent; it was refused, and generation 2 paid instead.
#[test]
fn what_a_later_generation_paid_is_not_paid_anew_under_the_one_before_it() {
    run(async {
        let first = plan(1);
        let (second, third) = (anew(&first, 1), anew(&first, 2));
        let provider = never_settling(&third);
        let failed = LookUp::Found(Settlement::Failed { correctable: false }, None);
        says(&provider, first.payments[0].provider_reference, Ok(failed));
        provider.remember(third.payments[0].provider_reference);
        let store = Arc::new(MemoryStore::new(1));
        let mut engine = engine(&second, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let _ = engine.run(std::future::pending()).await.unwrap();
        assert_eq!((sent(&provider), states(&store).await), (0, vec![State::Held]));
    });
}

/// A run here holds a later generation of it, and may be about to send that: nothing of this one is sent any more.
#[test]
fn what_a_run_holds_a_later_generation_of_is_held_or_in_doubt() {
    for (on_record, is_cautious, expected) in [
        (vec![], false, State::Held),
        (vec![], true, State::Held),
        (vec![INTENT], false, State::InDoubt),
        (vec![INTENT, Event::Lost(Clue::Silence)], true, State::InDoubt),
        (vec![INTENT, Event::NotSent], false, State::Held),
    ] {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let entries = events(0, &on_record);
            let store = match is_cautious {
                true => cautious(1, entries).await,
                false => reopened(1, entries).await,
            };
            let mut engine = engine(&plan, &provider, store.clone());
            engine.superseded = [(PaymentIndex(0), "june.retry-1".parse().unwrap())].into();
            engine.run(std::future::pending()).await.unwrap();
            let states = states(&store).await;
            assert_eq!((states, sent(&provider)), (vec![expected], 0), "{on_record:?}");
        });
    }
}
