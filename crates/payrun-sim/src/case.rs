//! One seed from its beginning to its end, and what is told to the auditor.

use crate::audit::{Case, Limit};
use crate::faults::Faults;
use crate::options::Options;
use crate::payroll::plain;
use crate::process::how;
use crate::provider::written;
use crate::records::words;
use crate::world::{RUN, World};
use payrun_core::{Progress, Reference};
use payrun_exec::{Books, Finish};
use payrun_ports::{RateLimit, RateLimits};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// After this the provider has said its last word on everything, and no wait is left that it asked for: a process that waits
/// for longer than for settlement ends without a question.
const CALM: Duration = Duration::from_secs(1500);

/// A process waits so long for an answer before it ends; some of that may be over when the provider lets the first call fail.
const PATIENCE_MS: u64 = 25_000;

/// The number of the first of the processes that live once nothing is wrong any more.
const LAST: u64 = 100;

/// Runs that take longer, once nothing is wrong any more, do not end.
const PATIENCE: Duration = Duration::from_secs(48 * 3600);

/// Runs a seed to its end. The same options are the same case, to the last line of its trace.
pub fn case(options: Options) -> Case {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::drawn(options);
        world.begin().await;
        for life in 1..=world.chance.below(8).max(u64::from(options.killed_at.is_some())) {
            world.between_lives(life).await;
            world.live(life).await;
        }
        world.end().await
    })
}

impl World {
    /// Once nothing is wrong any more: goes on until the run is over.
    async fn end(mut self) -> Case {
        let drawn = std::mem::take(&mut self.faults);
        self.provider.set(self.faults, true, None);
        self.provider.ban(None);
        self.provider.reachable(true);
        self.clock.stand_still(false);
        self.directory.calm();
        self.provider.remembers(true);
        self.trace.say(|| "from here on nothing goes wrong".to_owned());
        let mut finished = false;
        // The second time asks again about what was corrected after the first.
        for last in 0..2 {
            sleep(CALM).await;
            self.provider.process_begins(LAST + last);
            let Some(records) = self.taken_up(self.faults).await else { continue };
            let watcher = self.watch();
            let engine = self.engine(&self.plan, records, watcher);
            self.provider.run_begins();
            let ended = timeout(PATIENCE, engine.run(pending())).await.ok();
            drop(engine);
            finished = matches!(&ended, Some(Ok(Finish { stopped: None, .. })));
            self.trace.say(|| format!("the last process ends: {}", how(&ended)));
            self.note_end(LAST + last, &ended);
            self.process_ended();
        }
        self.judged(finished, drawn)
    }

    fn judged(mut self, finished: bool, drawn: Faults) -> Case {
        let progress = self.directory.progress(RUN, self.plan.payments.len());
        self.bugs.extend(self.directory.findings(RUN));
        let reported = self.watcher.as_ref().map(|watcher| watcher.states.lock().unwrap().clone());
        let window = self.provider.rules().resend_window;
        let is_over = self.clock.elapsed() > window;
        let clock_is_told = !drawn.clock_jumps && !drawn.clock_stands;
        let can_tell = clock_is_told && self.records_are_whole;
        Case {
            planned: plain(&self.plan),
            requests: self.provider.requests(),
            ledger: self.provider.ledger(),
            words: self.provider.words(),
            refused: self.provider.refused(),
            reported: reported.unwrap_or_default(),
            journal: words(&progress),
            books: self.books(&progress),
            left: std::mem::take(&mut self.left),
            records_are_whole: self.records_are_whole,
            bugs: std::mem::take(&mut self.bugs),
            window_ms: can_tell.then(|| u64::try_from(window.as_millis()).unwrap()),
            is_cancelled: self.is_cancelled,
            may_be_late: !clock_is_told || drawn.off_for_a_day || is_over,
            cancelled_ms: self.cancelled_ms.filter(|_| self.records_are_whole),
            bans: self.provider.bans(),
            same_payee_gap_ms: u64::try_from(self.provider.same_payee_gap.as_millis()).unwrap(),
            calls: self.provider.calls(),
            waits: self.provider.waits(),
            leaves: self.grants.leaves(),
            losses: self.grants.losses(),
            heard: self.provider.all_heard(),
            ends: std::mem::take(&mut self.ends),
            is_answered_in_order: !drawn.freezes,
            patience_ms: (!drawn.forgets).then_some(PATIENCE_MS),
            limits: self.limits(),
            finished,
            replaces: self.replaces(),
            corrected: self.provider.corrected(),
            differed: self.provider.differed(),
            unrested: self.unrested(),
            questions: self.provider.questions(),
            callbacks: self.provider.callbacks(),
            steps: self.steps,
            trace: self.trace.take(),
        }
    }

    /// By the reference of each payment those that it replaces, the first one first.
    fn replaces(&self) -> BTreeMap<String, Vec<String>> {
        let of = |payment: &Reference| {
            let all = self.before.iter().flat_map(|before| &before.payments);
            let earlier = all.filter(|earlier| earlier.payment.reference == *payment);
            earlier.map(|earlier| written(earlier.provider_reference)).collect::<Vec<_>>()
        };
        let all = self.plan.payments.iter();
        all.map(|planned| (written(planned.provider_reference), of(&planned.payment.reference)))
            .filter(|(_, replaced)| !replaced.is_empty())
            .collect()
    }

    fn unrested(&self) -> BTreeSet<String> {
        let all = self.provider.before.iter();
        let unrested = all.filter(|(_, before)| !before.has_rested);
        unrested.map(|(reference, _)| reference.clone()).collect()
    }

    /// The report's totals, as text.
    fn books(&self, progress: &[Progress]) -> BTreeMap<(String, String), (u64, String)> {
        let books = Books::of(&self.plan, progress).unwrap();
        let wallets = books.wallets().flat_map(|(wallet, _, states)| {
            states.iter().map(move |(state, total)| {
                let at = (wallet.to_string(), state.word().to_owned());
                (at, (total.count, total.sum.text()))
            })
        });
        wallets.collect()
    }

    fn limits(&self) -> Vec<Limit> {
        let limit = |class: &'static str, limits: &[RateLimit]| {
            let of = |limit: &RateLimit| Limit {
                class,
                count: usize::try_from(limit.count.get()).unwrap(),
                per_ms: u64::try_from(limit.per.as_millis()).unwrap(),
            };
            limits.iter().map(of).collect::<Vec<_>>()
        };
        let RateLimits { money, read, all, .. } = &self.provider.limits;
        [limit("money", money), limit("read", read), limit("all", all)].concat()
    }
}
