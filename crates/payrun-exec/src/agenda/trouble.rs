//! What goes wrong around payments: the provider, a wallet, a payee.

use super::*;

impl Agenda {
    pub(super) fn call_failed(&mut self, error: &CallError, now: Now) {
        match error {
            CallError::Busy(wait) => self.slow(*wait),
            CallError::KeyRefused(why) => self.stop(StopCause::KeyRefused(why.clone())),
            CallError::Unreachable(_) | CallError::Timeout(_) => {
                self.note_trouble(now);
                self.notices.push(Notice::Unreachable { reason: error.to_string() });
            }
            CallError::Unreadable(_) => self.note_trouble(now),
            CallError::Refused(_) => {}
        }
    }

    pub(super) fn note_trouble(&mut self, now: Now) {
        self.trouble_since.get_or_insert(now.at);
        self.trouble_last = now.at;
    }

    pub(super) fn check_patience(&mut self) {
        // Up to the last call that failed: while nothing is asked nothing can be said.
        let gone = self
            .trouble_since
            .is_some_and(|since| self.trouble_last.since(since) > self.settings.gateway_patience);
        if gone {
            let waited = self.settings.gateway_patience.as_secs();
            self.stop(StopCause::GatewayGone(format!("no connection for {waited} s")));
        }
    }

    /// Every task of this key waits: the limiter may count all calls of a key together.
    pub(super) fn slow(&mut self, wait: Option<Duration>) {
        let wait = wait.unwrap_or(BUSY_WAIT);
        self.notices.push(Notice::Slowed { wait });
        for class in CallClass::ALL {
            self.actions.push(Action::Pause(class, wait));
        }
    }

    pub(super) fn pause_wallet(&mut self, index: PaymentIndex, reason: String) {
        let lane = self.case(index).lane;
        if self.lanes[lane].paused.is_some() {
            return;
        }
        self.lanes[lane].paused = Some(reason.clone());
        let wallet = self.lanes[lane].wallet.clone();
        self.notices.push(Notice::WalletPaused { wallet, reason });
        let (of_lane, others): (VecDeque<_>, VecDeque<_>) =
            self.ready.drain(..).partition(|ready| self.cases[ready.get()].lane == lane);
        self.ready = others;
        for ready in of_lane {
            self.requeue(ready);
        }
    }

    /// Withdraws what was not sent.
    pub(super) fn cancel(&mut self, index: PaymentIndex, now: Now) {
        let reason = "cancelled by request".to_owned();
        self.record(index, Event::Cancelled, Some(reason), now);
    }

    pub(super) fn hold(&mut self, index: PaymentIndex, why: String, now: Now) {
        if self.case(index).state() == State::Planned {
            self.record(index, Event::Held, Some(why), now);
        }
        self.follow(index, now);
    }

    pub(super) fn hold_payee(&mut self, index: PaymentIndex, why: String, now: Now) {
        let phone = self.planned(index).payment.payee.phone.clone();
        let plan = Arc::clone(&self.plan);
        self.held_payees.insert(phone.clone(), why);
        for other in
            plan.indices().filter(|other| plan.payments[other.get()].payment.payee.phone == phone)
        {
            let idle =
                matches!(self.case(other).phase, Phase::Queued | Phase::Ready | Phase::Waiting)
                    && !self.looks_first(other);
            if self.case(other).state() == State::Planned && idle {
                self.ready.retain(|ready| *ready != other);
                let lane = self.case(other).lane;
                self.lanes[lane].queue.retain(|queued| *queued != other);
                self.follow(other, now);
            }
        }
    }

    /// Nothing is sent to its payee any more.
    pub(super) fn is_held_back(&self, index: PaymentIndex) -> bool {
        self.held_payees.contains_key(&self.planned(index).payment.payee.phone)
    }

    /// Sets aside what would be sent to a payee who may not be paid. What may have been sent stays unknown.
    pub(super) fn hold_back(&mut self, index: PaymentIndex, now: Now) {
        self.bodies.remove(&index);
        self.set_phase(index, Phase::Resting);
        if self.case(index).state() == State::Planned {
            let why = self.held_payees.get(&self.planned(index).payment.payee.phone).cloned();
            self.record(index, Event::Held, why, now);
        }
    }

    /// Cautious start: it must be asked about before anything is decided of it.
    pub(super) fn looks_first(&self, index: PaymentIndex) -> bool {
        let case = self.case(index);
        self.cautious && case.state() == State::Planned && !case.is_sent_here && !case.cleared
    }
}
