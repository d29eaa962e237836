//! `payrun resume`: go on with a run that was begun.

use super::status::all;
use crate::args::{Form, ResumeArgs, StartArgs};
use crate::fault::{Fault, not_begun};
use crate::job::Job;
use crate::place::Place;
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show;
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
    let provider = Provider::connect(&args.provider.or_settings(&place), &place)
        .await
        .map_err(Fault::nothing_sent_now)?;
    let payer = Payer::new(records, provider.gateway());
    let prepared = provider.patiently(screen, payer.prepare_resume(&key)).await;
    let prepared = prepared.map_err(|error| not_begun(&error, &place).nothing_sent_now())?;

    let start = StartArgs::for_a_run_that_was_begun(args.yes);
    let job = Job { payer, provider, place, conduct: &args.conduct, start: &start, screen, stop };
    job.approve(&prepared, 0)?;
    let ended = job.start(prepared).await?;
    let exit = job.report(&ended)?;
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
        return Err(Fault::usage(message, hint).nothing_sent_now());
    }
    Ok(unfinished.pop().map(|(key, _)| key))
}
