//! One line of CSV for each problem.

use payrun::csv::Validated;
use std::io;
use std::ops::ControlFlow;

/// One line for each problem, written as they are found.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front.
///
/// # Errors
/// What `out` answers, or that the file cannot be read any more.
pub(crate) fn problems_csv(file: &Validated, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "severity,code,row,line,column,value,message,hint")?;
    file.each_problem(|problem| {
        let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let cells = [
            problem.severity().word().to_owned(),
            problem.code.word().to_owned(),
            number(problem.row),
            number(problem.line),
            problem.column.unwrap_or_default(),
            problem.value.unwrap_or_default(),
            problem.message,
            problem.hint,
        ];
        writeln!(out, "{}", cells.map(|cell| csv_cell(&cell)).join(","))?;
        Ok(ControlFlow::Continue(()))
    })
}

fn csv_cell(cell: &str) -> String {
    let tamed = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if tamed.contains(['"', ',', '\n', '\r']) || tamed != tamed.trim() {
        format!("\"{}\"", tamed.replace('"', "\"\""))
    } else {
        tamed
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
            assert_eq!(csv_cell(cell), written);
        }
    }
}
