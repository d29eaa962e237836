//! Some seeds, and engines that are broken on purpose. More: `payrun-sim --seeds 100000`.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says its seed"
)]

use clap::ValueEnum as _;
use payrun_sim::{Broken, audit::audit, case};

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn every_case_comes_out_as_it_must() {
    let (first, count) = (number_from("PAYRUN_SEED", 1), number_from("PAYRUN_SEEDS", 3000));
    println!("PAYRUN_SEED={first} PAYRUN_SEEDS={count}");
    for number in 0..count {
        let seed = first.wrapping_add(number);
        let wrong = audit(&case(seed, None, false));
        assert!(
            wrong.is_empty(),
            "replay it with  cargo run -p payrun-sim -- --seed {seed} --trace\n{}",
            wrong.join("\n")
        );
    }
}

/// A proof that finds nothing must be able to find something.
#[test]
fn every_engine_that_is_broken_on_purpose_is_caught() {
    const SEEDS: u64 = 300;
    for broken in Broken::value_variants() {
        let caught = (1..=SEEDS).find(|seed| !audit(&case(*seed, Some(*broken), false)).is_empty());
        let seed = caught.unwrap_or_else(|| panic!("{broken:?} passed {SEEDS} seeds"));
        println!("{broken:?}: caught by seed {seed}");
    }
}

#[test]
fn a_seed_is_the_same_case_to_the_last_line() {
    for seed in 1..40 {
        let (first, second) = (case(seed, None, true), case(seed, None, true));
        assert!(first.trace.len() > 3);
        assert_eq!(first, second, "seed {seed}");
    }
}

/// The auditor knows nothing of what it judges.
#[test]
fn the_auditor_names_no_other_module_and_no_crate() {
    let source = include_str!("../src/audit.rs");
    let (code, _) = source.split_once("#[cfg(test)]").unwrap();
    for name in ["crate::", "super::", "payrun_", "extern crate"] {
        assert!(!code.contains(name), "it names {name}");
    }
}
