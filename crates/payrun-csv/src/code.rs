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
    example: Example,
    remedy: &'static str,
}

/// What brings a problem about, and the same without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// A value, or a few lines of a file, with the problem.
    pub bad: &'static str,
    /// The same put right.
    pub good: &'static str,
}

macro_rules! codes {
    ($($variant:ident $word:literal $severity:ident $title:literal $explanation:literal $bad:literal => $good:literal $remedy:literal;)*) => {
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
                        example: Example { bad: $bad, good: $good },
                        remedy: $remedy,
                    },)*
                }
            }
        }
    };
}

codes! {
    // The file.
    FileEmpty "file-empty" Error "The file is empty"
        "The file holds nothing, or blank lines only. The first line must name the columns, each line after it is one payment."
        "(no bytes)" => "name,email,phone,amount,currency,reference\nJane Doe,jane@example.com,+254712345678,1500,KES,EMP-1"
        "Check that this is the right file, and that it was saved.";
    FileNotCsv "file-not-csv" Error "The file is not a CSV file"
        "The first bytes show a workbook, an archive, a PDF or another file that is no text. Nothing in it is read."
        "june.xlsx" => "june.csv, saved as CSV UTF-8"
        "Open it in the program that made it, and save it as CSV UTF-8.";
    FileNotUtf8 "file-not-utf8" Error "The file is not UTF-8 text"
        "The file was saved in another encoding, such as Windows-1252 or Latin-1, so that its accented letters cannot be read. Which encoding it is cannot be told from the bytes, so it is not guessed at."
        "Ren\\xE9 Mushi (Windows-1252)" => "René Mushi (UTF-8)"
        "Save the file as CSV UTF-8, or name its encoding with --encoding.";
    FileEncodingUnreadable "file-encoding-unreadable" Error "The file is not in the encoding that was named"
        "Some bytes mean nothing in the encoding that --encoding or the byte order mark names, so the text cannot be trusted."
        "--encoding utf-16 for a file of an odd number of bytes" => "--encoding windows-1252"
        "Name the encoding in which the file was saved, or save it as CSV UTF-8.";
    FileArchiveDamaged "file-archive-damaged" Error "The packed file is damaged"
        "The file is packed (.gz or .zst) and cannot be unpacked to its end: it was cut off, or its checksum is wrong. What was unpacked before that is not paid."
        "june.csv.gz, of which half was copied" => "june.csv.gz, whole"
        "Get the file again from where it came, or pack it again.";
    FileTooLarge "file-too-large" Error "The file is larger than the limit"
        "A file may have a bounded number of bytes, counted as text after unpacking. What is larger is most often not a payment file at all."
        "a file of 20 GiB with a limit of 16 GiB" => "two files of 10 GiB"
        "Split the file, or raise the limit in the settings.";
    FileTooManyRows "file-too-many-rows" Error "The file has more rows than the limit"
        "A file may have a bounded number of rows."
        "2000001 rows with a limit of 2000000" => "two files of 1000000 rows"
        "Split the file, or raise the limit in the settings.";
    FileWithoutPayments "file-without-payments" Error "The file has a header and no payments"
        "There is no row below the header. Perhaps the wrong sheet was saved."
        "name,email,phone,amount,currency,reference" => "name,email,phone,amount,currency,reference\nJane Doe,jane@example.com,+254712345678,1500,KES,EMP-1"
        "Check that this is the right file, or the right sheet of it.";
    CountDiffers "count-differs" Error "The file has another number of payments than was said"
        "The payer said how many payments there are, on the command line or in the settings, and the file has more or fewer. A row may be missing, refused, or there twice."
        "--expect-count 200 for a file of 199 payments" => "--expect-count 199"
        "Check that this is the right file; correct it, or the number.";
    TotalDiffers "total-differs" Error "The payments come to another sum than was said"
        "The payer said what the payments of a currency come to, on the command line or in the settings, and they come to more or less. A row may be missing, refused, or there twice, or an amount may be wrong."
        "--expect-total KES=1250000 for payments of KES 1249000" => "--expect-total KES=1249000"
        "Check that this is the right file; correct it, or the sum.";
    HeaderColumnMissing "header-column-missing" Error "A required column is missing"
        "The header must have recipient_name, recipient_email, recipient_phone, amount, currency and reference, in any order; description, metadata, network, wallet, method, bank_code, account_number, account_name, country and account_reference may be there. Capitals, blanks, '_' and '-' make no difference, and common names such as phone or msisdn are known. Until the column is there, no row can be paid; what can be judged without it is judged."
        "name,email,phone,amount,reference" => "name,email,phone,amount,currency,reference"
        "Add or rename the column, or give its name in the [columns] table of the settings.";
    HeaderColumnRepeated "header-column-repeated" Error "A column is there more than once"
        "Nobody can say which of two columns of one meaning is meant, so neither is read. phone and msisdn are one column, and so are Amount and amount."
        "name,email,phone,msisdn,amount,currency,reference" => "name,email,phone,amount,currency,reference"
        "Delete or rename one of them.";
    // The row.
    RowTooShort "row-too-short" Error "The row has fewer cells than the header"
        "Cells are missing, or a quotation mark that was never closed has swallowed some. Nothing in the row is judged, since nobody can say which cell is which."
        "Jane Doe,jane@example.com" => "Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1"
        "Compare the row with the header, and fill in what is missing.";
    RowTooLong "row-too-long" Error "The row has more cells than the header"
        "Most often a comma stands inside a cell, such as a name or an amount. Nothing in the row is judged, since nobody can say which cell is which."
        "Doe, Jane,jane@example.com,+254712345678,1500,KES,EMP-1" => "\"Doe, Jane\",jane@example.com,+254712345678,1500,KES,EMP-1"
        "Put quotation marks around the cell that has a comma inside.";
    QuoteNeverClosed "quote-never-closed" Error "A quotation mark is never closed"
        "A cell begins with a quotation mark, and no other ends it, so everything behind it belongs to that cell. The message names the line where it stands. None of what it swallowed is paid."
        "\"Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1" => "Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1"
        "Close or remove the quotation mark; the rows behind it are read once that is done.";
    QuoteMisplaced "quote-misplaced" Error "Text stands behind a closing quotation mark"
        "Between quotation marks stands the whole cell, and nothing may stand behind the closing one: programs differ in what they make of it, and \"1500\"00 must never be read as 150000."
        "\"1500\"00" => "1500.00"
        "Put the whole cell between quotation marks and double each that stands inside it, or leave all of them out.";
    RecordTooLong "row-too-long-to-read" Error "The row is too long to be read"
        "A row may have a bounded number of bytes, so that no file can fill the memory. What is longer is most often a quotation mark that is never closed."
        "a row of 5 MB" => "a row of a few hundred bytes"
        "Look for a quotation mark that is never closed, or for a cell with a whole document in it.";
    // Any cell.
    CellTooLong "cell-too-long" Error "The cell is too long"
        "A cell may have a bounded number of bytes. What is longer is most often a quotation mark that is never closed, or a document that was pasted by mistake."
        "a description of 100 KB" => "June 2026 salary"
        "Shorten the cell, or raise the limit in the settings.";
    CellNotUtf8 "cell-not-utf8" Error "The cell is not UTF-8 text"
        "The file was saved in another encoding, such as Windows-1252, so its accented letters cannot be read."
        "Ren\\xE9" => "René"
        "Save the file as CSV UTF-8, or name its encoding with --encoding.";
    CellNul "cell-nul" Error "The cell holds a NUL byte"
        "A NUL byte never belongs into a text file; the file was damaged or is not what it seems to be."
        "Jane\\x00Doe" => "Jane Doe"
        "Type the cell anew, or save the file as CSV UTF-8 once more.";
    CellControlCharacter "cell-control-character" Error "The cell holds a control character"
        "A line break, a tab or another control character came along when the cell was pasted."
        "Jane\\nDoe" => "Jane Doe"
        "Type the cell anew.";
    CellHiddenCharacter "cell-hidden-character" Error "The cell holds an invisible character"
        "Characters of no width, or that turn the direction of writing around, make two different texts look the same. They come along when text is pasted from chats and web pages."
        "EMP-1\\u{200b}" => "EMP-1"
        "Type the cell anew instead of pasting it.";
    CellDamagedCharacter "cell-damaged-character" Error "The cell holds a letter that was lost"
        "The character U+FFFD stands where a program could not read a letter."
        "Ren\u{fffd} Mushi" => "René Mushi"
        "Type the cell anew, and save the file as CSV UTF-8.";
    CellFormula "cell-formula" Warning "The cell begins as a formula does"
        "A cell that begins with =, @, + or - is run as a formula by spreadsheets, here and wherever the text is opened later; an apostrophe in front does not change that. A phone number with its + and a number with a sign are no formulas. The cell is read as the text that it is."
        "=HYPERLINK(\"http://example.com\",\"Jane\")" => "Jane Doe"
        "Write the value itself; if it is meant as it stands, leave it.";
    // The name.
    NameEmpty "name-empty" Error "The name is missing"
        "Every payment needs the full name of who is paid."
        "(empty)" => "Jane Doe"
        "Enter the full name.";
    NameTooLong "name-too-long" Error "The name is too long"
        "A name has at most 140 characters, as many as bank messages (ISO 20022) have room for."
        "Jane Doe, who started on 3 June and asked to be paid … (more than 140 characters)" => "Jane Doe"
        "Check that nothing else is in the cell, and shorten the name.";
    // The e-mail address.
    EmailEmpty "email-empty" Error "The e-mail address is missing"
        "Every payment needs an e-mail address of who is paid."
        "(empty)" => "jane@example.com"
        "Enter the e-mail address.";
    EmailMalformed "email-malformed" Error "This is not an e-mail address"
        "An e-mail address has one @ with a name before it and a domain such as example.com behind it, without blanks."
        "jane@example" => "jane@example.com"
        "Compare it with what the person gave.";
    EmailTooLong "email-too-long" Error "The e-mail address is too long"
        "No mail system takes an address of more than 254 characters."
        "jane.jane.jane … @example.com (more than 254 characters)" => "jane@example.com"
        "Check that nothing else is in the cell.";
    // The phone number.
    PhoneEmpty "phone-empty" Error "The phone number is missing"
        "Every payment needs a phone number, in international form: + and the country code first. For mobile money it is the number that is paid."
        "(empty)" => "+254712345678"
        "Enter the number.";
    PhoneNotANumber "phone-not-a-number" Error "This is not a phone number"
        "A phone number has a + and digits. Blanks, dashes, dots and brackets between them are fine, anything else is not; two numbers in one cell are not either."
        "+254712345678/+254722345678" => "+254712345678"
        "Enter one number.";
    PhoneOtherDigits "phone-other-digits" Error "The phone number has digits of another script"
        "Digits such as ２ or ٢ look like numbers and are other characters than 0 to 9."
        "＋２５４７１２３４５６７８" => "+254712345678"
        "Write the number with the digits 0 to 9.";
    PhoneExponent "phone-exponent" Error "A spreadsheet has shortened the phone number"
        "2.54713E+11 is what a spreadsheet makes of a long number; the last digits are lost."
        "2.54713E+11" => "+254712345678"
        "Format the column as text and enter the numbers again.";
    PhoneDecimal "phone-decimal" Error "A spreadsheet has put .0 behind the phone number"
        "The number went through a program that took it for an amount."
        "254712345678.0" => "+254712345678"
        "Format the column as text and write the number again.";
    PhoneApostrophe "phone-apostrophe" Error "An apostrophe stands before the phone number"
        "The apostrophe tells a spreadsheet that the cell is text; here it ended up in the cell itself."
        "'+254712345678" => "+254712345678"
        "Remove the apostrophe.";
    PhoneWithoutPlus "phone-without-plus" Error "The phone number has lost its +"
        "The digits are a mobile number once the + stands before them; spreadsheets take it away."
        "254712345678" => "+254712345678"
        "Format the column as text and write the + again.";
    PhoneWithoutCountryCode "phone-without-country-code" Error "The phone number has no country code"
        "Numbers must be in international form, since a national one could be paid in the wrong country. What is suggested follows from the country or the currency of the row."
        "0712345678" => "+254712345678"
        "Write + and the country code first, and no 0 behind it.";
    PhoneLostZero "phone-lost-zero" Error "The phone number has lost its leading 0, and has no country code"
        "Spreadsheets take the 0 at the beginning of a number away. What is suggested follows from the country or the currency of the row."
        "712345678" => "+254712345678"
        "Format the column as text and write the number in international form.";
    PhoneTrunkZero "phone-trunk-zero" Error "A 0 stands behind the country code"
        "The 0 is dialled only inside the country. In international form it is left out."
        "+2540712345678" => "+254712345678"
        "Leave the 0 out.";
    PhoneUnknownCountry "phone-unknown-country" Error "No country has this code"
        "The digits behind the + do not begin with the code of any country."
        "+999712345678" => "+254712345678"
        "Compare it with what the person gave.";
    PhoneTooShort "phone-too-short" Error "The phone number is too short"
        "The number has fewer digits than any number of its country that could be meant."
        "+25471234567" => "+254712345678"
        "Compare it with what the person gave.";
    PhoneTooLong "phone-too-long" Error "The phone number is too long"
        "The number has more digits than any number of its country that could be meant."
        "+2547123456789" => "+254712345678"
        "Compare it with what the person gave.";
    PhoneNotMobile "phone-not-mobile" Error "This cannot be a mobile number"
        "The number is of a landline or a service, or no operator of the country has it. Mobile money needs a mobile number; on other rails a landline is fine."
        "+254202012345" => "+254712345678"
        "Compare it with what the person gave.";
    PhoneOtherCountry "phone-other-country" Warning "The number is of another country than the payment"
        "The number may be right, but money in this currency is rarely paid there, or the row names another country."
        "+256772123456 with KES" => "+254712345678 with KES"
        "Compare number, currency and country; if all are right, leave them.";
    // The amount.
    AmountEmpty "amount-empty" Error "The amount is missing"
        "Every payment needs an amount."
        "(empty)" => "1500"
        "Enter the amount, or delete the row.";
    AmountNotANumber "amount-not-a-number" Error "The amount is not a number"
        "An amount is written with the digits 0 to 9 and, where the currency has decimals, one point: 1500 or 1500.50."
        "15OO" => "1500"
        "Write only the number.";
    AmountOtherDigits "amount-other-digits" Error "The amount has digits of another script"
        "Digits such as １ or ١ look like numbers and are other characters than 0 to 9."
        "１５００" => "1500"
        "Write the amount with the digits 0 to 9.";
    AmountNotFinite "amount-not-finite" Error "The amount is what a failed calculation leaves"
        "NaN, Infinity, #REF! and the like are written by programs whose calculation had no result."
        "#REF!" => "1500"
        "Find out what the amount should be, and enter it.";
    AmountFormula "amount-formula" Error "The amount is a formula"
        "The cell holds the formula and not its result. payrun never calculates an amount."
        "=1000+500" => "1500"
        "Save the file with the results of its formulas, or enter the amount.";
    AmountAmbiguous "amount-ambiguous" Error "The amount can be read in two ways"
        "1,000 and 1.000 are a thousand in one country and one in another. payrun never guesses about money."
        "1.000" => "1000"
        "Write no separator between thousands, and a point before decimals.";
    AmountSeparated "amount-separated" Error "The amount has separators between its digits"
        "Separators between thousands differ from country to country, so none are read."
        "1,250,000" => "1250000"
        "Write the amount without separators.";
    AmountExponent "amount-exponent" Error "A spreadsheet has shortened the amount"
        "1.5E+06 is what a spreadsheet makes of a long number, and digits may be lost."
        "1.5E+06" => "1500000"
        "Format the column as a number without exponent and enter the amount again.";
    AmountSign "amount-sign" Error "The amount has a sign"
        "A payment is always above zero and has neither + nor - nor brackets. Money is never taken back by a payment file."
        "-1500" => "1500"
        "Write the payment without a sign; delete the row if it is money to be taken back.";
    AmountCurrencyWord "amount-currency-word" Error "A currency stands in the amount"
        "The currency has a column of its own; the amount is the number only."
        "KES 1500" => "1500"
        "Write only the number.";
    AmountTooPrecise "amount-too-precise" Error "The amount has more decimals than can be paid"
        "KES, UGX, TZS, XOF, XAF, RWF and GNF are paid in whole units, the other currencies with two decimals. Zeros behind that are fine. payrun never rounds."
        "1500.50 KES" => "1501 KES"
        "Decide on an amount that can be paid.";
    AmountZero "amount-zero" Error "The amount is zero"
        "There is nothing to pay."
        "0.00" => "1500"
        "Delete the row or enter the amount.";
    AmountTooLarge "amount-too-large" Error "The amount is too large"
        "A single payment is at most a million million units of its currency. Something else stands in this cell, perhaps a phone number."
        "2547123456789" => "1500"
        "Check that this is the amount, and not a number of another column.";
    AmountBelowPolicy "amount-below-policy" Error "The amount is below what the policy allows"
        "The payer's own policy in the settings names the least that a payment of this currency and rail may be."
        "5, where the least is KES 10" => "50"
        "Compare the amount with what is owed; if it is right, change the policy.";
    AmountAbovePolicy "amount-above-policy" Error "The amount is above what the policy allows"
        "The payer's own policy in the settings names the most that a payment of this currency and rail may be."
        "1500000, where the most is KES 150000" => "15000"
        "Compare the amount with what is owed; if it is right, change the policy.";
    // The currency.
    CurrencyEmpty "currency-empty" Error "The currency is missing"
        "Every payment needs the three capitals of its currency."
        "(empty)" => "KES"
        "Enter the currency.";
    CurrencyUnknown "currency-unknown" Error "There is no such currency"
        "A currency is written with the three capitals of ISO 4217, such as KES, UGX, TZS, GHS or ZMW."
        "KSH" => "KES"
        "Write the three capitals.";
    CurrencyNotPaid "currency-not-paid" Error "This currency is not paid"
        "The currency exists, but the provider does not pay it."
        "EUR" => "USD"
        "Use a currency that the provider pays, or pay this person another way.";
    // The reference.
    ReferenceEmpty "reference-empty" Error "The reference is missing"
        "Every payment needs a reference of its own. It is what keeps a payment from being made twice."
        "(empty)" => "EMP-1"
        "Enter a reference that no other payment has, such as the number of the employee with the month.";
    ReferenceCharacter "reference-character" Error "The reference has a character that is not allowed"
        "A reference has letters A to Z, digits and . _ - / : # only, and no blanks."
        "EMP 1" => "EMP-1"
        "Leave the character out, or write - instead.";
    ReferenceTooLong "reference-too-long" Error "The reference is too long"
        "A reference has at most 64 characters."
        "EMPLOYEE-NUMBER-1-OF-THE-HEAD-OFFICE-IN-NAIROBI-SALARY-OF-JUNE-2026" => "EMP-1-2026-06"
        "Shorten it, and keep it different from every other.";
    ReferenceDuplicate "reference-duplicate" Error "The reference is there twice"
        "Every payment needs a reference of its own. Either the row is there twice and one must go, or it is another payment and needs another reference. The row that comes first keeps it."
        "EMP-1 in row 1 and EMP-1 in row 9" => "EMP-1 in row 1 and EMP-9 in row 9"
        "Delete one of the rows, or give one another reference.";
    ReferenceNearlyDuplicate "reference-nearly-duplicate" Warning "The reference differs from another only by capitals"
        "EMP-1 and emp-1 are two references, so both rows are paid."
        "EMP-1 in row 1 and emp-1 in row 9" => "EMP-1 in row 1 and EMP-9 in row 9"
        "If they are one payment, delete one; if there are two, leave them.";
    // The rail.
    MethodUnknown "method-unknown" Error "There is no such way to pay"
        "A payment is made by mobile_money, which an empty cell stands for, or to a bank, a paybill or a till."
        "cash" => "mobile_money"
        "Write mobile_money, bank, paybill or till, or leave the cell empty.";
    MethodNotInCurrency "method-not-in-currency" Error "The method does not carry the currency"
        "Paybills and tills are paid in KES only."
        "till with UGX" => "till with KES"
        "Compare method and currency.";
    BankCodeEmpty "bank-code-empty" Error "The code of the bank is missing"
        "A payment to a bank needs the bank's code as the provider lists it."
        "(empty)" => "01"
        "Enter the code, or correct the method.";
    BankCodeMalformed "bank-code-malformed" Error "This is not the code of a bank"
        "The code of a bank has 1 to 20 letters and digits, without blanks and dashes. Zeros at its beginning are part of it."
        "Equity Bank" => "68"
        "Write the bank's code as the provider lists it, not its name.";
    BankCodeDamaged "bank-code-damaged" Error "A spreadsheet has changed the code of the bank"
        "Spreadsheets shorten long numbers, put .0 behind them and take the zeros at the beginning away; what is lost cannot be seen any more."
        "1.0E+05" => "100001"
        "Format the column as text and enter the codes again.";
    AccountNumberEmpty "account-number-empty" Error "The account's number is missing"
        "A payment to a bank, a paybill or a till needs the number of the account, of the paybill or of the till."
        "(empty)" => "0011223344"
        "Enter the number, or correct the method.";
    AccountNumberMalformed "account-number-malformed" Error "This is not an account's number"
        "An account at a bank has 4 to 34 letters and digits with a digit among them, a paybill or a till 4 to 8 digits, without blanks and dashes. Zeros at the beginning are part of it."
        "0011 2233-44" => "0011223344"
        "Compare it with what the person gave.";
    AccountNumberDamaged "account-number-damaged" Error "A spreadsheet has changed the account's number"
        "Spreadsheets shorten long numbers, put .0 behind them and take the zeros at the beginning away; what is lost cannot be seen any more."
        "1.12E+09" => "0011223344"
        "Format the column as text and enter the numbers again.";
    AccountReferenceEmpty "account-reference-empty" Error "The account at the firm is missing"
        "A payment to a paybill needs the payee's account at the firm, such as the number of a policy or a meter."
        "(empty)" => "POLICY-77"
        "Enter the account, or correct the method.";
    AccountReferenceMalformed "account-reference-malformed" Error "This is not an account at a firm"
        "The account at a firm has at most 64 letters A to Z, digits, blanks and - _ . / # : characters."
        "1.2E+05" => "120000"
        "Write it as the firm does.";
    CountryEmpty "country-empty" Error "The country of the bank is missing"
        "A payment to a bank needs the country of the bank: its code of ISO 3166 with two letters or three."
        "(empty)" => "KE"
        "Enter the country, or correct the method.";
    CountryUnknown "country-unknown" Error "There is no such country"
        "A country is written with its code of ISO 3166: two letters or three."
        "Kenya" => "KE"
        "Write the two letters.";
    FieldUnused "field-unused" Warning "The method has no use for this cell"
        "Something stands in a column that a payment by this method does not look at. Perhaps the method is wrong, or the row was copied from another."
        "bank_code 01 with mobile_money" => "bank_code 01 with bank"
        "Compare it with the method; if that is right, leave it or empty the cell.";
    // The rest.
    DescriptionTooLong "description-too-long" Error "The description is too long"
        "A description has at most 500 characters."
        "a letter of two pages" => "June 2026 salary"
        "Shorten it.";
    MetadataNotJson "metadata-not-json" Error "The metadata is not JSON"
        "The metadata must be JSON text. In a CSV file it stands between quotation marks, and each of its own is doubled."
        "{department: Sales}" => "{\"department\":\"Sales\"}"
        "Write it as JSON, or leave the cell empty.";
    MetadataTooLong "metadata-too-long" Error "The metadata is too long"
        "Metadata has at most 4096 bytes."
        "a whole contract" => "{\"contract\":\"2026-118\"}"
        "Shorten it, or keep it elsewhere under the payment's reference.";
    NetworkMalformed "network-malformed" Error "This is not the name of a network"
        "A network is written with capitals, digits and _ only, at most 32, such as MPESA, MTN or AIRTEL."
        "M-Pesa" => "MPESA"
        "Write it as the provider does.";
    PayeeAmountRepeated "payee-amount-repeated" Warning "The same payee is paid the same amount twice"
        "Two payments to one person are legitimate, so both rows are paid."
        "+254712345678 is paid KES 1500 in row 1 and in row 9" => "one of the rows"
        "If it is one payment, delete one of the rows; if there are two, leave them.";
    PayeeTwoNames "payee-two-names" Warning "The same number has two names"
        "Two people may share a phone, so both rows are paid; but one of the numbers may be wrong."
        "+254712345678 is Jane Doe's in row 1 and John Doe's in row 9" => "+254712345678 and +254722345678"
        "Compare both rows with what the persons gave; if they share the phone, leave them.";
}

impl Code {
    /// Its place in [`ALL`](Self::ALL).
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants count from 0 in the order of ALL, as a test shows"
    )]
    pub(crate) fn index(self) -> usize {
        self as usize
    }

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

    /// A value that has the problem, and the same put right.
    pub fn example(self) -> Example {
        self.entry().example
    }

    /// What to do about it, in one sentence.
    pub fn remedy(self) -> &'static str {
        self.entry().remedy
    }

    /// The page about it in Markdown, as `docs/problems` has it.
    ///
    /// ```
    /// let page = payrun_csv::Code::AmountAmbiguous.page();
    /// assert!(page.starts_with("# The amount can be read in two ways\n"));
    /// ```
    pub fn page(self) -> String {
        let Entry { word, severity, title, explanation, example: Example { bad, good }, remedy } =
            self.entry();
        let effect = match severity {
            Severity::Error => "an error: what it is about is not paid until it is put right",
            Severity::Warning => {
                "a warning: the row is paid all the same, unless `--strict` is given"
            }
        };
        format!(
            "# {title}\n\n`{word}` is {effect}.\n\n{explanation}\n\n## Example\n\nWrong:\n\n```text\n{bad}\n```\n\n\
             Right:\n\n```text\n{good}\n```\n\n## What to do\n\n{remedy}\n"
        )
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
            [
                "cell-formula",
                "phone-other-country",
                "reference-nearly-duplicate",
                "field-unused",
                "payee-amount-repeated",
                "payee-two-names",
            ]
        );
    }

    #[test]
    fn every_code_has_an_example_and_a_remedy_of_its_own() {
        for code in Code::ALL {
            let Example { bad, good } = code.example();
            assert!(!bad.is_empty() && !good.is_empty() && bad != good, "{code}");
            assert!(code.remedy().ends_with('.'), "{code}");
            assert!(!code.explanation().contains(code.remedy()), "{code}");
        }
    }
}
