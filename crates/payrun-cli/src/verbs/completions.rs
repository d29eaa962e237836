//! `payrun completions`.

use crate::args::{Cli, CompletionsArgs, Form};
use crate::fault::Fault;
use crate::screen::Screen;
use clap::CommandFactory as _;
use payrun::Exit;
use serde_json::json;

/// Prints the completions for a shell.
pub(super) fn completions(args: &CompletionsArgs, screen: Screen) -> Result<Exit, Fault> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "payrun", &mut text);
    let text = String::from_utf8_lossy(&text);
    match screen.form() {
        Form::Json => {
            screen.json(&json!({"shell": args.shell.to_string(), "completions": text}))?;
        }
        Form::Text | Form::Csv => screen.data(&text)?,
    }
    Ok(Exit::Done)
}
