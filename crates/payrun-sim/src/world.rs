//! What is there in one seed: a payroll, a provider, a machine, and what befalls it while no process lives.

use crate::audit::{End, Left};
use crate::broken::{Broken, BrokenGateway};
use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::faults::Faults;
use crate::grants::KeptGrants;
use crate::line::Line;
use crate::options::{Options, Records};
use crate::payroll::{Payees, plain, planned};
use crate::provider::{Fate, Provider, written};
use crate::records::{Directory, OnDisk, Played, Refused, Wanted, words};
use crate::replaced::Before;
use crate::stalls::Stalls;
use crate::trace::{Trace, Watcher};
use payrun_core::{GatewayHost, Plan, State};
use payrun_ports::{Entry, Gateway, RateLimit, RateLimits, RunEvent};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The run that everything is about.
pub(crate) const RUN: &str = "june";

pub(crate) const DAY_MILLIS: i64 = 86_400_000;

/// How long before the run everything lies that it replaces.
const LONG_BEFORE: Duration = Duration::from_secs(3600);

/// What is there in one seed.
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) chance: Arc<Chance>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) faults: Faults,
    pub(crate) plan: Arc<Plan>,
    pub(crate) payees: Payees,
    /// The most requests at one time.
    pub(crate) in_flight_max: u32,
    /// What this run pays anew, from its first generation on.
    pub(crate) before: Vec<Arc<Plan>>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) grants: Arc<KeptGrants>,
    pub(crate) stalls: Arc<Stalls>,
    /// Whoever starts the next process knows that the records were lost.
    pub(crate) loss_is_known: bool,
    /// Nothing that was on record was lost so far.
    pub(crate) records_are_whole: bool,
    pub(crate) watcher: Option<Arc<Watcher>>,
    pub(crate) left: Vec<Left>,
    pub(crate) bugs: Vec<String>,
    /// How each process ended.
    pub(crate) ends: Vec<End>,
    pub(crate) steps: u64,
    /// A person said that nothing more is to be sent. Whether that is on record shows at the next start, where the disk failed.
    pub(crate) is_cancelled: bool,
    /// When that was on record for certain.
    pub(crate) cancelled_ms: Option<u64>,
}

impl World {
    pub(crate) fn drawn(options: Options) -> Self {
        let Options { seed, broken, trace, records, .. } = options;
        let clock = Arc::new(VirtualClock::new());
        let chance = Arc::new(Chance::of(seed));
        let trace = Arc::new(Trace::new(Arc::clone(&clock), trace));
        let faults = Faults::of(broken, &chance);
        let payments = 1 + chance.below(40);
        let is_anew =
            chance.one_in(4) || matches!(broken, Some(Broken::UncheckedRetry | Broken::AskedOnce));
        let few = 1 + u32::try_from(chance.below(3)).unwrap();
        let in_flight_max = if chance.one_in(3) { few } else { 8 };
        let generation = if is_anew { 1 + u32::try_from(chance.below(3)).unwrap() } else { 0 };
        let gap = if chance.one_in(3) { 500 + chance.below(5500) } else { 0 };
        let payees = Payees { count: (gap > 0).then(|| 1 + chance.below(payments)) };
        let plan = Arc::new(planned(0..payments, generation, payees, &chance));
        let of_generation = |earlier| Arc::new(planned(0..payments, earlier, payees, &chance));
        let before: Vec<_> = (0..generation).map(of_generation).collect();
        let mut provider =
            Provider::new("virtual", Arc::clone(&clock), Arc::clone(&chance), Arc::clone(&trace));
        provider.same_payee_gap = Duration::from_millis(gap);
        // Where records are lost and nobody knows, nothing else can help.
        provider.unique =
            faults.backup_restored || (faults.directory_lost && faults.loss_unnoticed);
        if chance.one_in(2) || broken == Some(Broken::ForgottenPace) {
            let quick = vec![RateLimit::per_seconds(5, 1), RateLimit::per_seconds(20, 10)];
            // One may be slower than the gap between two payments to one payee is long.
            let slow = vec![RateLimit::per_seconds(1, 1 + chance.below(8))];
            let money = if chance.one_in(4) { slow } else { quick };
            let read = vec![RateLimit::per_seconds(20, 1)];
            let all = chance.one_in(2).then(|| RateLimit::per_seconds(8, 1)).into_iter().collect();
            provider.limits = RateLimits { money, read, all, ..RateLimits::default() };
        }
        provider.goes_on = chance.one_in(2);
        if chance.one_in(2) {
            provider.look_up_takes += chance.millis(200);
        }
        for planned in &plan.payments {
            provider.fates.insert(written(planned.provider_reference), Fate::drawn(&chance));
        }
        for planned in before.iter().flat_map(|before| &before.payments) {
            provider.before.insert(written(planned.provider_reference), Before::drawn(&chance));
        }
        let stalls = Arc::new(Stalls::new(&clock, &chance, &trace));
        let directory: Arc<dyn Directory> = match records {
            Records::Played => Arc::new(Played::new(broken)),
            Records::Real => Arc::new(OnDisk::new(seed, false)),
            Records::Failing => Arc::new(OnDisk::new(seed, true)),
        };
        Self {
            options,
            chance,
            trace,
            faults,
            plan,
            payees,
            in_flight_max,
            before,
            provider: Arc::new(provider),
            directory,
            grants: Arc::new(KeptGrants::new(Arc::clone(&clock), Arc::clone(&stalls))),
            stalls,
            clock,
            loss_is_known: false,
            records_are_whole: true,
            watcher: None,
            left: Vec::new(),
            bugs: Vec::new(),
            ends: Vec::new(),
            steps: 0,
            is_cancelled: false,
            cancelled_ms: None,
        }
    }

    /// What was before the run.
    pub(crate) async fn begin(&self) {
        let say = |line: String| self.trace.say(|| line);
        say(format!("{} payments", self.plan.payments.len()));
        say(format!("what may go wrong: {}", self.faults.told()));
        let alone = self.provider.goes_on;
        say(format!("the provider goes on while a process stands still, or is gone: {alone}"));
        let gap = self.provider.same_payee_gap;
        say(format!("a payee is not paid again for {gap:?}"));
        say(format!("the provider pays a reference twice: {}", !self.provider.unique));
        for (planned, payment) in plain(&self.plan).iter().zip(&self.plan.payments) {
            self.trace.say(|| {
                let (name, fates) = (&payment.payment.reference, &self.provider.fates);
                let fate = fates.get(&planned.reference).map(|fate| format!("{fate:?}"));
                let fate = fate.unwrap_or_default();
                format!("{name} is {planned}, fate: {fate}")
            });
        }
        for earlier in self.before.iter().flat_map(|before| &before.payments) {
            self.trace.say(|| {
                let reference = written(earlier.provider_reference);
                let (name, generation) = (&earlier.payment.reference, earlier.generation);
                let before = self.provider.before[&reference];
                format!("{name} replaces generation {generation}, {reference}: {before:?}")
            });
        }
        if !self.before.is_empty() {
            self.provider.remember_replaced(self.clock.elapsed() + LONG_BEFORE);
            sleep(LONG_BEFORE).await;
        }
    }

    /// What befalls the machine while no process lives.
    pub(crate) async fn between_lives(&mut self, life: u64) {
        let chance = Arc::clone(&self.chance);
        let strikes = |is_there: bool| is_there && chance.one_in(3);
        if strikes(self.faults.clock_jumps) {
            let millis = DAY_MILLIS * if chance.one_in(2) { 1 } else { -1 };
            self.trace.say(|| format!("the wall clock jumps by {millis} ms"));
            self.clock.jump(millis);
        }
        if self.faults.clock_stands {
            self.clock.stand_still(chance.one_in(2));
        }
        if strikes(self.faults.off_for_a_day) {
            let hours = 20 + chance.below(10);
            self.trace.say(|| format!("the machine is off for {hours} hours"));
            sleep(Duration::from_secs(hours * 3600)).await;
        }
        let has_run = self.directory.has(RUN);
        if strikes(self.faults.directory_lost) && has_run {
            self.lose_records();
        }
        if self.faults.backup_restored {
            if chance.one_in(2) {
                self.directory.copy(RUN);
            } else if self.directory.restore(RUN) {
                self.trace.say(|| "an older copy of the run is put back".to_owned());
                self.records_are_whole = false;
            }
        }
        if strikes(self.faults.other_run) && self.directory.has(RUN) && self.keeps_claims() {
            self.try_other_run().await;
        }
        if strikes(self.faults.other_provider) && self.directory.has(RUN) {
            let other = GatewayHost::new("rehearsal");
            let opened = self.directory.open(Wanted { host: &other, ..self.wanted(false) });
            let refused = opened.err();
            let is_sound = matches!(refused, Some(Refused::OtherProvider | Refused::Disk));
            assert!(is_sound, "opened at another provider: {refused:?}");
            self.trace.say(|| "the same run at another provider is refused".to_owned());
        }
        // Where records can be lost unseen, what was sent before that can be called cancelled: that is not promised.
        let can_tell = !self.provider.unique && self.directory.has(RUN);
        if strikes(self.faults.cancelled) && can_tell && self.cancelled_ms.is_none() {
            self.cancel().await;
        }
        if life > 1 {
            sleep(chance.millis(5000)).await;
        }
    }

    /// A person stops what was not sent.
    async fn cancel(&mut self) {
        let Ok(records) = self.directory.open(self.wanted(false)) else { return };
        let group = vec![Entry::Run(RunEvent::CancelRequested)];
        self.is_cancelled = true;
        // Where the power goes, no word comes.
        let written = timeout(Duration::from_secs(1), records.commit(group)).await;
        drop(records);
        self.process_ended();
        let is_written = matches!(written, Ok(Ok(_)));
        self.trace.say(|| format!("a person cancels the run, and it is on record: {is_written}"));
        if is_written {
            self.cancelled_ms = Some(u64::try_from(self.clock.elapsed().as_millis()).unwrap());
        }
    }

    fn lose_records(&mut self) {
        // Of a run whose claims are still there, the loss shows by itself.
        let all = self.options.broken.is_some() || self.chance.one_in(2);
        self.loss_is_known = !(all && self.faults.loss_unnoticed);
        let known = if self.loss_is_known { "" } else { ", and nobody knows" };
        let what = if all { "the state directory is lost" } else { "the run's records are lost" };
        self.trace.say(|| format!("{what}{known}"));
        self.directory.lose(RUN, all);
        if all {
            self.grants.lose();
        }
        self.records_are_whole = false;
    }

    /// Of a run that got no further than its first record, a disk that fails can lose the claims; as it sent nothing, whoever
    /// comes first has them then.
    fn keeps_claims(&self) -> bool {
        let progress = self.directory.progress(RUN, self.plan.payments.len());
        let is_begun = progress.iter().any(|payment| payment.standing.state != State::Planned);
        self.options.records != Records::Failing || is_begun
    }

    /// A run of other references and some of these.
    async fn try_other_run(&self) {
        let count = u64::try_from(self.plan.payments.len()).unwrap();
        let generation = self.plan.payments[0].generation.number();
        if self.options.broken == Some(Broken::SharedReferences) {
            // Of these only: whatever it pays is planned.
            let other = Arc::new(planned(count / 2..count, generation, self.payees, &self.chance));
            self.trace.say(|| "another run has some of these references too".to_owned());
            self.run_elsewhere(&other, self.chance.millis(4000)).await;
            return;
        }
        let other = Arc::new(planned(count / 2..count + 3, generation, self.payees, &self.chance));
        let opened =
            self.directory.open(Wanted { run: "july", plan: &other, ..self.wanted(false) });
        let refused = opened.err();
        let is_sound =
            matches!(refused, Some(Refused::Claimed | Refused::ClaimsMissing | Refused::Disk));
        assert!(is_sound, "two runs hold one reference: {refused:?}");
        self.trace.say(|| format!("another run wants some of these references: {refused:?}"));
    }

    /// How the run is asked for.
    pub(crate) fn wanted(&self, adopted: bool) -> Wanted<'_> {
        Wanted { run: RUN, host: &self.provider.host, plan: &self.plan, adopted }
    }

    pub(crate) fn gateway(&self) -> Arc<dyn Gateway> {
        let (provider, trace) = (Arc::clone(&self.provider), Arc::clone(&self.trace));
        let stalls = Arc::clone(&self.stalls);
        let inner: Arc<dyn Gateway> = Arc::new(Line { provider, trace, stalls });
        match self.options.broken {
            Some(broken) => Arc::new(BrokenGateway { inner, broken, answers: Mutex::default() }),
            None => inner,
        }
    }

    /// Notes how a process left the records.
    pub(crate) fn note_left(&mut self, life: u64) {
        if !self.records_are_whole {
            return;
        }
        let paid = self.provider.ledger().into_iter().map(|execution| execution.payment.reference);
        let paid: BTreeSet<String> = paid.collect();
        let journal = words(&self.directory.progress(RUN, self.plan.payments.len()));
        self.left.push(Left { process: format!("life {life}"), journal, paid });
    }
}
