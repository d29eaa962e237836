//! What the auditor is told: what a process asked for, and what it heard, when it did.

use super::Provider;
use crate::audit::{Ban, Call, Callback, Came, Heard, Planned, Question, Request, Wait};
use payrun_core::Settlement;
use payrun_ports::{Answer, CallError, LookUp, NotSent};
use std::collections::BTreeSet;
use std::time::Duration;

impl Provider {
    /// A request to move money comes in; its number.
    pub(crate) fn note_request(&self, payment: &Planned) -> usize {
        self.call("money");
        let (at_ms, mut state) = (self.now_ms(), self.state());
        let (process, payment) = (state.process, payment.clone());
        state.requests.push(Request { payment, process, at_ms, is_unsent: false });
        state.requests.len() - 1
    }

    /// The process hears what came of a request.
    pub(crate) fn note_answer(&self, number: usize, answer: &Answer) {
        self.state().requests[number].is_unsent = matches!(answer, Answer::NotSent(_));
        match answer {
            Answer::NotSent(NotSent::Busy(wait)) => self.heard(Came::Busy, *wait),
            Answer::NotSent(NotSent::NoConnection(_)) => self.heard(Came::NoConnection, None),
            Answer::NotSent(_)
            | Answer::Settled(..)
            | Answer::Refused(_)
            | Answer::Unknown(..)
            | Answer::TooSoonForPayee(_) => self.heard(Came::Answer, None),
        }
        if matches!(answer, Answer::NotSent(NotSent::PayeeBanned { .. })) {
            let (at_ms, mut state) = (self.now_ms(), self.state());
            let (process, payee) = (state.process, state.requests[number].payment.payee.clone());
            state.bans.push(Ban { payee, process, at_ms });
        }
    }

    /// The process hears what became of a payment that the run replaces.
    pub(crate) fn note_question(&self, reference: &str, asked_ms: u64, found: Option<&LookUp>) {
        if !self.before.contains_key(reference) {
            return;
        }
        let (answered_ms, mut state) = (self.now_ms(), self.state());
        let says_paid = matches!(found, Some(LookUp::Found(Settlement::Paid, _)));
        let (process, is_answered) = (state.process, found.is_some());
        let reference = reference.to_owned();
        let question =
            Question { reference, process, asked_ms, answered_ms, is_answered, says_paid };
        state.questions.push(question);
    }

    pub(crate) fn heard_error(&self, error: &CallError) {
        match error {
            CallError::Busy(wait) => self.heard(Came::Busy, *wait),
            CallError::Unreachable(_) | CallError::Timeout(_) | CallError::Unreadable(_) => {
                self.heard(Came::Nothing, None);
            }
            CallError::KeyRefused(_) | CallError::Refused(_) => {}
        }
    }

    /// What came of a call, as the process heard it.
    pub(super) fn heard(&self, came: Came, wait: Option<Duration>) {
        let (order, at_ms, mut state) = (self.clock.order(), self.now_ms(), self.state());
        let (process, of_run) = (state.process, state.is_running);
        if came == Came::Busy {
            // Without a word, a minute is meant.
            let wait = wait.unwrap_or(Duration::from_secs(60));
            let wait_ms = u64::try_from(wait.as_millis()).unwrap();
            state.waits.push(Wait { order, process, of_run, at_ms, wait_ms });
        }
        state.heard.push(Heard { came, process, at_ms });
    }

    pub(crate) fn call(&self, class: &'static str) {
        let (at_ms, mut state) = (self.now_ms(), self.state());
        let process = state.process;
        state.calls.push(Call { class, process, at_ms });
    }

    /// It had this to say unasked.
    pub(crate) fn called_back(&self, reference: &str) {
        if self.before.contains_key(reference) {
            let at_ms = self.now_ms();
            let mut state = self.state();
            let (reference, process) = (reference.to_owned(), state.process);
            state.callbacks.push(Callback { reference, process, at_ms });
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        self.state().questions.clone()
    }

    pub(crate) fn callbacks(&self) -> Vec<Callback> {
        self.state().callbacks.clone()
    }

    pub(crate) fn bans(&self) -> Vec<Ban> {
        self.state().bans.clone()
    }

    pub(crate) fn waits(&self) -> Vec<Wait> {
        self.state().waits.clone()
    }

    pub(crate) fn all_heard(&self) -> Vec<Heard> {
        self.state().heard.clone()
    }

    pub(crate) fn refused(&self) -> BTreeSet<String> {
        self.state().refused.clone()
    }

    /// What it said once of a payment that the run replaces, or of one of the run: that it differs.
    pub(crate) fn differed(&self) -> BTreeSet<String> {
        self.state().differed.clone()
    }
}
