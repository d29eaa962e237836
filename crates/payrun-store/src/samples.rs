//! What tests of stored forms have to write and read back.

use payrun_core::{Clue, Event, Settlement};

/// Every event but intents, with everything that it can carry.
pub(crate) fn every_event_but_intents() -> Vec<Event> {
    let mut events = vec![
        Event::NotSent,
        Event::Refused,
        Event::FoundDifferent,
        Event::AbsenceProven,
        Event::WindowClosed,
        Event::Discovered,
        Event::Held,
        Event::Released,
        Event::Cancelled,
        Event::Lost(Clue::Silence),
        Event::Lost(Clue::Refused),
        Event::Lost(Clue::Duplicate),
    ];
    for settlement in [
        Settlement::InFlight,
        Settlement::Paid,
        Settlement::Failed { correctable: true },
        Settlement::Failed { correctable: false },
        Settlement::Reversed,
        Settlement::NeedsPerson,
    ] {
        events.extend([
            Event::Answered(settlement),
            Event::Found(settlement),
            Event::Verdict(settlement),
        ]);
    }
    events
}
