//! The payer's own id of a payment, and the provider's, derived from it.

use crate::Organisation;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The longest reference, in characters.
pub const REFERENCE_LENGTH_MAX: usize = 64;

/// The namespace of all provider references that payrun derives. Changing it would pay everyone again.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0d_2c1e_9b57_5a34_8e21_70c4_a9d3_5b16);

/// The payer's own id of a payment, unique in the organisation: `EMP-12`.
///
/// 1 to [`REFERENCE_LENGTH_MAX`] characters of ASCII letters, digits and `. _ - / : #`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference(Box<str>);

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing there.
    #[error("the reference is empty")]
    Empty,
    /// Longer than [`REFERENCE_LENGTH_MAX`].
    #[error("the reference is longer than {REFERENCE_LENGTH_MAX} characters")]
    TooLong,
    /// A character that is not allowed.
    #[error("'{}' is not allowed in a reference", .0.escape_debug())]
    Character(char),
}

impl Reference {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let allowed = |c: &char| matches!(c, 'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/' | ':' | '#');
        if let Some(other) = text.chars().find(|c| !allowed(c)) {
            return Err(ReferenceError::Character(other));
        }
        if text.len() > REFERENCE_LENGTH_MAX {
            return Err(ReferenceError::TooLong);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// How often a payment was deliberately paid anew after it finally did not pay: 0 the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(u32);

impl Generation {
    /// The first.
    pub const FIRST: Self = Self(0);

    /// The last under which a payment is ever paid. Whoever lost records asks about every generation up to it, so that it is
    /// the price of never paying anew what was paid under a later one: each is a call.
    pub const LAST: Self = Self(3);

    /// The generation of this number, whatever was stored.
    pub fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after; `None` after [`LAST`](Self::LAST).
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self).filter(|next| *next <= Self::LAST)
    }

    /// The one before; `None` for the first.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id that the provider sees: a UUIDv5 of organisation, reference and generation.
///
/// Never random and never from machine, directory, file, row, plan, wallet or amount: two machines, or
/// one that lost its state directory, come to the same one, and the provider's own uniqueness catches
/// what they both try. It does so within a generation only: the next one is another reference.
///
/// ```
/// use payrun_core::{Generation, ProviderReference};
/// let (org, reference) = ("acme".parse()?, "EMP-12".parse()?);
/// let first = ProviderReference::derive(&org, &reference, Generation::FIRST);
/// assert_eq!(first, ProviderReference::derive(&org, &reference, Generation::FIRST));
/// assert_ne!(first, ProviderReference::derive(&org, &reference, Generation::new(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderReference(Uuid);

impl ProviderReference {
    /// The one provider reference of this payment.
    pub fn derive(
        organisation: &Organisation,
        reference: &Reference,
        generation: Generation,
    ) -> Self {
        // None of the parts can hold a line feed, so the joined name has one reading.
        let name = format!("{organisation}\n{reference}\n{generation}");
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }

    /// The 16 bytes, as they are stored.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// The reference that was stored as these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for ProviderReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ProviderReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivation_is_frozen() {
        // If this test has to change, every payment ever made could be made again.
        let derive = |org: &str, reference: &str, generation| {
            ProviderReference::derive(
                &org.parse().unwrap(),
                &reference.parse().unwrap(),
                Generation::new(generation),
            )
            .to_string()
        };
        assert_eq!(derive("acme", "EMP-12", 0), "b500eb23-7ef6-50f8-b922-db949d803482");
        assert_eq!(derive("acme", "EMP-12", 1), "57bfb4d0-6f8b-5e34-b4fd-7ad6eebc7908");
    }

    #[test]
    fn a_payment_is_paid_anew_up_to_the_last_generation() {
        let walk: Vec<_> = std::iter::successors(Some(Generation::FIRST), |g| g.next()).collect();
        assert_eq!(walk, [0, 1, 2, 3].map(Generation::new));
        // What was stored is read, and not gone on from.
        for beyond in [4, u32::MAX] {
            assert_eq!(Generation::new(beyond).number(), beyond);
            assert_eq!(Generation::new(beyond).next(), None);
        }
    }

    #[test]
    fn references_hold_no_blanks_or_odd_characters() {
        for good in ["EMP-12", "2026/06:12", "a", "INV#7"] {
            assert!(good.parse::<Reference>().is_ok(), "{good}");
        }
        for bad in ["", " ", "EMP 12", "EMP\n12", "EMP\u{200b}12", "é", "=1+1", "a,b"] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?}");
        }
        assert_eq!("x".repeat(65).parse::<Reference>(), Err(ReferenceError::TooLong));
    }
}
