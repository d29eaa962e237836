//! One file for each verb but `run`, and who is called for which.

mod completions;
mod config;
mod explain;
mod export;
mod import;
mod plan;
mod rebuild;
mod report;
mod resume;
mod retry;
mod sandbox;
mod status;
mod validate;
mod verify;
mod wallets;

use crate::args::{Cli, ConfigVerb, Form, Verb, asks_for_json};
use crate::fault::{Fault, NOTHING_NOW};
use crate::run::run;
use crate::screen::Screen;
use crate::stop::Stop;
use clap::Parser as _;
use clap::error::ErrorKind;
use payrun::Exit;
use std::env;

/// Reads the command line and does what it says.
pub(crate) fn start() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refused(&error),
    };
    let screen = Screen::new(cli.verb.form());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Fault::usage(format!("no threads can be started: {error}"), "").tell(screen);
        }
    };
    let result = runtime.block_on(async {
        let stop = Stop::listen(screen)
            .map_err(|error| Fault::usage(format!("signals cannot be heard: {error}"), ""))?;
        act(&cli.verb, screen, &stop).await
    });
    // Whatever still waits for something has nothing to lose.
    runtime.shutdown_background();
    result.unwrap_or_else(|fault| {
        let fault = if cli.verb.is_of_no_payment() { fault.of_no_payment() } else { fault };
        fault.tell(screen)
    })
}

async fn act(verb: &Verb, screen: Screen, stop: &Stop) -> Result<Exit, Fault> {
    match verb {
        Verb::Validate(args) => validate::validate(args, screen),
        Verb::Explain(args) => explain::explain(args, screen),
        Verb::Plan(args) => plan::plan(args, screen).await,
        Verb::Run(args) => run(args, screen, stop).await,
        Verb::Resume(args) => resume::resume(args, screen, stop).await,
        Verb::Status(args) => status::status(args, screen),
        Verb::Retry(args) => retry::retry(args, screen, stop).await,
        Verb::Report(args) => report::report(args, screen),
        Verb::Verify(args) => verify::verify(args, screen),
        Verb::Rebuild(args) => rebuild::rebuild(args, screen),
        Verb::Export(args) => export::export(args, screen),
        Verb::Import(args) => import::import(args, screen),
        Verb::Wallets(args) => wallets::wallets(args, screen).await,
        Verb::Config(args) => config::config(&args.verb, screen).await,
        Verb::Sandbox(args) => sandbox::sandbox(args, screen, stop).await,
        Verb::Completions(args) => completions::completions(args, screen),
    }
}

impl Verb {
    /// Whether it pays nothing, and looks at nothing that was paid: no money can have moved for what it is about.
    fn is_of_no_payment(&self) -> bool {
        match self {
            Self::Validate(_)
            | Self::Explain(_)
            | Self::Wallets(_)
            | Self::Config(_)
            | Self::Sandbox(_)
            | Self::Completions(_) => true,
            Self::Plan(_)
            | Self::Run(_)
            | Self::Resume(_)
            | Self::Status(_)
            | Self::Retry(_)
            | Self::Report(_)
            | Self::Verify(_)
            | Self::Rebuild(_)
            | Self::Export(_)
            | Self::Import(_) => false,
        }
    }

    fn form(&self) -> Form {
        match self {
            Self::Validate(args) => args.form.form(),
            Self::Report(args) => args.form.form(),
            Self::Explain(args) => args.form.form(),
            Self::Plan(args) => args.form.form(),
            Self::Run(args) => args.form.form(),
            Self::Resume(args) => args.form.form(),
            Self::Status(args) => args.form.form(),
            Self::Retry(args) => args.form.form(),
            Self::Verify(args) => args.form.form(),
            Self::Rebuild(args) => args.form.form(),
            Self::Export(args) => args.form.form(),
            Self::Import(args) => args.form.form(),
            Self::Wallets(args) => args.form.form(),
            Self::Config(args) => match &args.verb {
                ConfigVerb::Show(args) | ConfigVerb::Check(args) => args.form.form(),
            },
            Self::Sandbox(args) => args.form.form(),
            Self::Completions(args) => args.form.form(),
        }
    }
}

/// Help and version are no errors; anything else is exit code 2.
fn refused(error: &clap::Error) -> Exit {
    if error.use_stderr() && asks_for_json(env::args_os()) {
        let text = error.to_string();
        let message = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        return Fault::usage(message, "payrun --help").tell(Screen::new(Form::Json));
    }
    // clap knows best how to style it; a reader that went away is no fault.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    // Whoever typed no verb at all was shown the help.
    if error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        Screen::new(Form::Text).say(NOTHING_NOW);
    }
    Exit::Usage
}
