//! Plans as files named by the hash of their bytes: what was approved is what is read back (I6).

use crate::disk::Disk;
use payrun_core::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The fewest hexadecimal digits that may stand for a plan.
pub const PLAN_PREFIX_LENGTH_MIN: usize = 8;

/// Why a plan was not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The bytes do not have this hash. Nothing was stored, or what is stored is damaged.
    #[error("the plan is damaged: its bytes do not have the hash {expected}, but {found}")]
    Damaged {
        /// The plan's digest.
        expected: Digest,
        /// The hash of the bytes.
        found: Digest,
    },
    /// There is no such plan.
    #[error("there is no plan {0}")]
    Missing(String),
    /// Too few digits, or not hexadecimal in lower case.
    #[error(
        "'{0}' does not name a plan: at least {PLAN_PREFIX_LENGTH_MIN} digits of its hash are needed"
    )]
    Prefix(String),
    /// More than one plan begins like this.
    #[error("more than one plan begins with '{0}': give more digits")]
    Ambiguous(String),
    /// Reading or writing failed.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

pub(crate) fn put(
    disk: &dyn Disk,
    dir: &Path,
    digest: &Digest,
    bytes: &[u8],
) -> Result<PathBuf, PlanError> {
    check(digest, bytes)?;
    let path = path(dir, digest);
    let io = |error| PlanError::Io { path: path.clone(), error };
    match get(disk, dir, digest) {
        // A start that was killed may have left the name unsynced.
        Ok(_) => {
            disk.sync_dir(dir).map_err(io)?;
            return Ok(path);
        }
        Err(PlanError::Missing(_)) => {}
        Err(other) => return Err(other),
    }
    let aside = unused(dir, digest);
    let write = || {
        let mut file = disk.create(&aside)?;
        file.append(bytes)?;
        file.sync_data()?;
        disk.rename(&aside, &path)?;
        disk.sync_dir(dir)
    };
    if let Err(error) = write() {
        // It holds personal data, and may be what fills the disk. Once renamed it is not there any more.
        let _ = std::fs::remove_file(&aside);
        return Err(io(error));
    }
    Ok(path)
}

pub(crate) fn get(disk: &dyn Disk, dir: &Path, digest: &Digest) -> Result<Vec<u8>, PlanError> {
    let path = path(dir, digest);
    let mut bytes = Vec::new();
    let read = disk.open_read(&path).and_then(|mut file| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => check(digest, &bytes).map(|()| bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(PlanError::Missing(digest.to_string()))
        }
        Err(error) => Err(PlanError::Io { path, error }),
    }
}

pub(crate) fn find(dir: &Path, prefix: &str) -> Result<Option<Digest>, PlanError> {
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let long_enough = (PLAN_PREFIX_LENGTH_MIN..=64).contains(&prefix.len());
    if !long_enough || !prefix.as_bytes().iter().all(hex) {
        return Err(PlanError::Prefix(prefix.to_owned()));
    }
    let io = |error| PlanError::Io { path: dir.to_owned(), error };
    let mut found = None;
    for name in std::fs::read_dir(dir).map_err(io)? {
        let name = name.map_err(io)?.file_name();
        let digest = name.to_str().and_then(|name| name.strip_suffix(".plan"));
        let Some(digest) = digest.filter(|digest| digest.starts_with(prefix)) else {
            continue;
        };
        let Ok(digest) = digest.parse() else { continue };
        if found.replace(digest).is_some() {
            return Err(PlanError::Ambiguous(prefix.to_owned()));
        }
    }
    Ok(found)
}

fn check(digest: &Digest, bytes: &[u8]) -> Result<(), PlanError> {
    let found = Digest::from_bytes(Sha256::digest(bytes).into());
    if found == *digest {
        return Ok(());
    }
    Err(PlanError::Damaged { expected: *digest, found })
}

fn path(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join(format!("{digest}.plan"))
}

/// A name that no other writer has, in this process or another.
fn unused(dir: &Path, digest: &Digest) -> PathBuf {
    let pid = std::process::id();
    let names = (0u32..).map(|n| dir.join(format!(".new-{pid}-{n}-{}", digest.short())));
    names.clone().find(|path| !path.exists()).unwrap_or_else(|| dir.join(".new"))
}
