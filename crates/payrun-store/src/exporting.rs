//! A run's plan and journal written out, to be kept or carried elsewhere.

use crate::codec::{self, RunRecord};
use crate::plan_file::PlanError;
use crate::portable::{Bound, Lines};
use crate::record::Record;
use crate::scan::{self, ScanError};
use crate::segment::Kind;
use crate::snapshot::ReadError;
use crate::state_dir::StateDir;
use payrun_core::RunKey;
use payrun_ports::{Entry, RunEvent};
use std::io::{self, Write};

/// Why a run was not written out.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Its journal cannot be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// Its plan cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It cannot be written where it should go.
    #[error("it cannot be written: {0}")]
    Output(io::Error),
}

/// Writes everything of a run to `out`.
pub(crate) fn export(state: &StateDir, key: &RunKey, out: impl Write) -> Result<(), ExportError> {
    let snapshot = crate::snapshot::read(state, key)?;
    let plan = state.plan(&snapshot.identity.plan)?;
    let mut bound = Some((snapshot.identity, plan, out));
    let (mut lines, mut failed) = (None, None);
    let journal = state.run_dir(key).journal();
    let scanned = scan::scan(&*state.disk, &journal, Kind::Run, &mut |_, record| {
        let written = write(record, &mut bound, &mut lines)?;
        if let Err(error) = written {
            failed.get_or_insert(error);
            return Err("not written".to_owned());
        }
        Ok(())
    });
    if let Some(error) = failed {
        return Err(ExportError::Output(error));
    }
    scanned.map_err(|error: ScanError| ReadError::from(error))?;
    let lines = lines.ok_or_else(|| ReadError::LostContents(journal.clone()))?;
    lines.end().map_err(ExportError::Output)
}

type Waiting<W> = Option<(crate::RunIdentity, Vec<u8>, W)>;

/// Writes what one record says. The outer error is of the record, the inner one of the output.
fn write<W: Write>(
    record: &Record<'_>,
    waiting: &mut Waiting<W>,
    lines: &mut Option<Lines<W>>,
) -> Result<io::Result<()>, String> {
    let mut entry = |entry: &Entry| match lines.as_mut() {
        Some(lines) => lines.entry(entry),
        None => Err(io::Error::other("the first record does not say which run this is")),
    };
    Ok(match codec::decode(record.payload)? {
        RunRecord::Created { cautious, .. } => {
            let (identity, plan, out) = waiting.take().ok_or("a second first record")?;
            Lines::begin(out, &Bound { identity, cautious, plan }).map(|begun| *lines = Some(begun))
        }
        RunRecord::Opened { cautious: None } => Ok(()),
        RunRecord::Opened { cautious: Some(reason) } => {
            entry(&Entry::Run(RunEvent::CautiousStart { reason }))
        }
        RunRecord::Group(entries) => entries.iter().try_for_each(|(of, _)| entry(of)),
    })
}
