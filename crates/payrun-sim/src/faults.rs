//! Which faults exist in a run, and how often they strike.

use crate::chance::Chance;

/// Chances in thousandths, for each call or group; and what befalls the machine between two lives of the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    // At the provider.
    pub(crate) request_lost: u64,
    pub(crate) arrives_late: u64,
    pub(crate) answer_lost: u64,
    pub(crate) answer_late: u64,
    pub(crate) answer_truncated: u64,
    pub(crate) server_error: u64,
    pub(crate) wrong_echo: u64,
    pub(crate) called_duplicate: u64,
    pub(crate) unclear_refusal: u64,
    pub(crate) too_soon: u64,
    pub(crate) busy: u64,
    pub(crate) no_connection: u64,
    pub(crate) look_up_fails: u64,
    pub(crate) look_up_hangs: u64,
    /// For so long after an execution the provider does not know it, in milliseconds.
    pub(crate) lag_ms: u64,
    pub(crate) key_revoked: bool,
    pub(crate) wallet_emptied: bool,
    // In the records.
    pub(crate) nearly_full: u64,
    pub(crate) breaks: u64,
    pub(crate) last_record_lost: u64,
    // To the machine.
    pub(crate) clock_jumps: bool,
    pub(crate) clock_stands: bool,
    pub(crate) second_process: bool,
    pub(crate) freezes: bool,
    pub(crate) other_run: bool,
    pub(crate) other_provider: bool,
    pub(crate) directory_lost: bool,
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
            answer_truncated: maybe(100),
            server_error: maybe(150),
            wrong_echo: maybe(50),
            called_duplicate: maybe(100),
            unclear_refusal: maybe(1000),
            too_soon: maybe(100),
            busy: maybe(100),
            no_connection: maybe(100),
            look_up_fails: maybe(200),
            look_up_hangs: maybe(50),
            lag_ms: maybe(1500),
            key_revoked: rarely(4),
            wallet_emptied: rarely(4),
            nearly_full: maybe(20),
            breaks: maybe(20),
            last_record_lost: maybe(500),
            clock_jumps: rarely(6),
            clock_stands: rarely(6),
            second_process: rarely(4),
            freezes: rarely(4),
            other_run: rarely(4),
            other_provider: rarely(6),
            directory_lost: rarely(6),
            backup_restored: rarely(6),
        }
    }

    /// What the provider does and the records suffer, without what befalls the machine.
    pub(crate) fn calm() -> Self {
        Self::default()
    }
}
