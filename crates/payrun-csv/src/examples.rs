//! The example files say what they are there to say.

use crate::{Validated, read_file};
use std::collections::BTreeSet;
use std::path::Path;

/// The last nine digits to which a sandbox gives an outcome of their own.
const RESERVED: &str = "7000000";

fn example(name: &str) -> Validated {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    read_file(folder.join(name)).unwrap()
}

fn reserved(validated: &Validated) -> BTreeSet<&str> {
    let last_nine = |phone: &str| phone.len().checked_sub(9).unwrap();
    let phones = validated.payments.iter().map(|payment| payment.payee.phone.as_str());
    phones.map(|phone| &phone[last_nine(phone)..]).filter(|end| end.starts_with(RESERVED)).collect()
}

#[test]
fn the_payroll_is_clean() {
    let file = example("payroll.csv");
    assert_eq!(file.problems().unwrap(), []);
    assert_eq!((file.rows, file.payments.len()), (200, 200));
    let totals: Vec<_> =
        file.totals.iter().map(|(code, total)| (code.code(), total.count)).collect();
    assert_eq!(totals, [("GHS", 30), ("KES", 80), ("TZS", 30), ("UGX", 40), ("ZMW", 20)]);
    assert_eq!(reserved(&file), BTreeSet::new());
}

#[test]
fn the_payroll_with_problems_shows_most_of_them() {
    let file = example("payroll-with-problems.csv");
    let codes: BTreeSet<_> =
        file.problems().unwrap().iter().map(|problem| problem.code.word()).collect();
    assert!(codes.len() >= 20, "{codes:?}");
    assert!(
        file.payments.len() > 5 && file.rejected_rows > 20,
        "{} {}",
        file.payments.len(),
        file.rejected_rows
    );
}

#[test]
fn the_corrected_payroll_has_no_errors_and_the_numbers_that_fail() {
    let file = example("payroll-corrected.csv");
    assert_eq!(file.errors(), 0, "{:?}", file.problems());
    let ends = ["700000001", "700000002", "700000010", "700000011", "700000012", "700000013"];
    assert_eq!(reserved(&file), BTreeSet::from(ends));
    let faulty = example("payroll-with-problems.csv");
    assert_eq!(reserved(&faulty), BTreeSet::from(ends));
}
