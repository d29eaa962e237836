//! How a run behaves, apart from what the provider dictates.

use std::time::Duration;

/// How often the provider must say that it does not know a reference, and over how long, before that counts
/// as proof of absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsenceRule {
    /// How many not-found answers; at least 3.
    pub answers: u32,
    /// From the first that counts to the last; not zero outside tests.
    pub grace: Duration,
}

impl Default for AbsenceRule {
    /// 3 answers over 5 minutes.
    fn default() -> Self {
        Self { answers: 3, grace: Duration::from_secs(300) }
    }
}

/// How a run behaves, apart from what the provider dictates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The most requests that move money at one time, and so the most payments that a crash leaves unknown.
    pub in_flight_max: u32,
    /// What counts as proof of absence.
    pub absence: AbsenceRule,
    /// How long after the last answer accepted payments are waited for. Zero: not at all.
    pub settle_timeout: Duration,
    /// When an accepted payment is first asked about; doubles each time.
    pub poll_first: Duration,
    /// The longest time between two questions about one payment.
    pub poll_max: Duration,
    /// How long the provider may be out of reach before the run stops, to be resumed later.
    pub gateway_patience: Duration,
    /// How long a stop waits for the answers to requests that are under way.
    pub drain_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_flight_max: 32,
            absence: AbsenceRule::default(),
            settle_timeout: Duration::from_secs(30 * 60),
            poll_first: Duration::from_secs(5),
            poll_max: Duration::from_secs(60),
            gateway_patience: Duration::from_secs(5 * 60),
            drain_timeout: Duration::from_secs(20),
        }
    }
}
