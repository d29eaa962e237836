//! The flags of the local provider as its settings.

use crate::args::FaultArgs;
use crate::fault::Fault;
use payrun::sandbox::Settings;

/// How the local provider behaves.
///
/// # Errors
/// A usage fault for a file or a name that cannot be used.
pub(crate) fn settings(_: &FaultArgs) -> Result<Settings, Fault> {
    Ok(Settings::default())
}
