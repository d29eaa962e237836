//! JSON numbers as exact decimals: no float in between, in either direction.

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The exact value of a number's text, as JSON spells numbers. `None` for any other text, and for one with more
/// digits than a [`Decimal`] holds: nothing is ever rounded.
pub(crate) fn read(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let digits = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !plain || !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let value = Decimal::from_str_exact(mantissa).ok()?.normalize();
    let scale = i64::from(value.scale()).checked_sub(exponent)?;
    let (units, scale) = match u32::try_from(scale) {
        Ok(scale) => (value.mantissa(), scale),
        Err(_) => {
            let zeros = u32::try_from(scale.checked_neg()?).ok()?;
            (value.mantissa().checked_mul(10_i128.checked_pow(zeros)?)?, 0)
        }
    };
    Decimal::try_from_i128_with_scale(units, scale).ok()
}

/// The shortest text of a value: `1500.1`, never `1500.10` and never with an exponent.
pub(crate) fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A value that is written as an unquoted JSON number.
#[derive(Clone, Copy)]
pub(crate) struct Number(pub(crate) Decimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(text(self.0)).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A value that is written as quoted decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Decimal);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.0))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map(Self).ok_or_else(|| D::Error::custom("not a decimal number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (json, value) in [
            ("1500", Some("1500")),
            ("1500.10", Some("1500.1")),
            ("1500.1000000000001", Some("1500.1000000000001")),
            ("9007199254740993", Some("9007199254740993")),
            ("0.1", Some("0.1")),
            ("-3.50", Some("-3.5")),
            ("1.5005e3", Some("1500.5")),
            ("15E2", Some("1500")),
            ("25e-1", Some("2.5")),
            ("0e99", None),
            ("1e300", None),
            ("1e-300", None),
            ("1e99999999999999999999", None),
            ("0.00000000000000000000000000001", None),
            ("79228162514264337593543950336", None),
            ("1_000", None),
            ("+1", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("true", None),
            ("\"1\"", None),
        ] {
            assert_eq!(read(json).map(text).as_deref(), value, "{json}");
        }
    }

    #[test]
    fn a_number_is_written_with_the_digits_it_has() {
        let value = read("1500.10").unwrap();
        assert_eq!(serde_json::to_string(&Number(value)).unwrap(), "1500.1");
        assert_eq!(serde_json::to_string(&Text(value)).unwrap(), "\"1500.1\"");
        assert_eq!(serde_json::from_str::<Text>("\"1500.10\"").unwrap(), Text(value));
        assert!(serde_json::from_str::<Text>("\"much\"").is_err());
    }
}
