//! What is to be paid, through the real planner.

use crate::audit::Planned;
use crate::chance::Chance;
use crate::provider::written;
use payrun_core::{
    Amount, Digest, Generation, Payee, Payment, PhoneNumber, Plan, Rail, SourceFile, Wallet,
    WalletId,
};
use payrun_plan::{Entrant, PlanRequest, Policy, plan};
use std::ops::Range;

/// The wallets of the account, each with its currency.
pub(crate) const WALLETS: [(&str, &str); 3] =
    [("w-kes", "KES"), ("w-ugx", "UGX"), ("w-ghs", "GHS")];

/// Whom payments are made to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Payees {
    /// So many have to share all payments; otherwise each payment has its own.
    pub(crate) count: Option<u64>,
}

impl Payees {
    fn phone(self, number: u64) -> PhoneNumber {
        let payee = self.count.map_or(number, |count| number % count);
        PhoneNumber::from_e164(&format!("+2547{payee:08}")).unwrap()
    }
}

/// Payments with these numbers, of this generation. The same number is the same payment.
pub(crate) fn planned(
    numbers: Range<u64>,
    generation: u32,
    payees: Payees,
    chance: &Chance,
) -> Plan {
    let from = numbers.start;
    let entrants = numbers.map(|number| {
        let (wallet, code) = WALLETS[usize::try_from(number % 3).unwrap()];
        let currency = code.parse().unwrap();
        // Whole where a currency has nothing smaller, and hundredths where it has.
        let part = if code == "GHS" { format!(".{:02}", number % 100) } else { String::new() };
        let payment = Payment {
            row: number - from + 1,
            reference: format!("P-{number}").parse().unwrap(),
            payee: Payee {
                name: "Jane Doe".into(),
                email: "j@example.com".into(),
                phone: payees.phone(number),
            },
            amount: Amount::parse(&format!("{}{part}", 100 + number), currency).unwrap(),
            rail: Rail::MobileMoney,
            network: None,
            wallet: number.is_multiple_of(5).then(|| WalletId::new(wallet)),
            description: None,
        };
        Entrant { payment, generation: Generation::new(generation) }
    });
    let wallets = WALLETS.map(|(id, code)| Wallet {
        id: WalletId::new(id),
        name: id.into(),
        balance: Amount::parse("1000000", code.parse().unwrap()).unwrap(),
        active: true,
    });
    plan(PlanRequest {
        organisation: "acme".parse().unwrap(),
        source: SourceFile { name: "june.csv".into(), sha256: Digest::from_bytes([1; 32]) },
        retry_of: None,
        entrants: entrants.collect(),
        wallets: &wallets,
        policy: Policy { batch_count_max: 1 + u32::try_from(chance.below(20)).unwrap() },
    })
    .unwrap()
}

/// The payments of a plan in the auditor's words.
pub(crate) fn plain(plan: &Plan) -> Vec<Planned> {
    let payments = plan.wallets().zip(&plan.payments);
    payments
        .map(|(wallet, planned)| Planned {
            reference: written(planned.provider_reference),
            amount: planned.payment.amount.text(),
            wallet: wallet.to_string(),
            payee: planned.payment.payee.phone.as_str().to_owned(),
        })
        .collect()
}
