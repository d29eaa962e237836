//! Count and sum of payments while a file is read: few currencies, whole hundredths.

use payrun_core::{Amount, Currency, SumError, Tally};
use rust_decimal::Decimal;

/// Count and sum for each currency that was met. Exact: a sum of 2³² of the largest amounts fits many times over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums(Vec<(Currency, u64, u128)>);

impl Sums {
    #[inline]
    pub(crate) fn add(&mut self, currency: Currency, hundredths: u64) {
        self.merge(currency, 1, u128::from(hundredths));
    }

    fn merge(&mut self, currency: Currency, count: u64, hundredths: u128) {
        match self.0.iter_mut().find(|(other, _, _)| *other == currency) {
            Some((_, counted, sum)) => {
                *counted += count;
                *sum += hundredths;
            }
            None => self.0.push((currency, count, hundredths)),
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        for (currency, count, hundredths) in &other.0 {
            self.merge(*currency, *count, *hundredths);
        }
    }

    /// Takes one payment out that was counted before.
    pub(crate) fn take_out(&mut self, currency: Currency, hundredths: u64) {
        if let Some((_, count, sum)) = self.0.iter_mut().find(|(other, _, _)| *other == currency) {
            *count = count.saturating_sub(1);
            *sum = sum.saturating_sub(u128::from(hundredths));
        }
    }

    /// As amounts. A currency of which nothing is left is not named.
    ///
    /// # Errors
    /// [`SumError::Range`] if a sum cannot be held exactly, which no file is large enough for.
    pub(crate) fn tally(&self) -> Result<Tally, SumError> {
        let mut tally = Tally::default();
        for (currency, count, hundredths) in self.0.iter().filter(|(_, count, _)| *count > 0) {
            let whole = i128::try_from(*hundredths).map_err(|_| SumError::Range)?;
            let value = Decimal::try_from_i128_with_scale(whole, 2).map_err(|_| SumError::Range)?;
            tally.add_many(*count, Amount::from_decimal(value, *currency)?)?;
        }
        Ok(tally)
    }
}
