//! Everything that happened, in order, for whoever replays a seed.

use crate::clock::VirtualClock;
use crate::stalls::Stalls;
use payrun_exec::{Notice, Observer};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines with the time in front; none are kept unless they are wanted.
pub(crate) struct Trace {
    clock: Arc<VirtualClock>,
    lines: Option<Mutex<Vec<String>>>,
}

impl Trace {
    pub(crate) fn new(clock: Arc<VirtualClock>, wanted: bool) -> Self {
        Self { clock, lines: wanted.then(Mutex::default) }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn say(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let at = self.clock.elapsed().as_secs_f64();
            let line = format!("{at:>12.3} s  {}", line());
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let lines = self.lines.as_ref();
        lines.map_or_else(Vec::new, |lines| {
            std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner))
        })
    }
}

/// What a run tells, and where each payment stands by that.
pub(crate) struct Watcher {
    pub(crate) stalls: Arc<Stalls>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) references: Vec<String>,
    pub(crate) states: Mutex<Vec<String>>,
}

impl Observer for Watcher {
    fn notice(&self, notice: &Notice) {
        self.stalls.may_stand("the screen");
        if let Notice::Started { payments, unknown, cautious } = notice {
            // Not why: what is read from a disk says it in other words than what is played.
            let how = if cautious.is_some() { ", by cautious start" } else { "" };
            self.trace.say(|| format!("takes up {payments} payments, {unknown} unknown{how}"));
            return;
        }
        let Notice::Moved { payment, from, to, reason } = notice else {
            self.trace.say(|| format!("the run says: {notice:?}"));
            return;
        };
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states[payment.get()] = to.word().to_owned();
        self.trace.say(|| {
            let why = reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            let reference = &self.references[payment.get()];
            format!("{reference}: {} → {}{why}", from.word(), to.word())
        });
    }
}
