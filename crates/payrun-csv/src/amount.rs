//! The amount of a payment: plain decimal text, or a fault that says why it is not. Never a guess.

use crate::problem::Fault;
use crate::text::quoted;
use crate::{Code, currency, digits, formula};
use payrun_core::{AMOUNT_MAX_UNITS, Amount, AmountError, Currency};

const ONLY_THE_NUMBER: &str = "Write only the number, such as 1500.";

/// Reads an amount. Without a currency everything but its decimals is judged, and there is no amount.
pub(crate) fn read(text: &str, currency: Option<Currency>) -> Result<Option<Amount>, Fault> {
    if text.is_empty() {
        return Err(Fault::new(
            Code::AmountEmpty,
            "The amount is missing.",
            "Enter the amount, or delete the row.",
        ));
    }
    if !is_plain(text) {
        return Err(diagnosis(text, currency));
    }
    if looks_like_thousands(text) {
        return Err(separated(text, currency));
    }
    parsed(text, currency).map_err(|error| refused(text, &error))
}

fn parsed(text: &str, currency: Option<Currency>) -> Result<Option<Amount>, AmountError> {
    match currency {
        Some(currency) => Amount::parse(text, currency).map(Some),
        None => without_currency(text),
    }
}

/// Whether a text is read and nothing said against it: what is suggested must be.
fn is_good(text: &str, currency: Option<Currency>) -> bool {
    is_plain(text) && !looks_like_thousands(text) && parsed(text, currency).is_ok()
}

/// Which currency it is decides about decimals only: zero is zero in all, and so is too large.
fn without_currency(text: &str) -> Result<Option<Amount>, AmountError> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    let is_nothing = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let is_too_large = match whole.parse::<u64>() {
        Ok(units) => units > AMOUNT_MAX_UNITS,
        Err(_) => true,
    };
    match (is_nothing, is_too_large) {
        (true, _) => Err(AmountError::Zero),
        (_, true) => Err(AmountError::TooLarge),
        _ => Ok(None),
    }
}

/// ASCII digits with at most one point between them.
fn is_plain(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

/// `1.000` is a thousand where a point stands between thousands; `0.500` and `1500.000` are not.
fn looks_like_thousands(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, fraction)| {
        whole.len() <= 3 && !whole.starts_with('0') && fraction.len() == 3
    })
}

fn refused(text: &str, error: &AmountError) -> Fault {
    let text = quoted(text);
    match error {
        AmountError::TooPrecise { currency, allowed: 0 } => Fault::new(
            Code::AmountTooPrecise,
            format!("{text} has decimals, but {currency} is paid in whole units."),
            "Decide on a whole number; payrun never rounds.",
        ),
        AmountError::TooPrecise { currency, allowed } => Fault::new(
            Code::AmountTooPrecise,
            format!("{text} has more decimals than the {allowed} that {currency} is paid with."),
            "Decide on an amount with fewer decimals; payrun never rounds.",
        ),
        AmountError::Zero => Fault::new(
            Code::AmountZero,
            "The amount is zero.",
            "Enter the amount, or delete the row.",
        ),
        AmountError::TooLarge => Fault::new(
            Code::AmountTooLarge,
            format!("{text} is more than a single payment can be."),
            "Check that this is the amount, and not a number of another column.",
        ),
        AmountError::Empty | AmountError::NotPlain => not_a_number(&text),
    }
}

fn not_a_number(quoted_text: &str) -> Fault {
    Fault::new(
        Code::AmountNotANumber,
        format!("{quoted_text} is not a number."),
        "Write the amount with the digits 0 to 9, such as 1500 or 1500.50.",
    )
}

/// Why a text that is not plain is none.
fn diagnosis(text: &str, currency: Option<Currency>) -> Fault {
    // The most frequent fault goes first: no other rule is about digits and separators only.
    if is_separated(text) {
        return separated(text, currency);
    }
    if let Some(fault) = not_written(text, currency) {
        return fault;
    }
    if is_exponent(text) {
        return Fault::new(
            Code::AmountExponent,
            format!("{} is an amount that a spreadsheet has shortened.", quoted(text)),
            "Format the column as a number without exponent, and enter the whole amount.",
        );
    }
    if let Some(word) = currency_word(text) {
        return Fault::new(
            Code::AmountCurrencyWord,
            format!("{} holds {}, which is not part of the number.", quoted(text), quoted(word)),
            ONLY_THE_NUMBER,
        );
    }
    if is_signed(text) {
        return Fault::new(
            Code::AmountSign,
            format!("{} has a sign.", quoted(text)),
            "Write a payment without + or -; delete the row if it is money to be taken back.",
        );
    }
    not_a_number(&quoted(text))
}

/// What a program left instead of an amount: a formula, the word of a calculation that failed, digits of another
/// script, an apostrophe.
fn not_written(text: &str, currency: Option<Currency>) -> Option<Fault> {
    if is_not_finite(text) {
        return Some(Fault::new(
            Code::AmountNotFinite,
            format!("{} is what a program writes when a calculation has failed.", quoted(text)),
            "Find out what the amount should be, and enter it.",
        ));
    }
    if formula::is_formula(text) && currency_word(text).is_none() && !is_signed(text) {
        return Some(Fault::new(
            Code::AmountFormula,
            format!("{} is a formula, not its result.", quoted(text)),
            "Save the file with the results of its formulas, or enter the amount.",
        ));
    }
    if let Some(ascii) = digits::ascii(text) {
        let hint = if is_good(&ascii, currency) {
            format!("Write {ascii} if that is what is meant.")
        } else {
            "Write the amount with the digits 0 to 9.".to_owned()
        };
        let message = format!("{} has digits other than 0 to 9.", quoted(text));
        return Some(Fault::new(Code::AmountOtherDigits, message, hint));
    }
    let bare = text.trim_start_matches(['\'', '’', '‘', '`']);
    (bare.len() < text.len() && is_good(bare, currency)).then(|| {
        Fault::new(
            Code::AmountNotANumber,
            format!("{} begins with an apostrophe.", quoted(text)),
            format!("Write {bare} if that is what is meant."),
        )
    })
}

/// `NaN`, `Infinity`, and the error values of spreadsheets.
fn is_not_finite(text: &str) -> bool {
    let word = text.trim_start_matches(['+', '-', '−']).to_ascii_lowercase();
    matches!(word.as_str(), "nan" | "inf" | "infinity" | "∞")
        || (word.starts_with('#') && word.ends_with(['!', '?', 'a', '#']))
}

fn is_exponent(text: &str) -> bool {
    let Some((left, right)) = text.split_once(['e', 'E']) else {
        return false;
    };
    let right = right.strip_prefix(['+', '-']).unwrap_or(right);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let starts_with_digit = left.starts_with(|c: char| c.is_ascii_digit());
    starts_with_digit && is_plain_or_separated(left) && !right.is_empty() && digits(right)
}

fn is_plain_or_separated(text: &str) -> bool {
    is_plain(text) || is_separated(text)
}

/// The `KES` of `KES 1500`, the `/=` of `1500/=`.
fn currency_word(text: &str) -> Option<&str> {
    let is_digit = |c: char| c.is_ascii_digit();
    let (first, last) = (text.find(is_digit)?, text.rfind(is_digit)?);
    let (before, rest) = text.split_at_checked(first)?;
    let after = rest.get(last.checked_sub(first)?.checked_add(1)?..)?;
    let number = rest.strip_suffix(after)?;
    let word = |part: &'static str| after.trim() == part;
    if is_plain_or_separated(number) && before.is_empty() && (word("/=") || word("/-")) {
        return Some(after.trim());
    }
    let named = [before, after]
        .into_iter()
        .map(str::trim)
        .find(|part| currency::meant_by(part).is_some())?;
    is_plain_or_separated(number).then_some(named)
}

/// A sign before or behind, in ASCII or not, or the brackets of a bookkeeper.
fn is_signed(text: &str) -> bool {
    const SIGNS: [char; 4] = ['+', '-', '−', '–'];
    let bare = text
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .or_else(|| text.strip_prefix(SIGNS))
        .or_else(|| text.strip_suffix(SIGNS));
    bare.is_some_and(|bare| is_plain_or_separated(bare.trim()))
}

fn is_separator(character: char) -> bool {
    matches!(character, ',' | '.' | ' ' | '\'' | '’' | '_' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

/// Digits with single separators between them.
fn is_separated(text: &str) -> bool {
    text.contains(is_separator)
        && text
            .split(is_separator)
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a separated number can be: all separators are between thousands, or the last one stands before decimals.
fn readings(text: &str) -> (String, Option<String>) {
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect::<String>();
    let decimal = text.rfind([',', '.']).and_then(|place| {
        let (before, behind) = text.split_at_checked(place)?;
        let last = behind.chars().next()?;
        let only_one = !before.contains(last) && !behind.contains([' ', '\'', '’', '_']);
        let behind = digits(behind);
        let fraction = behind.trim_end_matches('0');
        let before = without_zeros(&digits(before));
        only_one.then(|| match fraction {
            "" => before,
            _ => format!("{before}.{fraction}"),
        })
    });
    (without_zeros(&digits(text)), decimal)
}

/// Without zeros at the beginning, but for the last digit.
fn without_zeros(digits: &str) -> String {
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() { "0".to_owned() } else { bare.to_owned() }
}

fn separated(text: &str, currency: Option<Currency>) -> Fault {
    let (whole, decimal) = readings(text);
    let can_be_paid = |reading: &str| is_good(reading, currency);
    let Some(decimal) = decimal else {
        let hint = if can_be_paid(&whole) {
            format!("Write {whole} if that is what is meant.")
        } else {
            ONLY_THE_NUMBER.to_owned()
        };
        let message = format!("{} has separators between its digits.", quoted(text));
        return Fault::new(Code::AmountSeparated, message, hint);
    };
    let hint = match (can_be_paid(&whole), can_be_paid(&decimal)) {
        (true, true) => format!(
            "Write {whole} or {decimal}: no separator between thousands, a point before decimals."
        ),
        (true, false) => {
            format!("Write {whole} if that is what is meant; {decimal} cannot be paid.")
        }
        (false, true) => {
            format!("Write {decimal} if that is what is meant; {whole} cannot be paid.")
        }
        (false, false) => ONLY_THE_NUMBER.to_owned(),
    };
    let message = format!("{} can be read as {whole} or as {decimal}.", quoted(text));
    Fault::new(Code::AmountAmbiguous, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn fault(text: &str, code: &str) -> Fault {
        read(text, Some(currency(code))).unwrap_err()
    }

    /// The numbers that a hint tells to write.
    fn suggested(fault: &Fault) -> Vec<&str> {
        let Some((_, rest)) = fault.hint.split_once("Write ") else { return Vec::new() };
        let end = rest.find([':', ';']).or_else(|| rest.find(" if ")).unwrap_or(0);
        let (numbers, _) = rest.split_at(end);
        let numbers = numbers.strip_suffix(" if that is what is meant").unwrap_or(numbers);
        numbers
            .split(" or ")
            .filter(|number| number.starts_with(|c: char| c.is_ascii_digit()))
            .collect()
    }

    #[test]
    fn plain_amounts_pass_as_they_are() {
        for (text, code, amount) in [
            ("1500", "KES", "1500"),
            ("1500.00", "KES", "1500"),
            ("1500.000", "KES", "1500"),
            ("1800.5", "GHS", "1800.5"),
            ("0.500", "GHS", "0.5"),
            ("0.05", "USD", "0.05"),
            ("1000000000000", "UGX", "1000000000000"),
        ] {
            let read = read(text, Some(currency(code))).unwrap().unwrap();
            assert_eq!(read.text(), amount, "{text} {code}");
        }
    }

    #[test]
    fn every_other_text_is_refused_by_the_rule_that_fits() {
        use Code::{
            AmountAmbiguous, AmountCurrencyWord, AmountEmpty, AmountExponent, AmountFormula,
            AmountNotANumber, AmountNotFinite, AmountOtherDigits, AmountSeparated, AmountSign,
            AmountTooLarge, AmountTooPrecise, AmountZero,
        };
        for (text, currency, code) in [
            ("", "KES", AmountEmpty),
            ("fifteen", "KES", AmountNotANumber),
            ("1500.", "KES", AmountNotANumber),
            (".5", "GHS", AmountNotANumber),
            ("NaN", "KES", AmountNotFinite),
            ("inf", "KES", AmountNotFinite),
            ("-Infinity", "KES", AmountNotFinite),
            ("#N/A", "KES", AmountNotFinite),
            ("#DIV/0!", "KES", AmountNotFinite),
            ("#####", "KES", AmountNotFinite),
            ("#REF!", "KES", AmountNotFinite),
            ("=SUM(A1:A3)", "KES", AmountFormula),
            ("'=A1", "KES", AmountFormula),
            ("+A1", "KES", AmountFormula),
            ("@A1", "KES", AmountFormula),
            ("=1500", "KES", AmountFormula),
            ("-KES 1500", "KES", AmountCurrencyWord),
            ("15OO", "KES", AmountNotANumber),
            ("１５００", "KES", AmountOtherDigits),
            ("١٥٠٠", "EGP", AmountOtherDigits),
            ("1500½", "GHS", AmountOtherDigits),
            ("'1500", "KES", AmountNotANumber),
            ("1,,000", "KES", AmountNotANumber),
            ("0x10", "KES", AmountNotANumber),
            ("1,000", "KES", AmountAmbiguous),
            ("1.000", "KES", AmountAmbiguous),
            ("1.000", "GHS", AmountAmbiguous),
            ("12.500", "GHS", AmountAmbiguous),
            ("1.000,50", "GHS", AmountAmbiguous),
            ("1,000.50", "GHS", AmountAmbiguous),
            ("1500,50", "GHS", AmountAmbiguous),
            ("1,234,567", "UGX", AmountSeparated),
            ("1.234.567", "UGX", AmountSeparated),
            ("1 500", "KES", AmountSeparated),
            ("1\u{a0}500", "KES", AmountSeparated),
            ("1'500", "KES", AmountSeparated),
            ("1.5E+04", "KES", AmountExponent),
            ("1e3", "KES", AmountExponent),
            ("2.5E-3", "KES", AmountExponent),
            ("-1500", "KES", AmountSign),
            ("+1500", "KES", AmountSign),
            ("(1500)", "KES", AmountSign),
            ("1,500-", "KES", AmountSign),
            ("−1500", "KES", AmountSign),
            ("KES 1500", "KES", AmountCurrencyWord),
            ("Ksh. 1,500", "KES", AmountCurrencyWord),
            ("1500/=", "KES", AmountCurrencyWord),
            ("1,500/-", "KES", AmountCurrencyWord),
            ("1500 shs", "TZS", AmountCurrencyWord),
            ("GH₵1800", "GHS", AmountCurrencyWord),
            ("$500", "USD", AmountCurrencyWord),
            ("1500.50", "KES", AmountTooPrecise),
            ("1500.505", "GHS", AmountTooPrecise),
            ("0", "KES", AmountZero),
            ("0.00", "GHS", AmountZero),
            ("1000000000001", "KES", AmountTooLarge),
            ("99999999999999999999999999999999999", "KES", AmountTooLarge),
        ] {
            assert_eq!(fault(text, currency).code, code, "{text} {currency}");
        }
    }

    #[test]
    fn both_readings_are_shown() {
        for (text, message) in [
            ("1,000", r#""1,000" can be read as 1000 or as 1."#),
            ("1.000", r#""1.000" can be read as 1000 or as 1."#),
            ("1.000,50", r#""1.000,50" can be read as 100050 or as 1000.5."#),
            ("1,000.50", r#""1,000.50" can be read as 100050 or as 1000.5."#),
            ("12.500", r#""12.500" can be read as 12500 or as 12.5."#),
        ] {
            assert_eq!(fault(text, "GHS").message, message);
        }
        assert_eq!(fault("1,234,567", "UGX").hint, "Write 1234567 if that is what is meant.");
        assert_eq!(
            fault("1500/=", "KES").message,
            r#""1500/=" holds "/=", which is not part of the number."#
        );
    }

    #[test]
    fn without_a_currency_the_form_is_judged_all_the_same() {
        assert_eq!(read("1500.505", None), Ok(None));
        for (text, code) in [
            ("1,000", Code::AmountAmbiguous),
            ("0.00", Code::AmountZero),
            ("99999999999999", Code::AmountTooLarge),
        ] {
            assert_eq!(read(text, None).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn only_what_can_be_paid_is_suggested() {
        for (text, money, hint) in [
            ("1500,50", "KES", "Write 150050 if that is what is meant; 1500.5 cannot be paid."),
            ("0,50", "GHS", "Write 50 or 0.5: no"),
            ("1.234", "GHS", "Write 1234 if that is what is meant; 1.234 cannot be paid."),
            ("½", "GHS", "with the digits 0 to 9"),
            ("0,021385479", "GHS", "Write 21385479 if that is what is meant; 0.021385479 cannot"),
            (
                "1500,0000000000000",
                "GHS",
                "Write 1500 if that is what is meant; 15000000000000000 c",
            ),
            ("0,00", "GHS", ONLY_THE_NUMBER),
            ("１５００", "KES", "Write 1500 if"),
            ("１５００.５", "KES", "with the digits 0 to 9"),
            ("'1500", "KES", "Write 1500 if"),
        ] {
            let fault = fault(text, money);
            assert!(fault.hint.starts_with(hint) || fault.hint.contains(hint), "{}", fault.hint);
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_what_was_written(text in "[0-9]{1,7}(\\.[0-9]{1,4})?") {
            if let Ok(Some(amount)) = read(&text, Some(currency("GHS"))) {
                let plain = text.trim_start_matches('0');
                let plain = if plain.contains('.') {
                    plain.trim_end_matches('0').trim_end_matches('.')
                } else {
                    plain
                };
                let plain = if plain.starts_with('.') { format!("0{plain}") } else { plain.to_owned() };
                prop_assert_eq!(amount.text(), plain);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}|[0-9.,'eE+() -]{0,12}") {
            for known in [None, Some(currency("KES")), Some(currency("GHS"))] {
                match read(&text, known) {
                    Ok(Some(amount)) => {
                        prop_assert!(is_plain(&text));
                        prop_assert_eq!(read(&amount.text(), known), Ok(Some(amount)));
                    }
                    Ok(None) => prop_assert_eq!(known, None),
                    Err(fault) => for number in suggested(&fault) {
                        prop_assert!(read(number, known).is_ok(), "{} {}", text, number);
                    },
                }
            }
        }

        #[test]
        fn an_amount_s_own_text_is_read_as_that_amount(cents in 1u64..100_000_000_000) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let amount = read(&text, Some(currency("GHS"))).unwrap().unwrap();
            // No amount prints as what could be read two ways.
            prop_assert_eq!(read(&amount.text(), Some(currency("GHS"))), Ok(Some(amount)));
        }
    }
}
