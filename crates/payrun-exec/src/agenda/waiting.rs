//! Who waits for its time, and who of those whose time has come is next.

use payrun_core::PaymentIndex;
use payrun_ports::Moment;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter;

/// What a payment waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// To be queued again. Nothing has to be asked.
    Turn,
    /// To be asked about: it may have been sent, and the answer decides whether it is sent again.
    Fate,
    /// The same, and it was absent before: what was begun comes to its end, however many are not begun with.
    Proof,
    /// To be asked about: nothing of it is on record, and the answer decides whether it is sent.
    First,
    /// To be asked about: it was accepted, and the answer tells what became of it.
    Settlement,
    /// To be asked about: it came to its end, and there is news, by a callback.
    Heard,
    /// To be asked about: it came to its end, and there may be news.
    News,
    /// To be asked about again, since the last question about it came to nothing; the answer decides whether it is sent.
    FateFailing,
    /// The same of one of which the answer decides nothing.
    Failing,
}

/// How many kinds of questions there are.
pub(super) const KINDS: u32 = 8;

#[derive(Default)]
pub(super) struct Waiting {
    turns: Earliest,
    /// Of each kind of question, those that wait for it.
    questions: [Earliest; KINDS as usize],
    /// Which kind has its turn.
    next: usize,
}

type Earliest = BinaryHeap<Reverse<(Moment, u32)>>;

impl Waiting {
    pub(super) fn push(&mut self, wait: Wait, until: Moment, index: PaymentIndex) {
        let waiting = match wait {
            Wait::Turn => &mut self.turns,
            Wait::Fate => &mut self.questions[0],
            Wait::First => &mut self.questions[1],
            Wait::Settlement => &mut self.questions[2],
            Wait::Heard => &mut self.questions[3],
            Wait::News => &mut self.questions[4],
            Wait::Failing => &mut self.questions[5],
            Wait::Proof => &mut self.questions[6],
            Wait::FateFailing => &mut self.questions[7],
        };
        waiting.push(Reverse((until, index.0)));
    }

    /// Who is next of those whose time has come; only such as need no question, if nobody may be asked about.
    ///
    /// The kinds of questions take turns: thousands of payments that do not settle do not keep one from being sent, thousands to
    /// be decided on or in doubt do not keep from being told what was paid, or what a callback came about, and thousands that are looked up before they are
    /// first sent do not keep what may have been sent until its window is over; and thousands of which no question is answered keep
    /// nobody.
    pub(super) fn pop_due(&mut self, now: Moment, may_ask: bool) -> Option<(Moment, PaymentIndex)> {
        let is_due = |waiting: &Earliest| waiting.peek().is_some_and(|Reverse((at, _))| *at <= now);
        let waiting = if is_due(&self.turns) {
            &mut self.turns
        } else if !may_ask {
            return None;
        } else {
            let kinds = self.questions.len();
            let mut in_turn = (0..kinds).map(|step| (self.next + step) % kinds);
            let kind = in_turn.find(|kind| is_due(&self.questions[*kind]))?;
            self.next = (kind + 1) % kinds;
            &mut self.questions[kind]
        };
        waiting.pop().map(|Reverse((at, number))| (at, PaymentIndex(number)))
    }

    /// When the time of the next one comes.
    pub(super) fn next_due(&self, now: Moment) -> Option<Moment> {
        iter::once(&self.turns)
            .chain(&self.questions)
            .filter_map(|waiting| waiting.peek().map(|Reverse((at, _))| *at))
            .filter(|at| *at > now)
            .min()
    }
}
