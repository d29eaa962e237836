//! `payrun retry`: pay anew what finally did not pay, as a new run.

use crate::args::RetryArgs;
use crate::fault::{Fault, not_begun};
use crate::job::Job;
use crate::place::{Place, short};
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show::Apart;
use crate::source::PaymentFile;
use crate::stop::Stop;
use payrun::{Exit, Payer, PreparedRetry, Quarantine};

/// Plans what did not pay, asks, pays, reports.
pub(super) async fn retry(args: &RetryArgs, screen: Screen, stop: &Stop) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let choices = args.start.choices(args.run_key.as_ref());
    let corrected = args.from.as_deref();
    let read = |path| PaymentFile::read(path, &args.reading, &place.config);
    let corrected = corrected.map(read).transpose()?;
    let records = place.open()?;
    let key = place.find_run(&records, &args.run)?;
    if let Some(file) = &corrected {
        file.refuse_errors(choices.skip_invalid, screen)?;
    }

    let provider = Provider::connect(&args.provider.or_settings(&place), &place).await?;
    let payer = Payer::new(records, provider.gateway());
    let quarantine = quarantine(args, &place);
    let corrected = corrected.map(|file| file.validated);
    let prepared = payer.prepare_retry(&key, corrected.as_ref(), quarantine, &choices);
    let prepared = provider.patiently(screen, prepared).await;
    let PreparedRetry { prepared, left_out } =
        prepared.map_err(|error| not_begun(&error, &place))?;
    screen.say(&format!("Paying anew what did not pay in run {}.", short(&key)));
    for (why, count) in &left_out {
        screen.say(&format!("  {count} left out: {why}"));
    }

    let rejected = corrected.map(|file| file.rejected_rows);
    let (conduct, start) = (&args.conduct, &args.start);
    let job = Job { payer, provider, place, conduct, start, screen, stop };
    job.approve(&prepared, rejected.unwrap_or(0))?;
    let ended = job.start(prepared).await?;
    let exit = job.report(&ended, &Apart { rejected_rows: rejected, left_out })?;
    job.close().await;
    Ok(exit)
}

fn quarantine(args: &RetryArgs, place: &Place) -> Quarantine {
    match args.quarantine {
        Some(rest) => Quarantine { failed: rest, correctable: rest },
        None if place.sandbox => Quarantine::NONE,
        None => Quarantine::default(),
    }
}
