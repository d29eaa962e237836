//! `payrun resume`: go on with a run that was begun.

use super::status::all;
use crate::args::{Form, ResumeArgs, StartArgs};
use crate::fault::{Fault, history_lost, not_begun};
use crate::job::Job;
use crate::place::Place;
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show::{self, Apart};
use crate::stop::Stop;
use payrun::{Exit, Payer, Records, RunKey, RunState};
use serde_json::json;

/// Goes on with the run that is named, or with the only one that is unfinished.
pub(super) async fn resume(args: &ResumeArgs, screen: Screen, stop: &Stop) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open()?;
    let key = match &args.run {
        Some(run) => Some(place.find_run(&records, run)?),
        None => only_unfinished(&records, &place, screen)?,
    };
    let Some(key) = key else {
        if screen.form() == Form::Json {
            screen.json(&json!({"runs": []}))?;
        }
        screen.say("No run is unfinished. Nothing was sent.");
        return Ok(Exit::Done);
    };
    let provider = Provider::connect(&args.provider.or_settings(&place), &place).await?;
    let payer = Payer::new(records, provider.gateway());
    let start = StartArgs::for_a_run_that_was_begun(args.yes);
    let choices = start.choices(None);
    let prepared = provider.patiently(screen, payer.prepare_resume(&key, &choices)).await;
    let prepared = prepared.map_err(|error| not_begun(&error, &place))?;

    let (conduct, start) = (&args.conduct, &start);
    let job = Job { payer, provider, place, conduct, start, screen, stop };
    job.approve(&prepared, 0)?;
    let ended = job.start(prepared).await?;
    let exit = job.report(&ended, &Apart::default())?;
    job.close().await;
    Ok(exit)
}

fn only_unfinished(
    records: &Records,
    place: &Place,
    screen: Screen,
) -> Result<Option<RunKey>, Fault> {
    let mut unfinished = all(records, place)?;
    unfinished.retain(
        |(_, report)| !matches!(report, Ok(report) if report.state() == RunState::Finished),
    );
    if unfinished.len() > 1 {
        screen.say(&show::runs(&unfinished));
        let message = format!("{} runs are unfinished", unfinished.len());
        let hint = format!("Name one: payrun resume RUN{}", place.flags());
        return Err(Fault::usage(message, hint));
    }
    if let Some((key, _)) = unfinished.pop() {
        return Ok(Some(key));
    }
    // What they sent is not known: nobody may take it for done (I11).
    let lost = records.lost_runs().map_err(|error| not_begun(&error, place))?;
    if lost.is_empty() { Ok(None) } else { Err(history_lost(&lost)) }
}
