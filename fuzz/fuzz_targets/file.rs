//! Any bytes as a payment file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payrun_csv::{Limits, Reading, Rules, Severity};

fuzz_target!(|data: &[u8]| {
    let Some((choice, file)) = data.split_first() else { return };
    let rules = match choice % 3 {
        0 => Rules::default(),
        1 => Rules { encoding: "windows-1252".parse().ok(), delimiter: Some(b';'), ..Rules::default() },
        _ => Rules {
            limits: Limits { bytes_max: 4096, rows_max: 20, cell_bytes_max: 40, record_bytes_max: 200 },
            ..Rules::default()
        },
    };
    let validated = Reading::new(rules.clone()).input(file, "fuzz").expect("bytes in memory can be read");
    let counted = Reading::new(rules).without_payments().input(file, "fuzz").expect("and once more");
    let payments = u64::try_from(validated.payments.len()).expect("fits");
    assert_eq!(validated.rows, payments + validated.rejected_rows);
    assert_eq!(validated.totals.count(), payments);
    assert_eq!((counted.rows, counted.rejected_rows), (validated.rows, validated.rejected_rows));
    assert_eq!(counted.totals, validated.totals);
    let problems = validated.problems().expect("the text is kept");
    let count = |severity| problems.iter().filter(|problem| problem.severity() == severity).count();
    assert_eq!(u64::try_from(count(Severity::Error)), Ok(validated.errors()));
    assert_eq!(u64::try_from(count(Severity::Warning)), Ok(validated.warnings()));
    for problem in &problems {
        assert_eq!(problem.row.is_some(), problem.row.and(problem.line).is_some());
        assert!(problem.column.is_none() || problem.value.is_some());
        assert!(!problem.message.is_empty() && !problem.hint.is_empty());
    }
    let mut corrected = Vec::new();
    if validated.write_corrected(&mut corrected).is_ok() {
        assert!(!corrected.is_empty());
    }
});
