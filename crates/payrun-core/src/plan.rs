//! All batches of one file, in order: what is approved is what is paid.

use crate::{Batch, Organisation, PaymentIndex, PlannedPayment, RunKey, SumError, Tally, WalletId};
use std::fmt;
use std::str::FromStr;

/// A SHA-256: of a plan, of a payment file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// The text is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 digest: 64 hexadecimal digits in lower case are needed")]
pub struct DigestError;

impl Digest {
    /// From the hash function's bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.as_bytes().iter().all(lower_hex) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The payment file a plan was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, without the folder.
    pub name: String,
    /// Its bytes' hash.
    pub sha256: Digest,
}

/// Everything that a run will pay, in order. Immutable once its digest is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Who pays.
    pub organisation: Organisation,
    /// What it was made of.
    pub source: SourceFile,
    /// The run whose unpaid payments this one pays anew, if any.
    pub retry_of: Option<RunKey>,
    /// In order of payment; together they cover every payment once.
    pub batches: Vec<Batch>,
    /// In order of their batches.
    pub payments: Vec<PlannedPayment>,
}

impl Plan {
    /// The payment at `index`, if the plan has it.
    pub fn payment(&self, index: PaymentIndex) -> Option<&PlannedPayment> {
        self.payments.get(index.get())
    }

    /// Every place in the plan, in order.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = PaymentIndex> + Clone + use<> {
        (0..u32::try_from(self.payments.len()).unwrap_or(u32::MAX)).map(PaymentIndex)
    }

    /// The wallet that pays the payment at `index`, if the plan has it.
    pub fn wallet_of(&self, index: PaymentIndex) -> Option<&WalletId> {
        let after = self.batches.partition_point(|batch| batch.first <= index);
        Some(&self.batches.get(after.checked_sub(1)?)?.wallet)
            .filter(|_| self.payment(index).is_some())
    }

    /// The wallet of each payment, in order.
    pub fn wallets(&self) -> impl Iterator<Item = &WalletId> {
        self.batches.iter().flat_map(|batch| batch.indices().map(|_| &batch.wallet))
    }

    /// Count and sum per currency.
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly.
    pub fn totals(&self) -> Result<Tally, SumError> {
        let mut tally = Tally::default();
        for planned in &self.payments {
            tally.add(planned.payment.amount)?;
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = Digest::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("+f".repeat(32).parse::<Digest>().is_err());
        assert!("AB".repeat(32).parse::<Digest>().is_err());
    }
}
