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

const PATIENCE: Duration = Duration::from_secs(600);

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

/// A provider with one wallet, which holds KES 7,000.
fn with_little_money(home: &Home) -> Provider {
    let wallets = home.file(
        "wallets.json",
        r#"[{"id":"w-a","name":"A","currency":"KES","balance":"7000","country":"KE"}]"#,
    );
    Provider::start(&["--settle", "20ms", "--wallets", wallets.to_str().unwrap()])
}

/// The rows of a payroll that are not paid in UGX.
fn of_kes(payroll: &str) -> String {
    payroll.lines().filter(|row| !row.contains("UGX")).collect::<Vec<_>>().join("\n")
}

/// Planned anew by what the wallets hold now, some of what was paid stands by the other one.
#[test]
fn an_adopted_run_knows_what_another_wallet_of_the_currency_paid() {
    let home = Home::new();
    // The larger one pays everything; once it has begun, the other is the larger. Each has enough for all.
    let wallets = home.file(
        "wallets.json",
        r#"[{"id":"w-a","name":"A","currency":"KES","balance":"40000","country":"KE"},
            {"id":"w-b","name":"B","currency":"KES","balance":"39000","country":"KE"}]"#,
    );
    let provider = Provider::start(&["--settle", "20ms", "--wallets", wallets.to_str().unwrap()]);
    let file = home.file("june.csv", of_kes(&payroll("JUNE", 27)));
    let file = file.to_str().unwrap();
    let first = home.start_against(&provider, &args(file, "10/s", &[]));
    wait_for_executions(&provider, 8);
    first.kill();
    fs::rename(home.state(), home.path().join("lost")).unwrap();
    let adopt = args(file, "400/s", &["--adopt"]);
    let report = home.run_against(&provider, &adopt).expect(0).json();
    let payments = report["payments"].as_array().unwrap();
    assert!(payments.iter().all(|payment| payment["state"] == "paid"), "{report}");
    let told = |payment: &&serde_json::Value| {
        payment["reason"].as_str().is_some_and(|why| why.contains("w-a") && why.contains("w-b"))
    };
    assert!(payments.iter().filter(told).count() > 0, "{report}");
    let ledger = provider.ledger();
    assert_eq!(ledger.executions.len(), payments.len());
    assert!(ledger.executions.values().all(|execution| execution.count == 1), "{ledger:?}");
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
fn of_a_run_by_its_plan_and_of_a_plan_for_a_begun_run_no_error_says_that_no_money_moved() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let file = file.to_str().unwrap();
    let plan = home.run_against(&provider, &["plan", file, "--json"]).expect(0).json();
    let mut by_digest = args(plan["digest"].as_str().unwrap(), "400/s", &[]);
    // Named after the file, which only the plan knows.
    by_digest.drain(2..4);
    home.run_against(&provider, &by_digest).expect(0);
    for again in [&by_digest[..], &["plan", file, "--json"]] {
        let mut nobody_there = home.against(&provider, again);
        nobody_there.env("PAYRUN_GATEWAY_URL", "http://127.0.0.1:1");
        let mut without_key = home.command(again);
        without_key.env("PAYRUN_GATEWAY_URL", &provider.url);
        for (mut command, code) in [(nobody_there, 8), (without_key, 2)] {
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(code), "{said}");
            assert!(said.contains("Nothing was sent by this command."), "{again:?}: {said}");
        }
    }
}

#[test]
fn of_a_run_that_is_adopted_or_pays_anew_no_error_says_that_no_money_moved() {
    let home = Home::new();
    let provider = with_little_money(&home);
    let one_fails = payroll("JUNE", 5).replace("+254712000001", "+254700000011");
    let file = home.file("june.csv", of_kes(&one_fails));
    let file = file.to_str().unwrap();
    home.run_against(&provider, &args(file, "400/s", &[])).expect(4);
    let retry = ["retry", "june", "--quarantine", "0s", "--json"];
    let said = home.run_against(&provider, &retry).expect(2).stdout;
    assert!(said.contains("Nothing was sent by this command."), "{said}");
    fs::rename(home.state(), home.path().join("lost")).unwrap();
    let mut unasked = args(file, "400/s", &["--adopt", "--allow-shortfall"]);
    unasked.retain(|arg| *arg != "--yes");
    for (adopt, code) in [(args(file, "400/s", &["--adopt"]), 8), (unasked, 2)] {
        let said = home.run_against(&provider, &adopt).expect(code).stdout;
        assert!(said.contains("Nothing was sent by this command."), "{said}");
    }
}

#[test]
fn a_copy_of_the_records_under_another_organisations_name_is_refused_and_pays_nobody() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let bad = payroll("JUNE", 4).replace("+254712000001", "+254700000011");
    let file = home.file("june.csv", &bad);
    let run = args(file.to_str().unwrap(), "400/s", &["--organisation", "beta"]);
    home.run_against(&provider, &run[..run.len() - 2]).expect(4);
    let copied = std::process::Command::new("cp")
        .args(["-r", "acme", "beta"])
        .current_dir(home.state())
        .status();
    assert!(copied.unwrap().success());
    let paid = provider.ledger();
    let retry =
        ["retry", "june", "--organisation", "beta", "--yes", "--quarantine", "0s", "--json"];
    let report = ["report", "june", "--organisation", "beta", "--json"];
    for refused in [&run[..], &retry, &report] {
        let said = home.run_against(&provider, refused).expect(6).stdout;
        assert!(said.contains("run june of acme") && said.contains("Nothing was sent"), "{said}");
    }
    let found = home.run(&["verify", "june", "--organisation", "beta"]).expect(6);
    assert!(found.stdout.contains("run june of acme"), "{}", found.stdout);
    assert_eq!(provider.ledger(), paid);
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
fn beside_a_run_that_lost_its_records_others_begin_and_rebuilding_the_ledger_says_no_other() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 4));
    let other = home.file("july.csv", payroll("JULY", 4));
    home.run_against(&provider, &args(file.to_str().unwrap(), "400/s", &[])).expect(0);
    fs::remove_file(home.state().join("acme/runs/june/journal/00000001.seg")).unwrap();
    let rebuilt = home.run(&["rebuild", "--ledger"]).expect(6).stdout;
    assert!(rebuilt.contains("If claims of these are missing, no run is begun"), "{rebuilt}");
    let found = home.run(&["verify", "june"]).expect(6).stdout;
    assert!(found.contains("the run's records are gone"), "{found}");
    let mut july = args(other.to_str().unwrap(), "400/s", &[]);
    july[3] = "july";
    home.run_against(&provider, &july).expect(0);
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

/// Each of these ends before anything is looked at that would tell whether the run was begun, or looks at another run.
#[test]
fn no_error_before_the_records_are_looked_at_says_that_no_money_moved() {
    let home = Home::new();
    let provider = with_little_money(&home);
    let one_fails = of_kes(&payroll("JUNE", 5)).replace("+254712000001", "+254700000011");
    let file = home.file("june.csv", &one_fails);
    let june = args(file.to_str().unwrap(), "400/s", &[]);
    home.run_against(&provider, &june).expect(4);
    assert!(provider.ledger().executions.len() >= 4);
    // One name corrected, and so another file without a run; the wallet was emptied by what it pays.
    let changed = home.file("changed.csv", one_fails.replace("Number2", "Second"));
    let mut same_payments = args(changed.to_str().unwrap(), "400/s", &[]);
    same_payments.drain(2..4);
    let mut gone = june.clone();
    gone[1] = "gone.csv";
    let invalid = home.file("invalid.csv", one_fails.replace("1501", "much"));
    let retry = [
        "retry",
        "june",
        "--from",
        invalid.to_str().unwrap(),
        "--quarantine",
        "0s",
        "--yes",
        "--json",
    ];
    let resume = ["resume", "june", "--json"];
    let no_config = ["resume", "june", "--json", "--config", "gone.toml"];
    let mut wrong = Vec::new();
    let mut look = |what: &str, args: &[&str]| {
        let ended = home.run_against(&provider, args);
        let said = ended.stdout;
        if ended.code == Some(0) || said.contains("No money moved.") {
            wrong.push(format!("{what}: exit {:?}: {said}", ended.code));
        }
    };
    look("the same payments in another file", &same_payments);
    look("a file that is gone, of a run that was begun", &gone);
    look("a retry from a file with errors", &retry);
    look("resume without its settings", &no_config);
    // As where the disk was remounted to be read only: nothing can be opened for writing.
    let lock = home.state().join("acme/LOCK");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    look("resume in a folder that cannot be written", &resume);
    look("run in a folder that cannot be written", &june);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an imported run calls planned may have been paid since its export.
#[test]
fn of_a_run_that_goes_by_cautious_start_no_error_says_that_nothing_is_unknown() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 12));
    let file = file.to_str().unwrap();
    let first = home.start_against(&provider, &args(file, "10/s", &[]));
    wait_for_executions(&provider, 3);
    first.signal("INT");
    first.wait();
    home.run(&["export", "june", "-o", "june.jsonl"]).expect(0);
    home.run_against(&provider, &args(file, "400/s", &[])).expect(0);
    assert_eq!(provider.ledger().executions.len(), 12);
    fs::remove_dir_all(home.state().join("acme/runs/june")).unwrap();
    home.run(&["import", "june.jsonl"]).expect(0);
    let segment = home.state().join("acme/ledger/00000001.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[120] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let refused = home.run_against(&provider, &["resume", "june", "--json"]).expect(6).json();
    let money = refused["error"]["money"].as_str().unwrap();
    assert!(!money.contains("of none is it unknown"), "all 12 are paid: {money}");
}

/// Empty is not new (I11): the ledger knows of a run whose records are gone.
#[test]
fn resume_does_not_call_it_done_where_the_ledger_knows_a_run_that_is_gone() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 12));
    let first = home.start_against(&provider, &args(file.to_str().unwrap(), "10/s", &[]));
    wait_for_executions(&provider, 3);
    first.kill();
    fs::rename(home.state().join("acme/runs"), home.path().join("lost")).unwrap();
    let ended = home.run_against(&provider, &["resume"]);
    let said = ended.expect(7).stderr;
    assert!(said.contains("run 'june' had begun before") && said.contains("--adopt"), "{said}");
}

#[test]
fn a_run_of_which_only_the_ledger_knows_is_gone_and_not_unheard_of() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let one_fails = payroll("JUNE", 4).replace("+254712000001", "+254700000011");
    let file = home.file("june.csv", one_fails);
    home.run_against(&provider, &args(file.to_str().unwrap(), "400/s", &[])).expect(4);
    let retry = |run| ["retry", run, "--yes", "--quarantine", "0s", "--json"];
    home.run_against(&provider, &retry("june")).expect(4);
    fs::rename(home.state().join("acme/runs/june"), home.path().join("lost")).unwrap();
    let before = provider.ledger();
    for named in [&["status", "june"][..], &["report", "june"], &["resume", "june"], &["resume"]] {
        let said = home.run_against(&provider, named).expect(7).stderr;
        assert!(said.contains("run 'june' had begun before"), "{named:?}: {said}");
    }
    // Its own --adopt would not help the retry: it is the run before it that is gone.
    for run in ["june", "june.retry-1"] {
        let refused = home.run_against(&provider, &retry(run)).expect(7).json();
        assert_eq!(refused["error"]["code"], "history-lost", "{run}: {refused}");
        let hint = refused["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("the command that began that run"), "{run}: {hint}");
    }
    let listed = home.run(&["status", "--json"]).expect(0).json();
    let june = &listed["runs"].as_array().unwrap()[1];
    assert_eq!((&june["run"], &june["state"]), (&"june".into(), &"unreadable".into()), "{listed}");
    assert_eq!(provider.ledger(), before);
    home.run(&["status", "july"]).expect(2);
}

const QUICK: [&str; 8] = [
    "--pace",
    "400/s",
    "--absence-grace",
    "400ms",
    "--request-timeout",
    "1s",
    "--same-payee-gap",
    "0s",
];

fn with<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let mut all = args.to_vec();
    all.extend(QUICK);
    all.extend(["--yes", "--json"]);
    all
}

/// Two payments of `june` fail; the first is corrected and paid by `june.retry-1`, whose folder is lost then.
fn lost_retry(home: &Home, provider: &Provider) {
    let fails = payroll("JUNE", 4)
        .replace("+254712000001", "+254700000011")
        .replace("+254712000002", "+254700000012");
    let file = home.file("june.csv", &fails);
    let run = with(&["run", file.to_str().unwrap(), "--run-key", "june"]);
    home.run_against(provider, &run).expect(4);
    let rows = payroll("JUNE", 1);
    let first = home.file("first.csv", rows);
    let retry = ["retry", "june", "--from", first.to_str().unwrap(), "--quarantine", "0s"];
    home.run_against(provider, &with(&retry)).expect(0);
    fs::rename(home.state().join("acme/runs/june.retry-1"), home.path().join("lost")).unwrap();
}

/// Each command names the next one, and none of them goes on.
#[test]
fn the_way_on_that_is_named_after_a_retry_was_lost_is_one() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    lost_retry(&home, &provider);
    let first = home.path().join("first.csv");
    let retry = ["retry", "june", "--from", first.to_str().unwrap(), "--quarantine", "0s"];
    let resume = home.run_against(&provider, &["resume", "june.retry-1", "--json"]).expect(7);
    let mut adopt = with(&retry);
    adopt.push("--adopt");
    let ended = home.run_against(&provider, &adopt);
    assert_eq!(
        ended.code,
        Some(0),
        "resume said: {}\nand what it names: {}",
        resume.stdout,
        ended.stdout
    );
}

/// What the lost retry paid is in no report any more, and the exit code says that all is well.
#[test]
fn a_lost_retry_that_is_adopted_reports_all_that_it_paid() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    lost_retry(&home, &provider);
    let all = home.file("all.csv", payroll("JUNE", 4));
    let retry = ["retry", "june", "--from", all.to_str().unwrap(), "--quarantine", "0s", "--adopt"];
    let ended = home.run_against(&provider, &with(&retry)).expect(0);
    let paid = ended.json()["payments"].as_array().unwrap().len();
    assert_eq!(paid, 2, "exit {:?}: {}\n{}", ended.code, ended.stdout, ended.stderr);
}

/// What the hints of a damaged journal, and of a plan that is gone, lead to.
#[test]
fn a_journal_or_a_plan_without_a_copy_is_asked_of_the_provider_and_nothing_is_paid_twice() {
    for is_journal in [true, false] {
        let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
        let file = home.file("june.csv", payroll("JUNE", 4));
        let file = file.to_str().unwrap();
        home.run_against(&provider, &args(file, "400/s", &[])).expect(0);
        let run = home.state().join("acme/runs/june");
        if is_journal {
            let segment = run.join("journal/00000001.seg");
            let mut bytes = fs::read(&segment).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&segment, bytes).unwrap();
        } else {
            fs::remove_dir_all(home.state().join("acme/plans")).unwrap();
        }
        let told = home.run(&["verify", "june"]).expect(6).stdout;
        assert!(told.contains("--adopt"), "{told}");
        assert!(!told.contains("payrun rebuild"), "{told}");
        home.run_against(&provider, &args(file, "400/s", &["--adopt"])).expect(6);
        fs::rename(&run, home.state().join("away")).unwrap();
        let adopted = home.run_against(&provider, &args(file, "400/s", &["--adopt"])).expect(0);
        provider.ledger().assert_equals_report(&adopted.json());
        assert_eq!(provider.ledger().executions.len(), 4);
        home.run(&["verify", "june"]).expect(0);
    }
}
