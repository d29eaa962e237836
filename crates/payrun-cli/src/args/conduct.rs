//! How a run begins and behaves.

use clap::Args;
use payrun::{AbsenceRule, Choices, RunKey, Settings};
use std::num::NonZeroU32;
use std::time::Duration;

/// The sandbox answers at once: asking it less often would only make a rehearsal slow.
const SANDBOX_POLL: Duration = Duration::from_millis(250);
const SANDBOX_GRACE: Duration = Duration::from_secs(1);

/// How often a payment's interval between two questions may double.
const POLL_DOUBLINGS: u32 = 3;

/// What may begin.
#[derive(Debug, Args)]
#[command(next_help_heading = "Beginning")]
pub(crate) struct StartArgs {
    /// Send without asking. Needed where there is no terminal; the sandbox asks nothing.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Pay the valid rows of a file that has errors.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Begin although a wallet lacks money for its part; it pays as far as the money goes.
    #[arg(long)]
    pub(crate) allow_shortfall: bool,
    /// Take over a run whose records are lost, or put back from an older copy: everything is looked up before it is
    /// first sent.
    #[arg(long)]
    pub(crate) adopt: bool,
}

impl StartArgs {
    /// What may begin was settled when the run began.
    pub(crate) fn for_a_run_that_was_begun(yes: bool) -> Self {
        Self { yes, skip_invalid: false, allow_shortfall: false, adopt: false }
    }

    pub(crate) fn choices(&self, key: Option<&RunKey>) -> Choices {
        Choices {
            key: key.cloned(),
            skip_invalid: self.skip_invalid,
            adopt: self.adopt,
            allow_shortfall: self.allow_shortfall,
            ..Choices::default()
        }
    }
}

/// How a run behaves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Conduct")]
pub(crate) struct ConductArgs {
    /// The most payments under way at one time, and so the most that a crash leaves unknown.
    #[arg(long, value_name = "N", default_value = "32")]
    in_flight: NonZeroU32,
    /// Over how long the provider must say, several times, that it does not know a payment before it is
    /// sent again. Not 0: late is not absent. [default: 5m; 1s in the sandbox]
    #[arg(long, value_name = "DURATION", value_parser = grace)]
    absence_grace: Option<Duration>,
    /// How long accepted payments are waited for after the last answer came.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "30m")]
    settle_timeout: Duration,
    /// Do not wait for settlement: done when every payment is accepted.
    #[arg(long, conflicts_with = "settle_timeout")]
    no_wait: bool,
    /// When an accepted payment is first asked about; later less often. [default: 5s; 250ms in the
    /// sandbox]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    poll: Option<Duration>,
    /// How long the provider may be out of reach before the run stops, to be resumed.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5m")]
    gateway_patience: Duration,
}

/// A provider may be slow to know what it accepted.
fn grace(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => {
            Err("without any time nothing proves that a payment is absent".to_owned())
        }
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

impl ConductArgs {
    /// Whether settlement is waited for.
    pub(crate) fn wait(&self) -> bool {
        !self.no_wait
    }

    pub(crate) fn settings(&self, sandbox: bool) -> Settings {
        let usual = Settings::default();
        let poll = self.poll.or(sandbox.then_some(SANDBOX_POLL));
        let grace = self.absence_grace.or(sandbox.then_some(SANDBOX_GRACE));
        Settings {
            in_flight_max: self.in_flight.get(),
            absence: AbsenceRule { grace: grace.unwrap_or(usual.absence.grace), ..usual.absence },
            settle_timeout: if self.no_wait { Duration::ZERO } else { self.settle_timeout },
            poll_first: poll.unwrap_or(usual.poll_first),
            poll_max: poll
                .map_or(usual.poll_max, |first| first.saturating_mul(2_u32.pow(POLL_DOUBLINGS))),
            gateway_patience: self.gateway_patience,
            ..usual
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_never_proven_in_no_time() {
        assert_eq!(grace("400ms"), Ok(Duration::from_millis(400)));
        for text in ["0s", "0", "", "soon"] {
            assert!(grace(text).is_err(), "{text}");
        }
    }
}
