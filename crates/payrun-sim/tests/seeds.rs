//! Some seeds. More: `payrun-sim --seeds 100000`.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says its seed"
)]

use payrun_sim::audit::{Case, audit};
use payrun_sim::{Options, Records, case};

fn number_from(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        // A seed that was meant and is not taken would be a proof of something else.
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => otherwise,
    }
}

/// The first seed, and how many, printed.
fn drawn(count: u64) -> impl Iterator<Item = u64> {
    let (first, count) = (number_from("PAYRUN_SEED", 1), number_from("PAYRUN_SEEDS", count));
    println!("PAYRUN_SEED={first} PAYRUN_SEEDS={count}");
    (0..count).map(move |number| first.wrapping_add(number))
}

/// Runs it, and fails with the command that replays it.
fn sound(options: Options) -> Case {
    let case = case(options);
    let wrong = audit(&case).join("\n");
    let Options { seed, records, killed_at, .. } = options;
    let records = format!(" --records {records:?}").to_lowercase();
    let killed_at = killed_at.map(|step| format!(" --killed-at {step}")).unwrap_or_default();
    assert!(
        wrong.is_empty(),
        "replay it with  cargo run -p payrun-sim -- --seed {seed}{records}{killed_at} --trace\n{wrong}"
    );
    case
}

#[test]
fn every_case_comes_out_as_it_must() {
    for seed in drawn(3000) {
        sound(Options::of(seed));
    }
}

/// One of the real ones takes as long as twenty that are played.
#[test]
fn every_case_comes_out_as_it_must_with_the_real_records_and_a_disk_that_fails() {
    for seed in drawn(3000).step_by(20) {
        sound(Options { records: Records::Failing, ..Options::of(seed) });
    }
}

/// What stands in for the store does what the store does: every word of the trace, every state and every call is the same.
#[test]
fn the_records_that_are_played_are_the_real_ones_to_the_last_line() {
    for seed in drawn(3000).step_by(25) {
        let traced = Options { trace: true, ..Options::of(seed) };
        let (played, real) = (case(traced), case(Options { records: Records::Real, ..traced }));
        let pairs = played.trace.iter().zip(&real.trace);
        let differs = pairs.enumerate().find(|(_, (played, real))| played != real);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(played, real, "seed {seed}");
    }
}

/// Between any two steps of a process: it is woken for each, and killed instead.
#[test]
fn a_process_that_is_killed_at_any_step_is_gone_on_with() {
    let mut steps = 0;
    // Some seeds have hardly a step, so it is steps that are counted.
    for seed in drawn(3000).step_by(30) {
        if steps > 500 {
            break;
        }
        let whole = sound(Options { killed_at: Some(u64::MAX), ..Options::of(seed) });
        steps += whole.steps;
        for step in 0..whole.steps {
            sound(Options { killed_at: Some(step), ..Options::of(seed) });
        }
    }
    println!("killed at {steps} steps");
    assert!(steps > 500);
}

#[test]
fn a_seed_is_the_same_case_to_the_last_line() {
    for seed in drawn(40) {
        let all = [Records::Played, Records::Real, Records::Failing];
        let disks = if seed.is_multiple_of(10) { 3 } else { 1 };
        for records in all.into_iter().take(disks) {
            let traced = Options { trace: true, records, ..Options::of(seed) };
            let (first, second) = (case(traced), case(traced));
            assert!(first.trace.len() > 3);
            assert_eq!(first, second, "seed {seed}");
        }
    }
}

/// The auditor knows nothing of what it judges.
#[test]
fn the_auditor_names_no_other_module_and_no_crate() {
    let source = include_str!("../src/audit.rs");
    let (code, _) = source.split_once("#[cfg(test)]").unwrap();
    assert!(!code.contains("super::"), "it names what is around it");
    let (anew, waits) =
        (include_str!("../src/audit/anew.rs"), include_str!("../src/audit/waits.rs"));
    for code in [code, anew, waits] {
        for name in ["crate::", "payrun_", "extern crate", "super::super"] {
            assert!(!code.contains(name), "it names {name}");
        }
    }
}
