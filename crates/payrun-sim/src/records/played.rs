//! A state directory in memory: journals of groups, locks, claims. It stands in for payrun's own where a hundred thousand
//! seeds have no time for a disk, and is broken where an engine is to be.

use super::failing::is_intent;
use super::{Directory, Refused, Wanted};
use crate::at_once::at_once;
use crate::broken::Broken;
use async_trait::async_trait;
use payrun_core::{Event, GatewayHost, PaymentIndex, Progress, ProviderReference, State};
use payrun_ports::{Body, Entry, History, Receipt, RunEvent, RunStore, StoreError};
use payrun_store::MemoryStore;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Group = Vec<Entry>;

/// A state directory in memory.
pub(crate) struct Played {
    broken: Option<Broken>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    runs: BTreeMap<String, Run>,
    claims: HashMap<ProviderReference, &'static str>,
    copies: BTreeMap<String, Vec<Group>>,
}

struct Run {
    journal: Vec<Group>,
    is_locked: bool,
    bound_to: GatewayHost,
}

fn locked(inside: &Mutex<Inside>) -> MutexGuard<'_, Inside> {
    inside.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Played {
    pub(crate) fn new(broken: Option<Broken>) -> Self {
        Self { broken, inside: Arc::default() }
    }

    fn begin(&self, wanted: Wanted<'_>) -> Result<(), Refused> {
        let Wanted { run, host, plan, adopted } = wanted;
        let mut inside = locked(&self.inside);
        let references = || plan.payments.iter().map(|planned| planned.provider_reference);
        let claimed = references().filter_map(|reference| inside.claims.get(&reference));
        let (own, others): (Vec<&str>, Vec<&str>) = claimed.copied().partition(|by| *by == run);
        if !others.is_empty() {
            return Err(Refused::Claimed);
        }
        if !own.is_empty() && !adopted {
            return Err(Refused::HistoryLost);
        }
        inside.claims.extend(references().map(|reference| (reference, run)));
        let first = adopted.then(|| vec![cautious("adopted: its records were lost")]);
        let journal = first.into_iter().collect();
        let begun = Run { journal, is_locked: false, bound_to: host.clone() };
        inside.runs.insert(run.to_owned(), begun);
        Ok(())
    }
}

impl Directory for Played {
    fn has(&self, run: &str) -> bool {
        locked(&self.inside).runs.contains_key(run)
    }

    fn open(&self, wanted: Wanted<'_>) -> Result<Box<dyn RunStore>, Refused> {
        if !self.has(wanted.run) {
            self.begin(wanted)?;
        }
        let payments = wanted.plan.payments.len();
        let mut inside = locked(&self.inside);
        let Some(run) = inside.runs.get_mut(wanted.run) else { return Err(Refused::HistoryLost) };
        if run.bound_to != *wanted.host {
            return Err(Refused::OtherProvider);
        }
        if run.is_locked && self.broken != Some(Broken::UnlockedStore) {
            return Err(Refused::Locked);
        }
        run.is_locked = true;
        if self.broken == Some(Broken::BackwardState) {
            forget_what_was_under_way(&mut run.journal, payments);
        }
        Ok(Box::new(PlayedRun {
            run: wanted.run,
            inside: Arc::clone(&self.inside),
            now: replayed(&run.journal, payments),
            broken: self.broken,
            later: Mutex::default(),
        }))
    }

    fn progress(&self, run: &str, payments: usize) -> Vec<Progress> {
        let inside = locked(&self.inside);
        let journal = inside.runs.get(run).map_or(&[][..], |run| &run.journal);
        history(&replayed(journal, payments)).progress
    }

    fn lose(&self, run: &str, all: bool) {
        let mut inside = locked(&self.inside);
        if all {
            *inside = Inside::default();
        }
        inside.runs.remove(run);
    }

    fn copy(&self, run: &str) {
        let mut inside = locked(&self.inside);
        if let Some(journal) = inside.runs.get(run).map(|run| run.journal.clone()) {
            inside.copies.insert(run.to_owned(), journal);
        }
    }

    fn restore(&self, run: &str) -> bool {
        let mut inside = locked(&self.inside);
        let copy = inside.copies.remove(run);
        let (Some(copy), Some(run)) = (copy, inside.runs.get_mut(run)) else { return false };
        run.journal = copy;
        true
    }

    /// It is set aside, and the next start is cautious.
    fn tear_last_record(&self, run: &str) {
        if let Some(run) = locked(&self.inside).runs.get_mut(run) {
            run.journal.pop();
            run.journal.push(vec![cautious("the end of its journal was torn")]);
        }
    }
}

fn cautious(reason: &str) -> Entry {
    Entry::Run(RunEvent::CautiousStart { reason: reason.to_owned() })
}

/// What is in the journal; what cannot follow is passed over, as only a broken engine writes it.
fn replayed(journal: &[Group], payments: usize) -> MemoryStore {
    let store = MemoryStore::new(payments);
    for group in journal {
        drop(at_once(store.commit(group.clone())));
    }
    store.reopened()
}

fn history(store: &MemoryStore) -> History {
    at_once(store.history()).unwrap()
}

fn forget_what_was_under_way(journal: &mut [Group], payments: usize) {
    let history = history(&replayed(journal, payments));
    let is_under_way = |payment: PaymentIndex| {
        let state = history.progress[payment.get()].standing.state;
        matches!(state, State::Submitting | State::Unknown)
    };
    for group in journal {
        group.retain(|entry| match entry {
            Entry::Payment(entry) => !is_under_way(entry.payment),
            Entry::Run(_) => true,
        });
    }
}

/// The run as one process has it open. Dropped with the process.
struct PlayedRun {
    run: &'static str,
    inside: Arc<Mutex<Inside>>,
    now: MemoryStore,
    broken: Option<Broken>,
    /// What a broken store has acknowledged and not written yet.
    later: Mutex<Group>,
}

impl Drop for PlayedRun {
    fn drop(&mut self) {
        if let Some(run) = locked(&self.inside).runs.get_mut(self.run) {
            run.is_locked = false;
        }
    }
}

impl PlayedRun {
    fn keep(&self, mut group: Group) {
        if self.broken == Some(Broken::LostOutcome) {
            group.retain(|entry| !is_outcome(entry));
        }
        if self.broken == Some(Broken::IntentAfterSend) {
            let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            let (intents, others): (Group, Group) = group.into_iter().partition(is_intent);
            group = std::mem::replace(&mut *later, intents);
            group.extend(others);
        }
        if let Some(run) = locked(&self.inside).runs.get_mut(self.run) {
            run.journal.push(group);
        }
    }
}

fn is_outcome(entry: &Entry) -> bool {
    matches!(entry, Entry::Payment(entry) if matches!(entry.event, Event::Answered(_) | Event::Found(_)))
}

#[async_trait]
impl RunStore for PlayedRun {
    async fn history(&self) -> Result<History, StoreError> {
        let mut history = self.now.history().await?;
        history.cancel_requested &= self.broken != Some(Broken::DeafToCancel);
        Ok(history)
    }

    async fn commit(&self, group: Group) -> Result<Receipt, StoreError> {
        let receipt = self.now.commit(group.clone()).await?;
        self.keep(group);
        Ok(receipt)
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.now.body(payment).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.now.close().await
    }
}
