//! One thing that is wrong with a run's records.

use std::fmt;

/// The part of the records that a finding is about: each is put right another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The run's journal, of which nothing that is damaged can be made anew.
    Journal,
    /// The run's own: the end of its journal, and its checkpoint.
    Run,
    /// The plan's file.
    Plan,
    /// The organisation's ledger.
    Ledger,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// With what.
    pub part: Part,
    /// In words.
    pub what: String,
}

impl Finding {
    /// A finding about this part.
    pub fn new(part: Part, what: impl Into<String>) -> Self {
        Self { part, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
