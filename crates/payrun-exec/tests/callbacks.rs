//! What the provider says unasked is never believed: it only makes the run ask sooner. And what it forgets for a while proves nothing.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{
    AccountId, Basis, Event, GatewayHost, PaymentIndex, Plan, PlannedPayment, ProviderReference,
    Settlement, State, Wallet, WalletId,
};
use payrun_exec::{Engine, Finish, Notice, Pace, Settings};
use payrun_ports::{
    Answer, Body, CallClass, CallError, Clock, Entry, Gateway, GatewayRules, LookUp, PayeeKey,
    PaymentEntry, Permit, RateLimit, RateLimits, RunStore,
};
use payrun_store::MemoryStore;
use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fate, Faults, Provider, Seed, VirtualClock, engine, plan, run, settings};
use tokio::time::{Instant, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn states(store: &MemoryStore) -> Vec<State> {
    let history = store.reopened().history().await.unwrap();
    history.progress.iter().map(|progress| progress.standing.state).collect()
}

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

// ---------------------------------------------------------------- attacks

/// The provider, with a way back that takes time, and an outage that may end.
struct Wrapped {
    provider: Arc<Provider>,
    /// How long the answer to a look-up, and to a request, is on its way back.
    way_back: [Duration; 2],
    /// Whether it knows this reference, each time that it is asked about it; until this is over it knows nothing else.
    knows: Mutex<(ProviderReference, VecDeque<bool>)>,
    /// When each look-up came.
    asked_at: Mutex<Vec<Duration>>,
}

fn wrapped(provider: &Arc<Provider>, way_back: [u32; 2]) -> Arc<Wrapped> {
    Arc::new(Wrapped {
        provider: provider.clone(),
        way_back: way_back.map(|milliseconds| milliseconds * MILLISECOND),
        knows: Mutex::new((ProviderReference::from_bytes([0; 16]), VecDeque::new())),
        asked_at: Mutex::default(),
    })
}

#[async_trait]
impl Gateway for Wrapped {
    fn host(&self) -> GatewayHost {
        self.provider.host()
    }
    fn rules(&self) -> GatewayRules {
        self.provider.rules()
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.provider.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.provider.wallets().await
    }
    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.provider.find_payee(planned).await
    }
    async fn create_payee(&self, planned: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.provider.create_payee(planned).await
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.provider.body(p, w, k)
    }
    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        let answer = self.provider.send(permit, planned, body).await;
        sleep(self.way_back[1]).await;
        answer
    }
    async fn look_up(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let forgets = {
            let mut knows = self.knows.lock().unwrap();
            match planned.provider_reference == knows.0 {
                true => knows.1.pop_front().map(|knows| !knows),
                false => Some(!knows.1.is_empty()),
            }
        };
        if forgets == Some(true) {
            return Ok(LookUp::NotFound);
        }
        self.asked_at.lock().unwrap().push(self.provider.clock.now().0);
        let answer = self.provider.look_up(planned, wallet, body).await;
        sleep(self.way_back[0]).await;
        answer
    }
}

fn never_settling(plan: &Plan) -> Arc<Provider> {
    let fates = plan.payments.iter().map(|p| (p.provider_reference, Fate::NeverSettles));
    Arc::new(Provider::with_fates(VirtualClock::new(), Seed::new(1), fates.collect()))
}

fn says(provider: &Provider, reference: ProviderReference, said: Result<LookUp, CallError>) {
    provider.says.lock().unwrap().insert(reference, said);
}

const IN_FLIGHT: Result<LookUp, CallError> = Ok(LookUp::Found(Settlement::InFlight, None));
const NEEDS_PERSON: Result<LookUp, CallError> = Ok(LookUp::Found(Settlement::NeedsPerson, None));

async fn until(provider: &Provider, at: u64) {
    let at = Duration::from_millis(at);
    sleep(at.saturating_sub(provider.clock.now().0)).await;
}

async fn beside(engine: &Engine, other: impl Future<Output = ()>) -> Finish {
    let other = async {
        other.await;
        pending::<()>().await;
    };
    tokio::select! {
        finish = engine.run(pending()) => finish.unwrap(),
        () = other => unreachable!(),
    }
}

/// The records of a process that had `accepted` payments of the plan accepted.
async fn accepted(plan: &Plan, provider: &Provider, accepted: u32) -> Arc<MemoryStore> {
    let store = MemoryStore::new(plan.payments.len());
    for index in 0..accepted {
        provider.remember(plan.payments[index as usize].provider_reference);
        let (payment, at) = (PaymentIndex(index), provider.clock.wall());
        let entry =
            |event, body| Entry::Payment(PaymentEntry { payment, event, at, body, reason: None });
        let intent = Event::Intent { attempt: 1, basis: Basis::Clear };
        let answer = Event::Answered(Settlement::InFlight);
        let group = vec![entry(intent, Some(Body::new(*b"body"))), entry(answer, None)];
        let _permits = store.commit(group).await.unwrap();
    }
    Arc::new(store.reopened())
}

fn usual_limits() -> RateLimits {
    let money = vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
    RateLimits {
        payee: money.clone(),
        money,
        read: vec![RateLimit::per_seconds(20, 5)],
        all: vec![RateLimit::per_seconds(15, 5)],
    }
}

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
    let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
    let settings = Settings::default();
    let engine = Engine { settings, pace, ..engine(&plan, &provider, store.clone()) };
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

/// A single answer that cannot be read does not cost the only question that a process asks about a payment in doubt.
#[test]
fn a_payment_in_doubt_is_asked_about_again_where_the_answer_could_not_be_read() {
    run(async {
        let plan = plan(1);
        let reference = plan.payments[0].provider_reference;
        let provider = never_settling(&plan);
        says(&provider, reference, NEEDS_PERSON);
        let store = Arc::new(MemoryStore::new(1));
        let _ = engine(&plan, &provider, store.clone()).run(pending()).await.unwrap();
        assert_eq!(states(&store).await, [State::InDoubt]);
        let store = Arc::new(store.reopened());
        says(&provider, reference, Err(CallError::Unreadable("500".into())));
        let began = provider.asked.load(Ordering::Relaxed);
        let _ = beside(&engine(&plan, &provider, store.clone()), async {
            while provider.asked.load(Ordering::Relaxed) < began + 2 {
                sleep(MILLISECOND).await;
            }
            sleep(20 * MILLISECOND).await;
            says(&provider, reference, Ok(LookUp::Found(Settlement::Paid, None)));
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid]);
    });
}

/// The others wait longer than patience, and one broken look-up must not stop all.
#[test]
fn one_callback_does_not_stop_a_run_that_waits_for_others() {
    for forged in [false, true] {
        run(async {
            let plan = plan(2);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let (doubtful, other) =
                (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
            says(&provider, doubtful, NEEDS_PERSON);
            says(&provider, other, IN_FLIGHT);
            let store = Arc::new(MemoryStore::new(2));
            let minute = Duration::from_secs(60);
            let settings = Settings { poll_max: 10 * minute, ..settings() };
            let settings = Settings { settle_timeout: 60 * minute, ..settings };
            let settings = Settings { gateway_patience: 2 * minute, ..settings };
            let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
            let finish = beside(&engine, async {
                until(&provider, 20 * 60 * 1000).await;
                says(&provider, doubtful, Err(CallError::Unreadable("500".into())));
                provider.says.lock().unwrap().remove(&other);
                if forged {
                    engine.callbacks.heard_of(doubtful);
                }
            })
            .await;
            assert_eq!(finish.stopped, None, "forged: {forged}");
            assert_eq!(states(&store).await, [State::InDoubt, State::Paid], "forged: {forged}");
        });
    }
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

/// `accepted` payments were accepted by an earlier process and do not settle; of the last the request is lost, and look-ups prove
/// it absent after five minutes. At the usual pace, with the usual settings: when it is sent again, if within 25 minutes.
async fn sent_again_after(accepted: u32, gap: Option<u64>) -> (Option<Duration>, u64) {
    let plan = plan(accepted + 1);
    let provider = never_settling(&plan);
    *provider.faults.lock().unwrap() = Faults { request_lost: 1000, ..Faults::default() };
    let store = self::accepted(&plan, &provider, accepted).await;
    let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
    let settings = Settings::default();
    let engine = Engine { settings, pace, ..engine(&plan, &provider, store.clone()) };
    let callbacks = async {
        let Some(gap) = gap else { return pending().await };
        for planned in plan.payments[..accepted as usize].iter().cycle() {
            sleep(Duration::from_millis(gap)).await;
            engine.callbacks.heard_of(planned.provider_reference);
        }
    };
    let sent_again = async {
        while provider.requests.load(Ordering::Relaxed) < 2 {
            sleep(100 * MILLISECOND).await;
        }
    };
    let at = tokio::select! {
        _ = engine.run(pending()) => None,
        () = callbacks => unreachable!(),
        () = sent_again => Some(provider.clock.now().0),
        () = sleep(Duration::from_secs(25 * 60)) => None,
    };
    (at, provider.asked.load(Ordering::Relaxed))
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
fn many_accepted_payments_do_not_keep_what_is_to_be_sent_from_being_sent() {
    let (calm, asked) = run(sent_again_after(200, None));
    assert!(calm.is_some(), "never sent again; asked {asked} times");
}

// ================================================================ fresh eyes

/// Payments of an earlier process: `accepted` first ones accepted, and then these moved on by another event.
async fn left(
    plan: &Plan,
    provider: &Provider,
    doubtful: u32,
    accepted: u32,
    why: &str,
) -> Arc<MemoryStore> {
    let store = self::accepted(plan, provider, doubtful + accepted).await;
    for index in 0..doubtful {
        let entry = PaymentEntry {
            payment: PaymentIndex(index),
            event: Event::WindowClosed,
            at: provider.clock.wall(),
            body: None,
            reason: Some(why.to_owned()),
        };
        let _ = store.commit(vec![Entry::Payment(entry)]).await.unwrap();
    }
    Arc::new(store.reopened())
}

/// T1
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

/// T2
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

/// T2b: how many of 300 in doubt, all of which the provider paid, are still so after a process, if every twentieth look-up fails;
/// or if the provider answers 503 for the first three seconds.
#[test]
fn many_in_doubt() {
    for outage in [true, false] {
        run(async {
            let plan = plan(300);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let store = left(&plan, &provider, 300, 0, "old").await;
            let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
            let settings = Settings::default();
            let engine = Engine { settings, pace, ..engine(&plan, &provider, store.clone()) };
            let fails = if outage { 1000 } else { 50 };
            *provider.faults.lock().unwrap() = Faults { look_up_fails: fails, ..Faults::default() };
            let finish = beside(&engine, async {
                until(&provider, 3000).await;
                if outage {
                    *provider.faults.lock().unwrap() = Faults::default();
                }
            })
            .await;
            let left = states(&store).await.iter().filter(|s| **s == State::InDoubt).count();
            println!(
                "T2b outage {outage}: {left} of 300 in doubt, {finish:?}, {:?}",
                provider.clock.now().0
            );
            assert_eq!(left, 0, "outage {outage}");
        });
    }
}

/// T5
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

/// T6
#[test]
fn frozen_after_the_answer() {
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

/// T7
#[test]
fn unknown_behind_many_accepted() {
    for accepted in [500, 1000, 2000] {
        let (at, asked) = run(sent_again_after(accepted, None));
        println!("T7 {accepted} accepted: sent again {at:?}, asked {asked}");
    }
}

/// T8: the first request is lost; look-ups show what was accepted only after some seconds; sending goes on at one a second.
#[test]
fn lag() {
    for lag_ms in [0, 3000, 8000, 20000] {
        run(async {
            let plan = plan(1500);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            *provider.faults.lock().unwrap() =
                Faults { request_lost: 1000, lag_ms, ..Faults::default() };
            let store = Arc::new(MemoryStore::new(1500));
            let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
            let settings = Settings::default();
            let engine = Engine { settings, pace, ..engine(&plan, &provider, store.clone()) };
            let others = async {
                while provider.requests.load(Ordering::Relaxed) < 1 {
                    sleep(MILLISECOND).await;
                }
                sleep(100 * MILLISECOND).await;
                *provider.faults.lock().unwrap() = Faults { lag_ms, ..Faults::default() };
                loop {
                    sleep(100 * MILLISECOND).await;
                    let all = provider.executions.lock().unwrap();
                    if let Some(e) = all.get(&plan.payments[0].provider_reference) {
                        println!(
                            "T8 lag {lag_ms}: sent again at {:?} after {} others",
                            e.at,
                            all.len()
                        );
                        break;
                    }
                }
                pending::<()>().await;
            };
            tokio::select! {
                finish = engine.run(pending()) => { let _ = finish.unwrap(); },
                () = others => {},
            }
            println!(
                "T8 lag {lag_ms}: ended {:?}, asked {}",
                provider.clock.now().0,
                provider.asked.load(Ordering::Relaxed)
            );
        });
    }
}

/// T9: every payee is new. How long 900 payments take, and how many are accepted and not yet seen paid at the worst.
struct NewPayees(Arc<Provider>);

#[async_trait]
impl Gateway for NewPayees {
    fn host(&self) -> GatewayHost {
        self.0.host()
    }
    fn rules(&self) -> GatewayRules {
        self.0.rules()
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.0.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.0.wallets().await
    }
    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.0.find_payee(planned).await.map(|_| None)
    }
    async fn create_payee(&self, planned: &PlannedPayment) -> Result<PayeeKey, CallError> {
        sleep(5 * MILLISECOND).await;
        Ok(PayeeKey(planned.payment.payee.phone.as_str().to_owned()))
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.0.body(p, w, k)
    }
    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        self.0.send(permit, planned, body).await
    }
    async fn look_up(
        &self,
        p: &PlannedPayment,
        w: &WalletId,
        b: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.0.look_up(p, w, b).await
    }
}

#[test]
fn new_payees() {
    for money in [60, 300] {
        run(async {
            let plan = plan(900);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let store = Arc::new(MemoryStore::new(900));
            let mut limits = usual_limits();
            if money > 60 {
                limits.money = vec![RateLimit::per_seconds(money, 60)];
            }
            let pace = Arc::new(Pace::new(&limits, provider.clock.clone()));
            let settings = Settings::default();
            let gateway = Arc::new(NewPayees(provider.clone()));
            let engine =
                Engine { settings, pace, gateway, ..engine(&plan, &provider, store.clone()) };
            let watch = async {
                loop {
                    sleep(Duration::from_secs(150)).await;
                    let states = states(&store).await;
                    let count = |state| states.iter().filter(|s| **s == state).count();
                    println!(
                        "T9 money {money}/60 {:?}: accepted {} paid {} planned {}",
                        provider.clock.now().0,
                        count(State::Accepted),
                        count(State::Paid),
                        count(State::Planned)
                    );
                }
            };
            tokio::select! {
                finish = engine.run(pending()) => { println!("T9 {:?}", finish.unwrap()); },
                () = watch => {},
            }
            println!(
                "T9 money {money}/60: ended {:?}, last sent {:?}",
                provider.clock.now().0,
                provider.sent_at.lock().unwrap().last()
            );
        });
    }
}

/// T3
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

/// T4
#[test]
fn a_time_out_and_then_a_500_of_one_in_doubt_does_not_stop_the_run() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let (doubtful, other) =
            (plan.payments[0].provider_reference, plan.payments[1].provider_reference);
        says(&provider, doubtful, NEEDS_PERSON);
        says(&provider, other, IN_FLIGHT);
        let store = Arc::new(MemoryStore::new(2));
        let minute = Duration::from_secs(60);
        let settings = Settings { poll_max: 10 * minute, ..settings() };
        let settings = Settings { settle_timeout: 60 * minute, ..settings };
        let settings = Settings { gateway_patience: 2 * minute, ..settings };
        let engine = Engine { settings, ..engine(&plan, &provider, store.clone()) };
        let finish = beside(&engine, async {
            until(&provider, 20 * 60 * 1000).await;
            says(&provider, doubtful, Err(CallError::Timeout(minute)));
            engine.callbacks.heard_of(doubtful);
            sleep(50 * MILLISECOND).await;
            says(&provider, doubtful, Err(CallError::Unreadable("500".into())));
            provider.says.lock().unwrap().remove(&other);
        })
        .await;
        assert_eq!(finish.stopped, None);
        assert_eq!(states(&store).await, [State::InDoubt, State::Paid]);
    });
}

/// T10: there was nothing to ask beside the last question when it was decided on, but there was when it was answered.
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
            println!(
                "T10 {way_back}: {:?} asked {:?}",
                provider.sent_at.lock().unwrap(),
                gateway.asked_at.lock().unwrap()
            );
            assert_eq!(provider.most_executed(), 1, "{way_back}");
        });
    }
}

/// T11: a callback that comes while the last question of a proof is on its way.
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
        let hour = Duration::from_secs(3600);
        let settings = Settings { poll_first: hour, poll_max: hour, ..settings() };
        let settings = Settings { poll_first: 200 * MILLISECOND, ..settings };
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
            println!("T11 heard at {:?}", provider.clock.now().0);
            engine.callbacks.heard_of(lost);
        })
        .await;
        println!(
            "T11 sent {:?} asked {:?}",
            provider.sent_at.lock().unwrap(),
            gateway.asked_at.lock().unwrap()
        );
        assert_eq!(provider.most_executed(), 1);
    });
}

/// T12: a callback that comes while one unknown is asked about.
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

/// T2c: the provider answers 503 to everything, all the time.
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

/// T13: a callback that comes when absence is proven, and it waits for its token to be sent again.
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
