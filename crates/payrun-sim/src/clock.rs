//! Both clocks on virtual time. The wall can jump, and stand still.

use async_trait::async_trait;
use payrun_core::UnixMillis;
use payrun_ports::{Clock, Moment};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// When every simulation begins, by its wall: a day of 2026.
const BEGIN_MILLIS: i64 = 1_780_000_000_000;

pub(crate) struct VirtualClock {
    origin: Instant,
    /// How long the task of a run stood still in all, in milliseconds: no timer of the runtime's runs meanwhile.
    stalled: AtomicU64,
    stood_still: Notify,
    /// How much happened so far of what is told in order.
    order: AtomicU64,
    wall: Mutex<Wall>,
}

#[derive(Default)]
struct Wall {
    /// By how much it is ahead, in milliseconds.
    ahead: i64,
    stands_at: Option<UnixMillis>,
}

impl VirtualClock {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            stalled: AtomicU64::new(0),
            stood_still: Notify::new(),
            order: AtomicU64::new(0),
            wall: Mutex::default(),
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed() + Duration::from_millis(self.stalled.load(Ordering::Relaxed))
    }

    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap()
    }

    /// The place of what happens now among all that happens: much of it does in the same millisecond.
    pub(crate) fn order(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// So much time goes by at once.
    pub(crate) fn stall(&self, length: Duration) {
        let millis = u64::try_from(length.as_millis()).unwrap();
        self.stalled.fetch_add(millis, Ordering::Relaxed);
        self.stood_still.notify_waiters();
    }

    /// Sleeps for so long, of which a part may go by at once.
    pub(crate) async fn sleep(&self, length: Duration) {
        let until = self.elapsed() + length;
        loop {
            // Before time is looked at, so that none goes by unseen.
            let stood_still = self.stood_still.notified();
            let left = until.saturating_sub(self.elapsed());
            tokio::select! {
                biased;
                () = tokio::time::sleep(left) => return,
                () = stood_still => {}
            }
        }
    }

    /// The wall jumps.
    pub(crate) fn jump(&self, millis: i64) {
        self.wall.lock().unwrap_or_else(PoisonError::into_inner).ahead += millis;
    }

    /// The wall stands still, or goes on from where it would be.
    pub(crate) fn stand_still(&self, still: bool) {
        let now = self.wall();
        self.wall.lock().unwrap_or_else(PoisonError::into_inner).stands_at = still.then_some(now);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        Moment(self.elapsed())
    }

    fn wall(&self) -> UnixMillis {
        let wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = i64::try_from(self.elapsed().as_millis()).unwrap();
        let now = BEGIN_MILLIS + elapsed + wall.ahead;
        wall.stands_at.unwrap_or(UnixMillis(u64::try_from(now).unwrap()))
    }

    async fn sleep_until(&self, moment: Moment) {
        self.sleep(moment.since(self.now())).await;
    }
}
