//! Why a run stopped early, as it is told.

use super::job::{gateway, store};
use payrun::{CallError, StopCause};

/// A stable name, and what to do.
pub(crate) fn stopped(cause: &StopCause, flags: &str) -> (&'static str, String) {
    match cause {
        StopCause::Interrupted => ("interrupted", String::new()),
        StopCause::Store(error) => store(error, flags),
        StopCause::KeyRefused(why) => gateway(&CallError::KeyRefused(why.clone())),
        StopCause::GatewayGone { last, .. } => gateway(last),
        StopCause::Bug(_) => {
            ("bug", "Please report it; the line above holds no personal data.".to_owned())
        }
    }
}
