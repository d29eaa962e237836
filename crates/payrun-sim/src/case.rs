//! One seed from its beginning to its end, and what is told to the auditor.

use crate::audit::{Case, Limit};
use crate::faults::Faults;
use crate::options::Options;
use crate::payroll::plain;
use crate::process::how;
use crate::provider::written;
use crate::records::words;
use crate::world::{RUN, World};
use payrun_core::Progress;
use payrun_exec::{Books, Finish};
use payrun_ports::{Gateway as _, RateLimit, RateLimits};
use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// After this the provider has said its last word on everything.
const CALM: Duration = Duration::from_secs(600);

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
        self.clock.stand_still(false);
        self.directory.calm();
        self.provider.remembers(true);
        self.trace.say(|| "from here on nothing goes wrong".to_owned());
        let mut finished = false;
        // The second time asks again about what was corrected after the first.
        for _ in 0..2 {
            sleep(CALM).await;
            let Some(records) = self.taken_up(self.faults).await else { continue };
            let watcher = self.watch();
            let engine = self.engine(&self.plan, records, watcher);
            let ended = timeout(PATIENCE, engine.run(pending())).await.ok();
            drop(engine);
            finished = matches!(&ended, Some(Ok(Finish { stopped: None, .. })));
            self.trace.say(|| format!("the last process ends: {}", how(&ended)));
            self.note_end(&ended);
            self.process_ended();
        }
        self.judged(finished, drawn)
    }

    fn judged(mut self, finished: bool, drawn: Faults) -> Case {
        let progress = self.directory.progress(RUN, self.plan.payments.len());
        self.bugs.extend(self.directory.findings(RUN));
        let reported = self.watcher.as_ref().map(|watcher| watcher.states.lock().unwrap().clone());
        let replaces = self.before.iter().flat_map(|before| &before.payments);
        let pairs = self.plan.payments.iter().zip(replaces);
        let window = self.provider.rules().resend_window.as_millis();
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
            bugs: std::mem::take(&mut self.bugs),
            window_ms: can_tell.then(|| u64::try_from(window).unwrap()),
            is_cancelled: self.is_cancelled,
            may_be_late: !clock_is_told || drawn.off_for_a_day,
            cancelled_ms: self.cancelled_ms.filter(|_| self.records_are_whole),
            calls: self.provider.calls(),
            limits: self.limits(),
            finished,
            replaces: pairs
                .map(|(planned, before)| {
                    (written(planned.provider_reference), written(before.provider_reference))
                })
                .collect::<BTreeMap<_, _>>(),
            steps: self.steps,
            trace: self.trace.take(),
        }
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
