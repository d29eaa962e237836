//! A process that pays: how it takes up the run, lives, and dies.

use crate::audit::End;
use crate::broken::Broken;
use crate::faults::Faults;
use crate::freezing::frozen;
use crate::killing::killed_after;
use crate::payroll::WALLETS;
use crate::provider::written;
use crate::records::{Directory as _, Failing, Played, Refused, Wanted, words};
use crate::trace::Watcher;
use crate::world::{DAY_MILLIS, RUN, World};
use payrun_core::{PaymentIndex, Plan, Progress, ProviderReference, State};
use payrun_exec::{
    AbsenceRule, Callbacks, Engine, Finish, Observer, Pace, Predecessor, Settings, StopCause, probe,
};
use payrun_ports::{GrantLog, MemoryGrants, RunStore, StoreError};
use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How a process ended: by itself, or `None` if it was killed.
pub(crate) type Ended = Option<Result<Finish, StoreError>>;

/// When a process dies, if nothing else ends it.
struct Death {
    /// So long after it began.
    after: Duration,
    /// It is asked to stop then, and not killed.
    is_asked: bool,
    /// When it was woken so often.
    at_step: u64,
}

impl World {
    /// One process, until it ends, is asked to stop, or is killed.
    pub(crate) async fn live(&mut self, life: u64) {
        let chance = Arc::clone(&self.chance);
        let forgets = self.forgets();
        self.provider.process_begins(life);
        self.provider.remembers(!forgets);
        let key_works = !(self.faults.key_revoked && chance.one_in(4));
        let empty = (self.faults.wallet_emptied && chance.one_in(3)).then_some(WALLETS[0].0);
        self.provider.set(self.faults, key_works, empty);
        self.provider.ban(self.whom_to_ban());
        self.trace.say(|| format!("LIFE {life} begins"));
        let Some(records) = self.taken_up(self.faults).await else {
            self.trace.say(|| format!("LIFE {life} could not begin"));
            return;
        };
        let (watcher, written) = (self.watch(), records.written());
        let engine = self.engine(&self.plan, records, watcher);
        self.provider.run_begins();
        self.provider.reachable(true);
        self.stalls.there_are(self.faults.stalls);
        let mut death = self.death(life);
        let freezes = self.faults.freezes && chance.one_in(3);
        let (from, frozen_for) =
            (chance.millis(2000), Duration::from_secs(60) + chance.millis(600_000));
        if freezes {
            death.after += frozen_for;
        }
        let process = async {
            if death.is_asked {
                // One whose disk is gone does not hear of it.
                let patience = death.after + Duration::from_secs(3600);
                timeout(patience, engine.run(sleep(death.after))).await.ok()
            } else {
                timeout(death.after, engine.run(pending())).await.ok()
            }
        };
        let process = killed_after(death.at_step, process);
        let meanwhile = self.meanwhile(key_works, empty);
        let outage = self.outage(forgets);
        let gone = self.gone();
        let callbacks = self.call_back(Arc::clone(&engine.callbacks));
        // What is called back comes to nobody while the process is frozen.
        let process = async {
            tokio::select! {
                biased;
                never = callbacks => never,
                ended = process => ended
            }
        };
        let (ended, steps) = tokio::select! {
            biased;
            never = meanwhile => never,
            never = outage => never,
            never = gone => never,
            ended = async {
                if freezes {
                    frozen(process, Instant::now() + from, frozen_for).await
                } else {
                    process.await
                }
            } => ended
        };
        drop(engine);
        self.stalls.there_are(false);
        let ended = ended.flatten();
        self.trace.say(|| format!("LIFE {life} ends: {}", how(&ended)));
        self.steps = if life == 1 { steps } else { self.steps };
        self.note_end(life, &ended);
        self.process_ended();
        self.note_left(life);
        if chance.per_mille(self.faults.last_record_lost) && written.load(Ordering::Relaxed) > 0 {
            self.trace.say(|| "the last record is torn".to_owned());
            self.directory.tear_last_record(RUN);
            self.records_are_whole = false;
        }
    }

    /// What the provider forgot it remembers at some moment, or it forgets at some moment only.
    async fn outage<T>(&self, forgets: bool) -> T {
        if forgets && self.chance.one_in(2) {
            let begins = self.chance.one_in(2);
            self.provider.remembers(begins);
            if self.chance.one_in(2) {
                self.provider.turns_after(self.chance.below(150));
                return pending().await;
            }
            sleep(self.chance.millis(20_000)).await;
            self.provider.remembers(!begins);
            let word = if begins { "forgets" } else { "knows again" };
            self.trace.say(|| format!("the provider {word} what it knew"));
        }
        pending().await
    }

    /// The provider cannot be reached for a while.
    async fn gone<T>(&self) -> T {
        if self.faults.unreachable && self.chance.one_in(2) {
            sleep(self.chance.millis(5000)).await;
            let length = self.chance.millis(150_000);
            self.trace.say(|| format!("the provider cannot be reached for {length:?}"));
            self.provider.reachable(false);
            sleep(length).await;
            self.provider.reachable(true);
        }
        pending().await
    }

    /// Whatever the provider settled, its callbacks come when they like.
    async fn call_back<T>(&self, callbacks: Arc<Callbacks>) -> T {
        if !self.faults.callbacks {
            return pending().await;
        }
        loop {
            let news = tokio::select! {
                biased;
                corrected = self.provider.next_corrected() => Some(corrected),
                () = sleep(self.chance.millis(3000)) => None,
            };
            let reference = match news {
                Some(corrected) => {
                    sleep(Duration::from_millis(1) + self.chance.millis(50)).await;
                    self.reference(&corrected)
                }
                None => self.any_reference(),
            };
            let times = 1 + self.chance.below(3);
            self.trace.say(|| format!("{times} callbacks about {}", written(reference)));
            self.provider.called_back(&written(reference));
            (0..times).for_each(|_| callbacks.heard_of(reference));
        }
    }

    /// A payee whom nobody may pay while the process lives.
    fn whom_to_ban(&self) -> Option<String> {
        if !(self.faults.payee_banned && self.chance.one_in(2)) {
            return None;
        }
        let payments = &self.plan.payments;
        let place = usize::try_from(self.chance.below(payments.len() as u64)).unwrap();
        let payee = payments[place].payment.payee.phone.as_str().to_owned();
        self.trace.say(|| format!("nobody may pay {payee}"));
        Some(payee)
    }

    /// Of a payment of the run, of one that it replaces, or of none that it knows.
    fn any_reference(&self) -> ProviderReference {
        let generations = self.before.len() as u64;
        let earlier = usize::try_from(self.chance.below(2 * generations + 2)).unwrap();
        let planned = &self.before.get(earlier).unwrap_or(&self.plan).payments;
        let place = usize::try_from(self.chance.below(planned.len() as u64 + 1)).unwrap();
        let known = planned.get(place).map(|planned| planned.provider_reference);
        known.unwrap_or(ProviderReference::from_bytes([7; 16]))
    }

    /// One of those that the run replaces.
    fn reference(&self, text: &str) -> ProviderReference {
        let mut all = self.before.iter().flat_map(|before| &before.payments);
        let found = all.find(|earlier| written(earlier.provider_reference) == text);
        found.unwrap().provider_reference
    }

    pub(crate) fn process_ended(&self) {
        if let Some(words) = self.directory.process_ended(RUN) {
            self.trace.say(|| words);
        }
    }

    /// Whether the provider answers for a while as if it had never heard of anything. Where a payment is known to have arrived
    /// there, nobody may believe it.
    fn forgets(&self) -> bool {
        let progress = self.directory.progress(RUN, self.plan.payments.len());
        let is_known = |progress: &Progress| {
            let state = progress.standing.state;
            matches!(state, State::Accepted | State::Paid | State::Failed | State::Returned)
        };
        let can_tell = progress.iter().any(is_known);
        let forgets = self.faults.forgets && can_tell && self.chance.one_in(2);
        if forgets {
            self.trace.say(|| "the provider forgets what it knew".to_owned());
        }
        forgets
    }

    fn death(&self, life: u64) -> Death {
        let (chance, forever) = (&self.chance, Duration::from_secs(24 * 3600));
        match (self.options.killed_at, life) {
            (Some(at_step), 1) => return Death { after: forever, is_asked: false, at_step },
            (Some(_), _) => {
                return Death { after: forever, is_asked: false, at_step: u64::MAX };
            }
            (None, _) => {}
        }
        // Only who lives longer than time-out and grace proves anything absent.
        let longest = match chance.below(6) {
            0 | 1 => 30_000,
            2 | 3 if self.faults.long_waits => 3_000_000,
            2 if self.faults.unreachable => 300_000,
            _ => 4000,
        };
        let (after, is_asked) = (chance.millis(longest), chance.one_in(3));
        let at_step = if chance.one_in(3) { chance.below(300) } else { u64::MAX };
        Death { after, is_asked, at_step }
    }

    /// Notes how it ended, and whether no fault explains that.
    pub(crate) fn note_end(&mut self, process: u64, ended: &Ended) {
        let gone = |finish: &Finish| matches!(finish.stopped, Some(StopCause::GatewayGone { .. }));
        let is_unanswered = matches!(ended, Some(Ok(finish)) if gone(finish));
        self.ends.push(End { process, is_unanswered });
        let bug = match ended {
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok(Finish { stopped: Some(StopCause::Bug(bug)), .. })) => Some(bug.clone()),
            Some(Ok(Finish {
                stopped: Some(StopCause::Store(StoreError::Illegal(bug) | StoreError::Damaged(bug))),
                ..
            })) => Some(bug.clone()),
            Some(Ok(Finish { .. })) | None => None,
        };
        self.bugs.extend(bug);
    }

    /// What happens while a process lives. Never returns.
    async fn meanwhile<T>(&self, key_works: bool, empty: Option<&'static str>) -> T {
        let chance = &self.chance;
        sleep(chance.millis(3000)).await;
        if self.faults.key_revoked && chance.one_in(3) {
            self.trace.say(|| "the key is revoked".to_owned());
            self.provider.set(self.faults, false, empty);
        } else if self.faults.wallet_emptied && chance.one_in(3) {
            self.trace.say(|| "a wallet is emptied".to_owned());
            self.provider.set(self.faults, key_works, Some(WALLETS[1].0));
        }
        if self.faults.clock_jumps && chance.one_in(3) {
            self.trace.say(|| "the wall clock jumps a day ahead".to_owned());
            self.clock.jump(DAY_MILLIS);
        }
        if self.faults.second_process {
            match self.open(self.wanted(false), self.faults) {
                Err(refused) => self.trace.say(|| format!("a second process: {refused:?}")),
                Ok(records) => {
                    self.trace.say(|| "a second process sends too".to_owned());
                    let engine = self.engine(&self.plan, records, Arc::new(()));
                    let _ = engine.run(pending()).await;
                }
            }
        }
        pending().await
    }

    /// A run with records of its own, as if nobody knew of this one.
    pub(crate) async fn run_elsewhere(&self, plan: &Arc<Plan>, length: Duration) {
        let elsewhere = Played::new(None);
        let wanted = Wanted { run: "july", plan, ..self.wanted(false) };
        let records = elsewhere.open(wanted).unwrap();
        let records =
            Failing::new(records, self.faults, (&self.chance, &self.stalls), &self.trace, plan);
        let engine = self.engine(plan, records, Arc::new(()));
        let _ = timeout(length, engine.run(pending())).await;
    }

    /// The run's records, opened; begun if there are none.
    pub(crate) async fn taken_up(&self, faults: Faults) -> Option<Failing> {
        let mut adopted = self.loss_is_known && self.options.broken != Some(Broken::EmptyIsNew);
        if !self.directory.has(RUN) && !self.loss_is_known {
            let pace = self.pace();
            let known = probe(&self.plan, self.gateway().as_ref(), &pace).await;
            self.trace.say(|| format!("is any of them known? {known:?}"));
            // It is not begun then, and whoever sees that takes it over.
            adopted = known.ok()?.is_some();
        }
        let mut opened = self.open(self.wanted(adopted), faults);
        if matches!(opened, Err(Refused::HistoryLost)) {
            self.trace.say(|| "the run was begun before, and is gone: it is taken over".to_owned());
            opened = self.open(self.wanted(true), faults);
        }
        opened.inspect_err(|why| self.trace.say(|| format!("the run is refused: {why:?}"))).ok()
    }

    fn open(&self, wanted: Wanted<'_>, faults: Faults) -> Result<Failing, Refused> {
        let records = self.directory.open(wanted)?;
        Ok(Failing::new(records, faults, (&self.chance, &self.stalls), &self.trace, &self.plan))
    }

    /// Watches the run from where its journal says it is.
    pub(crate) fn watch(&mut self) -> Arc<Watcher> {
        let references = self.plan.payments.iter();
        let watcher = Arc::new(Watcher {
            stalls: Arc::clone(&self.stalls),
            trace: Arc::clone(&self.trace),
            references: references.map(|planned| planned.payment.reference.to_string()).collect(),
            states: Mutex::new(words(&self.directory.progress(RUN, self.plan.payments.len()))),
        });
        self.watcher = Some(Arc::clone(&watcher));
        watcher
    }

    fn pace(&self) -> Arc<Pace> {
        let key = self.provider.key_fingerprint();
        let log: Arc<dyn GrantLog> = match self.options.broken {
            Some(Broken::ForgottenPace) => Arc::new(MemoryGrants::default()),
            _ => self.grants.clone(),
        };
        Arc::new(Pace::shared(&self.provider.limits, self.clock.clone(), log, key))
    }

    pub(crate) fn engine(
        &self,
        plan: &Arc<Plan>,
        records: impl RunStore + 'static,
        observer: Arc<dyn Observer>,
    ) -> Engine {
        let absence = match self.options.broken {
            Some(Broken::EagerAbsence) => AbsenceRule { answers: 1, grace: Duration::ZERO },
            _ => AbsenceRule { answers: 3, grace: Duration::from_secs(2) },
        };
        Engine {
            plan: Arc::clone(plan),
            predecessors: self.predecessors(plan),
            superseded: HashMap::new(),
            gateway: self.gateway(),
            store: Arc::new(records),
            pace: self.pace(),
            clock: self.clock.clone(),
            entropy: self.chance.clone(),
            callbacks: Arc::default(),
            observer,
            settings: Settings {
                absence,
                poll_first: Duration::from_millis(200),
                poll_max: Duration::from_secs(2),
                settle_timeout: Duration::from_secs(60),
                gateway_patience: Duration::from_secs(30),
                in_flight_max: self.in_flight_max,
                ..Settings::default()
            },
        }
    }

    fn predecessors(&self, plan: &Plan) -> HashMap<PaymentIndex, Vec<Predecessor>> {
        if self.before.is_empty() {
            return HashMap::new();
        }
        let of = |index: PaymentIndex| {
            let reference = &plan.payment(index).unwrap().payment.reference;
            let earlier = self.before.iter().map(|before| {
                let mut pairs = before.wallets().zip(&before.payments);
                let (wallet, payment) =
                    pairs.find(|(_, earlier)| earlier.payment.reference == *reference).unwrap();
                let before = self.provider.before[&written(payment.provider_reference)];
                let (wallet, payment) = (wallet.clone(), payment.clone());
                let (state, has_rested) = (before.state(), before.has_rested);
                Predecessor { payment, wallet, state, has_rested }
            });
            (index, earlier.collect())
        };
        plan.indices().map(of).collect()
    }
}

/// How it ended, in words.
pub(crate) fn how(ended: &Ended) -> String {
    match ended {
        None => "killed".to_owned(),
        Some(Err(error)) => error.to_string(),
        Some(Ok(finish)) => match &finish.stopped {
            Some(cause) => cause.to_string(),
            None => "nothing is left to do".to_owned(),
        },
    }
}
