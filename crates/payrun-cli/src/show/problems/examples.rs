//! The first few problems of each rule.

use payrun::csv::{Code, Problem, Severity, Validated};
use std::io;
use std::ops::ControlFlow;

/// How many problems of one rule are shown.
const SHOWN_MAX: usize = 5;

/// One rule that the file breaks.
pub(super) struct Group {
    pub(super) code: Code,
    /// The first of them; how many there are is the file's to say.
    pub(super) first: Vec<Problem>,
}

/// Errors before warnings; within them rules in the order in which the file shows them first.
pub(super) struct Examples(pub(super) Vec<Group>);

impl Examples {
    /// Reads problems until every rule has its examples: of a large file that is far from all.
    ///
    /// # Errors
    /// That the file cannot be read any more.
    pub(super) fn of(file: &Validated) -> io::Result<Self> {
        let wanted =
            |code: &Code| usize::try_from(file.count(*code)).unwrap_or(SHOWN_MAX).min(SHOWN_MAX);
        let mut missing: usize = Code::ALL.iter().map(wanted).sum();
        let mut groups: Vec<Group> = Vec::new();
        if missing > 0 {
            file.each_problem(|problem| {
                let known = groups.iter_mut().find(|group| group.code == problem.code);
                match known {
                    Some(group) if group.first.len() < SHOWN_MAX => group.first.push(problem),
                    Some(_) => return Ok(ControlFlow::Continue(())),
                    None => groups.push(Group { code: problem.code, first: vec![problem] }),
                }
                missing -= 1;
                Ok(if missing == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
        groups.sort_by_key(|group| group.code.severity() == Severity::Warning);
        Ok(Self(groups))
    }

    /// Whether any is of a row, and not of the file as a whole.
    pub(super) fn are_of_rows(&self) -> bool {
        self.0.iter().flat_map(|group| &group.first).any(|problem| problem.row.is_some())
    }
}
