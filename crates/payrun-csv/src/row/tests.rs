//! Whole rows: which problems at which columns, and which payment.

use super::*;
use crate::{Bound, Limits};
use payrun_core::AccountNumber;
use proptest::prelude::*;

const COLUMNS: [&str; 17] = [
    "name",
    "email",
    "phone",
    "amount",
    "currency",
    "reference",
    "description",
    "metadata",
    "network",
    "wallet",
    "method",
    "bank_code",
    "account_number",
    "account_name",
    "country",
    "account_reference",
    "department",
];

/// A good row with these cells replaced.
fn cells(replaced: &[(&str, &str)]) -> Vec<Vec<u8>> {
    let good =
        ["Jane Doe", "jane@example.com", "+254712345678", "1500", "KES", "EMP-1", "June", "{}"];
    let mut cells = vec![Vec::new(); COLUMNS.len()];
    for (cell, text) in cells.iter_mut().zip(good) {
        *cell = text.as_bytes().to_vec();
    }
    for (name, text) in replaced {
        let place = COLUMNS.iter().position(|column| column == name).unwrap();
        cells[place] = text.as_bytes().to_vec();
    }
    cells
}

fn judged(record: &Record, columns: &[&str], rules: &Rules) -> (Standing, Vec<Problem>) {
    let (header, _) = Header::read(&Record::of(columns), rules);
    let mut problems = Vec::new();
    let row = Row { header: &header, record, rules, number: 7, line: 9 };
    let standing = judge(row, &mut problems);
    (standing, problems)
}

fn judge_by(replaced: &[(&str, &str)], rules: &Rules) -> (Standing, Vec<Problem>) {
    judged(&Record::of(cells(replaced)), &COLUMNS, rules)
}

/// Code and column of every problem of the row.
fn found(replaced: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let (standing, problems) = judge_by(replaced, &Rules::default());
    let errors = problems.iter().any(|problem| problem.severity() == Severity::Error);
    assert_eq!(standing.payment.is_none(), errors, "{replaced:?}");
    problems
        .into_iter()
        .map(|problem| (problem.code.word(), problem.column.unwrap_or_default()))
        .collect()
}

fn paid(replaced: &[(&str, &str)]) -> Payment {
    let (standing, problems) = judge_by(replaced, &Rules::default());
    assert_eq!(problems, []);
    assert_eq!(standing.reference.as_ref(), standing.payment.as_ref().map(|paid| &paid.reference));
    standing.payment.unwrap()
}

#[test]
fn a_good_row_is_a_payment_by_mobile_money() {
    let payment = paid(&[]);
    assert_eq!((payment.row, payment.rail), (7, Rail::MobileMoney));
    assert_eq!(payment.description.as_deref(), Some("June"));
    assert_eq!(paid(&[("description", " ")]).description, None);
    assert_eq!(paid(&[("method", "Mobile Money")]).rail, Rail::MobileMoney);
}

#[test]
fn every_rail_takes_the_columns_that_it_needs() {
    let bank = [
        ("method", "bank"),
        ("bank_code", "01"),
        ("account_number", "0011223344"),
        ("country", "KEN"),
        ("phone", "+254 20 2012345"),
    ];
    let number = |text: &str| AccountNumber::new(text).unwrap();
    let account = |name: &str| BankAccount {
        bank_code: "01".into(),
        number: number("0011223344"),
        name: name.into(),
        country: "KE".into(),
    };
    assert_eq!(paid(&bank).rail, Rail::Bank(account("Jane Doe")));
    let named = [bank.as_slice(), &[("account_name", "J. Doe")]].concat();
    assert_eq!(paid(&named).rail, Rail::Bank(account("J. Doe")));
    let paybill =
        [("method", "Paybill"), ("account_number", "247247"), ("account_reference", "P 7")];
    assert_eq!(
        paid(&paybill).rail,
        Rail::Paybill { number: number("247247"), account: "P 7".into() }
    );
    let till = [("method", "till"), ("account_number", "0500123")];
    assert_eq!(paid(&till).rail, Rail::Till { number: number("0500123") });
}

#[test]
fn every_rule_is_a_problem_at_its_cell() {
    let long = |length: usize| "x".repeat(length);
    let bank: &[(&str, &str)] =
        &[("method", "bank"), ("bank_code", "01"), ("account_number", "0011"), ("country", "KE")];
    for (base, column, text, code) in [
        (&[][..], "name", "", "name-empty"),
        (&[], "name", "\u{a0}", "name-empty"),
        (&[], "name", &*long(141), "name-too-long"),
        (&[], "name", "Jane\tDoe", "cell-control-character"),
        (&[], "name", "Jane\u{202e}Doe", "cell-hidden-character"),
        (&[], "name", "Jane\0Doe", "cell-nul"),
        (&[], "name", "=Jane", "cell-formula"),
        (&[], "email", &*format!("{}@example.com", long(250)), "email-too-long"),
        (&[], "phone", "254712345678.0", "phone-decimal"),
        (&[], "phone", "+254202012345", "phone-not-mobile"),
        (&[], "phone", "+256772123456", "phone-other-country"),
        (&[], "amount", "NaN", "amount-not-finite"),
        (&[], "amount", "=A1", "amount-formula"),
        (&[], "currency", "KSH", "currency-unknown"),
        (&[], "reference", "EMP 1", "reference-character"),
        (&[], "reference", "=A1", "reference-character"),
        (&[], "description", &*long(501), "description-too-long"),
        (&[], "description", "a\u{202e}b", "cell-hidden-character"),
        (&[], "description", "@SUM(A1)", "cell-formula"),
        (&[], "metadata", "{", "metadata-not-json"),
        (&[], "metadata", &*long(4097), "metadata-too-long"),
        (&[], "network", "M-Pesa", "network-malformed"),
        (&[], "wallet", "w\u{200b}", "cell-hidden-character"),
        (&[], "method", "cash", "method-unknown"),
        (&[], "bank_code", "01", "field-unused"),
        (&[], "account_number", "1", "field-unused"),
        (&[], "account_name", "Jane", "field-unused"),
        (&[], "account_reference", "P7", "field-unused"),
        (&[], "account_reference", "P\u{7}", "cell-control-character"),
        (&[], "country", "Kenya", "country-unknown"),
        (&[], "country", "UG", "phone-other-country"),
        (&[], "department", "+A1", "cell-formula"),
        (&[], "department", "'=A1", "cell-formula"),
        (bank, "bank_code", "", "bank-code-empty"),
        (bank, "bank_code", "Equity", "bank-code-x"),
        (bank, "bank_code", "Equity Bank", "bank-code-malformed"),
        (bank, "bank_code", "1.0E+05", "bank-code-damaged"),
        (bank, "account_number", " ", "account-number-empty"),
        (bank, "account_number", "001", "account-number-malformed"),
        (bank, "account_number", "1.1E+09", "account-number-damaged"),
        (bank, "account_name", &*long(141), "name-too-long"),
        (bank, "country", "", "country-empty"),
        (bank, "country", "XX", "country-unknown"),
        (bank, "account_reference", "P7", "field-unused"),
        (bank, "network", "MPESA", "field-unused"),
        (bank, "phone", "+999712345678", "phone-unknown-country"),
    ] {
        // "Equity" is a code as far as anyone can see.
        let expected = if code == "bank-code-x" { vec![] } else { vec![(code, column)] };
        let found = found(&[base, &[(column, text)]].concat());
        let found: Vec<_> = found.iter().map(|(code, column)| (*code, column.as_str())).collect();
        // A country of its own is compared with the number, so the doubt stands at the number.
        let at = |column: &str| (column == "country").then_some("phone");
        let moved: Vec<_> = expected
            .iter()
            .map(|(code, column)| match *code {
                "phone-other-country" => (*code, at(column).unwrap_or(column)),
                _ => (*code, *column),
            })
            .collect();
        assert_eq!(found, moved, "{column} {text:?}");
    }
}

#[test]
fn what_a_rail_lacks_is_said_all_at_once_and_where_no_column_is_too() {
    assert_eq!(
        found(&[("method", "bank")]),
        [
            ("bank-code-empty", "bank_code".to_owned()),
            ("account-number-empty", "account_number".to_owned()),
            ("country-empty", "country".to_owned()),
        ]
    );
    assert_eq!(
        found(&[("method", "paybill")]),
        [
            ("account-number-empty", "account_number".to_owned()),
            ("account-reference-empty", "account_reference".to_owned()),
        ]
    );
    let ugx =
        [("method", "till"), ("account_number", "500123"), ("currency", "UGX"), ("country", "KE")];
    assert_eq!(found(&ugx), [("method-not-in-currency", "method".to_owned())]);
    let columns = ["name", "email", "phone", "amount", "currency", "reference", "method"];
    let mut few = cells(&[]);
    few.truncate(6);
    few.push(b"till".to_vec());
    let (standing, problems) = judged(&Record::of(few), &columns, &Rules::default());
    assert_eq!(standing.payment, None);
    assert_eq!(problems[0].code, Code::AccountNumberEmpty);
    assert_eq!(problems[0].column, None);
    assert!(problems[0].message.contains("the file has no column account_number"));
}

#[test]
fn the_policy_and_the_limits_hold() {
    let kes = "KES".parse().unwrap();
    let most = Some(Amount::parse("1000", kes).unwrap());
    let policy = vec![Bound { currency: kes, rail: None, least: None, most }];
    let rules = Rules { policy, ..Rules::default() };
    let (standing, problems) = judge_by(&[], &rules);
    assert_eq!(problems[0].code, Code::AmountAbovePolicy);
    assert_eq!(standing.payment, None);
    let limits = Limits { cell_bytes_max: 16, ..Limits::default() };
    let rules = Rules { limits, ..Rules::default() };
    let (standing, problems) = judge_by(&[("department", "seventeen letters")], &rules);
    assert_eq!(standing, Standing::default());
    assert_eq!(
        (problems[0].code, problems[0].column.as_deref()),
        (Code::CellTooLong, Some("department"))
    );
    assert_eq!(judge_by(&[("department", "sixteen letters.")], &rules).1, []);
}

#[test]
fn a_quotation_mark_in_the_wrong_place_spoils_its_cell_and_no_other() {
    let judge = |oddity: Oddity, replaced: &[(&str, &str)]| {
        let mut record = Record::of(cells(replaced));
        record.note(oddity);
        judged(&record, &COLUMNS, &Rules::default())
    };
    // `"1500"00` reads as 150000, and must never be paid as that.
    let (standing, problems) =
        judge(Oddity::BehindQuote(3), &[("amount", "150000"), ("email", "jane")]);
    let codes: Vec<_> = problems.iter().map(|p| (p.code.word(), p.column.as_deref())).collect();
    assert_eq!(codes, [("quote-misplaced", Some("amount")), ("email-malformed", Some("email"))]);
    assert_eq!(problems[0].value.as_deref(), Some("150000"));
    assert_eq!(standing.payment, None);
    assert!(standing.reference.is_some());
    let (standing, problems) = judge(Oddity::BehindQuote(5), &[]);
    assert_eq!((standing, problems.len()), (Standing::default(), 1));
    for (oddity, code) in
        [(Oddity::NeverClosed, Code::QuoteNeverClosed), (Oddity::TooLong, Code::RecordTooLong)]
    {
        let (standing, problems) = judge(oddity, &[("email", "jane")]);
        assert_eq!(standing, Standing::default());
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code]);
    }
}

#[test]
fn the_reference_of_a_row_with_errors_is_known_all_the_same() {
    let (standing, _) = judge_by(&[("amount", "0"), ("name", "")], &Rules::default());
    assert_eq!(standing.reference.unwrap().as_str(), "EMP-1");
    assert_eq!(standing.payment, None);
}

#[test]
fn a_fault_found_elsewhere_is_placed_at_its_cell() {
    let rules = Rules::default();
    let (header, _) = Header::read(&Record::of(COLUMNS), &rules);
    let record = Record::of(cells(&[]));
    let row = Row { header: &header, record: &record, rules: &rules, number: 7, line: 9 };
    let fault = crate::across::duplicate(&"EMP-1".parse().unwrap(), 3);
    let problem = row.problem(Column::Reference, fault);
    assert_eq!((problem.row, problem.line), (Some(7), Some(9)));
    assert_eq!(problem.column.as_deref(), Some("reference"));
    assert_eq!(problem.value.as_deref(), Some("EMP-1"));
}

/// Cells that are good, bad in one way, or any bytes.
fn any_cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "bank",
            "till",
            "paybill",
            "KE",
            "0011223344",
            "1.000",
            "=A1",
            "'+1",
            "KES",
            "UGX",
            "+254712345678",
            "0712345678",
            "2.5E+11",
            "{}",
            "\u{202e}",
            "jane@example.com",
        ])
        .prop_map(|cell| cell.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..12),
        "\\PC{0,12}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic_and_a_row_is_a_payment_or_has_an_error(
        replaced in prop::collection::vec((0..COLUMNS.len(), any_cell()), 0..6),
        oddity in prop::option::weighted(0.1, 0..COLUMNS.len()),
    ) {
        let mut cells = cells(&[]);
        for (place, cell) in replaced {
            cells[place] = cell;
        }
        let mut record = Record::of(&cells);
        if let Some(place) = oddity {
            record.note(Oddity::BehindQuote(place));
        }
        let (standing, problems) = judged(&record, &COLUMNS, &Rules::default());
        let errors = problems.iter().any(|problem| problem.severity() == Severity::Error);
        prop_assert_eq!(standing.payment.is_some(), !errors);
        if let Some(payment) = standing.payment {
            prop_assert_eq!(standing.reference, Some(payment.reference));
            let text = std::str::from_utf8(&cells[3]).unwrap().trim_ascii();
            prop_assert_eq!(Amount::parse(text, payment.amount.currency()), Ok(payment.amount));
        }
        for problem in &problems {
            prop_assert!(!problem.message.is_empty() && problem.message.len() < 1000);
            prop_assert!(problem.hint.ends_with('.'), "{}", problem.hint);
        }
    }
}
