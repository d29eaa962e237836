//! Payments that one wallet pays.

use crate::{Amount, PaymentIndex, WalletId};

/// Consecutive payments of a plan that one wallet pays, bounded in count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// From 1, over the whole plan.
    pub number: u32,
    /// Who pays.
    pub wallet: WalletId,
    /// The first payment.
    pub first: PaymentIndex,
    /// How many payments, at least 1.
    pub count: u32,
    /// Their exact sum; its currency is the batch's.
    pub total: Amount,
}

impl Batch {
    /// The places of its payments in the plan.
    pub fn indices(&self) -> impl Iterator<Item = PaymentIndex> + use<> {
        (self.first.0..self.first.0.saturating_add(self.count)).map(PaymentIndex)
    }
}
