//! How many problems of each rule.

use crate::{Code, Severity};

/// A count for each code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; Code::ALL.len()])
    }
}

impl Counts {
    pub(crate) fn add(&mut self, code: Code) {
        if let Some(count) = self.0.get_mut(code.index()) {
            *count += 1;
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    pub(crate) fn of(&self, code: Code) -> u64 {
        self.0.get(code.index()).copied().unwrap_or(0)
    }

    /// How many are of this severity.
    pub(crate) fn severe(&self, severity: Severity) -> u64 {
        let same = Code::ALL.iter().filter(|code| code.severity() == severity);
        same.map(|code| self.of(*code)).sum()
    }
}
