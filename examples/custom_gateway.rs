//! A gateway of one's own: the engine pays through anything that can say what became of a reference.
//!
//! `cargo run -p payrun-examples --example custom_gateway`
//!
//! The provider here is a map in memory. It loses every fifth answer after it has paid, as real ones do; the engine looks the
//! payment up instead of sending it again, and nobody is paid twice.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use async_trait::async_trait;
use payrun::{
    AbsenceRule, AccountId, Amount, Answer, Body, CallError, Choices, Clue, Gateway, GatewayHost,
    GatewayRules, LookUp, NotSent, PayeeKey, Payer, Permit, PlannedPayment, ProviderReference,
    Records, Settings, Settlement, State, Wallet, WalletId,
};
use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A provider that keeps its books in a map: how often each reference was paid.
#[derive(Default)]
struct VillageBank {
    paid: Mutex<HashMap<ProviderReference, u32>>,
    requests: AtomicU64,
}

#[async_trait]
impl Gateway for VillageBank {
    fn host(&self) -> GatewayHost {
        GatewayHost::new("village-bank")
    }

    fn rules(&self) -> GatewayRules {
        GatewayRules { request_timeout: Duration::from_secs(1), ..GatewayRules::default() }
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        Ok(AccountId::new("acme"))
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        let codes = ["KES", "UGX", "TZS", "GHS", "ZMW"];
        let wallet = |code: &str| {
            let currency =
                code.parse().map_err(|_| CallError::Refused(format!("no currency {code}")))?;
            let balance = Amount::parse_balance("1000000000", currency)
                .map_err(|error| CallError::Unreadable(error.to_string()))?;
            Ok(Wallet {
                id: WalletId::new(code),
                name: format!("{code} box"),
                balance,
                active: true,
            })
        };
        codes.into_iter().map(wallet).collect()
    }

    async fn find_payee(&self, _: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        Ok(Some(PayeeKey("everybody is known in the village".to_owned())))
    }

    async fn create_payee(&self, _: &PlannedPayment) -> Result<PayeeKey, CallError> {
        Err(CallError::Refused("not needed".to_owned()))
    }

    fn body(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        _: &PayeeKey,
    ) -> Result<Body, String> {
        let amount = payment.payment.amount.text();
        Ok(Body::new(
            format!("pay {} {amount} from {wallet}", payment.provider_reference).into_bytes(),
        ))
    }

    async fn send(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer {
        // The permit proves that the intent is on disk; it opens only the body on record.
        if let Err(error) = permit.spend(body) {
            return Answer::NotSent(NotSent::NoConnection(error.to_string()));
        }
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid.entry(payment.provider_reference).or_default() += 1;
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(5) {
            return Answer::Unknown(Clue::Silence, "the messenger never came back".to_owned());
        }
        Answer::Settled(Settlement::Paid, None)
    }

    async fn look_up(
        &self,
        payment: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match paid.get(&payment.provider_reference) {
            Some(_) => LookUp::Found(Settlement::Paid, None),
            None => LookUp::NotFound,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let csv = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n\
               Akinyi Otieno,akinyi@example.com,+254712345678,1500,KES,JUNE-1\n\
               Kwame Mensah,kwame@example.com,+233241234567,820.50,GHS,JUNE-2\n\
               Neema Mushi,neema@example.com,+255754123456,450000,TZS,JUNE-3\n";
    let file = payrun::csv::read(csv.as_bytes(), "june.csv")?;
    let state_dir = tempfile::tempdir()?;
    let records = Records::open(state_dir.path(), &"acme".parse()?)?;
    let bank = Arc::new(VillageBank::default());
    let payer = Payer::new(records, bank.clone());

    let prepared = payer.prepare(&file, &Choices::default()).await?;
    let absence = AbsenceRule { grace: Duration::from_secs(1), ..AbsenceRule::default() };
    let settings = Settings { absence, ..Settings::default() };
    let ended =
        payer.start(prepared, false, settings, Arc::new(()), std::future::pending()).await?;

    for line in ended.report.lines() {
        let payment = &line.planned.payment;
        println!("{} {:>14} {}", payment.reference, payment.amount, line.progress.standing.state);
    }
    assert_eq!(ended.report.books.count(State::Paid), 3);
    let paid = bank.paid.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(paid.values().all(|times| *times == 1), "somebody was paid twice");
    println!("{} requests, everybody paid once", bank.requests.load(Ordering::Relaxed));
    Ok(())
}
