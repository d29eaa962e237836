//! An office that pays through a provider in memory, loses records and gets them back.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use async_trait::async_trait;
use payrun::csv::Validated;
use payrun::{
    AbsenceRule, AccountId, Amount, Answer, Body, CallError, Choices, Clue, Gateway, GatewayHost,
    GatewayRules, JobError, LookUp, NotSent, PayeeKey, Payer, Permit, PlannedPayment, Prepared,
    ProviderReference, Quarantine, Records, Report, RunKey, Settings, Settlement, Wallet, WalletId,
};
use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A provider that honours a reference once, and knows nothing of what it refused.
#[derive(Default)]
pub struct Provider {
    /// The payer's references that it refuses for good.
    pub refused: Mutex<HashSet<String>>,
    /// The payer's references that it takes; without any, all.
    pub open_to: Mutex<Option<HashSet<String>>>,
    /// Whose payment was paid under which reference.
    pub paid: Mutex<HashMap<ProviderReference, String>>,
    /// Requests of later generations stay on their way as long as this is so, and whether one is.
    pub is_held_up: Mutex<(bool, bool)>,
    /// Every question about a payment is answered with an error of its server.
    pub is_down: Mutex<bool>,
    /// The payer's references that it calls expired.
    pub expired: Mutex<HashSet<String>>,
    /// What it called so.
    pub given_up: Mutex<HashSet<ProviderReference>>,
    /// The payer's references that it takes and never settles.
    pub never_settled: Mutex<HashSet<String>>,
    /// The payer's references about which it refuses to answer.
    pub closed: Mutex<HashSet<String>>,
    /// What it took so.
    pub under_way: Mutex<HashSet<ProviderReference>>,
    /// The account that its key opens; without one, the usual.
    pub account: Option<&'static str>,
    /// The payer's reference of the one payment of which no question is answered in time.
    pub is_slow: Mutex<Option<&'static str>>,
}

impl Provider {
    pub fn refuse(&self, references: &[&str]) {
        *self.refused.lock().unwrap() = references.iter().map(|text| (*text).to_owned()).collect();
    }

    /// Its key opens nothing but these.
    pub fn open_to(&self, references: &[&str]) {
        let references = references.iter().map(|text| (*text).to_owned()).collect();
        *self.open_to.lock().unwrap() = Some(references);
    }

    pub fn open(&self) {
        *self.open_to.lock().unwrap() = None;
    }

    /// Whose payments were paid, as often as they were.
    pub fn paid(&self) -> Vec<String> {
        let mut paid: Vec<_> = self.paid.lock().unwrap().values().cloned().collect();
        paid.sort_unstable();
        paid
    }
}

#[async_trait]
impl Gateway for Provider {
    fn host(&self) -> GatewayHost {
        GatewayHost::new("memory")
    }

    fn rules(&self) -> GatewayRules {
        GatewayRules { request_timeout: Duration::from_millis(5), ..GatewayRules::default() }
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        Ok(AccountId::new(self.account.unwrap_or("acme")))
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        let balance = Amount::parse_balance("1000000", "KES".parse().unwrap()).unwrap();
        Ok(vec![Wallet { id: WalletId::new("w-1"), name: "w".to_owned(), balance, active: true }])
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
        let reference = payment.payment.reference.to_string();
        if self.open_to.lock().unwrap().as_ref().is_some_and(|open| !open.contains(&reference)) {
            return Answer::NotSent(NotSent::KeyRefused("not now".to_owned()));
        }
        while payment.generation.previous().is_some() && self.is_held_up.lock().unwrap().0 {
            self.is_held_up.lock().unwrap().1 = true;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if self.refused.lock().unwrap().contains(&reference) {
            return Answer::Refused("the payee's daily limit is reached".to_owned());
        }
        if self.expired.lock().unwrap().contains(&reference) {
            self.given_up.lock().unwrap().insert(payment.provider_reference);
            return Answer::Settled(Settlement::Failed { correctable: true }, None);
        }
        if self.never_settled.lock().unwrap().contains(&reference) {
            self.under_way.lock().unwrap().insert(payment.provider_reference);
            return Answer::Settled(Settlement::InFlight, None);
        }
        match self.paid.lock().unwrap().insert(payment.provider_reference, reference) {
            None => Answer::Settled(Settlement::Paid, None),
            Some(_) => Answer::Unknown(Clue::Duplicate, "it is there already".to_owned()),
        }
    }

    async fn look_up(
        &self,
        payment: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        if *self.is_down.lock().unwrap() {
            return Err(CallError::Unreadable("HTTP 500: Internal server error".to_owned()));
        }
        if *self.is_slow.lock().unwrap() == Some(payment.payment.reference.as_str()) {
            return Err(CallError::Timeout(Duration::from_secs(30)));
        }
        if self.closed.lock().unwrap().contains(payment.payment.reference.as_str()) {
            return Err(CallError::Refused("HTTP 400: this wallet is closed".to_owned()));
        }
        let is_under_way = self.under_way.lock().unwrap().contains(&payment.provider_reference);
        if is_under_way {
            return Ok(LookUp::Found(Settlement::InFlight, None));
        }
        let (paid, given_up) = (self.paid.lock().unwrap(), self.given_up.lock().unwrap());
        Ok(match payment.provider_reference {
            reference if paid.contains_key(&reference) => LookUp::Found(Settlement::Paid, None),
            reference if given_up.contains(&reference) => {
                LookUp::Found(Settlement::Failed { correctable: true }, None)
            }
            _ => LookUp::NotFound,
        })
    }
}

/// One who pays through the provider, with records of their own.
pub struct Office {
    pub payer: Payer,
    pub folder: tempfile::TempDir,
}

impl Office {
    pub fn new(provider: &Arc<Provider>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
        Self { payer: Payer::new(records, provider.clone()), folder }
    }

    /// The same records, with the key of another account, which knows nothing of what was paid.
    pub fn with_the_key_of_another(&self) -> (Arc<Provider>, Payer) {
        let another = Provider { account: Some("another"), ..Provider::default() };
        let another = Arc::new(another);
        (another.clone(), self.with_the_key(&another))
    }

    pub fn with_the_key(&self, another: &Arc<Provider>) -> Payer {
        let records = Records::open(self.folder.path(), &"acme".parse().unwrap()).unwrap();
        Payer::new(records, another.clone())
    }

    /// All runs are put back as they are now.
    pub fn backup(&self) -> impl Fn() + use<> {
        let runs = self.payer.records().path().join("runs");
        let kept = self.folder.path().join("kept");
        copy(&runs, &kept);
        move || {
            std::fs::remove_dir_all(&runs).unwrap();
            copy(&kept, &runs);
        }
    }

    /// Flips a bit in a run's journal, behind its first record.
    pub fn damage_run(&self, run: &str) {
        let segment = self.run_folder(run).join("journal/00000001.seg");
        let mut bytes = std::fs::read(&segment).unwrap();
        let place = bytes.len() * 3 / 4;
        bytes[place] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
    }

    pub async fn run(&self, file: &Validated, choices: &Choices) -> Result<Report, JobError> {
        self.start(self.payer.prepare(file, choices).await?).await
    }

    pub async fn retry(
        &self,
        run: &str,
        corrected: Option<&Validated>,
    ) -> Result<Report, JobError> {
        let choices = Choices::default();
        let retry =
            self.payer.prepare_retry(&key(run), corrected, Quarantine::NONE, &choices).await?;
        self.start(retry.prepared).await
    }

    pub async fn start(&self, prepared: Prepared) -> Result<Report, JobError> {
        let settings = Settings {
            absence: AbsenceRule { grace: Duration::from_millis(10), ..AbsenceRule::default() },
            poll_first: Duration::from_millis(5),
            settle_timeout: Duration::from_millis(200),
            ..Settings::default()
        };
        let ended = self.payer.start(prepared, false, settings, Arc::new(()), pending()).await?;
        Ok(ended.report)
    }

    /// The first file of the ledger.
    pub fn ledger(&self) -> PathBuf {
        self.payer.records().path().join("ledger/00000001.seg")
    }

    /// A record of the ledger before its last is bad.
    pub fn damage_ledger(&self) {
        let mut bytes = std::fs::read(self.ledger()).unwrap();
        bytes[120] ^= 1;
        std::fs::write(self.ledger(), bytes).unwrap();
    }

    /// The last record of the ledger is torn.
    pub fn tear_ledger(&self) {
        let mut bytes = std::fs::read(self.ledger()).unwrap();
        bytes.pop();
        std::fs::write(self.ledger(), bytes).unwrap();
    }

    /// Nothing is left in these folders.
    pub fn empty(&self, folders: &[&str]) {
        for folder in folders {
            let path = self.payer.records().path().join(folder);
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::create_dir(&path).unwrap();
        }
    }

    pub fn run_folder(&self, run: &str) -> PathBuf {
        self.payer.records().path().join("runs").join(run)
    }
}

pub fn key(text: &str) -> RunKey {
    text.parse().unwrap()
}

pub fn named(run: &str) -> Choices {
    Choices { key: Some(key(run)), ..Choices::default() }
}

/// A payment file of these references, of this name.
pub fn file(name: &str, references: &[&str]) -> Validated {
    let mut text =
        "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n".to_owned();
    for (number, reference) in references.iter().enumerate() {
        text += &format!("Jane Doe,jane@example.com,+2547120000{number:02},1500,KES,{reference}\n");
    }
    let file = payrun::csv::read(text.as_bytes(), name).unwrap();
    assert_eq!(file.errors(), 0, "{:?}", file.problems());
    file
}

pub fn employees(count: usize) -> Vec<&'static str> {
    (0..count).map(|number| &*format!("EMP-{number}").leak()).collect()
}

pub fn states(report: &Report) -> Vec<&'static str> {
    report.progress.iter().map(|progress| progress.standing.state.word()).collect()
}
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
/// As a process leaves it that ends, or finds no room on the disk, between the name of the run's folder and its claims: the
/// first record is there, nothing was sent, nothing is claimed.
pub async fn begun_without_claims(office: &Office, run: &str, file: &Validated) {
    let prepared = office.payer.prepare(file, &named(run)).await.unwrap();
    let plan = &prepared.plan;
    let identity = payrun::RunIdentity {
        run: key(run),
        plan: prepared.digest,
        source: plan.source.sha256,
        source_name: plan.source.name.clone(),
        organisation: plan.organisation.clone(),
        account: prepared.account.clone(),
        payments: u32::try_from(plan.payments.len()).unwrap(),
        retry_of: None,
        created_at: payrun::UnixMillis(1),
    };
    let references: Vec<_> = plan.payments.iter().map(|paid| paid.provider_reference).collect();
    let aside = tempfile::tempdir().unwrap();
    let state = payrun_store::StateDir::open(aside.path(), &plan.organisation).unwrap();
    drop(state.create_run(&key(run), &identity, &references).unwrap());
    copy(&aside.path().join("acme/runs").join(run), &office.run_folder(run));
}

pub fn adopting() -> Choices {
    Choices { adopt: true, ..Choices::default() }
}

/// An office that has paid before, in which `june` was begun so, and its file.
pub async fn with_a_ghost() -> (Arc<Provider>, Office, Validated) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    // A creation writes the ledger's first record before the run's folder: there is one.
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    let june = file("june.csv", &["A", "B", "C"]);
    begun_without_claims(&office, "june", &june).await;
    (provider, office, june)
}

/// Of the run `june` B was paid and A was still to be sent when its records were copied; they can be put back so. Since then A was
/// refused, and whoever pays takes everything now.
pub async fn refused_since_a_backup() -> (Arc<Provider>, Office, Validated, impl Fn()) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["B", "A"]);
    provider.refuse(&["A"]);
    provider.open_to(&["B"]);
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["paid", "planned"]);
    let put_back = office.backup();
    provider.open();
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["paid", "rejected"]);
    provider.refuse(&[]);
    (provider, office, june, put_back)
}

/// A expired in `june` and in `june.retry-1`, and was paid by `june.retry-2`. The retry in the middle was put away. Then the
/// provider corrected the first, and `june` is gone on with: its report.
pub async fn paid_twice() -> (Arc<Provider>, Office, Report) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.expired.lock().unwrap().insert("A".to_owned());
    let first = office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["failed"]);
    provider.expired.lock().unwrap().clear();
    assert_eq!(states(&office.retry("june.retry-1", None).await.unwrap()), ["paid"]);
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    let late = first.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    let resumed = office.payer.prepare_resume(&key("june"), &Choices::default()).await.unwrap();
    let report = office.start(resumed).await.unwrap();
    (provider, office, report)
}

/// `june` is put away, the ledger damaged and rebuilt, and A of it begun under another name. Then `june` is put back.
pub async fn have_a_part_taken(office: &Office) {
    let away = office.folder.path().join("away");
    std::fs::rename(office.run_folder("june"), &away).unwrap();
    office.damage_ledger();
    office.payer.records().rebuild_ledger().unwrap();
    let choices = Choices { adopt: true, ..named("june-2") };
    assert_eq!(states(&office.run(&file("a.csv", &["A"]), &choices).await.unwrap()), ["paid"]);
    std::fs::rename(&away, office.run_folder("june")).unwrap();
}
