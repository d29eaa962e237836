//! `payrun completions`.

use crate::args::{Cli, CompletionsArgs};
use crate::fault::Fault;
use crate::screen::Screen;
use clap::CommandFactory as _;
use payrun::Exit;

/// Prints the completions for a shell.
pub(super) fn completions(args: &CompletionsArgs, screen: Screen) -> Result<Exit, Fault> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "payrun", &mut text);
    screen.data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
