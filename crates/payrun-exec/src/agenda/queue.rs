//! Who is next: wallets in turn, what waits for its time, what is at hand.

use super::*;

impl Agenda {
    /// Decides what is next for a payment from where it stands now.
    pub(super) fn follow(&mut self, index: PaymentIndex, now: Now) {
        let case = self.case(index);
        match case.state() {
            State::Planned if self.is_held_back(index) && !self.looks_first(index) => {
                self.hold_back(index, now);
            }
            State::Unknown if case.cleared && self.is_held_back(index) => {
                self.hold_back(index, now);
            }
            State::Planned if case.not_before > now.at => self.wait(index, case.not_before),
            State::Planned if self.looks_first(index) => {
                let counts_from = now.at.after(self.rules.request_timeout);
                self.case_mut(index).absence.get_or_insert(Absence::from(counts_from));
                self.wait(index, now.at);
            }
            State::Planned => self.requeue(index),
            State::Unknown if case.cleared && case.not_before > now.at => {
                self.wait(index, case.not_before)
            }
            State::Unknown if case.cleared => self.requeue(index),
            State::Unknown => self.wait(index, now.at),
            State::Accepted if case.is_heard_of => self.ask_soon(index, now),
            State::Accepted => {
                let (first, max) = (self.settings.poll_first, self.settings.poll_max);
                // What was asked because of a callback says nothing of how long it takes.
                let tries = case.tries.saturating_add(u32::from(!case.is_asked_early));
                let wait = backoff(case.tries, first, max, self.entropy.next_u64());
                self.case_mut(index).tries = tries;
                self.wait(index, now.at.after(wait));
            }
            State::InDoubt | State::Failed if case.may_change() && case.is_heard_of => {
                self.ask_soon(index, now);
            }
            // Asked once in each process; after that a person or a later one looks. What was called failed and
            // may be corrected, too: a late success must not stay unseen.
            State::InDoubt | State::Failed
                if case.may_change() && case.tries == 0 && !case.is_sent_here =>
            {
                self.ask_once(index, now);
            }
            State::InDoubt
            | State::Submitting
            | State::Held
            | State::Paid
            | State::Failed
            | State::Rejected
            | State::Returned
            | State::Cancelled => self.set_phase(index, Phase::Resting),
        }
    }

    fn ask_once(&mut self, index: PaymentIndex, now: Now) {
        self.case_mut(index).tries = 1;
        self.wait(index, now.at);
    }

    pub(super) fn wake(&mut self, now: Now) {
        while self.stop.is_none() && self.census.looking_up < self.in_flight_max() {
            let Some(Reverse((at, number))) = self.waiting.peek().copied() else {
                break;
            };
            if at > now.at {
                break;
            }
            self.waiting.pop();
            let index = PaymentIndex(number);
            let case = self.case(index);
            if case.phase != Phase::Waiting || case.due != at {
                continue;
            }
            let sends_next =
                case.cleared || (case.state() == State::Planned && case.absence.is_none());
            if sends_next && matches!(case.state(), State::Planned | State::Unknown) {
                self.follow(index, now);
            } else {
                self.ask(index, now);
            }
        }
    }

    /// Keeps enough payments at hand that a token is never wasted.
    pub(super) fn prepare_more(&mut self, now: Now) {
        let at_hand_max = self.in_flight_max().saturating_mul(2);
        let ready = |agenda: &Self| u32::try_from(agenda.ready.len()).unwrap_or(u32::MAX);
        while self.census.preparing.saturating_add(ready(self)) < at_hand_max {
            let Some(index) = self.next_queued() else {
                break;
            };
            if self.waits_for_payee(index, now) {
                continue;
            }
            if !self.rules.same_payee_gap.is_zero() {
                // Reserved now, so that two payments to one payee are not prepared side by side.
                let phone = self.planned(index).payment.payee.phone.clone();
                self.payee_last.insert(phone, (now.at, index));
            }
            if self.bodies.contains_key(&index) {
                self.set_phase(index, Phase::Ready);
                self.ready.push_back(index);
                continue;
            }
            self.set_phase(index, Phase::Preparing);
            let on_record = self.case(index).progress.standing.attempts > 0;
            self.actions.push(Action::Prepare { payment: index, on_record });
        }
    }

    /// The next payment at hand whose payee may be paid now: its token may have come after the reservation was over.
    pub(super) fn next_ready(&mut self, now: Now) -> Option<PaymentIndex> {
        while let Some(index) = self.ready.pop_front() {
            if !self.waits_for_payee(index, now) {
                return Some(index);
            }
        }
        None
    }

    /// Makes it wait if another payment to its payee was sent, or is at hand, too short a time ago.
    fn waits_for_payee(&mut self, index: PaymentIndex, now: Now) -> bool {
        let last = self.payee_last.get(&self.planned(index).payment.payee.phone);
        let other = last.filter(|(_, who)| *who != index);
        let free_at = other.map(|(last, _)| last.after(self.rules.same_payee_gap));
        let Some(at) = free_at.filter(|at| *at > now.at) else {
            return false;
        };
        self.case_mut(index).not_before = at;
        self.wait(index, at);
        true
    }

    /// The next payment of the wallets in turn, so that no wallet waits for another.
    pub(super) fn next_queued(&mut self) -> Option<PaymentIndex> {
        for step in 0..self.lanes.len() {
            let place = (self.next_lane + step) % self.lanes.len();
            let lane = &mut self.lanes[place];
            if lane.paused.is_some() {
                continue;
            }
            if let Some(index) = lane.queue.pop_front() {
                self.next_lane = (place + 1) % self.lanes.len();
                return Some(index);
            }
        }
        None
    }

    pub(super) fn requeue(&mut self, index: PaymentIndex) {
        let lane = self.case(index).lane;
        self.set_phase(index, Phase::Queued);
        let queue = &mut self.lanes[lane].queue;
        // What was tried before goes first; the plan's order is kept for the rest.
        if self.cases[index.get()].progress.standing.attempts > 0 {
            queue.push_front(index);
        } else {
            queue.push_back(index);
        }
    }

    /// Nothing more is begun: what was ready goes back to its queue.
    pub(super) fn unready(&mut self) {
        while let Some(index) = self.ready.pop_front() {
            self.requeue(index);
        }
    }

    pub(super) fn wait(&mut self, index: PaymentIndex, until: Moment) {
        self.set_phase(index, Phase::Waiting);
        self.case_mut(index).due = until;
        self.waiting.push(Reverse((until, index.0)));
    }

    pub(super) fn wait_to_retry(&mut self, index: PaymentIndex, now: Now) {
        let until = now.at.after(self.retry_wait(index));
        self.case_mut(index).not_before = until;
        self.wait(index, until);
    }

    pub(super) fn retry_wait(&mut self, index: PaymentIndex) -> Duration {
        let chance = self.entropy.next_u64();
        let case = self.case_mut(index);
        let wait = backoff(case.tries, RETRY_FIRST, RETRY_MAX, chance);
        case.tries = case.tries.saturating_add(1);
        wait
    }
}
