//! The run loop on virtual time against a provider that keeps the truth.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::{Basis, Clue, Event, PaymentIndex, Plan, Settlement, State, UnixMillis};
use payrun_exec::{CallClass, Pace, StopCause};
use payrun_ports::{
    Body, CallError, Entry, LookUp, PaymentEntry, RateLimit, RateLimits, RunEvent, RunStore,
};
use payrun_store::MemoryStore;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use support::late::states;
use support::past::{INTENT, anew, cautious, count, events, predecessors, reopened, sent};
use support::{
    Fate, Faults, FrailStore, Provider, Seed, VirtualClock, engine, plan, run, to_one_phone,
};

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
        assert_eq!(sent(&provider), 100);
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
                Fate::Fails | Fate::Expires => State::Failed,
                Fate::Refused | Fate::NeverSettles | Fate::Review => State::Rejected,
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
        assert_eq!(sent(&provider), 20);
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
        assert!(sent(&provider) > 4);
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

#[test]
fn a_provider_that_stays_away_stops_the_run_after_its_patience() {
    run(async {
        let plan = plan(30);
        let provider = Provider::new(VirtualClock::new(), Seed::new(11), &plan);
        *provider.faults.lock().unwrap() = Faults { no_connection: 1000, ..Faults::default() };
        let store = Arc::new(MemoryStore::new(30));
        let began = tokio::time::Instant::now();
        let finish =
            engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert!(matches!(finish.stopped, Some(StopCause::GatewayGone { .. })), "{finish:?}");
        let patience = Duration::from_secs(30);
        assert!(began.elapsed() >= patience && began.elapsed() < 3 * patience);
        assert_eq!(count(&states(&store).await, State::Planned), 30);
    });
}

/// A plan whose payments are paid anew: each of generation `generation`.
#[test]
fn paid_anew_is_only_what_no_earlier_generation_may_have_paid() {
    // (what the provider knows of generation 0, of generation 1, their states on record, what becomes of generation 2)
    let (paid, failed, gone) = (Some(Fate::Pays), Some(Fate::Fails), None);
    for (first, second, on_record, expected) in [
        (failed, failed, [State::Failed, State::Failed], State::Paid),
        (gone, failed, [State::Rejected, State::Failed], State::Paid),
        (gone, gone, [State::Rejected, State::Cancelled], State::Paid),
        // Corrected to paid meanwhile, however long ago it was replaced.
        (paid, failed, [State::Failed, State::Failed], State::Held),
        (failed, paid, [State::Failed, State::Failed], State::Held),
        // On record there, and not found any more: proves nothing. A later process may find it.
        (gone, failed, [State::Failed, State::Failed], State::Planned),
        (failed, gone, [State::Failed, State::Failed], State::Planned),
        // The records of what it replaces are older than its end.
        (failed, failed, [State::Accepted, State::Failed], State::Paid),
        (paid, failed, [State::Accepted, State::Failed], State::Held),
        (failed, failed, [State::Paid, State::Failed], State::Held),
    ] {
        run(async {
            let plans = [plan(1), anew(&plan(1), 1), anew(&plan(1), 2)];
            let reference = |plan: &Plan| plan.payments[0].provider_reference;
            let known = [first, second].into_iter().zip(&plans);
            let fates =
                known.clone().filter_map(|(fate, plan)| Some((reference(plan), fate?))).collect();
            let provider = Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates));
            for (fate, plan) in known {
                if fate.is_some() {
                    provider.remember(reference(plan));
                }
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            let store = Arc::new(MemoryStore::new(1));
            let mut engine = engine(&plans[2], &provider, store.clone());
            engine.predecessors =
                predecessors(&[(&plans[1], on_record[1]), (&plans[0], on_record[0])]);
            engine.run(std::future::pending()).await.unwrap();
            assert_eq!(states(&store).await, [expected], "{first:?} {second:?} {on_record:?}");
            let sent = sent(&provider);
            assert_eq!(sent, u64::from(expected == State::Paid));
        });
    }
}

#[test]
fn paid_anew_without_its_earlier_generations_on_record_is_left_to_whoever_has_them() {
    run(async {
        let anew = anew(&plan(1), 2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &anew);
        let store = Arc::new(MemoryStore::new(1));
        engine(&anew, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Planned]);
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn a_cautious_start_does_not_pay_what_a_later_generation_replaced() {
    run(async {
        let first = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &first);
        provider.remember(anew(&first, 1).payments[0].provider_reference);
        let store = cautious(1, Vec::new()).await;
        engine(&first, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::InDoubt]);
        assert_eq!(sent(&provider), 0);
    });
}

/// The payment failed and was paid anew; the records of both are lost. That it failed is half of the truth.
#[test]
fn a_cautious_start_does_not_call_failed_what_was_paid_anew() {
    run(async {
        let first = plan(1);
        let reference = first.payments[0].provider_reference;
        let fates = [(reference, Fate::Fails)].into_iter().collect();
        let provider = Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates));
        provider.remember(reference);
        tokio::time::sleep(Duration::from_secs(1)).await;
        provider.remember(anew(&first, 1).payments[0].provider_reference);
        let mut store = cautious(1, Vec::new()).await;
        for _ in 0..2 {
            engine(&first, &provider, store.clone()).run(std::future::pending()).await.unwrap();
            assert_eq!(states(&store).await, [State::InDoubt]);
            store = Arc::new(store.reopened());
        }
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn a_cautious_start_looks_up_what_was_tried_before_too() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        // The second attempt was sent and paid; its intent is the record that was lost.
        provider.remember(plan.payments[0].provider_reference);
        let entry = |event, body| {
            Entry::Payment(PaymentEntry {
                payment: PaymentIndex(0),
                event,
                at: UnixMillis(1),
                body,
                reason: None,
            })
        };
        let body = Some(Body::new(*b"body"));
        let intent = Event::Intent { attempt: 1, basis: Basis::Clear };
        let store = cautious(1, vec![entry(intent, body), entry(Event::NotSent, None)]).await;
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Paid]);
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn a_cancelled_run_on_cautious_start_sends_nothing() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        provider.remember(plan.payments[0].provider_reference);
        let store = cautious(2, vec![Entry::Run(RunEvent::CancelRequested)]).await;
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Paid, State::Cancelled]);
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn a_cancelled_run_withdraws_what_is_planned_or_held_and_resends_nothing() {
    run(async {
        let plan = plan(4);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        provider.remember(plan.payments[3].provider_reference);
        let mut entries = events(1, &[Event::Held]);
        entries.extend(events(2, &[INTENT, Event::Lost(Clue::Silence)]));
        entries.extend(events(3, &[INTENT, Event::Lost(Clue::Silence)]));
        entries.push(Entry::Run(RunEvent::CancelRequested));
        let store = reopened(4, entries).await;
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        let expected = [State::Cancelled, State::Cancelled, State::InDoubt, State::Paid];
        assert_eq!(states(&store).await, expected);
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn what_a_later_generation_replaced_is_not_resent_although_it_is_unknown_here() {
    // The record that it was refused for good is lost, or an old copy was put back.
    for is_cautious in [true, false] {
        run(async {
            let first = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &first);
            provider.remember(anew(&first, 1).payments[0].provider_reference);
            let entries = events(0, &[INTENT]);
            let store = match is_cautious {
                true => cautious(1, entries).await,
                false => reopened(1, entries).await,
            };
            engine(&first, &provider, store.clone()).run(std::future::pending()).await.unwrap();
            assert_eq!(states(&store).await, [State::InDoubt]);
            assert_eq!(sent(&provider), 0);
        });
    }
}

#[test]
fn a_failed_payment_that_differs_at_the_provider_stays_failed_and_stops_nothing() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let differs = Ok(LookUp::Different("wallet is w9 there".into()));
        provider.says.lock().unwrap().insert(plan.payments[0].provider_reference, differs);
        let expired = Settlement::Failed { correctable: true };
        let store = reopened(2, events(0, &[INTENT, Event::Answered(expired)])).await;
        let finish =
            engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(finish.stopped, None);
        assert_eq!(states(&store).await, [State::Failed, State::Paid]);
    });
}

#[test]
fn a_failed_payment_that_is_not_found_any_more_is_asked_about_once() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let expired = Settlement::Failed { correctable: true };
        let store = reopened(1, events(0, &[INTENT, Event::Answered(expired)])).await;
        let began = tokio::time::Instant::now();
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::Failed]);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    });
}

#[test]
fn a_question_that_the_provider_refuses_for_good_does_not_keep_a_run_for_ever() {
    let refused = || Err(CallError::Refused("HTTP 403: payee suspended".into()));
    let hours = Duration::from_secs(6 * 3600);
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        provider.says.lock().unwrap().insert(plan.payments[0].provider_reference, refused());
        let store = cautious(2, Vec::new()).await;
        let engine = engine(&plan, &provider, store.clone());
        let finish = tokio::time::timeout(hours, engine.run(std::future::pending())).await;
        assert_eq!(finish.unwrap().unwrap().stopped, None);
        assert_eq!(states(&store).await, [State::Planned, State::Paid]);
    });
    run(async {
        let (first, anew) = (plan(1), anew(&plan(1), 1));
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &anew);
        provider.says.lock().unwrap().insert(first.payments[0].provider_reference, refused());
        let store = Arc::new(MemoryStore::new(1));
        let mut engine = engine(&anew, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let finish = tokio::time::timeout(hours, engine.run(std::future::pending())).await;
        assert_eq!(finish.unwrap().unwrap().stopped, None);
        assert_eq!(states(&store).await, [State::Planned]);
        assert_eq!(sent(&provider), 0);
    });
}

#[test]
fn every_payment_to_a_suspended_payee_is_held_and_others_go_on() {
    run(async {
        let plan = to_one_phone(40, 30);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.banned.lock().unwrap() = Some(plan.payments[0].payment.payee.phone.clone());
        let store = Arc::new(MemoryStore::new(40));
        engine(&plan, &provider, store.clone()).run(std::future::pending()).await.unwrap();
        let states = states(&store).await;
        assert_eq!((count(&states, State::Held), count(&states, State::Paid)), (30, 10));
        assert!(sent(&provider) <= 8 + 10, "{} requests", sent(&provider));
    });
}

#[test]
fn an_unknown_payment_to_a_suspended_payee_is_not_sent_again_and_again() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.banned.lock().unwrap() = Some(plan.payments[0].payment.payee.phone.clone());
        let store = reopened(1, events(0, &[INTENT])).await;
        let engine = engine(&plan, &provider, store.clone());
        let minutes = Duration::from_secs(300);
        let finish = tokio::time::timeout(minutes, engine.run(std::future::pending())).await;
        assert_eq!(finish.unwrap().unwrap().stopped, None);
        assert_eq!(states(&store).await, [State::Unknown]);
        assert_eq!(sent(&provider), 1);
    });
}

#[test]
fn two_payments_to_one_phone_keep_their_distance_over_a_pause() {
    run(async {
        let (gap, apart) = (Duration::from_secs(60), to_one_phone(3, 0));
        let mut plan = (*apart).clone();
        plan.payments[2].payment.payee.phone = plan.payments[1].payment.payee.phone.clone();
        let plan = Arc::new(plan);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.same_payee_gap.lock().unwrap() = gap;
        *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
        *provider.busy_wait.lock().unwrap() = Duration::from_secs(70);
        let mut engine = engine(&plan, &provider, Arc::new(MemoryStore::new(3)));
        let money = vec![RateLimit::per_seconds(1, 1)];
        let limits = RateLimits { money, ..RateLimits::default() };
        engine.pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
        let calm = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            *provider.faults.lock().unwrap() = Faults::default();
        };
        let (finish, ()) = tokio::join!(engine.run(std::future::pending()), calm);
        finish.unwrap();
        let executions = provider.executions.lock().unwrap();
        let at = |i: usize| executions[&plan.payments[i].provider_reference].at;
        assert!(at(2).abs_diff(at(1)) >= gap, "{:?} and {:?}", at(1), at(2));
    });
}

#[test]
fn a_429_is_waited_out_by_calls_of_every_kind() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { busy: 1000, ..Faults::default() };
        let engine = engine(&plan, &provider, Arc::new(MemoryStore::new(1)));
        let one_answer = tokio::time::sleep(Duration::from_millis(100));
        engine.run(one_answer).await.unwrap();
        for class in CallClass::ALL {
            assert!(engine.pace.try_token(class).is_err(), "{class:?}");
        }
    });
}

#[test]
fn a_fault_of_the_records_is_told_although_the_run_was_being_stopped() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut store = FrailStore::new(1);
        store.breaks_at = Some(2);
        // Stopped while the only request is under way; then its answer cannot be written.
        let finish = engine(&plan, &provider, Arc::new(store))
            .run(tokio::time::sleep(Duration::from_millis(5)))
            .await
            .unwrap();
        assert!(matches!(finish.stopped, Some(StopCause::Store(_))), "{finish:?}");
    });
}

#[test]
fn records_of_another_plan_are_refused() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(1));
        assert!(engine(&plan, &provider, store).run(std::future::pending()).await.is_err());
    });
}

/// One token for one request, where nothing is slow.
#[test]
fn a_quick_disk_costs_no_second_token() {
    run(async {
        let plan = plan(40);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut engine = engine(&plan, &provider, Arc::new(FrailStore::new(40)));
        let money = vec![RateLimit::per_seconds(5, 1)];
        let limits = RateLimits { money, ..RateLimits::default() };
        engine.pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
        engine.run(std::future::pending()).await.unwrap();
        let last = *provider.sent_at.lock().unwrap().last().unwrap();
        assert!(last < Duration::from_millis(8500), "{last:?}");
    });
}

/// What the journal puts between a token and its request counts too (I8).
#[test]
fn a_slow_disk_does_not_bunch_requests_beyond_the_limit() {
    run(async {
        let plan = plan(40);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut store = FrailStore::new(40);
        store.late = Some(Duration::from_millis(900));
        let mut engine = engine(&plan, &provider, Arc::new(store));
        let limits =
            RateLimits { money: vec![RateLimit::per_seconds(5, 1)], ..RateLimits::default() };
        engine.pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
        engine.run(std::future::pending()).await.unwrap();
        let sent = provider.sent_at.lock().unwrap();
        assert!(sent.len() >= 40);
        for window in sent.windows(6) {
            assert!(window[5] - window[0] >= Duration::from_secs(1), "{window:?}");
        }
    });
}

/// A process that was frozen may send only when it goes on: the time-out of its request is not over then, whatever the clock says (I3).
#[test]
fn a_request_of_a_process_that_was_frozen_can_have_left_as_late_as_its_answer_came() {
    for seed in 0..50 {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(seed), &plan);
            *provider.faults.lock().unwrap() =
                Faults { arrives_late: 1000, lag_ms: 1400, ..Faults::default() };
            let store = Arc::new(MemoryStore::new(1));
            let engine = engine(&plan, &provider, store.clone());
            let mut process = std::pin::pin!(engine.run(std::future::pending()));
            let until_sent = tokio::time::timeout(Duration::from_millis(6), &mut process).await;
            assert!(until_sent.is_err());
            assert_eq!(sent(&provider), 1);
            // Nothing of it goes on meanwhile.
            tokio::time::sleep(Duration::from_secs(600)).await;
            process.await.unwrap();
            assert_eq!(provider.most_executed(), 1, "seed {seed}");
            assert_eq!(states(&store).await, [State::Paid], "seed {seed}");
        });
    }
}
