//! The main way: file → plan → (approve) → open store → recover → execute → reconcile → report.
//!
//! [`Payer::prepare`] goes as far as anyone can look before money moves; [`Payer::start`] goes the rest.

use crate::records::{Records, references};
use crate::{JobError, Refusal, Report};
use payrun_core::{Account, Digest, Generation, Plan, Progress, RunKey, Wallet};
use payrun_csv::Validated;
use payrun_exec::{CallClass, Callbacks, Engine, Finish, Observer, Pace, Settings, probe};
use payrun_plan::{Entrant, PlanRequest, Policy, Preview, check_wallets, plan, preview};
use payrun_ports::{CallError, Clock, Entropy, Gateway, SystemClock, SystemEntropy};
use payrun_store::{
    ClaimError, CreateError, LedgerError, OpenMode, OpenRunError, OrganisationLockError,
    OtherAccount, RunIdentity,
};
use std::sync::Arc;
use std::time::Duration;

/// How often a call that moves no money is tried before a run begins.
const TRIES: u32 = 5;
/// The first wait between two tries; doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// A provider that asks for more than this is told of at once: nothing has begun that would be worth waiting for.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// An organisation with its records and the gateway that it pays through.
pub struct Payer {
    pub(crate) records: Records,
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// How a run is to be prepared.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The run's name; without one, the hash of the file.
    pub key: Option<RunKey>,
    /// Pay the valid rows of a file that has errors.
    pub skip_invalid: bool,
    /// Take over a run whose records are lost, or older than what was paid, by looking everything up before it is first sent.
    pub adopt: bool,
    /// Begin although a wallet lacks money for its part.
    pub allow_shortfall: bool,
    /// How to cut into batches.
    pub policy: Policy,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub enum Stage {
    /// A new run: nothing was sent.
    New {
        /// What it would take from each wallet.
        preview: Preview,
    },
    /// A run that was begun, and has something left to do.
    Begun(Box<Report>),
    /// A run that has come to its end: nothing will be sent.
    Finished(Box<Report>),
}

/// A run that is ready to start. Nothing was sent since it was prepared.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Its name.
    pub key: RunKey,
    /// What it pays.
    pub plan: Arc<Plan>,
    /// The plan's name.
    pub digest: Digest,
    /// Where it pays from.
    pub account: Account,
    /// How far it is.
    pub stage: Stage,
    /// Begin or go on by cautious start, since records are lost or older than what was paid.
    pub adopt: bool,
    /// Where a program that receives the provider's callbacks hands them in while the run is under way.
    pub callbacks: Arc<Callbacks>,
}

/// How a run went.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Why it stopped, if it did.
    pub finish: Finish,
    /// What the journal says now.
    pub report: Report,
}

/// Refuses a file with errors that are not to be skipped.
pub(crate) fn refuse_invalid(file: &Validated, choices: &Choices) -> Result<(), JobError> {
    if file.is_valid() || (choices.skip_invalid && file.is_valid_without_rejected_rows()) {
        return Ok(());
    }
    let warnings = if file.is_strict() { file.warnings() } else { 0 };
    Err(JobError::Invalid {
        errors: file.errors() + warnings,
        rejected_rows: file.rejected_rows,
        rows: file.rows,
    })
}

impl Payer {
    /// A payer with the system's clock and chance, at the gateway's own pace, which it shares with all payers of the same
    /// records and key, now and later.
    pub fn new(records: Records, gateway: Arc<dyn Gateway>) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (limits, key) = (gateway.rules().limits, gateway.key_fingerprint());
        let pace = Arc::new(Pace::shared(&limits, Arc::clone(&clock), records.state.grants(), key));
        Self { records, gateway, pace, clock, entropy: Arc::new(SystemEntropy::default()) }
    }

    /// What is on disk.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The account that the gateway's key opens.
    ///
    /// # Errors
    /// [`JobError::Gateway`] if the provider cannot be asked or refuses the key.
    pub async fn account(&self) -> Result<Account, JobError> {
        let id = self.patiently(async || self.gateway.account().await).await?;
        Ok(Account { gateway: self.gateway.host(), id })
    }

    /// Makes a call that moves no money, a few times if the provider only stumbled.
    pub(crate) async fn patiently<T>(
        &self,
        call: impl AsyncFn() -> Result<T, CallError>,
    ) -> Result<T, JobError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            self.pace.token(CallClass::Read).await;
            match call().await {
                Err(error) if error.is_transient() => {
                    let asked_for =
                        if let CallError::Busy(Some(asked)) = error { asked } else { wait };
                    if asked_for > WAIT_MAX {
                        return Err(error.into());
                    }
                    self.clock.sleep_until(self.clock.now().after(asked_for.max(wait))).await;
                    wait *= 2;
                }
                answer => return Ok(answer?),
            }
        }
        self.pace.token(CallClass::Read).await;
        Ok(call().await?)
    }

    /// The account's wallets with their balances.
    ///
    /// # Errors
    /// [`JobError::Gateway`] if the provider cannot be asked or refuses the key.
    pub async fn wallets(&self) -> Result<Vec<Wallet>, JobError> {
        self.patiently(async || self.gateway.wallets().await).await
    }

    /// Plans a validated file, or finds the run that its key already has. Sends nothing.
    ///
    /// # Errors
    /// [`JobError`]; nothing was sent.
    pub async fn prepare(&self, file: &Validated, choices: &Choices) -> Result<Prepared, JobError> {
        let key = match &choices.key {
            Some(key) => key.clone(),
            None => run_key_of(&file.source.sha256)?,
        };
        let account = self.account().await?;
        if let Some(identity) = self.records.identity(&key)? {
            if identity.source != file.source.sha256 {
                return Err(Refusal::OtherFile {
                    run: key,
                    begun_with: identity.source_name,
                    begun_hash: identity.source.short(),
                }
                .into());
            }
            return self.take_up(&identity, account, choices);
        }
        refuse_invalid(file, choices)?;
        let entrants = file
            .payments
            .iter()
            .map(|payment| Entrant { payment: payment.clone(), generation: Generation::FIRST })
            .collect();
        let wallets = self.wallets().await?;
        let plan = plan(PlanRequest {
            organisation: self.records.organisation().clone(),
            source: file.source.clone(),
            retry_of: None,
            entrants,
            wallets: &wallets,
            policy: choices.policy,
        })?;
        self.store_plan(plan, key, account, &wallets, choices).await
    }

    /// Prepares a stored plan, or finds the run that was begun with it. Sends nothing.
    ///
    /// # Errors
    /// [`JobError`]; nothing was sent.
    pub async fn prepare_plan(
        &self,
        digest: &Digest,
        choices: &Choices,
    ) -> Result<Prepared, JobError> {
        let plan = self.records.plan(digest)?;
        let key = match &choices.key {
            Some(key) => key.clone(),
            None => self.key_of(&plan, digest, choices.adopt)?,
        };
        let account = self.account().await?;
        if let Some(identity) = self.records.identity(&key)? {
            if identity.plan != *digest {
                return Err(Refusal::OtherFile {
                    run: key,
                    begun_with: identity.source_name,
                    begun_hash: identity.source.short(),
                }
                .into());
            }
            return self.take_up(&identity, account, choices);
        }
        if let Some(parent) = &plan.retry_of {
            self.records.line(parent, &account, self.clock.wall()).whole()?;
        }
        let wallets = self.wallets().await?;
        // It may have been planned for another account, or long ago (I6).
        check_wallets(&plan, &wallets)?;
        self.store_plan((*plan).clone(), key, account, &wallets, choices).await
    }

    /// Takes up a run that was begun. Sends nothing.
    ///
    /// # Errors
    /// [`JobError`]; nothing was sent.
    pub async fn prepare_resume(
        &self,
        key: &RunKey,
        choices: &Choices,
    ) -> Result<Prepared, JobError> {
        let Some(identity) = self.records.identity(key)? else {
            let place = self.records.path().display();
            return Err(JobError::NoSuch(format!("there is no run '{key}' in {place}")));
        };
        let account = self.account().await?;
        self.take_up(&identity, account, choices)
    }

    /// Only from where it was begun (I6).
    pub(crate) fn take_up(
        &self,
        identity: &RunIdentity,
        account: Account,
        choices: &Choices,
    ) -> Result<Prepared, JobError> {
        same_account(identity, &account)?;
        let report = self.records.report(&identity.run)?;
        // What may still be corrected is asked about once more.
        let settled =
            |progress: &Progress| progress.standing.state.is_final() && !progress.correctable;
        let finished = report.progress.iter().all(settled);
        Ok(Prepared {
            key: identity.run.clone(),
            plan: Arc::clone(&report.plan),
            digest: identity.plan,
            account,
            stage: if finished {
                Stage::Finished(Box::new(report))
            } else {
                Stage::Begun(Box::new(report))
            },
            adopt: choices.adopt,
            callbacks: Arc::default(),
        })
    }

    pub(crate) async fn store_plan(
        &self,
        plan: Plan,
        key: RunKey,
        account: Account,
        wallets: &[Wallet],
        choices: &Choices,
    ) -> Result<Prepared, JobError> {
        let bytes = payrun_plan::encode(&plan).map_err(|error| JobError::Bug(error.to_string()))?;
        let digest = payrun_plan::digest(&bytes);
        self.records.state.put_plan(&digest, &bytes)?;
        let preview = preview(&plan, wallets)?;
        let (stage, adopt) = (Stage::New { preview }, choices.adopt);
        let (plan, callbacks) = (Arc::new(plan), Arc::default());
        Ok(Prepared { key, plan, digest, account, stage, adopt, callbacks })
    }

    /// Pays, or goes on paying. `cancel` stops it: nothing new is begun, what is under way is waited for.
    ///
    /// # Errors
    /// [`JobError`] if the run could not begin, or its records fail; the message says which payments are in question.
    pub async fn start(
        &self,
        prepared: Prepared,
        allow_shortfall: bool,
        settings: Settings,
        observer: Arc<dyn Observer>,
        cancel: impl Future<Output = ()> + Send,
    ) -> Result<Ended, JobError> {
        let Prepared { key, plan, digest, account, stage, adopt, callbacks } = prepared;
        let references = references(&plan);
        let store = match stage {
            Stage::Finished(report) => {
                let finish = Finish { stopped: None, paused_wallets: Default::default() };
                return Ok(Ended { finish, report: *report });
            }
            Stage::Begun(report) => {
                let mode = self.how_to_open(&report, adopt)?;
                self.records.state.open_run(&key, &references, mode).map_err(open_error)?
            }
            Stage::New { preview } => {
                check_funds(&preview, allow_shortfall)?;
                if !adopt {
                    self.refuse_known(&plan).await?;
                }
                let identity = RunIdentity {
                    run: key.clone(),
                    plan: digest,
                    source: plan.source.sha256,
                    source_name: plan.source.name.clone(),
                    organisation: plan.organisation.clone(),
                    account: account.clone(),
                    payments: u32::try_from(plan.payments.len()).unwrap_or(u32::MAX),
                    retry_of: plan.retry_of.clone(),
                    created_at: self.clock.wall(),
                };
                let state = &self.records.state;
                let created = if adopt {
                    state.adopt_run(&key, &identity, &references, "adopted: its records were lost")
                } else {
                    state.create_run(&key, &identity, &references)
                };
                created.map_err(create_error)?
            }
        };
        // With its own claims on record: whoever pays anew claims before it sends.
        let (superseded, _) = self.records.superseded(&plan, plan.indices())?;
        let store: Arc<dyn payrun_ports::RunStore> = Arc::new(store);
        let engine = Engine {
            predecessors: self.records.predecessors(&plan, &account, self.clock.wall()),
            superseded,
            plan: Arc::clone(&plan),
            gateway: Arc::clone(&self.gateway),
            store: Arc::clone(&store),
            pace: Arc::clone(&self.pace),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            callbacks,
            observer,
            settings,
        };
        let finish = engine.run(cancel).await?;
        drop(engine);
        // A fault of the store stands in `finish`; closing one that failed fails again.
        let closed = store.close().await;
        if finish.stopped.is_none() {
            closed?;
        }
        drop(store);
        Ok(Ended { finish, report: self.records.report(&key)? })
    }

    /// The name of a stored plan's run, if it was given none: its file's hash, or the next number after the run that it pays
    /// anew from.
    fn key_of(&self, plan: &Plan, digest: &Digest, adopt: bool) -> Result<RunKey, JobError> {
        let Some(parent) = &plan.retry_of else { return run_key_of(&plan.source.sha256) };
        let names = self.names(adopt)?;
        let (mut key, mut identity) = names.after(parent)?;
        while identity.is_some_and(|identity| identity.plan != *digest) {
            (key, identity) = names.after(&key)?;
        }
        Ok(key)
    }

    /// Cautiously, if the records are older than what is known beside them, or a person says so (I11).
    fn how_to_open(&self, report: &Report, adopt: bool) -> Result<OpenMode, JobError> {
        if adopt {
            let reason = "adopted: its records may be older than what was paid".to_owned();
            return Ok(OpenMode::Cautious { reason });
        }
        let open =
            report.plan.indices().zip(&report.progress).filter_map(|(index, progress)| {
                (!progress.standing.state.is_final()).then_some(index)
            });
        let (superseded, unreadable) = self.records.superseded(&report.plan, open)?;
        Ok(match (superseded.into_values().min(), unreadable) {
            // What is paid anew had come to its end here before.
            (Some(run), _) => OpenMode::Cautious {
                reason: format!(
                    "its records are older than run {run}, which pays anew what is still open here"
                ),
            },
            // The run itself is sound. Whether another one pays it anew cannot be told.
            (None, Some(error)) => OpenMode::Cautious {
                reason: format!("the records of another run cannot be read: {error}"),
            },
            (None, None) => OpenMode::Resume,
        })
    }

    /// Empty is not new (I11).
    async fn refuse_known(&self, plan: &Plan) -> Result<(), JobError> {
        let known =
            self.patiently(async || probe(plan, self.gateway.as_ref(), &self.pace).await).await?;
        let Some(planned) = known.and_then(|index| plan.payment(index)) else { return Ok(()) };
        let (row, reference) = (planned.payment.row, &planned.payment.reference);
        // Not lost, only taken: the ledger would refuse it next, and adopting is not the way out.
        if let Some(run) = self.records.holder_of(planned.provider_reference)? {
            let taken =
                format!("the payment of row {row} (reference {reference}) belongs to run '{run}'");
            return Err(Refusal::Claimed(taken).into());
        }
        Err(Refusal::KnownAtProvider { row, reference: reference.to_string() }.into())
    }
}

fn check_funds(preview: &Preview, allow_shortfall: bool) -> Result<(), JobError> {
    let lacking: Vec<_> = preview
        .wallets
        .iter()
        .filter_map(|wallet| {
            let missing = wallet.shortfall?;
            Some(format!(
                "wallet '{}' lacks {missing} for its part of {}",
                wallet.wallet, wallet.sum
            ))
        })
        .collect();
    if lacking.is_empty() || allow_shortfall {
        return Ok(());
    }
    Err(JobError::Shortfall(lacking.join("; ")))
}

/// Refuses what is paid from elsewhere than the run was begun from (I6).
pub(crate) fn same_account(identity: &RunIdentity, this: &Account) -> Result<(), JobError> {
    if identity.account == *this {
        return Ok(());
    }
    let (run, begun_from) = (identity.run.clone(), identity.account.clone());
    Err(Refusal::OtherAccount { run, begun_from, this: this.clone() }.into())
}

/// The name of a run that was given none: its file's hash.
fn run_key_of(sha256: &Digest) -> Result<RunKey, JobError> {
    sha256
        .to_string()
        .parse()
        .map_err(|error| JobError::Bug(format!("a digest is no run key: {error}")))
}

fn other_account(OtherAccount { run, begun_from, this }: OtherAccount) -> JobError {
    Refusal::OtherAccount { run, begun_from, this }.into()
}

pub(crate) fn create_error(error: CreateError) -> JobError {
    let said = error.to_string();
    if let CreateError::HistoryLost { run, .. } = error {
        Refusal::HistoryLost { run }.into()
    } else if let CreateError::AdoptsLess { run, missing } = error {
        Refusal::AdoptsLess { run, missing }.into()
    } else if let CreateError::OtherAccount(other) = error {
        other_account(*other)
    } else if matches!(error, CreateError::Claimed { .. }) {
        Refusal::Claimed(said).into()
    } else if matches!(
        error,
        CreateError::AlreadyExists(_) | CreateError::Lock(OrganisationLockError::Held(_))
    ) {
        Refusal::Held(said).into()
    } else if matches!(
        error,
        CreateError::Ledger(LedgerError::Corrupt(_)) | CreateError::LedgerIncomplete { .. }
    ) {
        JobError::Ledger(said)
    } else {
        JobError::Create(error)
    }
}

pub(crate) fn open_error(error: OpenRunError) -> JobError {
    let said = error.to_string();
    if matches!(error, OpenRunError::Held(_) | OpenRunError::Lock(OrganisationLockError::Held(_))) {
        Refusal::Held(said).into()
    } else if let OpenRunError::OtherAccount(other) = error {
        other_account(*other)
    } else if matches!(error, OpenRunError::Claimed { .. }) {
        Refusal::Claimed(said).into()
    } else if matches!(
        error,
        OpenRunError::Ledger(LedgerError::Corrupt(_)) | OpenRunError::LedgerIncomplete { .. }
    ) {
        JobError::Ledger(said)
    } else {
        JobError::OpenRun(error)
    }
}

pub(crate) fn claim_error(error: ClaimError) -> JobError {
    match error {
        ClaimError::Claimed { .. } => Refusal::Claimed(error.to_string()).into(),
        ClaimError::Ledger(LedgerError::Corrupt(_)) => JobError::Ledger(error.to_string()),
        ClaimError::Ledger(ledger @ LedgerError::Io(_)) => JobError::OpenRun(ledger.into()),
        ClaimError::Lock(OrganisationLockError::Held(_)) => Refusal::Held(error.to_string()).into(),
        ClaimError::Lock(lock) => JobError::OpenRun(lock.into()),
    }
}
