//! What becomes of a payment: decided by its phone, at a time fixed when it is accepted.
//!
//! | Last nine digits | Outcome | After |
//! |---|---|---|
//! | 700000001, 700000002 | paid | settle |
//! | 700000010 | failed: insufficient funds | settle |
//! | 700000011 | failed: account not found | settle |
//! | 700000012 | failed: limit exceeded | settle |
//! | 700000013 | failed: cancelled by customer | settle |
//! | 700000020 | stays pending | for ever |
//! | 700000021 | paid | 12 × settle |
//! | anything else | paid | settle |
//!
//! (Source: the API's page on sandbox scenarios, August 2026, where settle is about 5 s and the slow one 60 s.)

/// How many times longer the slow number takes.
const SLOW: u64 = 12;

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Paid,
    /// Why not.
    Failed(&'static str),
}

/// The provider's word for where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Initiated,
    InProgress,
    Successful,
    /// Why.
    Failed(&'static str),
}

impl Status {
    /// As on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Initiated => "INITIATED",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// How a payment to this phone ends.
pub(crate) fn verdict(phone: &str) -> Verdict {
    match last_nine(phone).as_str() {
        "700000010" => Verdict::Failed("Insufficient funds"),
        "700000011" => Verdict::Failed("Account not found"),
        "700000012" => Verdict::Failed("Limit exceeded"),
        "700000013" => Verdict::Failed("Cancelled by customer"),
        _ => Verdict::Paid,
    }
}

/// How long a payment to this phone takes; `None` for ever.
pub(crate) fn delay_ms(phone: &str, settle_ms: u64) -> Option<u64> {
    match last_nine(phone).as_str() {
        "700000020" => None,
        "700000021" => Some(settle_ms.saturating_mul(SLOW)),
        _ => Some(settle_ms),
    }
}

/// Where a payment stands that was accepted so long ago: a third of its time in each step on the way.
pub(crate) fn status(verdict: Verdict, delay_ms: Option<u64>, age_ms: u64) -> Status {
    let Some(delay_ms) = delay_ms else { return Status::Pending };
    if age_ms >= delay_ms {
        return match verdict {
            Verdict::Paid => Status::Successful,
            Verdict::Failed(why) => Status::Failed(why),
        };
    }
    match age_ms.saturating_mul(3) / delay_ms {
        0 => Status::Pending,
        1 => Status::Initiated,
        _ => Status::InProgress,
    }
}

fn last_nine(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(9)..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_numbers_decide_whatever_the_country() {
        for (phone, ends, delay) in [
            ("+254700000001", Verdict::Paid, Some(300)),
            ("+254700000002", Verdict::Paid, Some(300)),
            ("+256700000010", Verdict::Failed("Insufficient funds"), Some(300)),
            ("+233700000011", Verdict::Failed("Account not found"), Some(300)),
            ("254700000012", Verdict::Failed("Limit exceeded"), Some(300)),
            ("+27700000013", Verdict::Failed("Cancelled by customer"), Some(300)),
            ("+254700000020", Verdict::Paid, None),
            ("+254700000021", Verdict::Paid, Some(3_600)),
            ("+254712345678", Verdict::Paid, Some(300)),
            ("12", Verdict::Paid, Some(300)),
        ] {
            assert_eq!(verdict(phone), ends, "{phone}");
            assert_eq!(delay_ms(phone, 300), delay, "{phone}");
        }
    }

    #[test]
    fn a_payment_goes_through_its_steps_in_order() {
        for (age, word) in [
            (0, "PENDING"),
            (99, "PENDING"),
            (100, "INITIATED"),
            (200, "IN_PROGRESS"),
            (299, "IN_PROGRESS"),
            (300, "SUCCESSFUL"),
            (u64::MAX, "SUCCESSFUL"),
        ] {
            assert_eq!(status(Verdict::Paid, Some(300), age).word(), word, "{age}");
        }
        assert_eq!(status(Verdict::Failed("x"), Some(300), 300), Status::Failed("x"));
        assert_eq!(status(Verdict::Paid, None, u64::MAX), Status::Pending);
        assert_eq!(status(Verdict::Paid, Some(0), 0), Status::Successful);
    }
}
