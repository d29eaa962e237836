//! What `run`, `resume` and `retry` share once a run is prepared: approve, pay, report.

use crate::args::{ConductArgs, Form, StartArgs};
use crate::fault::{self, Fault, not_begun};
use crate::place::Place;
use crate::progress::{Beginning, Progress};
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show::{self, Apart, Ending};
use crate::stop::Stop;
use payrun::{Ended, Exit, JobError, Payer, Prepared, Stage, State};

/// A run in the making, with everything around it.
pub(crate) struct Job<'a> {
    pub(crate) payer: Payer,
    pub(crate) provider: Provider,
    pub(crate) place: Place,
    pub(crate) conduct: &'a ConductArgs,
    pub(crate) start: &'a StartArgs,
    pub(crate) screen: Screen,
    pub(crate) stop: &'a Stop,
}

impl Job<'_> {
    /// Shows what a new run would pay, and asks. A run that was begun was approved then.
    ///
    /// # Errors
    /// If the answer is no, or there is nobody to ask.
    pub(crate) fn approve(&self, prepared: &Prepared, rejected: u64) -> Result<(), Fault> {
        let preview = match &prepared.stage {
            Stage::New { preview, .. } => preview,
            Stage::Begun(_) => {
                self.screen.say(&format!(
                    "Going on with run {}: what was paid is not paid again.",
                    crate::place::short(&prepared.key)
                ));
                return Ok(());
            }
            Stage::Finished(_) => {
                self.screen.say("This run is finished. Nothing was sent now.\n");
                return Ok(());
            }
        };
        let limits = self.provider.gateway().rules().limits.money;
        let records = self.payer.records().path();
        self.screen.say(&(show::plan(prepared, preview, &limits, rejected, records) + "\n"));
        let short = preview.wallets.iter().any(|wallet| wallet.shortfall.is_some());
        // A shortfall is refused by the start itself: there is nothing to approve.
        if self.place.sandbox || self.start.yes || (short && !self.start.allow_shortfall) {
            return Ok(());
        }
        if !Screen::can_ask() {
            return Err(Fault::usage(
                "there is no terminal to ask on",
                "Look at the plan above, and start the same command again with --yes.",
            ));
        }
        let question = show::question(prepared)
            .map_err(|error| not_begun(&JobError::Sum(error), &self.place))?;
        if self.screen.ask(&question) {
            return Ok(());
        }
        Err(Fault::new(
            Exit::Refused,
            "not-approved",
            "not approved",
            "Nothing was kept but the plan.",
        ))
    }

    /// Pays, or goes on paying, and shows how far it is.
    ///
    /// # Errors
    /// If the run could not begin, or its records fail.
    pub(crate) async fn start(&self, prepared: Prepared) -> Result<Ended, Fault> {
        let (key, adopt) = (prepared.key.clone(), prepared.adopt);
        let finished = matches!(prepared.stage, Stage::Finished(_));
        let progress = (!finished)
            .then(|| Progress::begin(self.beginning(&prepared), self.screen, self.stop.clone()));
        let ended = self
            .payer
            .start(
                prepared,
                self.start.allow_shortfall,
                self.conduct.settings(self.place.sandbox),
                progress.as_ref().map_or_else(|| std::sync::Arc::new(()) as _, Progress::observer),
                self.stop.clone().asked(),
            )
            .await;
        if let Some(progress) = progress {
            progress.finish();
        }
        ended.map_err(|error| {
            let records = self.payer.records();
            fault::under_way(&error, &key, adopt, records, &self.place)
        })
    }

    /// Shows what happened to the money, and says it by the exit code, even where nothing can be shown. `rejected` rows of
    /// the file that was read, if one was, are not among it.
    ///
    /// # Errors
    /// If a sum cannot be held exactly.
    pub(crate) fn report(&self, ended: &Ended, apart: &Apart) -> Result<Exit, Fault> {
        let Ended { finish, report } = ended;
        let exit = report.exit_after(finish, self.conduct.wait());
        let rejected_rows = apart.rejected_rows.unwrap_or_default();
        let mut ending = Ending { rejected_rows, ..Ending::default() };
        if let Some(cause) = &finish.stopped {
            let (code, hint) = fault::stopped(cause, &self.place.flags());
            ending.stopped = Some((code, cause.to_string()));
            ending.hint = hint;
        }
        if !finish.paused_wallets.is_empty() && ending.hint.is_empty() {
            ending.hint = "First put right at the provider what stopped the wallet.".to_owned();
        }
        for (wallet, why) in &finish.paused_wallets {
            ending.paused_wallets.push((wallet.to_string(), why.clone()));
        }
        let fault = |error| fault::ended(&error, report, &self.place);
        let records = self.payer.records().path();
        let text = show::report(report, &ending, exit, &self.place, records).map_err(fault)?;
        let written = match self.screen.form() {
            Form::Json => {
                self.screen.say(&text);
                self.screen.json(&show::run_json(report, &ending, exit, apart).map_err(fault)?)
            }
            Form::Text | Form::Csv => self.screen.data(&text),
        };
        if let Err(unwritten) = written {
            self.screen.say(&unwritten.to_text());
        }
        Ok(exit)
    }

    /// Stops the provider, if it is a sandbox.
    pub(crate) async fn close(self) {
        self.provider.close().await;
    }

    fn beginning(&self, prepared: &Prepared) -> Beginning {
        let counts = match &prepared.stage {
            Stage::New { .. } => {
                vec![(
                    State::Planned,
                    u64::try_from(prepared.plan.payments.len()).unwrap_or(u64::MAX),
                )]
            }
            Stage::Begun(report) | Stage::Finished(report) => {
                State::ALL.iter().map(|state| (*state, report.books.count(*state))).collect()
            }
        };
        Beginning { counts, wait: self.conduct.wait() }
    }
}
