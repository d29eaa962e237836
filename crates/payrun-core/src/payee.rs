//! Who is paid. Personal data: printed masked unless asked for by name.

use std::fmt;

/// A phone number in E.164 form, `+254712345678`. Made by whoever validated it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// `+` and 7 to 15 digits, the first not 0; `None` for anything else.
    pub fn from_e164(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let valid = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        valid.then(|| Self(text.into()))
    }

    /// The whole number, personal data.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first four and last two digits with the rest hidden: `+2547•••••78`.
    pub fn masked(&self) -> String {
        let (head, tail) = self.0.split_at(self.0.len().min(5));
        let (hidden, end) = tail.split_at(tail.len().saturating_sub(2));
        format!("{head}{}{end}", "•".repeat(hidden.len()))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// A mobile money network as the provider spells it, such as `MPESA`: 1 to 32 of `[A-Z0-9_]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network(Box<str>);

impl Network {
    /// The network of this name in capitals; `None` if it is empty, too long or has other characters.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        ((1..=32).contains(&text.len()) && text.bytes().all(allowed)).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who is paid. `Debug` masks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Payee {
    /// Full name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Mobile money number.
    pub phone: PhoneNumber,
}

impl Payee {
    /// The name with all but the first letter of each word hidden: `J••• D••`.
    pub fn masked_name(&self) -> String {
        let mask = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(String::from).unwrap_or_default();
            first + &"•".repeat(letters.count().min(8))
        };
        self.name.split_whitespace().map(mask).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payee")
            .field("name", &self.masked_name())
            .field("phone", &self.phone)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_personal_data() {
        let payee = Payee {
            name: "Jane Mary Doe".into(),
            email: "jane@example.com".into(),
            phone: PhoneNumber::from_e164("+254712345678").unwrap(),
        };
        let shown = format!("{payee:?}");
        assert_eq!(shown, r#"Payee { name: "J••• M••• D••", phone: +2547••••••78, .. }"#);
    }

    #[test]
    fn only_e164_is_a_phone_number() {
        for bad in
            ["", "+", "254712345678", "+0712345678", "+25471", "+2547123456789012", "+2547 1234567"]
        {
            assert!(PhoneNumber::from_e164(bad).is_none(), "{bad}");
        }
    }
}
