//! What a key may still do: the arithmetic of sliding windows over the grants on record. Pure.
//!
//! A limit of N per T holds in every window of T, wherever it begins, if the N grants before a new one do not all
//! lie within T. What is not known counts as N grants at the last moment at which they can have been.

use payrun_ports::{
    CallClass, ClassGrants, GrantGroup, Grants, Moment, Past, RateLimit, RateLimits,
};
use std::time::Duration;

/// How long grants are kept at least, so that a limit of more per longer finds them: the longest span that a pace is
/// usually given in.
const HORIZON_MIN: Duration = Duration::from_secs(3600);

/// Grants this much later than now are none of this clock: what is on record cannot be believed.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// Grants this close together are one group whatever their age.
const TOGETHER: Duration = Duration::from_millis(1);

/// Grants older than this are put together, within a 256th of what they are older: a window of T is never longer by more.
const EXACT_FOR: Duration = Duration::from_secs(2);
const COARSENESS: u32 = 256;

/// How long a grant counts against a limit: the limit's window, and a hundredth of it for what the provider's clock may
/// round and for what one call may be faster on its way than the one before; at least 15 ms, at most half a second.
/// So at least 98% of what is allowed is used where windows are a second or longer.
pub(crate) fn span(limit: &RateLimit) -> Duration {
    limit.per.saturating_add(margin(limit))
}

/// How far apart calls of this class are at the slowest of its limits; zero without any.
pub(crate) fn longest_gap(class: CallClass, limits: &RateLimits) -> Duration {
    let gaps =
        of(class, limits).iter().chain(&limits.all).map(|limit| limit.per / limit.count.get());
    gaps.max().unwrap_or_default()
}

/// How long so many calls of this class take, whatever the key was used for before. The limits of a class are spaced evenly; what
/// a limit over all calls allows may be used up at the beginning of its window, by others too.
pub(crate) fn time_for(calls: u32, class: CallClass, limits: &RateLimits) -> Duration {
    let even =
        of(class, limits).iter().map(|limit| (limit.per / limit.count.get()).saturating_mul(calls));
    let windows = |limit: &RateLimit| calls.div_ceil(limit.count.get()).saturating_add(1);
    let all = limits.all.iter().map(|limit| span(limit).saturating_mul(windows(limit)));
    even.chain(all).max().unwrap_or_default()
}

/// How many calls of this class are worth having under way if each is over within `call`: more would only wait for each other, and
/// each of them be answered later.
pub(crate) fn useful_at_a_time(class: CallClass, limits: &RateLimits, call: Duration) -> u32 {
    let gap = longest_gap(class, limits);
    let meanwhile = call.as_nanos().checked_div(gap.as_nanos()).unwrap_or(u128::MAX);
    u32::try_from(meanwhile).unwrap_or(u32::MAX).saturating_add(1)
}

/// How long a call of this class waits at most, whatever the key was used for before, if nobody else uses it.
pub(crate) fn longest_wait(class: CallClass, limits: &RateLimits) -> Duration {
    let spans = of(class, limits).iter().chain(&limits.all).map(span);
    spans.max().unwrap_or_default()
}

/// How much later than its grant a call may be made.
fn margin(limit: &RateLimit) -> Duration {
    (limit.per / 100).clamp(Duration::from_millis(15), Duration::from_millis(500))
}

/// Whether a call made now can fall into a window that its grant was not counted in.
pub(crate) fn is_stale(class: CallClass, limits: &RateLimits, age: Duration) -> bool {
    of(class, limits).iter().chain(&limits.all).any(|limit| age > margin(limit))
}

/// The grants of a key, looked at now.
pub(crate) struct Allowance<'a> {
    grants: &'a mut Grants,
    now: Moment,
}

impl<'a> Allowance<'a> {
    /// Judges what is on record, and drops what no limit counts any more.
    pub(crate) fn at(grants: &'a mut Grants, now: Moment, limits: &RateLimits) -> Self {
        let longest = every(limits).map(span).max().unwrap_or_default();
        grants.horizon = grants.horizon.max(longest).max(HORIZON_MIN);
        if lies_ahead(grants, now) {
            grants.classes = Default::default();
            grants.past = Past::KnownSince(now);
        } else if grants.past == Past::Unknown {
            // What the provider asked for holds whatever was granted.
            grants.classes.iter_mut().for_each(|class| class.groups.clear());
            grants.past = Past::KnownSince(now);
        }
        let mut allowance = Self { grants, now };
        allowance.forget();
        allowance
    }

    /// How many more calls of this class break nothing now; at least one.
    ///
    /// # Errors
    /// When there is room for one.
    pub(crate) fn room(&self, class: CallClass, limits: &RateLimits) -> Result<u64, Moment> {
        let own = &self.grants.classes[place(class)];
        if own.paused_until > self.now {
            return Err(own.paused_until);
        }
        let of_class = of(class, limits).iter().map(|limit| self.room_in(limit, &[own]));
        let all: Vec<_> = self.grants.classes.iter().collect();
        let over_all = limits.all.iter().map(|limit| self.room_in(limit, &all));
        let rooms: Vec<_> = of_class.chain(over_all).collect();
        if let Some(free_at) = rooms.iter().filter_map(|room| room.as_ref().err()).max() {
            return Err(*free_at);
        }
        Ok(rooms.into_iter().flatten().min().unwrap_or(u64::MAX))
    }

    fn room_in(&self, limit: &RateLimit, classes: &[&ClassGrants]) -> Result<u64, Moment> {
        let (span, count) = (span(limit), u64::from(limit.count.get()));
        if let Past::KnownSince(since) = self.grants.past
            && since.after(span) > self.now
        {
            return Err(since.after(span));
        }
        let counted = |group: &&GrantGroup| group.last.after(span) > self.now;
        let in_window = || {
            let newest_first = classes.iter().map(|class| class.groups.iter().rev());
            newest_first.flat_map(move |groups| groups.take_while(counted))
        };
        let used: u64 = in_window().map(|group| group.count).sum();
        if let Some(room) = count.checked_sub(used).filter(|room| *room > 0) {
            return Ok(room);
        }
        let mut newest_first: Vec<_> = in_window().map(|group| (group.last, group.count)).collect();
        newest_first.sort_unstable_by(|a, b| b.cmp(a));
        let mut newer = 0;
        for (last, of_group) in newest_first {
            newer += of_group;
            if newer >= count {
                return Err(last.after(span));
            }
        }
        Err(self.now.after(span))
    }

    /// Puts so many grants of now on record.
    pub(crate) fn grant(&mut self, class: CallClass, count: u64) {
        let groups = &mut self.grants.classes[place(class)].groups;
        // Never before the newest: they stay in order whatever the clock does.
        let now = groups.last().map_or(self.now, |newest| newest.last.max(self.now));
        match groups.last_mut() {
            Some(newest) if now.since(newest.first) <= TOGETHER => {
                newest.last = now;
                newest.count = newest.count.saturating_add(count);
            }
            _ => groups.push(GrantGroup { first: now, last: now, count }),
        }
    }

    /// Until when there is no grant of this class, whatever the limits say.
    pub(crate) fn paused_until(&self, class: CallClass) -> Moment {
        self.grants.classes[place(class)].paused_until
    }

    /// No grant of this class before `wait` is over.
    pub(crate) fn pause(&mut self, class: CallClass, wait: Duration) {
        let paused_until = &mut self.grants.classes[place(class)].paused_until;
        *paused_until = self.now.after(wait).max(*paused_until);
    }

    /// Drops what is older than any window, notes up to when something was dropped, and puts together what is old.
    fn forget(&mut self) {
        let (now, horizon) = (self.now, self.grants.horizon);
        let mut dropped = None;
        for class in &mut self.grants.classes {
            let old = class.groups.partition_point(|group| group.last.after(horizon) <= now);
            dropped = dropped.max(class.groups.drain(..old).next_back().map(|group| group.last));
            class.groups.dedup_by(|newer, older| {
                let is_one = is_one(older, newer, now);
                if is_one {
                    older.last = newer.last;
                    older.count = older.count.saturating_add(newer.count);
                }
                is_one
            });
        }
        if let Some(dropped) = dropped {
            let known_since = match self.grants.past {
                Past::KnownSince(since) => since.max(dropped),
                Past::Known | Past::Unknown => dropped,
            };
            self.grants.past = Past::KnownSince(known_since);
        }
    }
}

/// Whether two neighbours are so old that they count as one, given at the time of the newer one.
fn is_one(older: &GrantGroup, newer: &GrantGroup, now: Moment) -> bool {
    let exceeding = now.since(newer.last).saturating_sub(EXACT_FOR);
    newer.last.since(older.first) <= exceeding / COARSENESS
}

fn lies_ahead(grants: &Grants, now: Moment) -> bool {
    let latest = now.after(AHEAD_MAX);
    let newest = grants.classes.iter().filter_map(|class| class.groups.last());
    newest.map(|group| group.last).any(|last| last > latest)
        || matches!(grants.past, Past::KnownSince(since) if since > latest)
}

/// The limits of a class, but for those over all.
pub(crate) fn of(class: CallClass, limits: &RateLimits) -> &[RateLimit] {
    match class {
        CallClass::Money => &limits.money,
        CallClass::Payee => &limits.payee,
        CallClass::Read => &limits.read,
    }
}

fn every(limits: &RateLimits) -> impl Iterator<Item = &RateLimit> {
    [&limits.money, &limits.payee, &limits.read, &limits.all].into_iter().flatten()
}

/// Where a class stands among all.
pub(crate) fn place(class: CallClass) -> usize {
    match class {
        CallClass::Money => 0,
        CallClass::Payee => 1,
        CallClass::Read => 2,
    }
}

#[cfg(test)]
mod tests;
