//! The run loop: asks the agenda what to do, does it, and tells it what came of it.
//!
//! One task owns the run. Order of every payment: token, intent, journal, permit, request, outcome, journal.
//! One group is on its way to the disk at a time; whatever comes up meanwhile makes the next.

use crate::Callbacks;
use crate::agenda::{Action, Agenda, Checked, Intent, Now, Prepared};
use crate::finish::StopCause;
use crate::pace::Pace;
use crate::payees::Payees;
use crate::{Finish, Notice, Observer, Predecessor, Settings};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use payrun_core::{PaymentIndex, Plan, PlannedPayment, ProviderReference, WalletId};
use payrun_ports::{
    Answer, Body, CallClass, CallError, Clock, Entropy, Entry, Gateway, LookUp, Moment, Permit,
    Receipt, RunStore, StoreError,
};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

/// How many later generations a cautious start asks about before a payment is first sent.
const SUCCESSORS_ASKED: usize = 3;

/// Everything that a run is made of.
pub struct Engine {
    /// What is paid.
    pub plan: Arc<Plan>,
    /// For payments of a later generation: every generation before it.
    pub predecessors: HashMap<PaymentIndex, Vec<Predecessor>>,
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
    /// A token in the place of one that had grown too old.
    Granted(Permit),
    Sent(PaymentIndex, Answer),
    LookedUp(PaymentIndex, Moment, Result<LookUp, CallError>),
}

/// A group on its way to the disk.
struct Writing {
    outcomes: Vec<Entry>,
    intents: Vec<Intent>,
    notices: Vec<Notice>,
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
            history,
            self.gateway.rules(),
            self.settings.clone(),
            Arc::clone(&self.entropy),
            self.now(),
        );
        let payees = Payees::default();
        let mut calls: Calls<'_> = FuturesUnordered::new();
        let mut writing: Option<(Writing, BoxFuture<'_, Result<Receipt, StoreError>>)> = None;
        let mut drain_until: Option<Moment> = None;
        tokio::pin!(cancel);
        let mut cancelled = false;
        loop {
            let now = self.now();
            for reference in self.callbacks.take() {
                agenda.heard_of(reference, now);
            }
            self.take_tokens(&mut agenda);
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
                    if !self.written(written, group, &mut agenda, &calls) {
                        break;
                    }
                }
                // Before the calls, where look-ups wait for the same allowance: they are never so urgent.
                () = self.pace.token(CallClass::Money), if agenda.tokens_wanted() > 0 => {
                    agenda.use_token(self.now());
                }
                Some(done) = calls.next(), if !calls.is_empty() => {
                    self.done(done, &mut agenda, &calls);
                }
                () = self.callbacks.come() => {}
                () = self.sleep_until(due), if due.is_some() => {}
                else => break,
            }
        }
        Ok(agenda.into_finish())
    }

    async fn sleep_until(&self, due: Option<Moment>) {
        if let Some(due) = due {
            self.clock.sleep_until(due).await;
        }
    }

    /// Takes the tokens that are there without waiting, so that their intents share a group.
    fn take_tokens(&self, agenda: &mut Agenda) {
        while let Some(wanted) = NonZeroU32::new(agenda.tokens_wanted())
            && let Ok(tokens) = self.pace.try_tokens(CallClass::Money, wanted)
        {
            for _ in 0..tokens.get() {
                agenda.use_token(self.now());
            }
        }
    }

    fn begin<'a>(&'a self, action: Action, payees: &Payees, calls: &Calls<'a>) {
        match action {
            Action::Prepare { payment, on_record: true } => calls.push(Box::pin(async move {
                let result = match self.store.body(payment).await {
                    Ok(Some(body)) => Prepared::Ready(body),
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
                self.pace.token(CallClass::Read).await;
                let asked = self.clock.now();
                Done::LookedUp(payment, asked, self.look_up(payment, control, successors).await)
            })),
            Action::Pause(class, wait) => self.pace.pause(class, wait),
        }
    }

    async fn prepare(&self, index: PaymentIndex, payees: &Payees) -> Prepared {
        let Some((planned, wallet)) = self.planned(index) else {
            return Prepared::Impossible("the plan does not hold it".to_owned());
        };
        let key = match payees.resolve(planned, self.gateway.as_ref(), &self.pace).await {
            Ok(key) => key,
            Err(error) => return Prepared::Call(error),
        };
        match self.gateway.body(planned, wallet, &key) {
            Ok(body) => Prepared::Ready(body),
            Err(why) => Prepared::Impossible(why),
        }
    }

    /// Reads every generation before once more: only what finally did not pay may be paid anew (I2).
    async fn check(&self, index: PaymentIndex) -> Checked {
        let before = self.predecessors.get(&index).map(Vec::as_slice).unwrap_or_default();
        let generation = self.planned(index).map_or(0, |(planned, _)| planned.generation.number());
        if u32::try_from(before.len()) != Ok(generation) {
            return Checked::NotUnpaid("what it replaces is not on record".to_owned());
        }
        for earlier in before {
            self.pace.token(CallClass::Read).await;
            let answer = self.gateway.look_up(&earlier.payment, &earlier.wallet, None).await;
            match answer.map(|answer| earlier.unpaid(&answer)) {
                Ok(Ok(())) => {}
                Ok(Err(why)) => return Checked::NotUnpaid(why),
                Err(error) => return Checked::Call(error),
            }
        }
        Checked::Unpaid
    }

    /// Asks about one payment. A not-found answer that would be the last one needed counts only if a reference that was
    /// known is so before the question and after it, for the provider may forget, and remember again, at any time; and if no
    /// later generation of the payment is known.
    async fn look_up(
        &self,
        index: PaymentIndex,
        control: Option<PaymentIndex>,
        successors: bool,
    ) -> Result<LookUp, CallError> {
        let mut unread = None;
        if let Some(control) = control {
            match self.ask_control(control).await {
                Ok(()) => {}
                // What cannot be read of the one says nothing of the other.
                Err(error @ CallError::Unreadable(_)) => unread = Some(error),
                Err(error) => return Err(error),
            }
            self.pace.token(CallClass::Read).await;
        }
        let answer = self.look_up_one(index).await?;
        if answer != LookUp::NotFound {
            return Ok(answer);
        }
        if let Some(error) = unread {
            return Err(error);
        }
        if successors && self.has_successor(index).await? {
            return Ok(LookUp::Different("a later generation of it is known there".to_owned()));
        }
        if let Some(control) = control {
            self.pace.token(CallClass::Read).await;
            self.ask_control(control).await?;
        }
        Ok(answer)
    }

    /// The provider has to know what it knew.
    async fn ask_control(&self, control: PaymentIndex) -> Result<(), CallError> {
        match self.look_up_one(control).await {
            Ok(LookUp::Found(..) | LookUp::Different(_)) => Ok(()),
            Ok(LookUp::NotFound) => Err(CallError::Unreadable(
                "it does not know a reference that it knew before".to_owned(),
            )),
            // It is the control that was refused, not the question.
            Err(CallError::Refused(why)) => Err(CallError::Unreadable(why)),
            Err(error) => Err(error),
        }
    }

    /// Whether the provider knows one of the next generations: then this one was given up by a lost history.
    async fn has_successor(&self, index: PaymentIndex) -> Result<bool, CallError> {
        let Some((planned, wallet)) = self.planned(index) else { return Ok(false) };
        let mut later = planned.clone();
        for _ in 0..SUCCESSORS_ASKED {
            let Some(generation) = later.generation.next() else { break };
            later.generation = generation;
            later.provider_reference = ProviderReference::derive(
                &self.plan.organisation,
                &planned.payment.reference,
                generation,
            );
            self.pace.token(CallClass::Read).await;
            if self.gateway.look_up(&later, wallet, None).await? != LookUp::NotFound {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_up_one(&self, index: PaymentIndex) -> Result<LookUp, CallError> {
        let Some((planned, wallet)) = self.planned(index) else {
            return Ok(LookUp::NotFound);
        };
        let body = self
            .store
            .body(index)
            .await
            .map_err(|error| CallError::Unreadable(error.to_string()))?;
        self.gateway.look_up(planned, wallet, body.as_ref()).await
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
        Some((Writing { outcomes, intents, notices }, self.store.commit(group)))
    }

    /// Takes in what became of a group. `false` if the store can take no more.
    fn written<'a>(
        &'a self,
        result: Result<Receipt, StoreError>,
        group: Writing,
        agenda: &mut Agenda,
        calls: &Calls<'a>,
    ) -> bool {
        match result {
            Ok(receipt) => {
                self.tell(&group.notices);
                agenda.intents_durable(&group.intents, self.now());
                for (permit, intent) in receipt.into_permits().into_iter().zip(&group.intents) {
                    if self.pace.is_stale(CallClass::Money, intent.token_at) {
                        // The disk was slow, or the process was frozen (I8).
                        calls.push(Box::pin(async move {
                            self.pace.token(CallClass::Money).await;
                            Done::Granted(permit)
                        }));
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
            agenda.not_sent(index, self.now());
            return;
        }
        let (Some(body), Some((planned, _))) = (at_hand, self.planned(index)) else {
            agenda.stop(StopCause::Bug("an intent without a body".to_owned()));
            agenda.not_sent(index, self.now());
            return;
        };
        agenda.sending(index, self.now());
        calls.push(Box::pin(self.send_one(permit, planned, body)));
    }

    async fn send_one(&self, permit: Permit, planned: &PlannedPayment, body: Body) -> Done {
        let index = permit.payment();
        Done::Sent(index, self.gateway.send(permit, planned, &body).await)
    }

    fn done<'a>(&'a self, done: Done, agenda: &mut Agenda, calls: &Calls<'a>) {
        let now = self.now();
        match done {
            Done::Granted(permit) => self.send(permit, agenda, calls),
            Done::Prepared(index, result) => agenda.prepared(index, result, now),
            Done::Checked(index, result) => agenda.checked(index, result, now),
            Done::Sent(index, answer) => agenda.answered(index, answer, now),
            Done::LookedUp(index, asked, result) => agenda.looked_up(index, asked, result, now),
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
        let place =
            self.plan.batches.partition_point(|batch| batch.first <= index).checked_sub(1)?;
        Some((self.plan.payment(index)?, &self.plan.batches.get(place)?.wallet))
    }
}
