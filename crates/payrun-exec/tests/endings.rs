//! When a run ends, and when it does not.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{
    AccountId, Event, GatewayHost, PaymentIndex, PhoneNumber, PlannedPayment, Settlement, State,
    Wallet, WalletId,
};
use payrun_exec::{CallClass, Engine, Pace, StopCause};
use payrun_ports::{
    Answer, Body, CallError, Clock, Entry, Gateway, GatewayRules, History, LookUp, PayeeKey,
    Permit, Receipt, RunStore, StoreError,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::late::{
    IN_FLIGHT, MILLISECOND, accepted, as_usual, beside, never_settling, says, states, usual_limits,
};
use support::past::{INTENT, anew, cautious, count, events, predecessors, reopened, sent};
use support::{Faults, Provider, Seed, VirtualClock, engine, plan, run};
use tokio::time::{sleep, timeout};

/// A proof of absence of so many takes longer than settlement is waited for, and has no memory: a run that ended before its first
/// one was complete would never get on, however often it is gone on with.
#[test]
fn however_many_are_unknown_a_run_ends_only_when_each_was_sent_again() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for (many, settle_timeout) in [(1000, minutes(0)), (1000, minutes(10)), (3000, minutes(30))] {
        run(async {
            let plan = plan(many);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            let left = (0..many).flat_map(|i| events(i, &[INTENT])).collect();
            let store = reopened(many as usize, left).await;
            let mut engine = as_usual(&plan, &provider, store.clone());
            engine.settings.settle_timeout = settle_timeout;
            let finish = engine.run(pending()).await.unwrap();
            assert_eq!(sent(&provider), u64::from(many), "{settle_timeout:?}: {finish:?}");
        });
    }
}

/// A cautious start over so many accepted payments that asking takes longer than settlement is waited for.
#[test]
fn what_a_cautious_start_discovers_last_is_waited_for() {
    run(async {
        let many = 600;
        let plan = plan(many);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        for planned in &plan.payments {
            says(&provider, planned.provider_reference, IN_FLIGHT);
        }
        let store = cautious(many as usize, Vec::new()).await;
        let mut engine = as_usual(&plan, &provider, store.clone());
        engine.settings.settle_timeout = Duration::from_secs(60);
        engine.run(pending()).await.unwrap();
        let history = store.reopened().history().await.unwrap();
        let found_at = history.progress.iter().filter_map(|progress| progress.changed_at);
        let (first, last) = (found_at.clone().min().unwrap(), found_at.max().unwrap());
        assert!(last.since(first) > Some(engine.settings.settle_timeout), "all at once");
        let waited = provider.clock.wall().since(last);
        assert!(waited >= Some(engine.settings.settle_timeout), "{waited:?} after the last");
    });
}

/// Frozen for about as long as is waited for.
#[test]
fn a_process_that_was_frozen_for_as_long_as_it_waits_asks_before_it_ends() {
    let mut ended = Vec::new();
    for frozen in [40, 50, 55, 58, 59, 60, 61, 62, 65, 68, 70, 75, 100, 3600] {
        run(async {
            let plan = plan(1);
            let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
            *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
            let store = Arc::new(MemoryStore::new(1));
            let pace = Arc::new(Pace::new(&usual_limits(), provider.clock.clone()));
            let engine = Engine { pace, ..engine(&plan, &provider, store.clone()) };
            let _ = beside(&engine, async {
                while sent(&provider) < 1 {
                    sleep(MILLISECOND).await;
                }
                // The answer is lost some 50 ms later. Then it is frozen before it could ask.
                engine.pace.pause(CallClass::Read, Duration::from_secs(5));
                sleep(200 * MILLISECOND).await;
                tokio::time::advance(Duration::from_secs(frozen)).await;
            })
            .await;
            let state = states(&store).await[0];
            if state != State::Paid {
                ended.push((frozen, state, provider.asked.load(Ordering::Relaxed)));
            }
        });
    }
    assert!(ended.is_empty(), "(frozen s, state, asked): {ended:?}");
}

/// One failed look-up, a freeze, and one more that the freeze broke.
#[test]
fn a_freeze_is_not_an_outage_of_the_provider() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        *provider.faults.lock().unwrap() = Faults { answer_lost: 1000, ..Faults::default() };
        let reference = plan.payments[0].provider_reference;
        says(&provider, reference, Err(CallError::Unreachable("reset".into())));
        let store = Arc::new(MemoryStore::new(1));
        let engine = engine(&plan, &provider, store.clone());
        let finish = beside(&engine, async {
            while provider.asked.load(Ordering::Relaxed) < 2 {
                sleep(MILLISECOND).await;
            }
            tokio::time::advance(Duration::from_secs(600)).await;
            sleep(20 * MILLISECOND).await;
            provider.says.lock().unwrap().clear();
        })
        .await;
        assert_eq!(
            finish.stopped,
            None,
            "{:?} at {:?}",
            states(&store).await,
            provider.clock.now().0
        );
    });
}

/// One payment of which a question cannot be answered, beside one that never settles.
#[test]
fn one_question_that_always_fails_does_not_keep_a_run_for_ever() {
    let mut endless = Vec::new();
    for other_settles in [true, false] {
        run(async {
            let first = plan(2);
            let mut plan = (*plan(2)).clone();
            plan.payments[0] = anew(&first, 1).payments[0].clone();
            let plan = Arc::new(plan);
            let provider = if other_settles {
                Provider::new(VirtualClock::new(), Seed::new(1), &plan)
            } else {
                never_settling(&plan)
            };
            says(
                &provider,
                first.payments[0].provider_reference,
                Err(CallError::Unreadable("500".into())),
            );
            let store = Arc::new(MemoryStore::new(2));
            let mut engine = as_usual(&plan, &provider, store.clone());
            engine.predecessors = predecessors(&[(&first, State::Failed)]);
            let finish = timeout(Duration::from_secs(48 * 3600), engine.run(pending())).await;
            if finish.is_err() {
                endless.push(other_settles);
            }
        });
    }
    assert!(endless.is_empty(), "does not end where the other settles: {endless:?}");
}

/// The same at a cautious start: the look-up of one payment always fails.
#[test]
fn one_look_up_that_always_fails_does_not_keep_a_cautious_start_for_ever() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        says(
            &provider,
            plan.payments[0].provider_reference,
            Err(CallError::Unreadable("500".into())),
        );
        let store = cautious(2, Vec::new()).await;
        let engine = as_usual(&plan, &provider, store.clone());
        let finish = timeout(Duration::from_secs(48 * 3600), engine.run(pending())).await;
        assert!(finish.is_ok(), "still runs after two days: {:?}", states(&store).await);
    });
}

/// A store that cannot read back one body.
struct Damaged(Arc<MemoryStore>);

#[async_trait]
impl RunStore for Damaged {
    async fn history(&self) -> Result<History, StoreError> {
        self.0.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        self.0.commit(group).await
    }
    async fn body(&self, _: PaymentIndex) -> Result<Option<Body>, StoreError> {
        Err(StoreError::Damaged("a body does not read back".into()))
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}

/// A record that is damaged is not a provider that is gone.
#[test]
fn a_body_that_cannot_be_read_back_is_a_fault_of_the_records() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        provider.remember(plan.payments[0].provider_reference);
        let accepted = [INTENT, Event::Answered(Settlement::InFlight)];
        let store = Damaged(reopened(1, events(0, &accepted)).await);
        let finish = engine(&plan, &provider, Arc::new(store)).run(pending()).await.unwrap();
        assert!(matches!(finish.stopped, Some(StopCause::Store(_))), "{finish:?}");
    });
}

/// The provider, of which one payee cannot be asked about so many times.
struct Picky {
    inner: Arc<Provider>,
    phone: PhoneNumber,
    fails: AtomicU64,
    error: CallError,
    takes: Duration,
}
#[async_trait]
impl Gateway for Picky {
    fn host(&self) -> GatewayHost {
        self.inner.host()
    }
    fn rules(&self) -> GatewayRules {
        self.inner.rules()
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.inner.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.inner.wallets().await
    }
    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        if planned.payment.payee.phone == self.phone && self.fails.load(Ordering::Relaxed) > 0 {
            self.fails.fetch_sub(1, Ordering::Relaxed);
            sleep(self.takes).await;
            return Err(self.error.clone());
        }
        self.inner.find_payee(planned).await
    }
    async fn create_payee(&self, p: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.inner.create_payee(p).await
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.inner.body(p, w, k)
    }
    async fn send(&self, permit: Permit, p: &PlannedPayment, b: &Body) -> Answer {
        self.inner.send(permit, p, b).await
    }
    async fn look_up(
        &self,
        p: &PlannedPayment,
        w: &WalletId,
        b: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.inner.look_up(p, w, b).await
    }
}

/// The payee of one payment of 800 could not be asked about twice, by a passing 500 each time.
#[test]
fn two_passing_failures_do_not_leave_a_payment_behind() {
    run(async {
        let plan = plan(800);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(800));
        let gateway = Arc::new(Picky {
            inner: provider.clone(),
            phone: plan.payments[3].payment.payee.phone.clone(),
            fails: AtomicU64::new(2),
            error: CallError::Unreadable("500".into()),
            takes: Duration::ZERO,
        });
        let engine = Engine { gateway, ..as_usual(&plan, &provider, store.clone()) };
        let finish = engine.run(pending()).await.unwrap();
        let states = states(&store).await;
        assert_eq!(
            count(&states, State::Paid),
            800,
            "{finish:?}, planned: {}",
            count(&states, State::Planned)
        );
    });
}

/// A process frozen during its second call.
#[test]
fn a_freeze_during_a_call_is_no_outage() {
    run(async {
        let plan = plan(1);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let store = Arc::new(MemoryStore::new(1));
        let gateway = Arc::new(Picky {
            inner: provider.clone(),
            phone: plan.payments[0].payment.payee.phone.clone(),
            fails: AtomicU64::new(2),
            error: CallError::Unreachable("reset".into()),
            takes: Duration::from_secs(2),
        });
        let engine =
            Engine { gateway: gateway.clone(), ..as_usual(&plan, &provider, store.clone()) };
        let finish = beside(&engine, async {
            while gateway.fails.load(Ordering::Relaxed) > 0 {
                sleep(MILLISECOND).await;
            }
            tokio::time::advance(Duration::from_secs(1200)).await;
        })
        .await;
        assert_eq!(states(&store).await, [State::Paid], "{finish:?}");
    });
}

/// The first was accepted, and is gone for good there; the request of the second was lost.
#[test]
fn where_the_only_one_that_was_known_is_gone_another_is_in_doubt_when_its_window_is_over() {
    run(async {
        let plan = plan(2);
        let provider = Provider::new(VirtualClock::new(), Seed::new(1), &plan);
        let mut left = events(0, &[INTENT, Event::Answered(Settlement::InFlight)]);
        left.extend(events(1, &[INTENT]));
        let mut store = reopened(2, left).await;
        for (days, expected) in [(0, State::Unknown), (0, State::Unknown), (2, State::InDoubt)] {
            sleep(Duration::from_secs(days * 24 * 3600)).await;
            engine(&plan, &provider, store.clone()).run(pending()).await.unwrap();
            assert_eq!(states(&store).await, [State::Accepted, expected]);
            store = Arc::new(store.reopened());
        }
        assert_eq!(sent(&provider), 0);
    });
}

/// Requests find no connection, look-ups are answered, and one payment never settles.
#[test]
fn a_run_whose_requests_find_no_connection_ends() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        *provider.faults.lock().unwrap() = Faults { no_connection: 1000, ..Faults::default() };
        let store = accepted(&plan, &provider, 1).await;
        let engine = as_usual(&plan, &provider, store.clone());
        let ended = timeout(Duration::from_secs(48 * 3600), engine.run(pending())).await;
        assert!(
            ended.is_ok(),
            "goes on after 48 h, {} requests, {:?}",
            sent(&provider),
            states(&store).await
        );
    });
}
