//! Count and sum of amounts, per currency.

use crate::{Amount, Currency, SumError};
use std::collections::BTreeMap;

/// How many, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// How many amounts.
    pub count: u64,
    /// Their exact sum.
    pub sum: Amount,
}

/// Totals per currency, in order of their codes. Two currencies never mix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<Currency, Total>);

impl Tally {
    /// Counts one amount.
    ///
    /// # Errors
    /// [`SumError::Range`] if the sum cannot be held exactly; nothing is counted then.
    pub fn add(&mut self, amount: Amount) -> Result<(), SumError> {
        self.add_many(1, amount)
    }

    /// Counts several amounts by their sum.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_many(&mut self, count: u64, sum: Amount) -> Result<(), SumError> {
        let total = self
            .0
            .entry(sum.currency())
            .or_insert_with(|| Total { count: 0, sum: Amount::zero(sum.currency()) });
        total.sum = total.sum.checked_add(sum)?;
        total.count = total.count.saturating_add(count);
        Ok(())
    }

    /// The totals of one currency; zero if there are none.
    pub fn get(&self, currency: Currency) -> Total {
        self.0.get(&currency).copied().unwrap_or(Total { count: 0, sum: Amount::zero(currency) })
    }

    /// Each currency with its totals.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, Total)> {
        self.0.iter().map(|(currency, total)| (*currency, *total))
    }

    /// How many amounts over all currencies.
    pub fn count(&self) -> u64 {
        self.0.values().fold(0, |sum, total| sum.saturating_add(total.count))
    }
}
