//! `payrun run`: the main way, from file to exit code.

use crate::args::RunArgs;
use crate::fault::Fault;
use crate::job::Job;
use crate::place::Place;
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show::Apart;
use crate::source::Source;
use crate::stop::Stop;
use payrun::{Exit, Payer};

/// Read file → validate → plan → approve → pay → report → exit code.
///
/// # Errors
/// A fault that says what happened, what about the money, and what to do.
pub(crate) async fn run(args: &RunArgs, screen: Screen, stop: &Stop) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let choices = args.start.choices(args.run_key.as_ref());

    let source = {
        let (what, key) = (args.what.as_deref(), args.run_key.as_ref());
        Source::read(what, key, &args.reading, &place.config)?
    };
    let records = place.open()?;
    if !source.may_be_begun(&records, &choices, &place)? {
        source.refuse_problems(choices.skip_invalid, screen)?;
    }

    let provider = Provider::connect(&args.provider.or_settings(&place), &place).await?;
    let payer = Payer::new(records, provider.gateway());
    let prepared = provider.patiently(screen, source.prepare(&payer, &choices, &place)).await?;
    // The plan has what is paid; a large file need not be held while it is.
    let rejected = source.rejected_rows();
    drop(source);

    let (conduct, start) = (&args.conduct, &args.start);
    let job = Job { payer, provider, place, conduct, start, screen, stop };
    job.approve(&prepared, rejected.unwrap_or(0))?;
    let ended = job.start(prepared).await?;
    let apart = Apart { rejected_rows: rejected, ..Apart::default() };
    let exit = job.report(&ended, &apart)?;
    job.close().await;
    Ok(exit)
}
