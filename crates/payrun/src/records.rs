//! What is on disk about an organisation's runs: everything that needs no provider.

use crate::{JobError, Refusal, Report, Verified};
use payrun_core::{Digest, Organisation, PaymentIndex, Plan, ProviderReference, Reference, RunKey};
use payrun_exec::Predecessor;
use payrun_store::{CreateError, ImportError, PortableError, RunIdentity, StateDir};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An organisation's plans, runs and ledger in one state directory.
#[derive(Clone)]
pub struct Records {
    organisation: Organisation,
    pub(crate) state: Arc<StateDir>,
}

impl Records {
    /// Opens, or makes, the organisation's folder in the state directory `root`.
    ///
    /// # Errors
    /// [`JobError::StateDir`] if it cannot be used, with the reason.
    pub fn open(root: &Path, organisation: &Organisation) -> Result<Self, JobError> {
        let state = StateDir::open(root, organisation)?;
        Ok(Self { organisation: organisation.clone(), state: Arc::new(state) })
    }

    /// Opens the organisation's folder in the state directory `root` to look at it: makes nothing, and needs no right to
    /// write. Whatever would change something fails.
    ///
    /// # Errors
    /// [`JobError::StateDir`] if it cannot be looked at. One that is not there has no runs.
    pub fn open_to_read(root: &Path, organisation: &Organisation) -> Result<Self, JobError> {
        let state = StateDir::open_to_read(root, organisation)?;
        Ok(Self { organisation: organisation.clone(), state: Arc::new(state) })
    }

    /// Who pays.
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.state.path()
    }

    /// All runs, in order of their keys.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn runs(&self) -> Result<Vec<RunKey>, JobError> {
        let path = self.path().to_owned();
        match self.state.runs() {
            // Opened to be looked at, before there was anything.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {
                Ok(Vec::new())
            }
            runs => runs.map_err(|error| JobError::Listing { path, error }),
        }
    }

    /// The first record of a run, if there is such a run.
    ///
    /// # Errors
    /// If it exists and cannot be read: an empty record is never a new run.
    pub fn identity(&self, key: &RunKey) -> Result<Option<RunIdentity>, JobError> {
        Ok(self.state.run_identity(key)?)
    }

    /// A stored plan.
    ///
    /// # Errors
    /// If it is not there, or not what its name says.
    pub fn plan(&self, digest: &Digest) -> Result<Arc<Plan>, JobError> {
        let bytes = self.state.plan(digest)?;
        Ok(Arc::new(payrun_plan::decode(&bytes)?))
    }

    /// The digest of the one stored plan that begins with these hexadecimal digits, at least 8 of them.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn find_plan(&self, prefix: &str) -> Result<Option<Digest>, JobError> {
        Ok(self.state.find_plan(prefix)?)
    }

    /// What the journal says of a run. Takes no lock: it may be under way.
    ///
    /// # Errors
    /// [`JobError::NoSuch`] if there is no such run; others if its records cannot be trusted.
    pub fn report(&self, key: &RunKey) -> Result<Report, JobError> {
        let Some(identity) = self.identity(key)? else {
            return Err(JobError::NoSuch(format!(
                "there is no run '{key}' in {}",
                self.path().display()
            )));
        };
        let plan = self.plan(&identity.plan)?;
        Report::of(self.state.read_run(key)?, plan)
    }

    /// Proves offline that a run's records are whole: journal chain, checkpoint against journal, claims, the plan file
    /// against its digest, and that the books balance.
    ///
    /// # Errors
    /// If they cannot be read at all; faults that are found are in the answer.
    pub fn verify(&self, key: &RunKey) -> Result<Verified, JobError> {
        let records = self.state.verify(key)?;
        let Some(identity) = &records.identity else {
            return Ok(Verified { records, balances: Vec::new() });
        };
        let plan = self.plan(&identity.plan);
        Ok(Verified::of(records, plan, self.state.read_run(key).ok()))
    }

    /// Makes a run's checkpoint anew from its journal. It then goes on by cautious start.
    ///
    /// # Errors
    /// If the journal itself cannot be trusted.
    pub fn rebuild(&self, key: &RunKey) -> Result<(), JobError> {
        self.state.rebuild(key).map_err(crate::job::open_error)?;
        Ok(())
    }

    /// Writes everything of a run to `out` as JSON lines, to be kept, or to go on with it elsewhere: what it is bound to, its
    /// plan, every event. Names, phones and e-mail addresses are in it.
    ///
    /// Whoever goes on with an export must be the only one to go on: two places that pay one run are kept apart by nothing
    /// but the provider's own uniqueness of references.
    ///
    /// # Errors
    /// [`Refusal::Held`] while a process pays the run; [`JobError::Export`] if the records cannot be read or `out` takes no
    /// more: what was written until then is no whole export, and is refused when it is read.
    pub fn export(&self, key: &RunKey, out: impl io::Write) -> Result<(), JobError> {
        let run = self.state.read_run(key)?;
        if let Some(holder) = run.holder {
            return Err(Refusal::Held(format!("the run is being paid by {holder}")).into());
        }
        self.state.export_run(key, out).map_err(JobError::Export)
    }

    /// Makes a run of an export, under the key that it had. Sends nothing. The run goes on by cautious start: what came after
    /// the export is not known here. `rehearsal` says which kind of runs these records are of.
    ///
    /// # Errors
    /// [`JobError::Import`] if it is not whole, or not as it was written; [`Refusal`] if it is of another organisation or kind,
    /// the run is here already, another run holds its references, or it pays anew what a run did not pay that is not
    /// here. No run was made then.
    pub fn import(
        &self,
        input: impl io::BufRead,
        rehearsal: bool,
    ) -> Result<RunIdentity, JobError> {
        let accept = |identity: &RunIdentity, plan: &[u8]| accept(identity, plan, rehearsal);
        self.state.import_run(input, accept).map_err(|error| match error {
            ImportError::Export(error) => JobError::Import(error),
            ImportError::Plan(error) => error.into(),
            ImportError::PredecessorMissing(run) => Refusal::PredecessorMissing { run }.into(),
            ImportError::Declined(error) => error,
            ImportError::Create(CreateError::AlreadyExists(key)) => {
                Refusal::Held(format!("the run '{key}' is here already")).into()
            }
            ImportError::Create(CreateError::OtherIdentity { found, .. }) => {
                Refusal::OtherOrganisation { found }.into()
            }
            ImportError::Create(error) => crate::job::create_error(error),
        })
    }

    /// Sets a damaged ledger aside and begins a new one, then puts every run's claims back; a ledger that can be read is
    /// kept. What runs that are not here any more had claimed is lost with it, so from then on new runs go by
    /// cautious start.
    ///
    /// # Errors
    /// If the ledger cannot be read for another reason than damage, or not be written.
    pub fn rebuild_ledger(&self) -> Result<LedgerRebuilt, JobError> {
        let rebuilt = self.state.rebuild_ledger().map_err(crate::job::claim_error)?;
        let (mut claimed, mut left_out) = (Vec::new(), Vec::new());
        for key in rebuilt.runs {
            // A copy of a run's folder is no run.
            if matches!(self.identity(&key), Ok(Some(identity)) if identity.run != key) {
                continue;
            }
            match self.reclaim(&key) {
                Ok(count) => claimed.push((key, count)),
                Err(error) => left_out.push((key, error)),
            }
        }
        Ok(LedgerRebuilt { set_aside: rebuilt.set_aside, claimed, left_out })
    }

    /// Puts a run's claims back on record in the ledger; how many were missing.
    fn reclaim(&self, key: &RunKey) -> Result<usize, JobError> {
        let identity = self.identity(key)?;
        let lost = || JobError::NoSuch(format!("there is no run '{key}'"));
        let identity = identity.ok_or_else(lost)?;
        let plan = self.plan(&identity.plan)?;
        self.state.reclaim(key, &references(&plan)).map_err(crate::job::claim_error)
    }

    /// Every generation before each payment of a later generation, over the whole line of runs. Payments with a gap in that
    /// line are left out, and so never sent.
    pub(crate) fn predecessors(
        &self,
        plan: &Plan,
    ) -> Result<HashMap<PaymentIndex, Vec<Predecessor>>, JobError> {
        let Some(parent) = &plan.retry_of else { return Ok(HashMap::new()) };
        let mut line = self.line(parent)?;
        let replaced = plan.indices().zip(&plan.payments).filter_map(|(index, planned)| {
            let mut before = line.remove(&planned.payment.reference)?;
            before.retain(|earlier| earlier.payment.generation < planned.generation);
            Some((index, before))
        });
        Ok(replaced.collect())
    }

    /// What `run` and the runs that it descends from hold under each reference.
    pub(crate) fn line(
        &self,
        run: &RunKey,
    ) -> Result<HashMap<Reference, Vec<Predecessor>>, JobError> {
        let mut line: HashMap<Reference, Vec<Predecessor>> = HashMap::new();
        let mut next = Some(run.clone());
        while let Some(run) = next {
            let identity = self.identity(&run)?;
            let lost = || Refusal::HistoryLost { run: run.clone() };
            identity.ok_or_else(lost)?;
            let report = self.report(&run)?;
            for entry in report.lines() {
                let payment = entry.planned.clone();
                let state = entry.progress.standing.state;
                let before = Predecessor { payment, wallet: entry.wallet.clone(), state };
                line.entry(entry.planned.payment.reference.clone()).or_default().push(before);
            }
            next = report.plan.retry_of.clone();
        }
        Ok(line)
    }

    /// The run here that holds this payment, if one does.
    pub(crate) fn holder_of(&self, payment: ProviderReference) -> Result<Option<RunKey>, JobError> {
        for key in self.runs()? {
            let Some(identity) = self.identity(&key)? else { continue };
            let plan = self.plan(&identity.plan)?;
            if plan.payments.iter().any(|planned| planned.provider_reference == payment) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The references that runs of what did not pay in `run` hold already, each with its run.
    pub(crate) fn retried(&self, run: &RunKey) -> Result<HashMap<Reference, RunKey>, JobError> {
        let mut retried = HashMap::new();
        for key in self.runs()? {
            let Some(identity) = self.identity(&key)? else { continue };
            if identity.retry_of.as_ref() != Some(run) {
                continue;
            }
            let plan = self.plan(&identity.plan)?;
            let references = plan.payments.iter().map(|planned| planned.payment.reference.clone());
            retried.extend(references.map(|reference| (reference, key.clone())));
        }
        Ok(retried)
    }
}

/// Judges what an export is bound to, and gives the references that its run will claim.
fn accept(
    identity: &RunIdentity,
    plan: &[u8],
    rehearsal: bool,
) -> Result<Vec<ProviderReference>, JobError> {
    let (run, gateway) = (identity.run.clone(), identity.account.gateway.clone());
    if crate::rehearsal::is_of(&identity.account) != rehearsal {
        return Err(Refusal::OtherKind { run, gateway, rehearsal: !rehearsal }.into());
    }
    let unfit = |why: String| JobError::Import(PortableError::Unfit(why));
    let plan = payrun_plan::decode(plan).map_err(|error| unfit(error.to_string()))?;
    // The journal counts payments by their place in the plan, and the plan names whose they are.
    if plan.organisation != identity.organisation || plan.retry_of != identity.retry_of {
        return Err(unfit("the plan is of another organisation or line of runs".to_owned()));
    }
    Ok(references(&plan))
}

/// What rebuilding the ledger did.
#[derive(Debug)]
pub struct LedgerRebuilt {
    /// Where the damaged ledger lies now; `None` if it could be read and was kept.
    pub set_aside: Option<PathBuf>,
    /// Each run whose claims are on record, and how many of them were missing.
    pub claimed: Vec<(RunKey, usize)>,
    /// Each run whose claims could not be put back, and why. Until they are, no run is begun.
    pub left_out: Vec<(RunKey, JobError)>,
}

/// The provider references of a plan, which a run claims before its first intent.
pub(crate) fn references(plan: &Plan) -> Vec<ProviderReference> {
    plan.payments.iter().map(|planned| planned.provider_reference).collect()
}
