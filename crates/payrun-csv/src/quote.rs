//! Quotation marks that do not come in pairs, and records that never end because of them.

use crate::Code;
use crate::problem::Fault;
use crate::record::Record;
use crate::text::{cut_bytes, quoted};

/// The quotation mark of the last cell is never closed. `line` is where the record starts.
pub(crate) fn never_closed(line: u64, record: &Record) -> Fault {
    let before = record.len().saturating_sub(1);
    let start =
        record.cells().take(before).fold(line, |line, cell| line.saturating_add(breaks(cell)));
    let begins = record.cell(before).map(beginning).unwrap_or_default();
    Fault::new(
        Code::QuoteNeverClosed,
        format!(
            "A quotation mark in line {start} is never closed, before {begins}; what follows it is swallowed."
        ),
        "Close or remove the quotation mark there; the rows behind it are read once that is done.",
    )
}

/// Text stands behind the quotation mark that closes the cell at `place`.
pub(crate) fn misplaced(record: &Record, place: usize) -> Fault {
    let cell = record.cell(place).map(beginning).unwrap_or_default();
    Fault::new(
        Code::QuoteMisplaced,
        format!(
            "Text stands behind the closing quotation mark; it could be read as {cell}, or not."
        ),
        "Put the whole cell between quotation marks and double each that stands inside it, or leave all of them out.",
    )
}

/// The record is longer than a record may be.
pub(crate) fn too_long(record_bytes_max: usize) -> Fault {
    Fault::new(
        Code::RecordTooLong,
        format!("The row is longer than {record_bytes_max} bytes, and was not read to its end."),
        "Look for a quotation mark that is never closed, or for a cell with a whole document in it.",
    )
}

fn beginning(cell: &[u8]) -> String {
    let head: String = cut_bytes(cell).chars().take(20).collect();
    quoted(&head)
}

/// How many lines end inside a cell: by LF, CR or both.
fn breaks(cell: &[u8]) -> u64 {
    let mut count = 0u64;
    for (place, byte) in cell.iter().enumerate() {
        let lone = *byte == b'\r' && cell.get(place.saturating_add(1)) != Some(&b'\n');
        if *byte == b'\n' || lone {
            count = count.saturating_add(1);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_open_quotation_mark_is_named() {
        for (cells, line) in [
            (vec!["Jane, a@b"], 7),
            (vec!["Jane", "two\nlines", "three\r\nlines\rhere", "open\nfor\never"], 10),
        ] {
            let fault = never_closed(7, &Record::of(cells));
            assert!(fault.message.contains(&format!("in line {line} is")), "{}", fault.message);
        }
        let long = never_closed(1, &Record::of(["x".repeat(1 << 20)]));
        assert!(long.message.len() < 200, "{}", long.message);
        assert!(!never_closed(1, &Record::default()).message.is_empty());
    }

    #[test]
    fn what_might_be_read_is_shown_and_not_taken() {
        let record = Record::of(["Jane", "150000"]);
        assert!(misplaced(&record, 1).message.contains(r#"read as "150000", or not"#));
        assert_eq!(misplaced(&record, 9).code, Code::QuoteMisplaced);
    }
}
