//! Bad input: one clear error that says what happened, that nothing was sent, and what to do; the documented exit code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Ended, Home, Provider, payroll};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Asserts exit code, the words on money, and each of `words`.
#[track_caller]
fn says(ended: Ended, code: i32, words: &[&str]) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(code), "{said}");
    assert!(said.contains("Nothing was sent by this command."), "{said}");
    for word in words {
        assert!(said.contains(word), "'{word}' is missing: {said}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let home = Home::new();
    let run = |file: &str| home.run(&["run", file, "--sandbox"]);
    says(run("nowhere.csv"), 3, &["nowhere.csv"]);
    fs::create_dir(home.path().join("folder.csv")).unwrap();
    says(run("folder.csv"), 3, &["folder.csv"]);
    home.file("empty.csv", "");
    says(run("empty.csv"), 3, &["empty"]);
    home.file("columns.csv", "name,money\nA,1\n");
    says(run("columns.csv"), 3, &["recipient_phone", "amount", "reference"]);
    home.file("archive.csv", b"PK\x03\x04rest");
    says(run("archive.csv"), 3, &["zip archive", "Unpack it"]);
}

#[test]
fn only_what_is_about_no_payment_says_that_no_money_moved() {
    let home = Home::new();
    home.file("gone.toml", "organization = \"acme\"");
    for (args, code) in [
        (&["validate", "nowhere.csv"][..], 3),
        (&["explain", "amount-wrong"], 2),
        (&["wallets"], 2),
        (&["config", "check", "--config", "gone.toml"], 2),
        (&["sandbox", "--listen", "0.0.0.0:0"], 2),
    ] {
        let ended = home.run(args).expect(code);
        assert!(ended.stderr.contains("No money moved."), "{args:?}: {}", ended.stderr);
    }
    for args in [
        &["run", "--run-key", "june", "--pace", "soon"][..],
        &["run", "--run-key", "june", "--pace", "soon", "--json"],
        &["status", "june", "--config", "gone.toml"],
        &["verify", "june"],
    ] {
        says(home.run(args), 2, &[]);
    }
}

#[test]
fn a_file_with_errors_is_refused_as_a_whole_and_paid_in_part_on_request() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 6).replace("1501,KES", "1.501,KES"));
    let file = file.to_str().unwrap();
    let args =
        ["run", file, "--yes", "--pace", "400/s", "--same-payee-gap", "0s", "--run-key", "june"];
    says(home.run_against(&provider, &args), 3, &["1.501"]);
    assert!(provider.ledger().executions.is_empty());
    let mut args = args.to_vec();
    args.extend(["--skip-invalid", "--json"]);
    let report = home.run_against(&provider, &args).expect(0).json();
    assert_eq!(report["rejected_rows"], 1, "{report}");
    assert_eq!(provider.ledger().executions.len(), 5);
}

#[test]
fn keys_that_are_missing_wrong_or_open_to_others_are_told_apart() {
    let (home, provider) = (Home::new(), Provider::start(&["--key", "the-right-key-123"]));
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args = ["run", file.to_str().unwrap(), "--yes", "--run-key", "june"];
    let mut none = home.command(&args);
    let none = none.env("PAYRUN_GATEWAY_URL", &provider.url).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("PAYRUN_API_KEY"));
    says(home.run_against(&provider, &args), 8, &["key"]);
    let open = home.file("key", "the-right-key-123");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let mut shared = home.command(&args);
    let shared = shared
        .env("PAYRUN_GATEWAY_URL", &provider.url)
        .env("PAYRUN_API_KEY_FILE", &open)
        .output()
        .unwrap();
    assert!(!shared.status.success());
    assert!(String::from_utf8_lossy(&shared.stderr).contains("chmod 600"));
    assert!(provider.ledger().executions.is_empty());
}

#[test]
fn the_key_is_nowhere_in_output_or_files() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args = ["run", file.to_str().unwrap(), "--yes", "--run-key", "june", "--pace", "400/s"];
    let ended = home.run_against(&provider, &args).expect(0);
    assert!(!format!("{}{}", ended.stdout, ended.stderr).contains("test-key"));
    let mut folders = vec![home.state()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            folder.display()
        );
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o077,
                0,
                "{}",
                path.display()
            );
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(8).any(|part| part == b"test-key"), "{}", path.display());
        }
    }
    assert!(files > 3);
}

#[test]
fn a_gateway_that_is_down_stops_the_run_before_anything_is_sent() {
    let home = Home::new();
    let file = home.file("june.csv", payroll("JUNE", 3));
    let mut command = home.command(&["run", file.to_str().unwrap(), "--yes", "--run-key", "june"]);
    // Port 1 of this machine: nobody listens there.
    command
        .env("PAYRUN_GATEWAY_URL", "http://127.0.0.1:1")
        .env("PAYRUN_API_KEY", "some-key-0123456789");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("Nothing was sent by this command."), "{said}");
}

#[test]
fn a_wallet_without_money_stops_the_run_before_anything_is_sent() {
    let home = Home::new();
    let wallets = home.file(
        "wallets.json",
        r#"[{"id":"k","name":"K","currency":"KES","balance":"100"},{"id":"u","name":"U","currency":"UGX","balance":"100000000"}]"#,
    );
    let provider = Provider::start(&["--wallets", wallets.to_str().unwrap()]);
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args = ["run", file.to_str().unwrap(), "--yes", "--run-key", "june"];
    says(home.run_against(&provider, &args), 8, &["KES"]);
    assert!(provider.ledger().executions.is_empty());
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_sent() {
    let (home, provider) = (Home::new(), Provider::start(&[]));
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args = ["run", file.to_str().unwrap(), "--run-key", "june"];
    says(home.run_against(&provider, &args), 2, &["--yes"]);
    assert!(provider.ledger().executions.is_empty());
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named() {
    let (home, provider) = (Home::new(), Provider::start(&[]));
    let file = home.file("june.csv", payroll("JUNE", 3));
    let blocked = home.file("blocked", "a file, not a folder");
    let mut command =
        home.against(&provider, &["run", file.to_str().unwrap(), "--yes", "--run-key", "june"]);
    let output = command.env("PAYRUN_STATE_DIR", blocked.join("state")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(
        said.contains("blocked") && said.contains("Nothing was sent by this command."),
        "{said}"
    );
    assert!(provider.ledger().executions.is_empty());
}
