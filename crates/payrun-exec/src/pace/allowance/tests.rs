use super::*;
use proptest::prelude::*;

fn seconds(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn limits(money: &[(u32, u64)], all: &[(u32, u64)]) -> RateLimits {
    let limits = |list: &[(u32, u64)]| {
        list.iter().map(|(count, per)| RateLimit::per_seconds(*count, *per)).collect()
    };
    RateLimits { money: limits(money), all: limits(all), ..RateLimits::default() }
}

/// Takes up to `wanted` grants at `now`.
fn take(
    grants: &mut Grants,
    now: Moment,
    (class, limits): (CallClass, &RateLimits),
    wanted: u64,
) -> Result<u64, Moment> {
    let mut allowance = Allowance::at(grants, now, limits);
    let count = allowance.room(class, limits)?.min(wanted);
    allowance.grant(class, count);
    Ok(count)
}

const MONEY: CallClass = CallClass::Money;

#[test]
fn calls_take_as_long_as_the_slowest_limit_lets_them() {
    let read = vec![RateLimit::per_seconds(20, 5), RateLimit::per_seconds(120, 60)];
    let limits = RateLimits { read, ..RateLimits::default() };
    assert_eq!(longest_gap(CallClass::Read, &limits), Duration::from_millis(500));
    assert_eq!(time_for(12, CallClass::Read, &limits), Duration::from_secs(6));
    assert_eq!(time_for(12, CallClass::Money, &limits), Duration::ZERO);
    // What is left of the window may be used up, and then it takes one for every twelve.
    let all = vec![RateLimit::per_seconds(12, 3600)];
    let bursts = RateLimits { all, ..RateLimits::default() };
    let window = Duration::from_millis(3_600_500);
    for (calls, windows) in [(1, 2), (12, 2), (13, 3)] {
        assert_eq!(time_for(calls, CallClass::Read, &bursts), window * windows, "{calls}");
    }
    assert_eq!(longest_gap(CallClass::Read, &bursts), Duration::from_secs(300));
}

#[test]
fn a_full_window_says_when_there_is_room() {
    let (mut grants, limits) = (Grants::default(), limits(&[(20, 5), (60, 60)], &[]));
    assert_eq!(take(&mut grants, seconds(100), (MONEY, &limits), 15), Ok(15));
    assert_eq!(take(&mut grants, seconds(102), (MONEY, &limits), 15), Ok(5));
    let free_at = seconds(100).after(span(&limits.money[0]));
    assert_eq!(take(&mut grants, seconds(103), (MONEY, &limits), 15), Err(free_at));
    assert_eq!(take(&mut grants, free_at, (MONEY, &limits), 99), Ok(15));
}

#[test]
fn a_limit_over_all_counts_every_class() {
    let (mut grants, limits) = (Grants::default(), limits(&[], &[(3, 5)]));
    for (at, class) in [(1, CallClass::Read), (2, CallClass::Payee), (3, MONEY)] {
        assert_eq!(take(&mut grants, seconds(at), (class, &limits), 1), Ok(1));
    }
    let free_at = seconds(1).after(span(&limits.all[0]));
    assert_eq!(take(&mut grants, seconds(4), (MONEY, &limits), 1), Err(free_at));
}

#[test]
fn what_is_not_known_is_a_full_window_and_no_more() {
    let (mut grants, limits) = (Grants::lost(), limits(&[(60, 60)], &[]));
    let free_at = seconds(1000).after(span(&limits.money[0]));
    assert_eq!(take(&mut grants, seconds(1000), (MONEY, &limits), 1), Err(free_at));
    assert_eq!(take(&mut grants, seconds(1030), (MONEY, &limits), 1), Err(free_at));
    assert_eq!(take(&mut grants, free_at, (MONEY, &limits), 99), Ok(60));
}

#[test]
fn a_log_that_lies_ahead_is_not_known() {
    let limits = limits(&[(60, 60)], &[]);
    let mut grants = Grants::default();
    take(&mut grants, seconds(90_000), (MONEY, &limits), 1).unwrap();
    let free_at = seconds(10).after(span(&limits.money[0]));
    assert_eq!(take(&mut grants, seconds(10), (MONEY, &limits), 1), Err(free_at));
    assert_eq!(take(&mut grants, free_at, (MONEY, &limits), 1), Ok(1));
    // A second ahead is another processor's clock.
    let mut near = Grants::default();
    take(&mut near, seconds(11), (MONEY, &limits), 1).unwrap();
    assert_eq!(take(&mut near, seconds(10), (MONEY, &limits), 1), Ok(1));
}

#[test]
fn a_longer_limit_that_comes_later_trusts_only_what_was_kept() {
    let (short, long) = (limits(&[(60, 60)], &[]), limits(&[(100, 86_400)], &[]));
    let mut grants = Grants::default();
    take(&mut grants, seconds(10), (MONEY, &short), 60).unwrap();
    // It drops what no limit counts that it has heard of.
    take(&mut grants, seconds(9_000), (MONEY, &short), 1).unwrap();
    let refused = take(&mut grants, seconds(9_001), (MONEY, &long), 1);
    assert_eq!(refused, Err(seconds(10).after(span(&long.money[0]))));
}

#[test]
fn a_pause_is_kept_for_its_class() {
    let (mut grants, limits) = (Grants::default(), limits(&[(60, 60)], &[]));
    Allowance::at(&mut grants, seconds(5), &limits).pause(MONEY, Duration::from_secs(7));
    assert_eq!(take(&mut grants, seconds(6), (MONEY, &limits), 1), Err(seconds(12)));
    assert_eq!(take(&mut grants, seconds(6), (CallClass::Read, &limits), 1), Ok(1));
    assert_eq!(take(&mut grants, seconds(12), (MONEY, &limits), 1), Ok(1));
}

#[test]
fn the_log_of_a_thousand_a_second_stays_small_and_loses_nothing() {
    let (mut grants, limits) = (Grants::default(), limits(&[(1_000, 1), (60_000, 60)], &[]));
    let (mut now, end) = (seconds(0), seconds(1_000));
    let mut taken = 0;
    while now < end {
        match take(&mut grants, now, (MONEY, &limits), 100) {
            Ok(count) => {
                taken += count;
                now = now.after(Duration::from_millis(100));
            }
            Err(free_at) => now = free_at,
        }
    }
    assert!(taken >= 1_000 * 980, "{taken}");
    let groups = grants.classes[0].groups.len();
    assert!(groups < 4_000, "{groups} groups");
}

/// What happens to a key: who takes how much, how much time passes, and what befalls the log and the machine.
#[derive(Debug, Clone)]
enum Step {
    /// One of two processes, each with limits of its own, takes.
    Take { second: bool, class: usize, wanted: u64 },
    /// Time passes.
    Pass { ms: u64 },
    /// The file is damaged, lost, or of another start of the machine.
    Lost,
    /// The machine's scale jumps, and the log is not known to be of another start of it: back only, since a
    /// scale that began anew stands no later than the time that passed since.
    Restarted,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), 0usize..3, 1u64..40)
            .prop_map(|(second, class, wanted)| Step::Take { second, class, wanted }),
        5 => prop_oneof![0u64..40, 0u64..3_000, 0u64..40_000].prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Lost),
        1 => Just(Step::Restarted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// I8. Limits as seen by the provider, whose clock is the true one.
    #[test]
    fn no_window_holds_more_than_its_limit_whatever_happens(
        first in (1u32..30, 1u64..8), second in (1u32..60, 1u64..20), over_all in (1u32..60, 1u64..5),
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let both = limits(&[first, second], &[over_all]);
        // The other process was told another pace; each keeps to its own over the grants of both.
        let other = limits(&[first, second, (7, 11)], &[over_all]);
        let mut grants = Grants::default();
        let (mut truth, mut started) = (Duration::from_secs(1_000_000), Duration::ZERO);
        let mut given: Vec<(Duration, CallClass)> = Vec::new();
        for step in steps {
            match step {
                Step::Take { second, class, wanted } => {
                    let (class, limits) = (CallClass::ALL[class], if second { &other } else { &both });
                    let now = Moment(truth - started);
                    match take(&mut grants, now, (class, limits), wanted) {
                        Ok(count) => given.extend((0..count).map(|_| (truth, class))),
                        Err(at) => prop_assert!(at > now),
                    }
                }
                Step::Pass { ms } => truth += Duration::from_millis(ms),
                Step::Lost => grants = Grants::lost(),
                Step::Restarted => started = truth,
            }
        }
        for (limit, of_class) in both.money.iter().map(|l| (l, true)).chain(both.all.iter().map(|l| (l, false))) {
            let at: Vec<_> = given.iter().filter(|(_, class)| !of_class || *class == MONEY).map(|(at, _)| *at).collect();
            for pair in at.windows(limit.count.get() as usize + 1) {
                prop_assert!(pair[pair.len() - 1] - pair[0] >= limit.per, "{:?} does not hold", limit);
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// At least 98% of what a limit allows is used where work waits, whoever takes it.
    #[test]
    fn what_is_allowed_is_used(count in 1u32..300, per in 1u64..90, wanted in 1u64..10) {
        let limits = limits(&[(count, per)], &[]);
        let (mut grants, mut taken, windows) = (Grants::default(), 0, 20);
        let (mut now, end) = (seconds(50), seconds(50 + per * windows));
        let period = limits.money[0].per / count;
        while now < end {
            match take(&mut grants, now, (MONEY, &limits), wanted) {
                Ok(count) => {
                    taken += count;
                    now = now.after(period * u32::try_from(count).unwrap());
                }
                Err(free_at) => now = free_at,
            }
        }
        let allowed = u64::from(count) * windows;
        prop_assert!(taken >= allowed * 98 / 100, "{} of {}", taken, allowed);
    }
}
