//! Through whom it is paid: a gateway, or the sandbox.

use super::pace;
use crate::place::Place;
use clap::Args;
use payrun::RateLimit;
use std::path::PathBuf;
use std::time::Duration;

/// Through whom it is paid.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Provider")]
pub(crate) struct ProviderArgs {
    /// The gateway's address: scheme, host and port only, such as https://api.kotanipay.com.
    #[arg(long, value_name = "URL", env = "PAYRUN_GATEWAY_URL", hide_env_values = true)]
    pub(crate) gateway_url: Option<String>,
    /// How many payments to send in how long: 20/s, 60/min. [default: the gateway's own limits; 20/s in
    /// the sandbox]
    ///
    /// It replaces the limits of calls that move money. For a gateway on this machine (http://127.0.0.1:...), a
    /// `payrun sandbox`, other calls are not limited, so that a rehearsal is not slow, unless --limits says so.
    #[arg(long, value_name = "N/s", value_parser = pace::parse)]
    pub(crate) pace: Option<RateLimit>,
    /// When a request to the gateway is given up, and its payment looked up. [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) request_timeout: Option<Duration>,
    /// How long to wait between two payments to one phone through the gateway, which refuses them sooner.
    /// [default: 61s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) same_payee_gap: Option<Duration>,
    #[command(flatten)]
    pub(crate) sandbox: FaultArgs,
}

impl ProviderArgs {
    /// The same, with what the settings file says where nothing else does. A rehearsal has a provider of its own.
    pub(crate) fn or_settings(&self, place: &Place) -> Self {
        let mut args = self.clone();
        let is_named = args.gateway_url.as_ref().is_some_and(|url| !url.is_empty());
        if !is_named && !place.sandbox {
            args.gateway_url.clone_from(&place.config.gateway_url);
        }
        args
    }
}

/// How the local provider behaves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sandbox provider")]
pub(crate) struct FaultArgs {
    /// How long the local provider takes to settle a payment. [default: 200ms]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) settle: Option<Duration>,
    /// How many times faster its clock runs. [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) time_scale: Option<std::num::NonZeroU32>,
    /// Faults that it commits: a file of them, or the name of a set, such as hostile.
    #[arg(long, value_name = "FILE|PRESET")]
    pub(crate) faults: Option<String>,
    /// What the faults are drawn from: the same seed, the same faults. [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Its wallets (JSON) instead of a well-funded one for each currency.
    #[arg(long, value_name = "FILE")]
    pub(crate) wallets: Option<PathBuf>,
    /// Which rate limits it enforces, and the payments keep to: none, or the gateway's own. [default: none]
    ///
    /// With a gateway on this machine, a `payrun sandbox`: which it was told to enforce; as with --time-scale.
    #[arg(long, value_name = "none|kotani")]
    pub(crate) limits: Option<String>,
}

impl FaultArgs {
    /// The first of these flags that was given and that says nothing to a gateway. One on this machine may be a sandbox
    /// in a process of its own: by which limits and which clock it counts has to be said here too.
    pub(crate) fn given_for(&self, on_this_machine: bool) -> Option<&'static str> {
        [
            (self.settle.is_some(), "--settle"),
            (self.time_scale.is_some() && !on_this_machine, "--time-scale"),
            (self.faults.is_some(), "--faults"),
            (self.seed.is_some(), "--seed"),
            (self.wallets.is_some(), "--wallets"),
            (self.limits.is_some() && !on_this_machine, "--limits"),
        ]
        .into_iter()
        .find_map(|(given, flag)| given.then_some(flag))
    }
}
