//! Which wallet pays which payment, and in which batch.

use crate::Policy;
use payrun_core::{
    Amount, Batch, Currency, Generation, Organisation, Payment, PaymentIndex, Plan, PlannedPayment,
    ProviderReference, RailKind, Reference, RunKey, SourceFile, SumError, Wallet, WalletId,
};
use std::collections::{BTreeMap, HashSet};

/// A payment that asks to be planned, with its generation: 0 unless it is paid anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    /// What the file said.
    pub payment: Payment,
    /// 0 the first time.
    pub generation: Generation,
}

/// Everything that a plan is made of.
#[derive(Debug, Clone)]
pub struct PlanRequest<'a> {
    /// Who pays.
    pub organisation: Organisation,
    /// The file.
    pub source: SourceFile,
    /// The run whose unpaid payments are paid anew, if any.
    pub retry_of: Option<RunKey>,
    /// What to pay, in the order of the file.
    pub entrants: Vec<Entrant>,
    /// The account's wallets.
    pub wallets: &'a [Wallet],
    /// How to cut.
    pub policy: Policy,
}

/// A row that cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// The row names a wallet that the account does not have.
    #[error("row {row}: the account has no wallet '{wallet}'")]
    NoSuchWallet {
        /// The data row, from 1.
        row: u64,
        /// What it named.
        wallet: WalletId,
    },
    /// The row names a wallet of another currency.
    #[error("row {row}: wallet '{wallet}' holds {holds}, the payment is in {currency}")]
    WrongCurrency {
        /// The data row, from 1.
        row: u64,
        /// What it named.
        wallet: WalletId,
        /// The wallet's currency.
        holds: Currency,
        /// The payment's.
        currency: Currency,
    },
    /// The wallet that the row names may not pay.
    #[error("row {row}: wallet '{wallet}' is not active")]
    Inactive {
        /// The data row, from 1.
        row: u64,
        /// What it named.
        wallet: WalletId,
    },
    /// Another row has its reference: the two would be one payment at the provider.
    #[error("row {row}: the reference {reference} is there already")]
    SameReference {
        /// The data row, from 1.
        row: u64,
        /// What both have.
        reference: Reference,
    },
}

/// Why there is no plan. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to pay.
    #[error("there is nothing to pay")]
    Empty,
    /// More payments than a plan can number.
    #[error("a plan holds at most {} payments", u32::MAX)]
    TooMany,
    /// No active wallet for these currencies.
    #[error("the account has no active wallet in {}", list(.0))]
    NoWallet(Vec<Currency>),
    /// Rows that name a wallet which cannot pay them, or a reference that is taken; all of them.
    #[error("{} cannot be planned; the first: {}", count(.0), first(.0))]
    Rows(Vec<RowFault>),
    /// Rows on a rail that no gateway pays; all of them, with the rail.
    #[error("{} on a rail that no gateway of payrun pays yet; the first: row {}", unpaid(.0), unpaid_first(.0))]
    Rails(Vec<(u64, RailKind)>),
    /// A sum left its range.
    #[error(transparent)]
    Sum(#[from] SumError),
}

fn list(currencies: &[Currency]) -> String {
    currencies.iter().map(|currency| currency.code()).collect::<Vec<_>>().join(", ")
}

fn count(faults: &[RowFault]) -> String {
    if faults.len() == 1 { "one row".to_owned() } else { format!("{} rows", faults.len()) }
}

fn first(faults: &[RowFault]) -> String {
    faults.first().map(ToString::to_string).unwrap_or_default()
}

fn unpaid(rows: &[(u64, RailKind)]) -> String {
    if rows.len() == 1 { "one row is".to_owned() } else { format!("{} rows are", rows.len()) }
}

fn unpaid_first(rows: &[(u64, RailKind)]) -> String {
    rows.first().map(|(row, rail)| format!("{row} ({rail})")).unwrap_or_default()
}

/// Splits the payments by wallet and cuts them into batches.
///
/// A payment goes to the wallet that its row names, or to one of its currency: where there are several, to the
/// one with the largest balance that still covers it, in the order of the file. Where none covers it, to the one with the most
/// left, and [`preview`](crate::preview()) shows the shortfall. Payments of a wallet keep the order of the file.
///
/// # Errors
/// [`PlanError`]; faults of rows are all reported at once.
pub fn plan(request: PlanRequest<'_>) -> Result<Plan, PlanError> {
    if request.entrants.is_empty() {
        return Err(PlanError::Empty);
    }
    if u32::try_from(request.entrants.len()).is_err() {
        return Err(PlanError::TooMany);
    }
    let rails = request.entrants.iter().map(|entrant| &entrant.payment);
    let unpaid: Vec<_> = rails
        .map(|payment| (payment.row, payment.rail.kind()))
        .filter(|(_, rail)| *rail != RailKind::MobileMoney)
        .collect();
    if !unpaid.is_empty() {
        return Err(PlanError::Rails(unpaid));
    }
    let lanes = assign(&request)?;
    let mut batches = Vec::new();
    let mut payments = Vec::with_capacity(request.entrants.len());
    let per_batch = usize::try_from(request.policy.batch_count_max.max(1)).unwrap_or(usize::MAX);
    for ((currency, wallet), lane) in lanes {
        for members in lane.chunks(per_batch) {
            batches.push(batch(
                &request,
                &wallet,
                currency,
                members,
                (batches.len(), payments.len()),
            )?);
            payments.extend(members.iter().map(|&place| {
                let entrant = &request.entrants[place];
                PlannedPayment {
                    provider_reference: ProviderReference::derive(
                        &request.organisation,
                        &entrant.payment.reference,
                        entrant.generation,
                    ),
                    generation: entrant.generation,
                    payment: entrant.payment.clone(),
                }
            }));
        }
    }
    Ok(Plan {
        organisation: request.organisation,
        source: request.source,
        retry_of: request.retry_of,
        batches,
        payments,
    })
}

fn batch(
    request: &PlanRequest<'_>,
    wallet: &WalletId,
    currency: Currency,
    members: &[usize],
    (batches_before, payments_before): (usize, usize),
) -> Result<Batch, PlanError> {
    let number = |count: usize| u32::try_from(count).map_err(|_| PlanError::TooMany);
    let mut total = Amount::zero(currency);
    for &place in members {
        total = total.checked_add(request.entrants[place].payment.amount)?;
    }
    Ok(Batch {
        number: number(batches_before.saturating_add(1))?,
        wallet: wallet.clone(),
        first: PaymentIndex(number(payments_before)?),
        count: number(members.len())?,
        total,
    })
}

/// The places of the entrants that each wallet pays, wallets in order of currency and id.
type Lanes = BTreeMap<(Currency, WalletId), Vec<usize>>;

fn assign(request: &PlanRequest<'_>) -> Result<Lanes, PlanError> {
    let mut left: BTreeMap<&WalletId, Amount> =
        request.wallets.iter().map(|wallet| (&wallet.id, wallet.balance)).collect();
    let (mut lanes, mut faults, mut missing) = (Lanes::new(), Vec::new(), Vec::new());
    let mut references = HashSet::new();
    for (place, entrant) in request.entrants.iter().enumerate() {
        let payment = &entrant.payment;
        if !references.insert(&payment.reference) {
            let (row, reference) = (payment.row, payment.reference.clone());
            faults.push(RowFault::SameReference { row, reference });
            continue;
        }
        let wallet = match &payment.wallet {
            Some(named) => match named_wallet(request.wallets, payment, named) {
                Ok(wallet) => wallet,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            },
            None => match roomiest(request.wallets, &left, payment.amount) {
                Some(wallet) => wallet,
                None => {
                    missing.push(payment.amount.currency());
                    continue;
                }
            },
        };
        if let Some(balance) = left.get_mut(&wallet.id) {
            // What a wallet lacks is the preview's to tell; here it only stops attracting payments.
            *balance =
                balance.checked_sub(payment.amount).unwrap_or(Amount::zero(wallet.currency()));
        }
        lanes.entry((wallet.currency(), wallet.id.clone())).or_default().push(place);
    }
    missing.sort_unstable();
    missing.dedup();
    if !faults.is_empty() {
        return Err(PlanError::Rows(faults));
    }
    if !missing.is_empty() {
        return Err(PlanError::NoWallet(missing));
    }
    Ok(lanes)
}

/// Whether the account still has the wallets that a plan pays from, and they may pay.
///
/// # Errors
/// [`PlanError::Rows`], with every payment that could not be paid.
pub fn check_wallets(plan: &Plan, wallets: &[Wallet]) -> Result<(), PlanError> {
    let faults: Vec<_> = plan
        .wallets()
        .zip(&plan.payments)
        .filter_map(|(wallet, planned)| named_wallet(wallets, &planned.payment, wallet).err())
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(PlanError::Rows(faults)) }
}

fn named_wallet<'a>(
    wallets: &'a [Wallet],
    payment: &Payment,
    named: &WalletId,
) -> Result<&'a Wallet, RowFault> {
    let (row, wallet_id) = (payment.row, named.clone());
    match wallets.iter().find(|wallet| wallet.id == *named) {
        None => Err(RowFault::NoSuchWallet { row, wallet: wallet_id }),
        Some(wallet) if wallet.currency() != payment.amount.currency() => {
            Err(RowFault::WrongCurrency {
                row,
                wallet: wallet_id,
                holds: wallet.currency(),
                currency: payment.amount.currency(),
            })
        }
        Some(wallet) if !wallet.active => Err(RowFault::Inactive { row, wallet: wallet_id }),
        Some(wallet) => Ok(wallet),
    }
}

/// The active wallet of the amount's currency that was largest at the start and still covers it; else the one
/// with the most left. Ties go to the smaller id, so that a plan does not depend on the provider's order.
fn roomiest<'a>(
    wallets: &'a [Wallet],
    left: &BTreeMap<&WalletId, Amount>,
    amount: Amount,
) -> Option<&'a Wallet> {
    let left_in = |wallet: &Wallet| left.get(&wallet.id).copied().unwrap_or(wallet.balance);
    let candidates =
        || wallets.iter().filter(|wallet| wallet.active && wallet.currency() == amount.currency());
    let largest = |a: Amount, b: Amount| a.value().cmp(&b.value());
    candidates()
        .filter(|wallet| left_in(wallet) >= amount)
        .max_by(|a, b| largest(a.balance, b.balance).then_with(|| b.id.cmp(&a.id)))
        .or_else(|| {
            candidates()
                .max_by(|a, b| largest(left_in(a), left_in(b)).then_with(|| b.id.cmp(&a.id)))
        })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use payrun_core::{AccountNumber, Digest, Payee, PhoneNumber, Rail};
    use proptest::prelude::*;

    pub(crate) fn wallet(id: &str, currency: &str, balance: &str) -> Wallet {
        let currency = currency.parse().unwrap();
        Wallet {
            id: WalletId::new(id),
            name: id.to_owned(),
            balance: Amount::parse_balance(balance, currency).unwrap(),
            active: true,
        }
    }

    pub(crate) fn entrant(row: u64, currency: &str, amount: &str, wallet: Option<&str>) -> Entrant {
        Entrant {
            payment: Payment {
                row,
                reference: format!("EMP-{row}").parse().unwrap(),
                payee: Payee {
                    name: "Jane Doe".into(),
                    email: "jane@example.com".into(),
                    phone: PhoneNumber::from_e164("+254712345678").unwrap(),
                },
                amount: Amount::parse(amount, currency.parse().unwrap()).unwrap(),
                rail: Rail::MobileMoney,
                network: None,
                wallet: wallet.map(WalletId::new),
                description: None,
            },
            generation: Generation::FIRST,
        }
    }

    pub(crate) fn request(
        entrants: Vec<Entrant>,
        wallets: &[Wallet],
        batch_count_max: u32,
    ) -> PlanRequest<'_> {
        PlanRequest {
            organisation: "acme".parse().unwrap(),
            source: SourceFile { name: "june.csv".into(), sha256: Digest::from_bytes([7; 32]) },
            retry_of: None,
            entrants,
            wallets,
            policy: Policy { batch_count_max },
        }
    }

    #[test]
    fn each_wallet_pays_its_currency_in_batches_of_bounded_count() {
        let wallets = [wallet("u", "UGX", "1000000"), wallet("k", "KES", "1000000")];
        let entrants = (1..=7)
            .map(|row| entrant(row, if row % 2 == 0 { "UGX" } else { "KES" }, "100", None))
            .collect();
        let plan = plan(request(entrants, &wallets, 3)).unwrap();
        let shape: Vec<_> = plan
            .batches
            .iter()
            .map(|batch| {
                (
                    batch.number,
                    batch.wallet.as_str(),
                    batch.first.0,
                    batch.count,
                    batch.total.to_string(),
                )
            })
            .collect();
        assert_eq!(
            shape,
            [
                (1, "k", 0, 3, "KES 300".to_owned()),
                (2, "k", 3, 1, "KES 100".to_owned()),
                (3, "u", 4, 3, "UGX 300".to_owned()),
            ]
        );
        let rows: Vec<_> = plan.payments.iter().map(|planned| planned.payment.row).collect();
        assert_eq!(rows, [1, 3, 5, 7, 2, 4, 6]);
    }

    #[test]
    fn several_wallets_of_a_currency_are_filled_largest_first() {
        let wallets = [wallet("a", "KES", "150"), wallet("b", "KES", "250")];
        let entrants = (1..=4).map(|row| entrant(row, "KES", "100", None)).collect();
        let plan = plan(request(entrants, &wallets, 500)).unwrap();
        let paid_by: Vec<_> = plan
            .wallets()
            .zip(&plan.payments)
            .map(|(wallet, planned)| (planned.payment.row, wallet.as_str().to_owned()))
            .collect();
        // b takes 1 and 2, a takes 3; nobody covers 4, and both have 50 left: the smaller id takes it.
        let expected = [(3, "a"), (4, "a"), (1, "b"), (2, "b")];
        assert_eq!(paid_by, expected.map(|(row, id)| (row, id.to_owned())));
        let each: Vec<_> = plan.indices().filter_map(|index| plan.wallet_of(index)).collect();
        assert_eq!(each, plan.wallets().collect::<Vec<_>>());
        assert_eq!(plan.wallet_of(PaymentIndex(4)), None);
    }

    #[test]
    fn every_row_whose_wallet_cannot_pay_it_is_named_at_once() {
        let mut closed = wallet("closed", "KES", "1");
        closed.active = false;
        let wallets = [wallet("k", "KES", "100"), closed];
        let entrants = vec![
            entrant(1, "KES", "10", Some("nowhere")),
            entrant(2, "UGX", "10", Some("k")),
            entrant(3, "KES", "10", Some("closed")),
            entrant(4, "KES", "10", Some("k")),
        ];
        let Err(PlanError::Rows(faults)) = plan(request(entrants, &wallets, 500)) else { panic!() };
        assert_eq!(faults.len(), 3);
    }

    #[test]
    fn a_plan_of_another_account_or_of_a_wallet_that_was_closed_is_noticed() {
        let entrants = || vec![entrant(1, "KES", "10", None), entrant(2, "KES", "10", None)];
        let wallets = [wallet("k", "KES", "100")];
        let plan = plan(request(entrants(), &wallets, 500)).unwrap();
        assert_eq!(check_wallets(&plan, &wallets), Ok(()));
        let mut closed = wallets.to_vec();
        closed[0].active = false;
        for others in [closed, vec![wallet("x", "KES", "100")], vec![wallet("k", "UGX", "100")]] {
            let Err(PlanError::Rows(faults)) = check_wallets(&plan, &others) else { panic!() };
            assert_eq!(faults.len(), 2);
        }
    }

    #[test]
    fn two_rows_of_one_reference_are_never_planned() {
        let mut entrants: Vec<_> = (1..=3).map(|row| entrant(row, "KES", "10", None)).collect();
        entrants[2].payment.reference = entrants[0].payment.reference.clone();
        entrants[2].generation = Generation::new(1);
        let error = plan(request(entrants, &[wallet("k", "KES", "100")], 500)).unwrap_err();
        let expected =
            "one row cannot be planned; the first: row 3: the reference EMP-1 is there already";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn rows_on_a_rail_that_nobody_pays_are_named_and_nothing_is_planned() {
        let mut entrants: Vec<_> = (1..=3).map(|row| entrant(row, "KES", "10", None)).collect();
        let till = AccountNumber::new("500123").unwrap();
        entrants[1].payment.rail = Rail::Till { number: till.clone() };
        entrants[2].payment.rail = Rail::Paybill { number: till, account: "POLICY-7".into() };
        let wallets = [wallet("k", "KES", "100")];
        let error = plan(request(entrants.clone(), &wallets, 500)).unwrap_err();
        assert_eq!(error, PlanError::Rails(vec![(2, RailKind::Till), (3, RailKind::Paybill)]));
        assert_eq!(
            error.to_string(),
            "2 rows are on a rail that no gateway of payrun pays yet; the first: row 2 (till)"
        );
        entrants.truncate(1);
        assert!(plan(request(entrants, &wallets, 500)).is_ok());
    }

    #[test]
    fn currencies_without_a_wallet_are_listed_once_each() {
        let entrants = vec![
            entrant(1, "ZMW", "10", None),
            entrant(2, "UGX", "10", None),
            entrant(3, "ZMW", "10", None),
        ];
        let error = plan(request(entrants, &[wallet("k", "KES", "1")], 500)).unwrap_err();
        assert_eq!(error.to_string(), "the account has no active wallet in UGX, ZMW");
    }

    proptest! {
        #[test]
        fn every_payment_is_planned_once_and_totals_are_equal(
            rows in prop::collection::vec((0usize..3, 1u64..1_000_000, any::<bool>()), 1..200),
            balances in prop::collection::vec(0u64..50_000_000, 4),
            batch_count_max in 0u32..40,
        ) {
            let codes = ["KES", "GHS", "UGX"];
            let mut wallets: Vec<_> = codes.iter().zip(&balances)
                .map(|(code, balance)| wallet(&format!("w-{code}"), code, &balance.to_string())).collect();
            wallets.push(wallet("w-KES-2", "KES", &balances[3].to_string()));
            let entrants: Vec<_> = rows.iter().enumerate().map(|(i, (currency, amount, named))| {
                let code = codes[*currency];
                entrant(i as u64 + 1, code, &amount.to_string(), named.then_some(format!("w-{code}")).as_deref())
            }).collect();
            let mut expected = payrun_core::Tally::default();
            for entrant in &entrants { expected.add(entrant.payment.amount).unwrap(); }
            let plan = plan(request(entrants.clone(), &wallets, batch_count_max)).unwrap();

            let mut planned_rows: Vec<_> = plan.payments.iter().map(|p| p.payment.row).collect();
            planned_rows.sort_unstable();
            prop_assert_eq!(planned_rows, (1..=entrants.len() as u64).collect::<Vec<_>>());
            prop_assert_eq!(plan.totals().unwrap(), expected);
            let mut next = 0;
            for batch in &plan.batches {
                prop_assert_eq!(batch.first.0, next);
                prop_assert!(batch.count >= 1 && batch.count <= batch_count_max.max(1));
                next += batch.count;
                let mut sum = Amount::zero(batch.total.currency());
                for index in batch.indices() {
                    sum = sum.checked_add(plan.payment(index).unwrap().payment.amount).unwrap();
                }
                prop_assert_eq!(sum, batch.total);
            }
            prop_assert_eq!(next as usize, entrants.len());
            let bytes = crate::encode(&plan).unwrap();
            prop_assert_eq!(crate::decode(&bytes).unwrap(), plan);
        }
    }
}
