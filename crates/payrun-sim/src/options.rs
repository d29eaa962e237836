//! How a seed is run.

use crate::broken::Broken;

/// Where the records are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Records {
    /// In memory, by what stands in for payrun's own store.
    #[default]
    Played,
    /// In payrun's own store.
    Real,
    /// In payrun's own store, on a disk that fails and loses power.
    Failing,
}

/// How a seed is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// What everything is drawn from.
    pub seed: u64,
    /// This part of the engine is broken on purpose.
    pub broken: Option<Broken>,
    /// Everything that happens is kept.
    pub trace: bool,
    /// Where the records are kept.
    pub records: Records,
    /// The first process is killed when it was woken so often, instead of when the seed says.
    pub killed_at: Option<u64>,
}

impl Options {
    /// A seed with nothing broken and nothing kept.
    pub fn of(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}
