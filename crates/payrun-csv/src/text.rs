//! Cells as text: trimming, what cannot be seen, and how a cell is shown.

use crate::Code;
use crate::problem::Fault;

/// The most characters of a cell that a problem carries.
pub const VALUE_CHARS_MAX: usize = 80;

/// Blanks around a cell mean nothing: ASCII ones only, any other is part of the cell and is judged.
pub(crate) fn trimmed(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

/// The cell's text, cut to a bounded length.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The cell's bytes as text, bounded; what is not UTF-8 is replaced.
pub(crate) fn cut_bytes(cell: &[u8]) -> String {
    // No character is longer than four bytes.
    let head = cell.get(..VALUE_CHARS_MAX * 4 + 4).unwrap_or(cell);
    cut(&String::from_utf8_lossy(head))
}

/// The text cut, with what cannot be seen written out.
pub(crate) fn shown(text: &str) -> String {
    // No text has more characters than bytes.
    if text.len() <= VALUE_CHARS_MAX && is_plain(text.as_bytes()) {
        return text.to_owned();
    }
    let mut out = String::new();
    for character in cut(text).chars() {
        if character.is_control() || is_hidden(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// The text as a message quotes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text))
}

/// Bidirectional controls, zero-width and other characters that take no place on the screen.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that join or choose the form of others: part of how free text with emoji and some scripts is written.
fn is_joining(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether a cell is printable ASCII, and so neither hides nor breaks anything.
pub(crate) fn is_plain(cell: &[u8]) -> bool {
    // No early return: the compiler makes wide steps of it.
    cell.iter().fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e))
}

/// Refuses a cell with characters that cannot be seen, or that stand for letters that were lost.
pub(crate) fn visible(text: &str) -> Result<&str, Fault> {
    refuse(text, unseen_code)
}

/// The same for free text, in which lines may end and characters may be joined.
pub(crate) fn visible_free_text(text: &str) -> Result<&str, Fault> {
    refuse(text, |character| {
        let allowed = matches!(character, '\n' | '\r' | '\t') || is_joining(character);
        if allowed { None } else { unseen_code(character) }
    })
}

fn unseen_code(character: char) -> Option<Code> {
    match character {
        '\u{fffd}' => Some(Code::CellDamagedCharacter),
        hidden if is_hidden(hidden) => Some(Code::CellHiddenCharacter),
        control if control.is_control() => Some(Code::CellControlCharacter),
        _ => None,
    }
}

fn refuse(text: &str, code_of: impl Fn(char) -> Option<Code>) -> Result<&str, Fault> {
    if is_plain(text.as_bytes()) {
        return Ok(text);
    }
    let found = text.chars().find_map(|character| Some((character, code_of(character)?)));
    match found {
        None => Ok(text),
        Some((character, code)) => Err(unseen(text, character, code)),
    }
}

fn unseen(text: &str, character: char, code: Code) -> Fault {
    let number = u32::from(character);
    if code == Code::CellDamagedCharacter {
        return Fault::new(
            code,
            format!("{} holds \"\u{fffd}\", the sign of a letter that was lost.", quoted(text)),
            "Type the cell anew, and save the file as CSV UTF-8.",
        );
    }
    if matches!(character, '\n' | '\r') {
        return Fault::new(
            code,
            format!("{} holds a line break.", quoted(text)),
            "Remove the line break; if other rows are in the cell too, close its quotation mark.",
        );
    }
    let what = match character {
        '\t' => "a tab".to_owned(),
        _ if code == Code::CellControlCharacter => format!("the control character U+{number:04X}"),
        _ => format!("the invisible character U+{number:04X}"),
    };
    Fault::new(
        code,
        format!("{} holds {what}.", quoted(text)),
        "Type the cell anew instead of pasting it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_refused_and_named() {
        for (text, code, part) in [
            ("Jane\nDoe", Code::CellControlCharacter, "a line break"),
            ("Jane\tDoe", Code::CellControlCharacter, "a tab"),
            ("Jane\u{1b}Doe", Code::CellControlCharacter, "U+001B"),
            ("Jane\u{85}Doe", Code::CellControlCharacter, "U+0085"),
            ("Jane\u{202e}eoD", Code::CellHiddenCharacter, "U+202E"),
            ("Jane\u{200b}Doe", Code::CellHiddenCharacter, "U+200B"),
            ("\u{feff}Jane", Code::CellHiddenCharacter, "U+FEFF"),
            ("Ren\u{fffd}", Code::CellDamagedCharacter, "was lost"),
        ] {
            let fault = visible(text).unwrap_err();
            assert_eq!(fault.code, code, "{text:?}");
            assert!(fault.message.contains(part), "{}", fault.message);
        }
        for text in ["Jane Doe", "Adébáyọ̀ N'Diaye", "Kwabena Ɔdɔɔ", "محمد علي", "O’Brien-Smith"]
        {
            assert_eq!(visible(text), Ok(text));
        }
    }

    #[test]
    fn free_text_may_have_lines_and_emoji_and_hides_nothing_all_the_same() {
        for text in
            ["June\nsalary\r\n\tthanks", "well done \u{1f469}\u{200d}\u{1f33e} \u{2764}\u{fe0f}"]
        {
            assert_eq!(visible_free_text(text), Ok(text));
        }
        for (text, code) in [
            ("June\u{7}", Code::CellControlCharacter),
            ("a\u{202e}b", Code::CellHiddenCharacter),
            ("a\u{2066}b", Code::CellHiddenCharacter),
            ("a\u{200b}b", Code::CellHiddenCharacter),
            ("a\u{fffd}b", Code::CellDamagedCharacter),
        ] {
            assert_eq!(visible_free_text(text).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn long_cells_are_cut_at_a_character() {
        let long = "é".repeat(VALUE_CHARS_MAX + 1);
        assert_eq!(cut(&long).chars().count(), VALUE_CHARS_MAX + 1);
        assert!(cut(&long).ends_with('…'));
        assert_eq!(cut("é"), "é");
        assert_eq!(cut_bytes(long.as_bytes()), cut(&long));
        assert_eq!(cut_bytes(b"Ren\xe9"), "Ren\u{fffd}");
        assert!(cut_bytes(&vec![b'x'; 1 << 20]).len() < 100);
    }

    #[test]
    fn only_ascii_blanks_are_trimmed() {
        assert_eq!(trimmed(b" \t a b \r\n"), b"a b");
        assert_eq!(trimmed("\u{a0}a".as_bytes()), "\u{a0}a".as_bytes());
    }
}
