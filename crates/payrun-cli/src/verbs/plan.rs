//! `payrun plan`: what would be paid. Sends nothing.

use crate::args::{Form, PlanArgs};
use crate::fault::{Fault, not_begun};
use crate::place::{Place, short};
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show;
use crate::source::Source;
use payrun::{Choices, Exit, JobError, Payer, Stage};

/// Plans a file, stores the plan, and shows it beside the balances.
pub(super) async fn plan(args: &PlanArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let choices = Choices {
        key: args.run_key.clone(),
        skip_invalid: args.skip_invalid,
        ..Choices::default()
    };
    let source = Source::read(Some(&args.file), None, &args.reading, &place.config)?;
    let records = place.open()?;
    if !source.may_be_begun(&records, &choices, &place)? {
        source.refuse_problems(choices.skip_invalid, screen)?;
    }
    let provider = Provider::connect(&args.provider.or_settings(&place), &place).await?;
    let payer = Payer::new(records, provider.gateway());
    let prepared = provider.patiently(screen, source.prepare(&payer, &choices, &place)).await?;
    let limits = provider.gateway().rules().limits.money;
    let (rejected, records) = (source.rejected_rows().unwrap_or(0), payer.records().path());
    if screen.form() == Form::Json {
        let shape = show::plan_json(&prepared, &limits, rejected, &place, records);
        screen.json(&shape.map_err(|error| not_begun(&JobError::Sum(error), &place))?)?;
    } else {
        let text = match &prepared.stage {
            Stage::New { preview, .. } => format!(
                "{}\nNothing was sent. To pay it:\n  {}\n",
                show::plan(&prepared, preview, &limits, rejected, records),
                show::run_command(&prepared, args.run_key.is_some(), &place)
            ),
            Stage::Begun(report) | Stage::Finished(report) => format!(
                "Run {} was begun with this file, and is {}. Nothing was sent now.\n  payrun status {}{}\n",
                short(&prepared.key),
                report.state().word(),
                short(&prepared.key),
                place.flags()
            ),
        };
        screen.data(&text)?;
    }
    provider.close().await;
    Ok(Exit::Done)
}
