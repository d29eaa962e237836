//! The way on which a payment reaches the payee. Account numbers are personal data: `Debug` masks them.

use std::fmt;
use std::str::FromStr;

/// Which way, without the account at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RailKind {
    /// To the payee's phone number.
    #[default]
    MobileMoney,
    /// To an account at a bank.
    Bank,
    /// To a firm's number at a mobile money network, with an account there.
    Paybill,
    /// To a shop's till number at a mobile money network.
    Till,
}

/// The text names no rail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of mobile_money, bank, paybill and till")]
pub struct UnknownRail(pub String);

impl RailKind {
    /// Every rail.
    pub const ALL: [Self; 4] = [Self::MobileMoney, Self::Bank, Self::Paybill, Self::Till];

    /// The word of files and settings: `mobile_money`.
    pub fn word(self) -> &'static str {
        match self {
            Self::MobileMoney => "mobile_money",
            Self::Bank => "bank",
            Self::Paybill => "paybill",
            Self::Till => "till",
        }
    }
}

impl FromStr for RailKind {
    type Err = UnknownRail;

    /// The exact [`word`](Self::word).
    fn from_str(word: &str) -> Result<Self, UnknownRail> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| UnknownRail(word.to_owned()))
    }
}

impl fmt::Display for RailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The number of an account, a paybill or a till, with its leading zeros: 1 to 34 ASCII letters and digits. Made by
/// whoever validated it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountNumber(Box<str>);

impl AccountNumber {
    /// The longest number, that of an IBAN (ISO 13616).
    pub const LENGTH_MAX: usize = 34;

    /// The number; `None` if it is empty, too long or has other characters.
    pub fn new(text: &str) -> Option<Self> {
        let valid = (1..=Self::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        valid.then(|| Self(text.into()))
    }

    /// The whole number, personal data.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last two characters with the rest hidden: `••••••78`. Of a number of four or less nothing is shown.
    pub fn masked(&self) -> String {
        let shown = if self.0.len() > 4 { 2 } else { 0 };
        let (hidden, end) = self.0.split_at(self.0.len().saturating_sub(shown));
        format!("{}{end}", "•".repeat(hidden.len()))
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// An account at a bank. `Debug` masks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BankAccount {
    /// The bank's code as the provider lists it, with its leading zeros.
    pub bank_code: String,
    /// The account's number.
    pub number: AccountNumber,
    /// Who holds the account.
    pub name: String,
    /// Where the bank is: ISO 3166-1 alpha-2, such as `KE`.
    pub country: String,
}

impl fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BankAccount")
            .field("bank_code", &self.bank_code)
            .field("number", &self.number)
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}

/// The way on which a payment reaches the payee, with the account at its end. `Debug` masks.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Rail {
    /// To the payee's phone number.
    #[default]
    MobileMoney,
    /// To an account at a bank.
    Bank(BankAccount),
    /// To a firm's number at a mobile money network.
    Paybill {
        /// The firm's number.
        number: AccountNumber,
        /// The payee's account at the firm, such as a policy or a meter number.
        account: String,
    },
    /// To a shop's till at a mobile money network.
    Till {
        /// The till's number.
        number: AccountNumber,
    },
}

impl Rail {
    /// Which way.
    pub fn kind(&self) -> RailKind {
        match self {
            Self::MobileMoney => RailKind::MobileMoney,
            Self::Bank(_) => RailKind::Bank,
            Self::Paybill { .. } => RailKind::Paybill,
            Self::Till { .. } => RailKind::Till,
        }
    }
}

impl fmt::Debug for Rail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MobileMoney => f.write_str("MobileMoney"),
            Self::Bank(account) => f.debug_tuple("Bank").field(account).finish(),
            Self::Paybill { number, account: _ } => {
                f.debug_struct("Paybill").field("number", number).finish_non_exhaustive()
            }
            Self::Till { number } => f.debug_struct("Till").field("number", number).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> AccountNumber {
        AccountNumber::new(text).unwrap()
    }

    #[test]
    fn debug_output_holds_no_account() {
        let bank = Rail::Bank(BankAccount {
            bank_code: "01".into(),
            number: number("0012345678"),
            name: "Jane Doe".into(),
            country: "KE".into(),
        });
        let paybill = Rail::Paybill { number: number("247247"), account: "POLICY-77".into() };
        let shown = format!("{bank:?} {paybill:?} {:?}", Rail::Till { number: number("5001234") });
        for secret in ["0012345678", "Jane", "247247", "POLICY", "5001234"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(number("0012345678").masked(), "••••••••78");
        assert_eq!(number("1234").masked(), "••••");
    }

    #[test]
    fn words_name_the_rails_and_nothing_else_does() {
        for kind in RailKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        for other in ["", "Bank", "mobile money", "card"] {
            assert!(other.parse::<RailKind>().is_err(), "{other}");
        }
        assert_eq!(Rail::default().kind(), RailKind::default());
    }

    #[test]
    fn account_numbers_keep_their_zeros_and_hold_nothing_else() {
        assert_eq!(number("000123").as_str(), "000123");
        for bad in ["", "12 34", "12-34", "é", "１２", &"1".repeat(35)] {
            assert!(AccountNumber::new(bad).is_none(), "{bad}");
        }
    }
}
