//! What is wrong, where, and what to do about it.

use crate::text::shown;
use crate::{Code, Severity};
use std::fmt;

/// A fault (error) or a doubt (warning) at row, column and value.
///
/// `value` and `message` hold what the file holds, personal data included; `Debug` leaves both out.
#[derive(Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which rule.
    pub code: Code,
    /// The data row, from 1; `None` for the whole file.
    pub row: Option<u64>,
    /// The physical line where the row starts, from 1; `None` for the whole file.
    pub line: Option<u64>,
    /// The column's name as the header has it; `None` for a whole row or file.
    pub column: Option<String>,
    /// The cell as it is in the file, cut to [`VALUE_CHARS_MAX`](crate::VALUE_CHARS_MAX) characters. Bytes that
    /// are not UTF-8 are replaced.
    pub value: Option<String>,
    /// One sentence that says what is wrong.
    pub message: String,
    /// One sentence that says what to do.
    pub hint: String,
}

impl Problem {
    /// Whether it keeps the row from being paid.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The value with control and invisible characters written out, safe to print on a terminal.
    pub fn shown_value(&self) -> Option<String> {
        self.value.as_deref().map(shown)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("code", &self.code.word())
            .field("row", &self.row)
            .field("line", &self.line)
            .field("column", &self.column)
            .finish_non_exhaustive()
    }
}

/// What a rule finds wrong with a cell, before anyone knows where the cell stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_personal_data_and_terminals_are_safe() {
        let problem = Problem {
            code: Code::PhoneTooShort,
            row: Some(1),
            line: Some(2),
            column: Some("phone".into()),
            value: Some("+2547\u{1b}[2J\u{202e}".into()),
            message: "\"+2547\" is too short".into(),
            hint: "Call Jane".into(),
        };
        let debug = format!("{problem:?}");
        assert!(!debug.contains("2547") && !debug.contains("Jane"), "{debug}");
        assert_eq!(problem.shown_value().as_deref(), Some("+2547\\u{1b}[2J\\u{202e}"));
    }
}
