//! `--json` on every verb: stdout holds one object, whatever the outcome.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Ended, Home, binary, payroll};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

fn rehearse(home: &Home, args: &[&str]) -> Ended {
    let mut args = args.to_vec();
    if !matches!(args.first(), Some(&("validate" | "completions"))) {
        args.push("--sandbox");
    }
    args.push("--json");
    home.run(&args)
}

#[test]
fn every_verb_answers_scripts_with_one_object() {
    let home = Home::new();
    home.file("june.csv", payroll("JUNE", 3).replace("+254712000001", "+254700000011"));
    home.file("bad.csv", payroll("BAD", 2).replace("1501", "1.501"));
    for (args, code, key) in [
        (&["validate", "june.csv"][..], 0, "problems"),
        (&["validate", "bad.csv"], 3, "problems"),
        (&["plan", "june.csv", "--run-key", "june"], 0, "digest"),
        (&["status"], 0, "runs"),
        (&["resume"], 0, "runs"),
        (&["run", "june.csv", "--run-key", "june", "--pace", "400/s"], 4, "payments"),
        (&["run", "bad.csv"], 3, "error"),
        (&["run", "june.csv", "--pace", "soon"], 2, "error"),
        (&["resume", "june"], 4, "payments"),
        (&["status", "june"], 0, "totals"),
        (&["report", "june"], 0, "payments"),
        (&["report", "july"], 2, "error"),
        (&["verify", "june"], 0, "sound"),
        (&["rebuild", "june"], 0, "rebuilt"),
        (&["retry", "june", "--pace", "400/s"], 4, "payments"),
        (&["wallets"], 0, "wallets"),
        (&["completions", "bash"], 0, "completions"),
    ] {
        let answer = rehearse(&home, args).expect(code).json();
        assert!(answer.get(key).is_some(), "{args:?}: {answer}");
        if key == "error" {
            assert_eq!(answer["exit"], code, "{args:?}");
            assert!(answer["error"]["money"].as_str().unwrap().ends_with('.'), "{args:?}");
        }
    }
}

#[test]
fn the_sandbox_says_where_it_listens_as_one_line() {
    let mut sandbox = Command::new(binary())
        .args(["sandbox", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(sandbox.stdout.take().unwrap()).read_line(&mut line).unwrap();
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert!(ready["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{line}");
}

#[test]
fn output_that_cannot_be_written_leaves_the_exit_code_to_the_money() {
    let home = Home::new();
    home.file("june.csv", payroll("JUNE", 3));
    let full = |args: &[&str]| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        home.command(args).stdout(full).output().unwrap()
    };
    for form in ["--json", "--format=text"] {
        let ended = full(&["run", "june.csv", "--sandbox", "--pace", "400/s", form]);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{said}");
        assert!(said.contains("stdout cannot be written"), "{said}");
    }
    let ended = full(&["run", "nowhere.csv", "--sandbox", "--json"]);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("nowhere.csv"), "{said}");
}
