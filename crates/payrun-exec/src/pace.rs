//! The provider's pace (I8): no limit is exceeded in any window, wherever it begins, over all who use the key.
//!
//! governor spaces the calls of a class evenly; a log of the grants guards each limit of N per T, which an even pace with
//! any burst would not. The log is shared through [`GrantLog`]: what `allowance` makes of it is decided while nobody else
//! reads it. One waiter per class at a time asks, the others queue behind it in order.

mod allowance;

use allowance::Allowance;
pub(crate) use allowance::{longest_gap, longest_wait, time_for, useful_at_a_time};
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use payrun_ports::{
    CallClass, Clock, GrantLog, GrantLogError, Grants, KeyFingerprint, MemoryGrants, Moment, Past,
    RateLimit, RateLimits,
};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When a log that somebody else is at is asked again. They are at it for some ten microseconds.
const BUSY_WAIT: Duration = Duration::from_millis(1);

/// Hands out leave to call the provider. Shared by every task that uses the same key; through its log, by every process.
pub struct Pace {
    limits: RateLimits,
    clock: Arc<dyn Clock>,
    log: Arc<dyn GrantLog>,
    key: KeyFingerprint,
    turns: [tokio::sync::Mutex<()>; 3],
    state: Mutex<PaceState>,
}

type EvenPace = RateLimiter<NotKeyed, InMemoryState, PortClock, NoOpMiddleware<Duration>>;

struct PaceState {
    even: [Option<EvenPace>; 3],
    /// There is no token before this moment, whatever the others do: they can only take more.
    not_before: [Moment; 3],
    /// Until when the provider asked to wait, as far as it was told here.
    paused_until: [Moment; 3],
    /// What was granted while the log could not be used: the pace is kept here then, and nobody else knows.
    alone: Option<Grants>,
}

/// The even pace of the slowest limit, with a burst of what a late timer may owe: 10 ms worth, at least 2.
fn even_pace(limits: &[RateLimit], clock: &Arc<dyn Clock>) -> Option<EvenPace> {
    let slowest = limits.iter().min_by(|a, b| a.per_second().total_cmp(&b.per_second()))?;
    let period = slowest.per / slowest.count.get();
    let owed =
        u32::try_from(10_000_000_u128.checked_div(period.as_nanos()).unwrap_or(2)).unwrap_or(2);
    let burst = NonZeroU32::new(owed.clamp(2, slowest.count.get().max(2)))?;
    let quota = Quota::with_period(period)?.allow_burst(burst);
    Some(RateLimiter::direct_with_clock(quota, PortClock(Arc::clone(clock))))
}

impl Pace {
    /// A pace that nobody else shares and that nothing came before.
    pub fn new(limits: &RateLimits, clock: Arc<dyn Clock>) -> Self {
        let nobody = KeyFingerprint::from_bytes([0; 32]);
        Self::shared(limits, clock, Arc::new(MemoryGrants::default()), nobody)
    }

    /// A pace that is shared with all who use this key with this log.
    pub fn shared(
        limits: &RateLimits,
        clock: Arc<dyn Clock>,
        log: Arc<dyn GrantLog>,
        key: KeyFingerprint,
    ) -> Self {
        let even = CallClass::ALL.map(|class| even_pace(allowance::of(class, limits), &clock));
        let never = [Moment::default(); 3];
        let state = PaceState { even, not_before: never, paused_until: never, alone: None };
        let (limits, state) = (limits.clone(), Mutex::new(state));
        Self { limits, clock, log, key, turns: Default::default(), state }
    }

    /// Waits for leave to make one call. Safe to drop: a token is taken only on return.
    pub async fn token(&self, class: CallClass) {
        let _turn = self.turns[allowance::place(class)].lock().await;
        while let Err(at) = self.try_token(class) {
            self.clock.sleep_until(at).await;
        }
    }

    /// Whether a token of this class is not to be called with any more: it has grown too old, so that the call would not be made
    /// when the limits count it, or the provider has asked to wait since. Whoever still has to call takes another.
    pub fn is_stale(&self, class: CallClass, given: Moment) -> bool {
        let now = self.clock.now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_paused = state.paused_until[allowance::place(class)] > now;
        is_paused || allowance::is_stale(class, &self.limits, now.since(given))
    }

    /// Takes a token if there is one now.
    ///
    /// # Errors
    /// When it is worth asking again.
    pub fn try_token(&self, class: CallClass) -> Result<(), Moment> {
        self.try_tokens(class, NonZeroU32::MIN).map(|_one| ())
    }

    /// Before when there is no token of this class, whatever the others do; by what was last decided, so perhaps long ago.
    pub fn worth_asking_at(&self, class: CallClass) -> Moment {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.not_before[allowance::place(class)]
    }

    /// Takes as many tokens as there are now, up to as many as are wanted, in one go.
    ///
    /// # Errors
    /// When it is worth asking again, if there is none.
    pub fn try_tokens(&self, class: CallClass, wanted: NonZeroU32) -> Result<NonZeroU32, Moment> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let not_before = state.not_before[allowance::place(class)];
        if not_before > self.clock.now() {
            return Err(not_before);
        }
        if !self.is_limited(class) {
            return Ok(wanted);
        }
        let decided = self.ask_log(&mut state, class, wanted);
        if let Err(at) = decided {
            state.not_before[allowance::place(class)] = at;
        }
        decided
    }

    fn ask_log(
        &self,
        state: &mut PaceState,
        class: CallClass,
        wanted: NonZeroU32,
    ) -> Result<NonZeroU32, Moment> {
        let PaceState { even, alone, .. } = state;
        let even = even[allowance::place(class)].as_ref();
        let mut decided = None;
        let kept = self.log.change(&self.key, &mut |grants| {
            if alone.is_some() {
                grants.past = Past::Unknown;
            }
            decided = Some(self.decide(grants, class, wanted, even));
        });
        match (kept, decided) {
            (Ok(()), Some(decided)) => {
                *alone = None;
                decided
            }
            // A pace that is not shared costs a 429 at worst; without any, nothing could be looked up either.
            (Err(GrantLogError::Io(_)), _) => {
                self.decide(alone.get_or_insert_with(Grants::lost), class, wanted, even)
            }
            (Err(GrantLogError::Busy) | Ok(()), _) => Err(self.clock.now().after(BUSY_WAIT)),
        }
    }

    /// How many tokens there are, by the windows and by the even pace; they are on record then.
    fn decide(
        &self,
        grants: &mut Grants,
        class: CallClass,
        wanted: NonZeroU32,
        even: Option<&EvenPace>,
    ) -> Result<NonZeroU32, Moment> {
        let (now, shared) = (self.clock.now(), self.clock.shared());
        let mut allowance = Allowance::at(grants, shared, &self.limits);
        let room = match allowance.room(class, &self.limits) {
            Ok(room) => wanted.get().min(u32::try_from(room).unwrap_or(u32::MAX)),
            Err(free_at) => return Err(now.after(free_at.since(shared))),
        };
        let mut tokens = room;
        let mut next = now;
        if let Some(even) = even {
            tokens = 0;
            while tokens < room {
                if let Err(not_until) = even.check() {
                    let earliest = Moment(not_until.earliest_possible());
                    next = earliest.max(now.after(Duration::from_micros(100)));
                    break;
                }
                tokens += 1;
            }
        }
        let tokens = NonZeroU32::new(tokens).ok_or(next)?;
        allowance.grant(class, u64::from(tokens.get()));
        Ok(tokens)
    }

    /// No token of this class before `wait` is over, for anyone who uses the key: the provider asked for it.
    pub fn pause(&self, class: CallClass, wait: Duration) {
        let until = self.clock.now().after(wait);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let place = allowance::place(class);
        state.not_before[place] = state.not_before[place].max(until);
        state.paused_until[place] = state.paused_until[place].max(until);
        if self.is_limited(class) {
            // Where it cannot be told to the others they are told by the provider.
            let _untold = self.log.change(&self.key, &mut |grants| {
                Allowance::at(grants, self.clock.shared(), &self.limits).pause(class, wait);
            });
        }
    }

    /// For how long nobody who uses the key may make a call of this class, because the provider asked for it.
    pub fn paused_for(&self, class: CallClass) -> Duration {
        let now = self.clock.shared();
        let mut left = Duration::ZERO;
        if self.is_limited(class) {
            // Where it cannot be read nobody can be told.
            let _unread = self.log.change(&self.key, &mut |grants| {
                left = Allowance::at(grants, now, &self.limits).paused_until(class).since(now);
            });
        }
        left
    }

    fn is_limited(&self, class: CallClass) -> bool {
        !allowance::of(class, &self.limits).is_empty() || !self.limits.all.is_empty()
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
    fn grants_come_evenly_and_not_a_window_s_worth_at_once() {
        let limits = limits(vec![RateLimit::per_seconds(60, 60)], vec![]);
        let at = run(grants(&limits, 40));
        // Two may come together; after that one a second.
        assert!(most_in_any_window(&at, Duration::from_millis(900)) <= 2, "{at:?}");
        assert!(at[39] < Duration::from_secs(40), "{at:?}");
    }

    #[test]
    fn a_window_of_more_than_an_hour_is_remembered_whole() {
        run(async {
            let clock = Arc::new(SystemClock::new());
            let long = limits(vec![RateLimit::per_seconds(5, 7200)], vec![]);
            let pace = Pace::new(&long, clock.clone());
            let mut granted = 0;
            for minute in 0..119 {
                clock.sleep_until(Moment(Duration::from_secs(60 * minute))).await;
                granted += u32::from(pace.try_token(CallClass::Money).is_ok());
            }
            assert_eq!(granted, 5);
        });
    }

    #[test]
    fn a_limit_of_all_calls_holds_for_a_class_that_has_none_of_its_own() {
        let limits = limits(vec![], vec![RateLimit::per_seconds(20, 5)]);
        let at = run(grants(&limits, 50));
        assert!(most_in_any_window(&at, Duration::from_secs(5)) <= 20, "{at:?}");
    }

    #[test]
    fn a_token_is_stale_once_it_is_older_than_the_margin_of_its_tightest_window() {
        run(async {
            let both = vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
            let clock = Arc::new(SystemClock::new());
            let limited = Pace::new(&limits(both, vec![]), clock.clone());
            let by_all = limits(vec![], vec![RateLimit::per_seconds(20, 5)]);
            let by_all = Pace::new(&by_all, clock.clone());
            let free = Pace::new(&RateLimits::default(), clock.clone());
            let given = clock.now();
            for (millis, stale) in [(0, false), (50, false), (51, true), (600, true)] {
                let at = given.after(Duration::from_millis(millis));
                clock.sleep_until(at).await;
                for (pace, stale) in [(&limited, stale), (&by_all, stale), (&free, false)] {
                    assert_eq!(pace.is_stale(CallClass::Money, given), stale, "{millis} ms");
                }
                assert!(!limited.is_stale(CallClass::Read, given));
            }
        });
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
    fn what_had_its_token_before_a_pause_takes_another_one_after_it() {
        run(async {
            let (clock, wait) = (Arc::new(SystemClock::new()), Duration::from_secs(7));
            // Where there are limits, and where there are none, so that no token grows old.
            for money in [vec![], vec![RateLimit::per_seconds(5, 1)]] {
                let pace = Pace::new(&limits(money, vec![]), clock.clone());
                pace.token(CallClass::Money).await;
                let given = clock.now();
                assert!(!pace.is_stale(CallClass::Money, given));
                pace.pause(CallClass::Money, wait);
                assert!(pace.is_stale(CallClass::Money, given));
                assert!(!pace.is_stale(CallClass::Read, given));
                pace.token(CallClass::Money).await;
                assert_eq!(clock.now(), given.after(wait));
                assert!(!pace.is_stale(CallClass::Money, clock.now()));
            }
        });
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

    const KEY: KeyFingerprint = KeyFingerprint::from_bytes([1; 32]);

    /// Several processes on one log and one clock of the machine: each takes until `end`, its next process following when
    /// it has taken `lifetime` tokens. All grants in order.
    async fn shared_grants(
        limits: &RateLimits,
        log: Arc<dyn GrantLog>,
        (processes, lifetime): (usize, usize),
        end: Duration,
    ) -> Vec<Duration> {
        let clock = Arc::new(SystemClock::new());
        let process = async || {
            let mut at = Vec::new();
            while clock.now().0 < end {
                let pace = Pace::shared(limits, clock.clone(), log.clone(), KEY);
                for _ in 0..lifetime {
                    pace.token(CallClass::Money).await;
                    at.push(clock.now().0);
                }
            }
            at
        };
        let all = futures_util::future::join_all((0..processes).map(|_| process())).await;
        let mut at: Vec<_> = all.into_iter().flatten().collect();
        at.sort_unstable();
        at
    }

    fn used(at: &[Duration], end: Duration, limit: RateLimit) -> f64 {
        let count = at.iter().filter(|at| **at < end).count();
        count as f64 / end.as_secs_f64() / limit.per_second()
    }

    #[test]
    fn processes_and_restarts_share_the_allowance_of_their_key_and_use_it() {
        let end = Duration::from_secs(600);
        for (money, processes, lifetime) in [
            (vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)], 2, 1_000_000),
            (vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)], 3, 7),
            (vec![RateLimit::per_seconds(20, 1)], 2, 1),
        ] {
            let limits = limits(money, vec![]);
            let lifetime = lifetime.min(700 / processes);
            let log = Arc::new(MemoryGrants::default());
            let at = run(shared_grants(&limits, log, (processes, lifetime), end));
            for limit in &limits.money {
                let most = most_in_any_window(&at, limit.per);
                assert!(most <= limit.count.get() as usize, "{most} in one window of {limit:?}");
            }
            let used = used(&at, end, limits.money[0]);
            assert!(used >= 0.98, "{used} of the allowance of {:?}", limits.money);
        }
    }

    #[test]
    fn a_thousand_a_second_are_no_more_work_than_they_are_batches() {
        let limits = limits(vec![RateLimit::per_seconds(1_000, 1)], vec![]);
        run(async {
            let clock = Arc::new(SystemClock::new());
            let pace = Pace::new(&limits, clock.clone());
            let (mut at, mut asked) = (Vec::new(), 0);
            while clock.now().0 < Duration::from_secs(5) {
                asked += 1;
                match pace.try_tokens(CallClass::Money, NonZeroU32::new(64).unwrap()) {
                    Ok(tokens) => at.extend((0..tokens.get()).map(|_| clock.now().0)),
                    // As late as a timer of the machine.
                    Err(next) => clock.sleep_until(next.after(Duration::from_millis(5))).await,
                }
            }
            assert!(most_in_any_window(&at, Duration::from_secs(1)) <= 1_000);
            assert!(at.len() >= 4_900, "{} of 5000", at.len());
            assert!(asked <= 2_000, "asked {asked} times for {}", at.len());
        });
    }

    #[test]
    fn a_pause_is_kept_by_who_comes_later() {
        run(async {
            let clock = Arc::new(SystemClock::new());
            let limits = limits(vec![RateLimit::per_seconds(60, 60)], vec![]);
            let log = Arc::new(MemoryGrants::default());
            let process = || Pace::shared(&limits, clock.clone(), log.clone(), KEY);
            process().pause(CallClass::Money, Duration::from_secs(7));
            assert_eq!(process().paused_for(CallClass::Money), Duration::from_secs(7));
            process().token(CallClass::Money).await;
            assert!(clock.now().0 >= Duration::from_secs(7));
        });
    }

    /// A log that cannot be used while `fails`.
    #[derive(Default)]
    struct Frail {
        log: MemoryGrants,
        fails: Mutex<Option<GrantLogError>>,
    }

    impl GrantLog for Frail {
        fn change(
            &self,
            key: &KeyFingerprint,
            change: &mut dyn FnMut(&mut Grants),
        ) -> Result<(), GrantLogError> {
            match self.fails.lock().unwrap().clone() {
                Some(error) => Err(error),
                None => self.log.change(key, change),
            }
        }
    }

    #[test]
    fn without_its_log_a_pace_goes_on_alone_behind_a_full_window_each_time() {
        run(async {
            let clock = Arc::new(SystemClock::new());
            let limits = limits(vec![RateLimit::per_seconds(10, 60)], vec![]);
            let log = Arc::new(Frail::default());
            let pace = Pace::shared(&limits, clock.clone(), log.clone(), KEY);
            let mut at = Vec::new();
            for error in [None, Some(GrantLogError::Io("full".into())), None] {
                *log.fails.lock().unwrap() = error;
                for _ in 0..12 {
                    pace.token(CallClass::Money).await;
                    at.push(clock.now().0);
                }
            }
            assert!(most_in_any_window(&at, Duration::from_secs(60)) <= 10, "{at:?}");
            for first in [at[12] - at[11], at[24] - at[23]] {
                assert!(first >= Duration::from_secs(60), "{first:?}");
            }
        });
    }

    #[test]
    fn what_the_provider_asked_for_is_kept_by_whoever_could_not_use_the_log_meanwhile() {
        run(async {
            let clock = Arc::new(SystemClock::new());
            let limits = limits(vec![RateLimit::per_seconds(10, 60)], vec![]);
            let log = Arc::new(Frail::default());
            let process = || Pace::shared(&limits, clock.clone(), log.clone(), KEY);
            let (told, alone, later) = (process(), process(), process());
            *log.fails.lock().unwrap() = Some(GrantLogError::Io("EIO".into()));
            let _none = alone.try_token(CallClass::Money);
            *log.fails.lock().unwrap() = None;
            told.pause(CallClass::Money, Duration::from_secs(1200));
            for pace in [alone, later] {
                pace.token(CallClass::Money).await;
                assert!(clock.now().0 >= Duration::from_secs(1200));
            }
        });
    }

    #[test]
    fn a_log_that_somebody_is_at_is_asked_again_in_a_moment() {
        run(async {
            let log = Arc::new(Frail::default());
            *log.fails.lock().unwrap() = Some(GrantLogError::Busy);
            let clock = Arc::new(SystemClock::new());
            let limits = limits(vec![RateLimit::per_seconds(10, 60)], vec![]);
            let pace = Pace::shared(&limits, clock.clone(), log.clone(), KEY);
            let again = pace.try_token(CallClass::Money).unwrap_err();
            assert!(again.since(clock.now()) <= BUSY_WAIT);
            *log.fails.lock().unwrap() = None;
            pace.token(CallClass::Money).await;
            assert!(clock.now().0 < Duration::from_secs(1));
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
