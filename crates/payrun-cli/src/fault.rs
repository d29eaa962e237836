//! Every error, in one shape: what happened, what about the money, what to do.

mod job;
mod stopped;

pub(crate) use job::{JOURNAL_HINT, PLAN_HINT, ended, history_lost, not_begun, under_way};
pub(crate) use stopped::stopped;

use crate::args::{Form, asks_for_json};
use crate::screen::{Screen, wrap};
use payrun::Exit;
use serde_json::json;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Nothing was sent by this command. A run before it may have paid the same, whatever its file or its records are called:
/// so nothing stronger is said by any command that is about payments.
pub(crate) const NOTHING_NOW: &str = "Nothing was sent by this command.";

/// Of commands that pay nothing, and look at nothing that was paid.
const NO_MONEY: &str = "No money moved.";

/// An error as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The exit code.
    pub(crate) exit: Exit,
    /// A stable name for scripts.
    pub(crate) code: &'static str,
    /// What happened; a fragment without a full stop.
    pub(crate) message: String,
    /// What about the money; whole sentences.
    pub(crate) money: String,
    /// What to do; whole sentences, or empty.
    pub(crate) hint: String,
}

impl Fault {
    /// An error before anything was sent.
    pub(crate) fn new(
        exit: Exit,
        code: &'static str,
        message: impl Display,
        hint: impl Into<String>,
    ) -> Self {
        let money = NOTHING_NOW.to_owned();
        Self { exit, code, message: message.to_string(), money, hint: hint.into() }
    }

    /// The same of a command that is about no run and no payment that was ever sent.
    pub(crate) fn of_no_payment(mut self) -> Self {
        if self.money == NOTHING_NOW {
            self.money = NO_MONEY.to_owned();
        }
        self
    }

    /// The command line or the settings cannot be used.
    pub(crate) fn usage(message: impl Display, hint: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message, hint)
    }

    /// The output cannot be written.
    pub(crate) fn output(place: &str, error: &std::io::Error) -> Self {
        Self {
            money: "This says nothing about the payments, whose records are whole.".to_owned(),
            ..Self::new(
                Exit::Usage,
                "output",
                format!("{place} cannot be written: {error}"),
                "`payrun status` and `payrun report` show the same again.",
            )
        }
    }

    /// Asked to stop before anything was sent.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted", "interrupted", "")
    }

    /// Says it: JSON on stdout for scripts, else words on stderr.
    pub(crate) fn tell(&self, screen: Screen) -> Exit {
        match screen.form() {
            // If stdout takes nothing more, stderr has to do.
            Form::Json if screen.json(&self.to_json()).is_ok() => {}
            Form::Json | Form::Text | Form::Csv => screen.say(&self.to_text()),
        }
        self.exit
    }

    /// `{"error":{"code","message","money","hint"},"exit"}`.
    fn to_json(&self) -> serde_json::Value {
        let Self { exit, code, message, money, hint } = self;
        let error = json!({"code": code, "message": message, "money": money, "hint": hint});
        json!({"error": error, "exit": exit.code()})
    }

    /// As people read it.
    pub(crate) fn to_text(&self) -> String {
        let mut text = wrap(&format!("Error: {}.", self.message.trim_end_matches('.')), "");
        for line in [&self.money, &self.hint] {
            if !line.is_empty() {
                text.push('\n');
                text.push_str(&wrap(line, "  "));
            }
        }
        text
    }
}

/// The file cannot be read at all.
pub(crate) fn unreadable(path: &Path, error: impl Display) -> Fault {
    let error = error.to_string();
    let shown = path.display().to_string();
    let message = if error.contains(&shown) { error } else { format!("{shown}: {error}") };
    let hint =
        "Check the name and the rights of the file, and that it is a CSV with a header line.";
    Fault::new(Exit::FileInvalid, "file-unreadable", message, hint)
}

/// A panic is a bug: it says what to do, and ends with exit code 1.
///
/// But for one inside sled: the store catches it, sets the checkpoint aside and makes it anew from the journal.
pub(crate) fn on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // sled's own threads are not ours to catch in.
        let ours = !std::thread::current().name().is_some_and(|name| name.starts_with("sled-"));
        if ours && panic.location().is_some_and(|place| is_in_sled(place.file())) {
            return;
        }
        usual(panic);
        let form = if asks_for_json(std::env::args_os()) { Form::Json } else { Form::Text };
        let exit = bug().tell(Screen::new(form));
        std::process::exit(i32::from(exit.code()));
    }));
}

fn bug() -> Fault {
    Fault {
        exit: Exit::Bug,
        code: "bug",
        message: "a bug in payrun".to_owned(),
        money: "Every payment that was sent is on record. Nothing is lost and nothing is paid twice: \
                `payrun resume` finds out about what was under way, `payrun verify` checks the records."
            .to_owned(),
        hint: "Please report the panic's own line on stderr.".to_owned(),
    }
}

/// Whether a source file is one of sled's, as cargo lays them out: `.../sled-0.34.7/src/...`.
fn is_in_sled(file: &str) -> bool {
    Path::new(file).iter().any(|part| part == "sled" || part.as_bytes().starts_with(b"sled-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_happened_what_of_the_money_and_what_to_do() {
        let fault = Fault::new(
            Exit::Gateway,
            "shortfall",
            "wallet 'w-kes-1' lacks KES 50,000 for its part of KES 300,000",
            "Top the wallet up, or pass --allow-shortfall to pay as far as the money goes.",
        );
        insta::assert_snapshot!(fault.to_text(), @"
        Error: wallet 'w-kes-1' lacks KES 50,000 for its part of KES 300,000.
          Nothing was sent by this command.
          Top the wallet up, or pass --allow-shortfall to pay as far as the money goes.
        ");
        assert_eq!(
            fault.to_json(),
            json!({"error": {"code": "shortfall",
                "message": "wallet 'w-kes-1' lacks KES 50,000 for its part of KES 300,000",
                "money": "Nothing was sent by this command.",
                "hint": "Top the wallet up, or pass --allow-shortfall to pay as far as the money goes."},
                "exit": 8})
        );
    }

    #[test]
    fn what_is_said_of_the_money_is_never_made_stronger_than_it_is() {
        let usage = Fault::usage("no file is named", "");
        assert_eq!(usage.money, "Nothing was sent by this command.");
        assert_eq!(usage.of_no_payment().money, "No money moved.");
        let output = Fault::output("stdout", &std::io::Error::other("full"));
        assert_eq!(output.clone().of_no_payment(), output);
    }

    #[test]
    fn only_a_panic_inside_sled_is_left_to_the_store() {
        for (file, sled) in [
            ("/root/.cargo/registry/src/registry-1/sled-0.34.7/src/pagecache/mod.rs", true),
            ("vendor/sled/src/lib.rs", true),
            ("crates/payrun-store/src/checkpoint.rs", false),
            ("/home/sledge/payrun/crates/payrun-cli/src/run.rs", false),
        ] {
            assert_eq!(is_in_sled(file), sled, "{file}");
        }
    }
}
