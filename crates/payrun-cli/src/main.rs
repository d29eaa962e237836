//! The `payrun` command: validate a payment file, show what it would pay, pay each payment once, report.
//!
//! [`run::run`] is the main way, readable from the top. Everything that reaches a terminal, a pipe or a script goes
//! through [`screen`]; every error is a [`fault::Fault`]. **Absent:** any decision about money, which is
//! the library's, and any key in an argument.

mod args;
mod config;
mod fault;
mod job;
mod nearest;
mod new_file;
mod place;
mod progress;
mod provider;
mod reading;
mod run;
mod screen;
mod show;
mod source;
mod stop;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    fault::on_panic();
    ExitCode::from(verbs::start().code())
}
