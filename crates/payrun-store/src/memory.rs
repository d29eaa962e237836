//! The in-memory twin of a run's store: the same contract, without a disk.

use crate::book::{Bodies, Book};
use async_trait::async_trait;
use payrun_core::PaymentIndex;
use payrun_ports::{Body, BodyHash, Entry, History, Receipt, RunStore, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A run's store that forgets everything with the process. For tests and rehearsals; what it acknowledges survives
/// nothing.
#[derive(Debug)]
pub struct MemoryStore {
    history: History,
    state: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    book: Book<Body>,
    epoch: u64,
    closed: bool,
}

impl MemoryStore {
    /// A new run of so many payments.
    pub fn new(payments: usize) -> Self {
        Self::with(Book::new(payments), 1)
    }

    /// The same run, opened once more: what a process finds that starts after this one ended.
    #[must_use]
    pub fn reopened(&self) -> Self {
        let open = self.open();
        Self::with(open.book.clone(), open.epoch.saturating_add(1))
    }

    fn with(book: Book<Body>, epoch: u64) -> Self {
        let history = book.history(epoch);
        Self { history, state: Mutex::new(Open { book, epoch, closed: false }) }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_open(open: &Open) -> Result<(), StoreError> {
        match open.closed {
            true => Err(StoreError::Poisoned("the run was closed".to_owned())),
            false => Ok(()),
        }
    }
}

struct Kept;

impl Bodies<Body> for Kept {
    fn hash(&mut self, place: &Body) -> Result<BodyHash, StoreError> {
        Ok(place.hash())
    }

    fn place(&mut self, body: &Body) -> Body {
        body.clone()
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn history(&self) -> Result<History, StoreError> {
        Ok(self.history.clone())
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let mut open = self.open();
        Self::check_open(&open)?;
        open.book.stage(&group, &mut Kept).map(Receipt::after_sync)
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        let open = self.open();
        Self::check_open(&open)?;
        Ok(open.book.slots.get(payment.get()).and_then(|slot| slot.body.clone()))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.open().closed = true;
        Ok(())
    }
}
