//! The whole way against a model of it that holds everything, reads by the csv crate and compares by maps.

use super::*;
use crate::header::Header;
use crate::record::Record;
use crate::row::{self, Row};
use crate::{Column, Severity};
use payrun_core::{PhoneNumber, Rail, Reference};
use proptest::prelude::*;
use std::collections::HashMap;

/// All that is to be known of a file.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    rows: u64,
    rejected_rows: u64,
    payments: Vec<Payment>,
    totals: Vec<(String, u64, String)>,
    problems: Vec<Problem>,
}

fn totals(tally: &payrun_core::Tally) -> Vec<(String, u64, String)> {
    let of = |(currency, total): (payrun_core::Currency, payrun_core::Total)| {
        (currency.code().to_owned(), total.count, total.sum.text())
    };
    tally.iter().map(of).collect()
}

fn by_reading(text: &[u8], rules: &Rules, effort: Effort) -> Known {
    let reading = || Reading::new(rules.clone()).with_effort(effort);
    let validated = reading().input(text, "x").unwrap();
    let counted = reading().without_payments().input(text, "x").unwrap();
    let problems = validated.problems().unwrap();
    // Whether payments are kept changes nothing else.
    assert_eq!(counted.problems().unwrap(), problems);
    assert_eq!((counted.rows, counted.rejected_rows), (validated.rows, validated.rejected_rows));
    assert_eq!(totals(&counted.totals), totals(&validated.totals));
    assert_eq!(counted.payments, []);
    assert_eq!(counted.payment_count(), u64::try_from(validated.payments.len()).unwrap());
    for code in crate::Code::ALL {
        let count = problems.iter().filter(|problem| problem.code == *code).count();
        assert_eq!(validated.count(*code), u64::try_from(count).unwrap(), "{code}");
    }
    Known {
        rows: validated.rows,
        rejected_rows: validated.rejected_rows,
        totals: totals(&validated.totals),
        payments: validated.payments,
        problems,
    }
}

/// The same, one row after another. Only for texts with a header, no blank rows and one line a row.
fn by_model(text: &[u8], rules: &Rules) -> Known {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut records = reader.byte_records().map(|record| {
        let mut ours = Record::default();
        ours.clear();
        for cell in &record.unwrap() {
            ours.push(cell);
            ours.end_cell();
        }
        ours
    });
    let (header, faults) = Header::read(&records.next().unwrap(), rules);
    assert_eq!(faults.len(), 0);
    let (mut problems, mut payments, mut tally) =
        (Vec::new(), Vec::new(), payrun_core::Tally::default());
    let mut references: HashMap<Reference, u64> = HashMap::new();
    let mut folded: HashMap<String, (u64, Reference)> = HashMap::new();
    let mut amounts: HashMap<(Rail, Option<PhoneNumber>, payrun_core::Amount), u64> =
        HashMap::new();
    let mut names: HashMap<(Rail, Option<PhoneNumber>), (u64, String)> = HashMap::new();
    let mut number = 0;
    for record in records {
        number += 1;
        let row = Row { header: &header, record: &record, rules, number, line: number + 1 };
        let standing = row::judge(row, &mut problems);
        let reference = standing
            .reference
            .clone()
            .or_else(|| standing.payment.as_ref().map(|p| p.reference.clone()));
        let mut payment = standing.payment;
        if let Some(reference) = reference {
            let key = reference.as_str().to_lowercase();
            if let Some(first) = references.get(&reference) {
                problems
                    .push(row.problem(Column::Reference, across::duplicate(&reference, *first)));
                payment = None;
            } else {
                references.insert(reference.clone(), number);
                if let Some((first, other)) = folded.get(&key) {
                    problems.push(row.problem(
                        Column::Reference,
                        across::nearly_duplicate(&reference, other, *first),
                    ));
                } else {
                    folded.insert(key, (number, reference));
                }
            }
        }
        let Some(payment) = payment else { continue };
        tally.add(payment.amount).unwrap();
        let is_mobile = payment.rail == Rail::MobileMoney;
        let column = if is_mobile { Column::RecipientPhone } else { Column::AccountNumber };
        let phone = is_mobile.then(|| payment.payee.phone.clone());
        match amounts.get(&(payment.rail.clone(), phone.clone(), payment.amount)) {
            Some(first) => problems
                .push(row.problem(column, across::payee_amount_repeated(payment.amount, *first))),
            None => {
                amounts.insert((payment.rail.clone(), phone.clone(), payment.amount), number);
            }
        }
        let name = &payment.payee.name;
        let fold = |name: &str| name.split_whitespace().collect::<String>().to_lowercase();
        match names.get(&(payment.rail.clone(), phone.clone())) {
            Some((first, other)) if fold(other) != fold(name) => {
                problems.push(row.problem(
                    Column::RecipientName,
                    across::phone_of_two_names(name, other, *first),
                ));
            }
            Some(_) => {}
            None => {
                names.insert((payment.rail.clone(), phone), (number, name.clone()));
            }
        }
        payments.push(payment);
    }
    let rejected_rows = number - u64::try_from(payments.len()).unwrap();
    Known { rows: number, rejected_rows, totals: totals(&tally), payments, problems }
}

const HEADER: &str = "name,email,phone,amount,currency,reference,description,metadata,network,method,bank_code,account_number,country\n";

/// A row of cells that are mostly good, from few of each kind, so that rows meet.
fn row() -> impl Strategy<Value = String> {
    let of = |good: &[&'static str], bad: &[&'static str]| {
        let (good, bad) = (good.to_vec(), bad.to_vec());
        prop_oneof![9 => prop::sample::select(good), 1 => prop::sample::select(bad)]
    };
    let cells = (
        of(
            &["Jane Doe", "JANE  doe", "John Otieno", "Zoë Ochieng’", "Ann"],
            &[
                "",
                " Jane Doe",
                "=1+1",
                "'=x",
                "J\u{202e}",
                "Ren\u{e9}e",
                "é",
                "\"a \"\"b\"\" c\"",
                "-",
                "1 Jane",
                "\u{a0}",
            ],
        ),
        of(
            &["jane@example.com", "j.o+x@mail.example-bank.co.ke"],
            &[
                "",
                "jane",
                "a..b@x.com",
                ".a@x.com",
                "a@x",
                "a@-x.com",
                "a@x.c",
                "a@1.2",
                "\"\"\"x y\"\"@x.com\"",
                "é@x.com",
            ],
        ),
        of(
            &["+254712345678", "+254712345679", "+256772123456", "+233241234567"],
            &[
                "",
                "0712345678",
                "254712345678",
                "+254 712 345 678",
                "+25471234567",
                "+999123456789",
                "+254202012345",
                "2.54E+11",
                "'+254712345678",
                "+1 201 555 0123",
            ],
        ),
        of(
            &["1500", "1500.00", "20.5", "99999", "1", "007"],
            &[
                "",
                "0",
                "1,000",
                "1.000",
                "1.000.000",
                "-5",
                "1e3",
                "12.345",
                "1500.",
                ".5",
                "99999999999999",
                "KES 5",
                "١٥٠٠",
            ],
        ),
        of(&["KES", "GHS", "UGX", "XOF"], &["", "KSH", "EUR", "kes", "K"]),
        of(
            &[
                "EMP-1", "emp-1", "EMP-2", "EMP-3", "EMP-4", "EMP-5", "E/6", "E_7", "8", "9", "10",
                "11", "12",
            ],
            &["", "EMP 1", "é", "-1", "=1", "_a"],
        ),
        of(&["", "June salary"], &["@x", "June – é", " x ", "\u{200b}"]),
        of(&["", "\"{\"\"a\"\":1}\"", "[1]", "7"], &["{", "\"{\"\"a}\"", "+1"]),
        of(&["", "MPESA"], &["mtn", "M-Pesa", "MTN_1"]),
        of(&["", "", "mobile_money", "bank"], &["Mobile Money", "card", "till", "paybill"]),
        of(&["", "01"], &["0 1"]),
        (of(&["", "0012345678"], &["12-34-56"]), of(&["", "KE"], &["Kenya", "ZZ"])),
    );
    cells.prop_map(|(a, b, c, d, e, f, g, h, i, j, k, (l, m))| {
        format!("{a},{b},{c},{d},{e},{f},{g},{h},{i},{j},{k},{l},{m}")
    })
}

fn bounded() -> Rules {
    let (kes, amount) = ("KES".parse().unwrap(), |text: &str| {
        payrun_core::Amount::parse(text, "KES".parse().unwrap()).ok()
    });
    let bound =
        crate::Bound { currency: kes, rail: None, least: amount("1000"), most: amount("90000") };
    Rules { policy: vec![bound], ..Rules::default() }
}

proptest! {
    #[test]
    fn whatever_the_effort_the_model_finds_the_same(
        rows in prop::collection::vec(row(), 1..60),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        last in any::<bool>(),
        threads in 1usize..4,
        piece_bytes in 50usize..2000,
        memory_max in prop::sample::select(vec![0, 200, 1 << 20]),
        with_bounds in any::<bool>(),
    ) {
        let mut text = format!("{HEADER}{}", rows.join(end));
        if last {
            text.push_str(end);
        }
        let rules = if with_bounds { bounded() } else { Rules::default() };
        let effort = Effort { threads, piece_bytes, memory_max };
        let known = by_reading(text.as_bytes(), &rules, effort);
        prop_assert_eq!(known, by_model(text.as_bytes(), &rules));
    }

    #[test]
    fn any_effort_finds_the_same_in_any_text(
        text in prop::collection::vec(prop_oneof![
            6 => prop::sample::select(vec![
                &b"Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1\n"[..], b"John,j@example.com,+254712345679,10,KES,emp-1\r\n",
                b"Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-2\n", b"A,a@example.com,+256772123456,7,UGX,A\n",
            ]),
            2 => prop::sample::select(vec![&b"\n"[..], b"\r", b" ,,\n", b"\"", b"\"\n\"", b",", b"\xe9", b"\0", b"\"a\"b", b"x\ny\n"]),
        ], 0..40),
        threads in 1usize..4,
        piece_bytes in 1usize..600,
        record_bytes_max in prop::sample::select(vec![80, 1000, 1 << 20]),
    ) {
        let text = [b"name,email,phone,amount,currency,reference\n".as_slice(), &text.concat()].concat();
        let limits = crate::Limits { record_bytes_max, ..crate::Limits::default() };
        let rules = Rules { limits, ..Rules::default() };
        let one = Effort { threads: 1, piece_bytes: 1 << 20, memory_max: 1 << 20 };
        let known = by_reading(&text, &rules, one);
        let other = by_reading(&text, &rules, Effort { threads, piece_bytes, memory_max: 0 });
        prop_assert_eq!(&other, &known);
        let errors = known.problems.iter().filter(|problem| problem.severity() == Severity::Error);
        let mut rejected: Vec<_> = errors.filter_map(|problem| problem.row).collect();
        rejected.dedup();
        prop_assert_eq!(u64::try_from(rejected.len()).unwrap(), known.rejected_rows);
        prop_assert_eq!(u64::try_from(known.payments.len()).unwrap() + known.rejected_rows, known.rows);
    }

    #[test]
    fn a_corrected_file_is_judged_as_the_file_was(rows in prop::collection::vec(row(), 1..40), piece_bytes in 50usize..2000) {
        let text = format!("{HEADER}{}\n", rows.join("\n"));
        let effort = Effort { threads: 2, piece_bytes, memory_max: 0 };
        let read = |text: &[u8]| Reading::new(Rules::default()).with_effort(effort).input(text, "x").unwrap();
        let codes = |validated: &Validated| {
            let problems = validated.problems().unwrap().into_iter();
            problems.map(|problem| (problem.row, problem.code)).collect::<Vec<_>>()
        };
        let first = read(text.as_bytes());
        let mut corrected = Vec::new();
        first.write_corrected(&mut corrected).unwrap();
        let second = read(&corrected);
        prop_assert_eq!(codes(&first), codes(&second));
        prop_assert_eq!((first.rows, first.rejected_rows), (second.rows, second.rejected_rows));
        prop_assert_eq!(totals(&first.totals), totals(&second.totals));
        let mut again = Vec::new();
        second.write_corrected(&mut again).unwrap();
        let mut third = Vec::new();
        read(&again).write_corrected(&mut third).unwrap();
        prop_assert_eq!(&third, &again);
        let (mut valid, mut invalid) = (Vec::new(), Vec::new());
        first.write_split(&mut valid, &mut invalid).unwrap();
        let (valid, invalid) = (read(&valid), read(&invalid));
        prop_assert_eq!((valid.rows, invalid.rows), (first.payment_count(), first.rejected_rows));
        prop_assert!(valid.errors() == 0 || valid.rows == 0);
        prop_assert_eq!(totals(&valid.totals), totals(&first.totals));
    }
}
