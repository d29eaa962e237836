//! Time through a port, so that runs replay.

use async_trait::async_trait;
use payrun_core::UnixMillis;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// A point on a clock's monotonic scale: how long since that clock began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub Duration);

impl Moment {
    /// `span` later; the far future if that overflows.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long after `earlier`; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Time as the engine sees it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Never goes back, and stands still for nobody.
    fn now(&self) -> Moment;

    /// Now, on a scale that all processes of this machine share until it is started anew. It is the scale of
    /// [`now`](Self::now), moved: never goes back, never jumps, and counts no more time than passes. On a clock that no
    /// other process has, the two are the same.
    fn shared(&self) -> Moment {
        self.now()
    }

    /// What the wall says; may jump either way.
    fn wall(&self) -> UnixMillis;

    /// Returns at or after `moment`; at once if it is past. Safe to drop.
    async fn sleep_until(&self, moment: Moment);
}

/// The machine's own clocks, on tokio's timer.
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: Instant,
    /// What the machine's monotonic clock said at the origin.
    since_start: Duration,
}

/// How far apart two readings of the same clock may be, and how often they are tried: what they differ by goes into every
/// moment that is shared.
const APART_MAX: Duration = Duration::from_micros(200);
const READINGS_MAX: usize = 1_000;

/// What the machine's monotonic clock says.
fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

impl SystemClock {
    /// A clock whose monotonic scale begins now.
    pub fn new() -> Self {
        // The two are read one after the other; who was stopped in between reads them again.
        let mut read = (monotonic(), Instant::now());
        for _ in 0..READINGS_MAX {
            if monotonic().saturating_sub(read.0) < APART_MAX {
                break;
            }
            read = (monotonic(), Instant::now());
        }
        let (since_start, origin) = read;
        Self { origin, since_start }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        Moment(self.origin.elapsed())
    }

    fn shared(&self) -> Moment {
        Moment(self.since_start).after(self.origin.elapsed())
    }

    fn wall(&self) -> UnixMillis {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep_until(&self, moment: Moment) {
        tokio::time::sleep(moment.since(self.now())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_agree_on_the_shared_scale() {
        let (first, second) = (SystemClock::new(), SystemClock::new());
        for _ in 0..100 {
            let (before, between, after) = (first.shared(), second.shared(), first.shared());
            assert!(before <= between.after(APART_MAX) && between <= after.after(APART_MAX));
        }
        let apart = first.shared().since(Moment(monotonic()));
        assert!(apart <= APART_MAX, "{apart:?}");
    }
}
