//! What to do next: commands to paste.

use super::report::Ending;
use crate::place::{Place, short};
use crate::screen::wrap;
use payrun::{Exit, Report, RunState, State};

/// The next steps, each a line of words and a command below it.
pub(crate) fn next_steps(report: &Report, ending: &Ending, exit: Exit, place: &Place) -> String {
    let run = short(&report.identity.run);
    let flags = place.flags();
    let any = |states: &[State]| states.iter().any(|state| report.books.count(*state) > 0);
    let mut steps = Steps::default();
    if !ending.hint.is_empty() {
        steps.words(&ending.hint);
    }
    if exit == Exit::StoreFault {
        steps.step("Check the records:", format!("payrun verify {run}{flags}"));
    }
    if report.state() == RunState::Running {
        steps.step("Look again:", format!("payrun status {run}{flags}"));
        return steps.0;
    }
    if any(&[State::InDoubt]) {
        steps.words(
            "In doubt: look these payments up in the provider's own pages. Do not pay them another way \
             before it is certain what became of them.",
        );
    }
    let moving = any(&[State::Planned, State::Submitting, State::Unknown, State::Accepted]);
    if moving {
        steps.step("Go on; nothing is paid twice:", format!("payrun resume {run}{flags}"));
    } else if any(&[State::InDoubt]) {
        steps.step(
            "Ask the provider about them once more; nothing is sent:",
            format!("payrun resume {run}{flags}"),
        );
    }
    if any(&[State::Held]) {
        steps.words("Held: set aside before anything was sent; the reason says why.");
    }
    if !moving && any(&[State::Failed, State::Rejected]) {
        // What was cancelled or expired rests for longer.
        let rest = match report.progress.iter().any(|progress| progress.correctable) {
            _ if place.sandbox => "",
            true => ", up to a day after it failed",
            false => ", an hour after it failed",
        };
        steps.step(
            &format!("Correct the file, and pay anew what did not pay{rest}:"),
            format!("payrun retry {run} --from corrected.csv{flags}"),
        );
    }
    steps.step("Every payment as a table:", format!("payrun report {run} --format csv{flags}"));
    steps.0
}

#[derive(Default)]
struct Steps(String);

impl Steps {
    fn words(&mut self, text: &str) {
        self.0.push_str(&wrap(text, "  "));
        self.0.push('\n');
    }

    /// The command is never broken: it is there to be copied.
    fn step(&mut self, words: &str, command: String) {
        self.0.push_str(&format!("  {words}\n    {command}\n"));
    }
}
