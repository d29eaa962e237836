//! Digits of other scripts: numbers to people, and to no program that pays.

/// Where the decimal digits of a script begin; nine follow each (Unicode, general category Nd).
const ZEROS: [char; 16] = [
    '\u{660}',   // Arabic
    '\u{6f0}',   // Persian
    '\u{7c0}',   // N'Ko
    '\u{966}',   // Devanagari
    '\u{9e6}',   // Bengali
    '\u{a66}',   // Gurmukhi
    '\u{ae6}',   // Gujarati
    '\u{be6}',   // Tamil
    '\u{c66}',   // Telugu
    '\u{ce6}',   // Kannada
    '\u{d66}',   // Malayalam
    '\u{e50}',   // Thai
    '\u{ff10}',  // full width
    '\u{1d7ce}', // bold
    '\u{1d7d8}', // double-struck
    '\u{1e950}', // Adlam
];

/// The text with the digits 0 to 9 instead; `None` if it has no others.
pub(crate) fn ascii(text: &str) -> Option<String> {
    if !text.chars().any(is_other) {
        return None;
    }
    Some(text.chars().map(|c| value(c).unwrap_or(c)).collect())
}

/// Whether the character is a number, but none of 0 to 9.
fn is_other(character: char) -> bool {
    !character.is_ascii() && character.is_numeric()
}

fn value(character: char) -> Option<char> {
    if character == '＋' {
        return Some('+');
    }
    let digit = ZEROS.iter().find_map(|zero| {
        u32::from(character).checked_sub(u32::from(*zero)).filter(|digit| *digit < 10)
    })?;
    char::from_digit(digit, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_other_scripts_are_read_and_only_they() {
        for (text, expected) in [
            ("１５００", Some("1500")),
            ("١٥٠٠", Some("1500")),
            ("۱۵۰۰", Some("1500")),
            ("＋２５４", Some("+254")),
            ("𝟙𝟝", Some("15")),
            ("15½", Some("15½")),
            ("1500", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(ascii(text).as_deref(), expected, "{text}");
        }
        for zero in ZEROS {
            assert_eq!(value(zero), Some('0'));
            assert!(zero.is_numeric() && is_other(zero), "{zero:?}");
        }
    }
}
