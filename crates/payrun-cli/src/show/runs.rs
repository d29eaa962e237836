//! The list of runs.

use super::Table;
use crate::place::short;
use payrun::{JobError, Report, RunKey, State};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// A run, or why its records cannot be read.
pub(crate) type Listed = (RunKey, Result<Report, JobError>);

/// All runs as a table.
pub(crate) fn runs(runs: &[Listed]) -> String {
    let mut table = Table::new(&["Run", "State", "Begun", ">Paid", ">Not paid", ">Open", "File"]);
    for (key, report) in runs {
        match report {
            Ok(report) => {
                let all = u64::try_from(report.plan.payments.len()).unwrap_or(u64::MAX);
                let paid = report.books.count(State::Paid);
                let unpaid = [State::Failed, State::Rejected, State::Returned, State::Cancelled];
                let unpaid: u64 = unpaid.iter().map(|state| report.books.count(*state)).sum();
                table.row([
                    short(key),
                    report.state().word().to_owned(),
                    day(report),
                    format!("{paid} of {all}"),
                    unpaid.to_string(),
                    all.saturating_sub(paid).saturating_sub(unpaid).to_string(),
                    report.identity.source_name.clone(),
                ]);
            }
            Err(_) => table.row([short(key), "unreadable".to_owned()]),
        }
    }
    let mut text = table.text();
    for (key, report) in runs {
        if let Err(error) = report {
            text.push_str(&format!("\n  ! {}: {error}\n", short(key)));
        }
    }
    text
}

/// All runs as one JSON object.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn runs_json(runs: &[Listed]) -> Result<Value, JobError> {
    let mut all = Vec::new();
    for (key, report) in runs {
        all.push(match report {
            Ok(report) => {
                let mut value = report.to_json(false)?;
                if let Some(object) = value.as_object_mut() {
                    object.insert("file".to_owned(), json!(report.identity.source_name));
                    object.insert("begun_at_ms".to_owned(), json!(report.identity.created_at.0));
                }
                value
            }
            Err(error) => {
                json!({"run": key.as_str(), "state": "unreadable", "error": error.to_string()})
            }
        });
    }
    Ok(json!({"runs": all}))
}

/// The day on which it was begun, by UTC.
fn day(report: &Report) -> String {
    let at =
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(report.identity.created_at.0));
    let text = at.map(|at| humantime::format_rfc3339_seconds(at).to_string()).unwrap_or_default();
    text.chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::samples;

    #[test]
    fn runs_are_listed_with_what_is_left_of_them() {
        let one =
            samples::report(&[(State::Paid, ""), (State::Failed, "no"), (State::Planned, "")]);
        let lost = JobError::Bug("the journal begins with nothing".to_owned());
        let listed = vec![
            (one.identity.run.clone(), Ok(one)),
            ("3f2a9c81d0e4".repeat(6)[..64].parse().unwrap(), Err(lost)),
        ];
        insta::assert_snapshot!(runs(&listed));
        let value = runs_json(&listed).unwrap();
        assert_eq!(value["runs"][0]["file"], "june.csv");
        assert_eq!(value["runs"][1]["state"], "unreadable");
    }
}
