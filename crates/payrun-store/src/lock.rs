//! Who holds a run, or the organisation: one process at a time (I7).
//!
//! The system's lock decides (`flock`, let go when the process ends, however it ends); the file's text only
//! says who has it. The folder that the file lies in is locked with it: who removes a file that looks stale has
//! not taken the lock from anyone.

use payrun_core::UnixMillis;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const RETRY_EVERY: Duration = Duration::from_millis(5);

/// A process that holds a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its id; 0 if the lock's file does not say.
    pub pid: u32,
    /// The machine's name.
    pub host: String,
    /// Which start of that machine.
    pub boot_id: String,
    /// How often the run had been opened, this process included; 0 if it is just opening it.
    pub epoch: u64,
    /// Since when, by the wall.
    pub since: UnixMillis,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            return f.write_str("a process that did not name itself");
        }
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another place in this one, has it.
    #[error("held by {0}")]
    Held(Holder),
    /// Locking failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    _folder: File,
    holder: Holder,
}

impl Lock {
    /// Takes the lock of the folder that `path`, the lock's file, lies in, trying for `patience`.
    ///
    /// # Errors
    /// [`LockError::Held`] with who has it; [`LockError::Io`] if the folder is not there or the file cannot be written.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let folder = File::open(folder(path))?;
        let file = options.open(path)?;
        let begun = Instant::now();
        for part in [&folder, &file] {
            loop {
                match part.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::Error(error)) => return Err(error.into()),
                    Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                        return Err(LockError::Held(read(path)));
                    }
                    Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_EVERY),
                }
            }
        }
        let mut lock = Self { file, _folder: folder, holder: this_process() };
        lock.write()?;
        Ok(lock)
    }

    /// Says which opening of the run this is.
    pub(crate) fn set_epoch(&mut self, epoch: u64) -> io::Result<()> {
        self.holder.epoch = epoch;
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        let text = serde_json::to_vec(&WireHolder::from(&self.holder))?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

/// Who holds the lock now, if anyone does.
pub(crate) fn holder(path: &Path) -> io::Result<Option<Holder>> {
    for part in [folder(path), path] {
        let file = match File::open(part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Some(read(path))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// The folder of a lock's file.
fn folder(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

fn read(path: &Path) -> Holder {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut text));
    match (read, serde_json::from_slice::<WireHolder>(&text)) {
        (Ok(_), Ok(holder)) => holder.into(),
        _ => Holder::default(),
    }
}

fn this_process() -> Holder {
    let line = |path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.trim().to_owned()
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Holder {
        pid: std::process::id(),
        host,
        boot_id: line("/proc/sys/kernel/random/boot_id"),
        epoch: 0,
        since: UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
    }
}

#[derive(Serialize, Deserialize)]
struct WireHolder {
    pid: u32,
    host: String,
    boot_id: String,
    epoch: u64,
    since: u64,
}

impl From<&Holder> for WireHolder {
    fn from(holder: &Holder) -> Self {
        Self {
            pid: holder.pid,
            host: holder.host.clone(),
            boot_id: holder.boot_id.clone(),
            epoch: holder.epoch,
            since: holder.since.0,
        }
    }
}

impl From<WireHolder> for Holder {
    fn from(holder: WireHolder) -> Self {
        Self {
            pid: holder.pid,
            host: holder.host,
            boot_id: holder.boot_id,
            epoch: holder.epoch,
            since: UnixMillis(holder.since),
        }
    }
}
