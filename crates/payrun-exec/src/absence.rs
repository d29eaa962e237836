//! Proof that the provider does not know a reference (I3).

use crate::AbsenceRule;
use payrun_ports::Moment;
use std::time::Duration;

/// The not-found answers of one payment so far.
///
/// Lives in memory only: a restart starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Absence {
    /// Answers before this do not count: the request may still be on its way.
    counts_from: Moment,
    first: Option<Moment>,
    last: Option<Moment>,
    answers: u32,
}

/// The least time between two answers that both count, as a part of the grace period.
const SPACING_PARTS: u32 = 4;

impl Absence {
    /// Nothing proven; answers count from `counts_from`.
    pub(crate) fn from(counts_from: Moment) -> Self {
        Self { counts_from, first: None, last: None, answers: 0 }
    }

    /// Takes in one not-found answer to a question that was asked at `asked`.
    pub(crate) fn not_found(&mut self, asked: Moment, rule: AbsenceRule) {
        let spaced = self.last.is_none_or(|last| asked.since(last) >= spacing(rule));
        if asked < self.counts_from || !spaced {
            return;
        }
        self.first.get_or_insert(asked);
        self.last = Some(asked);
        self.answers = self.answers.saturating_add(1);
    }

    /// Whether there is an answer that counts.
    pub(crate) fn is_begun(&self) -> bool {
        self.answers > 0
    }

    /// Whether absence is proven.
    pub(crate) fn is_proven(&self, rule: AbsenceRule) -> bool {
        let (Some(_), Some(last)) = (self.first, self.last) else {
            return false;
        };
        self.answers >= rule.answers.max(3) && last.since(self.counts_from) >= rule.grace
    }

    /// Whether one more not-found answer at `now` would prove it.
    pub(crate) fn is_last_question(&self, now: Moment, rule: AbsenceRule) -> bool {
        let mut after = *self;
        after.not_found(now, rule);
        after.is_proven(rule)
    }

    /// When to ask next.
    pub(crate) fn next_question(&self, now: Moment, rule: AbsenceRule) -> Moment {
        let end = self.counts_from.after(rule.grace);
        let spaced = self.last.map_or(self.counts_from, |last| last.after(rule.grace / 2));
        let next = if self.answers.saturating_add(1) >= rule.answers.max(3) {
            spaced.max(end)
        } else {
            spaced
        };
        // A question before answers count is worth asking all the same: it may find the payment.
        let early = now.after((rule.grace / 3).max(Duration::from_millis(50)));
        if now < self.counts_from { early.min(self.counts_from) } else { next.max(now) }
    }
}

fn spacing(rule: AbsenceRule) -> Duration {
    rule.grace / SPACING_PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: AbsenceRule = AbsenceRule { answers: 3, grace: Duration::from_secs(300) };

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn after(answers: &[u64]) -> Absence {
        let mut absence = Absence::from(at(30));
        for seconds in answers {
            absence.not_found(at(*seconds), RULE);
        }
        absence
    }

    #[test]
    fn three_spaced_answers_over_the_whole_grace_prove_it() {
        for (answers, proven) in [
            (&[][..], false),
            (&[30, 180], false),
            (&[30, 180, 329], false),
            (&[30, 180, 330], true),
            (&[0, 10, 20, 330], false),
            (&[30, 31, 32, 33, 330], false),
            (&[330, 331, 332], false),
            (&[100, 200, 400], true),
        ] {
            assert_eq!(after(answers).is_proven(RULE), proven, "{answers:?}");
        }
    }

    #[test]
    fn asking_when_told_proves_it_with_the_fewest_questions() {
        let (mut absence, mut now, mut asked) = (Absence::from(at(0)), at(0), 0);
        while !absence.is_proven(RULE) {
            absence.not_found(now, RULE);
            asked += 1;
            now = absence.next_question(now, RULE);
            assert!(asked < 10);
        }
        assert_eq!(asked, 3);
    }
}
