use super::*;
use payrun::csv::{Reading, Rules};

const HEADER: &str = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n";

fn screen_of(text: &str, rules: Rules) -> String {
    let expected = rules.expected.clone();
    let file = Reading::new(rules).without_payments().input(text.as_bytes(), "june.csv").unwrap();
    let asked = Asked { file: "june.csv", flags: "", expected: &expected, corrected: None };
    let text = problems(&file, asked).unwrap();
    let is_narrow = |line: &str| line.chars().count() <= 80;
    assert!(text.lines().all(is_narrow), "{text}");
    text
}

fn screen(rows: &str) -> String {
    screen_of(&format!("{HEADER}{rows}"), Rules::default())
}

#[test]
fn problems_are_grouped_and_none_is_uncounted() {
    let mut rows = String::new();
    for row in 1..=7 {
        rows.push_str(&format!(
            "Jane Doe,jane@example.com,+25471234567{row},\"1,500\",KES,EMP-{row}\n"
        ));
    }
    rows.push_str("John Doe,john.example.com,+254712345680,2500,KES,EMP-8\n");
    rows.push_str("Ann Lee,ann@example.com,+254712345681,2500,KES,EMP-9\n");
    insta::assert_snapshot!(screen(&rows));
}

#[test]
fn a_valid_file_says_what_it_pays() {
    insta::assert_snapshot!(screen("Ann Lee,ann@example.com,+254712345681,2500,KES,EMP-9\n"));
}

#[test]
fn a_file_of_an_office_says_how_it_was_read_and_whether_the_control_totals_agree() {
    let expected = Expected {
        count: Some(2),
        totals: vec![payrun::Amount::parse_balance("5000", "KES".parse().unwrap()).unwrap()],
    };
    let rules = Rules { expected, encoding: Some("latin1".parse().unwrap()), ..Rules::default() };
    let rows = "Ann Lee;ann@example.com;+254712345681;2500;KES;EMP-9\n";
    insta::assert_snapshot!(screen_of(&format!("{}{rows}", HEADER.replace(',', ";")), rules));
}

#[test]
fn strict_rules_leave_no_warning_valid() {
    let rules = Rules { strict: true, ..Rules::default() };
    let rows = "Ann Lee,ann@example.com,+256772345678,2500,KES,EMP-9\n";
    insta::assert_snapshot!(screen_of(&format!("{HEADER}{rows}"), rules));
}

#[test]
fn what_is_no_payment_file_is_named() {
    insta::assert_snapshot!(screen_of("PK\u{3}\u{4}rest", Rules::default()));
}
