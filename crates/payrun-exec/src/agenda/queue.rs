//! Who is next: wallets in turn, what waits for its time, what is at hand.

use super::*;

/// Within this time all that is asked about in turn is due: it orders them, and delays none.
const IN_TURN_NANOS: u64 = 1_000_000;

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
            State::Planned if self.looks_first(index) && case.absence.is_none() => {
                // The window of what was tried before runs, and of what was heard of there is news.
                let is_urgent = case.progress.standing.attempts > 0 || case.is_heard_of;
                self.set_phase(index, Phase::Unseen);
                if is_urgent {
                    self.unseen.push_front(index);
                } else {
                    self.unseen.push_back(index);
                }
            }
            State::Planned if self.looks_first(index) => self.wait(index, now.at),
            State::Planned => self.requeue(index),
            State::Unknown if case.cleared && case.not_before > now.at => {
                self.wait(index, case.not_before)
            }
            State::Unknown if case.cleared => self.requeue(index),
            State::Unknown => self.ask_in_turn(index, now),
            State::Accepted if case.is_heard_of => self.ask_soon(index, now),
            // What did not pay by its record and is under way after all is followed while the run goes on.
            State::Failed | State::Rejected if case.is_under_way && !case.is_heard_of => {
                self.poll(index, now);
            }
            State::Accepted => self.poll(index, now),
            State::InDoubt | State::Failed | State::Rejected | State::Paid if case.is_heard_of => {
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

    /// It is asked about again in a while, less and less often.
    pub(super) fn poll(&mut self, index: PaymentIndex, now: Now) {
        let (first, max) = (self.settings.poll_first, self.settings.poll_max);
        let case = self.case(index);
        // What was asked because of a callback says nothing of how long it takes.
        let tries = case.tries.saturating_add(u32::from(!case.is_asked_early));
        let wait = backoff(case.tries, first, max, self.entropy.next_u64());
        self.case_mut(index).tries = tries;
        self.wait(index, now.at.after(wait));
    }

    fn ask_once(&mut self, index: PaymentIndex, now: Now) {
        self.case_mut(index).tries = 1;
        self.ask_in_turn(index, now);
    }

    /// In an order that each process draws anew: where they are more than it can ask about, others are left out each time.
    fn ask_in_turn(&mut self, index: PaymentIndex, now: Now) {
        let place = Duration::from_nanos(self.entropy.next_u64() % IN_TURN_NANOS);
        self.wait(index, now.at.after(place));
    }

    /// Begins to look up what a cautious start has not asked about yet: so many at a time that the calls are used, and not all
    /// of them before the first is sent.
    fn begin_to_look(&mut self, now: Now) {
        while self.census.looked_at < self.looked_at_max {
            let Some(index) = self.unseen.pop_front() else { break };
            if self.case(index).phase == Phase::Unseen {
                self.see(index, now);
                self.wait(index, now.at);
            }
        }
    }

    /// Begins with the proof that it is absent: what a lost history sent may arrive until its time-out is over.
    pub(super) fn see(&mut self, index: PaymentIndex, now: Now) {
        let counts_from = now.at.after(self.rules.request_timeout);
        self.set_absence(index, Some(Absence::from(counts_from)));
    }

    pub(super) fn wake(&mut self, now: Now) {
        while self.stop.is_none() {
            self.begin_to_look(now);
            let may_ask = self.census.looking_up < self.asked_at_a_time;
            let Some((at, index)) = self.waiting.pop_due(now.at, may_ask) else {
                break;
            };
            let case = self.case(index);
            if case.phase != Phase::Waiting || case.due != at {
                continue;
            }
            match self.waits_for(index) {
                Wait::Turn => self.follow(index, now),
                Wait::Fate
                | Wait::Proof
                | Wait::First
                | Wait::Settlement
                | Wait::Heard
                | Wait::News
                | Wait::FateFailing
                | Wait::Failing => self.ask(index, now),
            }
        }
    }

    pub(super) fn waits_for(&self, index: PaymentIndex) -> Wait {
        let (case, state) = (self.case(index), self.case(index).state());
        let is_first = state == State::Planned;
        if (is_first && case.absence.is_none()) || case.cleared {
            Wait::Turn
        } else if case.is_failing {
            let decides = is_first || state == State::Unknown;
            if decides { Wait::FateFailing } else { Wait::Failing }
        } else if is_first {
            Wait::First
        } else if state == State::Unknown {
            let was_absent = case.absence.is_some_and(|absence| absence.is_begun());
            if was_absent { Wait::Proof } else { Wait::Fate }
        } else if state == State::Accepted {
            Wait::Settlement
        } else if case.is_heard_of {
            Wait::Heard
        } else {
            Wait::News
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
        let Some((last, other)) = self.payee_last_of_another(index) else { return false };
        let gap = self.rules.same_payee_gap;
        // Its reservation can be over while it is still being got ready. Were the payee reserved for this one then, the two
        // would give way to each other for ever.
        let counts_from = if self.case(other).is_at_hand() { last.max(now.at) } else { last };
        let at = counts_from.after(gap);
        if at <= now.at {
            return false;
        }
        self.case_mut(index).not_before = at;
        self.wait(index, at);
        true
    }

    /// When its payee may be paid again after another payment, if there was one.
    pub(super) fn payee_is_free_at(&self, index: PaymentIndex) -> Option<Moment> {
        self.payee_last_of_another(index).map(|(last, _)| last.after(self.rules.same_payee_gap))
    }

    /// The other payment that its payee was last paid by, or is reserved for, and when.
    fn payee_last_of_another(&self, index: PaymentIndex) -> Option<(Moment, PaymentIndex)> {
        let last = self.payee_last.get(&self.planned(index).payment.payee.phone);
        last.copied().filter(|(_, who)| *who != index)
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
        self.waiting.push(self.waits_for(index), until, index);
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
