//! The file system as journals, ledger and plan files use it.
//!
//! A small port, so that a test can fail or cut any operation. An operation that returned `Ok` has only
//! reached the page cache, but for [`DiskFile::sync_data`] and [`Disk::sync_dir`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A file that is only ever appended to, or cut.
pub trait DiskFile: Send {
    /// Writes all bytes at the end. After `Err` any prefix of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// After `Ok` the file's bytes and length survive a power cut. Never called again after `Err`.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// The operations that change a state directory, and reading.
pub trait Disk: Send + Sync {
    /// A new, empty file, readable by its owner only. An existing one is an error.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// An existing file, to append to.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// An existing file, to read.
    fn open_read(&self, path: &Path) -> io::Result<File>;

    /// Writes the bytes that an existing file has at `offset` there once more, and syncs them.
    ///
    /// After a sync that failed, Linux takes what it could not write for written: the bytes can be read until the
    /// machine stops, and no later sync writes them. Only writing them does.
    fn write_again(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// A new folder, open to its owner only. Its parent exists; an existing folder is an error.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or folder within one file system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a folder and all in it. Used for what was never part of the state only.
    fn remove_tree(&self, path: &Path) -> io::Result<()>;

    /// After `Ok` the names in this folder survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// How many bytes are free for us where `path` lies.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

struct RealFile(File);

impl DiskFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open_read(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn write_again(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        // Not to append: then Linux would write at the end whatever the offset.
        let file = OpenOptions::new().write(true).open(path)?;
        file.write_all_at(bytes, offset)?;
        file.sync_data()
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
