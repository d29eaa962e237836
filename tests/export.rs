//! A run that is carried elsewhere: killed, written out, made anew in another state directory, and gone on with. Each payment
//! is made exactly once (I1, I3, I11).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Home, Provider, Running, Seed, number_from, payroll, run_args};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);
const PAYMENTS: usize = 30;

/// Runs a command with its records in `state`.
fn with_state(home: &Home, state: &str, args: &[&str]) -> std::process::Output {
    home.command(args).env("PAYRUN_STATE_DIR", home.path().join(state)).output().unwrap()
}

/// Pays until the provider has executed `target`, then kills.
fn pay_until(home: &Home, provider: &Provider, state: &str, target: usize) {
    let mut command = home.against(provider, &run_args("june.csv"));
    command.env("PAYRUN_STATE_DIR", home.path().join(state));
    let mut running = Running::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let began = Instant::now();
    while provider.ledger().executions.len() < target && !running.has_ended() {
        assert!(began.elapsed() < PATIENCE, "{target} were to be executed");
        std::thread::yield_now();
    }
    running.kill();
}

#[test]
fn a_killed_run_goes_on_in_another_state_directory_and_pays_the_rest_once() {
    let first = number_from("PAYRUN_SEED").unwrap_or(1);
    for number in first..first + 3 {
        println!("PAYRUN_SEED={number}");
        let mut seed = Seed::new(number);
        let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
        home.file("june.csv", payroll("JUNE", PAYMENTS));
        pay_until(&home, &provider, "here", usize::try_from(1 + seed.below(28)).unwrap());
        let exported = with_state(&home, "here", &["export", "june", "-o", "june.jsonl"]);
        assert!(exported.status.success(), "{exported:?}");
        if seed.below(2) == 0 {
            // What came after the export is lost with the first directory.
            let more = provider.ledger().executions.len() + 1;
            pay_until(&home, &provider, "here", more.min(PAYMENTS));
        }
        std::fs::remove_dir_all(home.path().join("here")).unwrap();
        let imported = with_state(&home, "there", &["import", "june.jsonl"]);
        assert!(imported.status.success(), "{imported:?}");
        let mut resume = home.against(&provider, &run_args("june.csv"));
        let ended = resume.env("PAYRUN_STATE_DIR", home.path().join("there")).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{said}");
        let ledger = provider.ledger();
        assert_eq!(ledger.executions.len(), PAYMENTS);
        assert!(ledger.executions.values().all(|execution| execution.count == 1), "{ledger:?}");
        ledger.assert_equals_report(&serde_json::from_slice(&ended.stdout).unwrap());
        let verified = with_state(&home, "there", &["verify", "june"]);
        assert!(verified.status.success(), "{verified:?}");
    }
}

#[test]
fn an_export_is_its_owners_alone_whole_and_of_one_place() {
    use std::os::unix::fs::PermissionsExt as _;
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    home.file("june.csv", payroll("JUNE", 3));
    home.run_against(&provider, &run_args("june.csv")).expect(0);
    home.run(&["export", "june", "--output", "june.jsonl"]).expect(0);
    let path = home.path().join("june.jsonl");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Nothing is written over, here or there.
    home.run(&["export", "june", "--output", "june.jsonl"]).expect(2);
    home.run(&["export", "june", "--output", "june.jsonl", "--force"]).expect(0);
    home.run(&["import", "june.jsonl"]).expect(7);
    // On stdout it is the same, and stdin takes it.
    let text = home.run(&["export", "june"]).expect(0).stdout;
    assert_eq!(text.as_bytes(), std::fs::read(&path).unwrap());
    let elsewhere = |args: &[&str], input: &Path| {
        let input = std::fs::File::open(input).unwrap();
        let mut command = home.command(args);
        command.env("PAYRUN_STATE_DIR", home.path().join("there")).stdin(input);
        command.output().unwrap()
    };
    let cut = home.file("cut.jsonl", &text[..text.len() / 2]);
    assert_eq!(elsewhere(&["import", "-"], &cut).status.code(), Some(3));
    let other =
        home.command(&["import", "june.jsonl", "--organisation", "other"]).output().unwrap();
    assert_eq!(other.status.code(), Some(7));
    let done = elsewhere(&["import", "-", "--json"], &path);
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&json["run"], &json["payments"]), (&"june".into(), &3.into()));
    // Only from where it was begun (I6).
    let stranger = Provider::start(&[]);
    let mut resume = home.against(&stranger, &["resume", "june"]);
    let ended = resume.env("PAYRUN_STATE_DIR", home.path().join("there")).output().unwrap();
    assert_eq!(ended.status.code(), Some(7), "{ended:?}");
}

#[test]
fn what_others_hold_and_what_is_of_another_kind_is_not_imported() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    home.file("june.csv", payroll("JUNE", 3));
    home.file("other.csv", payroll("JUNE", 1));
    home.run_against(&provider, &run_args("june.csv")).expect(0);
    home.run(&["export", "june", "-o", "june.jsonl"]).expect(0);
    // Another run holds one of the references there (I7).
    let stranger = Provider::start(&["--settle", "20ms"]);
    let other = ["run", "other.csv", "--run-key", "other", "--yes"];
    let mut other = home.against(&stranger, &other);
    let paid = other.env("PAYRUN_STATE_DIR", home.path().join("there")).output().unwrap();
    assert!(paid.status.success(), "{paid:?}");
    let refused = with_state(&home, "there", &["import", "june.jsonl", "--json"]);
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    let json: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(json["error"]["code"], "claimed", "{json}");
    let runs = with_state(&home, "there", &["status", "--json"]);
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(
        (runs["runs"].as_array().unwrap().len(), &runs["runs"][0]["run"]),
        (1, &"other".into())
    );
    // A rehearsal would hold the references of real payments for ever, and a real run is nothing to rehearse with.
    home.run(&["run", "june.csv", "--run-key", "trial", "--yes", "--sandbox"]).expect(0);
    home.run(&["export", "trial", "-o", "trial.jsonl", "--sandbox"]).expect(0);
    for args in
        [&["import", "trial.jsonl", "--json"][..], &["import", "june.jsonl", "--json", "--sandbox"]]
    {
        let refused = with_state(&home, "third", args);
        let json: serde_json::Value = serde_json::from_slice(&refused.stdout).unwrap();
        assert_eq!(
            (refused.status.code(), &json["error"]["code"]),
            (Some(7), &"other-kind".into())
        );
    }
    let taken = with_state(&home, "third", &["import", "trial.jsonl", "--sandbox"]);
    assert!(taken.status.success(), "{taken:?}");
}
