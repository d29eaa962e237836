//! Small plans and reports for the tests of screens.

use crate::args::{ConfigFileArgs, PlaceArgs};
use crate::place::Place;
use payrun::{
    Account, AccountId, Amount, Batch, Books, Digest, GatewayHost, Generation, PaymentIndex, Plan,
    PlannedPayment, Prepared, Preview, Progress, ProviderReference, Report, RunIdentity,
    SourceFile, Stage, Standing, State, UnixMillis, WalletId, WalletPreview,
};
use std::sync::Arc;

const HEADER: &str = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n";

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn account() -> Account {
    Account { gateway: GatewayHost::new("https://api.kotanipay.com"), id: AccountId::new("acme-1") }
}

fn amount(text: &str, currency: &str) -> Amount {
    Amount::parse_balance(text, currency.parse().unwrap()).unwrap()
}

/// One batch in KES of rows 1 to `kes`, and one in GHS of the row behind, if there are three or fewer.
fn plan_of(payments: usize) -> Plan {
    let kes = if payments == 3 { 2 } else { payments };
    let mut rows = String::new();
    for row in 1..=payments {
        let (phone, pay) =
            if row <= kes { ("+2547123456", "32500,KES") } else { ("+2332412345", "1500.50,GHS") };
        rows.push_str(&format!(
            "Jane Doe,jane@example.com,{phone}{:02},{pay},EMP-{row:03}\n",
            row + 10
        ));
    }
    let file = payrun::csv::read(format!("{HEADER}{rows}").as_bytes(), "june.csv").unwrap();
    assert_eq!(file.payments.len(), payments, "{:?}", file.problems());
    let total = |part: &[payrun::Payment]| {
        part.iter().map(|payment| payment.amount).reduce(|a, b| a.checked_add(b).unwrap()).unwrap()
    };
    let batch = |number, wallet: &str, first: usize, part: &[payrun::Payment]| Batch {
        number,
        wallet: WalletId::new(wallet),
        first: PaymentIndex(u32::try_from(first).unwrap()),
        count: u32::try_from(part.len()).unwrap(),
        total: total(part),
    };
    let (first, second) = file.payments.split_at(kes);
    let mut batches = vec![batch(1, "w-kes-1", 0, first)];
    if !second.is_empty() {
        batches.push(batch(2, "w-ghs-1", kes, second));
    }
    let planned = |payment: &payrun::Payment| PlannedPayment {
        payment: payment.clone(),
        generation: Generation::FIRST,
        provider_reference: ProviderReference::from_bytes([u8::try_from(payment.row).unwrap(); 16]),
    };
    Plan {
        organisation: "acme".parse().unwrap(),
        source: SourceFile { name: "june.csv".into(), sha256: digest(0x3f) },
        retry_of: None,
        batches,
        payments: file.payments.iter().map(planned).collect(),
    }
}

/// Two wallets; the one in KES has this balance.
pub(super) fn preview(kes: &str) -> Preview {
    let sum = amount("65000", "KES");
    let balance = amount(kes, "KES");
    let part = |wallet: &str, name: &str, count, sum: Amount, balance: Amount| WalletPreview {
        wallet: WalletId::new(wallet),
        name: name.to_owned(),
        batches: 1,
        count,
        sum,
        balance: Some(balance),
        shortfall: sum.checked_sub(balance).ok().filter(|missing| !missing.value().is_zero()),
    };
    Preview {
        wallets: vec![
            part("w-kes-1", "Salaries", 2, sum, balance),
            part("w-ghs-1", "Ghana", 1, amount("1500.5", "GHS"), amount("2000", "GHS")),
        ],
    }
}

/// A new run of three payments.
pub(super) fn prepared(preview: Preview) -> Prepared {
    Prepared {
        key: "payroll-2026-06".parse().unwrap(),
        plan: Arc::new(plan_of(3)),
        digest: digest(0xa1),
        account: account(),
        stage: Stage::New { preview },
        adopt: false,
        callbacks: Arc::default(),
    }
}

/// A run whose payments stand like this, with reasons.
pub(crate) fn report(states: &[(State, &str)]) -> Report {
    let plan = plan_of(states.len());
    let progress: Vec<_> = states
        .iter()
        .map(|(state, reason)| Progress {
            standing: Standing { state: *state, attempts: 1, ..Standing::default() },
            reason: (!reason.is_empty()).then(|| (*reason).to_owned()),
            ..Progress::default()
        })
        .collect();
    let identity = RunIdentity {
        run: "payroll-2026-06".parse().unwrap(),
        plan: digest(0xa1),
        source: plan.source.sha256,
        source_name: "june.csv".into(),
        organisation: plan.organisation.clone(),
        account: account(),
        payments: u32::try_from(states.len()).unwrap(),
        retry_of: None,
        created_at: UnixMillis(1_782_820_800_000),
    };
    let books = Books::of(&plan, &progress).unwrap();
    let (plan, paid_twice) = (Arc::new(plan), Vec::new());
    Report { identity, plan, progress, cautious: None, holder: None, books, paid_twice }
}

/// A state directory named by a flag.
pub(super) fn place() -> Place {
    Place::of(&PlaceArgs {
        state_dir: Some("/var/lib/payrun".into()),
        organisation: Some("acme".into()),
        sandbox: false,
        config: ConfigFileArgs::default(),
    })
    .unwrap()
}
