//! Intents on record that wait for another token, and how long it holds what their payments replace.

use crate::Predecessor;
use crate::agenda::{Checked, Now};
use crate::pace::{longest_gap, time_for};
use payrun_core::{Generation, PaymentIndex, ProviderReference};
use payrun_ports::{CallClass, Moment, Permit, RateLimits};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How long it holds that what a payment replaces was read, from the first question on. A token is fresh for a few
/// hundredths of a second, and a question alone takes longer. What stands still for longer has nothing hold.
const HOLDS_MIN: Duration = Duration::from_secs(300);

/// How often a callback has what a payment replaces read once more: it may be forged.
const HEARD_MAX: u32 = 3;

/// An intent on record of which the token had grown too old.
pub(crate) struct Late {
    pub(crate) permit: Permit,
    /// When the first of what it replaces was last asked about.
    pub(crate) read_at: Now,
}

/// Intents on record whose tokens had grown too old: the disk was slow, the process frozen, or what they replace was being
/// read (I8).
pub(crate) struct LateIntents<'a> {
    queue: VecDeque<Late>,
    /// What each payment that is paid anew replaces.
    replaced: &'a HashMap<PaymentIndex, Vec<Predecessor>>,
    /// Which payment replaces it.
    places: HashMap<ProviderReference, PaymentIndex>,
    heard: HashMap<PaymentIndex, Heard>,
    /// How long it holds what a payment replaces: longer where few questions may be asked.
    holds: Duration,
    /// How many are read again at a time.
    at_a_time: u32,
    /// How many are being read again.
    reading: u32,
    /// When something was last judged.
    judged: Now,
    /// What was read up to then does not hold any more: the process, or its disk, stood still.
    void_until: Option<Now>,
}

/// The provider had something to say of what a payment replaces.
struct Heard {
    last: Moment,
    /// How often it was read once more because of that.
    times: u32,
}

impl<'a> LateIntents<'a> {
    /// None yet. So many payments are asked about at a time, as many are checked, and as many checked again.
    pub(crate) fn new(
        replaced: &'a HashMap<PaymentIndex, Vec<Predecessor>>,
        limits: &RateLimits,
        at_a_time: u32,
        now: Now,
    ) -> Self {
        let places = replaced.iter().flat_map(|(index, before)| {
            before.iter().map(|earlier| (earlier.payment.provider_reference, *index))
        });
        // Even the questions of one reading lie far apart then, one about each other generation, where as many wait as may.
        let calls = at_a_time.saturating_mul(3 * Generation::LAST.number());
        let holds = HOLDS_MIN.max(time_for(calls, CallClass::Read, limits));
        let (queue, places, heard) = (VecDeque::new(), places.collect(), HashMap::new());
        // Of two that are read for one rare token the second would be read once more.
        let is_rare = longest_gap(CallClass::Money, limits) > holds / 2;
        let at_a_time = if is_rare { 1 } else { at_a_time };
        let (judged, void_until, reading) = (now, None, 0);
        Self { queue, replaced, places, heard, holds, at_a_time, reading, judged, void_until }
    }

    /// Notes the time: what was read before the process stood still for long does not hold any more.
    fn note(&mut self, now: Now) {
        self.note_since(self.judged, now);
        self.judged = now;
    }

    /// The same of something that began then and is over only now.
    pub(crate) fn note_since(&mut self, begun: Now, now: Now) {
        if now.since(begun) > HOLDS_MIN {
            self.void_until = Some(now);
        }
    }

    pub(crate) fn push(&mut self, late: Late) {
        self.queue.push_back(late);
    }

    /// It was next, and still is.
    pub(crate) fn put_back(&mut self, late: Late) {
        self.queue.push_front(late);
    }

    /// The next one that may be sent.
    pub(crate) fn pop(&mut self, now: Now) -> Option<Late> {
        self.note(now);
        let place = self.queue.iter().position(|late| self.will_hold(late, Duration::ZERO, now))?;
        self.queue.remove(place)
    }

    /// The next one, if what it replaces has to be read again before it can be sent `at` that time, and that is soon; unless
    /// another one may be sent then.
    pub(crate) fn pop_to_read(&mut self, at: Moment, now: Now) -> Option<Late> {
        self.note(now);
        let wait = at.since(now.at);
        let is_soon = wait <= self.holds / 2 && self.reading < self.at_a_time;
        if !is_soon || self.queue.iter().any(|late| self.will_hold(late, wait, now)) {
            return None;
        }
        let late = self.queue.pop_front()?;
        self.reading = self.reading.saturating_add(1);
        self.heed(late.permit.payment(), late.read_at);
        Some(late)
    }

    /// One of them was read again.
    pub(crate) fn was_read(&mut self) {
        self.reading = self.reading.saturating_sub(1);
    }

    /// How many may be sent now.
    pub(crate) fn count(&mut self, now: Now) -> u32 {
        self.note(now);
        let hold = self.queue.iter().filter(|late| self.will_hold(late, Duration::ZERO, now));
        u32::try_from(hold.count()).unwrap_or(u32::MAX)
    }

    /// None of them is sent any more.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Late> {
        self.queue.drain(..)
    }

    fn will_hold(&self, late: &Late, wait: Duration, now: Now) -> bool {
        self.holds_after(late.permit.payment(), late.read_at, wait, now)
    }

    /// A callback came about this reference.
    pub(crate) fn heard_of(&mut self, reference: ProviderReference, now: Moment) {
        if let Some(index) = self.places.get(&reference) {
            self.heard.entry(*index).or_insert(Heard { last: now, times: 0 }).last = now;
        }
    }

    /// Whether what a payment replaces, if it replaces anything, was read so lately that it may be sent, and nothing was
    /// heard of it since.
    pub(crate) fn holds(&mut self, index: PaymentIndex, read_at: Now, now: Now) -> bool {
        self.note(now);
        self.holds_after(index, read_at, Duration::ZERO, now)
    }

    /// The same after this wait, by what is known now.
    fn holds_after(&self, index: PaymentIndex, read_at: Now, wait: Duration, now: Now) -> bool {
        let is_news = |heard: &Heard| heard.last >= read_at.at && heard.times < HEARD_MAX;
        !self.is_old(index, read_at, now, wait) && !self.heard.get(&index).is_some_and(is_news)
    }

    /// It is read once more, perhaps because of a callback.
    fn heed(&mut self, index: PaymentIndex, read_at: Now) {
        if let Some(heard) = self.heard.get_mut(&index)
            && heard.last >= read_at.at
        {
            heard.times = heard.times.saturating_add(1);
        }
    }

    /// What was read, or that it took so long that it does not hold any more.
    pub(crate) fn in_time(&mut self, index: PaymentIndex, checked: Checked, now: Now) -> Checked {
        self.note(now);
        if let Checked::Unpaid { read_at } = checked
            && self.is_old(index, read_at, now, Duration::ZERO)
        {
            return Checked::TooSlow;
        }
        checked
    }

    /// Whether it does not hold any more after this wait.
    fn is_old(&self, index: PaymentIndex, read_at: Now, now: Now, wait: Duration) -> bool {
        // By the other clock where the one stood still with the machine.
        let is_void = self.void_until.is_some_and(|until| {
            let is_same = read_at.at == until.at;
            read_at.at < until.at || (is_same && read_at.wall < until.wall)
        });
        let age = now.since(read_at).saturating_add(wait);
        self.replaced.contains_key(&index) && (is_void || age > self.holds)
    }
}
