//! What may follow what: the one transition function.
//!
//! Invariants kept here: I3 (unknown is a state), I4 (an answer judges its attempt, not the payment; nothing
//! moves backward by itself). Every (state, event) pair has an answer; the tests hold them against a
//! literal table.

use crate::{Basis, Clue, Event, Settlement, Standing, State};

/// An event that cannot happen to a payment that stands like this. A bug, or a damaged record: never
/// ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {} (attempts: {}) cannot have: {event:?}", .from.state, .from.attempts)]
pub struct IllegalTransition {
    /// Where it stood.
    pub from: Standing,
    /// What was said to have happened.
    pub event: Event,
}

/// Where a payment stands after `event`.
///
/// # Errors
/// [`IllegalTransition`], naming both sides, for every pair that the table of states does not list.
pub fn transition(from: Standing, event: Event) -> Result<Standing, IllegalTransition> {
    let next = match event {
        Event::Intent { attempt, basis } => intent(from, attempt, basis),
        Event::NotSent | Event::Answered(_) | Event::Refused | Event::Lost(_) => {
            answer(from, event)
        }
        Event::Found(settlement) => found(from, settlement),
        Event::FoundDifferent | Event::WindowClosed => doubt(from),
        Event::AbsenceProven => absent(from),
        Event::Discovered => discovered(from),
        Event::Held => unsent(from, &[State::Planned], State::Held),
        Event::Released => unsent(from, &[State::Held], State::Planned),
        Event::Cancelled => unsent(from, &[State::Planned, State::Held], State::Cancelled),
        Event::Verdict(settlement) => verdict(from, settlement),
    };
    next.ok_or(IllegalTransition { from, event })
}

fn to(from: Standing, state: State) -> Option<Standing> {
    Some(Standing { state, ..from })
}

fn intent(from: Standing, attempt: u32, basis: Basis) -> Option<Standing> {
    if from.attempts.checked_add(1) != Some(attempt) {
        return None;
    }
    let earlier_unresolved = match (from.state, basis, from.clue) {
        // Cautious start proves absence before a first intent too.
        (State::Planned, Basis::Clear | Basis::AbsenceProven, _) => from.earlier_unresolved,
        (State::Unknown, Basis::AbsenceProven, Clue::Silence) => true,
        _ => return None,
    };
    Some(Standing {
        state: State::Submitting,
        attempts: attempt,
        earlier_unresolved,
        clue: Clue::Silence,
    })
}

/// The answer to the latest attempt. It settles the payment only if no earlier attempt is unresolved.
fn answer(from: Standing, event: Event) -> Option<Standing> {
    if from.state != State::Submitting {
        return None;
    }
    let unknown = |clue| Some(Standing { state: State::Unknown, clue, ..from });
    match event {
        Event::NotSent if !from.earlier_unresolved => to(from, State::Planned),
        Event::Refused if !from.earlier_unresolved => to(from, State::Rejected),
        Event::Answered(settlement) if !from.earlier_unresolved => settle(from, settlement),
        Event::NotSent => unknown(Clue::Silence),
        // It is known there now: absence can no longer be proven.
        Event::Answered(_) => unknown(Clue::Duplicate),
        Event::Refused => unknown(Clue::Refused),
        Event::Lost(clue) => unknown(clue),
        Event::Intent { .. }
        | Event::Found(_)
        | Event::FoundDifferent
        | Event::AbsenceProven
        | Event::WindowClosed
        | Event::Discovered
        | Event::Held
        | Event::Released
        | Event::Cancelled
        | Event::Verdict(_) => None,
    }
}

/// What the provider's word makes of a payment that it has.
fn settle(from: Standing, settlement: Settlement) -> Option<Standing> {
    to(
        from,
        match settlement {
            Settlement::InFlight => State::Accepted,
            Settlement::Paid => State::Paid,
            Settlement::Failed { .. } | Settlement::Reversed => State::Failed,
            Settlement::NeedsPerson => State::InDoubt,
        },
    )
}

fn found(from: Standing, settlement: Settlement) -> Option<Standing> {
    match (from.state, settlement) {
        (State::Unknown | State::Accepted | State::InDoubt, _) => settle(from, settlement),
        (State::Paid, Settlement::Paid) | (State::Returned, Settlement::Reversed) => Some(from),
        (State::Paid, Settlement::Reversed) => to(from, State::Returned),
        (State::Failed | State::Rejected, Settlement::Paid) => to(from, State::Paid),
        (State::Failed, Settlement::Failed { .. } | Settlement::Reversed) => Some(from),
        _ => None,
    }
}

fn doubt(from: Standing) -> Option<Standing> {
    let sent = matches!(from.state, State::Unknown | State::Accepted | State::InDoubt);
    sent.then_some(Standing { state: State::InDoubt, ..from })
}

fn absent(from: Standing) -> Option<Standing> {
    match (from.state, from.clue) {
        (State::Unknown, Clue::Refused) => to(from, State::Rejected),
        (State::Unknown, Clue::Duplicate) | (State::Accepted, _) => to(from, State::InDoubt),
        // Proven absence after silence is the basis of the next intent, no state of its own.
        _ => None,
    }
}

fn discovered(from: Standing) -> Option<Standing> {
    if from.state != State::Planned {
        return None;
    }
    Some(Standing {
        state: State::Unknown,
        attempts: from.attempts.checked_add(1)?,
        earlier_unresolved: true,
        clue: Clue::Duplicate,
    })
}

/// Policy and people act only on what was never sent, or whose sending is proven not to have happened.
fn unsent(from: Standing, allowed: &[State], state: State) -> Option<Standing> {
    allowed.contains(&from.state).then_some(Standing { state, ..from })
}

fn verdict(from: Standing, settlement: Settlement) -> Option<Standing> {
    match (from.state, settlement) {
        (State::InDoubt, Settlement::NeedsPerson) => None,
        (State::InDoubt, _) => settle(from, settlement),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAILED: Settlement = Settlement::Failed { correctable: false };
    const EXPIRED: Settlement = Settlement::Failed { correctable: true };
    const SETTLEMENTS: [Settlement; 6] = [
        Settlement::InFlight,
        Settlement::Paid,
        FAILED,
        EXPIRED,
        Settlement::Reversed,
        Settlement::NeedsPerson,
    ];

    /// Every event, by the word that the table uses.
    fn events() -> Vec<(&'static str, Event)> {
        use Event::{Answered, Found, Lost, Verdict};
        let mut all = vec![
            ("intent", Event::Intent { attempt: 2, basis: Basis::Clear }),
            ("intent-absent", Event::Intent { attempt: 2, basis: Basis::AbsenceProven }),
            ("intent-wrong", Event::Intent { attempt: 3, basis: Basis::AbsenceProven }),
            ("not-sent", Event::NotSent),
            ("refused", Event::Refused),
            ("lost", Lost(Clue::Silence)),
            ("lost-refused", Lost(Clue::Refused)),
            ("lost-duplicate", Lost(Clue::Duplicate)),
            ("different", Event::FoundDifferent),
            ("absent", Event::AbsenceProven),
            ("window", Event::WindowClosed),
            ("discovered", Event::Discovered),
            ("held", Event::Held),
            ("released", Event::Released),
            ("cancelled", Event::Cancelled),
        ];
        let words = ["in-flight", "paid", "failed", "expired", "reversed", "person"];
        for (index, settlement) in SETTLEMENTS.into_iter().enumerate() {
            for (kind, event) in [
                ("answered", Answered(settlement)),
                ("found", Found(settlement)),
                ("verdict", Verdict(settlement)),
            ] {
                let name: &'static str = format!("{kind}-{}", words[index]).leak();
                all.push((name, event));
            }
        }
        all
    }

    /// One attempt on record, so that `intent` (attempt 2) is the right next one everywhere.
    fn standing(state: State, earlier_unresolved: bool, clue: Clue) -> Standing {
        Standing { state, attempts: 1, earlier_unresolved, clue }
    }

    /// The whole table: `from [!][clue]: event>to …`; `!` is "an earlier attempt is unresolved". What is not
    /// listed is illegal.
    const TABLE: &str = "
        planned: intent>submitting intent-absent>submitting held>held cancelled>cancelled discovered>unknown
        held: released>planned cancelled>cancelled
        submitting: not-sent>planned refused>rejected lost>unknown lost-refused>unknown lost-duplicate>unknown
        submitting: answered-in-flight>accepted answered-paid>paid answered-failed>failed
        submitting: answered-expired>failed answered-reversed>failed answered-person>in_doubt
        submitting!: not-sent>unknown refused>unknown lost>unknown lost-refused>unknown lost-duplicate>unknown
        submitting!: answered-in-flight>unknown answered-paid>unknown answered-failed>unknown
        submitting!: answered-expired>unknown answered-reversed>unknown answered-person>unknown
        unknown: intent-absent>submitting different>in_doubt window>in_doubt
        unknown: found-in-flight>accepted found-paid>paid found-failed>failed found-expired>failed
        unknown: found-reversed>failed found-person>in_doubt
        unknown refused: absent>rejected different>in_doubt window>in_doubt
        unknown refused: found-in-flight>accepted found-paid>paid found-failed>failed found-expired>failed
        unknown refused: found-reversed>failed found-person>in_doubt
        unknown duplicate: absent>in_doubt different>in_doubt window>in_doubt
        unknown duplicate: found-in-flight>accepted found-paid>paid found-failed>failed found-expired>failed
        unknown duplicate: found-reversed>failed found-person>in_doubt
        accepted: absent>in_doubt different>in_doubt window>in_doubt found-in-flight>accepted found-paid>paid
        accepted: found-failed>failed found-expired>failed found-reversed>failed found-person>in_doubt
        in_doubt: different>in_doubt window>in_doubt found-in-flight>accepted found-paid>paid found-failed>failed
        in_doubt: found-expired>failed found-reversed>failed found-person>in_doubt
        in_doubt: verdict-in-flight>accepted verdict-paid>paid verdict-failed>failed verdict-expired>failed
        in_doubt: verdict-reversed>failed
        paid: found-paid>paid found-reversed>returned
        failed: found-paid>paid found-failed>failed found-expired>failed found-reversed>failed
        rejected: found-paid>paid
        returned: found-reversed>returned
        cancelled:
    ";

    #[test]
    fn every_pair_of_state_and_event_is_as_the_table_says() {
        let mut rows = std::collections::BTreeMap::<String, Vec<(&str, State)>>::new();
        for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (from, cells) = line.split_once(':').unwrap();
            let row = rows.entry(from.to_owned()).or_default();
            for cell in cells.split_whitespace() {
                let (event, state) = cell.split_once('>').unwrap();
                row.push((event, state.parse().unwrap()));
            }
        }
        let (mut checked, mut legal) = (0, 0);
        for state in State::ALL {
            for earlier in [false, true] {
                for (clue_name, clue) in [
                    ("", Clue::Silence),
                    (" refused", Clue::Refused),
                    (" duplicate", Clue::Duplicate),
                ] {
                    // Only `submitting` looks at earlier attempts, only `unknown` at the clue.
                    let mark = if earlier && state == State::Submitting { "!" } else { "" };
                    let word = if state == State::Unknown { clue_name } else { "" };
                    let row = &rows[&format!("{state}{mark}{word}")];
                    for (name, event) in events() {
                        let expected =
                            row.iter().find(|(event, _)| *event == name).map(|(_, to)| *to);
                        let got =
                            transition(standing(state, earlier, clue), event).ok().map(|s| s.state);
                        assert_eq!(got, expected, "{state}{mark}{word} + {name}");
                        checked += 1;
                        legal += usize::from(got.is_some());
                    }
                }
            }
        }
        assert_eq!(checked, 11 * 2 * 3 * events().len());
        assert!(legal > 0 && legal < checked);
        let listed: std::collections::BTreeSet<_> =
            rows.values().flatten().map(|(event, _)| *event).collect();
        let known: std::collections::BTreeSet<_> = events().iter().map(|(name, _)| *name).collect();
        assert!(listed.is_subset(&known), "{listed:?} names an event that does not exist");
    }

    #[test]
    fn an_error_names_both_sides() {
        let error =
            transition(standing(State::Paid, false, Clue::Silence), Event::NotSent).unwrap_err();
        assert_eq!(error.to_string(), "a payment that is paid (attempts: 1) cannot have: NotSent");
    }

    #[test]
    fn a_resend_remembers_that_the_first_attempt_was_never_answered() {
        let unknown = standing(State::Unknown, false, Clue::Silence);
        let again =
            transition(unknown, Event::Intent { attempt: 2, basis: Basis::AbsenceProven }).unwrap();
        assert!(again.earlier_unresolved);
        let refused = transition(again, Event::Refused).unwrap();
        assert_eq!((refused.state, refused.clue), (State::Unknown, Clue::Refused));
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let all: Vec<Event> = events().into_iter().map(|(_, event)| event).collect();
        prop_oneof![
            3 => proptest::sample::select(all),
            1 => (0u32..9, any::<bool>()).prop_map(|(attempt, absent)| Event::Intent {
                attempt,
                basis: if absent { Basis::AbsenceProven } else { Basis::Clear },
            }),
        ]
    }

    proptest! {
        #[test]
        fn nothing_moves_backward_but_what_is_listed(events in prop::collection::vec(any_event(), 0..200)) {
            let mut now = Standing::default();
            for event in events {
                // Most intents carry the right number, or the walk would never get far.
                let mut event = event;
                if let Event::Intent { attempt: attempt @ (2 | 3), .. } = &mut event {
                    *attempt = now.attempts.saturating_add(1);
                }
                let Ok(next) = transition(now, event) else { continue };
                let climbs = (next.attempts, next.state.rank()) >= (now.attempts, now.state.rank());
                let listed = matches!((now.state, event, next.state),
                    (State::Submitting, Event::NotSent, State::Planned)
                    | (State::Held, Event::Released, State::Planned));
                prop_assert!(climbs || listed, "{:?} + {:?} -> {:?}", now, event, next);
                let an_attempt = matches!(event, Event::Intent { .. } | Event::Discovered);
                prop_assert!(next.attempts == now.attempts || an_attempt);
                now = next;
            }
        }

        #[test]
        fn while_an_earlier_attempt_is_unresolved_no_answer_is_final(event in any_event()) {
            if let Ok(next) = transition(standing(State::Submitting, true, Clue::Silence), event) {
                prop_assert_eq!(next.state, State::Unknown);
            }
        }
    }
}
