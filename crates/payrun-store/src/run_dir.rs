//! Where the parts of a run lie.

use payrun_core::RunKey;
use std::path::{Path, PathBuf};

/// The folder of one run.
#[derive(Debug, Clone)]
pub(crate) struct RunDir(PathBuf);

impl RunDir {
    /// The folder of this run below `runs`.
    pub(crate) fn of(runs: &Path, key: &RunKey) -> Self {
        Self(runs.join(key.as_str().replace('/', "%2F")))
    }

    /// A folder as it is.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("LOCK")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }
}

/// The run whose folder has this name, if it is one.
pub(crate) fn key(name: &str) -> Option<RunKey> {
    if name.starts_with('.') {
        return None;
    }
    name.replace("%2F", "/").parse().ok()
}
