//! What people see, as text of at most 80 columns, made from values alone.
//!
//! No names, phones or e-mails, but for a cell that is at fault in `validate`. Plain ASCII and no colour, so it reads the
//! same on a terminal, in a pipe and in a mail.

mod next;
mod pages;
mod plan;
mod problems;
mod report;
mod runs;
#[cfg(test)]
pub(crate) mod samples;
mod settings;
mod table;

pub(crate) use next::next_steps;
pub(crate) use pages::{codes, codes_json, page, page_json};
pub(crate) use plan::{plan, plan_json, question, run_command, wallets};
pub(crate) use problems::{Asked, problems, problems_csv};
pub(crate) use report::{Apart, Ending, in_form, report, run_json};
pub(crate) use runs::{Listed, runs, runs_json};
pub(crate) use settings::{Setting, settings, settings_json};
pub(crate) use table::Table;

/// `1 payment`, `2 payments`; with a comma between thousands.
pub(crate) fn count(number: u64, one: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if left > 0 && left % 3 == 0 {
            grouped.push(',');
        }
    }
    let ending = if number == 1 {
        ""
    } else if one.ends_with("ch") {
        "es"
    } else {
        "s"
    };
    format!("{grouped} {one}{ending}")
}

/// Nothing from a file or a provider can move the cursor, or turn the text around.
pub(crate) fn tame(text: &str) -> String {
    let mut tamed = String::new();
    for character in text.chars() {
        if character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        {
            tamed.extend(character.escape_unicode());
        } else {
            tamed.push(character);
        }
    }
    tamed
}

#[cfg(test)]
mod tests {
    #[test]
    fn people_read_thousands_and_plurals() {
        for (number, one, shown) in
            [(1, "payment", "1 payment"), (0, "batch", "0 batches"), (12_345, "row", "12,345 rows")]
        {
            assert_eq!(super::count(number, one), shown);
        }
    }
}
