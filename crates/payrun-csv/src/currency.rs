//! The currency of a payment: known, paid, and spelt as ISO 4217 spells it.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use payrun_core::Currency;
use std::sync::LazyLock;

/// What people write instead, in capitals without blanks and dots.
const SPELLINGS: [(&str, &str); 33] = [
    ("KSH", "KES"),
    ("KSHS", "KES"),
    ("KSHILLING", "KES"),
    ("SH", "KES"),
    ("SHS", "KES"),
    ("USH", "UGX"),
    ("USHS", "UGX"),
    ("UGS", "UGX"),
    ("TSH", "TZS"),
    ("TSHS", "TZS"),
    ("GHC", "GHS"),
    ("GH₵", "GHS"),
    ("GH¢", "GHS"),
    ("₵", "GHS"),
    ("CEDI", "GHS"),
    ("CEDIS", "GHS"),
    ("ZMK", "ZMW"),
    ("ZK", "ZMW"),
    ("K", "ZMW"),
    ("KWACHA", "ZMW"),
    ("₦", "NGN"),
    ("NAIRA", "NGN"),
    ("RAND", "ZAR"),
    ("CFA", "XOF"),
    ("FCFA", "XOF"),
    ("FRW", "RWF"),
    ("RF", "RWF"),
    ("BIRR", "ETB"),
    ("BR", "ETB"),
    ("SLL", "SLE"),
    ("US$", "USD"),
    ("$", "USD"),
    ("DOLLARS", "USD"),
];

/// Where a currency's mobile money is paid: calling code and name. A currency that is not listed is paid anywhere.
const COUNTRIES: [(&str, &[(&str, &str)]); 18] = [
    ("KES", &[("254", "Kenya")]),
    ("UGX", &[("256", "Uganda")]),
    ("TZS", &[("255", "Tanzania")]),
    ("GHS", &[("233", "Ghana")]),
    ("ZMW", &[("260", "Zambia")]),
    ("NGN", &[("234", "Nigeria")]),
    ("ZAR", &[("27", "South Africa")]),
    (
        "XOF",
        &[
            ("229", "Benin"),
            ("226", "Burkina Faso"),
            ("225", "Côte d'Ivoire"),
            ("245", "Guinea-Bissau"),
            ("223", "Mali"),
            ("227", "Niger"),
            ("221", "Senegal"),
            ("228", "Togo"),
        ],
    ),
    (
        "XAF",
        &[
            ("237", "Cameroon"),
            ("236", "the Central African Republic"),
            ("235", "Chad"),
            ("242", "Congo"),
            ("240", "Equatorial Guinea"),
            ("241", "Gabon"),
        ],
    ),
    ("SLE", &[("232", "Sierra Leone")]),
    ("CDF", &[("243", "the Democratic Republic of the Congo")]),
    ("EGP", &[("20", "Egypt")]),
    ("MWK", &[("265", "Malawi")]),
    ("RWF", &[("250", "Rwanda")]),
    ("ETB", &[("251", "Ethiopia")]),
    ("MZN", &[("258", "Mozambique")]),
    ("LSL", &[("266", "Lesotho")]),
    ("GNF", &[("224", "Guinea")]),
];

/// The calling codes of the countries whose currency this is; none if it is paid anywhere.
pub(crate) fn calling_codes(currency: Currency) -> impl Iterator<Item = &'static str> {
    COUNTRIES
        .iter()
        .filter(move |(code, _)| *code == currency.code())
        .flat_map(|(_, countries)| countries.iter().map(|(calling, _)| *calling))
}

/// The name of the country with this calling code, where payrun knows it.
pub(crate) fn country_name(calling_code: &str) -> Option<&'static str> {
    COUNTRIES
        .iter()
        .flat_map(|(_, countries)| countries.iter())
        .find(|(calling, _)| *calling == calling_code)
        .map(|(_, name)| *name)
}

/// The currency that a word means most likely.
pub(crate) fn meant_by(word: &str) -> Option<Currency> {
    let word: String = word
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '/' | '=' | '-'))
        .flat_map(char::to_uppercase)
        .collect();
    let spelt = SPELLINGS.iter().find(|(other, _)| *other == word);
    spelt.map_or(word.as_str(), |(_, code)| code).parse().ok()
}

/// Reads the currency of a payment.
pub(crate) fn read(text: &str) -> Result<Currency, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::CurrencyEmpty,
            "The currency is missing.",
            "Enter the three capitals of the currency, such as KES.",
        ));
    }
    // Nearly every cell is one of these few.
    if let Some((_, currency)) = PAID.iter().find(|(code, _)| *code == text.as_bytes()) {
        return Ok(*currency);
    }
    match text.parse::<Currency>() {
        Ok(currency) => Err(not_paid(currency)),
        Err(_) => Err(unknown(text)),
    }
}

static PAID: LazyLock<Vec<([u8; 3], Currency)>> = LazyLock::new(|| {
    let bytes = |currency: Currency| Some((currency.code().as_bytes().try_into().ok()?, currency));
    Currency::payable().filter_map(bytes).collect()
});

fn not_paid(currency: Currency) -> Fault {
    let paid: Vec<&str> = PAID.iter().map(|(_, currency)| currency.code()).collect();
    Fault::new(
        Code::CurrencyNotPaid,
        format!("{currency} is a currency that the provider does not pay."),
        format!("Use one of {}.", paid.join(", ")),
    )
}

fn unknown(text: &str) -> Fault {
    let hint = match meant_by(text) {
        Some(meant) => format!("Write {meant} if that is what is meant."),
        None => "Write the three capitals of the currency, such as KES.".to_owned(),
    };
    Fault::new(
        Code::CurrencyUnknown,
        format!("{} is not the code of a currency.", quoted(text)),
        hint,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_codes_of_paid_currencies_pass() {
        assert_eq!(read("KES").unwrap().code(), "KES");
        for (text, code, hint) in [
            ("", Code::CurrencyEmpty, "such as KES"),
            ("KSH", Code::CurrencyUnknown, "Write KES if"),
            ("Ksh.", Code::CurrencyUnknown, "Write KES if"),
            ("kes", Code::CurrencyUnknown, "Write KES if"),
            ("GH₵", Code::CurrencyUnknown, "Write GHS if"),
            ("UGS", Code::CurrencyUnknown, "Write UGX if"),
            ("shillings", Code::CurrencyUnknown, "three capitals"),
            ("ＫＥＳ", Code::CurrencyUnknown, "three capitals"),
            ("USDT", Code::CurrencyUnknown, "three capitals"),
            ("EUR", Code::CurrencyNotPaid, "KES, GHS"),
        ] {
            let fault = read(text).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }

    #[test]
    fn every_paid_currency_but_the_dollar_has_a_country() {
        for currency in Currency::payable() {
            let somewhere = calling_codes(currency).next().is_some();
            assert_eq!(somewhere, currency.code() != "USD", "{currency}");
        }
        for (_, code) in SPELLINGS {
            assert!(code.parse::<Currency>().unwrap().is_payable(), "{code}");
        }
        assert_eq!(country_name("256"), Some("Uganda"));
        assert_eq!(country_name("49"), None);
    }
}
