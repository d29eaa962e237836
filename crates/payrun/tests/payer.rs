//! The facade against a provider in memory: retries in a line, plans of another account.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

use async_trait::async_trait;
use payrun::csv::{Expected, Reading, Rules};
use payrun::{
    AccountId, Amount, Answer, Body, CallError, Choices, Ended, Exit, Gateway, GatewayHost,
    GatewayRules, JobError, LookUp, PayeeKey, Payer, Permit, PlanError, PlannedPayment, Prepared,
    ProviderReference, Quarantine, Records, Refusal, Settings, Settlement, State, Wallet, WalletId,
};
use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Whoever has this phone is never paid.
const UNREACHABLE: &str = "+254712000011";

/// Whoever has this phone is paid, and the provider says so only when it is asked.
const SLOW: &str = "+254712000012";

/// A provider that keeps in memory what it was sent.
struct Provider {
    wallet: Mutex<&'static str>,
    busy: Option<Duration>,
    sent: Mutex<HashMap<ProviderReference, Settlement>>,
}

#[async_trait]
impl Gateway for Provider {
    fn host(&self) -> GatewayHost {
        GatewayHost::new("memory")
    }

    fn rules(&self) -> GatewayRules {
        GatewayRules::default()
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        match self.busy {
            Some(wait) => Err(CallError::Busy(Some(wait))),
            None => Ok(AccountId::new("acme")),
        }
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        let balance = Amount::parse_balance("1000000", "KES".parse().unwrap()).unwrap();
        let id = WalletId::new(*self.wallet.lock().unwrap());
        Ok(vec![Wallet { id, name: "salaries".to_owned(), balance, active: true }])
    }

    async fn find_payee(&self, _: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        Ok(Some(PayeeKey("known".to_owned())))
    }

    async fn create_payee(&self, _: &PlannedPayment) -> Result<PayeeKey, CallError> {
        Err(CallError::Refused("not needed".to_owned()))
    }

    fn body(&self, payment: &PlannedPayment, _: &WalletId, _: &PayeeKey) -> Result<Body, String> {
        Ok(Body::new(payment.provider_reference.to_string().into_bytes()))
    }

    async fn send(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer {
        permit.spend(body).unwrap();
        let settlement = match payment.payment.payee.phone.as_str() == UNREACHABLE {
            true => Settlement::Failed { correctable: false },
            false => Settlement::Paid,
        };
        let before = self.sent.lock().unwrap().insert(payment.provider_reference, settlement);
        assert_eq!(before, None, "sent twice");
        match payment.payment.payee.phone.as_str() == SLOW {
            true => Answer::Settled(Settlement::InFlight, None),
            false => Answer::Settled(settlement, None),
        }
    }

    async fn look_up(
        &self,
        payment: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let sent = self.sent.lock().unwrap();
        let found = sent.get(&payment.provider_reference);
        Ok(found.map_or(LookUp::NotFound, |settlement| LookUp::Found(*settlement, None)))
    }
}

struct Office {
    provider: Arc<Provider>,
    payer: Payer,
    _folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        Self::with(None)
    }

    /// With a provider that asks for this wait whenever it is asked for the account.
    fn with(busy: Option<Duration>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
        let provider = Provider { wallet: Mutex::new("w-1"), busy, sent: Mutex::default() };
        let provider = Arc::new(provider);
        let payer = Payer::new(records, provider.clone());
        Self { provider, payer, _folder: folder }
    }

    async fn start(&self, prepared: Prepared) -> Ended {
        let settings = Settings { settle_timeout: Duration::from_secs(5), ..Settings::default() };
        self.payer.start(prepared, false, settings, Arc::new(()), pending()).await.unwrap()
    }
}

/// A payment file of references, each with its phone.
fn file(rows: &[(&str, &str)]) -> payrun::csv::Validated {
    let mut text = "recipient_name,recipient_email,recipient_phone,amount,currency,reference,description,metadata\n"
        .to_owned();
    for (reference, phone) in rows {
        text += &format!("Jane Doe,jane@example.com,{phone},1500,KES,{reference},,\n");
    }
    let file = payrun::csv::read(text.as_bytes(), "june.csv").unwrap();
    assert_eq!(file.errors(), 0, "{:?}", file.problems());
    file
}

fn named(key: &str) -> Choices {
    Choices { key: Some(key.parse().unwrap()), ..Choices::default() }
}

#[tokio::test]
async fn a_retry_of_a_retry_leaves_out_what_an_earlier_run_paid() {
    let office = Office::new();
    let june = file(&[("A", "+254712000001"), ("B", UNREACHABLE)]);
    let prepared = office.payer.prepare(&june, &named("june")).await.unwrap();
    office.start(prepared).await;

    // Corrected once, and still wrong; then again, always the whole file.
    let still_wrong = file(&[("A", "+254712000001"), ("B", UNREACHABLE), ("C", "+254712000003")]);
    let right = file(&[("A", "+254712000001"), ("B", "+254712000002"), ("C", "+254712000003")]);
    for (run, corrected, exit) in
        [("june", &still_wrong, Exit::SomeUnpaid), ("june.retry-1", &right, Exit::Done)]
    {
        let run = run.parse().unwrap();
        let retry = office
            .payer
            .prepare_retry(&run, Some(corrected), Quarantine::NONE, &Choices::default())
            .await
            .unwrap();
        let ended = office.start(retry.prepared).await;
        assert_eq!(ended.report.exit_after(&ended.finish, true), exit, "{:?}", retry.left_out);
    }
    let report = office.payer.records().report(&"june.retry-2".parse().unwrap()).unwrap();
    let lines: Vec<_> = report.lines().collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].planned.payment.reference.as_str(), "B");
    assert_eq!(lines[0].planned.generation.number(), 2);
    assert_eq!(lines[0].progress.standing.state, State::Paid);
    assert_eq!(office.provider.sent.lock().unwrap().len(), 2 + 2 + 1);
}

#[tokio::test]
async fn a_callback_that_is_handed_in_makes_the_run_ask_and_end() {
    let office = Office::new();
    let file = file(&[("A", SLOW)]);
    let prepared = office.payer.prepare(&file, &named("june")).await.unwrap();
    let (callbacks, plan) = (Arc::clone(&prepared.callbacks), Arc::clone(&prepared.plan));
    let hour = Duration::from_secs(3600);
    let settings = Settings { poll_first: hour, poll_max: hour, ..Settings::default() };
    let settings = Settings { settle_timeout: 2 * hour, ..settings };
    let run = office.payer.start(prepared, false, settings, Arc::new(()), pending());
    let received = async {
        loop {
            callbacks.heard_of(plan.payments[0].provider_reference);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = async {
        tokio::select! {
            ended = run => ended.unwrap(),
            () = received => unreachable!(),
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    assert_eq!(ended.report.books.count(State::Paid), 1);
}

#[tokio::test]
async fn what_the_provider_calls_expired_now_rests_as_long_as_what_was_so_on_record() {
    let office = Office::new();
    let june = file(&[("B", UNREACHABLE)]);
    let prepared = office.payer.prepare(&june, &named("june")).await.unwrap();
    office.start(prepared).await;
    let run = "june".parse().unwrap();
    let rest = Quarantine { failed: Duration::ZERO, correctable: Duration::from_secs(3600) };
    let retry = async || office.payer.prepare_retry(&run, None, rest, &Choices::default()).await;
    assert!(retry().await.is_ok());
    for word in office.provider.sent.lock().unwrap().values_mut() {
        *word = Settlement::Failed { correctable: true };
    }
    let refused = retry().await;
    assert!(
        matches!(refused, Err(JobError::Refused(Refusal::NothingToRetry { .. }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_plan_is_not_paid_from_an_account_that_lacks_its_wallet() {
    let office = Office::new();
    let june = file(&[("A", "+254712000001")]);
    let digest = office.payer.prepare(&june, &named("june")).await.unwrap().digest;
    *office.provider.wallet.lock().unwrap() = "w-of-another-account";
    let refused = office.payer.prepare_plan(&digest, &named("june")).await;
    assert!(matches!(refused, Err(JobError::Plan(PlanError::Rows(_)))), "{refused:?}");
    *office.provider.wallet.lock().unwrap() = "w-1";
    let prepared = office.payer.prepare_plan(&digest, &named("june")).await.unwrap();
    assert_eq!(office.start(prepared).await.report.exit(true), Exit::Done);
}

#[tokio::test]
async fn a_wait_of_hours_before_anything_has_begun_is_told_and_not_waited_out() {
    let office = Office::with(Some(Duration::from_secs(3600)));
    let soon = Duration::from_secs(10);
    let answer = tokio::time::timeout(soon, office.payer.account()).await.unwrap();
    assert!(matches!(answer, Err(JobError::Gateway(CallError::Busy(_)))), "{answer:?}");
}

#[tokio::test]
async fn rows_can_be_skipped_and_what_is_wrong_with_the_whole_file_cannot() {
    let office = Office::new();
    let (right, elsewhere, wrong) = ("+254712345678", "+256772345678", "0712345678");
    let counted = |count| Expected { count: Some(count), totals: Vec::new() };
    for (phone, strict, expected, paid) in [
        (wrong, false, counted(1), true),
        (elsewhere, false, counted(2), true),
        (right, true, counted(2), true),
        (wrong, false, counted(2), false),
        (right, false, counted(3), false),
        (elsewhere, true, counted(2), false),
    ] {
        let rules = Rules { strict, expected: expected.clone(), ..Rules::default() };
        let text = format!(
            "name,email,phone,amount,currency,reference\n\
             Jane Doe,jane@example.com,{phone},1500,KES,EMP-1\n\
             John Doe,john@example.com,+254712345679,1500,KES,EMP-2\n"
        );
        let june = Reading::new(rules).input(text.as_bytes(), "june.csv").unwrap();
        let choices = Choices { skip_invalid: true, ..Choices::default() };
        let prepared = office.payer.prepare(&june, &choices).await;
        let refused = matches!(prepared, Err(JobError::Invalid { errors: 1.., .. }));
        assert_eq!((prepared.is_ok(), refused), (paid, !paid), "{phone} {strict} {expected:?}");
    }
}
