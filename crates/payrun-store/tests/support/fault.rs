//! A disk that fails at a chosen operation, and loses what was not synced.

use payrun_store::{Disk, DiskFile, RealDisk};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What happens at the chosen operation, and to all that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation is not done.
    Fails,
    /// A write is done up to half; another operation is not done.
    Cut,
    /// The operation is done, but an error is returned.
    DoneButFails,
}

/// What is left of what was not synced, after a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// All: only the process died.
    All,
    /// Nothing.
    Nothing,
    /// Half of the bytes; of names nothing.
    HalfOfBytes,
    /// The length, but the bytes are zero.
    Zeros,
}

#[derive(Debug, Default)]
struct Ledger {
    operations: u64,
    fails_from: Option<(u64, Fault)>,
    free_bytes: Option<u64>,
    log: Vec<String>,
    /// Where each open file is now.
    open: Vec<Arc<Mutex<PathBuf>>>,
    /// Bytes of each file that survive a power cut.
    synced: HashMap<PathBuf, u64>,
    /// The next sync fails, and the system takes what it did not write for written.
    forgets: bool,
    /// Bytes of each file, from and to, that are in the page cache only, whatever is synced later.
    forgotten: HashMap<PathBuf, (u64, u64)>,
    /// Names made or changed since their folder was synced: (new name, old name).
    names: Vec<(PathBuf, Option<PathBuf>)>,
}

#[derive(Debug, Clone, Default)]
pub struct FaultDisk(Arc<Mutex<Ledger>>);

struct FaultFile {
    disk: FaultDisk,
    /// Follows the file when its folder is renamed.
    path: Arc<Mutex<PathBuf>>,
    file: Box<dyn DiskFile>,
}

enum Go {
    On,
    Half,
    Then(io::Error),
}

fn broken() -> io::Error {
    io::Error::other("injected")
}

impl FaultDisk {
    /// From operation `at` on, everything fails.
    pub fn failing(at: u64, fault: Fault) -> Self {
        let disk = Self::default();
        disk.fail_from(at, fault);
        disk
    }

    /// From `after` further operations on, everything fails.
    pub fn fail_after(&self, after: u64, fault: Fault) {
        let at = self.operations() + after;
        self.fail_from(at, fault);
    }

    fn fail_from(&self, at: u64, fault: Fault) {
        self.0.lock().unwrap().fails_from = Some((at, fault));
    }

    pub fn heal(&self) {
        self.0.lock().unwrap().fails_from = None;
    }

    /// The next sync of a file fails once, as Linux does it: its bytes stay readable, are never written, and the
    /// next sync is told nothing.
    pub fn fail_next_sync_as_linux_does(&self) {
        self.0.lock().unwrap().forgets = true;
    }

    pub fn set_free_bytes(&self, bytes: u64) {
        self.0.lock().unwrap().free_bytes = Some(bytes);
    }

    pub fn operations(&self) -> u64 {
        self.0.lock().unwrap().operations
    }

    pub fn log(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    pub fn broke(&self) -> bool {
        let ledger = self.0.lock().unwrap();
        ledger.fails_from.is_some_and(|(at, _)| ledger.operations > at)
    }

    fn step(&self, what: &str, path: &Path) -> io::Result<Go> {
        let mut ledger = self.0.lock().unwrap();
        let now = ledger.operations;
        ledger.operations += 1;
        ledger.log.push(format!("{what} {}", path.file_name().unwrap().to_string_lossy()));
        match ledger.fails_from {
            Some((at, Fault::Cut)) if now == at => Ok(Go::Half),
            Some((at, Fault::DoneButFails)) if now == at => Ok(Go::Then(broken())),
            Some((at, _)) if now >= at => Err(broken()),
            _ => Ok(Go::On),
        }
    }

    fn simple(
        &self,
        what: &str,
        path: &Path,
        work: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        match self.step(what, path)? {
            Go::On => work(),
            Go::Half => Err(broken()),
            Go::Then(error) => work().and(Err(error)),
        }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        let path = Arc::new(Mutex::new(path.to_owned()));
        self.note(|ledger| ledger.open.push(path.clone()));
        Box::new(FaultFile { disk: self.clone(), path, file })
    }

    fn note(&self, note: impl FnOnce(&mut Ledger)) {
        note(&mut self.0.lock().unwrap());
    }

    /// Cuts the power: what was not synced is left as `left` says. Nothing has these files open any more.
    pub fn cut_power(&self, left: Left) {
        use std::os::unix::fs::FileExt as _;
        let ledger = self.0.lock().unwrap();
        for (path, (from, to)) in &ledger.forgotten {
            let file = File::options().write(true).open(path).unwrap();
            file.write_all_at(&vec![0; usize::try_from(to - from).unwrap()], *from).unwrap();
        }
        if left == Left::All {
            return;
        }
        for (path, synced) in &ledger.synced {
            let Ok(metadata) = std::fs::metadata(path) else {
                continue;
            };
            let (synced, length) = (*synced, metadata.len());
            let file = File::options().write(true).open(path).unwrap();
            match left {
                Left::All => {}
                Left::Nothing => file.set_len(synced.min(length)).unwrap(),
                Left::HalfOfBytes => {
                    file.set_len(synced.min(length) + length.saturating_sub(synced) / 2).unwrap();
                }
                Left::Zeros => {
                    file.set_len(synced.min(length)).unwrap();
                    file.set_len(length).unwrap();
                }
            }
        }
        for (name, old) in ledger.names.iter().rev() {
            match old {
                Some(old) if name.exists() => std::fs::rename(name, old).unwrap(),
                None if name.is_dir() => std::fs::remove_dir_all(name).unwrap(),
                None if name.exists() => std::fs::remove_file(name).unwrap(),
                Some(_) | None => {}
            }
        }
    }
}

impl DiskFile for FaultFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.disk.step("write", &self.path.lock().unwrap())? {
            Go::On => self.file.append(bytes),
            Go::Half => self.file.append(&bytes[..bytes.len() / 2]).and(Err(broken())),
            Go::Then(error) => self.file.append(bytes).and(Err(error)),
        }
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let (disk, path) = (self.disk.clone(), self.path.lock().unwrap().clone());
        let length = std::fs::metadata(&path).map(|metadata| metadata.len());
        {
            let mut ledger = disk.0.lock().unwrap();
            if std::mem::take(&mut ledger.forgets) {
                let from = ledger.synced.get(&path).copied().unwrap_or(0);
                ledger.forgotten.insert(path, (from, length?));
                return Err(broken());
            }
        }
        disk.simple("sync", &path, || {
            disk.note(|ledger| {
                ledger.synced.insert(path.clone(), length.unwrap());
            });
            Ok(())
        })
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let (disk, path) = (self.disk.clone(), self.path.lock().unwrap().clone());
        disk.simple("truncate", &path, || self.file.truncate(length))
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut file = None;
        self.simple("create", path, || {
            file = Some(RealDisk.create(path)?);
            self.note(|ledger| {
                ledger.synced.insert(path.to_owned(), 0);
                ledger.names.push((path.to_owned(), None));
            });
            Ok(())
        })?;
        Ok(self.file(path, file.unwrap()))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = RealDisk.open_append(path)?;
        let length = std::fs::metadata(path)?.len();
        self.note(|ledger| {
            ledger.synced.entry(path.to_owned()).or_insert(length);
        });
        Ok(self.file(path, file))
    }

    fn open_read(&self, path: &Path) -> io::Result<File> {
        RealDisk.open_read(path)
    }

    fn write_again(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.simple("write_again", path, || {
            RealDisk.write_again(path, offset, bytes)?;
            self.note(|ledger| {
                let end = offset + bytes.len() as u64;
                ledger
                    .forgotten
                    .retain(|name, (from, to)| name != path || *from < offset || *to > end);
                ledger.synced.insert(path.to_owned(), end);
            });
            Ok(())
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.simple("create_dir", path, || {
            RealDisk.create_dir(path)?;
            self.note(|ledger| ledger.names.push((path.to_owned(), None)));
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.simple("rename", from, || {
            RealDisk.rename(from, to)?;
            self.note(|ledger| {
                let moved = |path: &Path| match path.strip_prefix(from) {
                    Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
                    Ok(rest) => to.join(rest),
                    Err(_) => path.to_owned(),
                };
                ledger.synced =
                    ledger.synced.drain().map(|(path, bytes)| (moved(&path), bytes)).collect();
                for path in &ledger.open {
                    let mut path = path.lock().unwrap();
                    *path = moved(&path);
                }
                for (name, _) in &mut ledger.names {
                    // The folder itself keeps the name that it was made under: undoing goes back in order.
                    if name != from {
                        *name = moved(name);
                    }
                }
                ledger.names.push((to.to_owned(), Some(from.to_owned())));
            });
            Ok(())
        })
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        self.simple("remove", path, || {
            self.note(|ledger| {
                ledger.names.retain(|(name, _)| !name.starts_with(path));
                ledger.synced.retain(|name, _| !name.starts_with(path));
            });
            RealDisk.remove_tree(path)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.simple("sync_dir", path, || {
            self.note(|ledger| ledger.names.retain(|(name, _)| name.parent() != Some(path)));
            Ok(())
        })
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        match self.0.lock().unwrap().free_bytes {
            Some(bytes) => Ok(bytes),
            None => RealDisk.free_bytes(path),
        }
    }
}
