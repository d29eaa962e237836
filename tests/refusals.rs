//! What is refused on purpose: two senders, lost records, another gateway, account or file (I6, I7, I11).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Home, Provider, Running, payroll};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

fn args<'a>(file: &'a str, pace: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "run",
        file,
        "--run-key",
        "june",
        "--yes",
        "--pace",
        pace,
        "--absence-grace",
        "400ms",
        "--request-timeout",
        "1s",
        "--same-payee-gap",
        "0s",
        "--json",
    ];
    args.extend(more);
    args
}

fn wait_for_executions(provider: &Provider, count: usize) {
    let began = Instant::now();
    while provider.ledger().executions.len() < count {
        assert!(began.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}

#[test]
fn a_second_process_on_one_run_is_refused_and_told_who_has_it() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 40));
    let file = file.to_str().unwrap();
    let first = home.start_against(&provider, &args(file, "10/s", &[]));
    wait_for_executions(&provider, 2);
    let second = home.run_against(&provider, &args(file, "10/s", &[])).expect(7);
    let said = format!("{}{}", second.stdout, second.stderr);
    assert!(said.contains(&first.id().to_string()), "{said}");
    first.kill();
    let report = home.run_against(&provider, &args(file, "400/s", &[])).expect(0).json();
    provider.ledger().assert_equals_report(&report);
}

#[test]
fn a_lost_state_directory_is_noticed_at_the_provider_and_adopted_on_request() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 30));
    let file = file.to_str().unwrap();
    let first = home.start_against(&provider, &args(file, "20/s", &[]));
    wait_for_executions(&provider, 6);
    first.kill();
    fs::rename(home.state(), home.path().join("lost")).unwrap();
    home.run_against(&provider, &args(file, "400/s", &[])).expect(7);
    let before = provider.ledger();
    let report = home.run_against(&provider, &args(file, "400/s", &["--adopt"])).expect(0).json();
    let ledger = provider.ledger();
    assert!(ledger.executions.len() > before.executions.len());
    assert_eq!(ledger.executions.len(), 30);
    ledger.assert_equals_report(&report);
}

#[test]
fn a_lost_run_directory_is_known_to_the_ledger() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 6));
    let file = file.to_str().unwrap();
    home.run_against(&provider, &args(file, "400/s", &[])).expect(0);
    fs::rename(home.state().join("acme/runs"), home.path().join("lost")).unwrap();
    // Even at a provider that knows nothing of it.
    let stranger = Provider::start(&[]);
    home.run_against(&stranger, &args(file, "400/s", &[])).expect(7);
    assert!(stranger.ledger().executions.is_empty());
}

#[test]
fn a_run_is_never_continued_at_another_gateway_or_from_another_account() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 30));
    let file = file.to_str().unwrap();
    let first = home.start_against(&provider, &args(file, "20/s", &[]));
    wait_for_executions(&provider, 3);
    first.kill();
    let other = Provider::start(&[]);
    home.run_against(&other, &args(file, "400/s", &[])).expect(7);
    assert!(other.ledger().executions.is_empty());
    let before = provider.ledger();
    let mut another_key = home.against(&provider, &args(file, "400/s", &[]));
    let ended = another_key.env("PAYRUN_API_KEY", "another-key-0123456789").output().unwrap();
    assert_eq!(ended.status.code(), Some(7), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(provider.ledger().executions.len(), before.executions.len());
}

#[test]
fn a_run_begun_in_the_rehearsal_is_no_run_at_a_real_gateway() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let file = file.to_str().unwrap();
    home.run(&[
        "run",
        file,
        "--run-key",
        "june",
        "--sandbox",
        "--pace",
        "400/s",
        "--settle",
        "20ms",
    ])
    .expect(0);
    assert!(provider.ledger().executions.is_empty());
    // Rehearsals keep their records apart: the real run is a new one, and pays.
    home.run_against(&provider, &args(file, "400/s", &[])).expect(0);
    assert_eq!(provider.ledger().executions.len(), 4);
}

#[test]
fn another_file_under_the_same_run_key_is_refused() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    home.run_against(&provider, &args(file.to_str().unwrap(), "400/s", &[])).expect(0);
    let other = home.file("other.csv", payroll("OTHER", 4));
    home.run_against(&provider, &args(other.to_str().unwrap(), "400/s", &[])).expect(7);
    assert_eq!(provider.ledger().executions.len(), 4);
}

#[test]
fn of_a_run_that_was_begun_no_error_says_that_no_money_moved() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let args = args(file.to_str().unwrap(), "400/s", &[]);
    home.run_against(&provider, &args).expect(0);
    let other = home.file("other.csv", payroll("OTHER", 4));
    let mut of_other = args.clone();
    of_other[1] = other.to_str().unwrap();
    let mut without_key = home.command(&args);
    without_key.env("PAYRUN_GATEWAY_URL", &provider.url);
    let mut nobody_there = home.against(&provider, &args);
    nobody_there.env("PAYRUN_GATEWAY_URL", "http://127.0.0.1:1");
    for (mut command, code) in
        [(home.against(&provider, &of_other), 7), (without_key, 2), (nobody_there, 8)]
    {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("Nothing was sent by this command."), "{said}");
    }
}

#[test]
fn a_reference_that_another_run_took_is_refused() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let mut args = args(file.to_str().unwrap(), "400/s", &[]);
    home.run_against(&provider, &args).expect(0);
    args[3] = "july";
    let refused = home.run_against(&provider, &args).expect(7);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("belongs to run 'june'") && !said.contains("--adopt"), "{said}");
    assert_eq!(provider.ledger().executions.len(), 4);
}

#[test]
fn retry_pays_only_what_finally_did_not_pay_under_a_new_reference() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let bad = payroll("JUNE", 6)
        .replace("+254712000001", "+254700000011")
        .replace("+254712000004", "+254700000012");
    let file = home.file("june.csv", &bad);
    let report =
        home.run_against(&provider, &args(file.to_str().unwrap(), "400/s", &[])).expect(4).json();
    assert_eq!(report["totals"]["KES"]["failed"]["count"], 2);
    let corrected = home.file("corrected.csv", payroll("JUNE", 6));
    let retry = [
        "retry",
        "june",
        "--from",
        corrected.to_str().unwrap(),
        "--yes",
        "--quarantine",
        "0s",
        "--pace",
        "400/s",
        "--request-timeout",
        "1s",
        "--same-payee-gap",
        "0s",
        "--json",
    ];
    let report = home.run_against(&provider, &retry).expect(0).json();
    let payments = report["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 2);
    assert!(
        payments.iter().all(|payment| payment["generation"] == 1 && payment["state"] == "paid")
    );
    let ledger = provider.ledger();
    assert_eq!(ledger.executions.len(), 8);
    assert_eq!(ledger.executions.values().filter(|e| e.status == "SUCCESSFUL").count(), 6);
    // Once more: the retry is finished, nothing is sent.
    home.run_against(&provider, &retry).expect(0);
    assert_eq!(provider.ledger(), ledger);
}

#[test]
fn a_second_rehearsal_in_one_state_directory_is_refused_and_told_who_has_it() {
    let home = Home::new();
    let file = home.file("june.csv", payroll("JUNE", 100));
    let args = ["run", file.to_str().unwrap(), "--sandbox", "--pace", "1/s"];
    let mut first = home.command(&args);
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let first = Running::spawn(&mut first);
    let began = Instant::now();
    let runs = home.state().join("sandbox/acme/runs");
    while !fs::read_dir(&runs).is_ok_and(|mut runs| runs.next().is_some()) {
        assert!(began.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let second = home.run(&args).expect(7);
    assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
    first.kill();
}

#[test]
fn a_damaged_ledger_is_refused_with_the_way_on_and_nothing_is_paid_twice() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let other = home.file("july.csv", payroll("JULY", 4));
    home.run_against(&provider, &args(file.to_str().unwrap(), "400/s", &[])).expect(0);
    let segment = home.state().join("acme/ledger/00000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[120] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let mut july = args(other.to_str().unwrap(), "400/s", &[]);
    july[3] = "july";
    for refused in
        [home.run_against(&provider, &july).expect(6), home.run(&["verify", "june"]).expect(6)]
    {
        assert!(refused.stdout.contains("payrun rebuild --ledger"), "{}", refused.stdout);
    }
    let rebuilt = home.run(&["rebuild", "--ledger", "--json"]).expect(0).json();
    assert_eq!(rebuilt["claimed"][0]["put_back"], 4);
    home.run(&["verify", "june"]).expect(0);
    let report = home.run_against(&provider, &july).expect(0).json();
    assert_eq!(report["totals"]["KES"]["paid"]["count"], 3);
    assert_eq!(provider.ledger().executions.len(), 8);
    assert!(provider.ledger().executions.values().all(|execution| execution.count == 1));
}

#[test]
fn looking_at_records_that_are_not_there_makes_none() {
    let home = Home::new();
    home.run(&["status"]).expect(0);
    for verb in ["status", "report", "verify"] {
        home.run(&[verb, "june"]).expect(2);
    }
    assert!(!home.state().exists());
}
