//! What a sandbox keeps on file: JSON lines, appended before an answer leaves.

use crate::clock::{Mark, Moment};
use crate::number::Text;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The sandbox started.
    Start { mark: Mark },
    /// A customer was made known.
    Customer {
        integrator: String,
        key: String,
        phone: String,
        network: Option<String>,
        country: String,
    },
    /// A withdrawal was accepted and its wallet debited.
    Accepted(Acceptance),
}

/// An accepted withdrawal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Acceptance {
    pub(crate) integrator: String,
    pub(crate) reference: String,
    pub(crate) customer: String,
    pub(crate) phone: String,
    pub(crate) wallet: String,
    pub(crate) amount: Text,
    pub(crate) at: Moment,
    /// When it settles; never without.
    pub(crate) settles: Option<Moment>,
    /// Before this it is not found.
    pub(crate) visible: Moment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<String>,
}

/// The file, locked for this process.
#[derive(Debug)]
pub(crate) struct Store {
    file: File,
    /// A write failed, perhaps halfway: what came after it could not be read back.
    broken: bool,
}

impl Store {
    /// Opens the file in `folder` and reads what is there. A line that a kill cut off is dropped.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Vec<Line>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join("provider.jsonl");
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another sandbox has this folder")
            }
            std::fs::TryLockError::Error(error) => error,
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).map_err(io::Error::from))
            .collect::<io::Result<Vec<Line>>>()?;
        if whole < bytes.len() {
            file.set_len(u64::try_from(whole).unwrap_or_default())?;
            file.seek(SeekFrom::End(0))?;
        }
        Ok((Self { file, broken: false }, lines))
    }

    /// Hands a line to the system in one write: a killed process has written all of it, or a beginning that the
    /// next start drops. After an error nothing more is taken.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("an earlier write failed"));
        }
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        let written = self.file.write_all(&bytes);
        self.broken = written.is_err();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    #[test]
    fn after_a_failed_write_nothing_more_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let line = Line::Start { mark: Mark::first(Moment(0), 1) };
        let read_only = File::open(folder.path().join("provider.jsonl")).unwrap();
        let mut broken = Store { file: read_only, broken: false };
        assert!(broken.append(&line).is_err());
        broken.file = store.file;
        assert!(broken.append(&line).is_err(), "its beginning may be on file already");
    }
}
