//! The records of a run as they outlive its processes: a journal of groups, a lock, claims, and what goes wrong with them.

use crate::broken::Broken;
use crate::chance::Chance;
use crate::faults::Faults;
use crate::grants::KeptGrants;
use async_trait::async_trait;
use payrun_core::{Event, GatewayHost, PaymentIndex, Plan, ProviderReference, State};
use payrun_ports::{Body, Entry, History, Receipt, RunEvent, RunStore, StoreError};
use payrun_store::MemoryStore;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::{Duration, sleep};

type Group = Vec<Entry>;

/// A state directory with one run in it.
#[derive(Default)]
pub(crate) struct Directory {
    state: Mutex<Inside>,
    pub(crate) grants: Arc<KeptGrants>,
}

#[derive(Default)]
struct Inside {
    /// The journal; `None` where there is no run.
    journal: Option<Vec<Group>>,
    is_locked: bool,
    bound_to: Option<GatewayHost>,
    claims: HashMap<ProviderReference, &'static str>,
    copy: Option<Vec<Group>>,
}

/// Why a process may not have the run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Locked,
    OtherProvider,
    Claimed,
}

impl Directory {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_run(&self) -> bool {
        self.inside().journal.is_some()
    }

    /// Everything in it is gone.
    pub(crate) fn lose(&self) {
        *self.inside() = Inside::default();
        self.grants.lose();
    }

    /// A copy of the run as it is now.
    pub(crate) fn copy(&self) {
        let mut inside = self.inside();
        inside.copy = inside.journal.clone();
    }

    /// Puts the copy in the run's place; no if there is none.
    pub(crate) fn restore(&self) -> bool {
        let mut inside = self.inside();
        let copy = inside.copy.take();
        let is_there = copy.is_some() && inside.journal.is_some();
        if is_there {
            inside.journal = copy;
        }
        is_there
    }

    /// The last record cannot be read: it is set aside, and the next start is cautious.
    pub(crate) fn lose_last_record(&self) {
        if let Some(journal) = self.inside().journal.as_mut().filter(|journal| !journal.is_empty())
        {
            journal.pop();
            journal.push(vec![cautious("the end of its journal was torn")]);
        }
    }

    /// A new run; `adopted` if it goes by cautious start.
    pub(crate) fn begin(&self, host: &GatewayHost, adopted: bool) {
        let mut inside = self.inside();
        let first = adopted.then(|| vec![cautious("adopted: its records were lost")]);
        inside.journal = Some(first.into_iter().collect());
        inside.bound_to = Some(host.clone());
    }

    /// Takes the references of a plan for a run, all or none.
    pub(crate) fn claim(&self, run: &'static str, plan: &Plan) -> Result<(), Refused> {
        let claims = &mut self.inside().claims;
        let references = plan.payments.iter().map(|planned| planned.provider_reference);
        if references.clone().any(|reference| claims.get(&reference).is_some_and(|by| *by != run)) {
            return Err(Refused::Claimed);
        }
        claims.extend(references.map(|reference| (reference, run)));
        Ok(())
    }

    /// Opens the run for a process.
    pub(crate) async fn open(
        self: &Arc<Self>,
        host: &GatewayHost,
        payments: usize,
        (faults, broken): (Faults, Option<Broken>),
        chance: &Arc<Chance>,
    ) -> Result<Records, Refused> {
        {
            let mut inside = self.inside();
            if inside.bound_to.as_ref().is_some_and(|bound| bound != host) {
                return Err(Refused::OtherProvider);
            }
            if inside.is_locked && broken != Some(Broken::UnlockedStore) {
                return Err(Refused::Locked);
            }
            inside.is_locked = true;
        }
        let mut journal = self.inside().journal.clone().unwrap_or_default();
        if broken == Some(Broken::BackwardState) {
            forget_what_was_under_way(&mut journal, payments).await;
            self.inside().journal = Some(journal.clone());
        }
        let now = replayed(&journal, payments).await.reopened();
        Ok(Records {
            directory: Arc::clone(self),
            now,
            faults,
            broken,
            chance: Arc::clone(chance),
            later: Mutex::default(),
            is_broken: Mutex::new(false),
        })
    }

    /// Where each payment stands by the journal.
    pub(crate) async fn states(&self, payments: usize) -> Vec<State> {
        let journal = self.inside().journal.clone().unwrap_or_default();
        let history = replayed(&journal, payments).await.reopened().history().await.unwrap();
        history.progress.iter().map(|progress| progress.standing.state).collect()
    }
}

fn cautious(reason: &str) -> Entry {
    Entry::Run(RunEvent::CautiousStart { reason: reason.to_owned() })
}

/// What is in the journal; what cannot follow is passed over, as only a broken engine writes it.
async fn replayed(journal: &[Group], payments: usize) -> MemoryStore {
    let store = MemoryStore::new(payments);
    for group in journal {
        drop(store.commit(group.clone()).await);
    }
    store
}

async fn forget_what_was_under_way(journal: &mut Vec<Group>, payments: usize) {
    let history = replayed(journal, payments).await.reopened().history().await.unwrap();
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
pub(crate) struct Records {
    directory: Arc<Directory>,
    now: MemoryStore,
    faults: Faults,
    broken: Option<Broken>,
    chance: Arc<Chance>,
    /// What a broken store has acknowledged and not written yet.
    later: Mutex<Group>,
    is_broken: Mutex<bool>,
}

impl Drop for Records {
    fn drop(&mut self) {
        self.directory.inside().is_locked = false;
    }
}

impl Records {
    fn keep(&self, group: Group) {
        let mut group = group;
        if self.broken == Some(Broken::LostOutcome) {
            group.retain(|entry| !is_outcome(entry));
        }
        if self.broken == Some(Broken::IntentAfterSend) {
            let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
            let (intents, others): (Group, Group) = group.into_iter().partition(is_intent);
            group = std::mem::replace(&mut *later, intents);
            group.extend(others);
        }
        if let Some(journal) = &mut self.directory.inside().journal {
            journal.push(group);
        }
    }
}

fn is_intent(entry: &Entry) -> bool {
    matches!(entry, Entry::Payment(entry) if matches!(entry.event, Event::Intent { .. }))
}

fn is_outcome(entry: &Entry) -> bool {
    matches!(entry, Entry::Payment(entry) if matches!(entry.event, Event::Answered(_)))
}

#[async_trait]
impl RunStore for Records {
    async fn history(&self) -> Result<History, StoreError> {
        self.now.history().await
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        sleep(self.chance.millis(3)).await;
        if *self.is_broken.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(StoreError::Poisoned("it broke".into()));
        }
        if group.iter().any(is_intent) && self.chance.per_mille(self.faults.nearly_full) {
            return Err(StoreError::NearlyFull { free_bytes: 1, needed_bytes: 2 });
        }
        let breaks = self.chance.per_mille(self.faults.breaks);
        *self.is_broken.lock().unwrap_or_else(PoisonError::into_inner) = breaks;
        if breaks && self.chance.one_in(2) {
            return Err(StoreError::Io { doing: "written", error: "EIO".into() });
        }
        let receipt = self.now.commit(group.clone()).await?;
        self.keep(group);
        if breaks {
            return Err(StoreError::Io { doing: "synced", error: "EIO".into() });
        }
        // The process may end between the sync and the word of it.
        sleep(Duration::from_micros(self.chance.below(1000))).await;
        Ok(receipt)
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.now.body(payment).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.now.close().await
    }
}
