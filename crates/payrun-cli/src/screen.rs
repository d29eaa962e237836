//! The only place that writes to stdout and stderr: data to the one, words for people to the other.
//!
//! A reader that went away (`| head`) is a quiet end of the output, never of the run: whatever else is written for
//! it is dropped, and the exit code stays what the run made it.

use crate::args::Form;
use crate::fault::Fault;
use std::io::{self, IsTerminal as _, Write as _};

/// Screens are laid out for this many columns.
pub(crate) const WIDTH: usize = 80;

/// Where the command writes, and in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    form: Form,
}

impl Screen {
    pub(crate) fn new(form: Form) -> Self {
        Self { form }
    }

    /// The form of the data.
    pub(crate) fn form(self) -> Form {
        self.form
    }

    /// Data: what the command was asked for, on stdout.
    ///
    /// # Errors
    /// If stdout takes no more for another reason than a reader that went away, such as a full disk.
    pub(crate) fn data(self, text: &str) -> Result<(), Fault> {
        self.data_with(|out| out.write_all(text.as_bytes()))
    }

    /// As [`data`](Self::data), for what is written bit by bit.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(crate) fn data_with(
        self,
        write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    ) -> Result<(), Fault> {
        let mut out = io::BufWriter::new(io::stdout().lock());
        match write(&mut out).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Fault::output("stdout", &error))
            }
            _ => {
                // What is left in the buffer has no reader.
                let _ = out.into_parts();
                Ok(())
            }
        }
    }

    /// One JSON object, on stdout.
    ///
    /// # Errors
    /// As [`data`](Self::data).
    pub(crate) fn json(self, value: &serde_json::Value) -> Result<(), Fault> {
        self.data(&format!("{value:#}\n"))
    }

    /// Words for people, on stderr. Nobody to hear them is no fault.
    pub(crate) fn say(self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.write_words(&format!("{text}{end}"));
    }

    fn write_words(self, text: &str) {
        let mut out = io::stderr().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Asks on the terminal. Only a plain yes is a yes; the end of the input is a no.
    pub(crate) fn ask(self, question: &str) -> bool {
        // stderr is free again while the answer is waited for: a Ctrl-C has something to say there.
        self.write_words(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let answer = answer.trim();
        read.is_ok() && (answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes"))
    }

    /// Whether a person sits there to be asked.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// Text broken into lines of at most [`WIDTH`] columns, each behind `indent`.
pub(crate) fn wrap(text: &str, indent: &str) -> String {
    fill(text, indent, indent)
}

/// The same, but the lines after the first stand where its text begins, behind `mark`.
pub(crate) fn hang(text: &str, mark: &str) -> String {
    fill(text, mark, &" ".repeat(textwrap::core::display_width(mark)))
}

fn fill(text: &str, first: &str, others: &str) -> String {
    let options = textwrap::Options::new(WIDTH).initial_indent(first).subsequent_indent(others);
    // A hyphen may be part of a path or a flag that somebody copies.
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    let options = options.word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::fill(text, options.break_words(false))
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn what_is_copied_is_broken_at_blanks_only() {
        let command =
            "payrun resume payroll-2026-06 --state-dir /var/lib/pay-runs/acme-kenya-limited";
        let text = wrap(&format!("To go on with that run: {command}"), "  ");
        for word in command.split(' ') {
            assert!(text.contains(word), "{text}");
        }
    }
}
