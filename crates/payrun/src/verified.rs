//! What can be proven of a run without its provider: its records, its plan file, its books.

use crate::JobError;
use payrun_core::{Currency, Plan, State, SumError, Total};
use payrun_exec::Books;
use payrun_store::{Finding, Part, RunSnapshot, Verification};
use std::collections::BTreeMap;

/// What was found in a run.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Its records, with everything that is wrong, with the plan file and the books too.
    pub records: Verification,
    /// What the plan pays in each currency, beside what the journal says became of it. Empty where the plan file or the
    /// journal cannot be read.
    pub balances: Vec<Balance>,
}

/// One currency of a run's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Which.
    pub currency: Currency,
    /// What the plan pays.
    pub planned: Total,
    /// What is in each state; states without payments are left out.
    pub states: BTreeMap<State, Total>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.records.is_sound()
    }

    /// Holds the plan file against its digest in the journal, and the books against the plan (I5, I6).
    pub(crate) fn of(
        mut records: Verification,
        plan: Result<std::sync::Arc<Plan>, JobError>,
        snapshot: Option<RunSnapshot>,
    ) -> Self {
        let mut balances = Vec::new();
        let plan = plan.map_err(|error| error.to_string());
        match (plan, snapshot) {
            (Err(why), _) => records.findings.push(Finding::new(Part::Plan, why)),
            (Ok(plan), Some(snapshot)) => {
                let wrong = |what| Finding::new(Part::Plan, what);
                records.findings.extend(others(&plan, &snapshot).map(wrong));
                match balances_of(&plan, &snapshot) {
                    Ok(found) => balances = found,
                    Err(error) => records.findings.push(Finding::new(Part::Run, error.to_string())),
                }
            }
            // Why it cannot be read is a finding already.
            (Ok(_), None) => {}
        }
        let uneven = balances.iter().filter(|balance| !balance.holds().unwrap_or(false));
        records.findings.extend(uneven.map(|balance| {
            let what = format!("the books do not balance in {}", balance.currency);
            Finding::new(Part::Run, what)
        }));
        Self { records, balances }
    }
}

impl Balance {
    /// Whether count and sum of all states together are the plan's (I5).
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly.
    pub fn holds(&self) -> Result<bool, SumError> {
        let mut booked = Total { count: 0, sum: payrun_core::Amount::zero(self.currency) };
        for total in self.states.values() {
            booked.sum = booked.sum.checked_add(total.sum)?;
            booked.count += total.count;
        }
        Ok(booked == self.planned)
    }
}

/// What the plan says otherwise than the run's first record.
fn others(plan: &Plan, snapshot: &RunSnapshot) -> impl Iterator<Item = String> {
    let identity = &snapshot.identity;
    let pays = u32::try_from(plan.payments.len()).unwrap_or(u32::MAX);
    let of = [
        (plan.organisation != identity.organisation, "organisation"),
        (plan.source.sha256 != identity.source, "payment file"),
        (plan.retry_of != identity.retry_of, "run that is paid anew"),
        (pays != identity.payments, "number of payments"),
    ];
    let other = of.into_iter().filter(|(other, _)| *other);
    other.map(|(_, what)| format!("plan and journal differ in the {what}"))
}

/// What the journal holds of a payment counts; what it does not hold is not made up.
fn balances_of(plan: &Plan, snapshot: &RunSnapshot) -> Result<Vec<Balance>, SumError> {
    let mut states = Books::of(plan, &snapshot.progress)?.currencies()?;
    let balance = |(currency, planned)| {
        let states = states.remove(&currency).unwrap_or_default();
        Balance { currency, planned, states }
    };
    Ok(plan.totals()?.iter().map(balance).collect())
}
