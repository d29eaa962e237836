//! Files as people really have them: separators, encodings, archives, limits, and the way back to a file.

use super::*;
use crate::{Expected, Limits, Severity};
use payrun_core::Amount;
use std::io::Write;

const HEADER: &str = "name,email,phone,amount,currency,reference\n";
const ROWS: &str = "Zoë Doe,zoe@example.com,+254712345678,1500,KES,EMP-1\n\
                    John Otieno,john@example.com,+254712345679,\"1,000\",KES,EMP-2\n\
                    Ann Lee,ann@example.com,+256772123456,2000,UGX,EMP-3\n";

fn with(rules: Rules, text: impl AsRef<[u8]>) -> Validated {
    Reading::new(rules).input(text.as_ref(), "june.csv").unwrap()
}

fn plain(text: impl AsRef<[u8]>) -> Validated {
    with(Rules::default(), text)
}

fn codes(validated: &Validated) -> Vec<(&'static str, Option<u64>, Option<u64>)> {
    let place = |problem: Problem| (problem.code.word(), problem.row, problem.line);
    validated.problems().unwrap().into_iter().map(place).collect()
}

/// That the two valid rows of [`ROWS`] arrived whole, and the fault of the other.
fn is_whole(validated: &Validated) {
    assert_eq!(codes(validated), [("amount-ambiguous", Some(2), Some(3))]);
    assert_eq!((validated.rows, validated.payments.len()), (3, 2));
    assert_eq!(validated.payments[0].payee.name, "Zoë Doe");
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

#[test]
fn what_separates_the_columns_is_found_in_the_header() {
    for delimiter in ",;\t|".chars() {
        let text = format!("{HEADER}{ROWS}").replace(',', &delimiter.to_string());
        let text = text.replace(&format!("1{delimiter}000"), "1,000");
        for text in [text.clone(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            let validated = plain(&text);
            assert_eq!(validated.delimiter.map(char::from), Some(delimiter));
            is_whole(&validated);
            let told = Rules { delimiter: u8::try_from(delimiter).ok(), ..Rules::default() };
            is_whole(&with(told, &text));
        }
    }
    // A comma in the name of a column does not make it one.
    let text = "\"name, full\";name;email;phone;amount;currency;reference\nx;A;a@x.com;+254712345678;1;KES;1\n";
    assert_eq!((plain(text).delimiter, plain(text).errors()), (Some(b';'), 0));
}

#[test]
fn a_line_that_tells_spreadsheets_the_separator_is_believed() {
    for (line, delimiter) in [("sep=;", ';'), ("SEP=\t", '\t'), ("sep=|", '|'), ("\nsep=;", ';')] {
        let text = format!("{HEADER}{ROWS}").replace(',', &delimiter.to_string());
        let validated =
            plain(format!("{line}\n{}", text.replace(&format!("1{delimiter}000"), "1,000")));
        let lines = 4 + u64::try_from(line.matches('\n').count()).unwrap();
        assert_eq!(codes(&validated), [("amount-ambiguous", Some(2), Some(lines))], "{line:?}");
        assert_eq!(validated.payments.len(), 2);
    }
}

#[test]
fn utf16_is_read_by_its_byte_order_mark_or_by_its_name() {
    let text = format!("{HEADER}{ROWS}");
    let units = |mark: bool| {
        text.encode_utf16().fold(if mark { vec![0xfeff] } else { Vec::new() }, |mut all, unit| {
            all.push(unit);
            all
        })
    };
    let little = |mark| units(mark).into_iter().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = |mark| units(mark).into_iter().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    is_whole(&plain(little(true)));
    is_whole(&plain(big(true)));
    assert_eq!(codes(&plain(little(false))), [("file-not-csv", None, None)]);
    let named = |name: &str| Rules { encoding: Some(name.parse().unwrap()), ..Rules::default() };
    is_whole(&with(named("utf-16le"), little(false)));
    is_whole(&with(named("utf-16be"), big(false)));
    // A mark goes before what was named.
    is_whole(&with(named("windows-1252"), little(true)));
    is_whole(&with(named("windows-1252"), format!("\u{feff}{text}")));
}

#[test]
fn packed_files_are_unpacked_on_the_way() {
    let text = format!("{HEADER}{ROWS}");
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    let gzip = gzipped(text.as_bytes());
    for packed in [&gzip, &zstd] {
        let validated = plain(packed);
        is_whole(&validated);
        // The hash is of the file as it is.
        let mut raw = Hashed::new(packed.as_slice());
        raw.drain(u64::MAX).unwrap();
        assert_eq!(validated.source.sha256, raw.digest());
        for length in [packed.len() - 5, packed.len() / 2, 12] {
            let cut = plain(&packed[..length]);
            assert_eq!(codes(&cut), [("file-archive-damaged", None, None)], "{length}");
            assert_eq!((cut.rows, cut.payments.len()), (0, 0));
        }
    }
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    is_whole(&plain(gzipped(&utf16)));
    assert_eq!(codes(&plain(gzipped(&gzip))), [("file-not-csv", None, None)]);
    assert_eq!(codes(&plain(gzipped(b"PK\x03\x04xl/"))), [("file-not-csv", None, None)]);
    // Two archives one behind the other are one text.
    is_whole(&plain([gzipped(HEADER.as_bytes()), gzipped(ROWS.as_bytes())].concat()));
}

#[test]
fn a_failure_to_read_is_never_the_archive_s_fault() {
    struct Failing(std::io::Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("cable pulled")),
                count => Ok(count),
            }
        }
    }
    let mut packed = gzipped(&format!("{HEADER}{}", ROWS.repeat(1000)).into_bytes());
    packed.truncate(packed.len() / 2);
    for text in [packed, HEADER.as_bytes().to_vec()] {
        let input = Failing(std::io::Cursor::new(text));
        let error = Reading::new(Rules::default()).input(input, "june.csv").unwrap_err();
        assert!(matches!(error, ReadError::Io { .. }), "{error:?}");
    }
}

#[test]
fn a_file_over_a_limit_is_refused() {
    let text = format!("{HEADER}{ROWS}");
    let limited = |limits: Limits| with(Rules { limits, ..Rules::default() }, &text);
    let of = |validated: &Validated| {
        codes(validated).into_iter().map(|(code, row, _)| (code, row)).collect::<Vec<_>>()
    };
    let usual = Limits::default;
    assert_eq!(of(&limited(Limits { rows_max: 3, ..usual() })).len(), 1);
    assert!(
        of(&limited(Limits { rows_max: 2, ..usual() })).contains(&("file-too-many-rows", None))
    );
    assert!(of(&limited(Limits { bytes_max: 60, ..usual() })).contains(&("file-too-large", None)));
    let cell = of(&limited(Limits { cell_bytes_max: 15, ..usual() }));
    assert!(cell.contains(&("cell-too-long", Some(2))), "{cell:?}");
    let record = of(&limited(Limits { record_bytes_max: 55, ..usual() }));
    assert!(record.contains(&("row-too-long-to-read", Some(2))), "{record:?}");
    let header = of(&limited(Limits { record_bytes_max: 20, ..usual() }));
    assert_eq!(header, [("row-too-long-to-read", None)]);
}

#[test]
fn control_totals_are_held_against_the_payments() {
    let text = format!("{HEADER}{}", ROWS.replace("\"1,000\"", "1000"));
    let total =
        |text: &str, currency: &str| Amount::parse(text, currency.parse().unwrap()).unwrap();
    let expecting = |count, totals: Vec<Amount>| {
        with(Rules { expected: Expected { count, totals }, ..Rules::default() }, &text)
    };
    let right = expecting(Some(3), vec![total("2500", "KES"), total("2000", "UGX")]);
    assert_eq!((codes(&right), right.is_valid()), (vec![], true));
    let wrong = expecting(Some(4), vec![total("2501", "KES"), total("5", "GHS")]);
    let expected = [
        ("count-differs", None, None),
        ("total-differs", None, None),
        ("total-differs", None, None),
    ];
    assert_eq!((codes(&wrong).as_slice(), wrong.is_valid()), (expected.as_slice(), false));
    assert_eq!((wrong.payments.len(), wrong.rejected_rows), (3, 0));
}

#[test]
fn strict_rules_take_doubts_for_faults_of_the_file() {
    let text = format!("{HEADER}A,a@x.com,+256772123456,10,KES,1\n");
    let strict = |strict| with(Rules { strict, ..Rules::default() }, &text);
    assert_eq!((strict(false).warnings(), strict(false).is_valid()), (1, true));
    assert_eq!((strict(true).warnings(), strict(true).is_valid()), (1, false));
    assert_eq!(strict(true).payments.len(), 1);
}

#[test]
fn a_long_text_is_kept_in_a_file_and_read_again_from_there() {
    let mut text = HEADER.to_owned();
    for row in 1..=90_000 {
        let amount = if row % 30_000 == 0 { "1,000" } else { "1000" };
        text.push_str(&format!(
            "Jane Doe,jane@example.com,+2547{row:08},\"{amount}\",KES,EMP-{row}\n"
        ));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("june.csv");
    std::fs::write(&path, &text).unwrap();
    let by_path = read_file(&path).unwrap();
    let by_stream = plain(&text);
    assert_eq!(codes(&by_path), codes(&by_stream));
    assert_eq!(by_path.count(Code::AmountAmbiguous), 3);
    assert_eq!(by_path.payments, by_stream.payments);
    assert_eq!((by_path.source.sha256, by_path.rows), (by_stream.source.sha256, 90_000));
}

#[test]
fn a_file_that_changes_behind_our_back_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("june.csv");
    let text = format!("{HEADER}{}", ROWS.repeat(50));
    std::fs::write(&path, &text).unwrap();
    let validated = read_file(&path).unwrap();
    assert!(validated.problems().unwrap().len() > 50);
    std::fs::File::options().write(true).open(&path).unwrap().set_len(200).unwrap();
    let error = validated.problems().unwrap_err();
    assert!(error.to_string().contains("changed"), "{error}");
    assert!(validated.write_json(Vec::new()).is_err());
    assert!(validated.write_corrected(Vec::new()).is_err());
}

#[test]
fn a_corrected_file_holds_the_payer_s_own_cells_and_what_to_do() {
    let text = "Name;E-Mail;Phone;Amount;Currency;Reference;Notes\n\
                Zoë;zoe@example.com;+254712345678;1500;KES;EMP-1;=cmd|'/c calc'\n\
                ;;;;;;\n\
                \"John; J\";john@example.com;+254712345679;1,000;KES;EMP-2;\"two\nlines\"\n";
    let validated = plain(text);
    let mut corrected = Vec::new();
    validated.write_corrected(&mut corrected).unwrap();
    let expected = "Name;E-Mail;Phone;Amount;Currency;Reference;Notes;payrun_problems;payrun_suggestion\n\
        Zoë;zoe@example.com;+254712345678;1500;KES;EMP-1;'=cmd|'/c calc';\"Notes: \"\"=cmd|'/c calc'\"\" begins as a formula does; a spreadsheet would run it.\";\"Notes: Write the value itself; if it is meant as it stands, leave it.\"\n\
        \"John; J\";john@example.com;+254712345679;1,000;KES;EMP-2;\"two\nlines\";\"Amount: \"\"1,000\"\" can be read as 1000 or as 1.\";Amount: Write 1000 or 1: no separator between thousands, a point before decimals.\n";
    assert_eq!(String::from_utf8(corrected).unwrap(), expected);
}

#[test]
fn what_cannot_be_written_back_whole_is_not_written_back() {
    let limits = Limits { record_bytes_max: 60, ..Limits::default() };
    let swallowed = format!("{HEADER}\"{ROWS}");
    let validated = with(Rules { limits, ..Rules::default() }, swallowed);
    let error = validated.write_corrected(Vec::new()).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    let limits = Limits { rows_max: 1, ..Limits::default() };
    let validated = with(Rules { limits, ..Rules::default() }, format!("{HEADER}{ROWS}"));
    assert!(validated.write_split(Vec::new(), Vec::new()).is_err());
    assert!(plain("%PDF-1.7").write_corrected(Vec::new()).is_err());
}

#[test]
fn every_fault_of_a_cell_names_row_line_column_and_value() {
    let text = format!("{HEADER}{}", ",jane,0712,1.000,ksh,EMP 1\n".repeat(20));
    let problems = plain(text).problems().unwrap();
    assert_eq!(problems.len(), 120);
    for problem in problems.iter().filter(|problem| problem.severity() == Severity::Error) {
        assert!(problem.row.is_some() && problem.line.is_some());
        assert!(problem.column.is_some() && problem.value.is_some());
    }
}
