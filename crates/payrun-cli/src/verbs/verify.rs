//! `payrun verify`: whether a run's records are whole.

use crate::args::{Form, VerifyArgs};
use crate::fault::{Fault, JOURNAL_HINT, PLAN_HINT, not_begun};
use crate::place::{Place, short};
use crate::screen::{Screen, wrap};
use crate::show::count;
use payrun::{Balance, CheckpointStanding, Exit, Part, RunKey, Total, Verified};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Checks a run's records offline, and says what is wrong.
pub(super) fn verify(args: &VerifyArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open_to_read()?;
    let key = place.find_run(&records, &args.run)?;
    let found = records.verify(&key).map_err(|error| not_begun(&error, &place))?;
    if screen.form() == Form::Json {
        screen.json(&shape(&key, &found))?;
    } else {
        screen.data(&text(&key, &found, &place))?;
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::StoreFault })
}

fn shape(key: &RunKey, found: &Verified) -> Value {
    let records = &found.records;
    let words: Vec<_> = records.findings.iter().map(ToString::to_string).collect();
    let totals: BTreeMap<_, _> = found
        .balances
        .iter()
        .map(|balance| {
            let total = |total: &Total| json!({"count": total.count, "sum": total.sum.text()});
            let states = balance.states.iter();
            let states: BTreeMap<_, _> =
                states.map(|(state, inside)| (state.word(), total(inside))).collect();
            let shape = json!({"plan": total(&balance.planned), "states": states});
            (balance.currency.code(), shape)
        })
        .collect();
    json!({
        "run": key.as_str(), "sound": found.is_sound(), "findings": words,
        "plan": records.identity.as_ref().map(|identity| identity.plan.to_string()),
        "totals": totals, "checkpoint": checkpoint_word(&records.checkpoint),
        "note": note(&records.checkpoint),
        "records": records.records, "entries": records.entries, "segments": records.segments,
        "bytes": records.bytes, "epoch": records.epoch, "torn_bytes": records.torn_bytes,
        "cautious": records.cautious,
        "holder": records.holder.as_ref().map(ToString::to_string),
    })
}

fn checkpoint_word(checkpoint: &CheckpointStanding) -> &'static str {
    match checkpoint {
        CheckpointStanding::Agrees { .. } => "agrees",
        CheckpointStanding::Missing => "missing",
        CheckpointStanding::Unusable(_) => "unusable",
        CheckpointStanding::Contradicts => "contradicts",
        CheckpointStanding::Ahead => "ahead",
        CheckpointStanding::NotChecked(_) => "not_checked",
    }
}

/// What of the checkpoint is no fault, and yet worth knowing.
fn note(checkpoint: &CheckpointStanding) -> Option<String> {
    let anew = "the next start makes it anew from the journal";
    match checkpoint {
        CheckpointStanding::Missing => Some(format!("The checkpoint is missing: {anew}.")),
        CheckpointStanding::Unusable(why) => {
            Some(format!("The checkpoint cannot be used ({why}): {anew}."))
        }
        CheckpointStanding::NotChecked(why) => {
            Some(format!("The checkpoint was not looked at: {why}."))
        }
        CheckpointStanding::Agrees { .. }
        | CheckpointStanding::Contradicts
        | CheckpointStanding::Ahead => None,
    }
}

fn text(key: &RunKey, found: &Verified, place: &Place) -> String {
    let run = short(key);
    let records = &found.records;
    let mut text = if found.is_sound() {
        let parts = match &records.checkpoint {
            CheckpointStanding::Agrees { .. } => "journal, checkpoint, claims and plan file",
            CheckpointStanding::Missing
            | CheckpointStanding::Unusable(_)
            | CheckpointStanding::Contradicts
            | CheckpointStanding::Ahead
            | CheckpointStanding::NotChecked(_) => "journal, claims and plan file",
        };
        wrap(&format!("Run {run} is sound: {parts} agree, and the books balance."), "") + "\n"
    } else {
        let findings = u64::try_from(records.findings.len()).unwrap_or(u64::MAX);
        format!("Run {run} is NOT sound: {}\n\n", count(findings, "finding"))
    };
    for finding in &records.findings {
        text.push_str(&wrap(&format!("! {finding}"), "  "));
        text.push('\n');
    }
    text.push('\n');
    for balance in &found.balances {
        text.push_str(&wrap(&sums(balance), "  "));
        text.push('\n');
    }
    text.push_str(&format!(
        "  {} with {}{}, opened {}\n",
        count(records.records, "record"),
        if records.entries == 1 {
            "1 entry".to_owned()
        } else {
            format!("{} entries", records.entries)
        },
        // In how many, what is damaged does not tell.
        match records.segments {
            0 => String::new(),
            segments => format!(" in {}", count(u64::from(segments), "file")),
        },
        count(records.epoch, "time"),
    ));
    if let Some(holder) = &records.holder {
        text.push_str(&format!(
            "  {holder} works on it now: what it is just writing was not looked at\n"
        ));
    }
    if let Some(note) = note(&records.checkpoint) {
        text.push_str(&wrap(&note, "  "));
        text.push('\n');
    }
    if let Some(why) = &records.cautious {
        text.push_str(&wrap(&format!("Goes on by cautious start: {why}"), "  "));
        text.push('\n');
    }
    if !found.is_sound() {
        text.push_str(&way_on(&run, found, place));
    }
    text
}

/// `KES 1,250,000 in 800 payments = 798 paid (KES 1,248,000) + 2 failed (KES 2,000)`
fn sums(balance: &Balance) -> String {
    let states = balance.states.iter();
    let states: Vec<_> = states
        .map(|(state, total)| format!("{} {} ({})", total.count, state.word(), total.sum))
        .collect();
    let equal = if balance.holds().unwrap_or(false) { "=" } else { "IS NOT" };
    let planned = &balance.planned;
    format!("{} in {} {equal} {}", planned.sum, count(planned.count, "payment"), states.join(" + "))
}

/// Each part is put right another way.
fn way_on(run: &str, found: &Verified, place: &Place) -> String {
    let mut text = format!("\nKeep a copy of {} as it is. Then:\n", place.root().display());
    let any = |part| found.records.findings.iter().any(|finding| finding.part == part);
    if any(Part::Plan) {
        text.push_str(&wrap(PLAN_HINT, "  "));
        text.push('\n');
    }
    if any(Part::Ledger) {
        text.push_str(&format!("  payrun rebuild --ledger{}\n", place.flags()));
    }
    if any(Part::Journal) {
        text.push_str(&wrap(JOURNAL_HINT, "  "));
        text.push('\n');
    } else if any(Part::Run) {
        text.push_str(&format!("  payrun rebuild {run}{}\n", place.flags()));
    }
    text
}
