//! The gateway's key: from the environment or a file that only its owner can read, never from an argument.

use crate::fault::Fault;
use payrun::kotani::ApiKey;
use std::env;
use std::path::Path;

const KEY: &str = "PAYRUN_API_KEY";
const KEY_FILE: &str = "PAYRUN_API_KEY_FILE";
const HINT: &str = "Put the key alone, as the provider shows it, into PAYRUN_API_KEY, or into a file of mode 0600 that \
                    PAYRUN_API_KEY_FILE names.";

/// Reads the key.
///
/// # Errors
/// A usage fault that shows nothing of the key.
pub(super) fn from_environment() -> Result<ApiKey, Fault> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    match (set(KEY), set(KEY_FILE)) {
        (None, None) => Err(Fault::usage(
            "the gateway's key is missing",
            "Put it into PAYRUN_API_KEY, or into a file of mode 0600 that PAYRUN_API_KEY_FILE names. It is \
             never an argument: others could read it. To rehearse without one: --sandbox.",
        )),
        (Some(_), Some(_)) => Err(Fault::usage(
            "PAYRUN_API_KEY and PAYRUN_API_KEY_FILE are both set",
            "Unset one, so that it is clear which key is used.",
        )),
        (Some(key), None) => {
            let key =
                key.to_str().ok_or_else(|| Fault::usage("PAYRUN_API_KEY is not text", HINT))?;
            key.parse().map_err(|error| Fault::usage(format!("PAYRUN_API_KEY: {error}"), HINT))
        }
        (None, Some(path)) => {
            ApiKey::read_file(Path::new(&path)).map_err(|error| Fault::usage(error, HINT))
        }
    }
}
