//! Intents on record that wait for another token, and how long it holds what their payments replace.

use crate::Predecessor;
use crate::agenda::{Checked, Now};
use crate::pace::time_for;
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
    /// None yet. So many payments are checked at a time, and as many asked about.
    pub(crate) fn new(
        replaced: &'a HashMap<PaymentIndex, Vec<Predecessor>>,
        limits: &RateLimits,
        asked_at_a_time: u32,
        now: Now,
    ) -> Self {
        let places = replaced.iter().flat_map(|(index, before)| {
            before.iter().map(|earlier| (earlier.payment.provider_reference, *index))
        });
        // Even the questions of one reading lie far apart then, one about each other generation, where as many wait as may.
        let calls = asked_at_a_time.saturating_mul(2 * Generation::LAST.number());
        let holds = HOLDS_MIN.max(time_for(calls, CallClass::Read, limits));
        let (queue, places, heard) = (VecDeque::new(), places.collect(), HashMap::new());
        Self { queue, replaced, places, heard, holds, judged: now, void_until: None }
    }

    /// Notes the time: what was read before the process stood still for long does not hold any more.
    pub(crate) fn note(&mut self, now: Now) {
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

    pub(crate) fn pop(&mut self) -> Option<Late> {
        self.queue.pop_front()
    }

    /// What is next, if what it replaces will not hold any more when the token comes that is expected `at` that time, and that
    /// is soon: it is read again before.
    pub(crate) fn pop_to_read_ahead(&mut self, at: Moment, now: Now) -> Option<Late> {
        let wait = at.since(now.at);
        let next = self.queue.front().filter(|_| wait <= self.holds / 2)?;
        let (index, read_at) = (next.permit.payment(), next.read_at);
        let holds = self.holds(index, read_at, now);
        let is_old = self.replaced.contains_key(&index) && now.since(read_at) + wait > self.holds;
        if holds && !is_old { None } else { self.pop() }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
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
        let is_news = |heard: &Heard| heard.last >= read_at.at && heard.times < HEARD_MAX;
        !self.is_old(index, read_at, now) && !self.heard.get(&index).is_some_and(is_news)
    }

    /// It does not hold, and is read once more.
    pub(crate) fn reads_again(&mut self, index: PaymentIndex, read_at: Now) {
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
            && self.is_old(index, read_at, now)
        {
            return Checked::TooSlow;
        }
        checked
    }

    fn is_old(&self, index: PaymentIndex, read_at: Now, now: Now) -> bool {
        // By the other clock where the one stood still with the machine.
        let is_void = self.void_until.is_some_and(|until| {
            let is_same = read_at.at == until.at;
            read_at.at < until.at || (is_same && read_at.wall < until.wall)
        });
        self.replaced.contains_key(&index) && (is_void || now.since(read_at) > self.holds)
    }
}
