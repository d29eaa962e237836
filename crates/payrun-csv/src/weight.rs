//! What a row weighs when rows are compared and summed: hashes that say who may be equal, and the exact amount.
//!
//! Hashes only choose what is looked at again: rows that share one are read a second time and compared in full.

use foldhash::fast::FixedState;
use payrun_core::{Amount, Currency, Payment, Rail};
use rust_decimal::prelude::ToPrimitive;
use std::hash::{BuildHasher, Hasher};

/// A row that is a payment, unless its reference turns out to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Of the reference, without regard to capitals.
    pub(crate) reference: u64,
    /// Of the account that is paid.
    pub(crate) payee: u64,
    /// Of the name as it is written.
    pub(crate) name: u32,
    pub(crate) currency: Currency,
    /// The currency's code as a number.
    pub(crate) code: u32,
    /// The amount in hundredths of its currency, which pays no smaller parts.
    pub(crate) hundredths: u64,
}

impl Weight {
    /// Of a payment that was looked at closely; `None` if its amount has no hundredths, as none has.
    pub(crate) fn of(payment: &Payment) -> Option<Self> {
        Some(Self {
            reference: reference(payment.reference.as_str().as_bytes()),
            payee: payee(payment),
            name: name(payment.payee.name.as_bytes()),
            currency: payment.amount.currency(),
            code: code(payment.amount.currency().code().as_bytes()),
            hundredths: hundredths(payment.amount)?,
        })
    }

    /// Of the amount with its currency.
    pub(crate) fn amount(&self) -> u16 {
        quarter(HASH.hash_one(self.hundredths ^ u64::from(self.code) << 40))
    }
}

/// The same in every run, so that a run can be repeated.
const HASH: FixedState = FixedState::with_seed(0x7061_7972_756e_2e31);

#[expect(clippy::as_conversions, reason = "the lower half of a hash is a hash")]
fn half(hash: u64) -> u32 {
    hash as u32
}

#[expect(clippy::as_conversions, reason = "the lowest quarter of a hash is a hash")]
fn quarter(hash: u64) -> u16 {
    hash as u16
}

/// The bit in which a capital differs from its small letter, eight times. No two other bytes that a reference may have
/// differ in it alone.
const CASE: u64 = 0x2020_2020_2020_2020;

/// The code of a currency as a number; 0 for what is none.
#[inline]
pub(crate) fn code(text: &[u8]) -> u32 {
    match text {
        [a, b, c] => u32::from_be_bytes([0, *a, *b, *c]),
        _ => 0,
    }
}

/// Of a reference, without regard to capitals.
#[inline]
pub(crate) fn reference(text: &[u8]) -> u64 {
    words(text, CASE)
}

/// Of the digits of a mobile number.
#[inline]
pub(crate) fn mobile(digits: &[u8]) -> u64 {
    words(digits, 0)
}

/// Of eight bytes at a time, each with `mask` set.
#[inline]
fn words(text: &[u8], mask: u64) -> u64 {
    // The last eight bytes, some of which may be in a word before.
    let last = text.last_chunk::<8>().map_or_else(|| short(text), |last| u64::from_le_bytes(*last));
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let mut hasher = HASH.build_hasher();
    for word in text.as_chunks::<8>().0 {
        hasher.write_u64(u64::from_le_bytes(*word) | mask);
    }
    hasher.write_u64(last | mask);
    hasher.write_u64(length);
    hasher.finish()
}

/// Fewer than eight bytes as a number.
fn short(text: &[u8]) -> u64 {
    text.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Of the account that a payment goes to.
fn payee(payment: &Payment) -> u64 {
    match &payment.rail {
        Rail::MobileMoney => {
            mobile(payment.payee.phone.as_str().trim_start_matches('+').as_bytes())
        }
        account @ (Rail::Bank(_) | Rail::Paybill { .. } | Rail::Till { .. }) => {
            HASH.hash_one(account)
        }
    }
}

/// Of a name as it is written: two that differ are compared in full, and may still be one.
#[inline]
pub(crate) fn name(text: &[u8]) -> u32 {
    half(words(text, 0))
}

/// What two ways to write one name have in common.
pub(crate) fn folded(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The amount in hundredths; `None` if it does not go into them.
pub(crate) fn hundredths(amount: Amount) -> Option<u64> {
    let hundredths = amount.value().checked_mul(rust_decimal::Decimal::ONE_HUNDRED)?;
    hundredths.is_integer().then(|| hundredths.to_u64()).flatten()
}
