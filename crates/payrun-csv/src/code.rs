//! Every rule of a payment file: its stable word, whether it stops the row, and what it means.

use std::fmt;

/// Whether a problem keeps a row from being paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// A fault: the row is no payment.
    Error,
    /// A doubt: the row is a payment all the same.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

struct Entry {
    word: &'static str,
    severity: Severity,
    title: &'static str,
    explanation: &'static str,
}

macro_rules! codes {
    ($($variant:ident $word:literal $severity:ident $title:literal $explanation:literal;)*) => {
        /// Which rule a problem is of. The word of a code never changes once it was released.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$variant => Entry {
                        word: $word,
                        severity: Severity::$severity,
                        title: $title,
                        explanation: $explanation,
                    },)*
                }
            }
        }
    };
}

codes! {
    // The file.
    FileEmpty "file-empty" Error "The file is empty"
        "The file holds nothing, or blank lines only. The first line must name the columns, each line after it is one payment.";
    FileNotCsv "file-not-csv" Error "The file is not a CSV file"
        "The first bytes show a workbook, an archive, a PDF or text in an encoding that payrun does not read. Save it as CSV UTF-8.";
    FileWithoutPayments "file-without-payments" Error "The file has a header and no payments"
        "There is no row below the header. Perhaps the wrong sheet was saved.";
    HeaderColumnMissing "header-column-missing" Error "A required column is missing"
        "The header must have recipient_name, recipient_email, recipient_phone, amount, currency and reference, in any order; description, metadata, network and wallet may be there. Capitals, blanks, '_' and '-' make no difference. Until the column is there, no row can be paid; what can be judged without it is judged.";
    HeaderColumnRepeated "header-column-repeated" Error "A column is there more than once"
        "Nobody can say which of two columns of one name is meant, so neither is read. Delete or rename one.";
    // The row.
    RowTooShort "row-too-short" Error "The row has fewer cells than the header"
        "Cells are missing, or a quotation mark that was never closed has swallowed some. Nothing in the row is judged, since nobody can say which cell is which.";
    RowTooLong "row-too-long" Error "The row has more cells than the header"
        "Most often a comma stands inside a cell, such as a name or an amount. Put quotation marks around that cell. Nothing in the row is judged, since nobody can say which cell is which.";
    // Any cell.
    CellNotUtf8 "cell-not-utf8" Error "The cell is not UTF-8 text"
        "The file was saved in another encoding, such as Windows-1252, so its accented letters cannot be read. Save it as CSV UTF-8.";
    CellNul "cell-nul" Error "The cell holds a NUL byte"
        "A NUL byte never belongs into a text file; the file was damaged or is not what it seems to be.";
    CellControlCharacter "cell-control-character" Error "The cell holds a control character"
        "A line break, a tab or another control character came along when the cell was pasted. Type the cell anew.";
    CellHiddenCharacter "cell-hidden-character" Error "The cell holds an invisible character"
        "Characters of no width, or that turn the direction of writing around, make two different texts look the same. They come along when text is pasted from chats and web pages. Type the cell anew.";
    CellDamagedCharacter "cell-damaged-character" Error "The cell holds a letter that was lost"
        "The character U+FFFD stands where a program could not read a letter. Type the cell anew.";
    // The name.
    NameEmpty "name-empty" Error "The name is missing"
        "Every payment needs the full name of who is paid.";
    // The e-mail address.
    EmailEmpty "email-empty" Error "The e-mail address is missing"
        "Every payment needs an e-mail address of who is paid.";
    EmailMalformed "email-malformed" Error "This is not an e-mail address"
        "An e-mail address has one @ with a name before it and a domain such as example.com behind it, without blanks.";
    // The phone number.
    PhoneEmpty "phone-empty" Error "The phone number is missing"
        "Every payment needs the mobile number that is paid, in international form: + and the country code first.";
    PhoneNotANumber "phone-not-a-number" Error "This is not a phone number"
        "A phone number has a + and digits. Blanks, dashes, dots and brackets between them are fine, anything else is not; two numbers in one cell are not either.";
    PhoneExponent "phone-exponent" Error "A spreadsheet has shortened the phone number"
        "2.54713E+11 is what a spreadsheet makes of a long number; the last digits are lost. Format the column as text and enter the numbers again.";
    PhoneDecimal "phone-decimal" Error "A spreadsheet has put .0 behind the phone number"
        "The number went through a program that took it for an amount. Format the column as text and remove the .0.";
    PhoneApostrophe "phone-apostrophe" Error "An apostrophe stands before the phone number"
        "The apostrophe tells a spreadsheet that the cell is text; here it ended up in the cell itself. Remove it.";
    PhoneWithoutPlus "phone-without-plus" Error "The phone number has lost its +"
        "The digits are a mobile number once the + stands before them; spreadsheets take it away. Format the column as text and write the + again.";
    PhoneWithoutCountryCode "phone-without-country-code" Error "The phone number has no country code"
        "Numbers must be in international form, since a national one could be paid in the wrong country: + and the country code first, and no 0 behind it.";
    PhoneLostZero "phone-lost-zero" Error "The phone number has lost its leading 0, and has no country code"
        "Spreadsheets take the 0 at the beginning of a number away. Format the column as text and write the number in international form.";
    PhoneTrunkZero "phone-trunk-zero" Error "A 0 stands behind the country code"
        "The 0 is dialled only inside the country. In international form it is left out.";
    PhoneUnknownCountry "phone-unknown-country" Error "No country has this code"
        "The digits behind the + do not begin with the code of any country.";
    PhoneTooShort "phone-too-short" Error "The phone number is too short"
        "The number has fewer digits than any mobile number of its country.";
    PhoneTooLong "phone-too-long" Error "The phone number is too long"
        "The number has more digits than any mobile number of its country.";
    PhoneNotMobile "phone-not-mobile" Error "This cannot be a mobile number"
        "The number is of a landline or a service, or no operator of the country has it. Mobile money needs a mobile number.";
    PhoneOtherCountry "phone-other-country" Warning "The number is of another country than the currency"
        "The number may be right, but money in this currency is rarely paid there. Compare number and currency.";
    // The amount.
    AmountEmpty "amount-empty" Error "The amount is missing"
        "Every payment needs an amount.";
    AmountNotANumber "amount-not-a-number" Error "The amount is not a number"
        "An amount is written with the digits 0 to 9 and, where the currency has decimals, one point: 1500 or 1500.50.";
    AmountAmbiguous "amount-ambiguous" Error "The amount can be read in two ways"
        "1,000 and 1.000 are a thousand in one country and one in another. payrun never guesses about money: write no separator between thousands, and a point before decimals.";
    AmountSeparated "amount-separated" Error "The amount has separators between its digits"
        "Write the amount without separators between thousands: 1250000.";
    AmountExponent "amount-exponent" Error "A spreadsheet has shortened the amount"
        "1.5E+06 is what a spreadsheet makes of a long number, and digits may be lost. Format the column as a number without exponent and enter the amount again.";
    AmountSign "amount-sign" Error "The amount has a sign"
        "A payment is always above zero and has neither + nor - nor brackets. Money is never taken back by a payment file.";
    AmountCurrencyWord "amount-currency-word" Error "A currency stands in the amount"
        "The currency has a column of its own; the amount is the number only.";
    AmountTooPrecise "amount-too-precise" Error "The amount has more decimals than can be paid"
        "KES, UGX and TZS are paid in whole units, most other currencies with two decimals. payrun never rounds.";
    AmountZero "amount-zero" Error "The amount is zero"
        "There is nothing to pay. Delete the row or enter the amount.";
    AmountTooLarge "amount-too-large" Error "The amount is too large"
        "A single payment is at most a million million units of its currency. Something else stands in this cell, perhaps a phone number.";
    // The currency.
    CurrencyEmpty "currency-empty" Error "The currency is missing"
        "Every payment needs the three capitals of its currency, such as KES.";
    CurrencyUnknown "currency-unknown" Error "There is no such currency"
        "A currency is written with the three capitals of ISO 4217, such as KES, UGX, TZS, GHS or ZMW.";
    CurrencyNotPaid "currency-not-paid" Error "This currency is not paid"
        "The currency exists, but the provider does not pay it.";
    // The reference.
    ReferenceEmpty "reference-empty" Error "The reference is missing"
        "Every payment needs a reference of its own. It is what keeps a payment from being made twice.";
    ReferenceCharacter "reference-character" Error "The reference has a character that is not allowed"
        "A reference has letters A to Z, digits and . _ - / : # only, and no blanks.";
    ReferenceTooLong "reference-too-long" Error "The reference is too long"
        "A reference has at most 64 characters.";
    ReferenceDuplicate "reference-duplicate" Error "The reference is there twice"
        "Every payment needs a reference of its own. Either the row is there twice and one must go, or it is another payment and needs another reference. The row that comes first keeps it.";
    ReferenceNearlyDuplicate "reference-nearly-duplicate" Warning "The reference differs from another only by capitals"
        "EMP-1 and emp-1 are two references, so both rows are paid. If they are one payment, delete one.";
    // The rest.
    MetadataNotJson "metadata-not-json" Error "The metadata is not JSON"
        "The metadata must be JSON text, such as {\"department\":\"Sales\"}. In a CSV file it stands between quotation marks, and each of its own is doubled.";
    NetworkMalformed "network-malformed" Error "This is not the name of a network"
        "A network is written with capitals, digits and _ only, at most 32, such as MPESA, MTN or AIRTEL.";
    PayeeAmountRepeated "payee-amount-repeated" Warning "The same number is paid the same amount twice"
        "Two payments to one person are legitimate, so both rows are paid. If it is one payment, delete one.";
}

impl Code {
    /// The stable word: `amount-ambiguous`.
    pub fn word(self) -> &'static str {
        self.entry().word
    }

    /// Whether it stops the row.
    pub fn severity(self) -> Severity {
        self.entry().severity
    }

    /// What is wrong, in a few words.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// Why it is wrong and what to do, in a few sentences.
    pub fn explanation(self) -> &'static str {
        self.entry().explanation
    }

    /// The code of this word, as `payrun explain` is given it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_word_of_its_own_and_an_explanation() {
        let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            let word = code.word();
            assert!(
                word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'8'),
                "{word}"
            );
            assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{word}");
            assert!(code.explanation().ends_with('.'), "{word}");
            assert_eq!(Code::from_word(word), Some(*code));
        }
        assert_eq!(Code::from_word("nonsense"), None);
    }

    #[test]
    fn only_what_may_be_right_is_a_warning() {
        let warnings: Vec<_> = Code::ALL
            .iter()
            .filter(|code| code.severity() == Severity::Warning)
            .map(|code| code.word())
            .collect();
        assert_eq!(
            warnings,
            ["phone-other-country", "reference-nearly-duplicate", "payee-amount-repeated"]
        );
    }
}
