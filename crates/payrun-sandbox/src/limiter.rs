//! The provider's rate limits: per endpoint and caller, sustained and burst, in sliding windows.
//!
//! A request that is refused does not count against the next one. (Source of the figures: the API's page on error
//! handling, August 2026. Which class making a customer known falls into is not documented: that of moving money.)

use crate::clock::Moment;
use std::collections::{HashMap, VecDeque};

/// What is limited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    Integrator,
    Wallets,
    Wallet,
    NewCustomer,
    CustomerByPhone,
    Customer,
    NewWithdrawal,
    WithdrawalStatus,
}

/// So many requests in any span of so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) requests: usize,
    pub(crate) span_ms: u64,
}

const MOVE_MONEY: [Limit; 2] =
    [Limit { requests: 60, span_ms: 60_000 }, Limit { requests: 20, span_ms: 5_000 }];

const READ: [Limit; 2] =
    [Limit { requests: 100, span_ms: 5_000 }, Limit { requests: 20, span_ms: 5_000 }];

impl Endpoint {
    fn limits(self) -> [Limit; 2] {
        match self {
            Self::NewCustomer | Self::NewWithdrawal => MOVE_MONEY,
            Self::Integrator
            | Self::Wallets
            | Self::Wallet
            | Self::CustomerByPhone
            | Self::Customer
            | Self::WithdrawalStatus => READ,
        }
    }
}

/// A limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) limit: Limit,
    /// After this long the same request passes, if nothing else comes in between.
    pub(crate) wait_ms: u64,
}

/// When what was called, as far back as the longest window.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    calls: HashMap<(Endpoint, String), VecDeque<Moment>>,
}

impl Limiter {
    /// Counts a request, or says which limit it exceeds. Of several, the one that takes longest.
    pub(crate) fn pass(
        &mut self,
        endpoint: Endpoint,
        caller: &str,
        now: Moment,
    ) -> Result<(), Exceeded> {
        let calls = self.calls.entry((endpoint, caller.to_owned())).or_default();
        let limits = endpoint.limits();
        let longest = limits.iter().map(|limit| limit.span_ms).max().unwrap_or_default();
        while calls.front().is_some_and(|first| now.since_ms(*first) >= longest) {
            calls.pop_front();
        }
        let exceeded = limits.iter().filter_map(|limit| exceeds(calls, *limit, now));
        match exceeded.max_by_key(|exceeded| exceeded.wait_ms) {
            Some(exceeded) => Err(exceeded),
            None => {
                calls.push_back(now);
                Ok(())
            }
        }
    }
}

/// The call that is `requests` back must be out of the window before the next one may come.
fn exceeds(calls: &VecDeque<Moment>, limit: Limit, now: Moment) -> Option<Exceeded> {
    let oldest = *calls.get(calls.len().checked_sub(limit.requests)?)?;
    let wait_ms = limit.span_ms.checked_sub(now.since_ms(oldest)).filter(|wait| *wait > 0)?;
    Some(Exceeded { limit, wait_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(limiter: &mut Limiter, endpoint: Endpoint, at: u64, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.pass(endpoint, "a", Moment(at)).is_ok()).count()
    }

    #[test]
    fn a_burst_of_twenty_passes_and_the_window_slides() {
        let mut limiter = Limiter::default();
        assert_eq!(count(&mut limiter, Endpoint::WithdrawalStatus, 10_000, 25), 20);
        assert_eq!(count(&mut limiter, Endpoint::WithdrawalStatus, 14_999, 1), 0);
        assert_eq!(count(&mut limiter, Endpoint::WithdrawalStatus, 15_000, 25), 20);
    }

    #[test]
    fn no_more_than_sixty_in_any_minute_move_money() {
        let mut limiter = Limiter::default();
        for at in [0, 5_000, 10_000] {
            assert_eq!(count(&mut limiter, Endpoint::NewWithdrawal, at, 20), 20);
        }
        let refused = limiter.pass(Endpoint::NewWithdrawal, "a", Moment(15_000)).unwrap_err();
        assert_eq!(refused.limit, MOVE_MONEY[0]);
        assert_eq!(refused.wait_ms, 45_000);
        assert_eq!(count(&mut limiter, Endpoint::NewWithdrawal, 59_999, 1), 0);
        assert_eq!(count(&mut limiter, Endpoint::NewWithdrawal, 60_000, 30), 20);
    }

    #[test]
    fn endpoints_and_callers_do_not_share_a_window() {
        let mut limiter = Limiter::default();
        assert_eq!(count(&mut limiter, Endpoint::NewWithdrawal, 0, 20), 20);
        assert!(limiter.pass(Endpoint::NewWithdrawal, "a", Moment(0)).is_err());
        assert!(limiter.pass(Endpoint::WithdrawalStatus, "a", Moment(0)).is_ok());
        assert!(limiter.pass(Endpoint::NewWithdrawal, "b", Moment(0)).is_ok());
    }
}
