//! How payments are cut into batches.

/// The most payments in one batch unless the policy says otherwise.
///
/// Source: Kotani Pay's guide on bulk payments, which advises to split above 500.
pub const BATCH_COUNT_MAX: u32 = 500;

/// How payments are cut into batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most payments in one batch; at least 1.
    pub batch_count_max: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { batch_count_max: BATCH_COUNT_MAX }
    }
}
