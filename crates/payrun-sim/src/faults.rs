//! Which faults exist in a run, and how often they strike.

use crate::broken::Broken;
use crate::chance::Chance;

/// Chances in thousandths, for each call or group; and what befalls the machine between two lives of the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    // At the provider.
    pub(crate) request_lost: u64,
    pub(crate) arrives_late: u64,
    pub(crate) answer_lost: u64,
    pub(crate) answer_late: u64,
    /// It takes so long to answer a request, in milliseconds.
    pub(crate) answer_takes_ms: u64,
    pub(crate) answer_truncated: u64,
    pub(crate) server_error: u64,
    pub(crate) wrong_echo: u64,
    pub(crate) called_duplicate: u64,
    pub(crate) unclear_refusal: u64,
    pub(crate) too_soon: u64,
    pub(crate) busy: u64,
    /// Whoever is told to slow down is told for up to twenty minutes.
    pub(crate) long_waits: bool,
    /// It cannot be reached for some minutes.
    pub(crate) unreachable: bool,
    pub(crate) no_connection: u64,
    pub(crate) look_up_fails: u64,
    pub(crate) look_up_hangs: u64,
    /// A question is refused as one that is wrong.
    pub(crate) look_up_refused: u64,
    /// What is known there is said to differ.
    pub(crate) look_up_differs: u64,
    /// All questions about some payments are refused, as long as a process lives.
    pub(crate) some_refused: bool,
    /// Some payments that are known there are said to differ, as long as a process lives.
    pub(crate) some_differ: bool,
    /// For so long after an execution the provider does not know it, in milliseconds.
    pub(crate) lag_ms: u64,
    /// It knows nothing any more for the life of a process, as when somebody answers in its place.
    pub(crate) forgets: bool,
    /// Callbacks come at any time, in any order, several times, and about what the run does not know.
    pub(crate) callbacks: bool,
    pub(crate) key_revoked: bool,
    pub(crate) wallet_emptied: bool,
    pub(crate) payee_banned: bool,
    // In the records.
    pub(crate) nearly_full: u64,
    pub(crate) breaks: u64,
    pub(crate) last_record_lost: u64,
    // To the machine.
    pub(crate) clock_jumps: bool,
    pub(crate) clock_stands: bool,
    /// A person stops what was not sent.
    pub(crate) cancelled: bool,
    pub(crate) second_process: bool,
    pub(crate) freezes: bool,
    /// The run's task stands still in a call that is not asynchronous.
    pub(crate) stalls: bool,
    pub(crate) other_run: bool,
    pub(crate) other_provider: bool,
    /// The machine is off for about a day, longer or shorter than a payment may be sent again.
    pub(crate) off_for_a_day: bool,
    pub(crate) directory_lost: bool,
    /// Whoever starts the next process does not know that it was.
    pub(crate) loss_unnoticed: bool,
    pub(crate) backup_restored: bool,
}

impl Faults {
    /// Half of them at most, each as often as the seed says.
    pub(crate) fn drawn(chance: &Chance) -> Self {
        let maybe = |most: u64| if chance.one_in(2) { chance.below(most) } else { 0 };
        let rarely = |count: u64| chance.one_in(count);
        Self {
            request_lost: maybe(300),
            arrives_late: maybe(200),
            answer_lost: maybe(300),
            answer_late: maybe(100),
            answer_takes_ms: if rarely(6) { chance.below(1900) } else { 0 },
            answer_truncated: maybe(100),
            server_error: maybe(150),
            wrong_echo: maybe(50),
            called_duplicate: maybe(100),
            unclear_refusal: maybe(1000),
            too_soon: maybe(100),
            busy: maybe(100),
            long_waits: rarely(4),
            unreachable: rarely(6),
            no_connection: maybe(100),
            look_up_fails: maybe(200),
            look_up_hangs: maybe(50),
            look_up_refused: maybe(20),
            look_up_differs: maybe(20),
            some_refused: rarely(6),
            some_differ: rarely(6),
            lag_ms: maybe(1500),
            forgets: rarely(6),
            callbacks: rarely(2),
            key_revoked: rarely(4),
            wallet_emptied: rarely(4),
            payee_banned: rarely(6),
            nearly_full: maybe(20),
            breaks: maybe(20),
            last_record_lost: maybe(500),
            clock_jumps: rarely(6),
            clock_stands: rarely(6),
            cancelled: rarely(10),
            second_process: rarely(4),
            freezes: rarely(4),
            other_run: rarely(4),
            other_provider: rarely(6),
            off_for_a_day: rarely(6),
            directory_lost: rarely(6),
            loss_unnoticed: rarely(2),
            backup_restored: rarely(6),
            stalls: rarely(3),
        }
    }

    /// Those that there are, in words; the numbers are thousandths, or milliseconds.
    pub(crate) fn told(&self) -> String {
        let all = format!("{self:?}");
        let (_, all) = all.split_once("{ ").unwrap_or_default();
        let there = all.trim_end_matches(" }").split(", ").filter_map(|fault| {
            let (name, value) = fault.split_once(": ")?;
            let value = match value {
                "0" | "false" => return None,
                "true" => String::new(),
                number => format!(" {number}"),
            };
            Some(name.replace('_', " ") + &value)
        });
        there.collect::<Vec<_>>().join(", ")
    }

    /// What exists beside an engine that is broken like this.
    pub(crate) fn of(broken: Option<Broken>, chance: &Chance) -> Self {
        let mut faults = Self::drawn(chance);
        // An older copy, and a loss that nobody knows of, are what only the provider can help against.
        faults.backup_restored &= broken.is_none();
        faults.loss_unnoticed &= broken.is_none();
        // Where a broken engine would have to be lucky to be caught, luck is not waited for.
        faults.directory_lost |= broken == Some(Broken::EmptyIsNew);
        faults.second_process |= broken == Some(Broken::UnlockedStore);
        faults.cancelled |= broken == Some(Broken::DeafToCancel);
        faults.other_run |= broken == Some(Broken::SharedReferences);
        faults.payee_banned |= broken == Some(Broken::DeafToBans);
        faults.freezes |= broken == Some(Broken::AskedOnce);
        if broken == Some(Broken::EagerAbsence) {
            (faults.lag_ms, faults.answer_lost) = (1499, 300);
        }
        faults
    }
}
