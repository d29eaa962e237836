//! Where the settings are.

use clap::Args;
use std::path::PathBuf;

/// Where the settings are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct ConfigFileArgs {
    /// The settings file. Flags and the environment go before what it says. [default: payrun.toml in this folder,
    /// if it is there]
    #[arg(long, value_name = "FILE", env = "PAYRUN_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
}
