//! What goes wrong around payments: the provider, a wallet, a payee.

use super::*;

/// So often something is tried at least before it is given up: two failures that lie far apart say nothing of what was between.
const TRIES_MIN: u32 = 10;
/// The same of the provider as a whole: at a slow pace the next call comes minutes later.
const TROUBLES_MIN: u32 = 3;
/// So many are asked about, one after the other, before the provider is taken for gone: it may be that nobody can ask about one of them.
const WITNESSES: u32 = 3;

impl Agenda {
    pub(super) fn call_failed(&mut self, index: PaymentIndex, error: &CallError, now: Now) {
        match error {
            CallError::Busy(wait) => {
                let until = now.at.after(wait.unwrap_or(BUSY_WAIT));
                // Nothing is tried meanwhile. Those that were under way together are told of one wait.
                let more = until.since(self.busy_until.max(now.at));
                self.witness = None;
                self.trouble_since = self.trouble_since.map(|since| since.after(more));
                self.slow(*wait, now);
            }
            CallError::KeyRefused(why) => self.stop(StopCause::KeyRefused(why.clone())),
            CallError::Unreachable(_) | CallError::Timeout(_) => {
                self.note_trouble(index, error.clone(), now);
                self.notices.push(Notice::Unreachable { reason: error.to_string() });
            }
            CallError::Unreadable(_) => self.note_trouble(index, error.clone(), now),
            CallError::Refused(_) => self.no_trouble(index, now),
        }
    }

    pub(super) fn note_trouble(&mut self, index: PaymentIndex, error: CallError, now: Now) {
        // What had been begun before a wait fails within it, and nothing else is tried until it is over.
        let begins = now.at.max(self.busy_until);
        if self.trouble_since.is_none() {
            self.troubles = 0;
        }
        let since = *self.trouble_since.get_or_insert(begins);
        self.troubles = self.troubles.saturating_add(1);
        self.trouble_last = now.at;
        self.trouble = Some(error);
        self.case_mut(index).is_failing = true;
        if self.witness.take_if(|witness| *witness == index).is_some() {
            self.witnesses_failed += 1;
            if self.witnesses_failed >= WITNESSES {
                self.stop_without_gateway(now.at.since(since));
            }
        }
    }

    /// A call was answered.
    pub(crate) fn no_trouble(&mut self, index: PaymentIndex, now: Now) {
        (self.trouble_since, self.witness, self.witnesses_failed) = (None, None, 0);
        self.answered_last = now.at;
        self.case_mut(index).is_failing = false;
    }

    /// How long no request is made after one that found no connection.
    pub(super) fn wait_for_connection(&mut self, now: Now) -> Duration {
        // Those that went off together failed together.
        if now.at >= self.no_connection_until {
            let chance = self.entropy.next_u64();
            let wait = backoff(self.no_connection, RETRY_FIRST, RETRY_MAX, chance);
            self.no_connection = self.no_connection.saturating_add(1);
            self.no_connection_until = now.at.after(wait);
        }
        // Look-ups may be answered all the while.
        let since = *self.no_connection_since.get_or_insert(now.at);
        let silent = now.at.since(since);
        if self.no_connection >= TRIES_MIN && silent > self.settings.gateway_patience {
            self.stop_without_gateway(silent);
        }
        self.no_connection_until.since(now.at)
    }

    /// What was to be asked about a payment that is not sent yet could not be.
    pub(super) fn try_later(&mut self, index: PaymentIndex, error: &CallError, now: Now) {
        self.call_failed(index, error, now);
        let is_hopeless = !matches!(error, CallError::Busy(_)) && self.is_hopeless(index, now);
        self.leave_or_retry(index, is_hopeless, error.to_string(), now);
    }

    /// It was answered, and the answer is of no use.
    pub(super) fn try_later_although_answered(
        &mut self,
        index: PaymentIndex,
        why: String,
        now: Now,
    ) {
        // Whatever became of it, the provider answers for it: it is what it replaces that keeps it from being sent.
        let is_hopeless = self.is_hopeless(index, now);
        self.leave_or_retry(index, is_hopeless, why, now);
    }

    fn leave_or_retry(&mut self, index: PaymentIndex, is_hopeless: bool, why: String, now: Now) {
        if is_hopeless {
            self.leave(index, why);
        } else {
            self.wait_to_retry(index, now);
        }
    }

    /// The run goes on without it, and a later process may have more luck.
    pub(super) fn leave(&mut self, index: PaymentIndex, reason: String) {
        self.bodies.remove(&index);
        self.set_phase(index, Phase::Resting);
        self.case_mut(index).cleared = false;
        self.notices.push(Notice::Left { payment: index, reason });
    }

    /// Whether the run goes on without it after one more call about it that failed. What may have been sent is waited for as
    /// ever.
    pub(super) fn is_given_up_after(
        &mut self,
        index: PaymentIndex,
        error: &CallError,
        now: Now,
    ) -> bool {
        self.call_failed(index, error, now);
        let is_planned = self.case(index).state() == State::Planned;
        is_planned && !matches!(error, CallError::Busy(_)) && self.is_hopeless(index, now)
    }

    /// The questions about this one fail for so long, and those about others are answered.
    fn is_hopeless(&mut self, index: PaymentIndex, now: Now) -> bool {
        let (patience, answered_last) = (self.settings.gateway_patience, self.answered_last);
        let case = self.case_mut(index);
        if case.unanswered_since.is_none() {
            case.tries = 0;
        }
        let since = *case.unanswered_since.get_or_insert(now.at);
        case.tries >= TRIES_MIN && now.at.since(since) > patience && answered_last > since
    }

    /// Where nothing was answered for so long, others are asked about: what failed may be about a few payments alone, and nobody
    /// else be due. If that fails too, or there is nobody, the provider is gone.
    pub(super) fn check_patience(&mut self, now: Now) {
        // Up to the last call that failed: while nothing is asked nothing can be said.
        let Some(since) = self.trouble_since else { return };
        let silent = self.trouble_last.since(since);
        let is_over = silent > self.settings.gateway_patience && self.troubles >= TROUBLES_MIN;
        if !is_over || self.witness.is_some() {
            return;
        }
        self.witness = self.find_witness();
        match self.witness {
            Some(witness) if self.case(witness).phase == Phase::LookingUp => {}
            Some(witness) => {
                if self.case(witness).phase == Phase::Unseen {
                    self.see(witness, now);
                }
                self.ask(witness, now);
            }
            // Its next call tells, which the pace can put off.
            None if self.is_one_at_hand() && silent <= self.longest_way_to_an_answer() => {}
            None => self.stop_without_gateway(silent),
        }
    }

    /// Somebody is on the way from its queue to the provider.
    fn is_one_at_hand(&self) -> bool {
        let Census { open, checking, preparing, .. } = self.census;
        open + checking + preparing > 0 || !self.ready.is_empty()
    }

    /// How long it takes at most, if nobody else uses the key, until one that is at hand is answered for.
    fn longest_way_to_an_answer(&self) -> Duration {
        let limits = &self.rules.limits;
        let waits = CallClass::ALL.map(|class| longest_wait(class, limits));
        // What it replaces is read behind all others that are asked about.
        let questions = self.asked_at_a_time.saturating_mul(LAST_QUESTION_CALLS);
        let reading = time_for(questions, CallClass::Read, limits);
        let waits = waits.into_iter().fold(reading, Duration::saturating_add);
        waits.saturating_add(self.rules.request_timeout)
    }

    /// Somebody about whom nothing failed, and who can be asked about: if possible one whom the provider answered for before, and
    /// else one that each process draws anew.
    fn find_witness(&self) -> Option<PaymentIndex> {
        let answers = |index: &PaymentIndex| {
            let case = self.case(*index);
            let is_asked = match case.phase {
                Phase::LookingUp | Phase::Unseen => true,
                Phase::Waiting => self.waits_for(*index) != Wait::Turn,
                Phase::Resting => case.may_be_news(),
                Phase::Queued
                | Phase::Preparing
                | Phase::Ready
                | Phase::Checking
                | Phase::Recording
                | Phase::Intended
                | Phase::Sending => false,
            };
            is_asked && !case.is_failing
        };
        let known = self.known_at_provider.into_iter().flatten();
        let drawn = self.entropy.next_u64() % u64::try_from(self.cases.len()).unwrap_or(1).max(1);
        let drawn = usize::try_from(drawn).unwrap_or_default();
        let anybody = self.plan.indices().skip(drawn).chain(self.plan.indices());
        self.answered_of.into_iter().chain(known).chain(anybody).find(answers)
    }

    fn stop_without_gateway(&mut self, waited: Duration) {
        let unreachable = || CallError::Unreachable("no connection".to_owned());
        let last = self.trouble.take().unwrap_or_else(unreachable);
        self.stop(StopCause::GatewayGone { waited, last });
    }

    /// Every task of this key waits: the limiter may count all calls of a key together.
    pub(super) fn slow(&mut self, wait: Option<Duration>, now: Now) {
        let wait = wait.unwrap_or(BUSY_WAIT);
        self.busy_until = self.busy_until.max(now.at.after(wait));
        self.notices.push(Notice::Slowed { wait });
        self.pauses.extend(CallClass::ALL.map(|class| (class, wait)));
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
        let to_them =
            |index: &PaymentIndex| plan.payments[index.get()].payment.payee.phone == phone;
        let is_idle = |other: &PaymentIndex| {
            let case = self.case(*other);
            let is_at_rest = matches!(case.phase, Phase::Queued | Phase::Ready | Phase::Waiting);
            case.state() == State::Planned && is_at_rest && !self.looks_first(*other)
        };
        let idle: Vec<_> = plan.indices().filter(to_them).filter(is_idle).collect();
        let is_other = |index: &PaymentIndex| idle.binary_search(index).is_err();
        self.ready.retain(is_other);
        self.lanes.iter_mut().for_each(|lane| lane.queue.retain(is_other));
        for other in idle {
            self.follow(other, now);
        }
    }

    /// Nothing of it is sent any more.
    pub(super) fn is_held_back(&self, index: PaymentIndex) -> bool {
        self.superseded.contains_key(&index)
            || self.held_payees.contains_key(&self.planned(index).payment.payee.phone)
    }

    /// Sets aside what may not be sent. What may have been sent stays unknown, or is in doubt where a later generation of it is
    /// held.
    pub(super) fn hold_back(&mut self, index: PaymentIndex, now: Now) {
        self.bodies.remove(&index);
        self.set_phase(index, Phase::Resting);
        self.case_mut(index).cleared = false;
        let later = self.superseded.get(&index);
        let later = later.map(|run| format!("run {run} holds a later generation of it"));
        if self.case(index).state() == State::Planned {
            let phone = &self.planned(index).payment.payee.phone;
            let why = later.or_else(|| self.held_payees.get(phone).cloned());
            self.record(index, Event::Held, why, now);
        } else if later.is_some() {
            self.record(index, Event::WindowClosed, later, now);
        }
    }

    /// Cautious start: it must be asked about before anything is decided of it.
    pub(super) fn looks_first(&self, index: PaymentIndex) -> bool {
        let case = self.case(index);
        self.cautious && case.state() == State::Planned && !case.is_sent_here && !case.cleared
    }
}
