//! JSON numbers as exact decimals: no float in between.

use rust_decimal::Decimal;

/// Digits behind the point that are looked at; far below any currency's smallest unit.
const FRACTION_MAX: usize = 12;

/// Digits before the point that fit; far above any balance.
const WHOLE_MAX: usize = 15;

/// The value of a number's text, cut toward zero behind [`FRACTION_MAX`] digits.
///
/// Reads what JSON allows, exponents included, since JavaScript writes the dust of its floats so
/// (`5.6e-14`). `None` for any other text and for numbers too large for money.
pub(crate) fn cut(text: &str) -> Option<Decimal> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let ends_in_point = mantissa.ends_with('.');
    if whole.is_empty() || ends_in_point || !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(Decimal::ZERO);
    }
    // How many digits stand before the point; below zero: how many zeros behind it come first.
    let leading_zeros = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
    let point =
        i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_sub(leading_zeros)?;
    if point > i64::try_from(WHOLE_MAX).ok()? {
        return None;
    }
    let fraction_max = i64::try_from(FRACTION_MAX).ok()?;
    let Ok(kept) = usize::try_from(point.checked_add(fraction_max)?) else {
        return Some(Decimal::ZERO); // smaller than anything that is looked at
    };
    let kept: String = significant.chars().chain(std::iter::repeat('0')).take(kept).collect();
    let value = if kept.is_empty() { 0 } else { kept.parse::<i128>().ok()? };
    let value = Decimal::try_from_i128_with_scale(value, u32::try_from(FRACTION_MAX).ok()?).ok()?;
    let value = value.normalize();
    Some(if negative && !value.is_zero() { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_and_only_ever_cut_toward_zero() {
        for (text, value) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1500", "1500"),
            ("1500.50", "1500.5"),
            ("0.036000000000000004", "0.036"),
            ("1499.9999999999999999999999999999999", "1499.999999999999"),
            ("-0.9999999999999999", "-0.999999999999"),
            ("1.5e3", "1500"),
            ("1.5E+3", "1500"),
            ("15e-1", "1.5"),
            ("5.684341886080802e-14", "0"),
            ("1e-12", "0.000000000001"),
            ("0.001e3", "1"),
            ("999999999999999", "999999999999999"),
            ("1e-400", "0"),
        ] {
            assert_eq!(cut(text).unwrap().to_string(), value, "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            " 1",
            "1.",
            ".5",
            "1e",
            "1,5",
            "NaN",
            "0x1",
            "1e16",
            "1e99999999999999999999",
            "1000000000000000",
            "١",
        ] {
            assert_eq!(cut(text), None, "{text:?}");
        }
    }
}
