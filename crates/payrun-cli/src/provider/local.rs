//! The flags of the local provider as its settings.

use crate::args::FaultArgs;
use crate::fault::Fault;
use payrun::sandbox::{Faults, Limits, Settings, SettingsError, WalletSetting};

/// How the local provider behaves; what no flag names is as usual.
///
/// # Errors
/// A usage fault for a file or a name that cannot be used.
pub(crate) fn settings(args: &FaultArgs) -> Result<Settings, Fault> {
    let mut settings = Settings { limits: limits(args)?, ..Settings::default() };
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
    Ok(settings)
}

/// Which limits it enforces.
///
/// # Errors
/// A usage fault for a name that there is not.
pub(crate) fn limits(args: &FaultArgs) -> Result<Limits, Fault> {
    args.limits.as_ref().map_or(Ok(Limits::None), |name| name.parse().map_err(fault))
}

fn fault(error: SettingsError) -> Fault {
    Fault::usage(error, "`payrun sandbox --help` says what there is.")
}
