//! How often a provider lets itself be called.

use std::num::NonZeroU32;
use std::time::Duration;

/// At most `count` calls in every window of `per`, wherever the window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// How many calls.
    pub count: NonZeroU32,
    /// In how long; not zero.
    pub per: Duration,
}

impl RateLimit {
    /// `count` in every window of `seconds`, both at least 1.
    pub fn per_seconds(count: u32, seconds: u64) -> Self {
        Self {
            count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            per: Duration::from_secs(seconds.max(1)),
        }
    }

    /// Calls a second, for display and estimates.
    pub fn per_second(self) -> f64 {
        f64::from(self.count.get()) / self.per.as_secs_f64()
    }
}

/// The limits of each class of calls; all limits of a class hold at once. An empty list means no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Calls that move money.
    pub money: Vec<RateLimit>,
    /// Making a payee known at the provider.
    pub payee: Vec<RateLimit>,
    /// Reading: status, wallets, payees.
    pub read: Vec<RateLimit>,
    /// All calls together.
    pub all: Vec<RateLimit>,
}

impl RateLimits {
    /// As many in a time that is so many times shorter: what a provider counts whose clock runs that much faster.
    #[must_use]
    pub fn sped_up(&self, times: NonZeroU32) -> Self {
        let faster = |limits: &[RateLimit]| {
            limits
                .iter()
                .map(|limit| RateLimit { per: limit.per / times.get(), ..*limit })
                .collect()
        };
        Self {
            money: faster(&self.money),
            payee: faster(&self.payee),
            read: faster(&self.read),
            all: faster(&self.all),
        }
    }
}
