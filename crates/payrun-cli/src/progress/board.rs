//! How many payments stand where, how fast it goes, how long it takes.

use payrun::State;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// The rate is that of this long.
const RATE_OVER: Duration = Duration::from_secs(10);

/// Sooner than this a rate means nothing.
const RATE_AFTER: Duration = Duration::from_secs(1);

/// How a run stands when it begins.
pub(crate) struct Beginning {
    /// How many payments are in each state.
    pub(crate) counts: Vec<(State, u64)>,
    /// Whether settlement is waited for.
    pub(crate) wait: bool,
}

/// What is counted.
pub(super) struct Board {
    states: BTreeMap<State, u64>,
    wait: bool,
    samples: VecDeque<Sample>,
}

/// How far it was at one time.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    sent: u64,
    done: u64,
}

impl Sample {
    fn of(counts: &Counts, at: Instant) -> Self {
        Self { at, sent: counts.payments.saturating_sub(counts.unsent()), done: counts.done }
    }
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counts {
    pub(super) payments: u64,
    pub(super) done: u64,
    pub(super) under_way: u64,
    pub(super) paid: u64,
    pub(super) unpaid: u64,
    pub(super) unknown: u64,
    /// Sent, or perhaps, and the provider's word is waited for: nothing is left to send.
    pub(super) awaited: Option<u64>,
    pub(super) rate: Option<f64>,
    pub(super) left: Option<Duration>,
}

impl Board {
    pub(super) fn new(beginning: Beginning, now: Instant) -> Self {
        let states = beginning.counts.into_iter().collect();
        let mut board = Self { states, wait: beginning.wait, samples: VecDeque::new() };
        board.samples.push_back(Sample::of(&board.counts(), now));
        board
    }

    pub(super) fn moved(&mut self, from: State, to: State) {
        let before = self.states.entry(from).or_default();
        *before = before.saturating_sub(1);
        *self.states.entry(to).or_default() += 1;
    }

    /// Counts with the rate of the last seconds.
    ///
    /// A payment is sent first and done later. The rate is that of whichever goes faster just now; the
    /// time left is that of both together, so that slow settlement does not look like a standstill.
    pub(super) fn sample(&mut self, now: Instant) -> Counts {
        let mut counts = self.counts();
        let latest = Sample::of(&counts, now);
        self.samples.push_back(latest);
        let old = |sample: &Sample| now.duration_since(sample.at) >= RATE_OVER;
        while self.samples.len() > 2 && self.samples.get(1).is_some_and(old) {
            self.samples.pop_front();
        }
        let Some(first) = self.samples.front().copied() else { return counts };
        let took = now.duration_since(first.at);
        if took >= RATE_AFTER {
            let sent = as_float(latest.sent.saturating_sub(first.sent));
            let done = as_float(latest.done.saturating_sub(first.done));
            let steps = as_float((2 * counts.payments).saturating_sub(latest.sent + latest.done));
            counts.rate = Some(sent.max(done) / took.as_secs_f64());
            let left = steps * took.as_secs_f64() / (sent + done);
            counts.left = Duration::try_from_secs_f64(left.ceil()).ok();
        }
        counts
    }

    /// How many requests have no answer yet.
    pub(super) fn being_sent(&self) -> u64 {
        self.states.get(&State::Submitting).copied().unwrap_or_default()
    }

    /// Counts alone.
    pub(super) fn counts(&self) -> Counts {
        let sum = |wanted: &[State]| {
            wanted.iter().filter_map(|state| self.states.get(state)).sum::<u64>()
        };
        let unpaid = sum(&[State::Failed, State::Rejected, State::Returned, State::Cancelled]);
        let paid = sum(&[State::Paid]);
        let accepted = sum(&[State::Accepted]);
        let is_sent = sum(&[State::Planned, State::Submitting]) == 0;
        let open = sum(&[State::Unknown]) + if self.wait { accepted } else { 0 };
        Counts {
            payments: self.states.values().sum(),
            done: paid + unpaid + if self.wait { 0 } else { accepted },
            under_way: accepted + sum(&[State::Submitting]),
            paid,
            unpaid,
            unknown: sum(&[State::Unknown, State::InDoubt]),
            awaited: Some(open).filter(|open| is_sent && *open > 0),
            rate: None,
            left: None,
        }
    }
}

impl Counts {
    /// Behind the bar.
    pub(super) fn first_line(&self) -> String {
        let Self { payments, done, .. } = self;
        let mut line = format!("{done} of {payments}");
        if let Some(awaited) = self.awaited {
            // How long that takes nobody knows.
            line.push_str(&format!("    {awaited} open at the provider"));
            return line;
        }
        if let Some(rate) = self.rate {
            line.push_str(&format!("    {}", speed(rate)));
        }
        if let Some(left) = self.left.filter(|left| !left.is_zero()) {
            line.push_str(&format!("    {} left", length(left)));
        }
        line
    }

    /// Below the bar.
    pub(super) fn second_line(&self) -> String {
        let Self { paid, unpaid, unknown, under_way, .. } = self;
        let to_send = self.unsent();
        format!(
            "paid {paid}   failed {unpaid}   unknown {unknown}   under way {under_way}   to send {to_send}"
        )
    }

    /// Where there is no bar.
    pub(super) fn one_line(&self) -> String {
        let Self { paid, unpaid, unknown, .. } = self;
        format!("{}    paid {paid}, failed {unpaid}, unknown {unknown}", self.first_line())
    }

    fn unsent(self) -> u64 {
        let begun = self.paid + self.unpaid + self.unknown + self.under_way;
        self.payments.saturating_sub(begun)
    }
}

/// `8 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn length(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

fn speed(rate: f64) -> String {
    if rate >= 0.95 || rate == 0.0 {
        format!("{rate:.1}/s")
    } else {
        format!("{:.1}/min", rate * 60.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "for a rate on a screen")]
fn as_float(count: u64) -> f64 {
    count as f64
}
