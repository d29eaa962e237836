//! The report as JSON, in the shape that scripts rely on.

use super::{Report, ReportLine};
use crate::JobError;
use payrun_core::{Currency, PaymentIndex, RunKey, State, Total};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Shape<'a> {
    run: &'a str,
    digest: String,
    gateway: &'a str,
    account: &'a str,
    state: &'static str,
    totals: BTreeMap<&'static str, States>,
    wallets: BTreeMap<&'a str, WalletShape>,
    /// What another run of the same line paid, too.
    paid_twice: Vec<TwiceShape<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payments: Option<Vec<PaymentShape<'a>>>,
}

type States = BTreeMap<&'static str, TotalShape>;

#[derive(Serialize)]
struct TotalShape {
    count: u64,
    sum: String,
}

#[derive(Serialize)]
struct WalletShape {
    currency: &'static str,
    states: States,
}

#[derive(Serialize)]
struct TwiceShape<'a> {
    row: u64,
    reference: &'a str,
    run: &'a str,
}

#[derive(Serialize)]
struct PaymentShape<'a> {
    row: u64,
    reference: &'a str,
    provider_reference: String,
    generation: u32,
    wallet: &'a str,
    amount: String,
    currency: &'static str,
    state: &'static str,
    attempts: u32,
    reason: Option<&'a str>,
}

impl Report {
    /// The report as one JSON object; with `payments`, every payment in the order of the plan.
    ///
    /// Sums are decimal text. No names, phones or accounts.
    ///
    /// # Errors
    /// [`JobError::Sum`] if a sum cannot be held exactly.
    pub fn to_json(&self, payments: bool) -> Result<serde_json::Value, JobError> {
        let currency = |(currency, states): (Currency, _)| (currency.code(), states_shape(&states));
        let shape = Shape {
            run: self.identity.run.as_str(),
            digest: self.identity.plan.to_string(),
            gateway: self.identity.account.gateway.as_str(),
            account: self.identity.account.id.as_str(),
            state: self.state().word(),
            totals: self.books.currencies()?.into_iter().map(currency).collect(),
            wallets: self
                .books
                .wallets()
                .map(|(id, currency, states)| {
                    let shape =
                        WalletShape { currency: currency.code(), states: states_shape(states) };
                    (id.as_str(), shape)
                })
                .collect(),
            paid_twice: self
                .paid_twice
                .iter()
                .filter_map(|twice| self.twice_shape(twice))
                .collect(),
            payments: payments.then(|| self.lines().map(payment_shape).collect()),
        };
        serde_json::to_value(shape).map_err(|error| JobError::Bug(error.to_string()))
    }

    fn twice_shape<'a>(
        &'a self,
        (index, run): &'a (PaymentIndex, RunKey),
    ) -> Option<TwiceShape<'a>> {
        let planned = self.plan.payment(*index)?;
        let reference = planned.payment.reference.as_str();
        Some(TwiceShape { row: planned.payment.row, reference, run: run.as_str() })
    }
}

fn states_shape(states: &BTreeMap<State, Total>) -> States {
    let shape = |total: &Total| TotalShape { count: total.count, sum: total.sum.text() };
    states.iter().map(|(state, total)| (state.word(), shape(total))).collect()
}

fn payment_shape(line: ReportLine<'_>) -> PaymentShape<'_> {
    let ReportLine { planned, wallet, progress } = line;
    PaymentShape {
        row: planned.payment.row,
        reference: planned.payment.reference.as_str(),
        provider_reference: planned.provider_reference.to_string(),
        generation: planned.generation.number(),
        wallet: wallet.as_str(),
        amount: planned.payment.amount.text(),
        currency: planned.payment.amount.currency().code(),
        state: progress.standing.state.word(),
        attempts: progress.standing.attempts,
        reason: progress.reason.as_deref(),
    }
}
