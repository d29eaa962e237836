//! How long to wait before trying again: exponential, capped, jittered.

use std::time::Duration;

/// The wait after `tries` fruitless tries: `first` doubled each time up to `max`, of which the last half is left to
/// chance, so that waiting tasks spread.
pub(crate) fn backoff(tries: u32, first: Duration, max: Duration, chance: u64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(tries.min(20)).unwrap_or(u32::MAX));
    let full = doubled.min(max);
    let half = full / 2;
    let part = u32::try_from(chance % 1001).unwrap_or(0);
    half + half.saturating_mul(part) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_cap_and_stays_within_half() {
        let (first, max) = (Duration::from_millis(100), Duration::from_secs(2));
        for tries in 0..40 {
            for chance in [0, 1, 500, 1000, u64::MAX] {
                let full = (first * 2_u32.pow(tries.min(10))).min(max);
                let wait = backoff(tries, first, max, chance);
                assert!(wait >= full / 2 && wait <= full, "{tries} {chance}: {wait:?}");
            }
        }
    }
}
