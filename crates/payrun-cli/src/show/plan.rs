//! A plan beside the balances that pay it.

use super::{Table, count};
use crate::args::show_pace;
use crate::place::{Place, quoted, short};
use crate::progress::length;
use crate::screen::wrap;
use payrun::{Plan, Prepared, Preview, RateLimit, Stage, SumError, Wallet, WalletPreview};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// How many batches are listed one by one; more are summed up by wallet.
const LISTED_MAX: usize = 20;

/// The plan as a screen. `rejected` rows of the file are not in it.
pub(crate) fn plan(
    prepared: &Prepared,
    preview: &Preview,
    limits: &[RateLimit],
    rejected: u64,
    records: &Path,
) -> String {
    let plan = &prepared.plan;
    let mut text = format!("Plan of {}\n\n", plan.source.name);
    text.push_str(&if plan.batches.len() > LISTED_MAX {
        wallet_lines(preview)
    } else {
        batches(plan, preview)
    });
    for wallet in &preview.wallets {
        if let Some(line) = trouble(wallet) {
            text.push_str(&format!("\n{}\n", wrap(&format!("! {line}"), "  ")));
        }
    }
    if rejected > 0 {
        text.push_str(&format!(
            "\n  ! {} of the file {} errors and {} left out.\n",
            count(rejected, "row"),
            if rejected == 1 { "has" } else { "have" },
            if rejected == 1 { "is" } else { "are" },
        ));
    }
    let payments = u64::try_from(plan.payments.len()).unwrap_or(u64::MAX);
    let facts = [
        ("Payments", format!("{} in {}", count(payments, "payment"), batch_count(plan))),
        ("From", prepared.account.to_string()),
        ("Takes", takes(payments, limits)),
        ("Run", short(&prepared.key)),
        ("Digest", prepared.digest.short()),
        ("Records", records.display().to_string()),
    ];
    text.push('\n');
    for (name, value) in facts {
        text.push_str(&format!("  {name:<9} {value}\n"));
    }
    text
}

fn batch_count(plan: &Plan) -> String {
    count(u64::try_from(plan.batches.len()).unwrap_or(u64::MAX), "batch")
}

/// One line for each batch; the balance stands beside the wallet's first.
fn batches(plan: &Plan, preview: &Preview) -> String {
    let mut table = Table::new(&[">#", "Wallet", ">Payments", ">Sum", ">Balance"]);
    let mut shown: Vec<&payrun::WalletId> = Vec::new();
    for batch in &plan.batches {
        let wallet = preview.wallets.iter().find(|part| part.wallet == batch.wallet);
        let balance = match wallet.map(|wallet| wallet.balance) {
            Some(Some(balance)) if !shown.contains(&&batch.wallet) => balance.to_string(),
            Some(None) => "gone".to_owned(),
            _ => String::new(),
        };
        shown.push(&batch.wallet);
        table.row([
            batch.number.to_string(),
            wallet.map_or_else(|| batch.wallet.to_string(), named),
            batch.count.to_string(),
            batch.total.to_string(),
            balance,
        ]);
    }
    table.text()
}

/// One line for each wallet.
fn wallet_lines(preview: &Preview) -> String {
    let mut table = Table::new(&["Wallet", ">Batches", ">Payments", ">Sum", ">Balance"]);
    for wallet in &preview.wallets {
        table.row([
            named(wallet),
            wallet.batches.to_string(),
            wallet.count.to_string(),
            wallet.sum.to_string(),
            wallet.balance.map_or_else(|| "gone".to_owned(), |balance| balance.to_string()),
        ]);
    }
    table.text()
}

/// A wallet as people know it, with enough of its id to tell two of one name apart.
fn named(wallet: &WalletPreview) -> String {
    match wallet.name.as_str() {
        "" => wallet.wallet.to_string(),
        name => format!("{name} ({})", wallet.wallet.as_str().chars().take(8).collect::<String>()),
    }
}

fn trouble(wallet: &WalletPreview) -> Option<String> {
    match (wallet.balance, wallet.shortfall) {
        (None, _) => Some(format!("Wallet {} is no longer listed by the account.", wallet.wallet)),
        (_, Some(missing)) => Some(format!(
            "Wallet {} lacks {missing}: it has to pay {} in all.",
            named(wallet),
            wallet.sum
        )),
        _ => None,
    }
}

/// How long sending takes at least, by the slowest limit; `None` if nothing limits it.
pub(crate) fn duration(payments: u64, limits: &[RateLimit]) -> Option<(Duration, RateLimit)> {
    let time = |limit: &RateLimit| {
        let payments = u32::try_from(payments).unwrap_or(u32::MAX);
        limit.per.saturating_mul(payments) / limit.count.get()
    };
    let slowest = limits.iter().max_by_key(|limit| time(limit))?;
    Some((time(slowest), *slowest))
}

fn takes(payments: u64, limits: &[RateLimit]) -> String {
    match duration(payments, limits) {
        Some((time, limit)) => format!("at least {}, at {}", length(time), show_pace(limit)),
        None => "as long as the provider does; no pace is set".to_owned(),
    }
}

/// What a person says yes to.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn question(prepared: &Prepared) -> Result<String, SumError> {
    let totals = prepared.plan.totals()?;
    let mut text = format!("From {}:\n", prepared.account);
    for (_, total) in totals.iter() {
        text.push_str(&format!("  {:<24} {}\n", total.sum, count(total.count, "payment")));
    }
    text.push_str(&format!("Send {}?", count(totals.count(), "payment")));
    Ok(text)
}

/// The plan as one JSON object.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn plan_json(
    prepared: &Prepared,
    limits: &[RateLimit],
    rejected: u64,
    place: &Place,
    records: &Path,
) -> Result<Value, SumError> {
    let plan = &prepared.plan;
    let total = |total: payrun::Total| json!({"count": total.count, "sum": total.sum.text()});
    let totals: serde_json::Map<_, _> = plan
        .totals()?
        .iter()
        .map(|(currency, sum)| (currency.code().to_owned(), total(sum)))
        .collect();
    let batches: Vec<_> = plan
        .batches
        .iter()
        .map(|batch| {
            json!({"number": batch.number, "wallet": batch.wallet.as_str(), "count": batch.count,
                   "sum": batch.total.text(), "currency": batch.total.currency().code()})
        })
        .collect();
    let (stage, wallets) = match &prepared.stage {
        Stage::New { preview, .. } => ("new", preview.wallets.iter().map(wallet_json).collect()),
        Stage::Begun(_) => ("begun", Vec::new()),
        Stage::Finished(_) => ("finished", Vec::new()),
    };
    let seconds = duration(plan.payments.len().try_into().unwrap_or(u64::MAX), limits)
        .map(|(time, _)| time.as_secs());
    Ok(json!({
        "file": plan.source.name, "sha256": plan.source.sha256.to_string(),
        "digest": prepared.digest.to_string(), "run": prepared.key.as_str(),
        "organisation": place.organisation.as_str(), "gateway": prepared.account.gateway.as_str(),
        "account": prepared.account.id.as_str(), "records": records.display().to_string(),
        "stage": stage, "payments": plan.payments.len(), "rejected_rows": rejected,
        "totals": totals, "batches": batches, "wallets": wallets, "seconds_min": seconds,
    }))
}

fn wallet_json(part: &WalletPreview) -> Value {
    json!({"wallet": part.wallet.as_str(), "name": part.name, "currency": part.sum.currency().code(),
           "batches": part.batches, "count": part.count, "sum": part.sum.text(),
           "balance": part.balance.map(payrun::Amount::text),
           "shortfall": part.shortfall.map(payrun::Amount::text)})
}

/// The command that pays a stored plan.
pub(crate) fn run_command(prepared: &Prepared, named: bool, place: &Place) -> String {
    let key =
        if named { format!(" --run-key {}", quoted(prepared.key.as_str())) } else { String::new() };
    format!("payrun run {}{key}{}", prepared.digest.short(), place.flags())
}

/// The account's wallets as a table.
pub(crate) fn wallets(wallets: &[Wallet]) -> String {
    let mut table = Table::new(&["Wallet", "Name", ">Balance", "Can pay"]);
    for wallet in wallets {
        table.row([
            wallet.id.to_string(),
            wallet.name.clone(),
            wallet.balance.to_string(),
            if wallet.active { "yes" } else { "no" }.to_owned(),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::samples;
    use std::sync::Arc;

    #[test]
    fn a_plan_stands_beside_the_balances() {
        let preview = samples::preview("1000000");
        let prepared = samples::prepared(preview.clone());
        let limits = [RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
        let text = plan(&prepared, &preview, &limits, 0, Path::new("/var/lib/payrun/acme"));
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        insta::assert_snapshot!(text);
        insta::assert_snapshot!(question(&prepared).unwrap());
    }

    #[test]
    fn a_wallet_without_enough_money_is_pointed_out() {
        let preview = samples::preview("20000");
        let text =
            plan(&samples::prepared(preview.clone()), &preview, &[], 2, Path::new("/srv/pay/acme"));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn many_batches_are_summed_up_by_wallet() {
        let preview = samples::preview("1000000");
        let mut prepared = samples::prepared(preview.clone());
        let plan_of_many = Arc::make_mut(&mut prepared.plan);
        plan_of_many.batches = vec![plan_of_many.batches[0].clone(); LISTED_MAX + 1];
        let text = plan(&prepared, &preview, &[], 0, Path::new("/srv/pay/acme"));
        insta::assert_snapshot!(text.lines().skip(2).take(4).collect::<Vec<_>>().join("\n"), @r"
        Wallet              Batches  Payments           Sum        Balance
        ------------------- -------- --------- ------------- --------------
        Salaries (w-kes-1)        1         2    KES 65,000  KES 1,000,000
        Ghana (w-ghs-1)           1         1  GHS 1,500.50   GHS 2,000.00
        ");
    }

    #[test]
    fn the_slowest_limit_says_how_long_it_takes() {
        let limits = [RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
        for (payments, seconds) in [(0, 0), (1, 1), (200, 200)] {
            assert_eq!(duration(payments, &limits).unwrap().0, Duration::from_secs(seconds));
        }
        assert_eq!(duration(200, &[]), None);
    }
}
