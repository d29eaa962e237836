//! The state derived from the journal, kept in sled, so that a run opens without replaying everything.
//!
//! Never the authority: whatever cannot be read is set aside and rebuilt. It has one right, to say that the
//! journal lost records, since it only ever reflects records that were synced.
//!
//! What sled 0.34.7 does not promise is not asked of it. `flush` reaches the page cache only, so a second,
//! long-held descriptor of its file is synced behind it. Its own flusher is off. A process killed while sled
//! opens leaves `snap.*.generating`, which sled then refuses for ever: it is removed first. sled may panic on
//! damage: that is caught (its words still reach the process's panic hook), and everything read is held against
//! hashes of our own. It may wait for ever after a write that failed: it is waited for only so long.

mod wire;

use crate::body_place::Place;
use crate::book::Book;
use crate::limits::BLOCK_PAYMENTS;
use crate::record::Hash;
use crate::scan::{Head, Position};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const META_KEY: &[u8] = b"meta";
const CACHE_BYTES: u64 = 8 << 20;

/// sled lets go of its lock a moment after its last handle is gone.
const SLED_LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How long sled may take to write: less than a run that is asked to stop has.
const SLED_WRITING_PATIENCE: Duration = Duration::from_secs(10);

/// The record of the journal that a checkpoint reflects, and the journal it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The hash of the journal's first record.
    pub(crate) run: Hash,
    pub(crate) position: Position,
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
}

impl Mark {
    pub(crate) fn of(run: Hash, head: Head) -> Self {
        let Head { position, sequence, hash, .. } = head;
        Self { run, position, sequence, hash }
    }
}

/// What a checkpoint says.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) mark: Mark,
    pub(crate) book: Book<Place>,
}

/// What was found where a checkpoint should be.
pub(crate) enum Loaded {
    Missing,
    Unusable(String),
    /// Somebody has it open: whether it is of use is not known.
    Busy(std::io::Error),
    Ready(Box<(Checkpoint, Saved)>),
}

/// An open checkpoint.
pub(crate) struct Checkpoint {
    db: sled::Db,
    barrier: File,
    dir: PathBuf,
    block_hashes: Vec<Hash>,
}

impl Checkpoint {
    /// Opens what is there and reads all of it. Sets nothing aside.
    pub(crate) fn load(dir: &Path) -> Loaded {
        match fs::symlink_metadata(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Loaded::Missing,
            Err(error) => return Loaded::Unusable(error.to_string()),
            Ok(_) => {}
        }
        if !dir.join("db").exists() {
            return Loaded::Unusable("it is empty".to_owned());
        }
        match wait_until_free(&dir.join("db")) {
            Err(TryLockError::WouldBlock) => {
                return Loaded::Busy(std::io::Error::other("another process has it open"));
            }
            Err(TryLockError::Error(error)) => return Loaded::Unusable(error.to_string()),
            Ok(()) => {}
        }
        let loaded = caught(|| {
            let mut checkpoint = Self::open(dir)?;
            let saved = checkpoint.read()?;
            Ok((checkpoint, saved))
        });
        match loaded {
            Ok(ready) => Loaded::Ready(Box::new(ready)),
            Err(why) => Loaded::Unusable(why),
        }
    }

    /// A new checkpoint of this book. Nothing is in `dir` yet, and it does not exist.
    pub(crate) fn create(dir: &Path, mark: Mark, book: &Book<Place>) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        DirBuilder::new().mode(0o700).create(dir).map_err(io)?;
        let mut checkpoint = caught(|| Self::open(dir))?;
        let touched = (0..book.slots.len().div_ceil(BLOCK_PAYMENTS)).filter(|block| {
            block_slots(book, *block).iter().any(|slot| *slot != Default::default())
        });
        checkpoint.save(mark, book, &touched.collect())?;
        for dir in [Some(dir), dir.parent()].into_iter().flatten() {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
        }
        Ok(checkpoint)
    }

    fn open(dir: &Path) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        for name in fs::read_dir(dir).map_err(io)? {
            let path = name.map_err(io)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&path).map_err(io)?;
            }
        }
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let db = config.open().map_err(|error| error.to_string())?;
        let barrier = File::open(dir.join("db")).map_err(io)?;
        keep_private(dir).map_err(io)?;
        Ok(Self { db, barrier, dir: dir.to_owned(), block_hashes: Vec::new() })
    }

    fn read(&mut self) -> Result<Saved, String> {
        let sled = |error: sled::Error| error.to_string();
        let meta = self.db.get(META_KEY).map_err(sled)?.ok_or("it is empty")?;
        let meta = wire::Meta::decode(&meta)?;
        let mut slots = Vec::with_capacity(usize::try_from(meta.payments).unwrap_or(0));
        let payments = usize::try_from(meta.payments).map_err(|error| error.to_string())?;
        self.block_hashes.clear();
        for block in 0..payments.div_ceil(BLOCK_PAYMENTS) {
            let length = BLOCK_PAYMENTS.min(payments - slots.len());
            match self.db.get(block_key(block)).map_err(sled)? {
                None => {
                    self.block_hashes.push(Hash::default());
                    slots.resize_with(slots.len() + length, Default::default);
                }
                Some(bytes) => {
                    self.block_hashes.push(Sha256::digest(&bytes).into());
                    slots.extend(wire::decode_block(&bytes, length)?);
                }
            }
        }
        if self.blocks_hash() != meta.blocks {
            return Err("its blocks are not the ones that were written".to_owned());
        }
        let (mark, cautious, cancel_requested) = meta.into_parts();
        Ok(Saved { mark, book: Book { slots, cautious, cancel_requested } })
    }

    /// Writes the touched blocks and the mark as one batch, and returns once they are on the disk.
    pub(crate) fn save(
        &mut self,
        mark: Mark,
        book: &Book<Place>,
        touched: &BTreeSet<usize>,
    ) -> Result<(), String> {
        caught(|| {
            let mut batch = sled::Batch::default();
            let blocks = book.slots.len().div_ceil(BLOCK_PAYMENTS);
            self.block_hashes.resize(blocks, Hash::default());
            for block in touched {
                let bytes = wire::encode_block(block_slots(book, *block))?;
                if let Some(hash) = self.block_hashes.get_mut(*block) {
                    *hash = Sha256::digest(&bytes).into();
                }
                batch.insert(&block_key(*block), bytes);
            }
            batch.insert(META_KEY, wire::Meta::encode(mark, book, self.blocks_hash())?);
            let db = self.db.clone();
            in_time(move || {
                db.apply_batch(batch).map_err(|error| error.to_string())?;
                db.flush().map(drop).map_err(|error| error.to_string())
            })?;
            self.barrier.sync_data().map_err(|error| error.to_string())?;
            keep_private(&self.dir).map_err(|error| error.to_string())
        })
    }

    /// Gives it up. sled flushes once more then, and panics if it cannot.
    pub(crate) fn let_go(self) {
        let _ = in_time(move || {
            drop(self);
            Ok(())
        });
    }

    fn blocks_hash(&self) -> Hash {
        let mut hasher = Sha256::new();
        for hash in &self.block_hashes {
            hasher.update(hash);
        }
        hasher.finalize().into()
    }
}

/// Renames the checkpoint to `checkpoint.aside-<n>`, if there is one. Nothing is ever deleted.
pub(crate) fn set_aside(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    if fs::symlink_metadata(dir).is_err() {
        return Ok(None);
    }
    let aside = |n: u32| dir.with_file_name(format!("checkpoint.aside-{n}"));
    let free = (1..).map(aside).find(|path| fs::symlink_metadata(path).is_err());
    let free = free.ok_or_else(|| std::io::Error::other("too many set aside"))?;
    fs::rename(dir, &free)?;
    if let Some(parent) = dir.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(Some(free))
}

/// sled makes its files, those for large pages while it is open too, as the process's mask has it.
fn keep_private(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let folder = entry.file_type()?.is_dir();
        let mode = if folder { 0o700 } else { 0o600 };
        match fs::set_permissions(entry.path(), Permissions::from_mode(mode)) {
            // sled removes files of its own accord.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            set => set?,
        }
        if folder {
            keep_private(&entry.path())?;
        }
    }
    Ok(())
}

/// Waits until nobody has the file locked that sled locks.
fn wait_until_free(db: &Path) -> Result<(), TryLockError> {
    let file = File::open(db).map_err(TryLockError::Error)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < SLED_LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(5));
            }
            tried => return tried,
        }
    }
}

/// Has sled write, and waits no longer than it may take.
///
/// After a write that failed sled may wait for ever: one of its two ways of noting the error does not wake whoever waits
/// for the flush. The thread that waits then keeps sled's lock until the process ends.
fn in_time(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    let (tell, told) = mpsc::channel();
    let thread = thread::Builder::new().name("payrun-checkpoint".to_owned());
    let started = thread.spawn(move || {
        // Nobody listens any more if it took too long.
        let _ = tell.send(caught(work));
    });
    started.map_err(|error| error.to_string())?;
    let done = told.recv_timeout(SLED_WRITING_PATIENCE);
    done.unwrap_or_else(|_| Err("sled did not finish writing".to_owned()))
}

fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("sled panicked on it".to_owned()))
}

fn block_slots(book: &Book<Place>, block: usize) -> &[crate::book::Slot<Place>] {
    let start = block * BLOCK_PAYMENTS;
    let end = book.slots.len().min(start + BLOCK_PAYMENTS);
    book.slots.get(start..end).unwrap_or_default()
}

fn block_key(block: usize) -> [u8; 5] {
    let [a, b, c, d] = u32::try_from(block).unwrap_or(u32::MAX).to_be_bytes();
    [b'b', a, b, c, d]
}
