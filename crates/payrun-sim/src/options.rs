//! How a seed is run.

use crate::broken::Broken;

/// How a seed is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What everything is drawn from.
    pub seed: u64,
    /// This part of the engine is broken on purpose.
    pub broken: Option<Broken>,
    /// Everything that happens is kept.
    pub trace: bool,
    /// The records are payrun's own store, on a disk, and not what stands in for it.
    pub on_disk: bool,
    /// The first process is killed when it was woken so often, instead of when the seed says.
    pub killed_at: Option<u64>,
}

impl Options {
    /// A seed with nothing broken and nothing kept.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}
