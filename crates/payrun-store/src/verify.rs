//! Checking a run offline. Nothing in the state directory is written, locked or opened for writing.

use crate::book::Counts;
use crate::checkpoint::{Checkpoint, Loaded, Saved};
use crate::finding::{Finding, Part};
use crate::identity::RunIdentity;
use crate::journal;
use crate::ledger;
use crate::lock::{self, Holder};
use crate::replay::Replay;
use crate::run_dir::RunDir;
use crate::scan::{self, Chain, ScanError};
use crate::segment::Kind;
use crate::snapshot::ReadError;
use crate::state_dir::StateDir;
use payrun_core::RunKey;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What a checkpoint turned out to be, beside its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointStanding {
    /// It says exactly what the journal says up to the record that it reflects, so many records before the end.
    Agrees {
        /// Records behind it, which opening replays.
        behind: u64,
    },
    /// There is none: opening rebuilds it.
    Missing,
    /// It cannot be used: opening sets it aside and rebuilds it.
    Unusable(String),
    /// It says something else than the journal at the record that it reflects.
    Contradicts,
    /// It reflects records that the journal does not hold.
    Ahead,
    /// Not looked at, and why.
    NotChecked(String),
}

/// What was found in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What the run is bound to, if its first record can be read.
    pub identity: Option<RunIdentity>,
    /// How many records are whole and linked.
    pub records: u64,
    /// How many entries stand in them.
    pub entries: u64,
    /// How many files the journal has.
    pub segments: u32,
    /// Their size.
    pub bytes: u64,
    /// How often the run was opened.
    pub epoch: u64,
    /// How many payments stand in each state, by the records that are whole.
    pub counts: Counts,
    /// Bytes behind the last record that are none.
    pub torn_bytes: u64,
    /// Ends that were torn or damaged and set aside before.
    pub set_aside: Vec<PathBuf>,
    /// Why the run goes on by cautious start, if it does.
    pub cautious: Option<String>,
    /// The checkpoint.
    pub checkpoint: CheckpointStanding,
    /// The process that has the run open now, if one does.
    pub holder: Option<Holder>,
    /// Everything that is wrong. Empty: the run is sound, and goes on. A checkpoint that the next opening makes anew is
    /// no fault.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

pub(crate) fn verify(state: &StateDir, key: &RunKey) -> Result<Verification, ReadError> {
    let dir = state.run_dir(key);
    if !state.run_exists(key) {
        return Err(ReadError::Missing(key.clone()));
    }
    let holder_now =
        || lock::holder(&dir.lock()).map_err(|error| ReadError::Io { path: dir.lock(), error });
    let mut findings = Vec::new();
    let mut holder = holder_now()?;
    // Before the journal: a process that goes on meanwhile can then only make the checkpoint older.
    let mut saved = Err(CheckpointStanding::Missing);
    if holder.is_none() {
        saved = load_copy(&dir);
        // A copy that was made while a process took the run up is none.
        holder = holder_now()?;
    }
    if let Some(holder) = &holder {
        saved = Err(CheckpointStanding::NotChecked(format!("the run is held by {holder}")));
    }
    let mut journal = Read {
        replay: Replay::from_start(),
        chain: Chain::default(),
        saved: None,
        held: holder.is_some(),
    };
    let (standing, saved) = match saved {
        Ok(saved) => (None, Some(saved)),
        Err(standing) => (Some(standing), None),
    };
    journal.saved = saved;
    let compared = journal.read(state, &dir, &mut findings)?;
    let checkpoint = standing.unwrap_or(compared);
    match &checkpoint {
        // Opening would believe it.
        CheckpointStanding::Contradicts => {
            findings.push(Finding::new(Part::Run, "the checkpoint contradicts the journal"));
        }
        CheckpointStanding::Ahead => {
            let what = "the journal lost records: the checkpoint knows more";
            findings.push(Finding::new(Part::Run, what));
        }
        CheckpointStanding::Agrees { .. }
        | CheckpointStanding::Missing
        | CheckpointStanding::Unusable(_)
        | CheckpointStanding::NotChecked(_) => {}
    }
    let Read { replay, chain, .. } = journal;
    let set_aside = journal::torn_files(&dir.journal());
    let set_aside = set_aside.map_err(|error| ReadError::Io { path: dir.journal(), error })?;
    check_place(state, key, &replay, &mut findings);
    check_claims(state, key, &replay, &mut findings);
    Ok(Verification {
        records: chain.head.map_or(0, |head| head.sequence),
        entries: replay.replayed,
        segments: chain.segments,
        bytes: chain.bytes,
        epoch: chain.head.map_or(0, |head| head.epoch),
        counts: replay.book.counts(),
        torn_bytes: chain.torn.map_or(0, |torn| torn.bytes),
        set_aside: set_aside.into_iter().map(|(path, _)| path).collect(),
        cautious: replay.book.cautious,
        identity: replay.identity,
        checkpoint,
        holder,
        findings,
    })
}

/// The journal read from its start, held against the checkpoint at the record that it reflects.
struct Read {
    replay: Replay,
    chain: Chain,
    saved: Option<Saved>,
    held: bool,
}

impl Read {
    fn read(
        &mut self,
        state: &StateDir,
        dir: &RunDir,
        findings: &mut Vec<Finding>,
    ) -> Result<CheckpointStanding, ReadError> {
        let saved = self.saved.take();
        let mut compared = None;
        let mut last = Chain::default();
        let scanned =
            scan::scan(&*state.disk, &dir.journal(), Kind::Run, &mut |position, record| {
                self.replay.visit(position, record)?;
                last.head = Some(scan::Head {
                    position,
                    sequence: record.sequence,
                    epoch: record.epoch,
                    hash: record.hash,
                });
                if let Some(saved) = &saved
                    && saved.mark.sequence == record.sequence
                {
                    let same_record = saved.mark.hash == record.hash;
                    compared = Some((same_record, self.replay.book == saved.book));
                }
                Ok(())
            });
        match scanned {
            Ok(chain) => {
                self.chain = chain;
                if chain.head.is_none() {
                    let what = "the journal is empty: the run's records are gone";
                    findings.push(Finding::new(Part::Journal, what));
                }
                // A process that has the run may be writing them just now.
                if let Some(torn) = chain.torn.filter(|_| !self.held) {
                    let what = format!(
                        "segment {}, byte {}: the last {} bytes are no whole record",
                        torn.position.segment, torn.position.offset, torn.bytes
                    );
                    findings.push(Finding::new(Part::Run, what));
                }
            }
            Err(ScanError::Io { path, error }) => {
                return Err(ReadError::Io { path: path.into(), error });
            }
            Err(error @ (ScanError::Corrupt { .. } | ScanError::Newer { .. })) => {
                self.chain = last;
                findings.push(Finding::new(Part::Journal, error.to_string()));
            }
        }
        let Some(saved) = saved else {
            return Ok(CheckpointStanding::Missing);
        };
        let end = self.chain.head.map_or(0, |head| head.sequence);
        Ok(match compared {
            _ if self.chain.head.is_none() => {
                CheckpointStanding::NotChecked("there is no journal to compare it with".to_owned())
            }
            _ if saved.mark.run != self.replay.run => {
                CheckpointStanding::Unusable("it is of another run".to_owned())
            }
            None | Some((false, _)) => CheckpointStanding::Ahead,
            Some((true, false)) => CheckpointStanding::Contradicts,
            Some((true, true)) => CheckpointStanding::Agrees { behind: end - saved.mark.sequence },
        })
    }
}

fn check_place(state: &StateDir, key: &RunKey, replay: &Replay, findings: &mut Vec<Finding>) {
    let Some(identity) = &replay.identity else {
        return;
    };
    if identity.run != *key || identity.organisation != state.organisation {
        let what =
            format!("the journal is of the run {} of {}", identity.run, identity.organisation);
        findings.push(Finding::new(Part::Run, what));
    }
}

/// Each payment has to be claimed, from before its first intent.
fn check_claims(state: &StateDir, key: &RunKey, replay: &Replay, findings: &mut Vec<Finding>) {
    let Some(identity) = &replay.identity else {
        return;
    };
    // As for the run: a process that has the lock may be writing just now.
    let changing = lock::holder(&state.lock_path()).is_ok_and(|holder| holder.is_some());
    match ledger::completeness(&*state.disk, &state.ledger_path()) {
        Err(error) => findings.push(Finding::new(Part::Ledger, error.to_string())),
        Ok((runs, torn_bytes)) => {
            if torn_bytes > 0 && !changing {
                let what = format!("the last {torn_bytes} bytes of the ledger are no whole record");
                findings.push(Finding::new(Part::Ledger, what));
            }
            let on_record = runs.get(key).map_or(0, |claims| claims.on_record);
            if on_record < u64::from(identity.payments) && replay.replayed > 0 {
                let what = format!(
                    "the ledger holds {on_record} claims of the run, which has {} payments",
                    identity.payments
                );
                findings.push(Finding::new(Part::Ledger, what));
            }
        }
    }
}

/// sled writes when it opens, so a copy is opened, outside of the state directory.
fn load_copy(dir: &RunDir) -> Result<Saved, CheckpointStanding> {
    let from = dir.checkpoint();
    if fs::symlink_metadata(&from).is_err() {
        return Err(CheckpointStanding::Missing);
    }
    let not_checked = |error: io::Error| CheckpointStanding::NotChecked(error.to_string());
    let copy = tempfile::Builder::new().prefix("payrun-verify-").tempdir().map_err(not_checked)?;
    let to = copy.path().join("checkpoint");
    copy_tree(&from, &to).map_err(not_checked)?;
    match Checkpoint::load(&to) {
        Loaded::Missing => Err(CheckpointStanding::Missing),
        Loaded::Busy(error) => Err(not_checked(error)),
        Loaded::Unusable(why) => Err(CheckpointStanding::Unusable(why)),
        Loaded::Ready(ready) => Ok(ready.1),
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(from)?.is_dir() {
        // Ours to write, whatever the rights of what is copied.
        return io::copy(&mut File::open(from)?, &mut File::create(to)?).map(|_| ());
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
