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
    /// The payer's reference of the one payment of which every question is answered with an error of the server.
    unreadable: Mutex<Option<&'static str>>,
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
        if *self.unreadable.lock().unwrap() == Some(payment.payment.reference.as_str()) {
            return Err(CallError::Unreadable("HTTP 500: Internal server error".to_owned()));
        }
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
        let provider = Provider {
            wallet: Mutex::new("w-1"),
            busy,
            sent: Mutex::default(),
            unreadable: Mutex::default(),
        };
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

#[tokio::test]
async fn what_was_paid_anew_up_to_the_last_generation_is_left_to_a_person() {
    let office = Office::new();
    let june = file(&[("B", UNREACHABLE)]);
    office.start(office.payer.prepare(&june, &named("june")).await.unwrap()).await;
    let mut run = "june".parse().unwrap();
    for generation in 1..=3 {
        let choices = Choices::default();
        let retry = office.payer.prepare_retry(&run, None, Quarantine::NONE, &choices).await;
        let ended = office.start(retry.unwrap().prepared).await;
        assert_eq!(ended.report.plan.payments[0].generation.number(), generation);
        run = ended.report.identity.run;
    }
    let retry = office.payer.prepare_retry(&run, None, Quarantine::NONE, &Choices::default()).await;
    let refused = retry.unwrap_err();
    assert_eq!(refused.exit(), Exit::Refused);
    let said = refused.to_string();
    assert!(said.contains("paid anew 3 times already") && said.contains("new reference"), "{said}");
    assert_eq!(office.provider.sent.lock().unwrap().len(), 4);
}

/// I2: what it replaces is read again just before the new intent, by the rule by which it was planned.
#[tokio::test(start_paused = true)]
async fn what_the_provider_calls_expired_since_it_was_planned_is_not_paid_anew_before_it_has_rested()
 {
    let office = Office::new();
    let june = file(&[("B", UNREACHABLE)]);
    office.start(office.payer.prepare(&june, &named("june")).await.unwrap()).await;
    let right = file(&[("B", "+254712000002")]);
    let rest = Quarantine { failed: Duration::ZERO, correctable: Duration::from_secs(24 * 3600) };
    let run = "june".parse().unwrap();
    let retry = office.payer.prepare_retry(&run, Some(&right), rest, &Choices::default()).await;
    let prepared = retry.unwrap().prepared;
    // Between the plan and the start, or between the start and the day on which it is gone on with.
    for word in office.provider.sent.lock().unwrap().values_mut() {
        *word = Settlement::Failed { correctable: true };
    }
    let ended = office.start(prepared).await;
    // The correction that the provider documents for this word.
    let mut sent = office.provider.sent.lock().unwrap();
    for word in sent.values_mut().filter(|word| **word != Settlement::Paid) {
        *word = Settlement::Paid;
    }
    let paid = sent.values().filter(|word| **word == Settlement::Paid).count();
    assert_eq!(paid, 1, "B is paid {paid} times: {:?}", ended.report.progress);
}

#[tokio::test]
async fn one_payment_of_which_every_question_fails_keeps_no_other_from_being_paid_anew() {
    let office = Office::new();
    let june = file(&[("A", UNREACHABLE), ("B", UNREACHABLE)]);
    office.start(office.payer.prepare(&june, &named("june")).await.unwrap()).await;
    *office.provider.unreadable.lock().unwrap() = Some("A");
    let run = "june".parse().unwrap();
    // Not even by a file that leaves it out.
    let right = file(&[("B", "+254712000002")]);
    let retry =
        office.payer.prepare_retry(&run, Some(&right), Quarantine::NONE, &Choices::default()).await;
    let retry = retry.unwrap();
    let ended = office.start(retry.prepared).await;
    assert_eq!(ended.report.books.count(State::Paid), 1, "{:?}", retry.left_out);
}

/// The plan of a retry, paid by its digest, takes the name of the run that its file would have.
#[tokio::test]
async fn a_payment_file_is_not_taken_for_paid_because_a_plan_of_a_part_of_it_was() {
    let office = Office::new();
    let june = file(&[("A", "+254712000001"), ("B", UNREACHABLE), ("C", "+254712000003")]);
    office.start(office.payer.prepare(&june, &named("june")).await.unwrap()).await;
    let (run, choices) = ("june".parse().unwrap(), Choices::default());
    let retry = office.payer.prepare_retry(&run, None, Quarantine::NONE, &choices).await.unwrap();
    // Looked at, not approved, and paid later by its digest.
    let prepared = office.payer.prepare_plan(&retry.prepared.digest, &choices).await.unwrap();
    office.start(prepared).await;
    let again = office.payer.prepare(&june, &choices).await;
    let told = again.map(|prepared| (prepared.plan.payments.len(), prepared.plan.retry_of.clone()));
    assert!(
        matches!(told, Err(JobError::Refused(_)) | Ok((3, None))),
        "the whole file is said to be a run of: {told:?}"
    );
}

/// It depends on whether something else was paid anew before, what a retry of which nothing comes says by its exit code.
#[tokio::test]
async fn a_retry_that_leaves_out_what_did_not_pay_is_not_done_because_an_earlier_one_is() {
    let office = Office::new();
    let june = file(&[("B", UNREACHABLE), ("C", UNREACHABLE)]);
    office.start(office.payer.prepare(&june, &named("june")).await.unwrap()).await;
    let (run, choices) = ("june".parse().unwrap(), Choices::default());
    let only_b = file(&[("B", "+254712000002")]);
    let retry = office.payer.prepare_retry(&run, Some(&only_b), Quarantine::NONE, &choices).await;
    assert_eq!(office.start(retry.unwrap().prepared).await.report.exit(true), Exit::Done);
    // C did not pay, and rests.
    let retry = office.payer.prepare_retry(&run, None, Quarantine::default(), &choices).await;
    let exit = match retry {
        Err(refused) => refused.exit(),
        Ok(retry) => {
            assert!(retry.left_out.keys().any(|why| why.contains("in quarantine")));
            office.start(retry.prepared).await.report.exit(true)
        }
    };
    assert_ne!(exit, Exit::Done);
}

/// A clock that was years ahead when a payment was refused, and is right now.
#[tokio::test]
async fn what_need_not_rest_is_paid_anew_whatever_the_clock_was() {
    use payrun_ports::{Body, Entry, PaymentEntry, RunStore as _};
    let office = Office::new();
    let june = file(&[("B", "+254712000002")]);
    let prepared = office.payer.prepare(&june, &named("june")).await.unwrap();
    let (plan, now) = (&prepared.plan, std::time::SystemTime::now());
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let ahead = payrun::UnixMillis(u64::try_from(now).unwrap() + 10 * 365 * 24 * 3_600_000);
    let identity = payrun::RunIdentity {
        run: "june".parse().unwrap(),
        plan: prepared.digest,
        source: plan.source.sha256,
        source_name: plan.source.name.clone(),
        organisation: plan.organisation.clone(),
        account: prepared.account.clone(),
        payments: 1,
        retry_of: None,
        created_at: ahead,
    };
    let references = [plan.payments[0].provider_reference];
    let state = payrun_store::StateDir::open(office._folder.path(), &plan.organisation).unwrap();
    let store = state.create_run(&identity.run, &identity, &references).unwrap();
    let entry = |event, body| {
        let payment = payrun::PaymentIndex(0);
        Entry::Payment(PaymentEntry { payment, event, at: ahead, body, reason: None })
    };
    let intent = payrun_core::Event::Intent { attempt: 1, basis: payrun_core::Basis::Clear };
    let group = vec![
        entry(intent, Some(Body::new(b"{}".to_vec()))),
        entry(payrun_core::Event::Refused, None),
    ];
    drop(store.commit(group).await.unwrap());
    store.close().await.unwrap();
    drop(store);
    let (run, choices) = ("june".parse().unwrap(), Choices::default());
    let retry = office.payer.prepare_retry(&run, None, Quarantine::NONE, &choices).await;
    assert!(retry.is_ok(), "with --quarantine 0s: {}", retry.unwrap_err());
}

/// Paid, then reversed, and the provider says so: by a callback while the run is under way, and to whoever asks later.
#[tokio::test]
async fn what_was_paid_and_then_reversed_is_not_called_paid_for_ever() {
    let office = Office::new();
    let file = file(&[("A", "+254712000001"), ("B", SLOW)]);
    let prepared = office.payer.prepare(&file, &named("june")).await.unwrap();
    let (callbacks, plan) = (Arc::clone(&prepared.callbacks), Arc::clone(&prepared.plan));
    let hour = Duration::from_secs(3600);
    let settings = Settings { poll_first: Duration::from_millis(300), ..Settings::default() };
    let settings = Settings { settle_timeout: hour, ..settings };
    let run = office.payer.start(prepared, false, settings, Arc::new(()), pending());
    let reversed = async {
        let a = plan.payments[0].provider_reference;
        while office.provider.sent.lock().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        office.provider.sent.lock().unwrap().insert(a, Settlement::Reversed);
        for _ in 0..20 {
            callbacks.heard_of(a);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (ended, ()) = tokio::join!(run, reversed);
    let told = |report: &payrun::Report| report.progress[0].standing.state;
    let at_its_end = told(&ended.unwrap().report);
    // And whoever goes on with it, even by looking everything up.
    let adopt = Choices { adopt: true, ..named("june") };
    let prepared = office.payer.prepare_resume(&"june".parse().unwrap(), &adopt).await.unwrap();
    let adopted = told(&office.start(prepared).await.report);
    assert_eq!((at_its_end, adopted), (State::Returned, State::Returned));
}

/// FAILED, then retried by the provider itself with success (`TRANSACTION_RETRY_SUCCESSFUL`), which it says by a callback.
#[tokio::test]
async fn what_failed_and_was_paid_after_all_is_asked_about_when_the_provider_says_so() {
    let office = Office::new();
    let file = file(&[("A", UNREACHABLE), ("B", SLOW)]);
    let prepared = office.payer.prepare(&file, &named("june")).await.unwrap();
    let (callbacks, plan) = (Arc::clone(&prepared.callbacks), Arc::clone(&prepared.plan));
    let settings = Settings { poll_first: Duration::from_millis(300), ..Settings::default() };
    let run = office.payer.start(prepared, false, settings, Arc::new(()), pending());
    let corrected = async {
        let a = plan.payments[0].provider_reference;
        while office.provider.sent.lock().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        office.provider.sent.lock().unwrap().insert(a, Settlement::Paid);
        for _ in 0..20 {
            callbacks.heard_of(a);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (ended, ()) = tokio::join!(run, corrected);
    let state = ended.unwrap().report.progress[0].standing.state;
    // And to whoever goes on with it later.
    let again = office.payer.prepare_resume(&"june".parse().unwrap(), &named("june")).await;
    let later = office.start(again.unwrap()).await.report.progress[0].standing.state;
    assert!(state == State::Paid || later == State::Paid, "{state} at its end, {later} later");
}
