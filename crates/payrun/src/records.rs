//! What is on disk about an organisation's runs: everything that needs no provider.

use crate::job::same_account;
use crate::retry::{Quarantine, rested};
use crate::{JobError, Refusal, Report, Verified};
use payrun_core::{
    Account, Digest, Generation, Organisation, PaymentIndex, Plan, Progress, ProviderReference,
    Reference, RunKey, Standing, State, UnixMillis,
};
use payrun_exec::Predecessor;
use payrun_store::{CreateError, ImportError, PortableError, RunIdentity, StateDir};
use std::collections::{BTreeSet, HashMap, HashSet};
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

    /// The runs that the ledger knows and that are not here any more, in order of their keys: empty is not new (I11). Where there
    /// is no ledger, none is known. Changes nothing.
    ///
    /// # Errors
    /// [`JobError::Ledger`] if the ledger is damaged, [`JobError::OpenRun`] if it cannot be read.
    pub fn lost_runs(&self) -> Result<Vec<RunKey>, JobError> {
        self.state.lost_runs().map_err(|error| crate::job::claim_error(error.into()))
    }

    /// The first record of a run, if there is such a run.
    ///
    /// # Errors
    /// If it exists and cannot be read, or is of another organisation: an empty record is never a new run.
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
        let mut report = self.report_alone(key)?;
        report.paid_twice = self.paid_twice(&report)?;
        Ok(report)
    }

    /// What is paid by this run and by another one, under another generation. What cannot be read, or is a copy of another run's
    /// folder, says nothing.
    fn paid_twice(&self, report: &Report) -> Result<Vec<(PaymentIndex, RunKey)>, JobError> {
        let here: HashMap<_, _> = report
            .in_state(State::Paid)
            .filter_map(|index| {
                let planned = report.plan.payment(index)?;
                Some((&planned.payment.reference, (planned.generation, index)))
            })
            .collect();
        // Later generations are paid by retries; of earlier ones the ledger knows whose they are.
        let earlier: HashSet<_> = here
            .iter()
            .flat_map(|(reference, (generation, _))| {
                let before = (0..generation.number()).map(Generation::new);
                before
                    .map(|before| ProviderReference::derive(&self.organisation, reference, before))
            })
            .collect();
        let identity = |key: &RunKey| self.identity(key).ok().flatten();
        let is_retry = |key: &RunKey| identity(key).is_some_and(|other| other.retry_of.is_some());
        let mut others: BTreeSet<_> = self.runs()?.into_iter().collect();
        // Where it is damaged, or lost some of them, nobody knows whose they are, and all runs are looked at.
        if let Ok(claimants) = self.state.claimants(&earlier)
            && claimants.len() == earlier.len()
        {
            others.retain(is_retry);
            others.extend(claimants.into_values());
        }
        others.extend(report.identity.retry_of.clone());
        others.remove(&report.identity.run);
        let mut twice = Vec::new();
        for key in others {
            if identity(&key).is_none_or(|other| other.run != key) {
                continue;
            }
            let Ok(other) = self.report_alone(&key) else { continue };
            let there = other.in_state(State::Paid).filter_map(|index| other.plan.payment(index));
            twice.extend(there.filter_map(|planned| {
                let (generation, index) = here.get(&planned.payment.reference)?;
                (*generation != planned.generation).then(|| (*index, key.clone()))
            }));
        }
        twice.sort_unstable_by_key(|(index, _)| *index);
        Ok(twice)
    }

    /// The same, without a look at other runs: for lists of many, of which each would look at all others.
    ///
    /// # Errors
    /// As for [`report`](Self::report).
    pub fn report_alone(&self, key: &RunKey) -> Result<Report, JobError> {
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
    /// but the provider's own uniqueness of references, and by nothing once one of them pays anew.
    ///
    /// # Errors
    /// [`Refusal::Held`] while a process pays the run; [`JobError::Export`] if the records cannot be read or `out` takes no
    /// more: what was written until then is no whole export, and is refused when it is read.
    pub fn export(&self, key: &RunKey, out: impl io::Write) -> Result<(), JobError> {
        let run = self.state.read_run(key)?;
        refuse_copy(key, &run.identity)?;
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
        let mut runs = rebuilt.runs;
        // One that sent nothing must not take what another one has paid.
        runs.sort_by_cached_key(|key| self.state.got_going(key) == Some(false));
        for key in runs {
            // A copy of a run's folder is no run.
            if matches!(self.identity(&key), Ok(Some(identity)) if identity.run != key) {
                continue;
            }
            match self.reclaim(&key) {
                Ok(count) => claimed.push((key, count)),
                Err(error) => {
                    if matches!(error, JobError::Refused(Refusal::Claimed(_))) {
                        // Another run paid them. It is no reason that no run may be begun any more.
                        self.release(&key)?;
                    }
                    left_out.push((key, error));
                }
            }
        }
        Ok(LedgerRebuilt { set_aside: rebuilt.set_aside, claimed, left_out })
    }

    /// Says that a run has all the claims that it can have: others have the rest, or may.
    fn release(&self, key: &RunKey) -> Result<(), JobError> {
        let plan = self.identity(key)?.map(|identity| self.plan(&identity.plan)).transpose()?;
        let references = plan.map_or_else(Vec::new, |plan| references(&plan));
        // Of what cannot be read all may have been sent.
        let on_record = match self.report_alone(key) {
            Ok(report) => report
                .lines()
                .filter(|line| {
                    let Standing { state, earlier_unresolved, .. } = line.progress.standing;
                    let is_unsent =
                        matches!(state, State::Planned | State::Held | State::Cancelled);
                    !is_unsent || earlier_unresolved
                })
                .map(|line| line.planned.provider_reference)
                .collect(),
            Err(_) => references.iter().copied().collect(),
        };
        self.state.release_claims(key, &references, &on_record).map_err(crate::job::claim_error)
    }

    /// Puts a run's claims back on record in the ledger; how many were missing.
    fn reclaim(&self, key: &RunKey) -> Result<usize, JobError> {
        let identity = self.identity(key)?;
        let lost = || JobError::NoSuch(format!("there is no run '{key}'"));
        let identity = identity.ok_or_else(lost)?;
        let plan = self.plan(&identity.plan)?;
        self.state
            .reclaim(key, &references(&plan), &identity.account)
            .map_err(crate::job::claim_error)
    }

    /// Every generation before each payment of a later generation, over the whole line of runs. Payments with a gap in that
    /// line are left out, and so never sent.
    pub(crate) fn predecessors(
        &self,
        plan: &Plan,
        account: &Account,
        now: UnixMillis,
    ) -> HashMap<PaymentIndex, Vec<Predecessor>> {
        let Some(parent) = &plan.retry_of else { return HashMap::new() };
        // What is under way is asked about although a run before it is gone.
        let Line { held: mut line, .. } = self.line(parent, account, now);
        let replaced = plan.indices().zip(&plan.payments).filter_map(|(index, planned)| {
            let mut before = line.remove(&planned.payment.reference)?;
            before.retain(|earlier| earlier.payment.generation < planned.generation);
            Some((index, before))
        });
        replaced.collect()
    }

    /// What `run` and the runs that it descends from hold under each reference, as far as they paid from this account: another one
    /// knows nothing of what it is asked about.
    pub(crate) fn line(&self, run: &RunKey, account: &Account, now: UnixMillis) -> Line {
        let mut line: HashMap<Reference, Vec<Predecessor>> = HashMap::new();
        let (mut next, mut seen) = (Some(run.clone()), HashSet::new());
        while let Some(run) = next {
            if !seen.insert(run.clone()) {
                let said = format!("the runs that '{run}' pays anew come back to itself");
                return Line { held: line, broken: Some(JobError::NoSuch(said)) };
            }
            let report = match self.identity(&run) {
                // A copy of another run's folder in its place is not that run.
                Ok(Some(identity)) if identity.run == run => {
                    same_account(&identity, account).and_then(|()| self.report_alone(&run))
                }
                Ok(_) => Err(Refusal::HistoryLost { run: run.clone() }.into()),
                Err(error) => Err(error),
            };
            let report = match report {
                Ok(report) => report,
                Err(error) => return Line { held: line, broken: Some(error) },
            };
            for entry in report.lines() {
                let payment = entry.planned.clone();
                let Progress { standing, changed_at, correctable, .. } = *entry.progress;
                let rest = Quarantine::default().correctable;
                let before = Predecessor {
                    payment,
                    wallet: entry.wallet.clone(),
                    state: standing.state,
                    has_rested: correctable || rested(changed_at, now, rest),
                };
                line.entry(entry.planned.payment.reference.clone()).or_default().push(before);
            }
            next = report.plan.retry_of.clone();
        }
        Line { held: line, broken: None }
    }

    /// The run here that holds this payment, if one does.
    pub(crate) fn holder_of(&self, payment: ProviderReference) -> Result<Option<RunKey>, JobError> {
        for key in self.runs()? {
            // What cannot be read does not hide what can.
            let Ok(Some(identity)) = self.identity(&key) else { continue };
            let Ok(plan) = self.plan(&identity.plan) else { continue };
            if plan.payments.iter().any(|planned| planned.provider_reference == payment) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Which of these payments of a plan a run holds a later generation of, and which run: by the ledger, and by the plans of
    /// runs that pay anew, where the ledger was lost. With the reason why another run could not be looked at, if one could not.
    pub(crate) fn superseded(
        &self,
        plan: &Plan,
        payments: impl Iterator<Item = PaymentIndex> + Clone,
    ) -> Result<(HashMap<PaymentIndex, RunKey>, Option<JobError>), JobError> {
        let mut superseded = HashMap::new();
        let planned = || payments.clone().filter_map(|index| Some((index, plan.payment(index)?)));
        for number in 1..=Generation::LAST.number() {
            // One generation at a time: a plan can hold a million payments.
            let later: HashMap<_, _> = planned()
                .filter(|(_, planned)| planned.generation.number() < number)
                .map(|(index, planned)| {
                    let (reference, generation) =
                        (&planned.payment.reference, Generation::new(number));
                    (ProviderReference::derive(&self.organisation, reference, generation), index)
                })
                .collect();
            let claimants = self.state.claimants(&later.keys().copied().collect());
            let claimants = claimants.map_err(|error| crate::job::claim_error(error.into()))?;
            for (claimed, run) in claimants {
                // The next generation's run is the one that took it from here.
                if let Some(index) = later.get(&claimed) {
                    superseded.entry(*index).or_insert(run);
                }
            }
        }
        let places: HashMap<_, _> = planned()
            .map(|(index, planned)| (&planned.payment.reference, (index, planned.generation)))
            .collect();
        let mut unreadable = None;
        for key in self.runs()? {
            let plan = match self.plan_anew(&key) {
                Ok(Some(plan)) => plan,
                Ok(None) => continue,
                Err(error) => {
                    unreadable = Some(error);
                    continue;
                }
            };
            for later in &plan.payments {
                match places.get(&later.payment.reference) {
                    Some((index, generation)) if later.generation > *generation => {
                        superseded.entry(*index).or_insert_with(|| key.clone());
                    }
                    _ => {}
                }
            }
        }
        Ok((superseded, unreadable))
    }

    /// The plan of a run, if it pays anew.
    fn plan_anew(&self, key: &RunKey) -> Result<Option<Arc<Plan>>, JobError> {
        match self.identity(key)? {
            Some(identity) if identity.run == *key && identity.retry_of.is_some() => {
                Ok(Some(self.plan(&identity.plan)?))
            }
            _ => Ok(None),
        }
    }

    /// The references that runs of what did not pay in `run` hold already, each with its run.
    pub(crate) fn retried(&self, run: &RunKey) -> Result<HashMap<Reference, RunKey>, JobError> {
        let mut retried = HashMap::new();
        for key in self.runs()? {
            // One that cannot be read has its claims in the ledger.
            let Ok(Some(plan)) = self.plan_anew(&key) else { continue };
            if plan.retry_of.as_ref() != Some(run) {
                continue;
            }
            let references = plan.payments.iter().map(|planned| planned.payment.reference.clone());
            retried.extend(references.map(|reference| (reference, key.clone())));
        }
        Ok(retried)
    }
}

/// What a run and those that it descends from hold under each reference.
pub(crate) struct Line {
    held: HashMap<Reference, Vec<Predecessor>>,
    /// Why it ends before the first of them: a run is gone, or cannot be read.
    broken: Option<JobError>,
}

impl Line {
    /// All of it.
    pub(crate) fn whole(self) -> Result<HashMap<Reference, Vec<Predecessor>>, JobError> {
        match self.broken {
            None => Ok(self.held),
            Some(error) => Err(error),
        }
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
    /// Each run whose claims could not be looked at, and why. If some are missing, no run is begun before they are back.
    pub left_out: Vec<(RunKey, JobError)>,
}

/// Refuses a copy of another run's folder, which is no run.
pub(crate) fn refuse_copy(key: &RunKey, found: &RunIdentity) -> Result<(), JobError> {
    if found.run == *key {
        return Ok(());
    }
    let own = &found.run;
    let said = format!("'{key}' is no run: its folder is a copy of that of the run '{own}'");
    Err(JobError::NoSuch(said))
}

/// The provider references of a plan, which a run claims before its first intent.
pub(crate) fn references(plan: &Plan) -> Vec<ProviderReference> {
    plan.payments.iter().map(|planned| planned.provider_reference).collect()
}
