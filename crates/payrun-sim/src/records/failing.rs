//! A store that takes its time and fails as the seed says.

use crate::chance::Chance;
use crate::faults::Faults;
use crate::stalls::Stalls;
use crate::trace::Trace;
use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex, Plan};
use payrun_ports::{Body, Entry, History, PaymentEntry, Receipt, RunStore, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::{Duration, sleep};

/// The records of a run as one process has them open.
pub(crate) struct Failing {
    inner: Box<dyn RunStore>,
    faults: Faults,
    chance: Arc<Chance>,
    stalls: Arc<Stalls>,
    is_broken: AtomicBool,
    /// How many groups this process wrote.
    written: Arc<AtomicU64>,
    trace: Arc<Trace>,
    plan: Arc<Plan>,
}

impl Failing {
    pub(crate) fn new(
        inner: Box<dyn RunStore>,
        faults: Faults,
        (chance, stalls): (&Arc<Chance>, &Arc<Stalls>),
        trace: &Arc<Trace>,
        plan: &Arc<Plan>,
    ) -> Self {
        let (chance, is_broken, written) =
            (Arc::clone(chance), AtomicBool::new(false), Arc::default());
        let (trace, plan, stalls) = (Arc::clone(trace), Arc::clone(plan), Arc::clone(stalls));
        Self { inner, faults, chance, stalls, is_broken, written, trace, plan }
    }

    /// How many groups were written, also when it is gone.
    pub(crate) fn written(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.written)
    }

    /// A group in one line: `P-1 intent 2, P-4 Refused`.
    fn told(&self, group: &[Entry]) -> String {
        let entries = group.iter().map(|entry| match entry {
            Entry::Run(event) => format!("{event:?}"),
            Entry::Payment(PaymentEntry { payment, event, .. }) => {
                let planned = self.plan.payment(*payment);
                let name = planned.map(|planned| planned.payment.reference.to_string());
                let name = name.unwrap_or_default();
                if let Event::Intent { attempt, .. } = event {
                    format!("{name} intent {attempt}")
                } else {
                    format!("{name} {event:?}")
                }
            }
        });
        entries.collect::<Vec<_>>().join(", ")
    }
}

pub(crate) fn is_intent(entry: &Entry) -> bool {
    matches!(entry, Entry::Payment(entry) if matches!(entry.event, Event::Intent { .. }))
}

#[async_trait]
impl RunStore for Failing {
    async fn history(&self) -> Result<History, StoreError> {
        self.inner.history().await
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        self.stalls.may_stand("the records");
        sleep(self.chance.millis(3)).await;
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Poisoned("it broke".into()));
        }
        if group.iter().any(is_intent) && self.chance.per_mille(self.faults.nearly_full) {
            return Err(StoreError::NearlyFull { free_bytes: 1, needed_bytes: 2 });
        }
        let breaks = self.chance.per_mille(self.faults.breaks);
        self.is_broken.store(breaks, Ordering::Relaxed);
        if breaks && self.chance.one_in(2) {
            return Err(StoreError::Io { doing: "written", error: "EIO".into() });
        }
        let told = if self.trace.is_wanted() { self.told(&group) } else { String::new() };
        let receipt = self.inner.commit(group).await?;
        self.trace.say(|| format!("ON RECORD {told}"));
        self.written.fetch_add(1, Ordering::Relaxed);
        if breaks {
            return Err(StoreError::Io { doing: "synced", error: "EIO".into() });
        }
        // The process may end between the sync and the word of it.
        sleep(Duration::from_micros(self.chance.below(1000))).await;
        Ok(receipt)
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.inner.body(payment).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
