//! An open run: the journal-backed [`RunStore`].

use crate::committer::{Committer, Message};
use crate::identity::RunIdentity;
use crate::limits::GROUPS_WAITING_MAX;
use async_trait::async_trait;
use payrun_core::PaymentIndex;
use payrun_ports::{Body, Entry, History, Receipt, RunStore, StoreError};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// An open run. It holds the run's lock until it is closed or dropped; dropping waits for the thread that writes.
#[derive(Debug)]
pub struct RunHandle {
    identity: RunIdentity,
    history: History,
    notes: Vec<String>,
    messages: Option<mpsc::Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RunHandle {
    pub(crate) fn start(
        committer: Committer,
        identity: RunIdentity,
        notes: Vec<String>,
    ) -> std::io::Result<Self> {
        let history = committer.book.history(committer.epoch);
        let (sender, receiver) = mpsc::channel(GROUPS_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("payrun-store".to_owned())
            .spawn(move || committer.run(receiver))?;
        Ok(Self {
            identity,
            history,
            notes,
            messages: Some(sender),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// What the run is bound to.
    pub fn identity(&self) -> &RunIdentity {
        &self.identity
    }

    /// What was found and mended when it was opened, in words for a person. Mostly empty.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    async fn ask<T>(&self, message: Message, answer: oneshot::Receiver<T>) -> Option<T> {
        self.messages.as_ref()?.send(message).await.ok()?;
        answer.await.ok()
    }
}

fn closed() -> StoreError {
    StoreError::Poisoned("the run was closed".to_owned())
}

#[async_trait]
impl RunStore for RunHandle {
    async fn history(&self) -> Result<History, StoreError> {
        Ok(self.history.clone())
    }

    async fn commit(&self, group: Vec<Entry>) -> Result<Receipt, StoreError> {
        let (reply, answer) = oneshot::channel();
        let answer = self.ask(Message::Commit(group, reply), answer).await;
        answer.unwrap_or_else(|| Err(closed()))
    }

    async fn body(&self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let answer = self.ask(Message::Body(payment, reply), answer).await;
        answer.unwrap_or_else(|| Err(closed()))
    }

    async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        // No answer means that it was closed before.
        let _ = self.ask(Message::Close(reply), answer).await;
        Ok(())
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        self.messages = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
