//! The provider's limits over processes and restarts: no 429 that one state directory could have spared (I8).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says how long it took"
)]

use payrun_tests::{Home, Provider, Running, payroll};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);

/// A minute of the provider is fifteen seconds here: on a busy machine a request is soon late by a part of a second, which is as
/// many times as much there.
const LIMITED: [&str; 4] = ["--limits", "kotani", "--time-scale", "4"];

fn run_args<'a>(file: &'a str, key: &'a str) -> Vec<&'a str> {
    limited_run_args(file, key, LIMITED)
}

fn limited_run_args<'a>(file: &'a str, key: &'a str, limited: [&'a str; 4]) -> Vec<&'a str> {
    let mut args = vec!["run", file, "--run-key", key, "--yes", "--json"];
    args.extend(limited);
    args.extend(["--absence-grace", "400ms", "--request-timeout", "5s", "--settle-timeout", "60s"]);
    args
}

/// More payments than the provider lets through in a minute, by two processes at once; the provider's ledger has them all.
fn two_at_once(provider: &Provider, (first, second): (&Home, &Home)) {
    let runs = [(first, "JUNE"), (second, "JULY")].map(|(home, key)| {
        let file = home.file(&format!("{key}.csv"), payroll(key, 45));
        let (file, key) = (file.to_str().unwrap().to_owned(), key.to_ascii_lowercase());
        let running = home.start_against(provider, &run_args(&file, &key));
        (home, file, key, running)
    });
    for (home, file, key, running) in runs {
        let code = running.wait().code;
        // Before it begins, a run that is refused too often gives up, and can be started again.
        if code == Some(8) && is_refused(provider) {
            home.run_against(provider, &run_args(&file, &key)).expect(0);
        } else {
            assert_eq!(code, Some(0), "{key}");
        }
    }
    let ledger = provider.ledger();
    assert_eq!(ledger.executions.len(), 90);
    assert!(ledger.executions.values().all(|execution| execution.count == 1));
}

/// Until the provider has made one payment more.
fn one_more_payment(provider: &Provider, running: &mut Running) {
    let (before, began) = (provider.ledger().executions.len(), Instant::now());
    while provider.ledger().executions.len() == before && !running.has_ended() {
        assert!(began.elapsed() < PATIENCE, "nothing more was paid");
        std::thread::yield_now();
    }
}

fn is_refused(provider: &Provider) -> bool {
    provider.ledger().rate_limit_violations > 0
}

#[test]
fn two_runs_of_one_state_directory_share_the_allowance_of_their_key() {
    let (home, provider) = (Home::new(), Provider::start(&LIMITED));
    two_at_once(&provider, (&home, &home));
    assert_eq!(provider.ledger().rate_limit_violations, 0);
}

#[test]
fn a_stranger_with_the_same_key_costs_429s_and_nothing_more() {
    let (home, stranger, provider) = (Home::new(), Home::new(), Provider::start(&LIMITED));
    two_at_once(&provider, (&home, &stranger));
    // Without this, a provider that never refuses would prove nothing above.
    assert!(is_refused(&provider));
}

#[test]
fn a_run_that_is_killed_and_started_again_in_the_middle_of_a_window_gets_no_429() {
    const LIVES: usize = 35;
    let (home, provider) = (Home::new(), Provider::start(&LIMITED));
    let file = home.file("june.csv", payroll("JUNE", 40));
    let args = run_args(file.to_str().unwrap(), "june");
    for _ in 0..LIVES {
        let mut running = home.start_against(&provider, &args);
        one_more_payment(&provider, &mut running);
        running.kill();
    }
    let report = home.run_against(&provider, &args).expect(0).json();
    let ledger = provider.ledger();
    assert_eq!(ledger.rate_limit_violations, 0);
    ledger.assert_equals_report(&report);
}

#[test]
fn three_hundred_payments_at_the_provider_s_limits_meet_none_of_them() {
    let limited = ["--limits", "kotani", "--time-scale", "20"];
    let (home, provider) = (Home::new(), Provider::start(&limited));
    let file = home.file("june.csv", payroll("JUNE", 300));
    let args = limited_run_args(file.to_str().unwrap(), "june", limited);
    let began = Instant::now();
    let report = home.run_against(&provider, &args).expect(0).json();
    println!("300 payments in {:.1} s", began.elapsed().as_secs_f64());
    let ledger = provider.ledger();
    assert_eq!((ledger.executions.len(), ledger.rate_limit_violations), (300, 0));
    assert!(ledger.executions.values().all(|execution| execution.count == 1));
    ledger.assert_equals_report(&report);
}

#[test]
fn a_process_that_is_frozen_holds_up_nobody() {
    let (home, provider) = (Home::new(), Provider::start(&LIMITED));
    let file = home.file("june.csv", payroll("JUNE", 15));
    let frozen = home.start_against(&provider, &run_args(file.to_str().unwrap(), "june"));
    let began = Instant::now();
    while provider.ledger().executions.is_empty() {
        assert!(began.elapsed() < PATIENCE, "nothing was paid");
        std::thread::yield_now();
    }
    frozen.signal("STOP");
    let file = home.file("july.csv", payroll("JULY", 10));
    let other = home.start_against(&provider, &run_args(file.to_str().unwrap(), "july"));
    other.wait_for(PATIENCE).expect(0);
    frozen.signal("CONT");
    frozen.wait_for(PATIENCE).expect(0);
    assert_eq!(provider.ledger().rate_limit_violations, 0);
}
