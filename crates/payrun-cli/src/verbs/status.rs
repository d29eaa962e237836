//! `payrun status`: how far a run is, or all of them.

use crate::args::{Form, StatusArgs};
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::screen::{Screen, wrap};
use crate::show::{self, Ending, Listed};
use payrun::{Exit, Records, Refusal, RunKey};

/// Shows one run, or lists all.
pub(super) fn status(args: &StatusArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open_to_read()?;
    let fault = |error| not_begun(&error, &place);
    let Some(run) = &args.run else {
        let mut runs = all(&records, &place)?;
        match records.lost_runs() {
            Ok(lost) => runs.extend(lost.into_iter().map(gone)),
            Err(error) => screen.say(&wrap(&format!("! {error}"), "")),
        }
        match screen.form() {
            Form::Json => screen.json(&show::runs_json(&runs).map_err(fault)?)?,
            _ if runs.is_empty() => {
                screen.say(&format!("No runs in {}.", records.path().display()))
            }
            Form::Text | Form::Csv => screen.data(&show::runs(&runs))?,
        }
        return Ok(Exit::Done);
    };
    let key = place.find_run(&records, run)?;
    let report = records.report(&key).map_err(fault)?;
    match screen.form() {
        Form::Json => screen.json(&report.to_json(false).map_err(fault)?)?,
        Form::Text | Form::Csv => {
            let exit = report.exit(true);
            let text = show::report(&report, &Ending::default(), exit, &place, records.path());
            screen.data(&text.map_err(fault)?)?;
        }
    }
    Ok(Exit::Done)
}

/// Of which only the ledger knows.
fn gone(run: RunKey) -> Listed {
    (run.clone(), Err(Refusal::HistoryLost { run }.into()))
}

/// Every run with its report, or why it cannot be read.
pub(super) fn all(records: &Records, place: &Place) -> Result<Vec<Listed>, Fault> {
    let keys = records.runs().map_err(|error| not_begun(&error, place))?;
    Ok(keys
        .into_iter()
        .map(|key| {
            let report = records.report_alone(&key);
            (key, report)
        })
        .collect())
}
