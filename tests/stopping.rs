//! Asked to stop before anything was sent: at once, whatever is waited for just then.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Home, Provider, Running, Silence, Terminal, payroll};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn interrupted_at_the_question_it_ends_at_once() {
    let (home, provider, mut terminal) = (Home::new(), Provider::start(&[]), Terminal::open());
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args = ["run", file.to_str().unwrap(), "--run-key", "june"];
    let mut command = home.against(&provider, &args);
    let running = Running::spawn(command.stdin(terminal.stdio()).stderr(terminal.stdio()));
    terminal.read_until("[y/N]");
    running.signal("INT");
    running.wait_for(PATIENCE).expect(130);
    assert!(provider.ledger().executions.is_empty());
}

#[test]
fn interrupted_while_the_provider_is_asked_what_it_knows_it_ends_at_once() {
    let (home, provider) = (Home::new(), Provider::start(&[]));
    let silence = Silence::before(&provider);
    let file = home.file("june.csv", payroll("JUNE", 3));
    let args =
        ["run", file.to_str().unwrap(), "--run-key", "june", "--yes", "--request-timeout", "1h"];
    let mut command = home.against(&provider, &args);
    let running = Running::spawn(command.env("PAYRUN_GATEWAY_URL", &silence.url));
    silence.wait_until_asked(PATIENCE);
    running.signal("TERM");
    let ended = running.wait_for(PATIENCE).expect(130);
    assert!(ended.stderr.contains("Nothing was sent by this command"), "{}", ended.stderr);
    assert!(provider.ledger().executions.is_empty());
}
