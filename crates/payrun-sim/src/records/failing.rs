//! A store that takes its time and fails as the seed says.

use crate::chance::Chance;
use crate::faults::Faults;
use async_trait::async_trait;
use payrun_core::{Event, PaymentIndex};
use payrun_ports::{Body, Entry, History, Receipt, RunStore, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::{Duration, sleep};

/// The records of a run as one process has them open.
pub(crate) struct Failing {
    inner: Box<dyn RunStore>,
    faults: Faults,
    chance: Arc<Chance>,
    is_broken: AtomicBool,
    /// How many groups this process wrote.
    written: Arc<AtomicU64>,
}

impl Failing {
    pub(crate) fn new(
        inner: Box<dyn RunStore>,
        faults: Faults,
        chance: &Arc<Chance>,
        written: &Arc<AtomicU64>,
    ) -> Self {
        let (chance, written) = (Arc::clone(chance), Arc::clone(written));
        Self { inner, faults, chance, is_broken: AtomicBool::new(false), written }
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
        let receipt = self.inner.commit(group).await?;
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
