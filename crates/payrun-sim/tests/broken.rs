//! Engines that are broken on purpose. A proof that finds nothing must be able to find something.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says what"
)]

use payrun_sim::{Broken, Options, audit::audit, case};

/// Caught within so many seeds, and for what is wrong with it.
const SEEDS: u64 = 1000;

#[test]
fn every_engine_that_is_broken_on_purpose_is_caught_for_what_it_does() {
    for (broken, words) in [
        (Broken::IntentAfterSend, "left it planned"),
        (Broken::BlindResend, "paid again"),
        (Broken::LostOutcome, "reported as"),
        (Broken::BackwardState, "paid again"),
        (Broken::UnlockedStore, "paid again"),
        (Broken::EagerAbsence, "paid again"),
        (Broken::UnknownIsRefused, "left it rejected"),
        (Broken::OtherAmount, "planned as"),
        (Broken::ForgottenPace, "are allowed"),
        (Broken::SharedReferences, "paid again"),
        (Broken::EmptyIsNew, "paid again"),
        (Broken::UncheckedRetry, "had said that"),
        (Broken::GivesUp, "in_doubt on record, the provider says nothing"),
        (Broken::DeafToCancel, "although the run was cancelled"),
        (Broken::DeafToWaits, "leave to call"),
        (Broken::DeafToBans, "whom nobody may pay"),
        (Broken::NoGap, ": sent to "),
        (Broken::AskedOnce, "was not asked about"),
    ] {
        let caught = (1..=SEEDS).find(|seed| {
            let case = case(Options { broken: Some(broken), ..Options::of(*seed) });
            audit(&case).iter().any(|wrong| wrong.contains(words))
        });
        let seed = caught.unwrap_or_else(|| panic!("{broken:?} passed {SEEDS} seeds"));
        println!("{broken:?}: caught by seed {seed}: {words}");
    }
}
