//! What goes wrong in payment files.

use crate::country::Country;
use crate::random::Random;
use crate::row::Row;

/// One fault of one row. Each makes the row one that cannot be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it, and `Fault::put` shows it")]
pub enum Fault {
    NameEmpty,
    NameHiddenCharacter,
    NameControlCharacter,
    EmailEmpty,
    EmailWithoutAt,
    EmailBlank,
    EmailWithoutDomain,
    PhoneEmpty,
    PhoneExponent,
    PhoneWithoutPlus,
    PhoneNational,
    PhoneDecimal,
    PhoneTooShort,
    PhoneUnknownCountry,
    PhoneLandline,
    AmountEmpty,
    AmountZero,
    AmountSeparated,
    AmountDecimalComma,
    AmountTwoReadings,
    AmountExponent,
    AmountSign,
    AmountCurrencyWord,
    AmountTooPrecise,
    AmountTooLarge,
    CurrencyEmpty,
    CurrencyMisspelt,
    CurrencyNotPaid,
    ReferenceEmpty,
    ReferenceCharacter,
    ReferenceRepeated,
    MetadataNotJson,
    CellsMissing,
    CommaUnquoted,
}

impl Fault {
    /// Every one of them.
    pub const ALL: [Self; 34] = [
        Self::NameEmpty,
        Self::NameHiddenCharacter,
        Self::NameControlCharacter,
        Self::EmailEmpty,
        Self::EmailWithoutAt,
        Self::EmailBlank,
        Self::EmailWithoutDomain,
        Self::PhoneEmpty,
        Self::PhoneExponent,
        Self::PhoneWithoutPlus,
        Self::PhoneNational,
        Self::PhoneDecimal,
        Self::PhoneTooShort,
        Self::PhoneUnknownCountry,
        Self::PhoneLandline,
        Self::AmountEmpty,
        Self::AmountZero,
        Self::AmountSeparated,
        Self::AmountDecimalComma,
        Self::AmountTwoReadings,
        Self::AmountExponent,
        Self::AmountSign,
        Self::AmountCurrencyWord,
        Self::AmountTooPrecise,
        Self::AmountTooLarge,
        Self::CurrencyEmpty,
        Self::CurrencyMisspelt,
        Self::CurrencyNotPaid,
        Self::ReferenceEmpty,
        Self::ReferenceCharacter,
        Self::ReferenceRepeated,
        Self::MetadataNotJson,
        Self::CellsMissing,
        Self::CommaUnquoted,
    ];

    /// Whether the checks that the other tools are given in the comparison find it: the shapes of cells, a list of
    /// currencies, repeated references. The rest takes a numbering plan, a JSON parser, or knowing how people write money.
    pub fn is_plain(self) -> bool {
        !matches!(
            self,
            Self::NameHiddenCharacter
                | Self::PhoneTooShort
                | Self::PhoneUnknownCountry
                | Self::PhoneLandline
                | Self::AmountTwoReadings
                | Self::ReferenceCharacter
                | Self::NameControlCharacter
                | Self::MetadataNotJson
        )
    }

    /// Whether the row's own reference is not to be read in the file any more.
    pub(crate) fn hides_reference(self) -> bool {
        matches!(
            self,
            Self::ReferenceEmpty
                | Self::ReferenceCharacter
                | Self::ReferenceRepeated
                | Self::CellsMissing
                | Self::CommaUnquoted
        )
    }

    /// Puts the fault into a row without one, and gives back its cells. `earlier` is the reference of a row before.
    pub(crate) fn put(
        self,
        row: &mut Row,
        country: &Country,
        earlier: String,
        random: &mut Random,
    ) -> Vec<String> {
        let units = row.amount.split('.').next().unwrap_or_default().to_owned();
        let number = row.phone.trim_start_matches('+').to_owned();
        let national = number[country.calling_code.len()..].to_owned();
        match self {
            Self::NameEmpty => row.name.clear(),
            Self::NameHiddenCharacter => row.name.push('\u{200b}'),
            Self::NameControlCharacter => row.name.push('\u{1b}'),
            Self::EmailEmpty => row.email.clear(),
            Self::EmailWithoutAt => row.email = row.email.replace('@', "."),
            Self::EmailBlank => row.email = row.email.replacen('.', " ", 1),
            Self::EmailWithoutDomain => {
                row.email.truncate(row.email.find('@').map_or(0, |at| at + 1))
            }
            Self::PhoneEmpty => row.phone.clear(),
            Self::PhoneExponent => row.phone = format!("{}.{}E+11", &number[..1], &number[1..6]),
            Self::PhoneWithoutPlus => row.phone = number,
            Self::PhoneNational => row.phone = format!("0{national}"),
            Self::PhoneDecimal => row.phone = format!("{number}.0"),
            Self::PhoneTooShort => row.phone.truncate(10),
            Self::PhoneUnknownCountry => row.phone = format!("+999{national}"),
            Self::PhoneLandline => {
                row.phone =
                    format!("+{}{}{}", country.calling_code, country.landline, &national[2..]);
            }
            Self::AmountEmpty => row.amount.clear(),
            Self::AmountZero => row.amount = "0".to_owned(),
            Self::AmountSeparated => row.amount.insert(units.len() - 3, ','),
            Self::AmountDecimalComma => row.amount = format!("{units},50"),
            Self::AmountTwoReadings => row.amount = format!("{}.000", 1 + random.below(999)),
            Self::AmountExponent => row.amount = format!("{}.{}E+05", &units[..1], &units[1..3]),
            Self::AmountSign => row.amount.insert(0, '-'),
            Self::AmountCurrencyWord => row.amount = format!("{} {}", row.currency, row.amount),
            Self::AmountTooPrecise => row.amount = format!("{units}.505"),
            Self::AmountTooLarge => row.amount = format!("{units}000000000000"),
            Self::CurrencyEmpty => row.currency.clear(),
            Self::CurrencyMisspelt => row.currency = country.misspelt.to_owned(),
            Self::CurrencyNotPaid => row.currency = "EUR".to_owned(),
            Self::ReferenceEmpty => row.reference.clear(),
            Self::ReferenceCharacter => row.reference.insert(3, '*'),
            Self::ReferenceRepeated => row.reference = earlier,
            Self::MetadataNotJson => row.metadata = r#"{"department":"Care""#.to_owned(),
            Self::CellsMissing => return owned(&row.cells()[..3]),
            Self::CommaUnquoted => {
                let name: Vec<&str> = row.name.splitn(2, ' ').collect();
                return owned(&[&name, &row.cells()[1..]].concat());
            }
        }
        owned(&row.cells())
    }
}

fn owned(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
