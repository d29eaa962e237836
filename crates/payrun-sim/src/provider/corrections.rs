//! What the run replaces, as the provider has it, and when it changes its mind.

use super::Provider;
use crate::replaced::Became;
use std::collections::BTreeMap;
use std::time::Duration;

impl Provider {
    /// It knows what it knows of what the run replaces, and corrected some of it. The run itself begins later, at `begin`.
    pub(crate) fn remember_replaced(&self, begin: Duration) {
        let (mut state, now) = (self.state(), self.clock.elapsed());
        let mut replaced: Vec<_> = self.before.iter().collect();
        replaced.sort_unstable_by_key(|(reference, _)| *reference);
        for (reference, before) in replaced {
            if before.is_known_there() {
                state.known.insert(reference.clone(), now);
            }
            let at = match before.became {
                Became::CorrectedBefore => now,
                Became::CorrectedAt(after) => begin + after,
                Became::CorrectedAfter(..)
                | Became::Failed
                | Became::Expired
                | Became::Refused
                | Became::RefusedThere
                | Became::Cancelled => continue,
            };
            state.corrected.insert(reference.clone(), at);
        }
    }

    /// What it corrected to paid, and when.
    pub(crate) fn corrected(&self) -> BTreeMap<String, u64> {
        let (state, now) = (self.state(), self.clock.elapsed());
        let corrected = state.corrected.iter().filter(|(_, at)| **at <= now);
        let millis = |at: &Duration| u64::try_from(at.as_millis()).unwrap();
        corrected.map(|(reference, at)| (reference.clone(), millis(at))).collect()
    }

    /// The next of what the run replaces that is corrected soon after it was asked about.
    pub(crate) async fn next_corrected(&self) -> String {
        loop {
            self.correction.notified().await;
            let corrected = self.state().corrected_last.take();
            if let Some((reference, at)) = corrected {
                let wait = at.saturating_sub(self.clock.elapsed());
                self.clock.sleep(wait).await;
                return reference;
            }
        }
    }

    /// The answer about a payment that the run replaces may be the last before it is corrected.
    pub(super) fn count_answer(&self, reference: &str) {
        let Some(before) = self.before.get(reference) else { return };
        let (now, mut state) = (self.clock.elapsed(), self.state());
        let answered = state.answered.entry(reference.to_owned()).or_default();
        *answered += 1;
        if let Became::CorrectedAfter(questions, delay) = before.became
            && *answered == questions
        {
            let at = now + delay;
            self.trace.say(|| format!("PROVIDER corrects {reference} to paid in {delay:?}"));
            state.corrected.insert(reference.to_owned(), at);
            state.corrected_last = Some((reference.to_owned(), at));
            self.correction.notify_one();
        }
    }
}
