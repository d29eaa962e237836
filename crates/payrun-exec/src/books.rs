//! Count and sum per wallet and state: the books that always balance (I5).

use payrun_core::{Amount, Currency, Plan, Progress, State, SumError, Tally, Total, WalletId};
use std::collections::BTreeMap;

/// Count and sum of a plan's payments by wallet and state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    wallets: Vec<(WalletId, Currency, BTreeMap<State, Total>)>,
}

impl Books {
    /// The books of a plan whose payments stand like this. One progress for each payment, in order.
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly.
    pub fn of(plan: &Plan, progress: &[Progress]) -> Result<Self, SumError> {
        let mut wallets: Vec<(WalletId, Currency, BTreeMap<State, Total>)> = Vec::new();
        for ((wallet, planned), progress) in plan.wallets().zip(&plan.payments).zip(progress) {
            let amount = planned.payment.amount;
            let place = match wallets.iter().position(|(id, ..)| id == wallet) {
                Some(place) => place,
                None => {
                    wallets.push((wallet.clone(), amount.currency(), BTreeMap::new()));
                    wallets.len() - 1
                }
            };
            let total = wallets[place]
                .2
                .entry(progress.standing.state)
                .or_insert(Total { count: 0, sum: Amount::zero(amount.currency()) });
            total.sum = total.sum.checked_add(amount)?;
            total.count += 1;
        }
        Ok(Self { wallets })
    }

    /// Each wallet with its currency and what is in each state; states without payments are left out.
    pub fn wallets(&self) -> impl Iterator<Item = (&WalletId, Currency, &BTreeMap<State, Total>)> {
        self.wallets.iter().map(|(id, currency, states)| (id, *currency, states))
    }

    /// Each currency with what is in each state.
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly.
    pub fn currencies(&self) -> Result<BTreeMap<Currency, BTreeMap<State, Total>>, SumError> {
        let mut all: BTreeMap<Currency, BTreeMap<State, Total>> = BTreeMap::new();
        for (_, currency, states) in &self.wallets {
            for (state, part) in states {
                let total = all
                    .entry(*currency)
                    .or_default()
                    .entry(*state)
                    .or_insert(Total { count: 0, sum: Amount::zero(*currency) });
                total.sum = total.sum.checked_add(part.sum)?;
                total.count += part.count;
            }
        }
        Ok(all)
    }

    /// How many payments are in this state, over all currencies.
    pub fn count(&self, state: State) -> u64 {
        self.wallets
            .iter()
            .filter_map(|(_, _, states)| states.get(&state))
            .map(|total| total.count)
            .sum()
    }

    /// Whether count and sum of all states together are the plan's, per currency (I5).
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly.
    pub fn balance(&self, plan: &Plan) -> Result<bool, SumError> {
        let mut booked = BTreeMap::<Currency, (u64, Amount)>::new();
        for (currency, states) in self.currencies()? {
            for total in states.values() {
                let entry = booked.entry(currency).or_insert((0, Amount::zero(currency)));
                entry.0 += total.count;
                entry.1 = entry.1.checked_add(total.sum)?;
            }
        }
        let planned: Tally = plan.totals()?;
        let planned: BTreeMap<_, _> =
            planned.iter().map(|(currency, total)| (currency, (total.count, total.sum))).collect();
        Ok(booked == planned)
    }
}
