//! The columns that payrun knows.

/// A column of the payment file. All others are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Full name of who is paid.
    RecipientName,
    /// E-mail address of who is paid.
    RecipientEmail,
    /// Mobile money number, in international form.
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
}

impl Column {
    /// Every column, the required ones first.
    pub const ALL: [Self; 10] = [
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
        }
    }

    /// Whether a file without it holds no payments.
    pub fn is_required(self) -> bool {
        !matches!(self, Self::Description | Self::Metadata | Self::Network | Self::Wallet)
    }

    /// Whether the cell is a free text, where line breaks are the payer's own business.
    pub(crate) fn is_free_text(self) -> bool {
        matches!(self, Self::Description | Self::Metadata)
    }

    /// The column of this name, compared without case, blanks, `_` and `-`.
    pub(crate) fn named(text: &str) -> Option<Self> {
        let name = folded(text);
        Self::ALL.into_iter().find(|column| folded(column.name()) == name)
    }
}

fn folded(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{feff}'))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_separators() {
        for name in [
            "recipient_name",
            "Recipient Name",
            " RECIPIENT-NAME ",
            "recipientName",
            "\u{feff}recipient_name",
            "recipient\u{a0}name",
        ] {
            assert_eq!(Column::named(name), Some(Column::RecipientName), "{name}");
        }
        for name in ["", "name", "recipient.name", "recipient_names"] {
            assert_eq!(Column::named(name), None, "{name}");
        }
    }
}
