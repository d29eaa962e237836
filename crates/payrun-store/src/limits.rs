//! The bounds of a state directory, in one place.

use std::time::Duration;

/// The largest payload of one record, in bytes. A length above it is damage.
pub(crate) const RECORD_BYTES_MAX: usize = 16 << 20;

/// The largest group, by [`size_hint`](crate::codec::size_hint): it always fits into a record.
pub(crate) const GROUP_BYTES_MAX: usize = RECORD_BYTES_MAX - 4096;

/// How many payments stand in one value of the checkpoint: the size at which sled packs them well.
pub(crate) const BLOCK_PAYMENTS: usize = 512;

/// How many claims stand in one record of the ledger.
pub(crate) const CLAIMS_PER_RECORD: usize = 65_536;

/// How many groups wait for the committer before [`commit`](payrun_ports::RunStore::commit) itself waits.
pub(crate) const GROUPS_WAITING_MAX: usize = 4_096;

/// How many claims held by others an error names.
pub(crate) const EXAMPLES_MAX: usize = 5;

/// How long a lock is tried before its holder is named: longer than a reader's glance.
pub(crate) const RUN_LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// How long the organisation's lock is waited for; its holders keep it for milliseconds.
pub(crate) const ORGANISATION_LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read of the file of grants, in bytes; it has some ten thousand at most.
pub(crate) const GRANTS_BYTES_MAX: u64 = 64 << 20;

/// What a caller may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A journal segment is closed before it grows past this, in bytes.
    pub segment_bytes_max: u64,
    /// Below this many free bytes no new intent is written; outcomes still are.
    pub reserve_bytes: u64,
    /// The checkpoint is written after this many events, …
    pub checkpoint_events: u64,
    /// … or with the first group after this time.
    pub checkpoint_every: Duration,
    /// What one record gathers of waiting groups, in bytes.
    pub batch_bytes_max: usize,
}

impl Default for Limits {
    /// 64 MiB segments, 8 MiB reserve, a checkpoint each 16,384 events or second, 4 MiB of groups in a record.
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            reserve_bytes: 8 << 20,
            checkpoint_events: 16_384,
            checkpoint_every: Duration::from_secs(1),
            batch_bytes_max: 4 << 20,
        }
    }
}
