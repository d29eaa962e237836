//! What the provider's word on a reference means: found, different, absent (I3).

use super::*;

/// How often what is in doubt or failed is tried to be asked about, where the answer cannot be read.
const NEWS_TRIES: u32 = 6;

impl Agenda {
    pub(crate) fn looked_up(
        &mut self,
        index: PaymentIndex,
        asked: Moment,
        result: Result<LookUp, CallError>,
        now: Now,
    ) {
        self.case_mut(index).asked_at = Some(asked);
        self.has_read |= matches!(result, Ok(_) | Err(CallError::Refused(_)));
        match result {
            Ok(LookUp::Found(settlement, reason)) => self.found(index, settlement, reason, now),
            Ok(LookUp::Different(what)) => {
                self.discover(index, now);
                // What failed is asked about only for a late success; paying it anew reads it again. And what is in doubt
                // is so already.
                let is_told = self.case(index).state() == State::InDoubt
                    && self.case(index).progress.reason.as_deref() == Some(&what);
                if self.case(index).state() != State::Failed && !is_told {
                    self.record(index, Event::FoundDifferent, Some(what), now);
                }
            }
            Ok(LookUp::NotFound) => {
                self.trouble_since = None;
                self.not_found(index, asked, now);
                return;
            }
            // Asking again will not help, and nothing is sent unasked: a later process may have more luck.
            Err(CallError::Refused(_)) if self.case(index).state() == State::Planned => {
                self.set_phase(index, Phase::Resting);
                return;
            }
            // What is in doubt or failed is asked about only to see whether there is news. Where that cannot be read, the run
            // does not wait for it long, nor take the provider for gone.
            Err(error @ (CallError::Refused(_) | CallError::Unreadable(_)))
                if self.is_asked_for_news(index) && self.has_read =>
            {
                let is_worth_it = matches!(error, CallError::Unreadable(_));
                if self.case(index).is_heard_of {
                    self.ask_soon(index, now);
                } else if is_worth_it && self.case(index).tries < NEWS_TRIES {
                    let wait = self.retry_wait(index);
                    self.wait(index, now.at.after(wait));
                } else {
                    self.set_phase(index, Phase::Resting);
                }
                return;
            }
            Err(error) => {
                self.call_failed(&error, now);
                let wait = self.retry_wait(index);
                self.wait(index, now.at.after(wait));
                return;
            }
        }
        self.trouble_since = None;
        self.case_mut(index).absence = None;
        self.follow(index, now);
    }

    pub(super) fn found(
        &mut self,
        index: PaymentIndex,
        settlement: Settlement,
        reason: Option<String>,
        now: Now,
    ) {
        self.known_at_provider = Some(index);
        self.discover(index, now);
        // Failed payments are asked about only for a late correction.
        let no_news = match self.case(index).state() {
            State::Accepted => settlement == Settlement::InFlight,
            State::InDoubt => settlement == Settlement::NeedsPerson,
            State::Failed => settlement != Settlement::Paid,
            State::Planned
            | State::Held
            | State::Submitting
            | State::Unknown
            | State::Rejected
            | State::Paid
            | State::Returned
            | State::Cancelled => false,
        };
        if no_news {
            return;
        }
        self.record(index, Event::Found(settlement), reason, now);
        self.case_mut(index).tries = 0;
    }

    /// A payment without an intent on record that the provider knows: an attempt of a lost history.
    pub(super) fn discover(&mut self, index: PaymentIndex, now: Now) {
        if self.case(index).state() == State::Planned {
            let reason = "the provider knew it although no attempt was on record".to_owned();
            self.record(index, Event::Discovered, Some(reason), now);
        }
    }

    pub(super) fn not_found(&mut self, index: PaymentIndex, asked: Moment, now: Now) {
        if self.is_asked_for_news(index) {
            // Of these, absence proves nothing.
            self.follow(index, now);
            return;
        }
        let rule = self.settings.absence;
        let before = self.case(index).absence.unwrap_or(Absence::from(now.at));
        let mut absence = before;
        absence.not_found(asked, rule);
        let could_control = self.known_at_provider.is_some_and(|known| known != index);
        let case = self.case(index);
        let is_whole = case.is_asked_for_proof && (case.has_control || !could_control);
        if absence.is_proven(rule) && is_whole && case.is_put_off() {
            self.put_off(index, Some(before), now);
            return;
        }
        if absence.is_proven(rule) && !is_whole {
            // It became the last answer that is needed only because its question waited for its turn, or something is known
            // there since: what belongs to such a question was not asked beside it, and it does not count.
            self.case_mut(index).absence = Some(before);
            self.wait(index, now.at);
            return;
        }
        self.case_mut(index).absence = Some(absence);
        if !absence.is_proven(rule) {
            let mut at = absence.next_question(now.at, rule);
            if self.case(index).is_heard_of {
                at = at.min(self.free_to_ask(index, now));
            }
            self.wait(index, at);
            return;
        }
        self.case_mut(index).absence = None;
        let clue = self.case(index).progress.standing.clue;
        match (self.case(index).state(), clue) {
            (State::Planned, _) if self.cancelled => self.cancel(index, now),
            (State::Planned, _) => self.case_mut(index).cleared = true,
            (State::Unknown, Clue::Silence) => {
                if self.cancelled {
                    let reason = "the run was cancelled: it is not sent again".to_owned();
                    self.record(index, Event::WindowClosed, Some(reason), now);
                } else if let Some(why) = self.window_closed(index, now) {
                    self.record(index, Event::WindowClosed, Some(why), now);
                } else {
                    self.case_mut(index).cleared = true;
                }
            }
            (State::Unknown, Clue::Refused) => {
                let reason = self.case(index).progress.reason.clone();
                self.record(index, Event::AbsenceProven, reason, now);
            }
            (State::Unknown, Clue::Duplicate) => {
                let reason = "the provider called it a duplicate, and does not know it".to_owned();
                self.record(index, Event::AbsenceProven, Some(reason), now);
            }
            (State::Accepted, _) => {
                let reason = "the provider had accepted it, and no longer knows it".to_owned();
                self.record(index, Event::AbsenceProven, Some(reason), now);
            }
            _ => {}
        }
        self.follow(index, now);
    }

    /// Why a payment may not be resent any more, if so.
    pub(super) fn window_closed(&self, index: PaymentIndex, now: Now) -> Option<String> {
        let first = self.case(index).progress.first_intent_at?;
        match now.wall.since(first) {
            None => Some("the clock went back: whether it may be resent cannot be told".to_owned()),
            Some(age) if age.saturating_add(WINDOW_MARGIN) >= self.rules.resend_window => {
                Some("the time in which it may be resent is over".to_owned())
            }
            Some(_) => None,
        }
    }

    fn is_asked_for_news(&self, index: PaymentIndex) -> bool {
        matches!(self.case(index).state(), State::InDoubt | State::Failed)
    }

    /// A callback came about it: it is asked about sooner, and nothing else follows.
    pub(crate) fn heard_of(&mut self, reference: ProviderReference, now: Now) {
        let Some(index) = self.place_of(reference) else { return };
        let (case, at) = (self.case(index), self.free_to_ask(index, now));
        let is_open = match case.phase {
            // Remembered until the answer is there.
            Phase::Recording | Phase::Sending | Phase::LookingUp => true,
            Phase::Waiting => {
                let is_sent = matches!(case.state(), State::Accepted | State::Unknown);
                is_sent && (case.cleared || at < case.due)
            }
            Phase::Resting => case.may_change(),
            // Remembered until its token comes.
            Phase::Queued | Phase::Preparing | Phase::Ready => case.state() == State::Unknown,
            Phase::Checking => false,
        };
        if !is_open {
            return;
        }
        let case = self.case_mut(index);
        case.is_heard_of = true;
        if case.phase == Phase::Resting {
            case.tries = 1;
        }
        if matches!(case.phase, Phase::Waiting | Phase::Resting) && !case.cleared {
            self.wait(index, at);
        }
    }

    /// It is asked about because of a callback, as soon as that may be.
    pub(super) fn ask_soon(&mut self, index: PaymentIndex, now: Now) {
        self.wait(index, self.free_to_ask(index, now));
    }

    /// The provider had something to say of it meanwhile: it is asked about once more before its absence is believed.
    pub(super) fn put_off(&mut self, index: PaymentIndex, absence: Option<Absence>, now: Now) {
        let case = self.case_mut(index);
        (case.cleared, case.absence, case.put_off) = (false, absence, case.put_off + 1);
        self.ask_soon(index, now);
    }

    /// When it may be asked about because of a callback.
    fn free_to_ask(&self, index: PaymentIndex, now: Now) -> Moment {
        let free_at = |asked: Moment| asked.after(self.settings.poll_first).max(now.at);
        self.case(index).asked_at.map_or(now.at, free_at)
    }

    fn place_of(&mut self, reference: ProviderReference) -> Option<PaymentIndex> {
        let places = self.places.get_or_insert_with(|| {
            let all = self.plan.indices().zip(&self.plan.payments);
            all.map(|(index, planned)| (planned.provider_reference, index)).collect()
        });
        places.get(&reference).copied()
    }

    pub(super) fn ask(&mut self, index: PaymentIndex, now: Now) {
        let rule = self.settings.absence;
        let absence = self.case(index).absence.unwrap_or(Absence::from(now.at));
        let control = self.known_at_provider.filter(|known| *known != index);
        let last = absence.is_last_question(now.at, rule);
        let control = control.filter(|_| last);
        // A history that was lost, or put back from an old copy, may have given it up and paid a later generation.
        let successors =
            last && matches!(self.case(index).state(), State::Planned | State::Unknown);
        let case = self.case_mut(index);
        (case.asked_at, case.is_asked_for_proof) = (Some(now.at), last);
        case.has_control = control.is_some();
        case.is_asked_early = std::mem::take(&mut case.is_heard_of);
        self.set_phase(index, Phase::LookingUp);
        self.actions.push(Action::LookUp { payment: index, control, successors });
    }
}
