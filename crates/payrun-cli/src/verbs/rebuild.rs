//! `payrun rebuild`: the checkpoint anew from the journal, or the ledger anew from the runs.

use crate::args::{Form, RebuildArgs};
use crate::fault::{Fault, not_begun};
use crate::place::{Place, short};
use crate::screen::{Screen, wrap};
use crate::show::count;
use payrun::{Exit, LedgerRebuilt, Records};
use serde_json::json;

/// Rebuilds a run's checkpoint, or the organisation's ledger.
pub(super) fn rebuild(args: &RebuildArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open()?;
    match &args.run {
        Some(run) => checkpoint(run, &records, &place, screen),
        None => ledger(&records, &place, screen),
    }
}

fn checkpoint(run: &str, records: &Records, place: &Place, screen: Screen) -> Result<Exit, Fault> {
    let key = place.find_run(records, run)?;
    let fault = |error| not_begun(&error, place);
    records.rebuild(&key).map_err(fault)?;
    if screen.form() == Form::Json {
        screen.json(&json!({"run": key.as_str(), "rebuilt": true}))?;
    } else {
        let run = short(&key);
        screen.data(&format!(
            "The checkpoint of run {run} is made anew from its journal. Nothing was sent.\n\
             It goes on by cautious start: everything is looked up before it is sent.\n  \
             payrun resume {run}{}\n",
            place.flags()
        ))?;
    }
    Ok(Exit::Done)
}

fn ledger(records: &Records, place: &Place, screen: Screen) -> Result<Exit, Fault> {
    let fault = |error| not_begun(&error, place);
    let rebuilt = records.rebuild_ledger().map_err(fault)?;
    if screen.form() == Form::Json {
        let claimed = rebuilt.claimed.iter();
        let claimed: Vec<_> =
            claimed.map(|(run, back)| json!({"run": run.as_str(), "put_back": back})).collect();
        let left_out = rebuilt.left_out.iter();
        let left_out: Vec<_> = left_out
            .map(|(run, why)| json!({"run": run.as_str(), "reason": why.to_string()}))
            .collect();
        screen.json(&json!({"set_aside": rebuilt.set_aside, "claimed": claimed,
                            "left_out": left_out, "rebuilt": rebuilt.left_out.is_empty()}))?;
    } else {
        screen.data(&text(&rebuilt))?;
    }
    Ok(if rebuilt.left_out.is_empty() { Exit::Done } else { Exit::StoreFault })
}

fn text(rebuilt: &LedgerRebuilt) -> String {
    let mut text = match &rebuilt.set_aside {
        Some(path) => format!(
            "The ledger was damaged: it lies in\n  {}\nand a new one was begun. Nothing was sent.\n{}\n",
            path.display(),
            wrap(
                "New runs go by cautious start from now on, since runs that are not here any more had claims \
                 in it: everything is looked up before it is sent.",
                ""
            )
        ),
        None => "The ledger can be read and was kept. Nothing was sent.\n".to_owned(),
    };
    for (run, back) in &rebuilt.claimed {
        let back = u64::try_from(*back).unwrap_or(u64::MAX);
        text.push_str(&format!("  {}: {} put back\n", short(run), count(back, "claim")));
    }
    for (run, why) in &rebuilt.left_out {
        text.push_str(&wrap(&format!("! {}: {why}", short(run)), "  "));
        text.push('\n');
    }
    if !rebuilt.left_out.is_empty() {
        text.push_str(
            "\nIf claims of these are missing, no run is begun before they are back: put the files back from a copy.\n",
        );
    }
    text
}
