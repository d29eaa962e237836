//! What the answers to requests mean for their payments, and what they mean for the run.

use super::*;

impl Agenda {
    pub(crate) fn prepared(&mut self, index: PaymentIndex, result: Prepared, now: Now) {
        match result {
            Prepared::Ready(body) => {
                self.bodies.insert(index, body);
                if self.stop.is_some() || self.lane_of(index).paused.is_some() {
                    self.requeue(index);
                } else if self.is_held_back(index) {
                    self.follow(index, now);
                } else {
                    self.case_mut(index).tries = 0;
                    self.set_phase(index, Phase::Ready);
                    self.ready.push_back(index);
                }
            }
            Prepared::Impossible(why) => self.hold(index, why, now),
            Prepared::Call(CallError::Refused(why)) => self.hold(index, why, now),
            Prepared::Call(error) => {
                self.call_failed(&error, now);
                self.wait_to_retry(index, now);
            }
            Prepared::Store(error) => {
                self.stop(StopCause::Store(error));
                self.requeue(index);
            }
        }
    }

    pub(crate) fn checked(&mut self, index: PaymentIndex, result: Checked, now: Now) {
        match result {
            Checked::Unpaid if self.stop.is_some() || self.lane_of(index).paused.is_some() => {
                self.requeue(index);
            }
            Checked::Unpaid if self.is_held_back(index) => self.follow(index, now),
            Checked::Unpaid => self.intend(index, now),
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
            // Asking again will not help, and nothing is paid anew unasked.
            Checked::Call(CallError::Refused(_)) => self.set_phase(index, Phase::Resting),
            Checked::Call(error) => {
                self.call_failed(&error, now);
                self.wait_to_retry(index, now);
            }
        }
    }

    /// The group with these intents is durable.
    pub(crate) fn intents_durable(&mut self, intents: &[Intent], now: Now) {
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
            self.set_phase(index, Phase::Sending);
            self.sending(index, now);
        }
    }

    /// The request begins now: what is counted from it counts from here.
    pub(crate) fn sending(&mut self, index: PaymentIndex, now: Now) {
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
        self.record(index, event, reason.clone(), now);
        let state = self.case(index).state();
        if state == State::Unknown {
            self.note_sent(index, now);
        } else if matches!(state, State::Accepted | State::Paid | State::Failed) {
            self.known_at_provider = Some(index);
        }
        if consequence != Consequence::GatewayTrouble {
            self.trouble_since = None;
            self.has_read = true;
        }
        let reason = reason.unwrap_or_default();
        match consequence {
            Consequence::Nothing => {}
            Consequence::SlowDown(wait) => self.slow(wait),
            Consequence::GatewayTrouble => {
                self.note_trouble(now);
                self.notices.push(Notice::Unreachable { reason });
                let wait = self.retry_wait(index);
                self.case_mut(index).not_before = now.at.after(wait);
                self.actions.push(Action::Pause(CallClass::Money, wait));
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

    /// The run was stopped while the intent went to the disk: nothing was sent, and nothing will be.
    pub(crate) fn not_sent(&mut self, index: PaymentIndex, now: Now) {
        let reason = "the run was stopped before it was sent".to_owned();
        self.record(index, Event::NotSent, Some(reason), now);
    }

    /// The drain is over: what has no answer yet is unknown.
    pub(crate) fn abandon(&mut self, now: Now) {
        for index in self.plan.indices() {
            if self.case(index).phase == Phase::Sending {
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
        self.case_mut(index).absence = Some(Absence::from(counts_from));
        self.case_mut(index).tries = 0;
    }

    /// Writes the next intent of a payment whose body is at hand.
    pub(super) fn intend(&mut self, index: PaymentIndex, now: Now) {
        let case = self.case(index);
        let (standing, cleared) = (case.progress.standing, case.cleared);
        if standing.state == State::Planned
            && cleared
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
        self.intents.push(Intent { payment: index, token_at, entry });
    }
}
