//! A row that passed validation, and its place in a plan.

use crate::{Amount, Generation, Network, Payee, ProviderReference, Rail, Reference, WalletId};

/// A row of the payment file that passed: who, how much, which reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The data row in the file, from 1.
    pub row: u64,
    /// The payer's own id.
    pub reference: Reference,
    /// Who is paid.
    pub payee: Payee,
    /// How much.
    pub amount: Amount,
    /// On which way.
    pub rail: Rail,
    /// The mobile money network, where the file names it.
    pub network: Option<Network>,
    /// The wallet that must pay, where the file names it.
    pub wallet: Option<WalletId>,
    /// Free text of the payer; not sent.
    pub description: Option<String>,
}

/// A payment's place in its plan, from 0. Stable for the life of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentIndex(pub u32);

impl PaymentIndex {
    /// The index into [`Plan::payments`](crate::Plan::payments).
    #[expect(
        clippy::as_conversions,
        reason = "u32 to usize widens on every platform that payrun builds for"
    )]
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// A payment with the identity under which it is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPayment {
    /// What the file said.
    pub payment: Payment,
    /// 0 the first time; one more each time it is deliberately paid anew.
    pub generation: Generation,
    /// What the provider sees.
    pub provider_reference: ProviderReference,
}
