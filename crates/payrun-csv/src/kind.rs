//! Files that are no CSV, told by their first bytes.

use crate::Code;
use crate::problem::Fault;

/// How many bytes at the start tell what a file is.
pub(crate) const HEAD_LENGTH: usize = 4096;

const SAVE_AS_CSV: &str = "Open it in the program that made it, and save it as CSV UTF-8.";
const UNPACK: &str = "Unpack it first, and give payrun the CSV file inside.";
const GIVE_CSV: &str = "Give payrun the CSV file.";

/// First bytes, what they mean, what to do.
const KINDS: [(&[u8], &str, &str); 15] = [
    (b"%PDF-", "a PDF", "Ask whoever made it for the CSV file."),
    (b"\x1f\x8b", "a gzip archive inside another archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive inside another archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", SAVE_AS_CSV),
    (b"\xff\xfe\0\0", "text in UTF-32", SAVE_AS_CSV),
    (b"\0\0\xfe\xff", "text in UTF-32", SAVE_AS_CSV),
    (b"\x7fELF", "a program", GIVE_CSV),
    (b"\x89PNG\r\n", "a picture", "Ask whoever made it for the CSV file."),
    (b"\xff\xd8\xff", "a picture", "Ask whoever made it for the CSV file."),
    (b"SQLite format 3\0", "a database", "Export the payments as CSV UTF-8."),
    (b"{\\rtf", "a text document (.rtf)", SAVE_AS_CSV),
];

/// How a file is packed, where payrun unpacks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

/// How the file is packed.
pub(crate) fn packing(head: &[u8]) -> Option<Packing> {
    if head.starts_with(b"\x1f\x8b") {
        Some(Packing::Gzip)
    } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
        Some(Packing::Zstd)
    } else {
        None
    }
}

/// What the file is, if it is no CSV. With its encoding named by the payer, the bytes may be anything but a file of
/// another kind.
pub(crate) fn not_csv(head: &[u8], is_named: bool) -> Option<Fault> {
    let of_kind = || {
        KINDS
            .iter()
            .find(|(magic, _, _)| head.starts_with(magic))
            .map(|(_, what, hint)| (*what, *hint))
    };
    let of_bytes = || if is_named { None } else { without_mark(head).or_else(|| binary(head)) };
    let (what, hint) = zip(head).or_else(of_kind).or_else(|| markup(head)).or_else(of_bytes)?;
    Some(Fault::new(Code::FileNotCsv, format!("The file is {what}, not a CSV file."), hint))
}

/// A zip archive is most often a workbook: its first entries tell.
fn zip(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if !(head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")) {
        return None;
    }
    let holds = |name: &[u8]| head.windows(name.len()).any(|part| part == name);
    Some(if holds(b"opendocument.spreadsheet") {
        ("an OpenDocument spreadsheet (.ods)", SAVE_AS_CSV)
    } else if holds(b"[Content_Types].xml") || holds(b"xl/") {
        ("an Excel workbook (.xlsx)", SAVE_AS_CSV)
    } else if holds(b"Index/") || holds(b".iwa") {
        ("a Numbers spreadsheet", SAVE_AS_CSV)
    } else {
        ("a zip archive", UNPACK)
    })
}

/// Pages and data in other notations.
fn markup(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |word: &str| {
        text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins("<!doctype html") || begins("<html") {
        Some(("a web page", "Log in first where it comes from, or save the CSV file itself."))
    } else if begins("<?xml") {
        Some(("an XML document", SAVE_AS_CSV))
    } else if begins("{\"") || begins("[{") {
        Some(("JSON", "Convert it to CSV with the columns of a payment file."))
    } else {
        None
    }
}

/// UTF-16 without a byte order mark: every other byte of what must begin with letters is zero.
fn without_mark(head: &[u8]) -> Option<(&'static str, &'static str)> {
    const PAIRS_MIN: usize = 8;
    let pairs = head.as_chunks::<2>().0.iter().take(64);
    if pairs.len() < PAIRS_MIN {
        return None;
    }
    if pairs.clone().all(|[first, second]| *first != 0 && *second == 0) {
        Some((
            "text in UTF-16 without a byte order mark",
            "Pass --encoding utf-16le, or save it as CSV UTF-8.",
        ))
    } else if pairs.clone().all(|[first, second]| *first == 0 && *second != 0) {
        Some((
            "text in UTF-16 without a byte order mark",
            "Pass --encoding utf-16be, or save it as CSV UTF-8.",
        ))
    } else {
        None
    }
}

/// More than one control character in ten bytes is no text. One here and there is the fault of its cell.
fn binary(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return None;
    }
    let is_control = |byte: &&u8| matches!(byte, 0..=8 | 14..=31);
    let controls = head.iter().filter(is_control).count();
    (controls > 4 && controls > head.len() / 10).then_some(("binary data", GIVE_CSV))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_csv_is_named_as_what_it_is() {
        for (head, what) in [
            (b"%PDF-1.7\n".as_slice(), "a PDF"),
            (b"PK\x03\x04\x14\0\0\0[Content_Types].xml", "an Excel workbook (.xlsx)"),
            (b"PK\x03\x04\x14\0june.csv", "a zip archive"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
            (b"\xff\xfe\0\0r\0\0\0", "text in UTF-32"),
            (b"r\0e\0c\0i\0p\0i\0e\0n\0t\0", "text in UTF-16 without a byte order mark"),
            (b"\0r\0e\0c\0i\0p\0i\0e\0n\0t", "text in UTF-16 without a byte order mark"),
            (b"\x01\x02\x03\x04\x05abc", "binary data"),
            (b"  <!DOCTYPE html><p>", "a web page"),
            (b"<?xml version='1.0'?>", "an XML document"),
            (b"[{\"amount\":1}]", "JSON"),
        ] {
            let fault = not_csv(head, false).unwrap();
            assert_eq!(fault.message, format!("The file is {what}, not a CSV file."));
        }
        for head in [
            b"".as_slice(),
            b"recipient_name",
            b"PK,amount",
            b"\xef\xbb\xbfrecipient_name",
            b"\xff\xfer\0e\0",
            b"name\0,amount of it",
            b"a\0",
        ] {
            assert_eq!(not_csv(head, false), None);
        }
        assert_eq!(not_csv(b"r\0e\0c\0i\0p\0i\0e\0n\0t\0", true), None);
    }

    #[test]
    fn what_can_be_unpacked_is_told_by_its_first_bytes() {
        assert_eq!(packing(b"\x1f\x8b\x08\0"), Some(Packing::Gzip));
        assert_eq!(packing(b"\x28\xb5\x2f\xfd\0"), Some(Packing::Zstd));
        assert_eq!(packing(b"recipient_name"), None);
    }
}
