//! One run of a few payments against a provider of its own, to be disturbed, and then to be judged.

use crate::{Home, Ledger, Provider, payroll};
use std::path::PathBuf;
use std::process::Command;

/// The arguments of a run that loses no time.
pub fn run_args(file: &str) -> Vec<&str> {
    vec![
        "run",
        file,
        "--run-key",
        "june",
        "--yes",
        "--pace",
        "400/s",
        "--absence-grace",
        "400ms",
        "--request-timeout",
        "1s",
        "--same-payee-gap",
        "0s",
        "--settle-timeout",
        "60s",
        "--json",
    ]
}

/// A payment file, a state directory, a provider in another process.
pub struct Payday {
    /// Where the file is.
    pub home: Home,
    /// Who knows what really moved.
    pub provider: Provider,
    state: PathBuf,
    payments: usize,
}

impl Payday {
    /// Of this many payments.
    pub fn of(payments: usize) -> Self {
        let home = Home::new();
        home.file("june.csv", payroll("JUNE", payments));
        let provider = Provider::start(&["--settle", "20ms"]);
        Self { state: home.state(), home, provider, payments }
    }

    /// The same with its state directory elsewhere.
    pub fn with_state(self, state: PathBuf) -> Self {
        Self { state, ..self }
    }

    /// The command that begins the run, or goes on with it.
    pub fn run(&self, more: &[&str]) -> Command {
        let mut args = run_args("june.csv");
        args.extend(["--poll", "50ms"]);
        if more.contains(&"--no-wait") {
            // The command refuses to wait and not to wait.
            let waits = args.iter().position(|arg| *arg == "--settle-timeout").unwrap();
            args.drain(waits..waits + 2);
        }
        args.extend(more);
        let mut command = self.home.against(&self.provider, &args);
        command.env("PAYRUN_STATE_DIR", &self.state);
        command
    }

    /// What really moved; nothing twice.
    pub fn ledger_so_far(&self) -> Ledger {
        let ledger = self.provider.ledger();
        assert!(ledger.executions.values().all(|execution| execution.count == 1), "{ledger:?}");
        assert!(ledger.executions.len() <= self.payments, "{ledger:?}");
        ledger
    }

    /// Goes on to the end: each payment was made exactly once, the report says what the ledger says, and the records
    /// are sound. `after` tells what had happened.
    pub fn go_on_to_the_end(&self, after: &str) {
        self.ledger_so_far();
        let ended = self.run(&[]).output().unwrap();
        let (stdout, stderr) =
            (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(0), "after {after}\n{stdout}\n{stderr}");
        let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        let ledger = self.ledger_so_far();
        assert_eq!(ledger.executions.len(), self.payments, "after {after}");
        ledger.assert_equals_report(&report);
        let paid = report["payments"].as_array().unwrap();
        assert!(paid.iter().all(|payment| payment["state"] == "paid"), "after {after}: {report}");
        let mut verify = self.home.command(&["verify", "june"]);
        let verified = verify.env("PAYRUN_STATE_DIR", &self.state).output().unwrap();
        let said = String::from_utf8_lossy(&verified.stderr);
        assert_eq!(verified.status.code(), Some(0), "after {after}: {said}");
    }
}
