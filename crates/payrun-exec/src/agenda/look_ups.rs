//! What the provider's word on a reference means: found, different, absent (I3).

use super::*;
use std::iter;

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
        if matches!(result, Ok(_) | Err(CallError::Refused(_))) {
            self.has_read = true;
            self.no_trouble(index, now);
        }
        if result.is_ok() {
            self.case_mut(index).unanswered_since = None;
            self.answered_of = Some(index);
        }
        match result {
            Ok(LookUp::Found(settlement, reason)) => self.found(index, settlement, reason, now),
            Ok(LookUp::Different(what)) => {
                self.discover(index, now);
                // What did not pay is asked about only for a late success, what did for a reversal; paying it anew reads it
                // again. And what is in doubt is so already.
                let case = self.case(index);
                let is_told = case.progress.reason.as_deref() == Some(&what);
                let is_news = match case.state() {
                    State::Failed | State::Rejected | State::Paid => false,
                    State::InDoubt => !is_told,
                    State::Planned
                    | State::Held
                    | State::Submitting
                    | State::Accepted
                    | State::Unknown
                    | State::Returned
                    | State::Cancelled => true,
                };
                if is_news {
                    self.record(index, Event::FoundDifferent, Some(what), now);
                }
            }
            Ok(LookUp::NotFound) => {
                self.not_found(index, asked, now);
                return;
            }
            // Asking again will not help, and nothing is sent unasked: a later process may have more luck.
            Err(CallError::Refused(why)) if self.case(index).state() == State::Planned => {
                self.leave(index, why);
                return;
            }
            // What is in doubt or failed is asked about only to see whether there is news. Where that cannot be read, the run
            // does not wait for it long, nor take the provider for gone.
            Err(error @ (CallError::Refused(_) | CallError::Unreadable(_)))
                if self.is_asked_for_news(index) && self.has_read =>
            {
                let is_worth_it = matches!(error, CallError::Unreadable(_));
                if self.witness == Some(index) {
                    self.call_failed(index, &error, now);
                }
                if self.case(index).is_heard_of {
                    self.ask_soon(index, now);
                } else if self.case(index).is_under_way {
                    self.poll(index, now);
                } else if is_worth_it && self.case(index).tries < NEWS_TRIES {
                    let wait = self.retry_wait(index);
                    self.wait(index, now.at.after(wait));
                } else {
                    self.set_phase(index, Phase::Resting);
                }
                return;
            }
            // Nothing is known there that it could be proven absent by, and it may not be sent again anyway.
            Err(CallError::Unreadable(_))
                if self.case(index).has_control && self.is_over_for_good(index, now) =>
            {
                let why = self.window_closed(index, now);
                self.record(index, Event::WindowClosed, why, now);
                self.no_trouble(index, now);
            }
            Err(error) => {
                if self.is_given_up_after(index, &error, now) {
                    self.leave(index, error.to_string());
                    return;
                }
                let wait = self.retry_wait(index);
                self.wait(index, now.at.after(wait));
                return;
            }
        }
        self.set_absence(index, None);
        self.follow(index, now);
    }

    pub(super) fn note_known(&mut self, index: PaymentIndex) {
        let [latest, before] = &mut self.known_at_provider;
        if *latest != Some(index) {
            *before = latest.replace(index);
        }
    }

    /// What the provider has to know, if it is to be believed that it does not know this one.
    fn control_of(&self, index: PaymentIndex) -> Option<PaymentIndex> {
        let all = self.plan.indices().rev().take_while(|_| self.census.known > 0);
        let by_record = all.filter(|known| self.case(*known).is_known());
        let latest = self.known_at_provider.into_iter().flatten();
        let mut others = latest.chain(by_record).filter(|known| *known != index);
        if self.case(index).state() != State::Accepted {
            return others.next();
        }
        // It is never sent again, and several that are gone would each wait for the others.
        let first = others.next()?;
        let mut others = iter::once(first).chain(others);
        others.find(|known| !self.case(*known).is_missed()).or(Some(first))
    }

    pub(super) fn found(
        &mut self,
        index: PaymentIndex,
        settlement: Settlement,
        reason: Option<String>,
        now: Now,
    ) {
        self.note_known(index);
        self.discover(index, now);
        // What did not pay is asked about only for a late correction, what did only for a reversal.
        let no_news = match self.case(index).state() {
            State::Accepted => settlement == Settlement::InFlight,
            State::InDoubt => settlement == Settlement::NeedsPerson,
            State::Failed | State::Rejected => settlement != Settlement::Paid,
            State::Paid => settlement != Settlement::Reversed,
            State::Planned
            | State::Held
            | State::Submitting
            | State::Unknown
            | State::Returned
            | State::Cancelled => false,
        };
        self.case_mut(index).is_under_way = no_news && settlement == Settlement::InFlight;
        if no_news {
            return;
        }
        self.record(index, Event::Found(settlement), reason, now);
        self.case_mut(index).tries = 0;
    }

    /// A payment without an intent on record that the provider knows: an attempt of a lost history.
    pub(super) fn discover(&mut self, index: PaymentIndex, now: Now) {
        if self.case(index).state() == State::Planned {
            // Whatever it was found to be is waited for.
            self.last_exchange = now.at;
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
        let could_control = self.control_of(index).is_some();
        let case = self.case(index);
        let is_whole = case.is_asked_for_proof && (case.has_control || !could_control);
        if absence.is_proven(rule) && is_whole && case.is_put_off() {
            self.put_off(index, before, now);
            return;
        }
        if absence.is_proven(rule) && !is_whole {
            // It became the last answer that is needed only because its question waited for its turn, or something is known
            // there since: what belongs to such a question was not asked beside it, and it does not count.
            self.set_absence(index, Some(before));
            self.wait(index, now.at);
            return;
        }
        if absence != before && self.case(index).state() == State::Unknown {
            // Where there are many, one proof takes longer than settlement is waited for.
            self.last_exchange = now.at;
        }
        self.set_absence(index, Some(absence));
        if !absence.is_proven(rule) {
            let mut at = absence.next_question(now.at, rule);
            if self.case(index).is_heard_of {
                at = at.min(self.free_to_ask(index, now));
            }
            self.wait(index, at);
            return;
        }
        self.set_absence(index, None);
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
            (State::Unknown, Clue::Refused) => match self.window_closed(index, now) {
                // It may have been accepted, and forgotten since.
                Some(why) => self.record(index, Event::WindowClosed, Some(why), now),
                None => {
                    let reason = self.case(index).progress.reason.clone();
                    self.record(index, Event::AbsenceProven, reason, now);
                }
            },
            (State::Unknown, Clue::Duplicate) => {
                let reason = "the provider called it a duplicate, and does not know it".to_owned();
                self.record(index, Event::AbsenceProven, Some(reason), now);
            }
            // It is the one that others would be told absent by, and nobody says whether the provider forgot it alone.
            (State::Accepted, _) if !self.case(index).has_control => {}
            (State::Accepted, _) => {
                let reason = "the provider had accepted it, and no longer knows it".to_owned();
                // What is gone tells nothing of others.
                self.known_at_provider =
                    self.known_at_provider.map(|known| known.filter(|known| *known != index));
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

    /// It was not found as often as it had to be, but for the last time, and its window is over.
    fn is_over_for_good(&self, index: PaymentIndex, now: Now) -> bool {
        let case = self.case(index);
        let is_unknown = case.state() == State::Unknown && case.is_asked_for_proof;
        is_unknown && self.window_closed(index, now).is_some()
    }

    fn is_asked_for_news(&self, index: PaymentIndex) -> bool {
        self.case(index).may_be_news()
    }

    /// A callback came about it: it is asked about sooner, and nothing else follows.
    pub(crate) fn heard_of(&mut self, reference: ProviderReference, now: Now) {
        let Some(index) = self.place_of(reference) else { return };
        let (case, at) = (self.case(index), self.free_to_ask(index, now));
        let is_at_rest_unknown = case.phase == Phase::Resting && case.state() == State::Unknown;
        let is_open = match case.phase {
            // Remembered until the answer is there.
            Phase::Recording | Phase::Intended | Phase::Sending | Phase::LookingUp => true,
            Phase::Waiting => {
                let is_sent = matches!(case.state(), State::Accepted | State::Unknown);
                let is_sooner = (is_sent || case.absence.is_some()) && at < case.due;
                case.cleared || is_sooner || (case.may_be_news() && !case.is_heard_of)
            }
            Phase::Resting => case.may_be_news() || (is_at_rest_unknown && case.may_be_put_off()),
            // It is asked about in any case.
            Phase::Unseen => false,
            // Remembered until it would be sent.
            Phase::Queued | Phase::Preparing | Phase::Ready | Phase::Checking => {
                self.is_taken_for_absent(index)
            }
        };
        if !is_open {
            return;
        }
        let case = self.case_mut(index);
        case.is_heard_of = true;
        if case.phase == Phase::Resting {
            case.tries = 1;
            // Anybody may send callbacks about it for ever.
            case.put_off += u32::from(is_at_rest_unknown);
        }
        if matches!(case.phase, Phase::Waiting | Phase::Resting) && !case.cleared {
            self.wait(index, at);
        }
    }

    /// It is asked about because of a callback, as soon as that may be.
    pub(super) fn ask_soon(&mut self, index: PaymentIndex, now: Now) {
        self.wait(index, self.free_to_ask(index, now));
    }

    /// Whether it was to be sent, and is asked about once more instead: the provider had something to say of it.
    pub(super) fn asks_once_more(&mut self, index: PaymentIndex, now: Now) -> bool {
        let is_put_off = self.is_taken_for_absent(index) && self.case(index).is_put_off();
        if is_put_off {
            self.put_off(index, Absence::from(now.at), now);
        }
        is_put_off
    }

    /// What it is sent upon is that the provider does not know it. What a cautious start sent, and a 429 turned away, was
    /// proven absent before.
    pub(super) fn is_taken_for_absent(&self, index: PaymentIndex) -> bool {
        let case = self.case(index);
        case.cleared || (self.cautious && case.is_sent_here && case.state() == State::Planned)
    }

    /// The provider had something to say of it meanwhile: it is asked about once more before its absence is believed.
    pub(super) fn put_off(&mut self, index: PaymentIndex, absence: Absence, now: Now) {
        self.bodies.remove(&index);
        self.set_absence(index, Some(absence));
        let case = self.case_mut(index);
        (case.cleared, case.put_off) = (false, case.put_off + 1);
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
        let last = absence.is_last_question(now.at, rule);
        let control = self.control_of(index).filter(|_| last);
        let is_superseded = self.superseded.contains_key(&index);
        let successors = match self.case(index).state() {
            // Which run holds a later one is on record, and it is not sent from here: its own fate is asked for.
            State::Planned | State::InDoubt if is_superseded => Successors::NotAsked,
            State::Planned | State::Unknown if last => Successors::IfUnpaid,
            State::Planned | State::InDoubt => Successors::IfFailed,
            State::Unknown
            | State::Accepted
            | State::Held
            | State::Submitting
            | State::Paid
            | State::Failed
            | State::Rejected
            | State::Returned
            | State::Cancelled => Successors::NotAsked,
        };
        let case = self.case_mut(index);
        (case.asked_at, case.is_asked_for_proof) = (Some(now.at), last);
        case.has_control = control.is_some();
        case.is_asked_early = std::mem::take(&mut case.is_heard_of);
        self.set_phase(index, Phase::LookingUp);
        self.actions.push(Action::LookUp { payment: index, control, successors });
    }
}
