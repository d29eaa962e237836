//! The grants of the organisation's keys in a file that all its processes share (I8).
//!
//! ```text
//! <root>/<organisation>/pace/grants
//! ```
//!
//! Whoever takes tokens locks the file (`flock`), reads it, and writes it anew, in some ten microseconds. A process that
//! ends lets go of the lock, however it ends. One that is frozen while it has the lock is left behind: after
//! [`STUCK_AFTER`] another puts a copy in the file's place. When the frozen one goes on, it sees that it was too
//! slow or that its file is not the one any more, and what it granted is void.
//!
//! Nothing is synced: what a power cut can take is of an earlier start of the machine, and that is not believed anyway.
//! Nothing in here is worth a stop: what cannot be read counts as a full window and is written anew.

mod wire;

use crate::limits::GRANTS_BYTES_MAX;
use payrun_ports::{GrantLog, GrantLogError, Grants, KeyFingerprint};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use wire::{Content, ReadError};

/// When a holder of the lock who gets nothing done is taken for frozen.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// Which start of the machine this is; empty where the system does not tell.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The file, as one process sees it.
#[derive(Debug)]
pub(crate) struct GrantFile {
    path: PathBuf,
    boot_id: String,
    stuck_after: Duration,
    held_by_other: Mutex<Option<Held>>,
}

/// Somebody else's hold on the lock, as far as it can be seen.
#[derive(Debug, Clone, Copy)]
struct Held {
    since: Instant,
    /// Changes when anyone gets something done.
    sequence: Option<u64>,
}

impl GrantFile {
    /// The file in `folder`. Where the organisation is new, so is its file; one that is missing otherwise was lost.
    pub(crate) fn open(folder: &Path, organisation_is_new: bool) -> Self {
        let boot_id = std::fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned();
        let file = Self {
            path: folder.join("grants"),
            boot_id,
            stuck_after: STUCK_AFTER,
            held_by_other: Mutex::default(),
        };
        // Whoever asks for tokens is told what does not work here.
        let _made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        if organisation_is_new && !file.path.exists() {
            let _begun = file.begin();
        }
        file
    }

    /// Puts an empty file there whole, unless somebody else was first.
    fn begin(&self) -> io::Result<()> {
        let new = self.beside(&Content::new(&self.boot_id).encode().map_err(io::Error::other)?)?;
        new.persist_noclobber(&self.path)?;
        Ok(())
    }

    fn beside(&self, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// The file with its lock, if nobody has it.
    fn lock(&self) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&self.path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Somebody else has the lock. If nothing got done for too long, a copy takes the file's place.
    fn watch_holder(&self) -> io::Result<()> {
        let bytes = read(&File::open(&self.path)?)?;
        let sequence = Content::decode(&bytes).ok().map(|content| content.sequence);
        let mut held = self.held_by_other.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match *held {
            Some(seen) if seen.sequence == sequence => {
                if now.duration_since(seen.since) >= self.stuck_after {
                    *held = None;
                    self.beside(&bytes)?.persist(&self.path)?;
                }
            }
            Some(_) | None => *held = Some(Held { since: now, sequence }),
        }
        Ok(())
    }

    fn read(&self, file: &File) -> Result<Content, GrantLogError> {
        let bytes = read(file).map_err(|error| self.fault(&error))?;
        match Content::decode(&bytes) {
            Ok(content) if content.boot_id == self.boot_id => Ok(content),
            // Its moments are of another start of the machine, or of another machine.
            Ok(content) => Ok(Content::lost(&self.boot_id, content.sequence)),
            Err(ReadError::Damaged) => Ok(Content::lost(&self.boot_id, 0)),
            Err(error @ ReadError::Newer(_)) => Err(self.fault(&error)),
        }
    }

    fn write(&self, file: &File, content: &Content) -> Result<(), GrantLogError> {
        let bytes = content.encode().map_err(|error| self.fault(&error))?;
        let written = file.write_all_at(&bytes, 0);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        written.and_then(|()| file.set_len(length)).map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &dyn std::fmt::Display) -> GrantLogError {
        GrantLogError::Io(format!("{}: {error}", self.path.display()))
    }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(GRANTS_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl GrantLog for GrantFile {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        let begun = Instant::now();
        let Some(file) = self.lock().map_err(|error| self.fault(&error))? else {
            self.watch_holder().map_err(|error| self.fault(&error))?;
            return Err(GrantLogError::Busy);
        };
        *self.held_by_other.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let mut content = self.read(&file)?;
        change(content.grants_of(key));
        content.sequence = content.sequence.wrapping_add(1);
        self.write(&file, &content)?;
        let is_in_place = file.metadata().map_err(|error| self.fault(&error))?.nlink() > 0;
        // Somebody may have begun to take this process for frozen, and have read the file before it was written.
        if !is_in_place || begun.elapsed() >= self.stuck_after / 2 {
            return Err(GrantLogError::Busy);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
