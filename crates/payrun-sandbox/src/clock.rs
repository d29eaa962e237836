//! The sandbox's own time: the machine's, run faster by a whole factor, and never turned back by a restart.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 in the sandbox's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    /// This much later.
    pub(crate) fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// How long ago an earlier moment was; zero if it was not earlier.
    pub(crate) fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Which minute since 1970 it lies in.
    pub(crate) fn minute(self) -> u64 {
        self.0 / 60_000
    }

    /// As `2026-06-01T12:00:00.000Z`.
    pub(crate) fn iso(self) -> String {
        let (days, ms) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
            ms % 1_000
        )
    }
}

/// Year, month and day of the n-th day after 1970-01-01 (source: H. Hinnant, `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// What a start leaves behind, so that the next one goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The machine's time.
    pub(crate) wall: Moment,
    /// The sandbox's time at that moment.
    pub(crate) clock: Moment,
    /// How many times faster it ran from then on.
    pub(crate) scale: u32,
}

impl Mark {
    /// The machine's time, and nothing before it.
    pub(crate) fn first(wall: Moment, scale: u32) -> Self {
        Self { wall, clock: wall, scale }
    }

    /// Where the sandbox's time stands now, not before `floor`, the last moment on record.
    pub(crate) fn next(self, wall: Moment, floor: Moment, scale: u32) -> Self {
        let passed = wall.since_ms(self.wall).saturating_mul(u64::from(self.scale));
        Self { wall, clock: self.clock.after_ms(passed).max(floor), scale }
    }
}

/// The machine's time.
pub(crate) fn wall() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(ms(since))
}

/// Whole milliseconds.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The running clock.
#[derive(Debug)]
pub(crate) struct Clock {
    mark: Mark,
    started: Instant,
}

impl Clock {
    pub(crate) fn start(mark: Mark) -> Self {
        Self { mark, started: Instant::now() }
    }

    pub(crate) fn now(&self) -> Moment {
        let micros = self.started.elapsed().as_micros().saturating_mul(u128::from(self.mark.scale));
        self.mark.clock.after_ms(u64::try_from(micros / 1_000).unwrap_or(u64::MAX))
    }

    /// How long a time of the machine is here.
    pub(crate) fn scaled_ms(&self, duration: Duration) -> u64 {
        ms(duration).saturating_mul(u64::from(self.mark.scale))
    }

    /// How many whole seconds of the machine a time here takes; at least one.
    pub(crate) fn machine_seconds(&self, ms: u64) -> u64 {
        ms.div_ceil(u64::from(self.mark.scale).max(1)).div_ceil(1_000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (ms, iso) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_772_323_200_000, "2026-03-01T00:00:00.000Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(Moment(ms).iso(), iso);
        }
    }

    #[test]
    fn a_restart_goes_on_where_the_fast_clock_would_stand() {
        let first = Mark::first(Moment(1_000), 10);
        let next = first.next(Moment(1_500), Moment(0), 1);
        assert_eq!(next, Mark { wall: Moment(1_500), clock: Moment(6_000), scale: 1 });
        let after = next.next(Moment(1_600), Moment(0), 1);
        assert_eq!(after.clock, Moment(6_100));
    }

    #[test]
    fn a_restart_is_never_earlier_than_what_is_on_record() {
        let first = Mark::first(Moment(1_000), 1);
        assert_eq!(first.next(Moment(900), Moment(1_700), 1).clock, Moment(1_700));
        assert_eq!(first.next(Moment(900), Moment(0), 1).clock, Moment(1_000));
    }

    #[test]
    fn waits_are_told_in_the_callers_seconds() {
        let fast = Clock::start(Mark::first(Moment(0), 10));
        assert_eq!(fast.machine_seconds(60_000), 6);
        assert_eq!(fast.machine_seconds(1), 1);
        assert_eq!(fast.scaled_ms(Duration::from_millis(300)), 3_000);
    }
}
