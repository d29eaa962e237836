//! Paying anew what finally did not pay: a new plan, next generation, linked to the old (I2).

use crate::job::{Choices, Payer, Prepared, refuse_invalid};
use crate::{JobError, Refusal, Report, ReportLine, RunState};
use payrun_core::{Generation, Reference, RunKey, Settlement, SourceFile, State, UnixMillis};
use payrun_csv::Validated;
use payrun_exec::Predecessor;
use payrun_plan::{Entrant, PlanRequest, plan};
use payrun_ports::LookUp;
use payrun_store::RunIdentity;
use std::collections::{BTreeMap, HashMap};
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
    /// Each is read again at the provider now, and once more just before its new intent. Rows of `corrected` that were
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
            let prepared = self.take_up(&identity, account)?;
            return Ok(PreparedRetry { prepared, left_out: BTreeMap::new() });
        }
        if let Some(file) = corrected {
            refuse_invalid(file, choices)?;
        }
        if report.identity.account != account {
            return Err(Refusal::OtherAccount {
                run: run.clone(),
                begun_from: report.identity.account,
                this: account,
            }
            .into());
        }
        let (entrants, left_out) = self.entrants(&report, corrected, quarantine).await?;
        if entrants.is_empty() {
            if let Some(identity) = last {
                let prepared = self.take_up(&identity, account)?;
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
        let (mut key, mut last) = (next_key(run)?, None);
        while let Some(identity) = self.records.identity(&key)? {
            let of_this_run = identity.retry_of.as_ref() == Some(run);
            if of_this_run && self.records.report(&key)?.state() != RunState::Finished {
                break;
            }
            if of_this_run {
                last = Some(identity);
            }
            key = next_key(&key)?;
        }
        Ok((key, last))
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
    async fn entrants(
        &self,
        report: &Report,
        corrected: Option<&Validated>,
        quarantine: Quarantine,
    ) -> Result<(Vec<Entrant>, BTreeMap<String, u64>), JobError> {
        let mut left_out = BTreeMap::<String, u64>::new();
        let mut leave_out = |why: String| *left_out.entry(why).or_default() += 1;
        let mut unpaid = HashMap::<Reference, Entrant>::new();
        let mut taken = HashMap::<Reference, ()>::new();
        let retried = self.records.retried(&report.identity.run)?;
        let line = self.records.line(&report.identity.run)?;
        let mut order = Vec::new();
        for entry in report.lines() {
            let planned = entry.planned;
            let reference = planned.payment.reference.clone();
            taken.insert(reference.clone(), ());
            if let Some(other) = retried.get(&reference) {
                leave_out(format!("already in run {other}"));
                continue;
            }
            let before = line.get(&reference).map(Vec::as_slice).unwrap_or_default();
            match self.eligible(entry, before, quarantine).await? {
                Ok(generation) => {
                    let payment = planned.payment.clone();
                    order.push(reference.clone());
                    unpaid.insert(reference, Entrant { payment, generation });
                }
                Err(why) => leave_out(why),
            }
        }
        let Some(file) = corrected else {
            let entrants = order.iter().filter_map(|reference| unpaid.remove(reference)).collect();
            return Ok((entrants, left_out));
        };
        // Rows of the corrected file decide; what it leaves out is not paid, and what paid is not paid again.
        let mut entrants = Vec::new();
        for payment in &file.payments {
            match unpaid.remove(&payment.reference) {
                Some(entrant) => {
                    entrants
                        .push(Entrant { payment: payment.clone(), generation: entrant.generation });
                }
                None if taken.contains_key(&payment.reference)
                    || retried.contains_key(&payment.reference) => {}
                // What this run itself was made of: the row was paid there, or is still to be retried from there.
                None if line.contains_key(&payment.reference) => {
                    leave_out("of an earlier run".to_owned());
                }
                None => {
                    entrants
                        .push(Entrant { payment: payment.clone(), generation: Generation::FIRST });
                }
            }
        }
        if !unpaid.is_empty() {
            let count = u64::try_from(unpaid.len()).unwrap_or(u64::MAX);
            left_out.insert("not in the corrected file".to_owned(), count);
        }
        Ok((entrants, left_out))
    }

    /// The generation under which a payment may be paid anew; else why not.
    async fn eligible(
        &self,
        entry: ReportLine<'_>,
        generations: &[Predecessor],
        quarantine: Quarantine,
    ) -> Result<Result<Generation, String>, JobError> {
        let ReportLine { planned, progress, .. } = entry;
        let state = progress.standing.state;
        if !matches!(state, State::Failed | State::Rejected | State::Cancelled) {
            return Ok(Err(state.word().replace('_', " ")));
        }
        let resting = |rest: Duration| !rested(progress.changed_at, self.clock.wall(), rest);
        let in_quarantine =
            || Ok(Err("did not pay, and may still be corrected: in quarantine".to_owned()));
        let rest = if progress.correctable { quarantine.correctable } else { quarantine.failed };
        if state != State::Cancelled && resting(rest) {
            return in_quarantine();
        }
        // Any generation may have been corrected meanwhile, not only the latest.
        for earlier in generations {
            let (payment, wallet) = (&earlier.payment, &earlier.wallet);
            let look_up = async || self.gateway.look_up(payment, wallet, None).await;
            let answer = self.patiently(look_up).await?;
            if let Err(why) = earlier.unpaid(&answer) {
                return Ok(Err(format!("{} may have been paid: {why}", planned.payment.reference)));
            }
            // Its word now may be another than the one on record.
            let correctable = Settlement::Failed { correctable: true };
            if matches!(answer, LookUp::Found(word, _) if word == correctable)
                && resting(quarantine.correctable)
            {
                return in_quarantine();
            }
        }
        Ok(planned.generation.next().ok_or_else(|| "paid anew too often".to_owned()))
    }
}

/// A clock that went back proves no rest.
fn rested(since: Option<UnixMillis>, now: UnixMillis, rest: Duration) -> bool {
    since.and_then(|since| now.since(since)).is_some_and(|age| age >= rest)
}

/// `june` → `june.retry-1` → `june.retry-2`.
fn next_key(run: &RunKey) -> Result<RunKey, JobError> {
    let (stem, number) = match run.as_str().rsplit_once(".retry-") {
        Some((stem, digits)) => match digits.parse::<u32>() {
            Ok(number) => (stem, number.saturating_add(1)),
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
    }

    #[test]
    fn a_clock_that_went_back_proves_no_rest() {
        let hour = Duration::from_secs(3600);
        for (since, now, ok) in [(0, 3_600_000, true), (0, 3_599_999, false), (10, 9, false)] {
            assert_eq!(rested(Some(UnixMillis(since)), UnixMillis(now), hour), ok);
        }
        assert!(!rested(None, UnixMillis(9), Duration::ZERO));
    }
}
