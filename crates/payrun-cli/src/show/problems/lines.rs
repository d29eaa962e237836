//! One line of CSV for each problem.

use payrun::csv::Validated;
use std::io::{self, Write};

/// One line for each problem, written as they are found.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front.
///
/// # Errors
/// What `out` answers, or that the file cannot be read any more.
pub(crate) fn problems_csv(file: &Validated, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "severity,code,row,line,column,value,message,hint")?;
    file.write_problems(out, |line, problem| {
        let severity = problem.severity().word();
        write!(line, "{severity},{}", problem.code.word())?;
        for number in [problem.row, problem.line] {
            line.push(b',');
            if let Some(number) = number {
                write!(line, "{number}")?;
            }
        }
        let (column, value) = (problem.column.as_deref(), problem.value.as_deref());
        for text in [column, value, Some(&problem.message), Some(&problem.hint)] {
            line.push(b',');
            put(line, text.unwrap_or_default());
        }
        line.push(b'\n');
        Ok(())
    })
}

/// Adds a cell.
fn put(line: &mut Vec<u8>, cell: &str) {
    let tamed = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if cell.contains(['"', ',', '\n', '\r']) || cell != cell.trim() {
        line.push(b'"');
        line.extend(tamed.then_some(b'\''));
        for (number, part) in cell.split('"').enumerate() {
            if number > 0 {
                line.extend_from_slice(b"\"\"");
            }
            line.extend_from_slice(part.as_bytes());
        }
        line.push(b'"');
    } else {
        line.extend(tamed.then_some(b'\''));
        line.extend_from_slice(cell.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_of_csv_that_no_spreadsheet_runs() {
        for (cell, written) in [
            ("=1+1", "'=1+1"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("-5,0", "\"'-5,0\""),
            ("plain", "plain"),
            ("", ""),
        ] {
            let mut line = Vec::new();
            put(&mut line, cell);
            assert_eq!(String::from_utf8(line).unwrap(), written);
        }
    }
}
