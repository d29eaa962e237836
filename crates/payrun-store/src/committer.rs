//! The one thread of an open run that writes.
//!
//! It takes every group that waits, writes them as one record, syncs, and only then answers. One record is in
//! flight at a time. A failed write or sync closes it for good: nothing is ever tried again.

use crate::body_place::{BodyPlace, Place};
use crate::book::{Bodies, Book, Intent};
use crate::checkpoint::{Checkpoint, Mark};
use crate::codec;
use crate::disk::Disk;
use crate::journal::{AppendError, Journal};
use crate::limits::{BLOCK_PAYMENTS, GROUP_BYTES_MAX, Limits};
use crate::lock::Lock;
use crate::record::Hash;
use payrun_core::{Event, PaymentIndex};
use payrun_ports::{Body, BodyHash, Entry, Receipt, StoreError};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// What a handle asks of the committer.
pub(crate) enum Message {
    Commit(Vec<Entry>, oneshot::Sender<Result<Receipt, StoreError>>),
    Body(PaymentIndex, oneshot::Sender<Result<Option<Body>, StoreError>>),
    Close(oneshot::Sender<()>),
}

/// An open run, as its thread owns it.
pub(crate) struct Committer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) limits: Limits,
    pub(crate) journal: Journal,
    pub(crate) journal_dir: PathBuf,
    pub(crate) book: Book<Place>,
    pub(crate) epoch: u64,
    /// The hash of the journal's first record.
    pub(crate) run: Hash,
    /// `None` once it failed: the run goes on without, and the next opening replays more.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) unsaved: Unsaved,
    pub(crate) poisoned: Option<String>,
    /// Given up last, when the thread ends.
    pub(crate) lock: Lock,
}

/// What the checkpoint does not hold yet.
pub(crate) struct Unsaved {
    pub(crate) blocks: BTreeSet<usize>,
    pub(crate) events: u64,
    pub(crate) saved_at: Instant,
}

type Reply = oneshot::Sender<Result<Receipt, StoreError>>;

impl Committer {
    /// Serves until the run is closed or its handle is gone.
    pub(crate) fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut carried = None;
        let mut closing = None;
        while let Some(message) = carried.take().or_else(|| messages.blocking_recv()) {
            match message {
                Message::Commit(group, reply) => {
                    let mut batch = vec![(group, reply)];
                    carried = self.gather(&mut batch, &mut messages);
                    self.commit(batch);
                    self.save_if_due();
                }
                Message::Body(payment, reply) => {
                    let _ = reply.send(self.body(payment));
                }
                Message::Close(reply) => {
                    closing = Some(reply);
                    break;
                }
            }
        }
        self.save();
        let Self { checkpoint, lock, .. } = self;
        if let Some(checkpoint) = checkpoint {
            checkpoint.let_go();
        }
        drop(lock);
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    /// Adds the commits that wait, up to what one record takes. What ends the gathering is returned.
    fn gather(
        &self,
        batch: &mut Vec<(Vec<Entry>, Reply)>,
        messages: &mut mpsc::Receiver<Message>,
    ) -> Option<Message> {
        let size = |group: &[Entry]| group.iter().map(codec::size_hint).sum::<usize>();
        let mut bytes: usize = batch.iter().map(|(group, _)| size(group)).sum();
        // Whatever the caller set: a batch always fits into a record.
        let bytes_max = self.limits.batch_bytes_max.min(GROUP_BYTES_MAX);
        while bytes < bytes_max {
            match messages.try_recv().ok()? {
                Message::Commit(group, reply) => {
                    let more = size(&group);
                    if bytes.saturating_add(more) > bytes_max {
                        return Some(Message::Commit(group, reply));
                    }
                    bytes = bytes.saturating_add(more);
                    batch.push((group, reply));
                }
                other @ (Message::Body(..) | Message::Close(_)) => return Some(other),
            }
        }
        None
    }

    fn commit(&mut self, batch: Vec<(Vec<Entry>, Reply)>) {
        let mut room = None;
        let mut entries = Vec::new();
        let mut staged = Vec::new();
        for (group, reply) in batch {
            match self.stage(&group, &mut room) {
                Ok(intents) => {
                    entries.extend(group);
                    staged.push((intents, reply));
                }
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            }
        }
        // An empty group is durable at once, but no record says so.
        let written = if entries.is_empty() && self.poisoned.is_none() {
            Ok(())
        } else {
            self.write(&entries)
        };
        for (intents, reply) in staged {
            let answer = match &written {
                Ok(()) => Ok(Receipt::after_sync(intents)),
                Err(error) => Err(error.clone()),
            };
            let _ = reply.send(answer);
        }
    }

    /// Takes a group into the book, if it is legal and there is room for it.
    fn stage(
        &mut self,
        group: &[Entry],
        room: &mut Option<Result<(), StoreError>>,
    ) -> Result<Vec<Intent>, StoreError> {
        self.check_open()?;
        if group.iter().map(codec::size_hint).sum::<usize>() > GROUP_BYTES_MAX {
            return Err(StoreError::Illegal("the group is too large for one record".to_owned()));
        }
        if group.iter().any(begins_sending) {
            room.get_or_insert_with(|| self.room()).clone()?;
        }
        let mut bodies = JournalBodies { disk: &*self.disk, dir: &self.journal_dir };
        let staged = self.book.stage(group, &mut bodies);
        self.poison_by(staged)
    }

    /// Whether a new payment may be begun.
    fn room(&self) -> Result<(), StoreError> {
        let needed_bytes = self.limits.reserve_bytes;
        match self.disk.free_bytes(&self.journal_dir) {
            Ok(free_bytes) if free_bytes < needed_bytes => {
                Err(StoreError::NearlyFull { free_bytes, needed_bytes })
            }
            // Where the system does not tell, a full disk shows when it is written to.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// One record, on the disk after `Ok`.
    fn write(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        self.check_open()?;
        let written =
            codec::group(entries).map_err(StoreError::Damaged).and_then(|(payload, places)| {
                let head = self.journal.append(self.epoch, &payload).map_err(store_error)?;
                Ok((head, places))
            });
        let (head, places) = self.poison_by(written)?;
        let mut places = places.into_iter();
        for entry in entries {
            let Entry::Payment(entry) = entry else {
                continue;
            };
            let index = entry.payment.get();
            self.unsaved.blocks.insert(index / BLOCK_PAYMENTS);
            let place = entry.body.as_ref().and_then(|_| places.next());
            let slot = self.book.slots.get_mut(index);
            if let (Some(place), Some(slot)) = (place, slot)
                && let Some(Place::Fresh(_)) = slot.body
            {
                let (start, end) = (place.start, place.end);
                slot.body = Some(Place::At(BodyPlace { record: head.position, start, end }));
            }
        }
        self.unsaved.events += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn body(&mut self, payment: PaymentIndex) -> Result<Option<Body>, StoreError> {
        self.check_open()?;
        let slot = self.book.slots.get(payment.get());
        let Some(Place::At(place)) = slot.and_then(|slot| slot.body) else {
            return Ok(None);
        };
        let read = place.read(&*self.disk, &self.journal_dir);
        self.poison_by(read.map(Some).map_err(StoreError::Damaged))
    }

    fn check_open(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            Some(why) => Err(StoreError::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    /// After any error but the two that change nothing, nothing is written any more.
    fn poison_by<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Ok(_) | Err(StoreError::Illegal(_) | StoreError::NearlyFull { .. }) => {}
            Err(
                error @ (StoreError::Io { .. } | StoreError::Poisoned(_) | StoreError::Damaged(_)),
            ) => {
                self.poisoned.get_or_insert_with(|| error.to_string());
            }
        }
        result
    }

    fn save_if_due(&mut self) {
        let Limits { checkpoint_events, checkpoint_every, .. } = self.limits;
        let due = self.unsaved.events >= checkpoint_events
            || self.unsaved.saved_at.elapsed() >= checkpoint_every;
        if due && self.room().is_ok() {
            self.save();
        }
    }

    /// Writes the checkpoint. A failure costs the checkpoint, never the run: the journal is the authority.
    fn save(&mut self) {
        if self.poisoned.is_some() || self.unsaved.events == 0 {
            return;
        }
        let (Some(mut checkpoint), Some(head)) = (self.checkpoint.take(), self.journal.head())
        else {
            return;
        };
        let saved = checkpoint.save(Mark::of(self.run, head), &self.book, &self.unsaved.blocks);
        match saved {
            Ok(()) => self.checkpoint = Some(checkpoint),
            Err(_) => checkpoint.let_go(),
        }
        self.unsaved = Unsaved::none();
    }
}

impl Unsaved {
    pub(crate) fn none() -> Self {
        Self { blocks: BTreeSet::new(), events: 0, saved_at: Instant::now() }
    }
}

fn begins_sending(entry: &Entry) -> bool {
    match entry {
        Entry::Payment(entry) => matches!(entry.event, Event::Intent { .. }),
        Entry::Run(_) => false,
    }
}

pub(crate) fn store_error(error: AppendError) -> StoreError {
    StoreError::Io { doing: error.doing, error: format!("{}: {}", error.path, error.error) }
}

struct JournalBodies<'a> {
    disk: &'a dyn Disk,
    dir: &'a std::path::Path,
}

impl Bodies<Place> for JournalBodies<'_> {
    fn hash(&mut self, place: &Place) -> Result<BodyHash, StoreError> {
        match place {
            Place::Fresh(hash) => Ok(*hash),
            Place::At(place) => {
                let body = place.read(self.disk, self.dir);
                body.map(|body| body.hash()).map_err(StoreError::Damaged)
            }
        }
    }

    fn place(&mut self, body: &Body) -> Place {
        Place::Fresh(body.hash())
    }
}
