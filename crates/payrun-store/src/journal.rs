//! The append side of a journal: one record at a time, synced before the next.
//!
//! **Invariant:** after the first failed write or sync nothing is ever written again by this value.

use crate::disk::{Disk, DiskFile};
use crate::limits::RECORD_BYTES_MAX;
use crate::record::{self, GENESIS, Link, Record};
use crate::scan::{Chain, Head, Position, Torn, next_sequence};
use crate::segment::{self, Header, Kind};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A write that did not come through.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be {doing}: {error}")]
pub(crate) struct AppendError {
    /// `written`, `synced`, `read`.
    pub(crate) doing: &'static str,
    pub(crate) path: String,
    pub(crate) error: io::Error,
}

/// The open end of a journal.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    kind: Kind,
    segment_bytes_max: u64,
    end: Option<End>,
    segments: u32,
    head: Option<Head>,
    failed: bool,
    buffer: Vec<u8>,
}

/// The segment that is written to.
struct End {
    file: Box<dyn DiskFile>,
    bytes: u64,
}

impl Journal {
    /// An empty journal in an existing folder without segments.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        kind: Kind,
        segment_bytes_max: u64,
    ) -> Self {
        Self {
            disk,
            dir,
            kind,
            segment_bytes_max,
            end: None,
            segments: 0,
            head: None,
            failed: false,
            buffer: Vec::new(),
        }
    }

    /// Goes on behind a chain that was read. What a process left in the page cache that was killed, or whose sync
    /// failed, is written again and synced first, the names of files too; a torn end is kept aside in a file of its
    /// own before it is cut off.
    ///
    /// Returns whether something was set aside, now or by a start that ended before it wrote its next record.
    pub(crate) fn resume(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        kind: Kind,
        segment_bytes_max: u64,
        chain: &Chain,
    ) -> Result<(Self, bool), AppendError> {
        let mut journal = Self::new(disk, dir, kind, segment_bytes_max);
        journal.head = chain.head;
        journal.segments = chain.segments;
        if let Some(torn) = chain.torn {
            journal.set_aside(torn, next_sequence(chain))?;
        }
        if journal.segments > 0 && journal.end.is_none() {
            journal.open_end()?;
        }
        journal.write_last_again()?;
        let disk = Arc::clone(&journal.disk);
        let synced = disk.sync_dir(&journal.dir);
        synced.map_err(|error| journal.error("synced", &journal.dir, error))?;
        let repaired = journal.has_torn_before(next_sequence(chain));
        let repaired = repaired.map_err(|error| journal.error("read", &journal.dir, error))?;
        Ok((journal, repaired))
    }

    /// The last record.
    pub(crate) fn head(&self) -> Option<Head> {
        self.head
    }

    /// The same journal, whose folder was renamed.
    pub(crate) fn moved_to(self, dir: PathBuf) -> Self {
        Self { dir, ..self }
    }

    /// Appends one record and syncs it. After `Err` this journal is closed for good.
    pub(crate) fn append(&mut self, epoch: u64, payload: &[u8]) -> Result<Head, AppendError> {
        if self.failed {
            let closed = io::Error::other("closed after an earlier failure");
            return Err(self.error("written", &self.dir, closed));
        }
        self.failed = true;
        let head = self.append_once(epoch, payload)?;
        self.failed = false;
        self.head = Some(head);
        Ok(head)
    }

    fn append_once(&mut self, epoch: u64, payload: &[u8]) -> Result<Head, AppendError> {
        if payload.len() > RECORD_BYTES_MAX {
            let large = io::Error::other("the record is too large");
            return Err(self.error("written", &self.dir, large));
        }
        let size = u64::try_from(record::size(payload.len())).unwrap_or(u64::MAX);
        let end = self.end_for(size)?;
        let offset = end.bytes;
        let link = Link {
            sequence: self.head.map_or(1, |head| head.sequence.saturating_add(1)),
            epoch,
            previous: self.head.map_or(GENESIS, |head| head.hash),
        };
        self.buffer.clear();
        let hash = record::write(&mut self.buffer, link, payload);
        self.write_and_sync()?;
        Ok(Head {
            position: Position { segment: self.segments, offset },
            sequence: link.sequence,
            epoch,
            hash,
        })
    }

    /// Writes the buffer to the end.
    fn write_and_sync(&mut self) -> Result<(), AppendError> {
        let path = segment::path(&self.dir, self.segments);
        let fail =
            |doing| move |error| AppendError { doing, path: path.display().to_string(), error };
        let Some(end) = &mut self.end else {
            return Err(fail("written")(io::Error::other("no open segment")));
        };
        end.file.append(&self.buffer).map_err(fail.clone()("written"))?;
        end.file.sync_data().map_err(fail("synced"))?;
        end.bytes += u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// The segment that takes `size` more bytes: the open one, or a new one.
    fn end_for(&mut self, size: u64) -> Result<&mut End, AppendError> {
        let full = |end: &End| {
            let empty = u64::try_from(segment::HEADER_BYTES).unwrap_or(u64::MAX);
            end.bytes > empty && end.bytes.saturating_add(size) > self.segment_bytes_max
        };
        let end = match self.end.take() {
            Some(end) if !full(&end) => end,
            _ => self.create_segment()?,
        };
        Ok(self.end.insert(end))
    }

    /// A new segment with its header, synced with its name.
    fn create_segment(&mut self) -> Result<End, AppendError> {
        let number = self.segments.saturating_add(1);
        let path = segment::path(&self.dir, number);
        let header = Header {
            kind: self.kind,
            number,
            first_sequence: self.head.map_or(1, |head| head.sequence.saturating_add(1)),
            previous: self.head.map_or(GENESIS, |head| head.hash),
        };
        let bytes = header.to_bytes();
        let create = || {
            let mut file = self.disk.create(&path)?;
            file.append(&bytes)?;
            Ok(file)
        };
        let mut file = create().map_err(|error| self.error("written", &path, error))?;
        let synced = file.sync_data().and_then(|()| self.disk.sync_dir(&self.dir));
        synced.map_err(|error| self.error("synced", &path, error))?;
        self.segments = number;
        Ok(End { file, bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX) })
    }

    fn open_end(&mut self) -> Result<(), AppendError> {
        let path = segment::path(&self.dir, self.segments);
        let file = self.disk.open_append(&path);
        let mut file = file.map_err(|error| self.error("written", &path, error))?;
        let synced = file.sync_data();
        synced.map_err(|error| self.error("synced", &path, error))?;
        let bytes = std::fs::metadata(&path);
        let bytes = bytes.map_err(|error| self.error("read", &path, error))?.len();
        self.end = Some(End { file, bytes });
        Ok(())
    }

    /// Writes once more what may have been read out of memory only: the last record, or the header of a file that
    /// has none. All before it was synced with success, or nothing would have been written behind it.
    fn write_last_again(&self) -> Result<(), AppendError> {
        if self.segments == 0 {
            return Ok(());
        }
        let last = self.head.map(|head| head.position);
        let last = last.filter(|position| position.segment == self.segments);
        let offset = last.map_or(0, |position| position.offset);
        let path = segment::path(&self.dir, self.segments);
        let again = || {
            let mut file = self.disk.open_read(&path)?;
            file.seek(io::SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            self.disk.write_again(&path, offset, &bytes)
        };
        again().map_err(|error| self.error("written", &path, error))
    }

    /// Copies the torn end to `torn-<segment>-<sequence>` and cuts it off, each step synced.
    fn set_aside(&mut self, torn: Torn, sequence: u64) -> Result<(), AppendError> {
        let path = segment::path(&self.dir, torn.position.segment);
        let aside = self.torn_path(torn.position.segment, sequence);
        if torn.position.offset == 0 {
            // Not even its header is whole: the file as such is set aside.
            let renamed = self.disk.rename(&path, &aside);
            renamed.map_err(|error| self.error("written", &path, error))?;
            self.segments = torn.position.segment.saturating_sub(1);
            return Ok(());
        }
        let copy = || {
            let mut from = self.disk.open_read(&path)?;
            from.seek(io::SeekFrom::Start(torn.position.offset))?;
            let mut bytes = Vec::new();
            from.read_to_end(&mut bytes)?;
            let mut file = self.disk.create(&aside)?;
            file.append(&bytes)?;
            file.sync_data()?;
            self.disk.sync_dir(&self.dir)?;
            let mut end = self.disk.open_append(&path)?;
            end.truncate(torn.position.offset)?;
            end.sync_data()?;
            Ok(End { file: end, bytes: torn.position.offset })
        };
        let end = copy().map_err(|error| self.error("written", &path, error))?;
        self.end = Some(end);
        Ok(())
    }

    fn torn_path(&self, number: u32, sequence: u64) -> PathBuf {
        let first = self.dir.join(format!("torn-{number}-{sequence}"));
        let others = (2..).map(|n: u32| self.dir.join(format!("torn-{number}-{sequence}.{n}")));
        let free = std::iter::once(first.clone()).chain(others).find(|path| !path.exists());
        free.unwrap_or(first)
    }

    /// Whether an end was set aside where the record of this sequence will stand.
    fn has_torn_before(&self, sequence: u64) -> io::Result<bool> {
        Ok(torn_files(&self.dir)?.iter().any(|(_, at)| *at == sequence))
    }

    fn error(&self, doing: &'static str, path: &Path, error: io::Error) -> AppendError {
        AppendError { doing, path: path.display().to_string(), error }
    }
}

/// The torn ends kept in this folder, each with the sequence that it would have had. A folder that is missing
/// keeps none.
pub(crate) fn torn_files(dir: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let names = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    let sequence = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_prefix("torn-")?;
        let (_, rest) = name.split_once('-')?;
        let digits = rest.split('.').next()?;
        let sequence = digits.parse().ok()?;
        Some((path, sequence))
    };
    let mut found = Vec::new();
    for name in names {
        found.extend(sequence(name?.path()));
    }
    found.sort();
    Ok(found)
}

/// The payload of the record at `position`, verified.
pub(crate) fn read_at<T>(
    disk: &dyn Disk,
    dir: &Path,
    position: Position,
    take: impl FnOnce(&Record<'_>) -> Option<T>,
) -> Result<T, String> {
    let path = segment::path(dir, position.segment);
    let read = || -> io::Result<Vec<u8>> {
        let mut file = disk.open_read(&path)?;
        file.seek(io::SeekFrom::Start(position.offset))?;
        let mut bytes = vec![0; record::HEADER_BYTES];
        file.read_exact(&mut bytes)?;
        let rest = record::declared_size(&bytes).saturating_sub(bytes.len());
        let rest = u64::try_from(rest).unwrap_or(u64::MAX);
        file.take(rest).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let at = || format!("segment {}, byte {}", position.segment, position.offset);
    let bytes = read().map_err(|error| format!("{}: {error}", at()))?;
    let record = Record::parse(&bytes).ok_or_else(|| format!("{}: not the record", at()))?;
    take(&record).ok_or_else(|| format!("{}: another record than expected", at()))
}
