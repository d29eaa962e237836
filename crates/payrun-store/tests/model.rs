//! Any sequence of commits, checkpoints and openings, against a plain list of entries.

mod support;

use payrun_core::{Basis, Clue, Event, PaymentIndex, Progress, Settlement};
use payrun_ports::{Entry, PaymentEntry, RunEvent, RunStore, StoreError};
use payrun_store::{Limits, RealDisk};
use proptest::prelude::*;
use std::sync::Arc;
use support::*;

const PAYMENTS: u32 = 5;

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Entry>),
    Reopen,
    LoseCheckpoint,
    Rebuild,
}

/// What the run is, as simply as it can be said.
#[derive(Debug, Clone, PartialEq)]
struct Model {
    progress: Vec<Progress>,
    bodies: Vec<Option<payrun_ports::Body>>,
    cancel_requested: bool,
    cautious: Option<String>,
}

impl Model {
    /// The model after a group, if the group is legal.
    fn after(&self, group: &[Entry]) -> Option<Self> {
        let mut next = self.clone();
        for entry in group {
            match entry {
                Entry::Run(RunEvent::CancelRequested) => next.cancel_requested = true,
                Entry::Run(RunEvent::CautiousStart { reason }) => {
                    next.cautious = Some(reason.clone());
                }
                Entry::Payment(entry) => {
                    let progress = next.progress.get_mut(entry.payment.get())?;
                    progress.apply(entry.event, entry.at, entry.reason.as_deref()).ok()?;
                    let kept = &mut next.bodies[entry.payment.get()];
                    let intent = matches!(entry.event, Event::Intent { .. });
                    match (&kept, &entry.body) {
                        (_, None) if !intent => {}
                        (_, Some(_)) if !intent => return None,
                        (None, None) => return None,
                        (None, Some(body)) => *kept = Some(body.clone()),
                        (Some(kept), Some(body)) if kept != body => return None,
                        (Some(_), _) => {}
                    }
                }
            }
        }
        Some(next)
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1u32..4, any::<bool>()).prop_map(|(attempt, proven)| Event::Intent {
            attempt,
            basis: if proven { Basis::AbsenceProven } else { Basis::Clear },
        }),
        2 => Just(Event::NotSent),
        2 => Just(Event::Lost(Clue::Silence)),
        1 => Just(Event::Lost(Clue::Duplicate)),
        1 => Just(Event::Answered(Settlement::Paid)),
        1 => Just(Event::Found(Settlement::Failed { correctable: true })),
        1 => Just(Event::Found(Settlement::NeedsPerson)),
        1 => Just(Event::Discovered),
        1 => Just(Event::Held),
        1 => Just(Event::Released),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let reason = prop::option::of("[a-z]{0,12}");
    let payment = (0..=PAYMENTS, any_event(), 0u64..100, 0u8..6, reason).prop_map(
        |(payment, event, at, body_choice, reason)| {
            let first = matches!(event, Event::Intent { attempt: 1, .. });
            let body = match body_choice {
                0 => Some(body(99)),
                1..4 if first => Some(body(payment)),
                4 => Some(body(payment)),
                _ => None,
            };
            Entry::Payment(PaymentEntry {
                payment: PaymentIndex(if payment == PAYMENTS && at > 10 { 0 } else { payment }),
                event,
                at: payrun_core::UnixMillis(at),
                body,
                reason,
            })
        },
    );
    prop_oneof![
        30 => payment,
        1 => Just(cancel()),
        1 => "[a-z]{3}".prop_map(|reason| Entry::Run(RunEvent::CautiousStart { reason })),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => prop::collection::vec(any_entry(), 0..3).prop_map(Step::Commit),
        3 => Just(Step::Reopen),
        1 => Just(Step::LoseCheckpoint),
        1 => Just(Step::Rebuild),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_run_is_the_sum_of_its_acknowledged_groups(
        steps in prop::collection::vec(any_step(), 1..60),
        segment_bytes_max in 300u64..3_000,
        checkpoint_events in 1u64..20,
    ) {
        let root = fast_root();
        let limits = Limits { segment_bytes_max, checkpoint_events, ..lazy() };
        let state = state_on(root.path(), Arc::new(RealDisk), limits);
        let mut handle = create(&state, RUN, PAYMENTS);
        let mut epoch = 1;
        let mut model = Model {
            progress: vec![Progress::default(); PAYMENTS as usize],
            bodies: vec![None; PAYMENTS as usize],
            cancel_requested: false,
            cautious: None,
        };
        for step in steps {
            match step {
                Step::Commit(group) => match (block_on(handle.commit(group.clone())), model.after(&group)) {
                    (Ok(receipt), Some(next)) => {
                        model = next;
                        for permit in receipt.into_permits() {
                            let body = model.bodies[permit.payment().get()].clone().unwrap();
                            prop_assert!(permit.spend(&body).is_ok());
                        }
                    }
                    (Err(StoreError::Illegal(_)), None) => {}
                    (told, next) => prop_assert!(false, "{told:?}, but the model says {next:?}"),
                },
                Step::Reopen | Step::LoseCheckpoint | Step::Rebuild => {
                    drop(handle);
                    match step {
                        Step::LoseCheckpoint => {
                            let path = run_path(&state, RUN).join("checkpoint");
                            std::fs::remove_dir_all(path).unwrap();
                        }
                        Step::Rebuild => {
                            model.cautious = Some(state.rebuild(&key(RUN)).unwrap().cautious);
                            epoch += 1;
                        }
                        Step::Commit(_) | Step::Reopen => {}
                    }
                    handle = open(&state, RUN);
                    epoch += 1;
                    let history = block_on(handle.history()).unwrap();
                    prop_assert_eq!(&history.progress, &model.progress);
                    prop_assert_eq!(history.cancel_requested, model.cancel_requested);
                    prop_assert_eq!(&history.cautious, &model.cautious);
                    prop_assert_eq!(history.epoch, epoch);
                }
            }
            let payment = PaymentIndex(0);
            prop_assert_eq!(&block_on(handle.body(payment)).unwrap(), &model.bodies[0]);
        }
        drop(handle);
        let verification = state.verify(&key(RUN)).unwrap();
        prop_assert!(verification.is_sound(), "{:?}", verification.findings);
        prop_assert_eq!(state.read_run(&key(RUN)).unwrap().progress, model.progress);
    }
}
