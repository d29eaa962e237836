//! In which form the data on stdout is written.

use clap::{Args, ValueEnum};

/// The form of what goes to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// One line for each thing.
    Csv,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TwoForms {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ThreeForms {
    Text,
    Json,
    Csv,
}

/// `--format text|json`, `--json`.
#[derive(Debug, Args)]
pub(crate) struct TextOrJson {
    /// The form of what is written to stdout.
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: TwoForms,
    /// The same as --format json: one object on stdout, words for people on stderr.
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
}

/// `--format text|json|csv`, `--json`.
#[derive(Debug, Args)]
pub(crate) struct TextJsonCsv {
    /// The form of what is written to stdout.
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: ThreeForms,
    /// The same as --format json: one object on stdout, words for people on stderr.
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,
}

impl TextOrJson {
    pub(crate) fn form(&self) -> Form {
        match (self.json, self.format) {
            (true, _) | (_, TwoForms::Json) => Form::Json,
            (false, TwoForms::Text) => Form::Text,
        }
    }
}

impl TextJsonCsv {
    pub(crate) fn form(&self) -> Form {
        match (self.json, self.format) {
            (true, _) | (_, ThreeForms::Json) => Form::Json,
            (false, ThreeForms::Text) => Form::Text,
            (false, ThreeForms::Csv) => Form::Csv,
        }
    }
}

/// Whether a command line that clap refused asked for JSON.
pub(crate) fn asks_for_json(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let arguments: Vec<_> =
        arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    arguments.iter().any(|argument| argument == "--json" || argument == "--format=json")
        || arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}
