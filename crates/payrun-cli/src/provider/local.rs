//! The flags of the local provider as its settings.

use crate::args::FaultArgs;
use crate::fault::Fault;
use payrun::sandbox::{Faults, Settings, WalletSetting};

/// How the local provider behaves; what no flag names is as usual.
///
/// # Errors
/// A usage fault for a file or a name that cannot be used.
pub(crate) fn settings(args: &FaultArgs) -> Result<Settings, Fault> {
    let fault = |error| Fault::usage(error, "`payrun sandbox --help` says what there is.");
    let mut settings = Settings::default();
    if let Some(settle) = args.settle {
        settings.settle = settle;
    }
    if let Some(scale) = args.time_scale {
        settings.time_scale = scale.get();
    }
    if let Some(seed) = args.seed {
        settings.seed = seed;
    }
    if let Some(name) = &args.faults {
        settings.faults = Faults::read(name).map_err(fault)?;
    }
    if let Some(path) = &args.wallets {
        settings.wallets = WalletSetting::read_file(path).map_err(fault)?;
    }
    if let Some(limits) = &args.limits {
        settings.limits = limits.parse().map_err(fault)?;
    }
    Ok(settings)
}
