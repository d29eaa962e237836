//! A run made anew from what was written out of it.
//!
//! What came after the export is not known, so the run goes on by cautious start (I11), whatever the export says. It is
//! built aside and gets its name when every line was read and the last one said that all is there.

use crate::book::{Bodies, Book};
use crate::claiming::Claims;
use crate::codec;
use crate::creating::{self, CreateError};
use crate::identity::RunIdentity;
use crate::journal::Journal;
use crate::limits::GROUP_BYTES_MAX;
use crate::plan_file::PlanError;
use crate::portable::{Bound, PortableError, Reader};
use crate::state_dir::{OrganisationLockError, StateDir};
use payrun_core::{ProviderReference, RunKey};
use payrun_ports::{Body, BodyHash, Entry, StoreError};
use std::io::BufRead;

/// Why it goes by cautious start.
pub(crate) const CAUTION: &str = "imported: what happened after its export is not known here";

/// How many bytes of entries go into one record, unless one alone has more.
const GROUP_BYTES: usize = 256 << 10;

/// Why a run was not imported. No money moved.
#[derive(Debug, thiserror::Error)]
pub enum ImportError<E> {
    /// The export cannot be read.
    #[error(transparent)]
    Export(#[from] PortableError),
    /// The run cannot be made here.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// Its plan cannot be stored.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It pays anew what another run did not pay, and that one is not here to be looked at first.
    #[error("it pays anew what the run {0} did not pay, and that run is not here")]
    PredecessorMissing(RunKey),
    /// The caller does not take it.
    #[error("{0}")]
    Declined(E),
}

impl<E> From<OrganisationLockError> for ImportError<E> {
    fn from(error: OrganisationLockError) -> Self {
        Self::Create(error.into())
    }
}

/// Makes a run of what `input` says. `accept` judges it, and reads the provider references out of a plan file.
pub(crate) fn import<E>(
    state: &StateDir,
    input: impl BufRead,
    accept: impl FnOnce(&RunIdentity, &[u8]) -> Result<Vec<ProviderReference>, E>,
) -> Result<RunIdentity, ImportError<E>> {
    let mut reader = Reader::new(input);
    let Bound { identity, plan, .. } = reader.bound()?;
    let references = accept(&identity, &plan).map_err(ImportError::Declined)?;
    if u32::try_from(references.len()) != Ok(identity.payments) {
        return Err(reader.damaged("the plan has another number of payments".to_owned()).into());
    }
    let key = &identity.run;
    creating::check_identity(state, key, &identity)?;
    let organisation = state.lock()?;
    if state.run_exists(key) {
        return Err(CreateError::AlreadyExists(key.clone()).into());
    }
    if let Some(parent) = identity.retry_of.as_ref().filter(|parent| !state.has_run(parent)) {
        return Err(ImportError::PredecessorMissing(parent.clone()));
    }
    let claims = Claims::open(state, key, &references).map_err(CreateError::from)?;
    claims.check_others().map_err(CreateError::from)?;
    creating::check_ledger(&claims, state, &identity)?;
    state.put_plan(&identity.plan, &plan)?;
    let fill = |journal: &mut Journal| fill(journal, &identity, &mut reader);
    creating::build(state, key, &identity, Some(CAUTION), fill)?;
    claims.complete(&identity.account).map_err(CreateError::from)?;
    drop(organisation);
    Ok(identity)
}

/// Every event behind the first record, each of which has to be one that may follow.
fn fill<E>(
    journal: &mut Journal,
    identity: &RunIdentity,
    reader: &mut Reader<impl BufRead>,
) -> Result<(), ImportError<E>> {
    let mut book = Book::new(usize::try_from(identity.payments).unwrap_or(usize::MAX));
    let (mut group, mut bytes) = (Vec::new(), 0);
    while let Some(entry) = reader.entry()? {
        let staged = book.stage(std::slice::from_ref(&entry), &mut Hashes);
        staged.map_err(|error| reader.damaged(error.to_string()))?;
        let size = codec::size_hint(&entry);
        if size > GROUP_BYTES_MAX {
            return Err(reader.damaged("the event is too large for a record".to_owned()).into());
        }
        if bytes + size > GROUP_BYTES && !group.is_empty() {
            append(journal, &group).map_err(|why| reader.damaged(why))??;
            (group, bytes) = (Vec::new(), 0);
        }
        group.push(entry);
        bytes += size;
    }
    if !group.is_empty() {
        append(journal, &group).map_err(|why| reader.damaged(why))??;
    }
    Ok(())
}

fn append(journal: &mut Journal, group: &[Entry]) -> Result<Result<(), CreateError>, String> {
    let (payload, _) = codec::group(group)?;
    let appended = journal.append(creating::FIRST_EPOCH, &payload);
    Ok(appended.map(|_| ()).map_err(CreateError::from))
}

/// Of bodies only what tells whether a later one is the same.
struct Hashes;

impl Bodies<BodyHash> for Hashes {
    fn hash(&mut self, place: &BodyHash) -> Result<BodyHash, StoreError> {
        Ok(*place)
    }

    fn place(&mut self, body: &Body) -> BodyHash {
        body.hash()
    }
}
