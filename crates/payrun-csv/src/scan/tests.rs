//! The scan against the csv crate's own reader.

use super::*;
use crate::record::{Oddity, Record};
use proptest::prelude::*;

type Records = Vec<Vec<Vec<u8>>>;

fn by_csv_crate(text: &[u8], delimiter: u8) -> Records {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text);
    let records = reader.byte_records().map(|record| record.unwrap());
    records.map(|record| record.iter().map(<[u8]>::to_vec).collect()).collect()
}

/// Every record by the scan, with its line, from 0; each also cell by cell where the scan says that it may be.
fn by_scan(text: &[u8], delimiter: u8) -> (Records, Vec<u64>) {
    let classes = Classes::new(delimiter);
    let mut splitter = Splitter::new(text, &classes);
    let (mut cells, mut record) = (Cells::default(), Record::default());
    let (mut records, mut lines) = (Vec::new(), Vec::new());
    while splitter.next(&mut cells) {
        fill(&mut record, &text[cells.start..cells.end], &classes);
        assert_eq!(record.len(), cells.len(), "{:?}", text.escape_ascii().to_string());
        if !cells.is_intricate {
            let mut filled = Record::default();
            cells.fill(&mut filled, text);
            assert_eq!(filled, record, "{:?}", text.escape_ascii().to_string());
        }
        for place in 0..cells.len() {
            let raw = cells.cell(text, place);
            if !cells.is_intricate {
                let whole = record.cell(place).unwrap();
                assert_eq!(cells.is_doubled(place), raw != whole);
                assert_eq!(
                    raw.len() - whole.len(),
                    whole.iter().filter(|b| **b == b'"').count()
                        * usize::from(cells.is_doubled(place))
                );
            }
        }
        let has_foreign = !text[cells.start..cells.end].is_ascii();
        assert_eq!(cells.is_odd, has_foreign);
        records.push(record.cells().map(<[u8]>::to_vec).collect());
        lines.push(cells.line);
    }
    (records, lines)
}

/// The line, from 0, on which each byte stands.
fn line_of(text: &[u8], at: usize) -> u64 {
    let ends = (0..at)
        .filter(|i| text[*i] == b'\n' || (text[*i] == b'\r' && text.get(i + 1) != Some(&b'\n')));
    u64::try_from(ends.count()).unwrap()
}

fn holds(text: &[u8], delimiter: u8) {
    let (records, lines) = by_scan(text, delimiter);
    let shown = text.escape_ascii().to_string();
    assert_eq!(records, by_csv_crate(text, delimiter), "{shown}");
    let classes = Classes::new(delimiter);
    let (mut splitter, mut cells, mut number) =
        (Splitter::new(text, &classes), Cells::default(), 0);
    while splitter.next(&mut cells) {
        assert_eq!(lines[number], line_of(text, cells.start), "{shown}");
        number += 1;
    }
    // Cut anywhere, the two parts are read as the whole is.
    for middle in 0..=text.len() {
        let Some(end) = record_end(&text[..middle], &classes) else { continue };
        assert!(end <= middle);
        let (mut parts, first) = by_scan(&text[..end], delimiter);
        let (rest, rest_lines) = by_scan(&text[end..], delimiter);
        parts.extend(rest);
        assert_eq!(parts, records, "{shown} cut at {middle}");
        let mut splitter = Splitter::new(&text[..end], &classes);
        while splitter.next(&mut cells) {}
        let rest_lines = rest_lines.iter().map(|line| line + splitter.lines());
        assert_eq!(
            first.into_iter().chain(rest_lines).collect::<Vec<_>>(),
            lines,
            "{shown} cut at {middle}"
        );
    }
}

#[test]
fn what_programs_write_and_what_nobody_should_is_read_as_the_csv_crate_reads_it() {
    for text in [
        "",
        "a",
        "a,b",
        "a,b\n",
        "a,b\r\nc,d\r\n",
        "a,b\rc,d\r",
        "\n\n\r\n\ra,b\n\nc\n",
        ",",
        ",\n,",
        ",,\r\n,",
        "\"a\",\"b\"\n",
        "\"a\"\"b\",c\n",
        "\"a\nb\",c\r\nd,e",
        "\"a\r\nb\r\",c",
        "a\"b\",c\n",
        "\"a\"b,c\n",
        "\"a\"b\"c\",d\n",
        "\"a\" ,b\n",
        " \"a\",b\n",
        "\"",
        "\"\"",
        "\"\"\"",
        "\"\"\"\"",
        "\"a",
        "\"a\n",
        "\"a\r",
        "a,\"",
        "a,\"\n\"",
        "\"\"\n\"\"",
        "\r",
        "\r\n",
        "\r\r\n\n",
        "a\r\n\"b\"\r\n",
        "\"a\"\r\"b\"\n",
        "\"\"\"a\"\"\",\"\"\"\"\n",
        "a\0b,\x01\n",
        "é,ü\n\u{7f},x\n",
        "0123456701234567,\n",
        "01234567,\"0123456\"\n",
        "aaaaaaa\na,b",
        "\"a\"\"\"\r\n\"\"",
    ] {
        for delimiter in [b',', b';', b'\t', b'|', b'-'] {
            let text: Vec<u8> =
                text.bytes().map(|byte| if byte == b',' { delimiter } else { byte }).collect();
            holds(&text, delimiter);
        }
    }
}

#[test]
fn what_is_odd_about_a_record_is_noted() {
    let classes = Classes::new(b',');
    for (text, oddity) in [
        ("a,\"b\",c\n", None),
        ("\"a\"\"b\"\n", None),
        ("a\"b,c\n", None),
        ("a,\"1500\"00\n", Some(Oddity::BehindQuote(1))),
        ("\"a\" ,\"b\"x\n", Some(Oddity::BehindQuote(0))),
        ("a,\"b", Some(Oddity::NeverClosed)),
        ("\"a\"b,\"c", Some(Oddity::NeverClosed)),
    ] {
        let mut record = Record::default();
        fill(&mut record, text.as_bytes(), &classes);
        assert_eq!(record.oddity(), oddity, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_as_the_csv_crate_reads_it(
        text in proptest::collection::vec(prop_oneof![
            3 => Just(b'a'), 3 => Just(b','), 3 => Just(b'"'), 2 => Just(b'\n'), 2 => Just(b'\r'),
            1 => Just(b' '), 1 => Just(b';'), 1 => Just(0u8), 1 => Just(0xc3u8),
        ], 0..100),
        delimiter in prop_oneof![Just(b','), Just(b';')],
    ) {
        holds(&text, delimiter);
    }

    #[test]
    fn long_texts_too(text in "(([a-z+ 0-9]{0,12}|\"[a-z,\n]{0,12}\"|\"([a-z]|\"\"){0,9}\")(,([a-z]{0,9}|\"[a-z\r\n]{0,9}\")){0,4}\r?\n){0,9}") {
        holds(text.as_bytes(), b',');
    }
}
