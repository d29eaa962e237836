//! The run loop: asks the agenda what to do, does it, and tells it what came of it.
//!
//! One task owns the run. Order of every payment: token, intent, journal, permit, request, outcome, journal.
//! One group is on its way to the disk at a time; whatever comes up meanwhile makes the next.

use crate::Callbacks;
use crate::agenda::{Action, Agenda, Checked, Intent, Now, Prepared, STOPPED, Successors};
use crate::finish::StopCause;
use crate::late::{Late, LateIntents};
use crate::pace::Pace;
use crate::payees::Payees;
use crate::{Finish, Notice, Observer, Predecessor, Settings, successors};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use payrun_core::{PaymentIndex, Plan, PlannedPayment, RunKey, Settlement, WalletId};
use payrun_ports::{
    Answer, Body, CallClass, CallError, Clock, Entropy, Entry, Gateway, LookUp, Moment, Permit,
    Receipt, RunStore, StoreError,
};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// What a provider says that is not to be believed.
const FORGOTTEN: &str = "it does not know a reference that it knew before";
/// Why a payment is given up, or in doubt: the provider knows it under a later generation, which is not on record.
pub const SUCCESSOR_KNOWN: &str = "a later generation of it is known there";
/// Why an intent came to nothing: what it was based on is no longer so.
const WAITED: &str = "it waited too long to be sent without asking again";
/// The same, of one that is paid anew.
const NOT_UNPAID: &str = "what it replaces is not known to be unpaid any more";

/// Everything that a run is made of.
pub struct Engine {
    /// What is paid.
    pub plan: Arc<Plan>,
    /// For payments of a later generation: every generation before it.
    pub predecessors: HashMap<PaymentIndex, Vec<Predecessor>>,
    /// Payments of which a run holds a later generation, and which run: they are never sent again from here.
    pub superseded: HashMap<PaymentIndex, RunKey>,
    /// Who pays.
    pub gateway: Arc<dyn Gateway>,
    /// The run's journal, opened and locked.
    pub store: Arc<dyn RunStore>,
    /// How fast. Shared with whoever else uses the same key.
    pub pace: Arc<Pace>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for jitter.
    pub entropy: Arc<dyn Entropy>,
    /// What the provider says unasked.
    pub callbacks: Arc<Callbacks>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// How it behaves.
    pub settings: Settings,
}

/// What came of something that was begun.
enum Done {
    Prepared(PaymentIndex, Prepared),
    Checked(PaymentIndex, Checked),
    /// What it replaces was read again for a request that waits for its token.
    CheckedAgain(Permit, Checked),
    Sent(PaymentIndex, Answer),
    LookedUp(PaymentIndex, Result<(Moment, LookUp), CallError>),
    /// The records say no more what a question is asked with.
    Unreadable(StoreError),
}

/// What the provider is asked with.
struct Question<'a> {
    planned: &'a PlannedPayment,
    wallet: &'a WalletId,
    body: Option<Body>,
}

/// A group on its way to the disk.
struct Writing {
    outcomes: Vec<Entry>,
    intents: Vec<Intent>,
    notices: Vec<Notice>,
    begun: Now,
}

type Calls<'a> = FuturesUnordered<BoxFuture<'a, Done>>;

impl Engine {
    /// Runs until nothing is left to do or to wait for, something stops it, or `cancel` returns.
    ///
    /// After `cancel` nothing new is begun; requests under way are waited for up to the drain timeout. The future may
    /// be dropped at any time, as a process may be killed: what was sent and not answered is unknown, and the next
    /// run over the same store finds out. The store is left open.
    ///
    /// # Errors
    /// [`StoreError`] if the history cannot be read; nothing was sent.
    pub async fn run(&self, cancel: impl Future<Output = ()> + Send) -> Result<Finish, StoreError> {
        let history = self.store.history().await?;
        if history.progress.len() != self.plan.payments.len() {
            return Err(StoreError::Damaged(format!(
                "they are of {} payments, and the plan has {}",
                history.progress.len(),
                self.plan.payments.len()
            )));
        }
        let mut agenda = Agenda::new(
            Arc::clone(&self.plan),
            self.superseded.clone(),
            history,
            self.gateway.rules(),
            self.settings.clone(),
            Arc::clone(&self.entropy),
            self.now(),
        );
        // Another process was asked to, or the one before this.
        let wait = self.pace.paused_for(CallClass::Money);
        if !wait.is_zero() {
            self.tell(&[Notice::Slowed { wait }]);
        }
        let payees = Payees::default();
        let mut calls: Calls<'_> = FuturesUnordered::new();
        let mut writing: Option<(Writing, BoxFuture<'_, Result<Receipt, StoreError>>)> = None;
        let (limits, at_a_time) = (self.gateway.rules().limits, agenda.asked_at_a_time());
        let mut late = LateIntents::new(&self.predecessors, &limits, at_a_time, self.now());
        let mut drain_until: Option<Moment> = None;
        tokio::pin!(cancel);
        let mut cancelled = false;
        loop {
            let now = self.now();
            self.hear(&mut agenda, &mut late);
            if agenda.stop_cause().is_some() {
                for Late { permit, .. } in late.drain() {
                    agenda.not_sent(permit.payment(), STOPPED, now);
                }
            }
            self.take_tokens(&mut agenda, &mut late, &calls);
            for action in agenda.next_actions(now) {
                self.begin(action, &payees, &calls);
            }
            if writing.is_none() && agenda.has_group() {
                writing = self.write_group(&mut agenda);
            }
            if writing.is_none() && agenda.is_finished(now) {
                break;
            }
            if agenda.stop_cause().is_some() {
                let until = *drain_until.get_or_insert(now.at.after(self.settings.drain_timeout));
                if now.at >= until && writing.is_none() {
                    agenda.abandon(now);
                    if let Err(error) = self.flush(&mut agenda).await {
                        agenda.stop(StopCause::Store(error));
                        break;
                    }
                    if agenda.is_finished(now) {
                        break;
                    }
                }
            }
            let due = [agenda.next_due(now), drain_until.filter(|until| *until > now.at)]
                .into_iter()
                .flatten()
                .min();
            tokio::select! {
                biased;
                () = &mut cancel, if !cancelled => {
                    cancelled = true;
                    agenda.stop(StopCause::Interrupted);
                }
                written = async { match &mut writing {
                    Some((_, future)) => future.await,
                    None => std::future::pending().await,
                } } => {
                    let Some((group, _)) = writing.take() else { continue };
                    if !self.written(written, group, &mut agenda, &mut late, &calls) {
                        break;
                    }
                }
                // Before the calls, where look-ups wait for the same allowance: they are never so urgent.
                () = self.pace.token(CallClass::Money), if self.wanted(&agenda, &mut late).is_some() => {
                    self.use_token(self.clock.now(), &mut agenda, &mut late, &calls);
                }
                Some(done) = calls.next(), if !calls.is_empty() => {
                    self.done(done, &mut agenda, &mut late);
                }
                () = self.callbacks.come() => {}
                () = self.sleep_until(due), if due.is_some() => {}
                else => break,
            }
        }
        Ok(agenda.into_finish())
    }

    /// Takes in the callbacks that came. Before each request once more: whatever woke the run, they may have come with it.
    fn hear(&self, agenda: &mut Agenda, late: &mut LateIntents<'_>) {
        let now = self.now();
        for reference in self.callbacks.take() {
            agenda.heard_of(reference, now);
            late.heard_of(reference, now.at);
        }
    }

    async fn sleep_until(&self, due: Option<Moment>) {
        if let Some(due) = due {
            self.clock.sleep_until(due).await;
        }
    }

    /// Takes the tokens that are there without waiting, so that their intents share a group.
    fn take_tokens<'a>(
        &'a self,
        agenda: &mut Agenda,
        late: &mut LateIntents<'_>,
        calls: &Calls<'a>,
    ) {
        self.read_again(late, calls);
        while let Some(wanted) = self.wanted(agenda, late)
            && let Ok(tokens) = self.pace.try_tokens(CallClass::Money, wanted)
        {
            let token_at = self.clock.now();
            for _ in 0..tokens.get() {
                // What was done with those before it may have stood still.
                if !self.pace.is_stale(CallClass::Money, token_at) {
                    self.use_token(token_at, agenda, late, calls);
                }
            }
        }
    }

    /// How many tokens for calls that move money would be used.
    fn wanted(&self, agenda: &Agenda, late: &mut LateIntents<'_>) -> Option<NonZeroU32> {
        NonZeroU32::new(agenda.tokens_wanted().saturating_add(late.count(self.now())))
    }

    /// Reads once more what the next request replaces, if that will not hold any more when its token can come. No token is
    /// taken before: it would be too old when that is over.
    fn read_again<'a>(&'a self, late: &mut LateIntents<'_>, calls: &Calls<'a>) {
        let at = self.pace.worth_asking_at(CallClass::Money);
        while let Some(Late { permit, .. }) = late.pop_to_read(at, self.now()) {
            calls.push(Box::pin(async move {
                let checked = self.check(permit.payment()).await;
                Done::CheckedAgain(permit, checked)
            }));
        }
    }

    /// A token in the place of one that had grown too old goes first.
    fn use_token<'a>(
        &'a self,
        token_at: Moment,
        agenda: &mut Agenda,
        late: &mut LateIntents<'_>,
        calls: &Calls<'a>,
    ) {
        self.hear(agenda, late);
        match late.pop(self.now()) {
            Some(Late { permit, .. }) => self.send(permit, agenda, calls),
            None => agenda.use_token(token_at, self.now()),
        }
    }

    fn begin<'a>(&'a self, action: Action, payees: &Payees, calls: &Calls<'a>) {
        match action {
            Action::Prepare { payment, on_record: true } => calls.push(Box::pin(async move {
                let result = match self.store.body(payment).await {
                    Ok(Some(body)) => Prepared::Ready { body, is_answered: false },
                    Ok(None) => Prepared::Store(StoreError::Damaged(
                        "an intent is on record, and its body is not".to_owned(),
                    )),
                    Err(error) => Prepared::Store(error),
                };
                Done::Prepared(payment, result)
            })),
            Action::Prepare { payment, on_record: false } => {
                let payees = payees.clone();
                calls.push(Box::pin(async move {
                    Done::Prepared(payment, self.prepare(payment, &payees).await)
                }));
            }
            Action::Check(payment) => {
                calls.push(Box::pin(
                    async move { Done::Checked(payment, self.check(payment).await) },
                ));
            }
            Action::LookUp { payment, control, successors } => calls.push(Box::pin(async move {
                let questions = async {
                    let question = self.question(payment).await?;
                    let Some(control) = control else { return Ok((question, None)) };
                    Ok((question, Some(self.question(control).await?)))
                };
                match questions.await {
                    Ok((question, control)) => {
                        let answer = self.look_up(&question, control.as_ref(), successors).await;
                        Done::LookedUp(payment, answer)
                    }
                    Err(error) => Done::Unreadable(error),
                }
            })),
        }
    }

    async fn prepare(&self, index: PaymentIndex, payees: &Payees) -> Prepared {
        let Some((planned, wallet)) = self.planned(index) else {
            return Prepared::Impossible("the plan does not hold it".to_owned());
        };
        let (key, is_answered) =
            match payees.resolve(planned, self.gateway.as_ref(), &self.pace).await {
                Ok(resolved) => resolved,
                Err(error) => return Prepared::Call(error),
            };
        match self.gateway.body(planned, wallet, &key) {
            Ok(body) => Prepared::Ready { body, is_answered },
            Err(why) => Prepared::Impossible(why),
        }
    }

    /// Reads every other generation once more: only what finally did not pay may be paid anew (I2).
    async fn check(&self, index: PaymentIndex) -> Checked {
        let before = self.predecessors.get(&index).map(Vec::as_slice).unwrap_or_default();
        let generation = self.planned(index).map_or(0, |(planned, _)| planned.generation.number());
        if u32::try_from(before.len()) != Ok(generation) {
            let why = "what it replaces is not on record here";
            return Checked::Call(CallError::Refused(why.to_owned()));
        }
        let mut read_at = None;
        for earlier in before {
            let (planned, wallet) = (&earlier.payment, &earlier.wallet);
            match self.ask(&Question { planned, wallet, body: None }).await {
                Ok((asked, answer)) => match earlier.unpaid(&answer) {
                    Ok(()) => match earlier.rests(&answer) {
                        Some(why) => return Checked::NotNow(why),
                        None => read_at = read_at.or(Some(asked)),
                    },
                    Err(why) if answer == LookUp::NotFound => return Checked::NotNow(why),
                    Err(why) => return Checked::NotUnpaid(why),
                },
                Err(error) => return Checked::Call(error),
            }
        }
        let Some((planned, wallet)) = self.planned(index) else {
            return Checked::NotUnpaid("the plan does not hold it".to_owned());
        };
        // By records that were put back from an older copy it may have been given up for a later one.
        match self.has_successor(&Question { planned, wallet, body: None }).await {
            Ok(false) => Checked::Unpaid { read_at: read_at.unwrap_or_else(|| self.now()) },
            Ok(true) => Checked::NotUnpaid(SUCCESSOR_KNOWN.to_owned()),
            Err(error) => Checked::Call(error),
        }
    }

    /// Asks about one payment. A not-found answer that would be the last one needed counts only if a reference that was
    /// known is so before the question and after it, for the provider may forget, and remember again, at any time; and if no
    /// later generation of the payment is known.
    async fn look_up(
        &self,
        question: &Question<'_>,
        control: Option<&Question<'_>>,
        successors: Successors,
    ) -> Result<(Moment, LookUp), CallError> {
        let mut unread = None;
        if let Some(control) = control {
            match self.ask_control(control).await {
                Ok(()) => {}
                // What cannot be read of the one says nothing of the other.
                Err(error @ CallError::Unreadable(_)) => unread = Some(error),
                Err(error) => return Err(error),
            }
        }
        let (asked, answer) = self.ask(question).await?;
        let is_absent = answer == LookUp::NotFound;
        if is_absent && let Some(error) = unread {
            return Err(error);
        }
        let did_not_pay =
            matches!(answer, LookUp::Found(Settlement::Failed { .. } | Settlement::Reversed, _));
        let asks_successors = match successors {
            Successors::NotAsked => false,
            Successors::IfFailed => did_not_pay,
            Successors::IfUnpaid => did_not_pay || is_absent,
        };
        if asks_successors && self.has_successor(question).await? {
            return Ok((asked.at, LookUp::Different(SUCCESSOR_KNOWN.to_owned())));
        }
        if is_absent && let Some(control) = control {
            self.ask_control(control).await?;
        }
        Ok((asked.at, answer))
    }

    /// The provider has to know what it knew.
    async fn ask_control(&self, control: &Question<'_>) -> Result<(), CallError> {
        match self.ask(control).await {
            Ok((_, LookUp::Found(..) | LookUp::Different(_))) => Ok(()),
            Ok((_, LookUp::NotFound)) => Err(CallError::Unreadable(FORGOTTEN.to_owned())),
            // It is the control that was refused, not the question.
            Err(CallError::Refused(why)) => Err(CallError::Unreadable(why)),
            Err(error) => Err(error),
        }
    }

    /// Nothing lies between its token and the call (I8). With the time of the call.
    async fn ask(&self, question: &Question<'_>) -> Result<(Now, LookUp), CallError> {
        let Question { planned, wallet, body } = question;
        self.pace.token(CallClass::Read).await;
        let asked = self.now();
        Ok((asked, self.gateway.look_up(planned, wallet, body.as_ref()).await?))
    }

    /// What a question is asked with.
    async fn question(&self, index: PaymentIndex) -> Result<Question<'_>, StoreError> {
        let missing = || StoreError::Damaged("the plan does not hold a payment".to_owned());
        let (planned, wallet) = self.planned(index).ok_or_else(missing)?;
        Ok(Question { planned, wallet, body: self.store.body(index).await? })
    }

    /// Whether the provider knows a later generation: then this one was given up by a lost history.
    async fn has_successor(&self, question: &Question<'_>) -> Result<bool, CallError> {
        let Question { planned, wallet, .. } = question;
        for later in successors(planned, &self.plan.organisation) {
            let (_, answer) = self.ask(&Question { planned: &later, wallet, body: None }).await?;
            if answer != LookUp::NotFound {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn write_group<'a>(
        &'a self,
        agenda: &mut Agenda,
    ) -> Option<(Writing, BoxFuture<'a, Result<Receipt, StoreError>>)> {
        let (outcomes, intents, notices) = agenda.take_group();
        if outcomes.is_empty() && intents.is_empty() {
            self.tell(&notices);
            return None;
        }
        let mut group = outcomes.clone();
        group.extend(intents.iter().map(|intent| Entry::Payment(intent.entry.clone())));
        let begun = self.now();
        Some((Writing { outcomes, intents, notices, begun }, self.store.commit(group)))
    }

    /// Takes in what became of a group. `false` if the store can take no more.
    fn written<'a>(
        &'a self,
        result: Result<Receipt, StoreError>,
        group: Writing,
        agenda: &mut Agenda,
        late: &mut LateIntents<'_>,
        calls: &Calls<'a>,
    ) -> bool {
        match result {
            Ok(receipt) => {
                self.tell(&group.notices);
                late.note_since(group.begun, self.now());
                agenda.intents_durable(&group.intents);
                for (permit, intent) in receipt.into_permits().into_iter().zip(&group.intents) {
                    self.hear(agenda, late);
                    let read_at = intent.read_at;
                    let is_stale = self.pace.is_stale(CallClass::Money, intent.token_at);
                    if is_stale || !late.holds(intent.payment, read_at, self.now()) {
                        late.push(Late { permit, read_at });
                    } else {
                        self.send(permit, agenda, calls);
                    }
                }
                true
            }
            Err(error @ StoreError::NearlyFull { .. }) if !group.intents.is_empty() => {
                agenda.intents_refused(group.intents, (group.outcomes, group.notices));
                agenda.stop(StopCause::Store(error));
                true
            }
            Err(StoreError::Illegal(why)) => {
                agenda.stop(StopCause::Bug(why));
                false
            }
            Err(error) => {
                agenda.stop(StopCause::Store(error));
                false
            }
        }
    }

    fn send<'a>(&'a self, permit: Permit, agenda: &mut Agenda, calls: &Calls<'a>) {
        let index = permit.payment();
        let at_hand = agenda.body_of(index).cloned();
        if agenda.stop_cause().is_some() {
            agenda.not_sent(index, STOPPED, self.now());
            return;
        }
        if !agenda.may_still_send(index, self.now()) {
            agenda.give_back(index, WAITED, self.now());
            return;
        }
        let (Some(body), Some((planned, _))) = (at_hand, self.planned(index)) else {
            agenda.stop(StopCause::Bug("an intent without a body".to_owned()));
            agenda.not_sent(index, STOPPED, self.now());
            return;
        };
        agenda.sending(index, self.now());
        let mut request: BoxFuture<'a, Done> =
            Box::pin(
                async move { Done::Sent(index, self.gateway.send(permit, planned, &body).await) },
            );
        // It begins here: until the loop comes to its calls there lie a file, a screen, whatever else the run's task does, and
        // each can stand still.
        let begun = (&mut request).now_or_never();
        calls.push(begun.map_or(request, |done| Box::pin(ready(done))));
    }

    fn done(&self, done: Done, agenda: &mut Agenda, late: &mut LateIntents<'_>) {
        let now = self.now();
        match done {
            Done::CheckedAgain(permit, checked) => {
                let index = permit.payment();
                late.was_read();
                let checked = late.in_time(index, checked, now);
                if let Checked::Unpaid { read_at } = checked {
                    agenda.no_trouble(index, now);
                    late.put_back(Late { permit, read_at });
                } else {
                    agenda.not_sent(index, NOT_UNPAID, now);
                    agenda.checked(index, checked, now);
                }
            }
            Done::Prepared(index, result) => agenda.prepared(index, result, now),
            Done::Checked(index, checked) => {
                agenda.checked(index, late.in_time(index, checked, now), now);
            }
            Done::Sent(index, answer) => agenda.answered(index, answer, now),
            Done::LookedUp(index, Ok((asked, answer))) => {
                agenda.looked_up(index, asked, Ok(answer), now);
            }
            Done::LookedUp(index, Err(error)) => agenda.looked_up(index, now.at, Err(error), now),
            Done::Unreadable(error) => agenda.stop(StopCause::Store(error)),
        }
        // Before the next token is taken.
        for (class, wait) in agenda.take_pauses() {
            self.pace.pause(class, wait);
        }
    }

    /// Writes what is left, at the end of a drain.
    async fn flush(&self, agenda: &mut Agenda) -> Result<(), StoreError> {
        let (outcomes, _, notices) = agenda.take_group();
        if !outcomes.is_empty() {
            let _no_intents = self.store.commit(outcomes).await?;
        }
        self.tell(&notices);
        Ok(())
    }

    fn now(&self) -> Now {
        Now { at: self.clock.now(), wall: self.clock.wall() }
    }

    fn tell(&self, notices: &[Notice]) {
        notices.iter().for_each(|notice| self.observer.notice(notice));
    }

    fn planned(&self, index: PaymentIndex) -> Option<(&PlannedPayment, &WalletId)> {
        Some((self.plan.payment(index)?, self.plan.wallet_of(index)?))
    }
}
