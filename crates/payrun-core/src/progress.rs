//! What the journal says of one payment now.

use crate::{Event, IllegalTransition, Settlement, Standing, UnixMillis, transition};

/// A payment's standing with the times and words that reports and the resend window need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Where it stands.
    pub standing: Standing,
    /// When the first intent was written; the resend window counts from here.
    pub first_intent_at: Option<UnixMillis>,
    /// When the latest event was recorded.
    pub changed_at: Option<UnixMillis>,
    /// The provider's word for a failure can still turn into success.
    pub correctable: bool,
    /// Why it stands where it stands, in the provider's words or ours.
    pub reason: Option<String>,
}

impl Progress {
    /// Takes in one event of the journal.
    ///
    /// # Errors
    /// [`IllegalTransition`]; nothing has changed then.
    pub fn apply(
        &mut self,
        event: Event,
        at: UnixMillis,
        reason: Option<&str>,
    ) -> Result<(), IllegalTransition> {
        let next = transition(self.standing, event)?;
        if next.attempts > self.standing.attempts && self.first_intent_at.is_none() {
            self.first_intent_at = Some(at);
        }
        if let Event::Answered(settlement) | Event::Found(settlement) | Event::Verdict(settlement) =
            event
        {
            self.correctable = matches!(settlement, Settlement::Failed { correctable: true });
        }
        self.standing = next;
        self.changed_at = Some(at);
        self.reason = reason.map(str::to_owned);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Basis, State};

    #[test]
    fn the_window_counts_from_the_first_intent() {
        let mut progress = Progress::default();
        let intent = |attempt| Event::Intent { attempt, basis: Basis::Clear };
        progress.apply(intent(1), UnixMillis(10), None).unwrap();
        progress.apply(Event::NotSent, UnixMillis(20), Some("busy")).unwrap();
        progress.apply(intent(2), UnixMillis(30), None).unwrap();
        assert_eq!(progress.first_intent_at, Some(UnixMillis(10)));
        assert_eq!(progress.reason, None);
    }

    #[test]
    fn an_illegal_event_changes_nothing() {
        let mut progress = Progress::default();
        assert!(progress.apply(Event::NotSent, UnixMillis(1), Some("no")).is_err());
        assert_eq!(progress, Progress::default());
        assert_eq!(progress.standing.state, State::Planned);
    }
}
