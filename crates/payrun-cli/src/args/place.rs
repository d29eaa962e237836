//! Where the records are, and whose.

use super::ConfigFileArgs;
use clap::Args;
use std::path::PathBuf;

/// Where the records are, and whose.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(crate) struct PlaceArgs {
    /// The folder that keeps plans, runs and the ledger. [default: the user's state folder; without a
    /// terminal it must be named, but for the sandbox]
    #[arg(long, value_name = "DIR", env = "PAYRUN_STATE_DIR", hide_env_values = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// Who pays: a short name, set once and never changed, since payments are identified by it. Needed
    /// but in the sandbox. [default in the sandbox: sandbox]
    #[arg(long, value_name = "NAME", env = "PAYRUN_ORGANISATION", hide_env_values = true)]
    pub(crate) organisation: Option<String>,
    /// Rehearse: a provider inside this process, records of its own in the state folder, no real money.
    #[arg(long)]
    pub(crate) sandbox: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
}
