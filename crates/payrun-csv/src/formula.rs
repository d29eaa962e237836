//! Cells that a spreadsheet would run instead of showing.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;

/// Marks that tell a spreadsheet, or an export of one, that the cell is text. They keep nobody from running it later.
const APOSTROPHES: [char; 4] = ['\'', '’', '‘', '`'];

/// A doubt about a cell that begins as formulas do.
pub(crate) fn doubt(cell: &[u8]) -> Option<Fault> {
    // Most cells begin with a letter or a digit.
    let first = *cell.trim_ascii_start().first()?;
    if first.is_ascii_alphanumeric() {
        return None;
    }
    let text = std::str::from_utf8(cell).ok()?;
    is_formula(text).then(|| {
        Fault::new(
            Code::CellFormula,
            format!("{} begins as a formula does; a spreadsheet would run it.", quoted(text)),
            "Write the value itself; if it is meant as it stands, leave it.",
        )
    })
}

/// Whether a spreadsheet takes the text for a formula. A phone number with its `+` is none, and neither is a number
/// with a sign.
pub(crate) fn is_formula(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || APOSTROPHES.contains(&c));
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let rest = characters.as_str().trim();
    if rest.is_empty() {
        return false;
    }
    match first {
        '=' | '@' | '＝' | '＠' => true,
        '+' | '＋' => !is_phone(rest) && !is_number(rest),
        '-' | '－' => !is_number(rest),
        _ => false,
    }
}

fn is_phone(rest: &str) -> bool {
    let allowed = |c: char| matches!(c, '0'..='9' | ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2013}');
    rest.chars().all(allowed)
}

/// Digits with separators between them, with an exponent or a percent sign behind them, or another sign in front.
fn is_number(rest: &str) -> bool {
    let rest = rest.strip_suffix('%').unwrap_or(rest);
    let (digits, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| matches!(c, '0'..='9' | ',' | '.' | ' ' | '\'' | '\u{a0}'))
        && is_digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_a_formula() {
        for text in [
            "=1+1",
            "=HYPERLINK(\"http://example.com\")",
            "@SUM(A1)",
            "+A1",
            "+1+1",
            "+cmd|' /C calc'!A0",
            "-A1",
            "-2+3",
            "-1-1",
            " =A1",
            "\t=A1",
            "'=A1",
            "''+A1",
            "’@x",
            "＝A1",
            "+254712345678/+254722345678",
            "- see note",
        ] {
            assert!(is_formula(text), "{text}");
            let doubt = doubt(text.as_bytes()).unwrap();
            assert_eq!((doubt.code, doubt.code.severity().word()), (Code::CellFormula, "warning"));
        }
    }

    #[test]
    fn numbers_phones_and_words_are_none() {
        for text in [
            "",
            "-",
            "=",
            "@",
            "+",
            "'",
            "+254712345678",
            "+254 (712) 345-678",
            "'+254712345678",
            "-1500",
            "-1,500.50",
            "+1.5E+06",
            "-5%",
            "Jane",
            "a=b",
            "jane@example.com",
            "{\"a\":1}",
            "(none)",
            "'tis",
            "- ",
        ] {
            assert!(!is_formula(text), "{text}");
            assert_eq!(doubt(text.as_bytes()), None, "{text}");
        }
        assert_eq!(doubt(b"=\xff"), None);
    }
}
