//! The fiat currencies that the API knows.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) code: &'static str,
    /// ISO 3166 code, where one country stands for the currency.
    pub(crate) country: Option<&'static str>,
    /// Digits behind the point that can be paid: whole units for KES, UGX and TZS is the API's own rule, for the
    /// francs it is ISO 4217's.
    pub(crate) digits: u32,
}

const fn currency(code: &'static str, country: Option<&'static str>, digits: u32) -> Currency {
    Currency { code, country, digits }
}

/// All of them, in the order of the API's manual.
pub(crate) const FIAT: [Currency; 19] = [
    currency("KES", Some("KE"), 0),
    currency("GHS", Some("GH"), 2),
    currency("NGN", Some("NG"), 2),
    currency("ZAR", Some("ZA"), 2),
    currency("USD", None, 2),
    currency("XOF", None, 0),
    currency("ZMW", Some("ZM"), 2),
    currency("XAF", None, 0),
    currency("SLE", Some("SL"), 2),
    currency("CDF", Some("CD"), 2),
    currency("TZS", Some("TZ"), 0),
    currency("UGX", Some("UG"), 0),
    currency("EGP", Some("EG"), 2),
    currency("MWK", Some("MW"), 2),
    currency("RWF", Some("RW"), 0),
    currency("ETB", Some("ET"), 2),
    currency("MZN", Some("MZ"), 2),
    currency("LSL", Some("LS"), 2),
    currency("GNF", Some("GN"), 0),
];

/// The currency of a code in capitals.
pub(crate) fn find(code: &str) -> Option<Currency> {
    FIAT.into_iter().find(|currency| currency.code == code)
}
