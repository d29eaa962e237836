//! `payrun verify`: whether a run's records are whole.

use crate::args::{Form, VerifyArgs};
use crate::fault::{Fault, not_begun};
use crate::place::{Place, short};
use crate::screen::{Screen, wrap};
use crate::show::count;
use payrun::{Exit, RunKey, Verification};
use serde_json::json;

/// Checks a run's records offline, and says what is wrong.
pub(super) fn verify(args: &VerifyArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open()?;
    let key = place.find_run(&records, &args.run)?;
    let found =
        records.verify(&key).map_err(|error| not_begun(&error, &place).nothing_sent_now())?;
    if screen.form() == Form::Json {
        screen.json(&json!({
            "run": key.as_str(), "sound": found.is_sound(), "findings": found.findings,
            "records": found.records, "entries": found.entries, "segments": found.segments,
            "bytes": found.bytes, "epoch": found.epoch, "torn_bytes": found.torn_bytes,
            "cautious": found.cautious,
            "holder": found.holder.as_ref().map(ToString::to_string),
        }))?;
    } else {
        screen.data(&text(&key, &found, &place))?;
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::StoreFault })
}

fn text(key: &RunKey, found: &Verification, place: &Place) -> String {
    let run = short(key);
    let mut text = if found.is_sound() {
        format!("Run {run} is sound: journal, checkpoint and claims agree.\n")
    } else {
        let findings = u64::try_from(found.findings.len()).unwrap_or(u64::MAX);
        format!("Run {run} is NOT sound: {}\n\n", count(findings, "finding"))
    };
    for finding in &found.findings {
        text.push_str(&wrap(&format!("! {finding}"), "  "));
        text.push('\n');
    }
    text.push_str(&format!(
        "\n  {} with {} in {}, opened {}\n",
        count(found.records, "record"),
        if found.entries == 1 {
            "1 entry".to_owned()
        } else {
            format!("{} entries", found.entries)
        },
        count(u64::from(found.segments), "file"),
        count(found.epoch, "time"),
    ));
    if let Some(holder) = &found.holder {
        text.push_str(&format!(
            "  {holder} works on it now: what it is just writing was not looked at\n"
        ));
    }
    if let Some(why) = &found.cautious {
        text.push_str(&wrap(&format!("Goes on by cautious start: {why}"), "  "));
        text.push('\n');
    }
    if !found.is_sound() {
        text.push_str(&format!(
            "\nKeep a copy of {} as it is. Then:\n  payrun rebuild {run}{}\n",
            place.root().display(),
            place.flags()
        ));
    }
    text
}
