//! What the answers to requests mean for their payments, and what they mean for the run.

use super::*;

/// Why something was not sent.
pub(crate) const STOPPED: &str = "the run was stopped before it was sent";

impl Agenda {
    pub(crate) fn prepared(&mut self, index: PaymentIndex, result: Prepared, now: Now) {
        match result {
            Prepared::Ready { body, is_answered } => {
                if is_answered {
                    self.no_trouble(index, now);
                }
                self.bodies.insert(index, body);
                if self.stop.is_some() || self.lane_of(index).paused.is_some() {
                    self.requeue(index);
                } else if self.is_held_back(index) {
                    self.follow(index, now);
                } else {
                    self.case_mut(index).unanswered_since = None;
                    self.set_phase(index, Phase::Ready);
                    self.ready.push_back(index);
                }
            }
            Prepared::Impossible(why) => self.hold(index, why, now),
            Prepared::Call(CallError::Refused(why)) => self.hold(index, why, now),
            Prepared::Call(error) => self.try_later(index, &error, now),
            Prepared::Store(error) => {
                self.stop(StopCause::Store(error));
                self.requeue(index);
            }
        }
    }

    pub(crate) fn checked(&mut self, index: PaymentIndex, result: Checked, now: Now) {
        if !matches!(result, Checked::Call(_)) {
            self.no_trouble(index, now);
        }
        match result {
            Checked::Unpaid { .. }
                if self.stop.is_some() || self.lane_of(index).paused.is_some() =>
            {
                self.requeue(index);
            }
            Checked::Unpaid { .. } if self.is_held_back(index) => self.follow(index, now),
            Checked::Unpaid { read_at } => {
                if !self.asks_once_more(index, now) {
                    self.case_mut(index).unanswered_since = None;
                    self.intend(index, read_at, now);
                }
            }
            Checked::NotUnpaid(why) if self.case(index).state() == State::Unknown => {
                // Its own request may still arrive: neither resent nor held.
                self.bodies.remove(&index);
                self.record(index, Event::WindowClosed, Some(why), now);
                self.follow(index, now);
            }
            Checked::NotUnpaid(why) => {
                self.bodies.remove(&index);
                self.hold(index, why, now);
            }
            // Nobody says for how long the provider forgets.
            Checked::NotNow(why) => self.try_later_although_answered(index, why, now),
            Checked::TooSlow => {
                let why = "what it replaces could not be read in good time".to_owned();
                self.try_later_although_answered(index, why, now);
            }
            // Asking again will not help, and nothing is paid anew unasked.
            Checked::Call(CallError::Refused(why)) => self.leave(index, why),
            Checked::Call(error) => self.try_later(index, &error, now),
        }
    }

    /// The group with these intents is durable.
    pub(crate) fn intents_durable(&mut self, intents: &[Intent]) {
        for intent in intents {
            let (index, entry) = (intent.payment, &intent.entry);
            let from = self.case(index).state();
            let applied =
                self.change(index, |case| case.progress.apply(entry.event, entry.at, None));
            if let Err(illegal) = applied {
                self.stop(illegal.into());
                continue;
            }
            self.notices.push(Notice::Moved {
                payment: index,
                from,
                to: State::Submitting,
                reason: None,
            });
            self.set_phase(index, Phase::Intended);
        }
    }

    /// Whether an intent on record may still become a request: a slow disk, a freeze, and the wait for another token can
    /// lie between the two.
    pub(crate) fn may_still_send(&self, index: PaymentIndex, now: Now) -> bool {
        let (case, standing) = (self.case(index), self.case(index).progress.standing);
        let was_absent = standing.earlier_unresolved || self.cautious;
        let is_resent = standing.attempts > 1 && case.is_of_before();
        let is_too_late = is_resent && self.window_closed(index, now).is_some();
        let may_be_there = was_absent && (is_too_late || case.is_put_off());
        let is_stopped = self.is_held_back(index) || self.lane_of(index).paused.is_some();
        !may_be_there && !is_stopped && self.payee_is_free_at(index).is_none_or(|at| at <= now.at)
    }

    /// The request begins now: what is counted from it counts from here.
    pub(crate) fn sending(&mut self, index: PaymentIndex, now: Now) {
        self.set_phase(index, Phase::Sending);
        self.case_mut(index).is_sent_here = true;
        self.last_exchange = now.at;
        let phone = self.planned(index).payment.payee.phone.clone();
        if !self.rules.same_payee_gap.is_zero() {
            self.payee_last.insert(phone, (now.at, index));
        }
    }

    /// The store refused the group for lack of space: nothing of it was written.
    pub(crate) fn intents_refused(
        &mut self,
        intents: Vec<Intent>,
        (outcomes, notices): (Vec<Entry>, Vec<Notice>),
    ) {
        for intent in intents {
            self.set_phase(intent.payment, Phase::Resting);
        }
        self.outbox.splice(..0, outcomes);
        self.notices.splice(..0, notices);
    }

    pub(crate) fn answered(&mut self, index: PaymentIndex, answer: Answer, now: Now) {
        let (event, reason, consequence) = outcome(answer);
        self.last_exchange = now.at;
        self.bodies.remove(&index);
        // It may have come there as late as this.
        let phone = &self.plan.payments[index.get()].payment.payee.phone;
        if let Some((last, _)) = self.payee_last.get_mut(phone).filter(|(_, who)| *who == index) {
            *last = now.at;
        }
        self.record(index, event, reason.clone(), now);
        let state = self.case(index).state();
        if state == State::Unknown {
            self.note_sent(index, now);
        } else if matches!(state, State::Accepted | State::Paid | State::Failed) {
            self.note_known(index);
        }
        if consequence != Consequence::GatewayTrouble {
            self.no_trouble(index, now);
            (self.no_connection, self.no_connection_since) = (0, None);
            self.has_read = true;
            self.case_mut(index).tries = 0;
        }
        let reason = reason.unwrap_or_default();
        match consequence {
            Consequence::Nothing => {}
            Consequence::SlowDown(wait) => self.slow(wait, now),
            Consequence::GatewayTrouble => {
                self.note_trouble(index, CallError::Unreachable(reason.clone()), now);
                self.notices.push(Notice::Unreachable { reason });
                let wait = self.wait_for_connection(now);
                self.case_mut(index).not_before = now.at.after(wait);
                self.pauses.push((CallClass::Money, wait));
            }
            Consequence::StopForKey => self.stop(StopCause::KeyRefused(reason)),
            Consequence::PauseWallet => self.pause_wallet(index, reason),
            Consequence::HoldPayee => self.hold_payee(index, reason, now),
            Consequence::WaitForPayee => {
                self.case_mut(index).not_before = now.at.after(self.rules.same_payee_gap);
            }
        }
        self.follow(index, now);
    }

    /// Nothing was sent of an intent on record, and nothing will be.
    pub(crate) fn not_sent(&mut self, index: PaymentIndex, why: &str, now: Now) {
        self.record(index, Event::NotSent, Some(why.to_owned()), now);
    }

    /// The same, and it is decided on anew.
    pub(crate) fn give_back(&mut self, index: PaymentIndex, why: &str, now: Now) {
        self.bodies.remove(&index);
        self.not_sent(index, why, now);
        let is_late = self.case(index).is_of_before() && self.window_closed(index, now).is_some();
        let case = self.case_mut(index);
        // What became of the window is seen where it was looked up.
        case.is_sent_here &= !is_late;
        case.put_off += u32::from(case.is_put_off());
        self.follow(index, now);
    }

    /// The drain is over: what has no answer yet is unknown.
    pub(crate) fn abandon(&mut self, now: Now) {
        for index in self.plan.indices() {
            if self.case(index).phase == Phase::Intended {
                self.not_sent(index, STOPPED, now);
            } else if self.case(index).phase == Phase::Sending {
                let reason = "the run was stopped before the answer came".to_owned();
                self.record(index, Event::Lost(Clue::Silence), Some(reason), now);
                self.set_phase(index, Phase::Resting);
            }
        }
    }

    /// What was sent may have left until now, if the process was frozen, and may arrive until its time-out is over; not-found
    /// answers count from there.
    pub(super) fn note_sent(&mut self, index: PaymentIndex, now: Now) {
        let counts_from = now.at.after(self.rules.request_timeout);
        self.set_absence(index, Some(Absence::from(counts_from)));
        self.case_mut(index).tries = 0;
    }

    /// Writes the next intent of a payment whose body is at hand.
    pub(super) fn intend(&mut self, index: PaymentIndex, read_at: Now, now: Now) {
        let case = self.case(index);
        let (standing, cleared) = (case.progress.standing, case.cleared);
        if standing.state == State::Planned
            && cleared
            && case.is_of_before()
            && let Some(why) = self.window_closed(index, now)
        {
            // Attempts are on record, and the last record is lost: too long ago to send it unseen.
            self.bodies.remove(&index);
            self.hold(index, why, now);
            return;
        }
        if standing.state == State::Unknown
            && let Some(why) = self.window_closed(index, now)
        {
            self.bodies.remove(&index);
            self.record(index, Event::WindowClosed, Some(why), now);
            self.follow(index, now);
            return;
        }
        let basis = if cleared { Basis::AbsenceProven } else { Basis::Clear };
        let body = self.bodies.get(&index).cloned().filter(|_| standing.attempts == 0);
        let event = Event::Intent { attempt: standing.attempts.saturating_add(1), basis };
        let entry = PaymentEntry { payment: index, event, at: now.wall, body, reason: None };
        self.set_phase(index, Phase::Recording);
        self.case_mut(index).cleared = false;
        let token_at = self.case(index).token_at;
        self.intents.push(Intent { payment: index, token_at, read_at, entry });
    }
}
