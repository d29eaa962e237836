//! What people see, as text of at most 80 columns, made from values alone.
//!
//! No names, phones or e-mails, but for a cell that is at fault in `validate`. Plain ASCII and no colour, so it reads the
//! same on a terminal, in a pipe and in a mail.

mod next;
mod plan;
mod problems;
mod report;
mod runs;
#[cfg(test)]
mod samples;
mod table;

pub(crate) use next::next_steps;
pub(crate) use plan::{plan, plan_json, question, run_command, wallets};
pub(crate) use problems::{problems, problems_csv};
pub(crate) use report::{Ending, in_form, report, run_json};
pub(crate) use runs::{Listed, runs, runs_json};
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
