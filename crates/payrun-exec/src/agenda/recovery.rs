//! Every payment taken up where the journal left it.

use super::*;

impl Agenda {
    /// Takes up every payment where the journal left it.
    pub(super) fn recover(&mut self, now: Now, cautious: Option<String>) {
        let mut unknown = 0;
        for index in self.plan.indices() {
            if self.case(index).state() == State::Submitting {
                let reason = "the process ended before an answer was on record".to_owned();
                self.record(index, Event::Lost(Clue::Silence), Some(reason), now);
            }
            let state = self.case(index).state();
            if state == State::Unknown {
                unknown += 1;
                // Whoever sent it is gone, but what was sent may still arrive.
                self.note_sent(index, now);
            }
            // While cautious, nothing is called cancelled that a lost history may have sent: it is looked up first.
            let unsent = matches!(state, State::Planned | State::Held);
            if unsent && self.cancelled && !self.cautious {
                self.cancel(index, now);
            }
            if self.case(index).is_known() {
                self.note_known(index);
            }
            self.follow(index, now);
        }
        let payments = u32::try_from(self.cases.len()).unwrap_or(u32::MAX);
        self.notices.insert(0, Notice::Started { payments, unknown, cautious });
    }
}
