//! What is wrong with a payment file: grouped by rule, the first few of each shown, the count never cut.

use super::count;
use crate::screen::wrap;
use payrun::csv::{Code, Problem, Severity, Validated};
use std::io;

/// How many problems of one rule are shown.
const SHOWN_MAX: usize = 5;

/// Every problem of a file, and what is left to pay, as a screen.
pub(crate) fn problems(file: &Validated) -> String {
    let mut text = format!(
        "{}: {}, {}",
        file.source.name,
        count(file.rows, "row"),
        count(u64::try_from(file.payments.len()).unwrap_or(u64::MAX), "payment"),
    );
    if file.rejected_rows > 0 {
        text.push_str(&format!(", {} with errors", count(file.rejected_rows, "row")));
    }
    text.push('\n');
    text.push_str(&groups(&file.problems));
    text.push_str(&totals(file));
    let (errors, warnings) = (file.errors(), file.warnings());
    let verdict = match (errors, warnings) {
        (0, 0) => "Valid: no problems.".to_owned(),
        (0, _) => {
            format!("Valid, with {}: look at them before you pay.", count(warnings, "warning"))
        }
        (_, 0) => format!("Not valid: {}.", count(errors, "error")),
        (_, _) => {
            format!("Not valid: {}, and {}.", count(errors, "error"), count(warnings, "warning"))
        }
    };
    text.push_str(&format!("\n{verdict}\n"));
    text
}

/// One line for each problem.
///
/// A cell that a spreadsheet would take for a formula gets an apostrophe in front.
///
/// # Errors
/// What `out` answers.
pub(crate) fn problems_csv(file: &Validated, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "severity,code,row,line,column,value,message,hint")?;
    for problem in &file.problems {
        let number = |number: Option<u64>| number.map(|n| n.to_string()).unwrap_or_default();
        let cells = [
            problem.severity().word().to_owned(),
            problem.code.word().to_owned(),
            number(problem.row),
            number(problem.line),
            problem.column.clone().unwrap_or_default(),
            problem.value.clone().unwrap_or_default(),
            problem.message.clone(),
            problem.hint.clone(),
        ];
        writeln!(out, "{}", cells.map(|cell| csv_cell(&cell)).join(","))?;
    }
    Ok(())
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

/// Errors before warnings; within them rules in the order in which the file shows them first.
fn groups(problems: &[Problem]) -> String {
    let mut text = String::new();
    for severity in [Severity::Error, Severity::Warning] {
        let mut codes: Vec<Code> = Vec::new();
        for problem in problems.iter().filter(|problem| problem.severity() == severity) {
            if !codes.contains(&problem.code) {
                codes.push(problem.code);
            }
        }
        for code in codes {
            let same: Vec<_> = problems.iter().filter(|problem| problem.code == code).collect();
            text.push_str(&group(code, &same));
        }
    }
    text
}

fn group(code: Code, problems: &[&Problem]) -> String {
    let of = u64::try_from(problems.len()).unwrap_or(u64::MAX);
    let title = format!("{} ({}, {code})", code.title(), count(of, code.severity().word()));
    let mut text = format!("\n{}\n", wrap(&title, ""));
    let mut hint = "";
    for problem in problems.iter().take(SHOWN_MAX) {
        // The same advice is given once, below all that it is for.
        if !hint.is_empty() && hint != problem.hint {
            text.push_str(&advice(hint));
        }
        hint = &problem.hint;
        text.push_str(&wrap(&tame(&format!("{}{}", place(problem), problem.message)), "  "));
        text.push('\n');
    }
    if !hint.is_empty() {
        text.push_str(&advice(hint));
    }
    if let Some(rest) = problems.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        text.push_str(&format!("  ... and {rest} more; --format csv lists them all\n"));
    }
    text
}

fn advice(hint: &str) -> String {
    wrap(&tame(&format!("-> {hint}")), "     ") + "\n"
}

/// `row 12 (line 13), amount: `
fn place(problem: &Problem) -> String {
    let mut place = match (problem.row, problem.line) {
        (Some(row), Some(line)) => format!("row {row} (line {line})"),
        (Some(row), None) => format!("row {row}"),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => String::new(),
    };
    if let Some(column) = &problem.column {
        if !place.is_empty() {
            place.push_str(", ");
        }
        place.push_str(column);
    }
    if !place.is_empty() {
        place.push_str(": ");
    }
    place
}

/// What the valid rows pay.
fn totals(file: &Validated) -> String {
    let tally = &file.totals;
    if tally.count() == 0 {
        return "\nNothing can be paid.\n".to_owned();
    }
    let of = if file.rejected_rows > 0 { "The valid rows pay" } else { "The file pays" };
    let line = |(_, total): (_, payrun::Total)| {
        format!("  {:<24} {}\n", total.sum, count(total.count, "payment"))
    };
    format!("\n{of}:\n{}", tally.iter().map(line).collect::<String>())
}

/// Nothing from a file can move the cursor.
fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n";

    fn validated(rows: &str) -> Validated {
        payrun::csv::read(format!("{HEADER}{rows}").as_bytes(), "june.csv").unwrap()
    }

    #[test]
    fn problems_are_grouped_and_none_is_uncounted() {
        let mut rows = String::new();
        for row in 1..=7 {
            rows.push_str(&format!(
                "Jane Doe,jane@example.com,+25471234567{row},\"1,500\",KES,EMP-{row}\n"
            ));
        }
        rows.push_str("John Doe,john.example.com,+254712345680,2500,KES,EMP-8\n");
        rows.push_str("Ann Lee,ann@example.com,+254712345681,2500,KES,EMP-9\n");
        let text = problems(&validated(&rows));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_valid_file_says_what_it_pays() {
        let text = problems(&validated("Ann Lee,ann@example.com,+254712345681,2500,KES,EMP-9\n"));
        insta::assert_snapshot!(text);
    }

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
