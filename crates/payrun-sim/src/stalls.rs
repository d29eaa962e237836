//! The task of a run stands still in a call that is not asynchronous: a file that is slow, a terminal that is stopped.

use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::trace::Trace;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One call in so many stands still, where any does.
const RARITY: u64 = 8;

pub(crate) struct Stalls {
    clock: Arc<VirtualClock>,
    chance: Arc<Chance>,
    trace: Arc<Trace>,
    there_are: AtomicBool,
}

impl Stalls {
    /// None until there are.
    pub(crate) fn new(clock: &Arc<VirtualClock>, chance: &Arc<Chance>, trace: &Arc<Trace>) -> Self {
        let (clock, chance, trace) = (Arc::clone(clock), Arc::clone(chance), Arc::clone(trace));
        Self { clock, chance, trace, there_are: AtomicBool::new(false) }
    }

    pub(crate) fn there_are(&self, there_are: bool) {
        self.there_are.store(there_are, Ordering::Relaxed);
    }

    /// A call in which the task may stand still.
    pub(crate) fn may_stand(&self, where_: &str) {
        if !self.there_are.load(Ordering::Relaxed) || !self.chance.one_in(RARITY) {
            return;
        }
        let longest = if self.chance.one_in(8) { 900_000 } else { 2000 };
        let length = self.chance.millis(longest);
        self.trace.say(|| format!("the run stands still for {length:?} at {where_}"));
        self.clock.stall(length);
    }
}
