//! What can happen to a payment.

/// What the provider says became of a payment that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// It has it; nothing is settled. Also for every word that payrun does not know.
    InFlight,
    /// The payee has the money.
    Paid,
    /// It finally did not pay.
    Failed {
        /// The provider documents that this word can still turn into success.
        correctable: bool,
    },
    /// The money came back. After paid this is a return, otherwise a failure.
    Reversed,
    /// Held at the provider as a suspected duplicate, for review or in error: a person must look.
    NeedsPerson,
}

/// What is known of a payment whose outcome is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Clue {
    /// Nothing: timeout, reset, 5xx, unreadable, a restart.
    #[default]
    Silence,
    /// A refusal that does not settle it by itself: if the provider never heard of it, it is rejected.
    Refused,
    /// The provider said that it knows the reference. Absence can no longer be proven.
    Duplicate,
}

/// Why an intent may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Nothing of this payment is unresolved.
    Clear,
    /// The provider was asked often enough, over long enough, and never knew the reference.
    AbsenceProven,
}

/// What happened to one payment, as it stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// About to send attempt number `attempt`; durable before a byte leaves.
    Intent {
        /// From 1, one more each time.
        attempt: u32,
        /// Why this is allowed.
        basis: Basis,
    },
    /// Proven: the request of the latest attempt did not move money and never will.
    NotSent,
    /// A readable answer named a status, and its echo equals the request.
    Answered(Settlement),
    /// A readable answer refused the payment for good, for a fault of the payment.
    Refused,
    /// The request's outcome is unknown.
    Lost(Clue),
    /// A look-up found the reference, and its echo equals the request.
    Found(Settlement),
    /// A look-up found the reference with another amount, wallet or payee.
    FoundDifferent,
    /// Look-ups proved that the provider does not know the reference.
    AbsenceProven,
    /// The time in which it may be resent is over, or can no longer be told.
    WindowClosed,
    /// The provider knew the reference although no intent is on record: an attempt of a lost history.
    Discovered,
    /// Set aside before anything was sent.
    Held,
    /// Taken up again.
    Released,
    /// Withdrawn before anything was sent.
    Cancelled,
    /// A person's verdict, with a reason on record, on a payment in doubt.
    Verdict(Settlement),
}
