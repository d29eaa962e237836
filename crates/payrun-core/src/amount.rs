//! Money: a decimal that knows its currency. Checked arithmetic only, no rounding, no floats.

use crate::Currency;
use rust_decimal::Decimal;
use std::fmt;

/// The largest amount a single payment may have, in units of its currency.
///
/// Far above any salary in any payable currency, far below where a sum of millions could overflow.
pub const AMOUNT_MAX_UNITS: u64 = 1_000_000_000_000;

/// An exact, non-negative sum of money in one currency.
///
/// ```
/// use payrun_core::Amount;
/// let pay = Amount::parse("1500.50", "GHS".parse()?)?;
/// assert_eq!(pay.text(), "1500.5");
/// assert_eq!(pay.checked_add(pay)?.text(), "3001");
/// assert!(Amount::parse("1500.50", "KES".parse()?).is_err()); // whole shillings only
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    value: Decimal,
    currency: Currency,
}

/// Why a text is not an amount that can be paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing there.
    #[error("the amount is empty")]
    Empty,
    /// Anything but ASCII digits with at most one point between digits.
    #[error("not a plain decimal number")]
    NotPlain,
    /// More decimals than the currency pays, and they are not zeros.
    #[error("{currency} is paid with {allowed} decimals at most")]
    TooPrecise {
        /// The currency asked for.
        currency: Currency,
        /// How many decimals it pays.
        allowed: u32,
    },
    /// Nothing to pay.
    #[error("the amount is zero")]
    Zero,
    /// Above [`AMOUNT_MAX_UNITS`].
    #[error("the amount is above {AMOUNT_MAX_UNITS} units")]
    TooLarge,
}

/// Why two amounts do not add.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// Two currencies never add.
    #[error("cannot combine {0} with {1}")]
    Currencies(Currency, Currency),
    /// Beyond what can be represented exactly, or below zero.
    #[error("the sum is out of range")]
    Range,
}

impl Amount {
    /// Nothing, in `currency`.
    pub fn zero(currency: Currency) -> Self {
        Self { value: Decimal::ZERO, currency }
    }

    /// Reads what one payment pays: plain decimal text, greater than zero.
    ///
    /// Trailing zeros behind the point are fine at any length that a decimal can hold; any other digit beyond the
    /// currency's decimals is an error. Input is never rounded.
    ///
    /// # Errors
    /// [`AmountError`], one reason each.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let amount = Self::parse_balance(text, currency)?;
        if amount.value.is_zero() {
            return Err(AmountError::Zero);
        }
        if amount.value > Decimal::from(AMOUNT_MAX_UNITS) {
            return Err(AmountError::TooLarge);
        }
        Ok(amount)
    }

    /// Reads a sum or a balance: as [`parse`](Self::parse), but zero is fine and so is any size that fits.
    ///
    /// # Errors
    /// [`AmountError`], never `Zero`.
    pub fn parse_balance(text: &str, currency: Currency) -> Result<Self, AmountError> {
        if text.is_empty() {
            return Err(AmountError::Empty);
        }
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(AmountError::NotPlain),
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return Err(AmountError::NotPlain);
        }
        let fraction = fraction.trim_end_matches('0');
        let allowed = currency.digits();
        if u32::try_from(fraction.len()).unwrap_or(u32::MAX) > allowed {
            return Err(AmountError::TooPrecise { currency, allowed });
        }
        let plain =
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        let value = Decimal::from_str_exact(&plain).map_err(|_| AmountError::TooLarge)?;
        Ok(Self { value: value.normalize(), currency })
    }

    /// An amount from a decimal that was worked out elsewhere, such as a balance that a provider named.
    ///
    /// # Errors
    /// [`SumError::Range`] if it is below zero.
    pub fn from_decimal(value: Decimal, currency: Currency) -> Result<Self, SumError> {
        if value.is_sign_negative() && !value.is_zero() {
            return Err(SumError::Range);
        }
        Ok(Self { value: value.normalize(), currency })
    }

    /// The exact value, in units of [`currency`](Self::currency).
    pub fn value(self) -> Decimal {
        self.value
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The shortest exact decimal text, as it goes on the wire and into JSON: `1500.5`.
    pub fn text(self) -> String {
        self.value.to_string()
    }

    /// The sum.
    ///
    /// # Errors
    /// [`SumError`] for two currencies or a result that cannot be held exactly.
    pub fn checked_add(self, other: Self) -> Result<Self, SumError> {
        self.same_currency(other)?;
        let value = self.value.checked_add(other.value).ok_or(SumError::Range)?;
        Ok(Self { value: value.normalize(), currency: self.currency })
    }

    /// What is left of `self` when `other` is taken away.
    ///
    /// # Errors
    /// [`SumError::Range`] if `other` is larger; [`SumError::Currencies`] for two currencies.
    pub fn checked_sub(self, other: Self) -> Result<Self, SumError> {
        self.same_currency(other)?;
        let value = self.value.checked_sub(other.value).ok_or(SumError::Range)?;
        Self::from_decimal(value, self.currency)
    }

    fn same_currency(self, other: Self) -> Result<(), SumError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(SumError::Currencies(self.currency, other.currency))
        }
    }
}

/// Amounts of one currency are ordered; others are not.
impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self.currency == other.currency).then(|| self.value.cmp(&other.value))
    }
}

/// For people: `KES 1,250,000` with a comma between thousands and at least the currency's decimals.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.value;
        if value.scale() < self.currency.digits() {
            value.rescale(self.currency.digits());
        }
        let text = value.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut grouped = String::new();
        for (left, digit) in (0..whole.len()).rev().zip(whole.chars()) {
            grouped.push(digit);
            if left > 0 && left.checked_rem(3) == Some(0) {
                grouped.push(',');
            }
        }
        if !fraction.is_empty() {
            grouped.push('.');
            grouped.push_str(fraction);
        }
        f.pad(&format!("{} {grouped}", self.currency))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn plain_decimal_text_is_read_exactly() {
        for (text, code, printed) in [
            ("1500", "KES", "1500"),
            ("1500.00", "KES", "1500"),
            ("0.5", "GHS", "0.5"),
            ("00012.30", "GHS", "12.3"),
            ("999999999999.99", "USD", "999999999999.99"),
            ("1.000000000000000000000000000000000", "KES", "1"),
        ] {
            assert_eq!(
                Amount::parse(text, currency(code)).unwrap().text(),
                printed,
                "{text} {code}"
            );
        }
    }

    #[test]
    fn what_could_be_read_two_ways_or_rounded_is_refused() {
        use AmountError::{Empty, NotPlain, TooLarge, TooPrecise, Zero};
        let kes = TooPrecise { currency: currency("KES"), allowed: 0 };
        let ghs = TooPrecise { currency: currency("GHS"), allowed: 2 };
        for (text, code, error) in [
            ("", "KES", Empty),
            ("1,000", "KES", NotPlain),
            ("1.000,50", "GHS", NotPlain),
            ("1e3", "KES", NotPlain),
            ("+1", "KES", NotPlain),
            ("-1", "KES", NotPlain),
            (" 1", "KES", NotPlain),
            ("1.", "GHS", NotPlain),
            (".5", "GHS", NotPlain),
            ("NaN", "GHS", NotPlain),
            ("１００", "KES", NotPlain),
            ("1.5.5", "GHS", NotPlain),
            ("1500.5", "KES", kes),
            ("0.001", "GHS", ghs),
            ("0", "KES", Zero),
            ("0.00", "GHS", Zero),
            ("1000000000001", "KES", TooLarge),
            ("99999999999999999999999999999999999999", "KES", TooLarge),
        ] {
            assert_eq!(Amount::parse(text, currency(code)), Err(error), "{text} {code}");
        }
    }

    #[test]
    fn two_currencies_never_add() {
        let (kes, ugx) = (Amount::zero(currency("KES")), Amount::zero(currency("UGX")));
        assert_eq!(
            kes.checked_add(ugx),
            Err(SumError::Currencies(currency("KES"), currency("UGX")))
        );
        assert_eq!(kes.partial_cmp(&ugx), None);
    }

    #[test]
    fn people_see_thousands_and_the_currency_s_decimals() {
        for (text, code, shown) in [
            ("1250000", "KES", "KES 1,250,000"),
            ("999", "KES", "KES 999"),
            ("1500.5", "GHS", "GHS 1,500.50"),
        ] {
            assert_eq!(Amount::parse(text, currency(code)).unwrap().to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn parse_undoes_print(cents in 1u64..AMOUNT_MAX_UNITS) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let amount = Amount::parse(&text, currency("GHS")).unwrap();
            prop_assert_eq!(Amount::parse(&amount.text(), currency("GHS")), Ok(amount));
            prop_assert_eq!(amount.value(), Decimal::new(i64::try_from(cents).unwrap(), 2));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = Amount::parse(&text, currency("KES"));
        }

        #[test]
        fn adding_and_taking_away_comes_back(a in 1u64..1_000_000_000, b in 1u64..1_000_000_000) {
            let of = |n: u64| Amount::parse(&n.to_string(), currency("UGX")).unwrap();
            prop_assert_eq!(of(a).checked_add(of(b)).unwrap().checked_sub(of(b)), Ok(of(a)));
        }
    }
}
