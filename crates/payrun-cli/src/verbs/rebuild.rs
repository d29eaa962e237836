//! `payrun rebuild`: the checkpoint anew from the journal.

use crate::args::{Form, RebuildArgs};
use crate::fault::{Fault, not_begun};
use crate::place::{Place, short};
use crate::screen::Screen;
use payrun::Exit;
use serde_json::json;

/// Rebuilds a run's checkpoint.
pub(super) fn rebuild(args: &RebuildArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open()?;
    let key = place.find_run(&records, &args.run)?;
    let fault = |error| not_begun(&error, &place).nothing_sent_now();
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
