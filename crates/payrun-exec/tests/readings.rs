//! What a request is based on was read, and time passes between the reading and the request.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex, ProviderReference, Settlement, State};
use payrun_exec::{CallClass, Callbacks, Engine};
use payrun_ports::{Body, Clock, Entry, History, LookUp, Receipt, RunStore, StoreError};
use payrun_store::MemoryStore;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::late::{
    MILLISECOND, as_usual, asked, beside, never_settling, says, states, until, wrapped,
};
use support::past::{anew, predecessors, sent};
use support::{Provider, WallApart, engine, plan, run};
use tokio::time::{advance, sleep, timeout};

const FAILED: LookUp = LookUp::Found(Settlement::Failed { correctable: true }, None);
/// So many questions are one reading: about each other generation.
const READING: u64 = 3;
const PAID: LookUp = LookUp::Found(Settlement::Paid, None);

/// A payment's third generation, and what is to be read before: generation 0, which is given, and generation 1.
fn third_generation() -> (ProviderReference, Arc<Provider>, Engine) {
    let first = plan(1);
    let (second, third) = (anew(&first, 1), anew(&first, 2));
    let provider = never_settling(&third);
    for before in [&first, &second] {
        says(&provider, before.payments[0].provider_reference, Ok(FAILED));
    }
    let mut engine = as_usual(&third, &provider, Arc::new(MemoryStore::new(1)));
    engine.predecessors = predecessors(&[(&first, State::Failed), (&second, State::Failed)]);
    (first.payments[0].provider_reference, provider, engine)
}

/// A payment's second generation, and generation 0, which is to be read before. Answers take 100 ms, so that a token is old when
/// they are there.
fn second_generation() -> (ProviderReference, Arc<Provider>, Engine) {
    let first = plan(1);
    let second = anew(&first, 1);
    let provider = never_settling(&second);
    let before = first.payments[0].provider_reference;
    says(&provider, before, Ok(FAILED));
    let mut engine = as_usual(&second, &provider, Arc::new(MemoryStore::new(1)));
    engine.predecessors = predecessors(&[(&first, State::Failed)]);
    engine.gateway = wrapped(&provider, [100, 0]);
    (before, provider, engine)
}

#[derive(Debug, Clone, Copy)]
enum Between {
    /// Another call of the same key got a 429 that says 20 minutes.
    Pause,
    /// The process is stopped for 20 minutes.
    Freeze,
}

/// Generation 0 is read, and then it takes twenty minutes until generation 1 is. Meanwhile generation 0 is corrected to paid.
#[test]
fn what_was_read_long_before_the_last_of_the_earlier_generations_is_read_again() {
    let mut wrong = Vec::new();
    for between in [Between::Pause, Between::Freeze] {
        run(async {
            let (first, provider, engine) = third_generation();
            let _ = beside(&engine, async {
                // Generation 0 was asked about, and its answer was read.
                asked(&provider, 1).await;
                let delay = Duration::from_secs(1200);
                match between {
                    Between::Pause => engine.pace.pause(CallClass::Read, delay),
                    Between::Freeze => {
                        sleep(20 * MILLISECOND).await;
                        says(&provider, first, Ok(PAID));
                        advance(delay).await;
                    }
                }
                until(&provider, 5_000).await;
                says(&provider, first, Ok(PAID));
            })
            .await;
            let at = provider.sent_at.lock().unwrap().clone();
            if !at.is_empty() {
                wrong.push(format!("{between:?}: generation 2 was sent at {at:?}"));
            }
        });
    }
    assert!(wrong.is_empty(), "generation 0 was paid after 5 s or sooner; {wrong:?}");
}

/// The same where it is read again, since its intent had waited for its second token.
#[test]
fn what_was_read_again_long_before_the_last_of_the_earlier_generations_is_read_once_more() {
    run(async {
        let (first, provider, engine) = third_generation();
        let _ = beside(&engine, async {
            // Checked, on record, and late behind a 429.
            engine.pace.pause(CallClass::Money, Duration::from_millis(1));
            asked(&provider, READING).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(400));
            asked(&provider, READING + 1).await;
            engine.pace.pause(CallClass::Read, Duration::from_secs(1200));
            until(&provider, 420_000).await;
            says(&provider, first, Ok(PAID));
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        let now = provider.clock.now();
        assert!(
            at.is_empty(),
            "generation 0 was paid after 420 s, generation 2 sent at {at:?} ({now:?})"
        );
    });
}

/// The new intent waits for its second token, less than a minute; meanwhile the provider says unasked that what it replaces
/// was corrected.
#[test]
fn a_callback_about_what_is_replaced_is_heeded_before_it_is_paid_anew() {
    run(async {
        let (before, provider, engine) = second_generation();
        let _ = beside(&engine, async {
            asked(&provider, 1).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(50));
            until(&provider, 5_000).await;
            says(&provider, before, Ok(PAID));
            engine.callbacks.heard_of(before);
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(
            at.is_empty(),
            "a callback about generation 0, which is paid, came after 5 s; generation 1 was sent at {at:?}"
        );
    });
}

/// Anybody may send callbacks about what is replaced, for ever.
#[test]
fn callbacks_about_what_is_replaced_do_not_keep_it_from_being_paid_anew() {
    run(async {
        let (first, provider, engine) = third_generation();
        let _ = timeout(
            Duration::from_secs(600),
            beside(&engine, async {
                loop {
                    engine.callbacks.heard_of(first);
                    sleep(MILLISECOND).await;
                }
            }),
        )
        .await;
        assert_eq!(sent(&provider), 1);
    });
}

/// One callback comes early. Then what is replaced is read again three times, since the provider asked for long waits. Then it is
/// corrected, and a callback says so, while the new intent waits for less than a minute.
#[test]
fn what_was_read_again_for_its_age_does_not_use_up_the_ears_for_callbacks() {
    run(async {
        let (before, provider, engine) = second_generation();
        let _ = timeout(
            Duration::from_secs(3 * 3600),
            beside(&engine, async {
                // The first reading, and one callback about it: a second delivery of FAILED, say.
                asked(&provider, 1).await;
                engine.callbacks.heard_of(before);
                // Three times the provider asks for six minutes and a little.
                for times in 1..=3 {
                    engine.pace.pause(CallClass::Money, Duration::from_secs(400));
                    asked(&provider, times * READING + 1).await;
                }
                engine.pace.pause(CallClass::Money, Duration::from_secs(50));
                sleep(Duration::from_secs(5)).await;
                says(&provider, before, Ok(PAID));
                engine.callbacks.heard_of(before);
            }),
        )
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(
            at.is_empty(),
            "generation 0 is paid, the second callback ever said so 45 s before; generation 1 was sent at {at:?}"
        );
    });
}

/// A store during whose write of an intent a callback comes, so that both are there when the run has its next turn: its thread was
/// busy, or the process stopped.
struct Overtaken {
    inner: MemoryStore,
    provider: Arc<Provider>,
    about: ProviderReference,
    becomes: LookUp,
    callbacks: Arc<Callbacks>,
}

#[async_trait]
impl RunStore for Overtaken {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }
    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let intent = group.iter().any(
            |entry| matches!(entry, Entry::Payment(entry) if matches!(entry.event, Event::Intent { .. })),
        );
        if intent {
            says(&self.provider, self.about, Ok(self.becomes.clone()));
            self.callbacks.heard_of(self.about);
        }
        self.inner.commit(group).await
    }
    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.inner.body(payment).await
    }
    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

#[test]
fn a_callback_that_is_there_when_the_intent_is_durable_is_heard_before_the_request() {
    run(async {
        let first = plan(1);
        let second = anew(&first, 1);
        let provider = never_settling(&second);
        let before = first.payments[0].provider_reference;
        says(&provider, before, Ok(FAILED));
        let callbacks = Arc::new(Callbacks::default());
        let store = Arc::new(Overtaken {
            inner: MemoryStore::new(1),
            provider: provider.clone(),
            about: before,
            becomes: PAID,
            callbacks: callbacks.clone(),
        });
        let engine = engine(&second, &provider, store);
        let predecessors = predecessors(&[(&first, State::Failed)]);
        let engine = Engine { callbacks, predecessors, ..engine };
        let _ = beside(&engine, async {}).await;
        assert_eq!(
            sent(&provider),
            0,
            "generation 0 is paid, a callback said so before the request"
        );
    });
}

/// The new intent waits for its token, and the machine is suspended for eight hours, in which what it replaces is corrected.
#[test]
fn what_was_read_before_the_machine_was_suspended_is_read_again() {
    run(async {
        let (before, provider, mut engine) = second_generation();
        let clock = WallApart::of(&provider);
        engine.clock = clock.clone();
        let _ = beside(&engine, async {
            asked(&provider, 1).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(50));
            until(&provider, 5_000).await;
            clock.by_ms.store(8 * 3_600_000, Ordering::Relaxed);
            says(&provider, before, Ok(PAID));
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(
            at.is_empty(),
            "generation 0 was paid eight hours ago by the wall clock; generation 1 was sent at {at:?}"
        );
    });
}

/// The new intent waits for its second token, and the process is stopped. When it goes on, the time for the token has come, and a
/// callback that what it replaces was corrected has been handed in.
#[test]
fn a_callback_that_is_there_when_the_token_comes_is_heard_before_the_request() {
    run(async {
        let (before, provider, engine) = second_generation();
        let _ = beside(&engine, async {
            asked(&provider, 1).await;
            engine.pace.pause(CallClass::Money, Duration::from_secs(50));
            until(&provider, 5_000).await;
            says(&provider, before, Ok(PAID));
            engine.callbacks.heard_of(before);
            advance(Duration::from_secs(60)).await;
        })
        .await;
        let at = provider.sent_at.lock().unwrap().clone();
        assert!(
            at.is_empty(),
            "generation 0 is paid, and the callback was there; generation 1 was sent at {at:?}"
        );
    });
}

/// What it replaces cannot be read within the time for which a reading holds, however often that is tried.
#[test]
fn what_takes_too_long_to_read_is_left_to_a_later_process() {
    run(async {
        let (_, provider, mut engine) = second_generation();
        let store = Arc::new(MemoryStore::new(1));
        (engine.store, engine.gateway) = (store.clone(), wrapped(&provider, [150_000, 0]));
        let ended = timeout(Duration::from_secs(24 * 3600), beside(&engine, async {})).await;
        assert!(ended.is_ok(), "it does not end: {:?}", provider.clock.now());
        assert_eq!((sent(&provider), states(&store).await), (0, vec![State::Planned]));
    });
}
