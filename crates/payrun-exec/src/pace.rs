//! The provider's pace (I8): no limit is exceeded in any window, wherever it begins.
//!
//! governor spaces the calls of a class evenly; a log of the last N grants guards each limit of N per T, which
//! an even pace with any burst would not. One waiter per class at a time asks, the others queue behind it
//! in order.

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use payrun_ports::{Clock, Moment, RateLimit, RateLimits};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What kind of call a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallClass {
    /// Moves money.
    Money,
    /// Makes a payee known.
    Payee,
    /// Reads.
    Read,
}

impl CallClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Money, Self::Payee, Self::Read];
}

/// Added to a window before its oldest grant is forgotten: what the provider's clock may round, and what a
/// call may lose on its way there.
const WINDOW_MARGIN: Duration = Duration::from_millis(20);

/// Hands out leave to call the provider. Shared by every task that uses the same key.
pub struct Pace {
    clock: Arc<dyn Clock>,
    turns: [tokio::sync::Mutex<()>; 3],
    state: Mutex<PaceState>,
}

type EvenPace = RateLimiter<NotKeyed, InMemoryState, PortClock, NoOpMiddleware<Duration>>;

struct PaceState {
    classes: [ClassPace; 3],
    all: Vec<Window>,
}

struct ClassPace {
    even: Option<EvenPace>,
    windows: Vec<Window>,
    paused_until: Moment,
}

/// One limit and the grants that may still count against it.
struct Window {
    limit: RateLimit,
    grants: VecDeque<Moment>,
}

impl Window {
    fn new(limit: RateLimit) -> Self {
        Self { limit, grants: VecDeque::new() }
    }

    /// When one more grant breaks nothing.
    fn free_at(&self) -> Moment {
        let count = usize::try_from(self.limit.count.get()).unwrap_or(usize::MAX);
        let oldest = self.grants.len().checked_sub(count).and_then(|place| self.grants.get(place));
        oldest.map_or(Moment::default(), |at| at.after(self.limit.per + WINDOW_MARGIN))
    }

    fn grant(&mut self, now: Moment) {
        let count = usize::try_from(self.limit.count.get()).unwrap_or(usize::MAX);
        while self.grants.len() >= count {
            self.grants.pop_front();
        }
        self.grants.push_back(now);
    }
}

impl ClassPace {
    fn new(limits: &[RateLimit], clock: &Arc<dyn Clock>) -> Self {
        Self {
            even: even_quota(limits)
                .map(|quota| RateLimiter::direct_with_clock(quota, PortClock(Arc::clone(clock)))),
            windows: limits.iter().copied().map(Window::new).collect(),
            paused_until: Moment::default(),
        }
    }
}

/// The even pace of the slowest limit, with a burst of what a late timer may owe: 10 ms worth, at least 2.
fn even_quota(limits: &[RateLimit]) -> Option<Quota> {
    let slowest = limits.iter().min_by(|a, b| a.per_second().total_cmp(&b.per_second()))?;
    let period = slowest.per / slowest.count.get();
    let owed =
        u32::try_from(10_000_000_u128.checked_div(period.as_nanos()).unwrap_or(2)).unwrap_or(2);
    let burst = NonZeroU32::new(owed.clamp(2, slowest.count.get().max(2)))?;
    Some(Quota::with_period(period)?.allow_burst(burst))
}

impl Pace {
    /// A pace that keeps these limits, counted from now.
    pub fn new(limits: &RateLimits, clock: Arc<dyn Clock>) -> Self {
        let class = |limits: &[RateLimit]| ClassPace::new(limits, &clock);
        let state = PaceState {
            classes: [class(&limits.money), class(&limits.payee), class(&limits.read)],
            all: limits.all.iter().copied().map(Window::new).collect(),
        };
        Self { turns: Default::default(), state: Mutex::new(state), clock }
    }

    /// Waits for leave to make one call. Safe to drop: a token is taken only on return.
    pub async fn token(&self, class: CallClass) {
        let _turn = self.turns[place(class)].lock().await;
        while let Err(at) = self.try_token(class) {
            self.clock.sleep_until(at).await;
        }
    }

    /// Takes a token if there is one now.
    ///
    /// # Errors
    /// When it is worth asking again.
    pub fn try_token(&self, class: CallClass) -> Result<(), Moment> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let PaceState { classes, all } = &mut *state;
        let class = &mut classes[place(class)];
        let free_at = class
            .windows
            .iter()
            .chain(all.iter())
            .map(Window::free_at)
            .chain([class.paused_until])
            .max()
            .unwrap_or_default();
        if free_at > now {
            return Err(free_at);
        }
        if let Some(even) = &class.even
            && let Err(not_until) = even.check()
        {
            let earliest = Moment(not_until.earliest_possible());
            return Err(earliest.max(now.after(Duration::from_micros(100))));
        }
        for window in class.windows.iter_mut().chain(all) {
            window.grant(now);
        }
        Ok(())
    }

    /// No token of this class before `wait` is over: the provider asked for it.
    pub fn pause(&self, class: CallClass, wait: Duration) {
        let until = self.clock.now().after(wait);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let paused_until = &mut state.classes[place(class)].paused_until;
        *paused_until = until.max(*paused_until);
    }
}

fn place(class: CallClass) -> usize {
    match class {
        CallClass::Money => 0,
        CallClass::Payee => 1,
        CallClass::Read => 2,
    }
}

/// governor on our clock, so that its time is the engine's.
#[derive(Clone)]
struct PortClock(Arc<dyn Clock>);

impl GovernorClock for PortClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.now().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun_ports::SystemClock;
    use proptest::prelude::*;

    fn limits(money: Vec<RateLimit>, all: Vec<RateLimit>) -> RateLimits {
        RateLimits { money, all, ..RateLimits::default() }
    }

    /// The grants of `count` waiting calls, on virtual time.
    async fn grants(limits: &RateLimits, count: usize) -> Vec<Duration> {
        let clock = Arc::new(SystemClock::new());
        let pace = Pace::new(limits, clock.clone());
        let mut at = Vec::new();
        for _ in 0..count {
            pace.token(CallClass::Money).await;
            at.push(clock.now().0);
        }
        at
    }

    fn most_in_any_window(at: &[Duration], per: Duration) -> usize {
        (0..at.len())
            .map(|i| at[i..].iter().take_while(|t| **t - at[i] < per).count())
            .max()
            .unwrap()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn kotani_s_two_limits_hold_and_are_used() {
        let both =
            limits(vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)], vec![]);
        let at = run(grants(&both, 600));
        assert!(most_in_any_window(&at, Duration::from_secs(60)) <= 60);
        assert!(most_in_any_window(&at, Duration::from_secs(5)) <= 20);
        let used = 600.0 / at[599].as_secs_f64();
        assert!(used >= 0.98, "used {used} of 1 a second");
    }

    #[test]
    fn a_pause_is_obeyed_by_every_later_token() {
        run(async {
            let clock = Arc::new(SystemClock::new());
            let pace = Pace::new(&limits(vec![], vec![]), clock.clone());
            pace.pause(CallClass::Money, Duration::from_secs(7));
            pace.token(CallClass::Read).await;
            assert!(clock.now().0 < Duration::from_secs(1));
            pace.token(CallClass::Money).await;
            assert!(clock.now().0 >= Duration::from_secs(7));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_window_ever_holds_more_than_its_limit(
            first in (1u32..30, 1u64..8), second in (1u32..60, 1u64..20), over_all in (1u32..60, 1u64..5),
        ) {
            let limit = |(count, seconds)| RateLimit::per_seconds(count, seconds);
            let set = limits(vec![limit(first), limit(second)], vec![limit(over_all)]);
            let at = run(grants(&set, 150));
            for limit in set.money.iter().chain(&set.all) {
                prop_assert!(most_in_any_window(&at, limit.per) <= limit.count.get() as usize, "{:?}", limit);
            }
        }
    }
}
