//! What is wrong with a payment file: grouped by rule, the first few of each shown, the count never cut.
//!
//! It ends with what matters most on a small terminal: what can be paid, the verdict, what to do.

mod examples;
mod lines;
mod pointed;

pub(crate) use lines::problems_csv;

use super::count;
use crate::place::quoted;
use crate::screen::{hang, wrap};
use crate::show::tame;
use examples::{Examples, Group};
use payrun::csv::{Encoding, Expected, Problem, Validated};
use pointed::{place, pointed};
use std::io;

/// What was asked for, as far as the screen has to say it again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The file as it stood on the command line; `-` for standard input.
    pub(crate) file: &'a str,
    /// How it was to be read, for the next command: each flag behind a blank.
    pub(crate) flags: &'a str,
    /// Control totals.
    pub(crate) expected: &'a Expected,
    /// Where it was written back with what is wrong.
    pub(crate) corrected: Option<&'a str>,
}

/// Every problem of a file, and what is left to pay, as a screen.
///
/// # Errors
/// That the file cannot be read any more.
pub(crate) fn problems(file: &Validated, asked: Asked<'_>) -> io::Result<String> {
    let examples = Examples::of(file)?;
    let mut text = head(file);
    for group in &examples.0 {
        text.push_str(&said(group, file.count(group.code)));
    }
    text.push_str(&totals(file));
    text.push_str(&control_totals(file, asked.expected));
    text.push_str(&format!("\n{}", wrap(&verdict(file), "")));
    text.push('\n');
    text.push_str(&next(file, &examples, asked));
    Ok(text)
}

/// How much there is, and how it was read where that is not the usual way.
fn head(file: &Validated) -> String {
    let mut text = format!(
        "{}: {}, {}",
        tame(&file.source.name),
        count(file.rows, "row"),
        count(file.payment_count(), "payment"),
    );
    if file.rejected_rows > 0 {
        text.push_str(&format!(", {} with errors", count(file.rejected_rows, "row")));
    }
    let mut text = wrap(&text, "") + "\n";
    match file.delimiter {
        None | Some(b',') => {}
        Some(other) => text.push_str(&format!("Columns are separated by {}.\n", separator(other))),
    }
    if let Some(encoding) = file.encoding.filter(|encoding| *encoding != Encoding::UTF_8) {
        text.push_str(&format!("The text is read as {encoding}.\n"));
    }
    text
}

fn separator(byte: u8) -> String {
    match byte {
        b';' => "semicolons".to_owned(),
        b'\t' => "tabs".to_owned(),
        b'|' => "upright lines (|)".to_owned(),
        other => format!("'{}'", char::from(other).escape_default()),
    }
}

fn said(group: &Group, of: u64) -> String {
    let code = group.code;
    let title = format!("{} ({}, {code})", code.title(), count(of, code.severity().word()));
    let mut text = format!("\n{}\n", wrap(&title, ""));
    let mut hint = "";
    for problem in &group.first {
        // The same advice is given once, below all that it is for.
        if !hint.is_empty() && hint != problem.hint {
            text.push_str(&advice(hint));
        }
        hint = &problem.hint;
        text.push_str(&one(problem));
    }
    if !hint.is_empty() {
        text.push_str(&advice(hint));
    }
    let shown = u64::try_from(group.first.len()).unwrap_or(u64::MAX);
    if let Some(rest) = of.checked_sub(shown).filter(|rest| *rest > 0) {
        text.push_str(&format!("  ... and {} more; --format csv lists them all\n", digits(rest)));
    }
    text
}

/// Where it is, the cell with what is wrong in it, and the sentence that says so.
fn one(problem: &Problem) -> String {
    let message = tame(&problem.message);
    match (pointed(problem), place(problem)) {
        (Some(cell), _) => format!("{cell}{}\n", wrap(&message, "    ")),
        (None, place) if place.is_empty() => wrap(&message, "  ") + "\n",
        (None, place) => wrap(&format!("{place}: {message}"), "  ") + "\n",
    }
}

fn advice(hint: &str) -> String {
    hang(&tame(hint), "    -> ") + "\n"
}

/// `1,234`
fn digits(number: u64) -> String {
    let counted = count(number, "");
    counted.split(' ').next().unwrap_or_default().to_owned()
}

/// What the valid rows pay.
fn totals(file: &Validated) -> String {
    let tally = &file.totals;
    if tally.count() == 0 {
        return "\nNothing can be paid.\n".to_owned();
    }
    let of = if file.rejected_rows > 0 { "The valid rows pay" } else { "The file pays" };
    let line = |(_, total): (_, payrun::Total)| {
        format!("  {:<24} {}\n", total.sum.to_string(), count(total.count, "payment"))
    };
    format!("\n{of}:\n{}", tally.iter().map(line).collect::<String>())
}

/// What the payer said beforehand, beside what there is.
fn control_totals(file: &Validated, expected: &Expected) -> String {
    let mut lines = Vec::new();
    let word = |same: bool| if same { "agrees" } else { "DIFFERS" };
    if let Some(said) = expected.count {
        let found = file.payment_count();
        lines.push((count(said, "payment"), digits(found), word(said == found)));
    }
    for said in &expected.totals {
        let found = file.totals.get(said.currency()).sum;
        lines.push((said.to_string(), found.to_string(), word(*said == found)));
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = "\nControl totals:\n".to_owned();
    for (said, found, word) in lines {
        text.push_str(&format!("  {:<24} {:<7}", said, word));
        if word == "agrees" {
            text.truncate(text.trim_end().len());
        } else {
            text.push_str(&format!("  the file has {found}"));
        }
        text.push('\n');
    }
    text
}

fn verdict(file: &Validated) -> String {
    let errors = count(file.errors(), "error");
    let warnings = count(file.warnings(), "warning");
    match (file.errors(), file.warnings(), file.is_strict()) {
        (0, 0, _) => "Valid: no problems.".to_owned(),
        (0, _, false) => format!("Valid, with {warnings}: look at them before you pay."),
        (0, _, true) => format!("Not valid: {warnings}; strict rules allow none."),
        (_, 0, _) => format!("Not valid: {errors}."),
        (_, _, false) => format!("Not valid: {errors}, and {warnings}."),
        (_, _, true) => format!("Not valid: {errors}, and {warnings}; strict rules allow none."),
    }
}

/// Commands to paste.
fn next(file: &Validated, examples: &Examples, asked: Asked<'_>) -> String {
    let Asked { file: path, flags, .. } = asked;
    let from_pipe = path == "-";
    let mut text = String::new();
    if let Some(group) = examples.0.first() {
        text.push_str(&format!(
            "  More about a problem, by the word behind it:\n    payrun explain {}\n",
            group.code
        ));
    }
    if let Some(copy) = asked.corrected.filter(|_| !file.is_valid() && examples.are_of_rows()) {
        let copy = quoted(copy);
        return text
            + &format!("  Once it is put right there:\n    payrun validate {copy}{flags}\n");
    }
    if from_pipe {
        return text;
    }
    let path = quoted(path);
    if file.is_valid() {
        text.push_str(&format!("  What it would pay:\n    payrun plan {path}{flags}\n"));
    } else if examples.are_of_rows() {
        text.push_str(&format!(
            "  Your file again, with what is wrong beside each row:\n    payrun validate {path}{flags} --corrected corrected.csv\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests;
