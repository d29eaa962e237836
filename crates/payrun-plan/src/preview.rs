//! What a plan would take from each wallet.

use payrun_core::{Amount, Plan, SumError, Wallet, WalletId};
use std::collections::BTreeMap;

/// One wallet's part of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletPreview {
    /// The wallet.
    pub wallet: WalletId,
    /// The provider's name for it; empty if the account no longer lists it.
    pub name: String,
    /// How many batches.
    pub batches: u32,
    /// How many payments.
    pub count: u64,
    /// Their sum.
    pub sum: Amount,
    /// What the provider says can be paid out; `None` if the account no longer lists the wallet.
    pub balance: Option<Amount>,
    /// What is missing, before fees; `None` if nothing is.
    pub shortfall: Option<Amount>,
}

/// A plan beside the balances that will pay it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// In the order of the plan.
    pub wallets: Vec<WalletPreview>,
}

impl Preview {
    /// Whether a wallet has less than its part, or is gone.
    pub fn is_short(&self) -> bool {
        self.wallets.iter().any(|wallet| wallet.shortfall.is_some() || wallet.balance.is_none())
    }
}

/// Puts a plan beside the wallets' balances.
///
/// # Errors
/// [`SumError::Range`] if a sum cannot be held exactly.
pub fn preview(plan: &Plan, wallets: &[Wallet]) -> Result<Preview, SumError> {
    let known: BTreeMap<&WalletId, &Wallet> =
        wallets.iter().map(|wallet| (&wallet.id, wallet)).collect();
    let mut shown: Vec<WalletPreview> = Vec::new();
    for batch in &plan.batches {
        let same = shown.iter_mut().find(|shown| shown.wallet == batch.wallet);
        if let Some(part) = same {
            part.batches = part.batches.saturating_add(1);
            part.count = part.count.saturating_add(u64::from(batch.count));
            part.sum = part.sum.checked_add(batch.total)?;
            continue;
        }
        let wallet = known.get(&batch.wallet);
        shown.push(WalletPreview {
            wallet: batch.wallet.clone(),
            name: wallet.map(|wallet| wallet.name.clone()).unwrap_or_default(),
            batches: 1,
            count: u64::from(batch.count),
            sum: batch.total,
            balance: wallet.map(|wallet| wallet.balance),
            shortfall: None,
        });
    }
    for part in &mut shown {
        part.shortfall = part
            .balance
            .and_then(|balance| part.sum.checked_sub(balance).ok())
            .filter(|missing| !missing.value().is_zero());
    }
    Ok(Preview { wallets: shown })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{entrant, request, wallet};

    #[test]
    fn a_wallet_that_lacks_money_shows_how_much() {
        let wallets = [wallet("k", "KES", "250"), wallet("u", "UGX", "100")];
        let entrants = vec![
            entrant(1, "KES", "100", None),
            entrant(2, "KES", "200", None),
            entrant(3, "UGX", "100", None),
        ];
        let plan = crate::plan(request(entrants, &wallets, 1)).unwrap();
        let shown = preview(&plan, &wallets).unwrap();
        let of = |i: usize| &shown.wallets[i];
        assert_eq!((of(0).batches, of(0).count, of(0).sum.to_string()), (2, 2, "KES 300".into()));
        assert_eq!(of(0).shortfall.map(|a| a.to_string()), Some("KES 50".into()));
        assert_eq!(of(1).shortfall, None);
        assert!(shown.is_short());
    }
}
