//! The state derived from a journal: where each payment stands, and where its body is.
//!
//! The only way in is [`Progress::apply`], so nothing illegal is ever written or read back.

use payrun_core::{Event, PaymentIndex, Progress, State};
use payrun_ports::{Body, BodyHash, Entry, History, PaymentEntry, RunEvent, StoreError};

const BODY_WITHOUT_INTENT: &str = "only an intent has a body";
const FIRST_INTENT_WITHOUT_BODY: &str = "a first intent needs its body";

/// What is known of one payment. `P` says where its body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot<P> {
    pub(crate) progress: Progress,
    pub(crate) body: Option<P>,
}

impl<P> Default for Slot<P> {
    fn default() -> Self {
        Self { progress: Progress::default(), body: None }
    }
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Book<P> {
    pub(crate) slots: Vec<Slot<P>>,
    pub(crate) cautious: Option<String>,
    pub(crate) cancel_requested: bool,
}

/// How a store keeps bodies.
pub(crate) trait Bodies<P> {
    /// The hash of a body that is kept.
    fn hash(&mut self, place: &P) -> Result<BodyHash, StoreError>;

    /// Where the next body will be.
    fn place(&mut self, body: &Body) -> P;
}

/// An intent of a staged group.
pub(crate) type Intent = (PaymentIndex, u32, BodyHash);

impl<P: Clone> Book<P> {
    /// Nothing has happened to any of the payments.
    pub(crate) fn new(payments: usize) -> Self {
        Self { slots: vec![Slot::default(); payments], cautious: None, cancel_requested: false }
    }

    /// Takes in a whole group, or nothing of it; its intents in order.
    pub(crate) fn stage(
        &mut self,
        group: &[Entry],
        bodies: &mut dyn Bodies<P>,
    ) -> Result<Vec<Intent>, StoreError> {
        let run = (self.cautious.clone(), self.cancel_requested);
        let mut before = Vec::with_capacity(group.len());
        let mut intents = Vec::new();
        for entry in group {
            let staged = match entry {
                Entry::Run(event) => {
                    self.apply_run(event);
                    Ok(())
                }
                Entry::Payment(entry) => self
                    .stage_payment(entry, bodies, &mut before)
                    .map(|intent| intents.extend(intent)),
            };
            if let Err(error) = staged {
                for (index, slot) in before.into_iter().rev() {
                    if let Some(place) = self.slots.get_mut(index) {
                        *place = slot;
                    }
                }
                (self.cautious, self.cancel_requested) = run;
                return Err(error);
            }
        }
        Ok(intents)
    }

    fn stage_payment(
        &mut self,
        entry: &PaymentEntry,
        bodies: &mut dyn Bodies<P>,
        before: &mut Vec<(usize, Slot<P>)>,
    ) -> Result<Option<Intent>, StoreError> {
        let index = entry.payment.get();
        let Some(slot) = self.slots.get_mut(index) else {
            return Err(illegal(entry, "the plan has no such payment"));
        };
        let old = slot.clone();
        let applied = slot.progress.apply(entry.event, entry.at, entry.reason.as_deref());
        applied.map_err(|error| illegal(entry, &error.to_string()))?;
        before.push((index, old));
        let Event::Intent { attempt, .. } = entry.event else {
            return match entry.body {
                Some(_) => Err(illegal(entry, BODY_WITHOUT_INTENT)),
                None => Ok(None),
            };
        };
        let hash = match (&slot.body, &entry.body) {
            (None, None) => return Err(illegal(entry, FIRST_INTENT_WITHOUT_BODY)),
            (None, Some(body)) => {
                slot.body = Some(bodies.place(body));
                body.hash()
            }
            (Some(place), None) => bodies.hash(place)?,
            (Some(place), Some(body)) => {
                if bodies.hash(place)? != body.hash() {
                    return Err(illegal(entry, "a later intent may not change the body"));
                }
                body.hash()
            }
        };
        Ok(Some((entry.payment, attempt, hash)))
    }

    /// Takes in an entry read from a journal, with the place of its body.
    pub(crate) fn replay(&mut self, entry: &Entry, place: Option<P>) -> Result<(), String> {
        match entry {
            Entry::Run(event) => self.apply_run(event),
            Entry::Payment(entry) => {
                let slot = self.slots.get_mut(entry.payment.get());
                let slot =
                    slot.ok_or_else(|| format!("there is no payment {}", entry.payment.0))?;
                let at = |why: &str| format!("payment {}: {why}", entry.payment.0);
                let applied = slot.progress.apply(entry.event, entry.at, entry.reason.as_deref());
                applied.map_err(|error| at(&error.to_string()))?;
                let intent = matches!(entry.event, Event::Intent { .. });
                match (intent, &slot.body, place) {
                    (false, _, Some(_)) => return Err(at(BODY_WITHOUT_INTENT)),
                    (true, None, None) => return Err(at(FIRST_INTENT_WITHOUT_BODY)),
                    (true, None, first) => slot.body = first,
                    // Whatever a later one says, the first body is the one that is sent (I2).
                    (true, Some(_), _) | (false, _, None) => {}
                }
            }
        }
        Ok(())
    }

    fn apply_run(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CautiousStart { reason } => self.cautious = Some(reason.clone()),
            RunEvent::CancelRequested => self.cancel_requested = true,
        }
    }

    /// The state of every payment, in order of the plan.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        self.slots.iter().map(|slot| slot.progress.clone()).collect()
    }

    pub(crate) fn history(&self, epoch: u64) -> History {
        History {
            progress: self.progress(),
            cautious: self.cautious.clone(),
            cancel_requested: self.cancel_requested,
            epoch,
        }
    }

    /// How many payments stand in each state, in the order of [`State::ALL`].
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = State::ALL.map(|state| (state, 0));
        for slot in &self.slots {
            let state = slot.progress.standing.state;
            for (_, count) in counts.iter_mut().filter(|(of, _)| *of == state) {
                *count += 1;
            }
        }
        counts
    }
}

/// How many payments stand in each state.
pub type Counts = [(State, u32); State::ALL.len()];

fn illegal(entry: &PaymentEntry, why: &str) -> StoreError {
    StoreError::Illegal(format!("payment {}: {why}", entry.payment.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun_core::{Basis, UnixMillis};

    fn entry(event: Event, body: Option<&[u8]>) -> Entry {
        Entry::Payment(PaymentEntry {
            payment: PaymentIndex(0),
            event,
            at: UnixMillis(1),
            body: body.map(Body::new),
            reason: None,
        })
    }

    #[test]
    fn what_may_not_be_written_is_not_believed_when_it_is_read() {
        let intent = |attempt| Event::Intent { attempt, basis: Basis::Clear };
        let mut book = Book::new(1);
        assert!(book.clone().replay(&entry(intent(1), None), None).is_err(), "no body");
        assert!(book.clone().replay(&entry(Event::Held, Some(b"x")), Some(7)).is_err());
        assert!(book.clone().replay(&entry(intent(2), Some(b"x")), Some(7)).is_err());
        assert!(book.clone().replay(&entry(Event::NotSent, None), None).is_err());
        book.replay(&entry(intent(1), Some(b"x")), Some(7)).unwrap();
        book.replay(&entry(Event::NotSent, None), None).unwrap();
        book.replay(&entry(intent(2), None), None).unwrap();
        book.replay(&entry(Event::NotSent, None), None).unwrap();
        book.replay(&entry(intent(3), Some(b"y")), Some(8)).unwrap();
        assert_eq!(book.slots[0].body, Some(7), "the first body stays the one that is sent");
    }
}
