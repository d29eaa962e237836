//! Between an intent on record and its request lie a slow disk, a freezing machine, another token: it is judged again.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex, Settlement, State, UnixMillis};
use payrun_exec::{CallClass, Engine, Pace, Settings};
use payrun_ports::{
    Body, CallError, Clock, Entry, History, LookUp, PaymentEntry, RateLimit, RateLimits, Receipt,
    RunStore, StoreError,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, as_usual, beside, never_settling, paid_anew, says, states, until,
    usual_limits, wrapped,
};
use support::past::{INTENT, anew, events, events_at, first_anew, predecessors, reopened, sent};
use support::{Fate, Provider, Seed, VirtualClock, engine, plan, run, settings, to_one_phone};
use tokio::time::{sleep, timeout};

/// A store whose intents take some time to reach the disk, and that says so.
struct Slow {
    inner: Arc<MemoryStore>,
    commit: Duration,
    writes_intent: AtomicBool,
}

#[async_trait]
impl RunStore for Slow {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let intent = group.iter().any(|entry| {
            matches!(entry, Entry::Payment(PaymentEntry { event: Event::Intent { .. }, .. }))
        });
        self.writes_intent.store(intent, Ordering::Relaxed);
        sleep(self.commit).await;
        self.writes_intent.store(false, Ordering::Relaxed);
        self.inner.commit(group).await
    }
    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.inner.body(payment).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// A store that takes so many milliseconds for each group.
fn slow(inner: Arc<MemoryStore>, milliseconds: u32) -> Arc<Slow> {
    Arc::new(Slow {
        inner,
        commit: milliseconds * MILLISECOND,
        writes_intent: AtomicBool::new(false),
    })
}

/// Why a request is twenty minutes later than its intent.
#[derive(Debug, Clone, Copy)]
enum Delay {
    Freeze,
    /// Its token grew old behind a slow disk, and another process of the same key got a 429.
    Wait,
}

#[test]
fn nothing_is_sent_again_after_its_window() {
    let (day, delayed) = (Duration::from_secs(24 * 3600), Duration::from_secs(1200));
    let before = u64::try_from((day - delayed / 2).as_millis()).unwrap();
    for (limits, commit, delay) in [
        (RateLimits::default(), 50, Delay::Freeze),
        (usual_limits(), 50, Delay::Freeze),
        (usual_limits(), 900, Delay::Wait),
    ] {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let first_at = UnixMillis(provider.clock.wall().0 - before);
            let inner = reopened(1, events_at(first_at, 0, &[INTENT])).await;
            let store = slow(inner, commit);
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
            let _ = beside(&engine, async {
                while !store.writes_intent.load(Ordering::Relaxed) {
                    sleep(MILLISECOND).await;
                }
                match delay {
                    Delay::Freeze => tokio::time::advance(delayed).await,
                    Delay::Wait => engine.pace.pause(CallClass::Money, delayed),
                }
            })
            .await;
            for at in provider.sent_at.lock().unwrap().iter() {
                let age = Duration::from_millis(before) + *at;
                assert!(age < day, "{delay:?}: sent {age:?} after the first intent");
            }
        });
    }
}

/// What a payment replaces is corrected to paid while the new intent, which is durable, waits for its second token.
#[test]
fn what_it_replaces_is_read_again_before_a_request_that_waited_for_its_second_token() {
    run(async {
        let first = plan(1);
        let plan = anew(&first, 1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let before = first.payments[0].provider_reference;
        says(&provider, before, Ok(LookUp::Found(Settlement::Failed { correctable: true }, None)));
        let inner = Arc::new(MemoryStore::new(1));
        let store = slow(inner, 900);
        let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
        let mut engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        let _ = beside(&engine, async {
            while !store.writes_intent.load(Ordering::Relaxed) {
                sleep(MILLISECOND).await;
            }
            engine.pace.pause(CallClass::Money, Duration::from_secs(1200));
            sleep(Duration::from_secs(5)).await;
            says(&provider, before, Ok(LookUp::Found(Settlement::Paid, None)));
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(at.is_empty(), "generation 0 was paid after 5 s, generation 1 was sent at {at:?}");
    });
}

/// A durable intent waits for its second token, and meanwhile the provider says that it knows the payment.
#[test]
fn a_callback_is_heeded_while_a_second_intent_waits_for_its_token() {
    run(async {
        let plan = plan(1);
        let provider = never_settling(&plan);
        let reference = plan.payments[0].provider_reference;
        says(&provider, reference, Ok(LookUp::NotFound));
        let inner = reopened(1, events(0, &[INTENT])).await;
        let store = slow(inner, 900);
        let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
        let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
        let heard = std::sync::Mutex::new(Duration::ZERO);
        let _ = beside(&engine, async {
            while !store.writes_intent.load(Ordering::Relaxed) {
                sleep(MILLISECOND).await;
            }
            // A 429 of another call of the same key.
            engine.pace.pause(CallClass::Money, Duration::from_secs(60));
            sleep(Duration::from_secs(5)).await;
            says(&provider, reference, IN_FLIGHT);
            engine.callbacks.heard_of(reference);
            *heard.lock().unwrap() = provider.clock.now().0;
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(at.is_empty(), "callback at {:?}, sent again at {at:?}", heard.lock().unwrap());
    });
}

/// Stopped while a durable intent waits for its second token: it was never sent.
#[test]
fn what_was_never_sent_is_not_unknown_after_a_stop() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let inner = Arc::new(MemoryStore::new(1));
        let store = slow(inner.clone(), 900);
        let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
        let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
        let stop = async {
            while !store.writes_intent.load(Ordering::Relaxed) {
                sleep(MILLISECOND).await;
            }
            engine.pace.pause(CallClass::Money, Duration::from_secs(60));
            sleep(Duration::from_secs(5)).await;
        };
        let began = tokio::time::Instant::now();
        let finish = engine.run(stop).await.unwrap();
        assert_eq!(sent(&provider), 0);
        assert_eq!(
            states(&inner).await,
            [State::Planned],
            "{finish:?} after {:?}",
            began.elapsed()
        );
    });
}

/// A store that does one thing at a time, as payrun's own does: a body is read when the group before it is on the disk.
struct Serial {
    inner: Arc<MemoryStore>,
    turn: tokio::sync::Mutex<()>,
    groups: AtomicU64,
}

#[async_trait]
impl RunStore for Serial {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let _turn = self.turn.lock().await;
        if self.groups.fetch_add(1, Ordering::Relaxed) % 5 == 2 {
            sleep(Duration::from_secs(2)).await;
        }
        self.inner.commit(group).await
    }
    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        let _turn = self.turn.lock().await;
        self.inner.body(payment).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// What the journal puts between a token and its look-up counts too (I8).
#[test]
fn a_slow_disk_does_not_bunch_look_ups_beyond_the_limit() {
    run(async {
        let plan = plan(100);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let accepted = [INTENT, Event::Answered(Settlement::InFlight)];
        for planned in &plan.payments {
            provider.remember(planned.provider_reference);
        }
        let left = (0..100).flat_map(|i| events(i, &accepted)).collect();
        let inner = reopened(100, left).await;
        let store = Arc::new(Serial { inner, turn: Default::default(), groups: AtomicU64::new(0) });
        let limits =
            RateLimits { read: vec![RateLimit::per_seconds(20, 5)], ..RateLimits::default() };
        let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
        let gateway = wrapped(&provider, [0, 0]);
        let settings = Settings { in_flight_max: 32, ..settings() };
        let engine =
            Engine { pace, settings, gateway: gateway.clone(), ..engine(&plan, &provider, store) };
        let _ = beside(&engine, async {}).await;
        let at = gateway.asked_at.lock().unwrap().clone();
        let five = Duration::from_secs(5);
        let most =
            (0..at.len()).map(|i| at[i..].iter().take_while(|t| **t - at[i] < five).count()).max();
        assert!(most <= Some(20), "{most:?} look-ups in 5 s where 20 are allowed");
    });
}

/// At the documented limits a token is fresh for 50 ms; what a payment replaces is read behind it.
#[test]
fn what_is_paid_anew_is_sent_however_long_a_look_up_takes() {
    for (generation, count, way_back) in
        [(1, 2, 0), (1, 2, 60), (1, 2, 300), (3, 1, 11_000), (3, 60, 100), (1, 120, 100)]
    {
        run(async {
            let (plan, provider, predecessors) = paid_anew(&plan(count), generation);
            let store = Arc::new(MemoryStore::new(plan.payments.len()));
            let gateway = wrapped(&provider, [way_back, 0]);
            let mut engine = Engine { gateway, ..as_usual(&plan, &provider, store) };
            engine.predecessors = predecessors;
            let ended = timeout(Duration::from_secs(2 * 3600), engine.run(pending())).await;
            let sent = sent(&provider);
            assert!(ended.is_ok(), "generation {generation}, {way_back} ms: {sent} of {count}");
            assert_eq!(sent, u64::from(count), "generation {generation}, {way_back} ms");
        });
    }
}

/// At ten calls a minute, while those that are accepted already are asked about all the time, what is read first is as old as
/// half an hour when the last is read.
#[test]
fn what_is_paid_anew_is_sent_at_a_slow_pace() {
    run(async {
        let (plan, provider, predecessors) = paid_anew(&plan(40), 3);
        let slow =
            RateLimits { all: vec![RateLimit::per_seconds(10, 60)], ..RateLimits::default() };
        provider.limits.lock().unwrap().clone_from(&slow);
        let engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(40)));
        let pace = Arc::new(Pace::new(&slow, provider.clock.clone()));
        let engine = Engine { pace, predecessors, ..engine };
        let _ = timeout(Duration::from_secs(4 * 3600), engine.run(pending())).await;
        assert_eq!(sent(&provider), 40);
    });
}

/// The token that a request leaves with comes minutes after what it replaces was read behind the one before.
#[test]
fn what_is_paid_anew_is_sent_where_money_may_be_called_for_a_few_times_an_hour() {
    for (calls, seconds, way_back) in [
        (1, 200, 600),
        (1, 300, 200),
        (1, 600, 600),
        (1, 3600, 200),
        (2, 3600, 200),
        (3, 3600, 200),
    ] {
        run(async {
            let (plan, provider, predecessors) = paid_anew(&plan(2), 1);
            let money = vec![RateLimit::per_seconds(calls, seconds)];
            let slow = RateLimits { money, ..RateLimits::default() };
            provider.limits.lock().unwrap().clone_from(&slow);
            let pace = Arc::new(Pace::new(&slow, provider.clock.clone()));
            let gateway = wrapped(&provider, [way_back, 0]);
            let engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(2)));
            let engine = Engine { pace, gateway, predecessors, ..engine };
            let _ = timeout(Duration::from_secs(24 * 3600), engine.run(pending())).await;
            assert_eq!(sent(&provider), 2, "{calls} calls in {seconds} s, {way_back} ms");
        });
    }
}

/// Reading again takes longer than what was read holds.
#[test]
fn what_is_read_again_for_more_than_a_minute_is_sent() {
    run(async {
        let (plan, provider, predecessors) = paid_anew(&plan(1), 3);
        let gateway = wrapped(&provider, [25_000, 0]);
        let mut engine =
            Engine { gateway, ..as_usual(&plan, &provider, Arc::new(MemoryStore::new(1))) };
        engine.predecessors = predecessors;
        let all = beside(&engine, async {
            // The first reading ends a second later.
            until(&provider, 74_000).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(100));
        });
        assert!(timeout(Duration::from_secs(2 * 3600), all).await.is_ok(), "it does not end");
        assert_eq!(sent(&provider), 1);
    });
}

/// What two payments to one payee replace is read for longer than the gap between them is.
#[test]
fn two_payments_to_one_payee_do_not_give_way_to_each_other_for_ever() {
    for (generation, way_back, gap) in [(3, 25_000, 61), (1, 1_200, 1), (1, 100, 61)] {
        run(async {
            let (plan, provider, predecessors) = paid_anew(&to_one_phone(2, 2), generation);
            *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(gap);
            let gateway = wrapped(&provider, [way_back, 0]);
            let engine = as_usual(&plan, &provider, Arc::new(MemoryStore::new(2)));
            let engine = Engine { gateway, predecessors, ..engine };
            let ended = timeout(Duration::from_secs(24 * 3600), engine.run(pending())).await;
            let which = format!("generation {generation}, gap {gap} s, look-ups of {way_back} ms");
            assert!(ended.is_ok() && sent(&provider) == 2, "{which}: {}", sent(&provider));
            let at = provider.sent_at.lock().unwrap().clone();
            assert!(at[1] - at[0] >= Duration::from_secs(gap), "{which}: {at:?}");
        });
    }
}

/// The first of two payments to one payee waits so long that what it replaces is read again.
#[test]
fn the_gap_between_two_payments_to_one_payee_is_kept_where_one_is_checked_again() {
    run(async {
        let (plan, provider, predecessors) = paid_anew(&to_one_phone(2, 2), 1);
        let gap = Duration::from_secs(60);
        *provider.same_payee_gap.lock().unwrap() = gap;
        let gateway = wrapped(&provider, [200, 0]);
        let mut engine =
            Engine { gateway, ..as_usual(&plan, &provider, Arc::new(MemoryStore::new(2))) };
        engine.predecessors = predecessors;
        let _ = beside(&engine, async {
            sleep(100 * MILLISECOND).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(200));
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(at.len() == 2 && at[1] - at[0] >= gap, "{at:?}");
    });
}

/// Two payments to one payee, who is banned when the second one's intent waits for its second token.
#[test]
fn nothing_is_sent_to_a_payee_who_is_held_meanwhile() {
    run(async {
        let plan = to_one_phone(2, 2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.banned.lock().unwrap() = Some(plan.payments[0].payment.payee.phone.clone());
        let store = slow(Arc::new(MemoryStore::new(2)), 900);
        let engine = Engine {
            store: store.clone(),
            ..as_usual(&plan, &provider, Arc::new(MemoryStore::new(2)))
        };
        let finish = engine.run(pending()).await.unwrap();
        assert_eq!(
            sent(&provider),
            1,
            "{finish:?} {:?} {:?}",
            states(&store.inner).await,
            provider.sent_at.lock().unwrap()
        );
    });
}

/// Two payments to one payee a minute apart: the first one's intent waits for its second token.
#[test]
fn the_gap_between_two_payments_to_one_payee_is_kept_where_an_intent_waited() {
    run(async {
        let plan = to_one_phone(2, 2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(60);
        let store = slow(Arc::new(MemoryStore::new(2)), 900);
        let engine = Engine {
            store: store.clone(),
            ..as_usual(&plan, &provider, Arc::new(MemoryStore::new(2)))
        };
        let _ = beside(&engine, async {
            sleep(500 * MILLISECOND).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(100));
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(at[1] - at[0] >= Duration::from_secs(60), "{at:?}");
    });
}

/// Generation 1 of the first payment was sent by an earlier process, and its answer lost; the provider does not know it. Generation 0,
/// which had failed, is called EXPIRED since. The last payment of the plan is to the same payee.
#[test]
fn one_that_waits_for_what_it_replaces_does_not_keep_another_to_its_payee_for_ever() {
    run(async {
        let mut first = (*plan(900)).clone();
        first.payments[899].payment.payee = first.payments[0].payment.payee.clone();
        let plan = first_anew(&first);
        let first = Arc::new(first);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(61);
        says(
            &provider,
            first.payments[0].provider_reference,
            Ok(LookUp::Found(Settlement::Failed { correctable: true }, None)),
        );
        let store = reopened(900, events(0, &[INTENT])).await;
        let mut engine = as_usual(&plan, &provider, store.clone());
        engine.predecessors = predecessors(&[(&first, State::Failed)]);
        engine.predecessors.retain(|index, _| index.get() == 0);
        engine.predecessors.values_mut().flatten().for_each(|earlier| earlier.has_rested = false);
        let ended = timeout(Duration::from_secs(48 * 3600), engine.run(pending())).await;
        let (sent, asked) = (sent(&provider), provider.asked.load(Ordering::Relaxed));
        let last = states(&store).await[899];
        assert!(
            ended.is_ok() && sent == 899,
            "after {:?}: {ended:?}, {sent} sent, {asked} look-ups, the last is {last}",
            provider.clock.now().0
        );
    });
}

/// Generation 1 of the first payment was sent by an earlier process, and its answer lost; the provider does not know it. The question
/// about generation 0 is answered with a 500 each time, every other one as it should be. The last payment of the plan is to the same payee.
#[test]
fn a_predecessor_that_cannot_be_read_does_not_keep_another_to_its_payee_for_ever() {
    for said in
        [CallError::Unreadable("500".to_owned()), CallError::Timeout(Duration::from_secs(30))]
    {
        run(async {
            let mut first = (*plan(900)).clone();
            first.payments[899].payment.payee = first.payments[0].payment.payee.clone();
            let plan = first_anew(&first);
            let first = Arc::new(first);
            // One never settles, and is asked about once a minute.
            let never = (plan.payments[1].provider_reference, Fate::NeverSettles);
            let provider = Provider::with_fates(VirtualClock::new(), Seed::new(1), [never].into());
            let provider = Arc::new(provider);
            *provider.same_payee_gap.lock().unwrap() = Duration::from_secs(61);
            says(&provider, first.payments[0].provider_reference, Err(said.clone()));
            let store = reopened(900, events(0, &[INTENT])).await;
            let mut engine = as_usual(&plan, &provider, store.clone());
            engine.predecessors = predecessors(&[(&first, State::Failed)]);
            engine.predecessors.retain(|index, _| index.get() == 0);
            let ended = timeout(Duration::from_secs(48 * 3600), engine.run(pending())).await;
            let asked = provider.asked.load(Ordering::Relaxed);
            let states = states(&store).await;
            assert!(
                ended.is_ok() && sent(&provider) == 899,
                "{said}: after {:?}: {ended:?}, {} sent, {asked} look-ups, the last is {}",
                provider.clock.now().0,
                sent(&provider),
                states[899]
            );
        });
    }
}
