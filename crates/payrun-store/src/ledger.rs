//! The organisation's ledger: which run may pay which provider reference (I7).
//!
//! A journal of its own, read and written under the organisation's lock. Claims are never taken back.
//!
//! A ledger that was lost, or lost its end, says so in a record. From then on no new run is created while a
//! run that is there has not all of its claims on record again; nor while a run that wrote of a payment
//! lacks claims, since then the ledger lost records without a trace. [`reclaim`](crate::StateDir::reclaim), or opening it,
//! brings them back.
//!
//! What a run had claimed that is not there any more, nobody can put back. After that no run is new without a look (I11).
//! A run's folder has its name, durably, before its claims are written. So where a crash tore the end, the run whose
//! claims it was is there and lacks them. Where no run lacks claims, the end was of a run that is gone.

mod wire;

use crate::disk::Disk;
use crate::journal::{AppendError, Journal};
use crate::limits::{CLAIMS_PER_RECORD, EXAMPLES_MAX};
use crate::scan::{self, ScanError};
use crate::segment::Kind;
use payrun_core::{Account, AccountId, GatewayHost, ProviderReference, RunKey};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A provider reference that another run has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The reference.
    pub reference: ProviderReference,
    /// Who has it.
    pub run: RunKey,
}

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A record before the last is bad, or a file is missing.
    #[error("the ledger is damaged: {0}")]
    Corrupt(String),
    /// Reading or writing failed.
    #[error("the ledger: {0}")]
    Io(String),
}

impl From<ScanError> for LedgerError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Io { .. } => Self::Io(error.to_string()),
            ScanError::Corrupt { .. } | ScanError::Newer { .. } => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<AppendError> for LedgerError {
    fn from(error: AppendError) -> Self {
        Self::Io(error.to_string())
    }
}

/// Of a run that is to put its claims back: more than any has on record.
const LATER: u64 = u64::MAX;

/// What the ledger says about some references and one run.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Claimed by other runs, …
    pub(crate) others: HashSet<ProviderReference>,
    /// … and the first of them.
    pub(crate) examples: Vec<Claimed>,
    /// Claimed by this run.
    pub(crate) own: HashSet<ProviderReference>,
    /// From where this run pays, if that is on record.
    pub(crate) account: Option<Account>,
    /// For each run: how many claims it has on record, and how many it should have.
    pub(crate) runs: HashMap<RunKey, Completeness>,
    /// The ledger was lost, or lost its end, at some time.
    pub(crate) lost: bool,
    /// Of runs that are not there any more, claims are gone: it was begun in place of one that was lost, or its end was
    /// cut off and no run that is there lacks it.
    pub(crate) lost_for_good: bool,
}

/// What is known of an organisation without its ledger.
pub(crate) struct Surroundings<'a> {
    /// There was a ledger before: runs are there, or one that was set aside.
    pub(crate) had_ledger: bool,
    /// The runs that are there without all of their claims, as far as those could be read.
    pub(crate) lack_claims: &'a dyn Fn(&Standing) -> Vec<RunKey>,
    /// Whether a run, which is there, has anything on record that was sent from here; `None` if it cannot be read.
    pub(crate) may_have_sent: &'a dyn Fn(&RunKey) -> Option<bool>,
    /// Whether a run is there. A copy of another one's folder in its place is not it.
    pub(crate) is_there: &'a dyn Fn(&RunKey) -> bool,
}

/// How many claims of a run are on record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Completeness {
    pub(crate) on_record: u64,
    pub(crate) of: u64,
}

impl Completeness {
    /// There were claims, on record or not.
    pub(crate) fn are_there(self) -> bool {
        self.on_record > 0 || !self.is_whole()
    }

    fn is_whole(self) -> bool {
        self.on_record >= self.of
    }
}

/// The ledger, open for writing. Its owner holds the organisation's lock.
pub(crate) struct Ledger {
    journal: Journal,
}

impl Ledger {
    /// Opens the ledger and reads it for `key` and `references`; makes it if it is not there. The `surroundings` tell
    /// a lost one from a new one.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes_max: u64,
        surroundings: &Surroundings<'_>,
        (key, references): (&RunKey, &[ProviderReference]),
    ) -> Result<(Self, Standing), LedgerError> {
        let wanted: HashSet<_> = references.iter().copied().collect();
        let mut standing = Standing::default();
        let chain = read(&*disk, &dir, &mut |record| standing.take(record, key, &wanted))?;
        let journal = Journal::resume(disk, dir, Kind::Ledger, segment_bytes_max, &chain);
        let (journal, repaired) = journal?;
        let mut ledger = Self { journal };
        if chain.head.is_none() {
            // Where nothing was, a torn beginning is the first one.
            let lost = surroundings.had_ledger;
            ledger.write(&wire::Record::Begun { lost })?;
            standing.lost = lost;
            standing.lost_for_good = lost;
            ledger.notice(&mut standing, surroundings, false)?;
        } else {
            ledger.notice(&mut standing, surroundings, repaired)?;
        }
        if standing.lost && !standing.lost_for_good {
            // One that was to put its claims back is gone since, and nobody else has them.
            let mut lacking = standing.runs.iter().filter(|(_, claims)| !claims.is_whole());
            if lacking.any(|(run, _)| !(surroundings.is_there)(run)) {
                ledger.lose_for_good()?;
                standing.lost_for_good = true;
            }
        }
        Ok((ledger, standing))
    }

    /// Says that claims are gone, and names each run that is there and is to put claims back, so that it is noticed if it goes before
    /// it did. Said before it can put them back: afterwards nobody could tell.
    ///
    /// A crash tears claims only of a run that has sent nothing yet, for they are durable before it does. Of such a one nothing is
    /// lost with its folder. Where one lacks claims that did send something, this is an older ledger, or damage, and it lacks
    /// those of runs that are gone, too. Of one that cannot be read nobody knows, and it counts where the end was cut off.
    ///
    /// Judged at each opening: whoever noticed may have been killed before it was all written.
    fn notice(
        &mut self,
        standing: &mut Standing,
        surroundings: &Surroundings<'_>,
        repaired: bool,
    ) -> Result<(), LedgerError> {
        let lacking = (surroundings.lack_claims)(standing);
        // One that was named while it could not be read may tell now.
        let is_told = |run: &RunKey| standing.lost_for_good && standing.is_named(run);
        let asked: Vec<_> = lacking.iter().filter(|run| !is_told(run)).collect();
        let sent: Vec<_> = asked.iter().map(|run| (surroundings.may_have_sent)(run)).collect();
        let is_older = sent.contains(&Some(true)) || (repaired && lacking.is_empty());
        if is_older && !standing.lost_for_good {
            self.lose_for_good()?;
            standing.lost_for_good = true;
        } else if repaired {
            self.write(&wire::Record::LostItsEnd)?;
        }
        standing.lost |= is_older || repaired;
        for (run, sent) in asked.into_iter().zip(sent) {
            if sent.unwrap_or(repaired) && !standing.is_named(run) {
                self.claim_later(run)?;
                standing.count(run, LATER, 0);
            }
        }
        Ok(())
    }

    /// Begins a ledger in place of one that was set aside.
    pub(crate) fn begin_after_loss(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes_max: u64,
    ) -> Result<(), LedgerError> {
        let journal = Journal::new(disk, dir, Kind::Ledger, segment_bytes_max);
        Self { journal }.lose_for_good()
    }

    /// Appends claims of `key`, of which it will have `of` in total; durable after `Ok`.
    pub(crate) fn claim(
        &mut self,
        key: &RunKey,
        references: &[ProviderReference],
        of: usize,
    ) -> Result<(), LedgerError> {
        for chunk in references.chunks(CLAIMS_PER_RECORD) {
            self.write(&wire::Record::Claims {
                run: key.to_string(),
                of: u64::try_from(of).unwrap_or(u64::MAX),
                references: chunk.iter().flat_map(|reference| reference.to_bytes()).collect(),
            })?;
        }
        Ok(())
    }

    /// Says from where a run pays; durable after `Ok`.
    pub(crate) fn bind(&mut self, key: &RunKey, account: &Account) -> Result<(), LedgerError> {
        self.write(&wire::Record::Account {
            run: key.to_string(),
            gateway: account.gateway.to_string(),
            id: account.id.to_string(),
        })
    }

    /// Says that a run is to have no more claims than `of`, which it has; durable after `Ok`.
    pub(crate) fn claim_no_more(&mut self, key: &RunKey, of: usize) -> Result<(), LedgerError> {
        let (run, of) = (key.to_string(), u64::try_from(of).unwrap_or(u64::MAX));
        self.write(&wire::Record::Claims { run, of, references: Vec::new() })
    }

    /// Says that a run has claims which it is to put back; durable after `Ok`.
    fn claim_later(&mut self, key: &RunKey) -> Result<(), LedgerError> {
        let (run, references) = (key.to_string(), Vec::new());
        self.write(&wire::Record::Claims { run, of: LATER, references })
    }

    /// Says that claims are gone of runs that are not there any more; durable after `Ok`.
    pub(crate) fn lose_for_good(&mut self) -> Result<(), LedgerError> {
        self.write(&wire::Record::Begun { lost: true })
    }

    fn write(&mut self, record: &wire::Record) -> Result<(), LedgerError> {
        let payload =
            postcard::to_stdvec(record).map_err(|error| LedgerError::Io(error.to_string()))?;
        self.journal.append(0, &payload)?;
        Ok(())
    }
}

/// Reads the ledger without changing it: how complete each run's claims are, and how many bytes at its end are no
/// whole record.
pub(crate) fn completeness(
    disk: &dyn Disk,
    dir: &Path,
) -> Result<(HashMap<RunKey, Completeness>, u64), LedgerError> {
    Ok(count(disk, dir)?)
}

/// Reads the ledger without changing it: which of these references are claimed, each with its run.
pub(crate) fn claimants(
    disk: &dyn Disk,
    dir: &Path,
    wanted: &HashSet<ProviderReference>,
) -> Result<HashMap<ProviderReference, RunKey>, LedgerError> {
    let mut claimants = HashMap::new();
    read(disk, dir, &mut |record| {
        if let wire::Record::Claims { run, references, .. } = record {
            let run = parse(&run)?;
            let claimed = chunk(&references).into_iter().filter(|claimed| wanted.contains(claimed));
            claimants.extend(claimed.map(|claimed| (claimed, run.clone())));
        }
        Ok(())
    })?;
    Ok(claimants)
}

/// Whether a record before the last is bad, or a file is missing. One that a newer payrun wrote is not damaged.
pub(crate) fn is_damaged(disk: &dyn Disk, dir: &Path) -> Result<bool, LedgerError> {
    match count(disk, dir) {
        Ok(_) => Ok(false),
        Err(ScanError::Corrupt { .. }) => Ok(true),
        Err(error @ (ScanError::Io { .. } | ScanError::Newer { .. })) => Err(error.into()),
    }
}

fn count(disk: &dyn Disk, dir: &Path) -> Result<(HashMap<RunKey, Completeness>, u64), ScanError> {
    let mut standing = Standing::default();
    let chain = read(disk, dir, &mut |record| {
        if let wire::Record::Claims { run, of, references } = record {
            let run = parse(&run)?;
            standing.count(&run, of, chunk(&references).len());
        }
        Ok(())
    })?;
    Ok((standing.runs, chain.torn.map_or(0, |torn| torn.bytes)))
}

fn read(
    disk: &dyn Disk,
    dir: &Path,
    take: &mut dyn FnMut(wire::Record) -> Result<(), String>,
) -> Result<scan::Chain, ScanError> {
    scan::scan(disk, dir, Kind::Ledger, &mut |_, record| {
        take(postcard::from_bytes(record.payload).map_err(|error| error.to_string())?)
    })
}

impl Standing {
    fn take(
        &mut self,
        record: wire::Record,
        key: &RunKey,
        wanted: &HashSet<ProviderReference>,
    ) -> Result<(), String> {
        match record {
            wire::Record::Begun { lost } => {
                self.lost |= lost;
                self.lost_for_good |= lost;
            }
            wire::Record::LostItsEnd => self.lost = true,
            wire::Record::Account { run, gateway, id } => {
                if parse(&run)? == *key {
                    let (gateway, id) = (GatewayHost::new(gateway), AccountId::new(id));
                    self.account = Some(Account { gateway, id });
                }
            }
            wire::Record::Claims { run, of, references } => {
                let run = parse(&run)?;
                let references = chunk(&references);
                self.count(&run, of, references.len());
                for reference in references {
                    if run == *key {
                        self.own.insert(reference);
                    } else if wanted.contains(&reference) {
                        let is_new = self.others.insert(reference);
                        if is_new && self.examples.len() < EXAMPLES_MAX {
                            self.examples.push(Claimed { reference, run: run.clone() });
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether this run has all of its claims on record.
    pub(crate) fn is_whole(&self, run: &RunKey) -> bool {
        self.runs.get(run).is_some_and(|claims| claims.is_whole())
    }

    /// Whether it is on record that this run is to put claims back.
    fn is_named(&self, run: &RunKey) -> bool {
        self.runs.get(run).is_some_and(|claims| claims.of == LATER)
    }

    fn count(&mut self, run: &RunKey, of: u64, references: usize) {
        let entry = self.runs.entry(run.clone()).or_default();
        entry.on_record += u64::try_from(references).unwrap_or(u64::MAX);
        entry.of = of;
    }
}

fn chunk(bytes: &[u8]) -> Vec<ProviderReference> {
    let (references, _) = bytes.as_chunks::<16>();
    references.iter().copied().map(ProviderReference::from_bytes).collect()
}

fn parse(run: &str) -> Result<RunKey, String> {
    run.parse().map_err(|error| format!("'{run}' is no run's key: {error}"))
}
