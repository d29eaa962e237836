//! The command line: verbs, flags and their help. Nothing is looked up or opened here.

mod conduct;
mod config;
mod file;
mod form;
mod pace;
mod place;
mod provider;

pub(crate) use conduct::{ConductArgs, StartArgs};
pub(crate) use config::ConfigFileArgs;
pub(crate) use file::FileArgs;
pub(crate) use form::{Form, TextJsonCsv, TextOrJson, asks_for_json};
pub(crate) use pace::show as show_pace;
pub(crate) use place::PlaceArgs;
pub(crate) use provider::{FaultArgs, ProviderArgs};

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
    0  all paid (or accepted, with --no-wait); or nothing was to be done
    1  a bug in payrun
    2  the command line or the settings cannot be used
    3  the payment file is invalid; nothing was sent
    4  some payments were rejected or failed
    5  some are unknown, held, in doubt or not settled yet: resume, or look
    6  the records cannot be written or trusted
    7  refused: other process, other file, other account, duplicate, lost history
    8  gateway, key or funds: stopped, to be resumed
  130  interrupted; everything is saved
Where several hold, the first of 1, 6, 7, 8, 5, 4.

With --json, stdout holds one JSON object. An error is
  {\"error\":{\"code\":\"...\",\"message\":\"...\",\"money\":\"...\",\"hint\":\"...\"},\"exit\":N}

Examples:
  payrun validate june.csv
  payrun run june.csv --sandbox
  payrun run june.csv --run-key payroll-2026-06 --organisation acme \\
      --gateway-url https://api.kotanipay.com

The gateway's key is read from PAYRUN_API_KEY, or from the file (mode 0600) that
PAYRUN_API_KEY_FILE names. It is never an argument.";

/// Pays a payment file: each payment once, whatever crashes.
#[derive(Debug, Parser)]
#[command(name = "payrun", version, max_term_width = 80, after_help = EXIT_CODES)]
#[command(propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Validate(ValidateArgs),
    Explain(ExplainArgs),
    Plan(PlanArgs),
    Run(RunArgs),
    Resume(ResumeArgs),
    Status(StatusArgs),
    Retry(RetryArgs),
    Report(ReportArgs),
    Verify(VerifyArgs),
    Rebuild(RebuildArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Wallets(WalletsArgs),
    Config(ConfigArgs),
    Sandbox(SandboxArgs),
    Completions(CompletionsArgs),
}

/// Lists every problem of a payment file at once. Needs no gateway and sends nothing.
///
/// The file is CSV in any of its forms, packed (.gz, .zst) or not; `-` is standard input. `payrun explain` says more
/// about each problem.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 valid (warnings do not count, unless --strict), 3 an error.

Examples:
  payrun validate june.csv
  payrun validate june.csv --corrected june-corrected.csv
  payrun validate june.csv --expect-count 200 --expect-total KES=1250000
  payrun validate june.csv --format csv > problems.csv
  zcat june.csv.gz | payrun validate - --json | jq '.problems[].code'")]
pub(crate) struct ValidateArgs {
    /// The payment file (CSV); - is standard input.
    pub(crate) file: PathBuf,
    /// Write the file back, with two more columns: what is wrong with each row, and what to do.
    #[arg(long, value_name = "OUT", help_heading = "Output")]
    pub(crate) corrected: Option<PathBuf>,
    /// Write the rows apart: valid.csv, and invalid.csv with what is wrong, in this folder.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) split: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) reading: FileArgs,
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
    #[command(flatten)]
    pub(crate) form: TextJsonCsv,
}

/// Says what a problem means, with an example and what to do; without a code, lists all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun explain amount-ambiguous
  payrun explain")]
pub(crate) struct ExplainArgs {
    /// The problem's code, as `payrun validate` prints it.
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Shows or checks the settings: flags, environment and payrun.toml.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Shows every setting, and where its value comes from.
    #[command(after_help = "\
Examples:
  payrun config show
  payrun config show --config acme.toml --json")]
    Show(SettingsArgs),
    /// Checks that the settings can be used: file, organisation, records, gateway and key. Asks no gateway.
    #[command(after_help = "\
Exit codes: 0 they can be used, 2 they cannot.

Examples:
  payrun config check --config acme.toml")]
    Check(SettingsArgs),
}

/// Everything that can be set.
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    #[command(flatten)]
    pub(crate) reading: FileArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Shows what a payment file would pay, beside the wallets' balances. Sends nothing.
///
/// The plan is stored; its digest names it for `payrun run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun plan june.csv --sandbox
  payrun plan june.csv --run-key payroll-2026-06 --json")]
pub(crate) struct PlanArgs {
    /// The payment file (CSV); - is standard input.
    pub(crate) file: PathBuf,
    /// The name of the run that is planned.
    #[arg(long, value_name = "KEY")]
    pub(crate) run_key: Option<payrun::RunKey>,
    /// Plan the valid rows of a file that has errors.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    #[command(flatten)]
    pub(crate) reading: FileArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Pays a payment file, or a stored plan: each payment once.
///
/// Started again with the same file or run key, it goes on where it stopped, or shows the report of the finished run.
/// Ctrl-C and SIGTERM stop it cleanly: nothing new is begun, and what is under way is waited for. A
/// second Ctrl-C leaves at once; that is safe too, and the next start asks the provider about what was under way.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun run june.csv --sandbox                          a rehearsal: no real money
  payrun run june.csv --run-key payroll-2026-06          asks before it sends
  payrun run june.csv --run-key payroll-2026-06 --yes    for a timer: asks nothing
  payrun run 3f2a9c81                                    a plan of `payrun plan`")]
pub(crate) struct RunArgs {
    /// A payment file (CSV; - is standard input), or at least 8 digits of a stored plan's digest. May be left out
    /// to go on with the run that --run-key names.
    #[arg(value_name = "FILE|PLAN", required_unless_present = "run_key")]
    pub(crate) what: Option<PathBuf>,
    /// The run's name; the file's hash if there is none. Started again with the same name it never pays
    /// twice.
    #[arg(long, value_name = "KEY")]
    pub(crate) run_key: Option<payrun::RunKey>,
    #[command(flatten)]
    pub(crate) reading: FileArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) conduct: ConductArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Goes on with a run that was begun.
///
/// It was approved when it was begun, so nothing is asked. Payments of which the outcome is not known are looked up
/// before anything is sent again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun resume                        the only unfinished run
  payrun resume payroll-2026-06
  payrun resume 3f2a9c81 --sandbox     the first digits of an unnamed run")]
pub(crate) struct ResumeArgs {
    /// The run; may be left out if only one is unfinished.
    pub(crate) run: Option<String>,
    /// Asks nothing; accepted for timers that always pass it.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) conduct: ConductArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Shows how far a run is; without a run, lists all. Needs no gateway.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 0 whatever the run's state, so that watching it is not an error.

Examples:
  payrun status
  payrun status payroll-2026-06 --json")]
pub(crate) struct StatusArgs {
    /// The run.
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Pays anew what finally did not pay, as a new run linked to the old one.
///
/// Each payment is read at the provider again before it is planned, and once more just before it is sent. Payments
/// that were paid, or may have been, are left out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun retry payroll-2026-06                          as they were
  payrun retry payroll-2026-06 --from corrected.csv     as the corrected file says")]
pub(crate) struct RetryArgs {
    /// The run of which payments did not pay.
    pub(crate) run: String,
    /// The corrected payment file. Only its rows are paid: those that did not pay, and those that were
    /// not in the run at all.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// The name of the new run; the old name with .retry-1 if there is none.
    #[arg(long, value_name = "KEY")]
    pub(crate) run_key: Option<payrun::RunKey>,
    /// How long a payment rests after it failed, since a late success exists. [default: 1h, 24h for
    /// what the provider may still correct; 0s in the sandbox]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) quarantine: Option<std::time::Duration>,
    #[command(flatten)]
    pub(crate) reading: FileArgs,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    #[command(flatten)]
    pub(crate) conduct: ConductArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Writes what became of every payment of a run. Needs no gateway.
///
/// CSV and JSON name every payment; no names, phones or accounts. A cell that a spreadsheet could take for a
/// formula is made harmless.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun report payroll-2026-06
  payrun report payroll-2026-06 --format csv --output june-report.csv")]
pub(crate) struct ReportArgs {
    /// The run.
    pub(crate) run: String,
    /// Write to this file, readable by its owner only, instead of stdout.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextJsonCsv,
}

/// Proves offline that a run's records are whole. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 sound, 6 something is wrong.

Examples:
  payrun verify payroll-2026-06")]
pub(crate) struct VerifyArgs {
    /// The run.
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Makes a run's checkpoint anew from its journal; the old one is set aside, never deleted.
///
/// The run then goes on by cautious start: what has no request on record is looked up before it is first sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun rebuild payroll-2026-06 && payrun resume payroll-2026-06
  payrun rebuild --ledger")]
pub(crate) struct RebuildArgs {
    /// The run.
    #[arg(required_unless_present = "ledger", conflicts_with = "ledger")]
    pub(crate) run: Option<String>,
    /// The ledger of the whole organisation instead: a damaged one is set aside, never deleted, and the
    /// claims of every run are put back from its plan. New runs then go by cautious start.
    #[arg(long)]
    pub(crate) ledger: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Writes a run out as JSON lines: its plan, and everything that happened to each payment. Changes nothing.
///
/// Names, phones and e-mail addresses are in it; a file is readable by its owner only. A run is gone on with in one place:
/// once it was imported elsewhere, never resume it here.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 written, 6 the records cannot be read, 7 the run is being paid just now.

Examples:
  payrun export payroll-2026-06 --output payroll-2026-06.jsonl
  payrun export payroll-2026-06 | gzip > payroll-2026-06.jsonl.gz")]
pub(crate) struct ExportArgs {
    /// The run.
    pub(crate) run: String,
    /// Write to this file instead of stdout.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace a file that is there already.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Makes a run of what `payrun export` wrote, under the key that it had. Sends nothing.
///
/// What happened after the export is not known here, so the run goes on by cautious start: everything is looked up
/// before it is first sent. It goes on with the account it was begun from only.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 imported, 3 the export is not whole, 7 the run is here already, another one holds its references, or it pays
anew what a run did not pay that is not here.

Examples:
  payrun import payroll-2026-06.jsonl && payrun resume payroll-2026-06
  zcat payroll-2026-06.jsonl.gz | payrun import -")]
pub(crate) struct ImportArgs {
    /// What was exported; - is standard input.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Shows the account's wallets with their balances: also a check of address and key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun wallets --gateway-url https://api.kotanipay.com
  payrun wallets --sandbox --json")]
pub(crate) struct WalletsArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) provider: ProviderArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Serves a local provider that speaks the gateway's API, until SIGINT or SIGTERM. No real money.
///
/// Prints its address alone on stdout when it is ready. GET /_sandbox/ledger shows what really moved.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun sandbox --listen 127.0.0.1:8080
  payrun sandbox --listen 127.0.0.1:0 --key rehearsal --faults hostile --seed 7

Then, in another terminal:
  PAYRUN_API_KEY=rehearsal payrun run june.csv --organisation acme \\
      --gateway-url http://127.0.0.1:8080 --pace 20/s")]
pub(crate) struct SandboxArgs {
    /// Where to listen: an address of this machine; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The key that callers must show; any will do if there is none. Not a secret: it opens nothing real.
    #[arg(long, value_name = "KEY", conflicts_with = "key_file")]
    pub(crate) key: Option<String>,
    /// A file that holds that key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Keep the ledger in this folder from one start to the next; otherwise it is forgotten at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}

/// Prints the completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  payrun completions bash > ~/.local/share/bash-completion/completions/payrun
  payrun completions zsh > ~/.zfunc/_payrun")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
    #[command(flatten)]
    pub(crate) form: TextOrJson,
}
