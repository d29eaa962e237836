//! The cell at fault, with a line below it that points at what is wrong.

use crate::screen::WIDTH;
use crate::show::tame;
use payrun::csv::{Code, Problem};
use textwrap::core::display_width;

/// A column's name in a file can be as long as it likes.
const NAME_WIDTH_MAX: usize = 40;

/// Where a cell stands that has no room behind its place.
const INDENT: &str = "      ";

/// `row 12 (line 13), amount`
pub(super) fn place(problem: &Problem) -> String {
    let mut place = match (problem.row, problem.line) {
        (Some(row), Some(line)) => format!("row {row} (line {line})"),
        (Some(row), None) => format!("row {row}"),
        (None, Some(line)) => format!("line {line}"),
        (None, None) => String::new(),
    };
    if let Some(column) = &problem.column {
        if !place.is_empty() {
            place.push_str(", ");
        }
        place.push_str(&cut(&tame(column), NAME_WIDTH_MAX));
    }
    place
}

/// The place, the cell, and carets below what is wrong in it; `None` for a problem of no cell.
pub(super) fn pointed(problem: &Problem) -> Option<String> {
    let value = problem.shown_value()?;
    let place = place(problem);
    let lead = format!("  {place}:  ");
    if value.is_empty() {
        return Some(format!("{lead}(empty)\n"));
    }
    let has_room = display_width(&lead) + display_width(&value) <= WIDTH;
    let (head, indent) = if has_room {
        (lead.clone(), " ".repeat(display_width(&lead)))
    } else {
        (format!("  {place}:\n{INDENT}"), INDENT.to_owned())
    };
    let value = cut(&value, WIDTH - INDENT.len());
    let carets = carets(&value, &faulty(problem.code, &value));
    Some(format!("{head}{value}\n{indent}{carets}\n"))
}

/// No wider than this; what is cut off leaves dots.
fn cut(text: &str, width: usize) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        short.push(character);
        if display_width(&short) > width.saturating_sub(3) {
            short.pop();
            break;
        }
    }
    short + "..."
}

/// What of a cell is at fault.
#[derive(Clone, Copy)]
enum Part {
    /// These characters.
    Each(fn(char) -> bool),
    /// Everything from the last of these on.
    From(&'static [char]),
    /// The first character.
    First,
    /// What had to be written out to be seen.
    WrittenOut,
}

/// Rules of which a part stands out; of all others the whole cell is at fault.
const PARTS: [(Code, Part); 17] = [
    (Code::ReferenceCharacter, Part::Each(|c| !c.is_ascii_alphanumeric() && !"._-/:#".contains(c))),
    (Code::AmountAmbiguous, Part::Each(|c| !c.is_ascii_digit())),
    (Code::AmountSeparated, Part::Each(|c| !c.is_ascii_digit())),
    (Code::AmountCurrencyWord, Part::Each(|c| !c.is_ascii_digit() && !",. ".contains(c))),
    (Code::AmountOtherDigits, Part::Each(|c| !c.is_ascii())),
    (Code::PhoneOtherDigits, Part::Each(|c| !c.is_ascii())),
    (Code::AmountExponent, Part::From(&['e', 'E'])),
    (Code::PhoneExponent, Part::From(&['e', 'E'])),
    (Code::AmountTooPrecise, Part::From(&['.'])),
    (Code::PhoneDecimal, Part::From(&['.'])),
    (Code::AmountSign, Part::First),
    (Code::AmountFormula, Part::First),
    (Code::CellFormula, Part::First),
    (Code::PhoneApostrophe, Part::First),
    (Code::CellDamagedCharacter, Part::Each(|c| c == '\u{fffd}')),
    (Code::CellControlCharacter, Part::WrittenOut),
    (Code::CellHiddenCharacter, Part::WrittenOut),
];

/// For each character whether it is at fault; all of them where no part stands out.
fn faulty(code: Code, value: &str) -> Vec<bool> {
    let behind = |start: Option<usize>| {
        value.char_indices().map(|(at, _)| start.is_some_and(|start| at >= start)).collect()
    };
    let part = PARTS.iter().find(|(of, _)| *of == code).map(|(_, part)| *part);
    let marks: Vec<bool> = match part {
        Some(Part::Each(is_faulty)) => value.chars().map(is_faulty).collect(),
        Some(Part::From(marks)) => behind(value.rfind(marks)),
        Some(Part::First) => value.char_indices().map(|(at, _)| at == 0).collect(),
        Some(Part::WrittenOut) => written_out(value),
        None => Vec::new(),
    };
    if marks.contains(&true) { marks } else { vec![true; value.chars().count()] }
}

/// The characters that cannot be seen, as they are shown: `\u{202e}`.
fn written_out(value: &str) -> Vec<bool> {
    let mut marks = Vec::new();
    let mut inside = false;
    for (at, character) in value.char_indices() {
        inside |= value.get(at..).is_some_and(|rest| rest.starts_with("\\u{"));
        marks.push(inside);
        inside &= character != '}';
    }
    marks
}

fn carets(value: &str, faulty: &[bool]) -> String {
    let mut line = String::new();
    let mut before = 0;
    for (end, is_faulty) in value.char_indices().map(|(at, c)| at + c.len_utf8()).zip(faulty) {
        // Of the whole beginning, since a sequence may be narrower than its characters.
        let width = value.get(..end).map_or(before, display_width);
        let step = width.saturating_sub(before);
        line.push_str(&if *is_faulty { "^" } else { " " }.repeat(step));
        before = before.max(width);
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(code: Code, column: &str, value: &str) -> Problem {
        Problem {
            code,
            row: Some(12),
            line: Some(13),
            column: Some(column.to_owned()),
            value: Some(value.to_owned()),
            message: String::new(),
            hint: String::new(),
        }
    }

    #[test]
    fn carets_stand_below_what_is_wrong() {
        for (code, value, below) in [
            (Code::AmountSeparated, "1.250.000", " ^   ^"),
            (Code::AmountExponent, "1E+03", " ^^^^"),
            (Code::AmountCurrencyWord, "USh 480,000", "^^^"),
            (Code::AmountTooPrecise, "1760.255", "    ^^^^"),
            (Code::AmountSign, "-450.00", "^"),
            (Code::PhoneExponent, "2.54713E+11", "       ^^^^"),
            (Code::PhoneTooShort, "+25471", "^^^^^^"),
            (Code::ReferenceCharacter, "CAS 0634", "   ^"),
            (Code::ReferenceTooLong, "CAS-0634", "^^^^^^^^"),
            (Code::CellHiddenCharacter, "Cha\u{200b}nda", "   ^^^^^^^^"),
            (Code::CellDamagedCharacter, "Ren\u{fffd}", "   ^"),
            // Wide letters take two columns.
            (Code::NameTooLong, "李", "^^"),
        ] {
            let text = pointed(&problem(code, "amount", value)).unwrap();
            let lines: Vec<_> = text.lines().collect();
            let indent = " ".repeat("  row 12 (line 13), amount:  ".len());
            assert_eq!(lines[1], format!("{indent}{below}"), "{text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_the_screen_whatever_the_file_holds() {
        let names = ["amount", &"a very long name ".repeat(9), "\u{1b}[2J"];
        let values = ["x", &"x".repeat(80), &"李".repeat(80), &"\u{7}".repeat(80), "\u{202e}"];
        for name in names {
            for value in values {
                let text = pointed(&problem(Code::PhoneNotANumber, name, value)).unwrap();
                assert!(text.lines().all(|line| display_width(line) <= WIDTH), "{text}");
                assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
            }
        }
    }

    #[test]
    fn an_empty_cell_is_called_empty() {
        let text = pointed(&problem(Code::NameEmpty, "name", "")).unwrap();
        assert_eq!(text, "  row 12 (line 13), name:  (empty)\n");
    }
}
