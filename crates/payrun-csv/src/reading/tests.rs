//! Whole files: every code by a file that shows it, and what holds for any file.

use super::*;
use crate::Severity;
use proptest::prelude::*;
use std::collections::BTreeSet;

const HEADER: &str = "recipient_name,recipient_email,recipient_phone,amount,currency,reference,description,metadata,network,wallet\n";

fn validate(file: impl AsRef<[u8]>) -> Validated {
    let validated = read(file.as_ref(), "june.csv").unwrap();
    assert_eq!(
        validated.rows,
        validated.rejected_rows + u64::try_from(validated.payments.len()).unwrap()
    );
    validated
}

/// Code, row, line and column of a problem.
type Place = (&'static str, Option<u64>, Option<u64>, Option<String>);

/// The places of every problem.
fn found(validated: &Validated) -> Vec<Place> {
    let place = |problem: Problem| (problem.code.word(), problem.row, problem.line, problem.column);
    problems(validated).into_iter().map(place).collect()
}

fn problems(validated: &Validated) -> Vec<Problem> {
    validated.problems().unwrap()
}

/// As [`found`] has it.
fn at(code: &'static str, row: u64, line: u64, column: &str) -> Place {
    (code, Some(row), Some(line), Some(column.to_owned()))
}

/// A good row, with one cell replaced.
fn row_with(column: usize, cell: &str, number: usize) -> String {
    let mut cells = [
        "Jane Doe".to_owned(),
        "jane@example.com".to_owned(),
        format!("+2547123{number:05}"),
        "1500".to_owned(),
        "KES".to_owned(),
        format!("EMP-{number}"),
        "June 2026 salary".to_owned(),
        "{}".to_owned(),
        "MPESA".to_owned(),
        "w-kes-1".to_owned(),
    ];
    cells[column] = format!("\"{}\"", cell.replace('"', "\"\""));
    cells.join(",") + "\n"
}

#[test]
fn a_good_row_becomes_a_payment_with_all_that_it_says() {
    let file = format!("{HEADER}{}", row_with(0, "  Renée Doe ", 1));
    let validated = validate(&file);
    assert_eq!(problems(&validated), []);
    let payment = &validated.payments[0];
    assert_eq!(payment.row, 1);
    assert_eq!(payment.reference.as_str(), "EMP-1");
    assert_eq!(payment.payee.name, "Renée Doe");
    assert_eq!(payment.payee.email, "jane@example.com");
    assert_eq!(payment.payee.phone.as_str(), "+254712300001");
    assert_eq!(payment.amount.to_string(), "KES 1,500");
    assert_eq!(payment.network.as_ref().unwrap().as_str(), "MPESA");
    assert_eq!(payment.wallet.as_ref().unwrap().as_str(), "w-kes-1");
    assert_eq!(payment.description.as_deref(), Some("June 2026 salary"));
    assert_eq!(validated.totals.get("KES".parse().unwrap()).count, 1);
}

#[test]
fn every_rule_of_a_cell_is_a_problem_at_that_cell() {
    let cases = [
        (0, " ", "name-empty"),
        (0, "Jane\u{202e}Doe", "cell-hidden-character"),
        (0, "Jane\nDoe", "cell-control-character"),
        (0, "Ren\u{fffd}e", "cell-damaged-character"),
        (0, "Jane\0Doe", "cell-nul"),
        (1, "", "email-empty"),
        (1, "jane", "email-malformed"),
        (1, "jane\u{200b}@example.com", "cell-hidden-character"),
        (2, "", "phone-empty"),
        (2, "2.54E+11", "phone-exponent"),
        (2, "0712345678", "phone-without-country-code"),
        (3, "", "amount-empty"),
        (3, "1.000", "amount-ambiguous"),
        (3, "1500.50", "amount-too-precise"),
        (4, "", "currency-empty"),
        (4, "KSH", "currency-unknown"),
        (4, "EUR", "currency-not-paid"),
        (5, "", "reference-empty"),
        (5, "EMP 1", "reference-character"),
        (7, "{department: Sales}", "metadata-not-json"),
        (8, "M-Pesa", "network-malformed"),
        (9, "w\u{200b}1", "cell-hidden-character"),
    ];
    let mut file = HEADER.to_owned();
    let mut expected = Vec::new();
    let (mut line, names) = (2, HEADER.trim().split(',').collect::<Vec<_>>());
    for (number, (column, cell, code)) in (1u64..).zip(cases) {
        file.push_str(&row_with(column, cell, usize::try_from(number).unwrap()));
        expected.push(at(code, number, line, names[column]));
        line += 1 + u64::try_from(cell.matches('\n').count()).unwrap();
    }
    let validated = validate(&file);
    assert_eq!(found(&validated), expected);
    assert_eq!(validated.payments, []);
    assert_eq!(problems(&validated)[5].value.as_deref(), Some(""));
    assert_eq!(problems(&validated)[9].value.as_deref(), Some("2.54E+11"));
}

#[test]
fn all_problems_of_a_row_are_found_at_once() {
    let file = format!("{HEADER},jane,0712345678,\"1,000\",ksh,EMP 1,,x,M-Pesa,\n");
    let codes: BTreeSet<_> = problems(&validate(&file)).iter().map(|p| p.code.word()).collect();
    let expected = [
        "name-empty",
        "email-malformed",
        "phone-without-country-code",
        "amount-ambiguous",
        "currency-unknown",
        "reference-character",
        "metadata-not-json",
        "network-malformed",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

#[test]
fn ragged_rows_are_one_problem_each_and_the_others_stay_right() {
    let file = format!(
        "{HEADER}Doe, Jane,jane@example.com,+254712345678,1500,KES,EMP-0,,,,\nJane,jane@example.com\n{}",
        row_with(0, "Joe", 3)
    );
    let validated = validate(&file);
    assert_eq!(
        found(&validated),
        [("row-too-long", Some(1), Some(2), None), ("row-too-short", Some(2), Some(3), None),]
    );
    assert_eq!(validated.payments[0].row, 3);
}

#[test]
fn a_quote_that_is_never_closed_is_hinted_at() {
    let file = format!(
        "{HEADER}\"Jane,jane@example.com\nJoe,joe@example.com,+254712345678,1500,KES,EMP-1,,,,\n"
    );
    let validated = validate(&file);
    assert_eq!(found(&validated), [("quote-never-closed", Some(1), Some(2), None)]);
    assert!(problems(&validated)[0].message.contains("never closed"));
    // The next row's own quotation mark may close it again.
    let file = format!("{HEADER}\"Jane,jane@example.com\n{}", row_with(0, "Joe", 2));
    let validated = validate(&file);
    let place = at("quote-misplaced", 1, 2, "recipient_name");
    assert_eq!(found(&validated), [place]);
}

#[test]
fn line_numbers_are_physical_whatever_ends_a_line() {
    for end in ["\n", "\r\n"] {
        let file = [
            HEADER.trim_end(),
            "",
            row_with(6, "June\n2026\n\nsalary", 1).trim_end(),
            "   ",
            ",,,,,,,,,",
            row_with(3, "zero", 2).trim_end(),
            "",
            row_with(3, "none", 3).trim_end(),
        ]
        .join("\n")
        .replace('\n', end);
        for bom in ["", "\u{feff}"] {
            let validated = validate(format!("{bom}{file}"));
            assert_eq!(
                found(&validated),
                [
                    at("amount-not-a-number", 2, 9, "amount"),
                    at("amount-not-a-number", 3, 11, "amount"),
                ],
                "{end:?}"
            );
            assert_eq!(validated.rows, 3);
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header_but_of_the_hash() {
    let file = format!("{HEADER}{}", row_with(0, "Jane", 1));
    let (plain, marked) = (validate(&file), validate(format!("\u{feff}{file}")));
    let quoted = file.replace("recipient_name", "\"recipient_name\"");
    assert_eq!(validate(format!("\u{feff}{quoted}")).payments, plain.payments);
    assert_eq!(plain.payments, marked.payments);
    assert_eq!(problems(&marked), []);
    assert_ne!(plain.source.sha256, marked.source.sha256);
}

#[test]
fn bytes_that_are_not_utf8_are_their_row_s_error() {
    let mut file = format!("{HEADER}{}", row_with(0, "Joe", 1)).into_bytes();
    file.extend(b"Ren\xe9,r@example.com,+254712345678,1500,KES,EMP-2,,,,\n");
    file.extend(row_with(0, "Joan", 3).bytes());
    let validated = validate(&file);
    assert_eq!(
        found(&validated),
        [("file-not-utf8", None, Some(3), None), at("cell-not-utf8", 2, 3, "recipient_name")]
    );
    let problems = problems(&validated);
    assert!(problems[0].message.contains("E9") && problems[0].message.contains("\"é\""));
    assert_eq!(problems[1].value.as_deref(), Some("Ren\u{fffd}"));
    let rules = Rules { encoding: Some("latin1".parse().unwrap()), ..Rules::default() };
    let validated = Reading::new(rules).input(file.as_slice(), "june.csv").unwrap();
    assert_eq!(validated.payments[1].payee.name, "Ren\u{e9}");
    assert_eq!(validated.errors(), 0);
}

#[test]
fn what_holds_no_payments_is_an_error_of_the_file() {
    for (file, code, line) in [
        ("", "file-empty", None),
        ("\u{feff}", "file-empty", None),
        ("\n\r\n  \n,,,\n", "file-empty", None),
        (HEADER, "file-without-payments", None),
        ("%PDF-1.7\nrecipient_name,amount\n", "file-not-csv", None),
    ] {
        let validated = validate(file);
        assert_eq!(found(&validated), [(code, None, line, None)], "{file:?}");
        assert_eq!((validated.rows, validated.errors()), (0, 1));
    }
}

#[test]
fn without_a_column_no_row_is_paid_and_the_others_are_judged() {
    let file = "\nrecipient_name,recipient_phone,amount,currency\nJane,+254712345678,0,KES\nJoe,+254712345679,10,KES\n";
    let validated = validate(file);
    assert_eq!(
        found(&validated),
        [("header-column-missing", None, Some(2), None), at("amount-zero", 1, 3, "amount"),]
    );
    assert_eq!((validated.rows, validated.rejected_rows), (2, 2));
}

#[test]
fn a_column_that_is_there_twice_is_not_guessed_at() {
    let file = "recipient_name,recipient_email,recipient_phone,amount,currency,reference,Network,network\n\
        Jane,jane@example.com,+254712345678,10,KES,EMP-1,MPESA,MTN\n";
    let validated = validate(file);
    assert_eq!(found(&validated), [("header-column-repeated", None, Some(1), None)]);
    assert_eq!((validated.rows, validated.rejected_rows), (1, 1));
}

#[test]
fn rows_are_compared_over_the_whole_file() {
    let row = |phone: &str, amount: &str, reference: &str| {
        format!("Jane,jane@example.com,{phone},{amount},KES,{reference}\n")
    };
    let file = [
        "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n".to_owned(),
        row("+254712345678", "1500", "EMP-1"),
        row("+254712345679", "0", "EMP-2"),
        row("+254712345680", "1500", "EMP-1"),
        row("+254 712 345 678", "1500.00", "EMP-3"),
        row("+254712345681", "1500", "emp-3"),
        row("+254712345682", "1500", "EMP-2"),
        row("+254712345678", "1600", "EMP-4"),
    ]
    .concat();
    let validated = validate(&file);
    assert_eq!(
        found(&validated),
        [
            at("amount-zero", 2, 3, "amount"),
            at("reference-duplicate", 3, 4, "reference"),
            at("payee-amount-repeated", 4, 5, "recipient_phone"),
            at("reference-nearly-duplicate", 5, 6, "reference"),
            at("reference-duplicate", 6, 7, "reference"),
        ]
    );
    assert!(problems(&validated)[1].message.contains("row 1"));
    assert!(problems(&validated)[2].message.contains("row 1"));
    assert!(problems(&validated)[4].message.contains("row 2"));
    assert_eq!((validated.payments.len(), validated.warnings()), (4, 2));
}

#[test]
fn the_hash_is_the_file_s_own() {
    // printf 'abc' | sha256sum
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(validate("abc").source.sha256.to_string(), expected);
}

/// Cells that make good rows, bad rows, and files that fall apart.
fn any_cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "Jane Doe", "jane@example.com", "+254712345678", "1500", "KES", "EMP-1", "{}", "MPESA", "",
            "\"a\nb\"", "\"", "1,000", "0712345678", "\u{202e}", "\r\n",
        ]).prop_map(|cell| cell.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_row_is_lost(
        records in prop::collection::vec(prop::collection::vec(any_cell(), 0..10), 0..12),
        with_header in any::<bool>(),
    ) {
        let mut file = if with_header { HEADER.as_bytes().to_vec() } else { Vec::new() };
        for record in records {
            file.extend(record.join(&b','));
            file.push(b'\n');
        }
        let validated = read(file.as_slice(), "x").unwrap();
        let payments = u64::try_from(validated.payments.len()).unwrap();
        prop_assert_eq!(validated.rows, payments + validated.rejected_rows);
        prop_assert_eq!(validated.totals.count(), payments);
        let problems = problems(&validated);
        let faulty: BTreeSet<u64> = problems.iter()
            .filter(|problem| problem.severity() == Severity::Error)
            .filter_map(|problem| problem.row)
            .collect();
        let whole_file = problems.iter().any(|problem| problem.row.is_none());
        if !whole_file {
            prop_assert_eq!(u64::try_from(faulty.len()).unwrap(), validated.rejected_rows);
        }
        prop_assert!(validated.payments.iter().all(|payment| !faulty.contains(&payment.row)));
        let mut json = Vec::new();
        validated.write_json(&mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(json["problems"].as_array().map(Vec::len), Some(problems.len()));
    }

    #[test]
    fn amounts_arrive_as_they_were_written(amounts in prop::collection::vec(1u64..=9_999_999_999, 0..40)) {
        let mut file = HEADER.to_owned();
        let mut sum = 0u64;
        for (number, amount) in amounts.iter().enumerate() {
            let text = format!("{}.{:02}", amount / 100, amount % 100);
            file.push_str(&row_with(3, &text, number).replace("KES", "GHS"));
            sum += amount;
        }
        let validated = read(file.as_bytes(), "x").unwrap();
        prop_assert_eq!(validated.payments.len(), amounts.len());
        for (payment, amount) in validated.payments.iter().zip(&amounts) {
            // Bookkeeping of another kind: the text's digits as a whole number of cents.
            let text = payment.amount.text();
            let (whole, cents) = text.split_once('.').unwrap_or((&text, ""));
            let cents: u64 = format!("{whole}{cents:0<2}").parse().unwrap();
            prop_assert_eq!(cents, *amount);
        }
        let total = validated.totals.get("GHS".parse().unwrap()).sum;
        let expected = payrun_core::Amount::parse_balance(&format!("{}.{:02}", sum / 100, sum % 100), "GHS".parse().unwrap());
        prop_assert_eq!(Ok(total), expected);
    }
}
