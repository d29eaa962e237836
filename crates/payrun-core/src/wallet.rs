//! The balance that pays.

use crate::{Amount, Currency, WalletId};

/// A wallet at the provider: one balance in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// The provider's id.
    pub id: WalletId,
    /// The provider's name for it.
    pub name: String,
    /// What can be paid out now.
    pub balance: Amount,
    /// Whether the provider lets it pay.
    pub active: bool,
}

impl Wallet {
    /// The currency of its balance.
    pub fn currency(&self) -> Currency {
        self.balance.currency()
    }
}
