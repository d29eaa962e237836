//! The store's leave to send one attempt of one payment.

use crate::{Body, BodyHash};
use payrun_core::PaymentIndex;

/// What a store hands out once a group is durable: a permit for each intent in it.
#[derive(Debug)]
#[must_use = "the permits of durable intents are needed to send"]
pub struct Receipt {
    permits: Vec<Permit>,
}

impl Receipt {
    /// Made by a [`RunStore`](crate::RunStore), **after** its sync returned, for the intents of the group.
    ///
    /// A store that calls this earlier breaks I1 for everyone who uses it.
    pub fn after_sync(intents: impl IntoIterator<Item = (PaymentIndex, u32, BodyHash)>) -> Self {
        let permit = |(payment, attempt, body)| Permit { payment, attempt, body };
        Self { permits: intents.into_iter().map(permit).collect() }
    }

    /// The permits, in the order of the group's intents.
    pub fn into_permits(self) -> Vec<Permit> {
        self.permits
    }
}

/// Leave to send one attempt of one payment with one body, once.
///
/// It cannot be copied, and comes only out of a [`Receipt`]: sending without it, before the sync or twice does not compile
/// (`tests/does_not_compile`).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an intent is on record: the request has to be sent or its payment is unknown"]
pub struct Permit {
    payment: PaymentIndex,
    attempt: u32,
    body: BodyHash,
}

/// The permit is for another body than the one at hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the permit is for a body of hash {allowed:?}, this one is {given:?}: nothing was sent")]
pub struct PermitError {
    /// The hash on record.
    pub allowed: BodyHash,
    /// The hash of what was to be sent.
    pub given: BodyHash,
}

impl Permit {
    /// Which payment.
    pub fn payment(&self) -> PaymentIndex {
        self.payment
    }

    /// Which attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Spends the permit: the bytes to send, if they are the ones on record.
    ///
    /// # Errors
    /// [`PermitError`] if the body is another one. The permit is spent all the same.
    pub fn spend(self, body: &Body) -> Result<&[u8], PermitError> {
        let given = body.hash();
        if given == self.body {
            Ok(body.as_bytes())
        } else {
            Err(PermitError { allowed: self.body, given })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_opens_only_the_body_on_record() {
        let (body, other) = (Body::new(*b"{\"amount\":1}"), Body::new(*b"{\"amount\":2}"));
        let permits =
            || Receipt::after_sync([(PaymentIndex(7), 1, body.hash())]).into_permits().remove(0);
        assert_eq!(permits().spend(&body).unwrap(), body.as_bytes());
        assert!(permits().spend(&other).is_err());
    }
}
