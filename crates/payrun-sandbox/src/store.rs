//! What a sandbox keeps on file: JSON lines, appended before an answer leaves.

use crate::clock::{Mark, Moment};
use crate::number::Text;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// How the file is written. A file whose starts do not say it is of version 1, which came before it was said.
pub(crate) const FORMAT: u32 = 1;

const fn first_format() -> u32 {
    1
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The sandbox started.
    Start {
        #[serde(default = "first_format")]
        format: u32,
        mark: Mark,
    },
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

impl Line {
    fn newer_format(&self) -> Option<u32> {
        match self {
            Self::Start { format, .. } => Some(*format).filter(|format| *format > FORMAT),
            Self::Customer { .. } | Self::Accepted(_) => None,
        }
    }
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
        if let Some(newer) = lines.iter().find_map(Line::newer_format) {
            let said = format!("format {newer} is of a newer payrun, this one reads {FORMAT}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, said));
        }
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

    /// Written by the sandbox before its format had a number. What was written once has to open for ever.
    #[test]
    fn a_file_of_the_first_format_opens() {
        let folder = tempfile::tempdir().unwrap();
        let written = include_str!("../tests/fixtures/v1.jsonl");
        std::fs::write(folder.path().join("provider.jsonl"), written).unwrap();
        let (_, lines) = Store::open(folder.path()).unwrap();
        let accepted: Vec<_> = lines
            .iter()
            .filter_map(|line| match line {
                Line::Accepted(it) => Some((it.reference.as_str(), it.amount.0.to_string())),
                Line::Start { .. } | Line::Customer { .. } => None,
            })
            .collect();
        let [first, second] =
            ["1d68ad8b-3d07-5962-8b08-5641f063444d", "b4c6b374-fd9f-5830-8098-d963fa1be431"];
        assert_eq!(accepted, [(first, "96600".to_owned()), (second, "2185000".to_owned())]);
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn a_file_of_a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path()).unwrap();
        let mark = Mark::first(Moment(0), 1);
        store.append(&Line::Start { format: FORMAT, mark }).unwrap();
        drop(store);
        let (mut store, _) = Store::open(folder.path()).unwrap();
        store.append(&Line::Start { format: FORMAT + 1, mark }).unwrap();
        drop(store);
        let error = Store::open(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "format 2 is of a newer payrun, this one reads 1");
    }

    #[test]
    fn after_a_failed_write_nothing_more_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let line = Line::Start { format: FORMAT, mark: Mark::first(Moment(0), 1) };
        let read_only = File::open(folder.path().join("provider.jsonl")).unwrap();
        let mut broken = Store { file: read_only, broken: false };
        assert!(broken.append(&line).is_err());
        broken.file = store.file;
        assert!(broken.append(&line).is_err(), "its beginning may be on file already");
    }
}
