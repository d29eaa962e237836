//! Files that are no CSV, told by their first bytes.

use crate::Code;
use crate::problem::Fault;

/// How many bytes at the start tell what a file is.
pub(crate) const HEAD_LENGTH: usize = 4096;

const SAVE_AS_CSV: &str = "Open it in the program that made it, and save it as CSV UTF-8.";
const UNPACK: &str = "Unpack it first, and give payrun the CSV file inside.";
const SAVE_AS_UTF8: &str =
    "Open it in the program that made it, and save it as CSV UTF-8 instead of Unicode text.";

/// First bytes, what they mean, what to do.
const KINDS: [(&[u8], &str, &str); 9] = [
    (b"%PDF-", "a PDF", "Ask whoever made it for the CSV file."),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", SAVE_AS_CSV),
    (b"\xff\xfe", "text in UTF-16", SAVE_AS_UTF8),
    (b"\xfe\xff", "text in UTF-16", SAVE_AS_UTF8),
    (b"\x7fELF", "a program", "Give payrun the CSV file."),
    (b"SQLite format 3\0", "a database", "Export the payments as CSV UTF-8."),
];

/// What the file is, if it is no CSV.
pub(crate) fn not_csv(head: &[u8]) -> Option<Fault> {
    let (what, hint) = zip(head).or_else(|| {
        KINDS
            .iter()
            .find(|(magic, _, _)| head.starts_with(magic))
            .map(|(_, what, hint)| (*what, *hint))
    })?;
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
    } else {
        ("a zip archive", UNPACK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_csv_is_named_as_what_it_is() {
        for (head, what) in [
            (b"%PDF-1.7\n".as_slice(), "a PDF"),
            (b"\x1f\x8b\x08\0", "a gzip archive"),
            (b"PK\x03\x04\x14\0\0\0[Content_Types].xml", "an Excel workbook (.xlsx)"),
            (b"PK\x03\x04\x14\0june.csv", "a zip archive"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
            (b"\xff\xfer\0e\0", "text in UTF-16"),
        ] {
            let fault = not_csv(head).unwrap();
            assert_eq!(fault.message, format!("The file is {what}, not a CSV file."));
        }
        for head in [b"".as_slice(), b"recipient_name", b"PK,amount", b"\xef\xbb\xbfrecipient_name"]
        {
            assert_eq!(not_csv(head), None);
        }
    }
}
