//! What the provider says unasked.

use payrun_core::ProviderReference;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The most callbacks that wait for the run to take them. What is beyond is dropped: the payment is asked about in its time.
const WAITING_MAX: usize = 10_000;

/// Callbacks about the payments of a run, as whoever receives them hands them in.
///
/// Nothing in a callback is believed, for it may be forged, late, doubled, or overtaken by one that was sent later. It only makes the
/// run ask the provider sooner, at the provider's pace, and not more often than after
/// [`Settings::poll_first`](crate::Settings::poll_first).
///
/// ```
/// # use payrun_core::{Generation, ProviderReference};
/// # use payrun_exec::Callbacks;
/// # let reference = ProviderReference::derive(&"acme".parse().unwrap(), &"P-1".parse().unwrap(), Generation::FIRST);
/// let callbacks = Callbacks::default();
/// callbacks.heard_of(reference);
/// callbacks.heard_of(reference); // changes nothing
/// ```
#[derive(Debug, Default)]
pub struct Callbacks {
    waiting: Mutex<Vec<ProviderReference>>,
    come: Notify,
}

impl Callbacks {
    /// A callback came about this reference. It need not belong to the run.
    pub fn heard_of(&self, reference: ProviderReference) {
        let mut waiting = self.waiting();
        if waiting.len() < WAITING_MAX {
            waiting.push(reference);
            self.come.notify_one();
        }
    }

    /// Waits until some have come.
    pub(crate) async fn come(&self) {
        self.come.notified().await;
        // A flood must not keep what else runs here from its turn.
        tokio::task::yield_now().await;
    }

    /// Those that came.
    pub(crate) fn take(&self) -> Vec<ProviderReference> {
        std::mem::take(&mut self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<ProviderReference>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_takes_no_more_than_its_room() {
        let callbacks = Callbacks::default();
        for _ in 0..3 * WAITING_MAX {
            callbacks.heard_of(ProviderReference::from_bytes([7; 16]));
        }
        assert_eq!(callbacks.take().len(), WAITING_MAX);
        assert_eq!(callbacks.take(), []);
    }
}
