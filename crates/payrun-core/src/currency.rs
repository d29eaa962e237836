//! A currency that payrun can pay in, and how many decimals it pays.

use std::fmt;
use std::str::FromStr;

/// An ISO 4217 currency.
///
/// ```
/// use payrun_core::Currency;
/// let kes: Currency = "KES".parse()?;
/// assert_eq!(kes.digits(), 0); // Kotani Pay pays whole shillings
/// assert!(kes.is_payable());
/// # Ok::<(), payrun_core::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// The code is not one of ISO 4217's, in capitals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency '{0}'")]
pub struct UnknownCurrency(pub String);

/// Paid in whole units by Kotani Pay although ISO 4217 gives some of them decimals
/// (source: its page on billing types: "whole units for KES, UGX, TZS").
const WHOLE_UNITS: [&str; 3] = ["KES", "UGX", "TZS"];

/// The fiat currencies that Kotani Pay's bulk payments have listed.
const PAYABLE: [&str; 19] = [
    "KES", "GHS", "NGN", "ZAR", "USD", "XOF", "ZMW", "XAF", "SLE", "CDF", "TZS", "UGX", "EGP",
    "MWK", "RWF", "ETB", "MZN", "LSL", "GNF",
];

impl Currency {
    /// The three capitals, such as `KES`.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals an amount of this currency may use when paid: 0 to 2.
    pub fn digits(self) -> u32 {
        if WHOLE_UNITS.contains(&self.code()) {
            return 0;
        }
        self.0.exponent().map_or(2, u32::from).min(2)
    }

    /// Whether a gateway that payrun knows pays this currency.
    pub fn is_payable(self) -> bool {
        PAYABLE.contains(&self.code())
    }

    /// Every currency for which [`is_payable`](Self::is_payable) holds.
    pub fn payable() -> impl Iterator<Item = Currency> {
        PAYABLE.iter().filter_map(|code| code.parse().ok())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code)
            .filter(|known| known.code() == code)
            .map(Self)
            .ok_or_else(|| UnknownCurrency(code.to_owned()))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_the_gateway_where_it_is_narrower_than_iso() {
        // ISO 4217 gives UGX, XOF, XAF, RWF and GNF no decimals, KES and TZS two; the gateway pays whole KES and TZS.
        let table = [
            ("CDF", 2),
            ("EGP", 2),
            ("ETB", 2),
            ("GHS", 2),
            ("GNF", 0),
            ("KES", 0),
            ("LSL", 2),
            ("MWK", 2),
            ("MZN", 2),
            ("NGN", 2),
            ("RWF", 0),
            ("SLE", 2),
            ("TZS", 0),
            ("UGX", 0),
            ("USD", 2),
            ("XAF", 0),
            ("XOF", 0),
            ("ZAR", 2),
            ("ZMW", 2),
        ];
        let mut payable: Vec<_> =
            Currency::payable().map(|currency| (currency.code(), currency.digits())).collect();
        payable.sort_unstable();
        assert_eq!(payable, table);
    }

    #[test]
    fn every_payable_code_is_known() {
        assert_eq!(Currency::payable().count(), PAYABLE.len());
    }

    #[test]
    fn nearly_right_codes_are_unknown() {
        for code in ["", "kes", "KSH", "KE", "KES ", "USDT", "ＫＥＳ"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
