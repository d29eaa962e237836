//! The columns that payrun knows, and the names that people give them.

/// A column of the payment file. All others are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Full name of who is paid.
    RecipientName,
    /// E-mail address of who is paid.
    RecipientEmail,
    /// Phone number in international form; for mobile money the number that is paid.
    RecipientPhone,
    /// How much, as plain decimal text.
    Amount,
    /// ISO 4217 code.
    Currency,
    /// The payer's own id of the payment.
    Reference,
    /// Free text of the payer; not sent.
    Description,
    /// JSON text of the payer; not sent.
    Metadata,
    /// The mobile money network.
    Network,
    /// The wallet that must pay.
    Wallet,
    /// The rail: `mobile_money` where it is blank, or `bank`, `paybill`, `till`.
    Method,
    /// The bank's code, for a payment to a bank.
    BankCode,
    /// The number of the account, of the paybill or of the till.
    AccountNumber,
    /// Who holds the account at the bank; the payee where it is blank.
    AccountName,
    /// The payee's country: ISO 3166-1, two letters or three.
    Country,
    /// The payee's account at the firm that a paybill belongs to.
    AccountReference,
}

impl Column {
    /// Every column, the required ones first.
    pub const ALL: [Self; 16] = [
        Self::RecipientName,
        Self::RecipientEmail,
        Self::RecipientPhone,
        Self::Amount,
        Self::Currency,
        Self::Reference,
        Self::Description,
        Self::Metadata,
        Self::Network,
        Self::Wallet,
        Self::Method,
        Self::BankCode,
        Self::AccountNumber,
        Self::AccountName,
        Self::Country,
        Self::AccountReference,
    ];

    /// The name as it is documented: `recipient_name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RecipientName => "recipient_name",
            Self::RecipientEmail => "recipient_email",
            Self::RecipientPhone => "recipient_phone",
            Self::Amount => "amount",
            Self::Currency => "currency",
            Self::Reference => "reference",
            Self::Description => "description",
            Self::Metadata => "metadata",
            Self::Network => "network",
            Self::Wallet => "wallet",
            Self::Method => "method",
            Self::BankCode => "bank_code",
            Self::AccountNumber => "account_number",
            Self::AccountName => "account_name",
            Self::Country => "country",
            Self::AccountReference => "account_reference",
        }
    }

    /// Other names of the column. None of them can mean two things: `id`, `number`, `account`, `bank`, `code` and
    /// `total` are not here, and neither are `netpay` and `salary`, which may be before what is taken off.
    pub fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::RecipientName => &[
                "name",
                "full_name",
                "beneficiary",
                "beneficiary_name",
                "payee",
                "payee_name",
                "employee_name",
                "recipient_full_name",
            ],
            Self::RecipientEmail => &[
                "email",
                "email_address",
                "beneficiary_email",
                "payee_email",
                "employee_email",
                "recipient_email_address",
            ],
            Self::RecipientPhone => &[
                "phone",
                "phone_number",
                "phone_no",
                "msisdn",
                "mobile",
                "mobile_number",
                "mobile_no",
                "mobile_phone",
                "cell_phone",
                "telephone",
                "telephone_number",
                "beneficiary_phone",
                "payee_phone",
                "employee_phone",
                "recipient_mobile",
                "recipient_msisdn",
                "recipient_phone_number",
            ],
            Self::Amount => &["payment_amount", "amount_to_pay"],
            Self::Currency => &["currency_code", "ccy", "payment_currency"],
            Self::Reference => &[
                "ref",
                "reference_number",
                "reference_no",
                "ref_no",
                "payment_reference",
                "payment_ref",
            ],
            Self::Description => &["narration", "narrative", "payment_description"],
            Self::Metadata => &[],
            Self::Network => &["mobile_network", "network_operator", "mno"],
            Self::Wallet => &[],
            Self::Method => &["payment_method", "payout_method"],
            Self::BankCode => &[],
            Self::AccountNumber => &["account_no", "bank_account_number", "bank_account_no"],
            Self::AccountName => &["bank_account_name", "account_holder", "account_holder_name"],
            Self::Country => &[],
            Self::AccountReference => &["account_ref"],
        }
    }

    /// Whether a file without it holds no payments.
    pub fn is_required(self) -> bool {
        matches!(
            self,
            Self::RecipientName
                | Self::RecipientEmail
                | Self::RecipientPhone
                | Self::Amount
                | Self::Currency
                | Self::Reference
        )
    }

    /// Whether the cell is a free text, where line breaks are the payer's own business.
    pub(crate) fn is_free_text(self) -> bool {
        matches!(self, Self::Description | Self::Metadata)
    }

    /// The column of this name or alias, compared without case, blanks, `_`, `-` and byte order mark.
    ///
    /// ```
    /// use payrun_csv::Column;
    /// assert_eq!(Column::named("Phone-Number"), Some(Column::RecipientPhone));
    /// assert_eq!(Column::named("phones"), None);
    /// ```
    pub fn named(text: &str) -> Option<Self> {
        let name = folded(text);
        let is_named = |column: &Self| {
            folded(column.name()) == name
                || column.aliases().iter().any(|alias| folded(alias) == name)
        };
        Self::ALL.into_iter().find(is_named)
    }

    /// The place in [`ALL`](Self::ALL).
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants count from 0 in the order of ALL, as a test shows"
    )]
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// What two names of a column have in common that are the same to people.
pub(crate) fn folded(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn names_are_compared_without_case_and_separators() {
        for name in [
            "recipient_name",
            "Recipient Name",
            " RECIPIENT-NAME ",
            "recipientName",
            "\u{feff}recipient_name",
            "recipient\u{a0}name",
            "Name",
            "FULL NAME",
            "Beneficiary",
        ] {
            assert_eq!(Column::named(name), Some(Column::RecipientName), "{name}");
        }
        for (name, column) in [
            ("E-mail", Column::RecipientEmail),
            ("Phone Number", Column::RecipientPhone),
            ("MSISDN", Column::RecipientPhone),
            ("mobile", Column::RecipientPhone),
            ("Payment Reference", Column::Reference),
            ("ref", Column::Reference),
            ("Account Reference", Column::AccountReference),
            ("Payment Method", Column::Method),
            ("Account No", Column::AccountNumber),
        ] {
            assert_eq!(Column::named(name), Some(column), "{name}");
        }
        for name in
            ["", "recipient.name", "recipient_names", "id", "number", "account", "bank", "code"]
        {
            assert_eq!(Column::named(name), None, "{name}");
        }
    }

    #[test]
    fn no_name_means_two_columns() {
        let mut meant = BTreeMap::new();
        for column in Column::ALL {
            for name in column.aliases().iter().copied().chain([column.name()]) {
                assert_eq!(meant.insert(folded(name), column), None, "{name}");
            }
        }
    }

    #[test]
    fn a_column_s_index_is_its_place_among_all() {
        for (place, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), place);
        }
    }
}
