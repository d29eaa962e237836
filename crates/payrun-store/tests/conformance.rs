//! The contract of a run's store, held against the one in memory and the one on disk.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{Basis, Clue, Event, PaymentIndex, Settlement, State};
use payrun_ports::{Entry, RunEvent, RunStore, StoreError};
use payrun_store::{CheckpointStanding, MemoryStore, RunHandle, StateDir};
use std::sync::Arc;
use support::*;

/// A run that can be left and opened again.
enum Subject {
    Memory(Arc<MemoryStore>),
    Disk { handle: Arc<RunHandle>, state: StateDir, _root: tempfile::TempDir },
}

impl Subject {
    fn both() -> [Self; 2] {
        let root = tempfile::tempdir().unwrap();
        let state = state(root.path());
        let handle = Arc::new(create(&state, RUN, 4));
        [Self::Memory(Arc::new(MemoryStore::new(4))), Self::Disk { handle, state, _root: root }]
    }

    fn store(&self) -> Arc<dyn RunStore> {
        match self {
            Self::Memory(store) => store.clone(),
            Self::Disk { handle, .. } => handle.clone(),
        }
    }

    async fn reopen(self) -> Self {
        self.store().close().await.unwrap();
        match self {
            Self::Memory(store) => Self::Memory(Arc::new(store.reopened())),
            Self::Disk { handle, state, _root } => {
                drop(handle);
                let handle = Arc::new(open(&state, RUN));
                Self::Disk { handle, state, _root }
            }
        }
    }
}

fn illegal(error: StoreError) -> bool {
    matches!(error, StoreError::Illegal(_))
}

#[tokio::test]
async fn a_new_run_has_no_history() {
    for subject in Subject::both() {
        let history = subject.store().history().await.unwrap();
        assert_eq!(history.epoch, 1);
        assert_eq!(history.progress.len(), 4);
        assert!(history.progress.iter().all(|p| p.standing.state == State::Planned));
        assert!(!history.cancel_requested && history.cautious.is_none());
        assert_eq!(subject.store().body(PaymentIndex(0)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_group_gives_a_permit_for_each_intent_in_order() {
    for subject in Subject::both() {
        let store = subject.store();
        let group = vec![first_intent(2), cancel(), first_intent(0), paid(2)];
        let permits = store.commit(group).await.unwrap().into_permits();
        let named: Vec<_> = permits.iter().map(|p| (p.payment().0, p.attempt())).collect();
        assert_eq!(named, [(2, 1), (0, 1)]);
        for (permit, payment) in permits.into_iter().zip([2, 0]) {
            assert!(permit.spend(&body(payment)).is_ok());
        }
        assert!(store.commit(vec![paid(0)]).await.unwrap().into_permits().is_empty());
        assert!(store.commit(vec![]).await.unwrap().into_permits().is_empty());
    }
}

#[tokio::test]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    for subject in Subject::both() {
        let store = subject.store();
        let cautious = Entry::Run(RunEvent::CautiousStart { reason: "lost".to_owned() });
        let _ = store.commit(vec![first_intent(1), first_intent(3)]).await.unwrap();
        let _ = store.commit(vec![lost(1), cancel(), cautious]).await.unwrap();
        let before = store.history().await.unwrap();
        assert_eq!(before.epoch, 1, "the history is what was there when it was opened");
        assert!(before.cautious.is_none());
        drop(store);
        let subject = subject.reopen().await;
        let history = subject.store().history().await.unwrap();
        assert_eq!(history.epoch, 2);
        let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
        assert_eq!(states, [State::Planned, State::Unknown, State::Planned, State::Submitting]);
        assert_eq!(history.cautious.as_deref(), Some("lost"));
        assert!(history.cancel_requested);
        assert_eq!(subject.store().body(PaymentIndex(1)).await.unwrap(), Some(body(1)));
        assert_eq!(subject.store().body(PaymentIndex(2)).await.unwrap(), None);
        assert_eq!(subject.store().body(PaymentIndex(99)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_illegal_entry_undoes_its_whole_group_and_no_other() {
    for subject in Subject::both() {
        let store = subject.store();
        for bad in [
            paid(0),
            intent(0, 1),
            with_body(intent(0, 2), body(0)),
            with_body(event(0, Event::Held), body(0)),
            first_intent(4),
            event(0, Event::Verdict(Settlement::Paid)),
        ] {
            let group = vec![cancel(), first_intent(1), lost(1), event(2, Event::Held), bad];
            assert!(illegal(store.commit(group).await.unwrap_err()));
        }
        let _ = store.commit(vec![first_intent(1)]).await.unwrap();
        drop(store);
        let subject = subject.reopen().await;
        let history = subject.store().history().await.unwrap();
        let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
        assert_eq!(states, [State::Planned, State::Submitting, State::Planned, State::Planned]);
        assert!(!history.cancel_requested);
    }
}

#[tokio::test]
async fn a_later_intent_keeps_the_first_body() {
    for subject in Subject::both() {
        let store = subject.store();
        let group = vec![first_intent(0), not_sent(0), intent(0, 2), not_sent(0)];
        let permits = store.commit(group).await.unwrap().into_permits();
        assert_eq!(permits.len(), 2);
        for permit in permits {
            assert!(permit.spend(&body(0)).is_ok());
        }
        let other = with_body(intent(0, 3), body(1));
        assert!(illegal(store.commit(vec![other]).await.unwrap_err()));
        let same = with_body(intent(0, 3), body(0));
        let _ = store.commit(vec![same, lost(0)]).await.unwrap();
        drop(store);
        let subject = subject.reopen().await;
        let store = subject.store();
        let fourth = Event::Intent { attempt: 4, basis: Basis::AbsenceProven };
        let other = with_body(event(0, fourth), body(1));
        assert!(illegal(store.commit(vec![other]).await.unwrap_err()));
        let permits = store.commit(vec![event(0, fourth)]).await.unwrap().into_permits();
        for permit in permits {
            assert_eq!(permit.attempt(), 4);
            assert!(permit.spend(&body(0)).is_ok());
        }
        assert_eq!(store.body(PaymentIndex(0)).await.unwrap(), Some(body(0)));
    }
}

#[tokio::test]
async fn dropping_the_future_of_a_commit_does_not_undo_the_group() {
    for subject in Subject::both() {
        let store = subject.store();
        drop(store.commit(vec![first_intent(3)]));
        {
            let mut commit = store.commit(vec![first_intent(1), cancel()]);
            let waker = std::task::Waker::noop();
            let _ = commit.as_mut().poll(&mut std::task::Context::from_waker(waker));
        }
        let _ = store.commit(vec![lost(1)]).await.unwrap();
        drop(store);
        let subject = subject.reopen().await;
        let history = subject.store().history().await.unwrap();
        let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
        assert_eq!(states, [State::Planned, State::Unknown, State::Planned, State::Planned]);
        assert!(history.cancel_requested);
    }
}

#[tokio::test]
async fn times_and_words_are_kept() {
    for subject in Subject::both() {
        let store = subject.store();
        let Entry::Payment(mut entry) = event(0, Event::Lost(Clue::Refused)) else { panic!() };
        entry.reason = Some("no such number".to_owned());
        let _ = store.commit(vec![first_intent(0), Entry::Payment(entry)]).await.unwrap();
        drop(store);
        let subject = subject.reopen().await;
        let history = subject.store().history().await.unwrap();
        let progress = &history.progress[0];
        assert_eq!(progress.reason.as_deref(), Some("no such number"));
        assert_eq!(progress.standing.clue, Clue::Refused);
        assert_eq!(progress.first_intent_at, progress.changed_at);
        assert!(progress.changed_at.is_some());
    }
}

#[tokio::test]
async fn a_closed_store_takes_nothing_and_can_be_closed_again() {
    for subject in Subject::both() {
        let store = subject.store();
        let _ = store.commit(vec![first_intent(1)]).await.unwrap();
        store.close().await.unwrap();
        if let Subject::Disk { state, .. } = &subject {
            let found = state.verify(&key(RUN)).unwrap();
            assert_eq!(found.holder, None, "its lock is given up");
            assert_eq!(found.checkpoint, CheckpointStanding::Agrees { behind: 0 });
        }
        store.close().await.unwrap();
        let error = store.commit(vec![first_intent(0)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)));
        assert!(store.body(PaymentIndex(0)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_many_tasks_are_each_there_as_a_whole() {
    let root = tempfile::tempdir().unwrap();
    let state = state_on(root.path(), Arc::new(payrun_store::RealDisk), small());
    let handle = Arc::new(create(&state, RUN, 400));
    let mut tasks = Vec::new();
    for task in 0..100u32 {
        let handle = handle.clone();
        tasks.push(tokio::spawn(async move {
            let numbers: Vec<u32> = (0..4).map(|n| task * 4 + n).collect();
            let mut group: Vec<_> = numbers.iter().copied().map(first_intent).collect();
            if task % 10 == 0 {
                group.push(intent(task * 4, 1));
            }
            handle.commit(group).await.map(|receipt| receipt.into_permits().len())
        }));
    }
    for (task, answer) in (0u32..).zip(tasks) {
        match answer.await.unwrap() {
            Ok(permits) => assert!(permits == 4 && task % 10 != 0),
            Err(error) => assert!(illegal(error) && task % 10 == 0),
        }
    }
    handle.close().await.unwrap();
    let snapshot = state.read_run(&key(RUN)).unwrap();
    for (index, progress) in snapshot.progress.iter().enumerate() {
        let sent = progress.standing.state == State::Submitting;
        assert_eq!(sent, (index / 4) % 10 != 0);
    }
    assert!(state.verify(&key(RUN)).unwrap().is_sound());
}
