//! Paying anew what finally did not pay: a new plan, next generation, linked to the old (I2).

use crate::job::{Choices, Payer, Prepared, refuse_invalid, same_account};
use crate::records::refuse_copy;
use crate::{JobError, Records, Refusal, Report, ReportLine};
use payrun_core::{
    Generation, PlannedPayment, Progress, Reference, RunKey, SourceFile, State, UnixMillis,
};
use payrun_csv::Validated;
use payrun_exec::{Predecessor, SUCCESSOR_KNOWN, successors};
use payrun_plan::{Entrant, PlanRequest, plan};
use payrun_ports::{CallError, LookUp};
use payrun_store::RunIdentity;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How long a payment that did not pay rests before it may be paid anew, since a late success exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// After the provider's final word.
    pub failed: Duration,
    /// After a word that the provider documents as correctable: cancelled, expired.
    pub correctable: Duration,
}

impl Default for Quarantine {
    /// 1 hour; 24 hours for what may still be corrected, the time after which Kotani Pay gives up on a payment.
    fn default() -> Self {
        Self { failed: Duration::from_secs(3600), correctable: Duration::from_secs(24 * 3600) }
    }
}

impl Quarantine {
    /// None: for rehearsals.
    pub const NONE: Self = Self { failed: Duration::ZERO, correctable: Duration::ZERO };
}

/// A new run of what finally did not pay, and what was left out of it.
#[derive(Debug, Clone)]
pub struct PreparedRetry {
    /// The new run.
    pub prepared: Prepared,
    /// How many payments were left out, by reason.
    pub left_out: BTreeMap<String, u64>,
}

impl Payer {
    /// Plans the payments of `run` that finally did not pay, as they were or as `corrected` says. Sends nothing.
    ///
    /// Each is read again at the provider now, with every later generation that it may have had, and once more just before
    /// its new intent. Rows of `corrected` that were
    /// never a payment of `run`, nor of a run that it descends from, join in for the first time; rows that paid, or may
    /// have, are left out and counted.
    ///
    /// # Errors
    /// [`JobError`]; nothing was sent.
    pub async fn prepare_retry(
        &self,
        run: &RunKey,
        corrected: Option<&Validated>,
        quarantine: Quarantine,
        choices: &Choices,
    ) -> Result<PreparedRetry, JobError> {
        let report = self.records.report(run)?;
        refuse_copy(run, &report.identity)?;
        let account = self.account().await?;
        let source =
            corrected.map_or_else(|| report.plan.source.clone(), |file| file.source.clone());
        let (key, last) = self.name(run, choices)?;
        if let Some(identity) = self.records.identity(&key)? {
            if identity.source != source.sha256 || identity.retry_of.as_ref() != Some(run) {
                return Err(Refusal::OtherFile {
                    run: key,
                    begun_with: identity.source_name,
                    begun_hash: identity.source.short(),
                }
                .into());
            }
            let prepared = self.take_up(&identity, account, choices)?;
            return Ok(PreparedRetry { prepared, left_out: BTreeMap::new() });
        }
        if let Some(file) = corrected {
            refuse_invalid(file, choices)?;
        }
        same_account(&report.identity, &account)?;
        let joining = self.joining(&report, corrected, (quarantine, &key), choices).await?;
        let Joining { entrants, left_out, leaves_open, .. } = joining;
        if entrants.is_empty() {
            // Of another file it would tell what was not asked.
            let told = |last: &RunIdentity| corrected.is_none() || last.source == source.sha256;
            if let Some(identity) = last.filter(|last| !leaves_open && told(last)) {
                let prepared = self.take_up(&identity, account, choices)?;
                return Ok(PreparedRetry { prepared, left_out });
            }
            return Err(Refusal::NothingToRetry { run: run.clone(), why: list(&left_out) }.into());
        }
        let prepared = self.plan_retry(run, source, entrants, (key, account), choices).await?;
        Ok(PreparedRetry { prepared, left_out })
    }

    /// The new run's name, and the last finished one before it. Without a choice: the next number that is free, or
    /// whose run has something left to do.
    fn name(
        &self,
        run: &RunKey,
        choices: &Choices,
    ) -> Result<(RunKey, Option<RunIdentity>), JobError> {
        if let Some(key) = &choices.key {
            return Ok((key.clone(), None));
        }
        let names = self.names(choices.adopt)?;
        let (mut key, mut there) = names.after(run)?;
        let (mut last, mut is_open) = (None, false);
        while let Some(identity) = there {
            if identity.retry_of.as_ref() == Some(run)
                && let Ok(report) = self.records.report_alone(&key)
            {
                if report.goes_on() {
                    break;
                }
                // One that waits for the provider or a person, or did not pay all, is told of before one that did.
                if !is_open {
                    let all = report.lines().map(|line| line.planned.payment.reference.clone());
                    let generations = Generation::LAST.number();
                    is_open = !self.is_all_paid(&report, &all.collect(), generations)?;
                    last = Some(identity);
                }
            }
            (key, there) = names.after(&key)?;
        }
        Ok((key, last))
    }

    /// Whether all of these payments of a run are paid, by it or by those that took them from it, over so many generations and as
    /// far as can be read here.
    fn is_all_paid(
        &self,
        report: &Report,
        wanted: &HashSet<Reference>,
        generations: u32,
    ) -> Result<bool, JobError> {
        let held = report.lines().filter(|line| wanted.contains(&line.planned.payment.reference));
        let (mut count, mut unpaid) = (0, Vec::new());
        for line in held {
            count += 1;
            if line.progress.standing.state != State::Paid {
                unpaid.push(&line.planned.payment.reference);
            }
        }
        if unpaid.is_empty() {
            return Ok(count == wanted.len());
        }
        // Whoever took one holds a later generation of it.
        let Some(generations) = generations.checked_sub(1) else { return Ok(false) };
        let retried = self.retried(report)?;
        let mut takers = HashMap::<&RunKey, HashSet<Reference>>::new();
        for reference in unpaid {
            let Some(taker) = retried.get(reference) else { return Ok(false) };
            takers.entry(taker).or_default().insert(reference.clone());
        }
        for (taker, taken) in takers {
            let Ok(report) = self.records.report_alone(taker) else { return Ok(false) };
            if !self.is_all_paid(&report, &taken, generations)? {
                return Ok(false);
            }
        }
        Ok(count == wanted.len())
    }

    /// The names that retries have or may take. Whoever adopts may take that of one that is gone.
    pub(crate) fn names(&self, adopt: bool) -> Result<Names<'_>, JobError> {
        let lost = if adopt { Vec::new() } else { self.records.lost_runs()? };
        Ok(Names { records: &self.records, lost })
    }

    async fn plan_retry(
        &self,
        run: &RunKey,
        source: SourceFile,
        entrants: Vec<Entrant>,
        (key, account): (RunKey, payrun_core::Account),
        choices: &Choices,
    ) -> Result<Prepared, JobError> {
        let wallets = self.wallets().await?;
        let plan = plan(PlanRequest {
            organisation: self.records.organisation().clone(),
            source,
            retry_of: Some(run.clone()),
            entrants,
            wallets: &wallets,
            policy: choices.policy,
        })?;
        self.store_plan(plan, key, account, &wallets, choices).await
    }

    /// Who joins the new run, and why others do not.
    async fn joining(
        &self,
        report: &Report,
        corrected: Option<&Validated>,
        (quarantine, key): (Quarantine, &RunKey),
        choices: &Choices,
    ) -> Result<Joining, JobError> {
        let mut joining = Joining::default();
        let mut unpaid = HashMap::<Reference, Entrant>::new();
        let mut taken = HashSet::<Reference>::new();
        let retried = self.retried(report)?;
        let RunIdentity { run, account, .. } = &report.identity;
        let line = self.records.line(run, account, self.clock.wall()).whole()?;
        let rows = corrected.map(|file| {
            file.payments.iter().map(|payment| &payment.reference).collect::<HashSet<_>>()
        });
        let not_in_the_file = match corrected {
            Some(file) if file.rejected_rows > 0 => {
                "not among the valid rows of the corrected file"
            }
            Some(_) | None => "not in the corrected file",
        };
        // What is refused is answered for that payment, and keeps neither what joins nor what is adopted.
        let (mut in_a_row, mut is_answered) = (0, false);
        let (mut refused, mut silent) = (None, None);
        for entry in report.lines() {
            let planned = entry.planned;
            let reference = planned.payment.reference.clone();
            taken.insert(reference.clone());
            if let Some(other) = retried.get(&reference) {
                let is_adopted =
                    choices.adopt && other == key && !self.records.state.has_run(other);
                if let Some(generation) = planned.generation.next().filter(|_| is_adopted) {
                    joining.take_over(planned, generation, &mut unpaid);
                } else {
                    joining.leave_to(other, &self.records);
                }
                continue;
            }
            let state = entry.progress.standing.state;
            let is_known_anew = state == State::InDoubt
                && entry.progress.reason.as_deref() == Some(SUCCESSOR_KNOWN);
            if choices.adopt
                && is_known_anew
                && rows.as_ref().is_none_or(|rows| rows.contains(&reference))
                && let Some(generation) = planned.generation.next()
            {
                joining.take_over(planned, generation, &mut unpaid);
                continue;
            }
            if !matches!(state, State::Failed | State::Rejected | State::Cancelled) {
                joining.leave_out(state.word().replace('_', " "));
                continue;
            }
            if rows.as_ref().is_some_and(|rows| !rows.contains(&reference)) {
                joining.leave_open(not_in_the_file.to_owned());
                continue;
            }
            if self.rests(entry, quarantine) {
                joining.leave_open(IN_QUARANTINE.to_owned());
                continue;
            }
            let before = line.get(&reference).map(Vec::as_slice).unwrap_or_default();
            let answer = self.eligible(entry, before, quarantine, choices).await;
            match answer {
                Ok(Ok(generation)) => {
                    joining.order.push(reference.clone());
                    unpaid.insert(
                        reference,
                        Entrant { payment: planned.payment.clone(), generation },
                    );
                }
                Ok(Err(why)) => joining.leave_open(why),
                // One that nothing can be read of keeps no other from being paid.
                Err(error @ JobError::Gateway(CallError::Refused(_))) => {
                    joining.leave_open(NO_ANSWER.to_owned());
                    (in_a_row, refused) = (0, Some(error));
                    continue;
                }
                Err(
                    error @ JobError::Gateway(CallError::Unreadable(_) | CallError::Timeout(_)),
                ) if in_a_row < UNANSWERED_MAX => {
                    joining.leave_open(NO_ANSWER.to_owned());
                    (in_a_row, silent) = (in_a_row + 1, Some(error));
                    continue;
                }
                Err(error) => return Err(error),
            }
            (in_a_row, is_answered) = (0, true);
        }
        // Where nothing at all was answered, it is not those payments.
        if let Some(error) = silent.filter(|_| !is_answered && refused.is_none()) {
            return Err(error);
        }
        let unanswered = refused.filter(|_| !is_answered);
        let pays = |joining: Joining| match unanswered {
            Some(error) if joining.entrants.is_empty() => Err(error),
            Some(_) | None => Ok(joining),
        };
        let Some(file) = corrected else {
            let order = std::mem::take(&mut joining.order);
            joining.entrants.extend(order.iter().filter_map(|reference| unpaid.remove(reference)));
            return pays(joining);
        };
        // Rows of the corrected file decide; what paid is not paid again.
        for payment in &file.payments {
            let reference = &payment.reference;
            let generation = match unpaid.remove(reference) {
                Some(entrant) => entrant.generation,
                None if taken.contains(reference) => continue,
                // It joined an earlier retry for the first time.
                None if let Some(other) = retried.get(reference) => {
                    joining.leave_to(other, &self.records);
                    continue;
                }
                // What this run itself was made of: the row was paid there, or is still to be retried from there.
                None if line.contains_key(reference) => {
                    joining.leave_out("of an earlier run".to_owned());
                    continue;
                }
                None => Generation::FIRST,
            };
            joining.entrants.push(Entrant { payment: payment.clone(), generation });
        }
        pays(joining)
    }

    /// What did not pay in this run and another run holds already, by its reference.
    fn retried(&self, report: &Report) -> Result<HashMap<Reference, RunKey>, JobError> {
        let (plan, mut retried) = (&report.plan, self.records.retried(&report.identity.run)?);
        let (superseded, _) = self.records.superseded(plan, plan.indices())?;
        for (index, run) in superseded {
            if let Some(planned) = plan.payment(index) {
                retried.entry(planned.payment.reference.clone()).or_insert(run);
            }
        }
        Ok(retried)
    }

    /// Whether it did not pay so lately that it may still be corrected.
    fn rests(&self, entry: ReportLine<'_>, quarantine: Quarantine) -> bool {
        let Progress { standing, changed_at, correctable, .. } = *entry.progress;
        let rest = if correctable { quarantine.correctable } else { quarantine.failed };
        standing.state != State::Cancelled && !rested(changed_at, self.clock.wall(), rest)
    }

    /// The generation under which a payment may be paid anew; else why not.
    async fn eligible(
        &self,
        entry: ReportLine<'_>,
        generations: &[Predecessor],
        quarantine: Quarantine,
        choices: &Choices,
    ) -> Result<Result<Generation, String>, JobError> {
        let ReportLine { planned, progress, wallet } = entry;
        // Any generation may have been corrected meanwhile, not only the latest.
        for earlier in generations {
            let (payment, wallet) = (&earlier.payment, &earlier.wallet);
            let look_up = async || self.gateway.look_up(payment, wallet, None).await;
            let answer = self.patiently(look_up).await?;
            if let Err(why) = earlier.unpaid(&answer) {
                return Ok(Err(format!("may have been paid: {why}")));
            }
            // Its word now may be another than the one on record.
            if answer.is_correctable()
                && !rested(progress.changed_at, self.clock.wall(), quarantine.correctable)
            {
                return Ok(Err(IN_QUARANTINE.to_owned()));
            }
        }
        // Records that were lost or put back from an older copy do not tell of it. Whoever adopts takes over the one that would be
        // next, under the same reference; what came after that one is out of reach of this retry.
        let later = successors(planned, self.records.organisation());
        for later in later.skip(usize::from(choices.adopt)) {
            let look_up = async || self.gateway.look_up(&later, wallet, None).await;
            if self.patiently(look_up).await? != LookUp::NotFound {
                let number = later.generation;
                return Ok(Err(format!(
                    "the provider knows generation {number} of it, which is not on record here"
                )));
            }
        }
        Ok(planned.generation.next().ok_or_else(|| {
            let times = planned.generation;
            format!(
                "paid anew {times} times already: find out by hand that it was never paid, then pay it under a new reference"
            )
        }))
    }
}

const IN_QUARANTINE: &str = "did not pay, and may still be corrected: in quarantine";

const NO_ANSWER: &str = "the provider gives no answer about it";

/// The names of retries, one after the other.
pub(crate) struct Names<'a> {
    records: &'a Records,
    /// A run that is gone, such as one that was put away, keeps its name.
    lost: Vec<RunKey>,
}

impl Names<'_> {
    /// The next name after this one, and the run that has it, if one does. A run that cannot be read keeps its name as one that is
    /// gone does, and so does a copy of another run's folder.
    pub(crate) fn after(&self, key: &RunKey) -> Result<(RunKey, Option<RunIdentity>), JobError> {
        let mut key = next_key(key)?;
        loop {
            match self.records.identity(&key) {
                Ok(None) if !self.lost.contains(&key) => return Ok((key, None)),
                Ok(Some(identity)) if identity.run == key => return Ok((key, Some(identity))),
                Ok(_) | Err(_) => key = next_key(&key)?,
            }
        }
    }
}

/// So many payments in a row of which nothing can be read are left out; more, and it is the provider.
const UNANSWERED_MAX: u32 = 5;

/// Who joins a new run, and who does not.
#[derive(Default)]
struct Joining {
    entrants: Vec<Entrant>,
    /// How many were left out, by reason.
    left_out: BTreeMap<String, u64>,
    /// Some of them did not pay, and no other run has them.
    leaves_open: bool,
    /// Who did not pay, in the order of the plan.
    order: Vec<Reference>,
    /// What other runs hold, and why that is not known to be well, if it is not.
    holders: HashMap<RunKey, Option<&'static str>>,
}

impl Joining {
    fn leave_out(&mut self, why: String) {
        *self.left_out.entry(why).or_default() += 1;
    }

    /// Another run holds it. What became of it there is not known where that is gone or cannot be read.
    fn leave_to(&mut self, other: &RunKey, records: &Records) {
        let ill = *self.holders.entry(other.clone()).or_insert_with(|| {
            if !records.state.run_exists(other) {
                Some("whose records are gone")
            } else if !records.state.has_run(other) {
                Some("whose records are gone: in their place lies a copy of another run's")
            } else {
                records.report_alone(other).is_err().then_some("which cannot be read")
            }
        });
        match ill {
            Some(why) => self.leave_open(format!("already in run {other}, {why}")),
            None => self.leave_out(format!("already in run {other}")),
        }
    }

    /// Whatever became of what it replaces: what a run that is gone had is looked up before it is sent.
    fn take_over(
        &mut self,
        planned: &PlannedPayment,
        generation: Generation,
        unpaid: &mut HashMap<Reference, Entrant>,
    ) {
        let payment = planned.payment.clone();
        self.order.push(payment.reference.clone());
        unpaid.insert(payment.reference.clone(), Entrant { payment, generation });
    }

    fn leave_open(&mut self, why: String) {
        self.leaves_open = true;
        self.leave_out(why);
    }
}

/// A clock that went back proves no rest.
pub(crate) fn rested(since: Option<UnixMillis>, now: UnixMillis, rest: Duration) -> bool {
    rest.is_zero() || since.and_then(|since| now.since(since)).is_some_and(|age| age >= rest)
}

/// `june` → `june.retry-1` → `june.retry-2`.
fn next_key(run: &RunKey) -> Result<RunKey, JobError> {
    let highest =
        || JobError::NoSuch(format!("no number comes after that of '{run}': name the new run"));
    let (stem, number) = match run.as_str().rsplit_once(".retry-") {
        Some((stem, digits)) => match digits.parse::<u32>() {
            Ok(number) => (stem, number.checked_add(1).ok_or_else(highest)?),
            Err(_) => (run.as_str(), 1),
        },
        None => (run.as_str(), 1),
    };
    format!("{stem}.retry-{number}").parse().map_err(|_| {
        JobError::NoSuch(format!("'{run}' is too long to derive a name from: name the new run"))
    })
}

fn list(left_out: &BTreeMap<String, u64>) -> String {
    left_out.iter().map(|(why, count)| format!("{count} {why}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_is_named_after_its_run() {
        for (run, next) in [
            ("june", "june.retry-1"),
            ("june.retry-1", "june.retry-2"),
            ("a.retry-x", "a.retry-x.retry-1"),
        ] {
            assert_eq!(next_key(&run.parse().unwrap()).unwrap().as_str(), next);
        }
        assert!(next_key(&"a".repeat(128).parse().unwrap()).is_err());
        // No number is higher, and the same one again would be looked for without an end.
        let error = next_key(&"june.retry-4294967295".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("name the new run"), "{error}");
    }

    #[test]
    fn a_clock_that_went_back_proves_no_rest() {
        let hour = Duration::from_secs(3600);
        for (since, now, ok) in [(0, 3_600_000, true), (0, 3_599_999, false), (10, 9, false)] {
            assert_eq!(rested(Some(UnixMillis(since)), UnixMillis(now), hour), ok);
        }
        assert!(!rested(None, UnixMillis(9), hour));
        // Where none is asked for no clock is needed.
        assert!(rested(Some(UnixMillis(10)), UnixMillis(9), Duration::ZERO));
    }
}
