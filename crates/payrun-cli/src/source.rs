//! What is to be paid: a payment file, a stored plan, or a run that was begun.

use crate::args::FileArgs;
use crate::config::Config;
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::reading::{self, Wanted};
use crate::screen::Screen;
use crate::show;
use payrun::csv::{Expected, Validated};
use payrun::{Choices, Exit, JobError, Payer, Prepared, Records, RunKey};
use std::path::{Path, PathBuf};

/// A digest's first digits are no shorter.
const DIGITS_MIN: usize = 8;

/// What is to be paid.
pub(crate) enum Source {
    /// A payment file.
    File(Box<PaymentFile>),
    /// A stored plan, by the first digits of its digest.
    Plan(String),
    /// A run that was begun.
    Run(RunKey),
}

impl Source {
    /// Reads the file to its end, with all its problems; takes the digits of a plan as they are.
    ///
    /// # Errors
    /// If the file cannot be read at all.
    pub(crate) fn read(
        what: Option<&Path>,
        key: Option<&RunKey>,
        args: &FileArgs,
        config: &Config,
    ) -> Result<Self, Fault> {
        match (what, key) {
            (Some(path), _) => match digits(path) {
                Some(digits) => Ok(Self::Plan(digits)),
                None => Ok(Self::File(Box::new(PaymentFile::read(path, args, config)?))),
            },
            (None, Some(key)) => Ok(Self::Run(key.clone())),
            (None, None) => Err(Fault::usage("no file is named", "payrun run FILE")),
        }
    }

    /// Rows of the file that have errors, and so are no payments; not known where no file was read.
    pub(crate) fn rejected_rows(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.validated.rejected_rows),
            Self::Plan(_) | Self::Run(_) => None,
        }
    }

    /// Whether its run was begun before, or may have been: what it pays was settled then.
    ///
    /// # Errors
    /// If that run's records cannot be read.
    pub(crate) fn may_be_begun(
        &self,
        records: &Records,
        choices: &Choices,
        place: &Place,
    ) -> Result<bool, Fault> {
        let key = match (self, &choices.key) {
            (Self::Run(key), _) | (_, Some(key)) => Some(key.clone()),
            (Self::File(file), None) => file.validated.source.sha256.to_string().parse().ok(),
            // Named after a file that only its plan knows, which is read when it is prepared.
            (Self::Plan(_), None) => return Ok(true),
        };
        let begun = key.map(|key| records.identity(&key)).transpose();
        let begun = begun.map_err(|error| not_begun(&error, place))?;
        Ok(begun.flatten().is_some())
    }

    /// Shows every problem of the file, and ends there if it has errors. Not for a run that was begun: what it pays
    /// was settled then.
    ///
    /// # Errors
    /// Exit code 3 for a file with errors.
    pub(crate) fn refuse_problems(&self, skip_invalid: bool, screen: Screen) -> Result<(), Fault> {
        match self {
            Self::File(file) => file.refuse_errors(skip_invalid, screen),
            Self::Plan(_) | Self::Run(_) => Ok(()),
        }
    }

    /// Plans it, or finds the run that there is. Sends nothing.
    ///
    /// # Errors
    /// Whatever keeps it from being planned.
    pub(crate) async fn prepare(
        &self,
        payer: &Payer,
        choices: &Choices,
        place: &Place,
    ) -> Result<Prepared, Fault> {
        let prepared = match self {
            Self::File(file) => payer.prepare(&file.validated, choices).await,
            Self::Run(key) => payer.prepare_resume(key, choices).await,
            Self::Plan(digits) => match payer.records().find_plan(digits) {
                Ok(Some(digest)) => payer.prepare_plan(&digest, choices).await,
                Ok(None) => Err(JobError::NoSuch(format!(
                    "there is neither a file nor a stored plan '{digits}'"
                ))),
                Err(error) => Err(error),
            },
        };
        prepared.map_err(|error| not_begun(&error, place))
    }
}

/// A payment file that was read, and how.
pub(crate) struct PaymentFile {
    path: PathBuf,
    /// What came of it, with its payments.
    pub(crate) validated: Validated,
    flags: String,
    expected: Expected,
}

impl PaymentFile {
    /// Reads and validates it.
    ///
    /// # Errors
    /// If it cannot be read at all.
    pub(crate) fn read(path: &Path, args: &FileArgs, config: &Config) -> Result<Self, Fault> {
        let rules = args.rules(config);
        let expected = rules.expected.clone();
        let validated = reading::file(path, rules, Wanted::Payments)?;
        let flags = config.flag().to_owned() + &args.flags();
        Ok(Self { path: path.to_owned(), validated, flags, expected })
    }

    /// Shows every problem, and refuses the file if there are errors that are not to be skipped.
    ///
    /// # Errors
    /// Exit code 3.
    pub(crate) fn refuse_errors(&self, skip_invalid: bool, screen: Screen) -> Result<(), Fault> {
        let file = &self.validated;
        let lost = |error| reading::lost(&self.path, &error);
        if file.errors() + file.warnings() > 0 {
            let asked = show::Asked {
                file: &self.path.to_string_lossy(),
                flags: &self.flags,
                expected: &self.expected,
                corrected: None,
            };
            screen.say(&show::problems(file, asked).map_err(lost)?);
        }
        if file.is_valid() {
            return Ok(());
        }
        let has_payments = !file.payments.is_empty();
        let rows_only = file.is_valid_without_rejected_rows();
        if skip_invalid && has_payments && rows_only {
            return Ok(());
        }
        let shown = if reading::is_stdin(&self.path) {
            file.source.name.clone()
        } else {
            self.path.display().to_string()
        };
        let hint = if has_payments && rows_only {
            let valid = show::count(file.payment_count(), "valid row");
            format!("Correct the file, or pass --skip-invalid to pay the {valid} only.")
        } else if skip_invalid && has_payments {
            "--skip-invalid leaves out rows; what is wrong with the file as a whole stays wrong. Correct the file, \
             or what was said of it."
                .to_owned()
        } else {
            format!("Correct the file, then look again: payrun validate {shown}")
        };
        let message = if file.errors() > 0 {
            let rows = show::count(file.rejected_rows, "row");
            format!("{shown} has {} in {rows}", show::count(file.errors(), "error"))
        } else {
            let warnings = show::count(file.warnings(), "warning");
            format!("{shown} has {warnings}, and strict rules allow none")
        };
        Err(Fault::new(Exit::FileInvalid, "file-invalid", message, hint))
    }
}

/// The digits of a plan, if this is no file and could be one.
fn digits(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|_| !path.exists())?;
    let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (hex && (DIGITS_MIN..=64).contains(&text.len())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_named_by_at_least_eight_digits_of_its_digest() {
        for (text, plan) in [
            ("3f2a9c81", true),
            ("3f2a9c8", false),
            ("3F2A9C81", false),
            ("june.csv", false),
            ("./3f2a9c81", false),
        ] {
            assert_eq!(digits(Path::new(text)).is_some(), plan, "{text}");
        }
    }
}
