//! The rail of a payment and the account at its end: which columns a rail needs, and what may stand in them.

use crate::problem::Fault;
use crate::text::quoted;
use crate::{Code, Column};
use payrun_core::{AccountNumber, Currency, RailKind};
use std::ops::RangeInclusive;

/// Characters of an account's number at a bank: the most is that of an IBAN (ISO 13616); no bank that payrun knows of
/// counts fewer than four.
pub const ACCOUNT_NUMBER_LENGTH: RangeInclusive<usize> = 4..=AccountNumber::LENGTH_MAX;

/// Digits of a paybill's or a till's number. They have five to seven; one more on either side is let through, and a
/// phone number is not.
pub const SHORT_CODE_LENGTH: RangeInclusive<usize> = 4..=8;

/// The longest code of a bank. National codes have two to nine characters, SWIFT's eleven.
pub const BANK_CODE_LENGTH_MAX: usize = 20;

/// The longest account at the firm that a paybill belongs to, as that of a payment's own reference.
pub const ACCOUNT_REFERENCE_LENGTH_MAX: usize = 64;

/// The columns that only some rails have a use for.
pub(crate) const OPTIONAL: [Column; 5] = [
    Column::BankCode,
    Column::AccountNumber,
    Column::AccountName,
    Column::AccountReference,
    Column::Network,
];

/// Whether a payment on this rail looks at the column.
pub(crate) fn uses(rail: RailKind, column: Column) -> bool {
    let used: &[Column] = match rail {
        RailKind::MobileMoney => &[Column::Network],
        RailKind::Bank => &[Column::BankCode, Column::AccountNumber, Column::AccountName],
        RailKind::Paybill => &[Column::AccountNumber, Column::AccountReference],
        RailKind::Till => &[Column::AccountNumber],
    };
    used.contains(&column)
}

/// Reads the rail; a blank cell is mobile money. Capitals, blanks, `_` and `-` make no difference.
pub(crate) fn method(text: &str) -> Result<RailKind, Fault> {
    if text.is_empty() || text == RailKind::MobileMoney.word() {
        return Ok(RailKind::MobileMoney);
    }
    let word = crate::column::folded(text);
    let meant = match word.as_str() {
        "mobilemoney" => return Ok(RailKind::MobileMoney),
        "bank" => return Ok(RailKind::Bank),
        "paybill" => return Ok(RailKind::Paybill),
        "till" => return Ok(RailKind::Till),
        "mobile" | "momo" | "mpesa" | "airtelmoney" | "wallet" => Some(RailKind::MobileMoney),
        "banktransfer" | "bankaccount" | "eft" | "rtgs" => Some(RailKind::Bank),
        "paybillnumber" => Some(RailKind::Paybill),
        "tillnumber" | "buygoods" => Some(RailKind::Till),
        _ => None,
    };
    let hint = match meant {
        Some(meant) => format!("Write {meant} if that is what is meant."),
        None => {
            "Write mobile_money, bank, paybill or till, or leave the cell empty for mobile money."
                .to_owned()
        }
    };
    Err(Fault::new(Code::MethodUnknown, format!("{} is not a way to pay.", quoted(text)), hint))
}

/// Refuses a rail that does not carry the currency.
pub(crate) fn carries(rail: RailKind, currency: Currency) -> Result<(), Fault> {
    // Kotani Pay's routes for both are Kenya's, in KES.
    let fits = match rail {
        RailKind::MobileMoney | RailKind::Bank => true,
        RailKind::Paybill | RailKind::Till => currency.code() == "KES",
    };
    if fits {
        return Ok(());
    }
    Err(Fault::new(
        Code::MethodNotInCurrency,
        format!("A {rail} is paid in KES, but the currency is {currency}."),
        "Compare method and currency.",
    ))
}

/// A column that the rail needs is blank, or not in the file at all.
pub(crate) fn lacking(column: Column, rail: RailKind, in_file: bool) -> Fault {
    let (code, what) = match column {
        Column::BankCode => (Code::BankCodeEmpty, "the code of the bank"),
        Column::Country => (Code::CountryEmpty, "the country of the bank"),
        Column::AccountReference => (Code::AccountReferenceEmpty, "the account at the firm"),
        Column::RecipientName
        | Column::RecipientEmail
        | Column::RecipientPhone
        | Column::Amount
        | Column::Currency
        | Column::Reference
        | Column::Description
        | Column::Metadata
        | Column::Network
        | Column::Wallet
        | Column::Method
        | Column::AccountNumber
        | Column::AccountName => (
            Code::AccountNumberEmpty,
            match rail {
                RailKind::Paybill => "the number of the paybill",
                RailKind::Till => "the number of the till",
                RailKind::MobileMoney | RailKind::Bank => "the number of the account",
            },
        ),
    };
    let name = column.name();
    if in_file {
        let message = format!("A payment by {rail} needs {what}, and the cell is empty.");
        Fault::new(code, message, format!("Enter {what}, or correct the method."))
    } else {
        let message =
            format!("A payment by {rail} needs {what}, and the file has no column {name}.");
        Fault::new(code, message, format!("Add the column {name}, or correct the method."))
    }
}

/// Something stands in a column that the rail has no use for.
pub(crate) fn unused(column: Column, rail: RailKind) -> Fault {
    Fault::new(
        Code::FieldUnused,
        format!("A payment by {rail} has no use for {}; the cell is not read.", column.name()),
        "Compare it with the method; if that is right, leave it or empty the cell.",
    )
}

/// Reads the number of an account, a paybill or a till.
pub(crate) fn account_number(text: &str, rail: RailKind) -> Result<AccountNumber, Fault> {
    if let Some(number) = account(text, rail) {
        return Ok(number);
    }
    let (what, shape) = match rail {
        RailKind::Paybill => ("paybill's number", "4 to 8 digits"),
        RailKind::Till => ("till's number", "4 to 8 digits"),
        RailKind::MobileMoney | RailKind::Bank => {
            ("account's number", "4 to 34 letters and digits")
        }
    };
    let fits = |bare: &str| account(bare, rail).is_some();
    if let Some(fault) = damage(text, Code::AccountNumberDamaged, fits) {
        return Err(fault);
    }
    let hint = match without_separators(text, fits) {
        Some(bare) => format!("Write {bare} if that is the number."),
        None => format!("Compare it with what the person gave; a {what} has {shape}."),
    };
    let message = format!("{} is not a {what}.", quoted(text)).replace("a account", "an account");
    Err(Fault::new(Code::AccountNumberMalformed, message, hint.replace("a account", "an account")))
}

fn account(text: &str, rail: RailKind) -> Option<AccountNumber> {
    let fits = match rail {
        RailKind::MobileMoney | RailKind::Bank => {
            ACCOUNT_NUMBER_LENGTH.contains(&text.len())
                && text.bytes().any(|byte| byte.is_ascii_digit())
        }
        RailKind::Paybill | RailKind::Till => {
            SHORT_CODE_LENGTH.contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_digit())
        }
    };
    AccountNumber::new(text).filter(|_| fits)
}

/// Reads the code of a bank. Its zeros at the beginning are part of it.
pub(crate) fn bank_code(text: &str) -> Result<&str, Fault> {
    let fits = |text: &str| {
        (1..=BANK_CODE_LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if fits(text) {
        return Ok(text);
    }
    if let Some(fault) = damage(text, Code::BankCodeDamaged, fits) {
        return Err(fault);
    }
    // A name without its blanks would be no better.
    let is_code = |text: &str| fits(text) && text.bytes().any(|byte| byte.is_ascii_digit());
    let hint = match without_separators(text, is_code) {
        Some(bare) => format!("Write {bare} if that is the code."),
        None => "Write the bank's code as the provider lists it, not its name.".to_owned(),
    };
    Err(Fault::new(
        Code::BankCodeMalformed,
        format!("{} is not the code of a bank.", quoted(text)),
        hint,
    ))
}

/// Reads the payee's account at the firm that a paybill belongs to.
pub(crate) fn account_reference(text: &str) -> Result<&str, Fault> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " -_./#:".contains(c);
    if text.len() <= ACCOUNT_REFERENCE_LENGTH_MAX && text.chars().all(allowed) {
        return Ok(text);
    }
    Err(Fault::new(
        Code::AccountReferenceMalformed,
        format!("{} is not an account that a firm gives.", quoted(text)),
        "Write it as the firm does: letters A to Z, digits, blanks and - _ . / # : only, at most 64.",
    ))
}

/// What a spreadsheet makes of a number that it takes for one to reckon with. Zeros that it took from the beginning
/// cannot be seen any more.
fn damage(text: &str, code: Code, fits: impl Fn(&str) -> bool) -> Option<Fault> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((left, right)) = text.split_once(['e', 'E'])
        && let Some(exponent) = right.strip_prefix(['+', '-'])
        && digits(exponent)
        && left.split(['.', ',']).all(digits)
    {
        return Some(Fault::new(
            code,
            format!(
                "{} is a number that a spreadsheet has shortened; its last digits are lost.",
                quoted(text)
            ),
            "Format the column as text and enter the number again.",
        ));
    }
    let (bare, what) = if let Some(bare) = text.strip_prefix(['\'', '’', '‘', '`']) {
        (bare, "begins with an apostrophe")
    } else {
        let bare = text.strip_suffix(".0").or_else(|| text.strip_suffix(".00"))?;
        (Some(bare).filter(|bare| digits(bare))?, "ends with .0, as if it were an amount")
    };
    let hint = if fits(bare) {
        format!("Format the column as text and write {bare} if no 0 at the beginning was lost.")
    } else {
        "Format the column as text and enter the number again.".to_owned()
    };
    Some(Fault::new(code, format!("{} {what}.", quoted(text)), hint))
}

/// The text without blanks, dashes and points, if it fits then.
fn without_separators(text: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let is_separator =
        |c: char| matches!(c, ' ' | '-' | '.' | '/' | '\u{a0}' | '\u{2010}'..='\u{2013}');
    let bare: String = text.chars().filter(|c| !is_separator(*c)).collect();
    fits(&bare).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn methods_are_compared_without_case_and_separators() {
        use RailKind::{Bank, MobileMoney, Paybill, Till};
        for (text, rail) in [
            ("", MobileMoney),
            ("mobile_money", MobileMoney),
            ("Mobile Money", MobileMoney),
            ("BANK", Bank),
            ("Pay-Bill", Paybill),
            ("till", Till),
        ] {
            assert_eq!(method(text), Ok(rail), "{text}");
        }
        for (text, hint) in [
            ("M-Pesa", "Write mobile_money if"),
            ("Bank Transfer", "Write bank if"),
            ("Buy Goods", "Write till if"),
            ("cash", "or leave the cell empty"),
            ("bank/till", "or leave the cell empty"),
        ] {
            let fault = method(text).unwrap_err();
            assert_eq!(fault.code, Code::MethodUnknown, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }

    #[test]
    fn account_numbers_keep_their_zeros_and_are_not_cleaned() {
        use RailKind::{Bank, Paybill, Till};
        for (text, rail) in [
            ("0011223344", Bank),
            ("0000", Bank),
            ("KE12ABCD0001", Bank),
            ("12E4567", Bank),
            ("247247", Paybill),
            ("0500123", Till),
        ] {
            assert_eq!(account_number(text, rail).unwrap().as_str(), text);
        }
        use Code::{AccountNumberDamaged, AccountNumberMalformed};
        for (text, rail, code, hint) in [
            ("123", Bank, AccountNumberMalformed, "4 to 34"),
            (&*"1".repeat(35), Bank, AccountNumberMalformed, "4 to 34"),
            ("KCB account", Bank, AccountNumberMalformed, "4 to 34"),
            ("0011 2233-44", Bank, AccountNumberMalformed, "Write 0011223344 if"),
            ("0011\u{a0}2233", Bank, AccountNumberMalformed, "Write 00112233 if"),
            ("1.12E+09", Bank, AccountNumberDamaged, "again"),
            ("1,12E+09", Bank, AccountNumberDamaged, "again"),
            ("11223344.0", Bank, AccountNumberDamaged, "write 11223344 if"),
            ("'0011223344", Bank, AccountNumberDamaged, "write 0011223344 if"),
            ("'", Bank, AccountNumberDamaged, "again"),
            ("１２３４", Bank, AccountNumberMalformed, "4 to 34"),
            ("0712345678", Till, AccountNumberMalformed, "4 to 8"),
            ("24-72-47", Paybill, AccountNumberMalformed, "Write 247247 if"),
            ("ABC123", Till, AccountNumberMalformed, "4 to 8"),
        ] {
            let fault = account_number(text, rail).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
        let fault = account_number("123", Bank).unwrap_err();
        assert_eq!(fault.message, r#""123" is not an account's number."#);
    }

    #[test]
    fn bank_codes_are_codes_and_keep_their_zeros() {
        for text in ["01", "1", "0012", "KCBLKENX", "632005"] {
            assert_eq!(bank_code(text), Ok(text));
        }
        for (text, code, hint) in [
            ("Equity Bank", Code::BankCodeMalformed, "not its name"),
            ("Bank of Africa (Kenya) Ltd.", Code::BankCodeMalformed, "not its name"),
            ("63-20-05", Code::BankCodeMalformed, "Write 632005 if"),
            ("6.3E+05", Code::BankCodeDamaged, "again"),
            ("68.0", Code::BankCodeDamaged, "write 68 if"),
            ("'01", Code::BankCodeDamaged, "write 01 if"),
            (&*"1".repeat(21), Code::BankCodeMalformed, "not its name"),
        ] {
            let fault = bank_code(text).unwrap_err();
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.hint.contains(hint), "{text}: {}", fault.hint);
        }
    }

    #[test]
    fn accounts_at_firms_are_what_firms_write() {
        for text in ["POLICY-77", "4567 8901", "A/C#12.3"] {
            assert_eq!(account_reference(text), Ok(text));
        }
        for text in ["1.2E+05", "é", "a,b", "=A1", &*"1".repeat(65)] {
            let code = account_reference(text).unwrap_err().code;
            assert_eq!(code, Code::AccountReferenceMalformed, "{text}");
        }
    }

    #[test]
    fn shillings_of_kenya_only_are_paid_to_paybills_and_tills() {
        for rail in RailKind::ALL {
            assert_eq!(carries(rail, "KES".parse().unwrap()), Ok(()));
            let shop = matches!(rail, RailKind::Paybill | RailKind::Till);
            let code = carries(rail, "UGX".parse().unwrap()).err().map(|fault| fault.code);
            assert_eq!(code, shop.then_some(Code::MethodNotInCurrency), "{rail}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_suggested_is_good(text in "\\PC{0,12}|['0-9A-Fe. +-]{0,40}") {
            let suggested = |hint: &str| {
                let (_, rest) = hint.split_once("rite ")?;
                Some(rest.split_once(" if ")?.0.to_owned())
            };
            for rail in RailKind::ALL {
                match account_number(&text, rail) {
                    Ok(number) => prop_assert_eq!(number.as_str(), &text),
                    Err(fault) => if let Some(number) = suggested(&fault.hint) {
                        prop_assert!(account_number(&number, rail).is_ok(), "{}", number);
                    },
                }
            }
            if let Err(fault) = bank_code(&text) && let Some(code) = suggested(&fault.hint) {
                prop_assert!(bank_code(&code).is_ok(), "{}", code);
            }
            let _ = (method(&text), account_reference(&text));
        }
    }
}
