//! Where the records are and whose, made sure of before anything else.

use crate::args::PlaceArgs;
use crate::config::Config;
use crate::fault::{Fault, history_lost, not_begun};
use etcetera::{BaseStrategy as _, choose_base_strategy};
use payrun::{Organisation, Records, RunKey, rehearsal_root};
use std::io::IsTerminal as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf, absolute};

/// The organisation of rehearsals that name none.
const REHEARSAL_ORGANISATION: &str = "sandbox";

/// What a rehearsal's folder holds beside its organisations: its provider's ledger.
const REHEARSAL_PROVIDER: &str = "provider";

/// Fewer digits could too easily be a mistyped name.
const PREFIX_LENGTH_MIN: usize = 6;

/// A state directory and an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The state directory.
    pub(crate) state_dir: PathBuf,
    /// Who pays.
    pub(crate) organisation: Organisation,
    /// Rehearsals keep theirs apart.
    pub(crate) sandbox: bool,
    /// What the settings file says.
    pub(crate) config: Config,
    /// What another command needs to find the same place.
    flags: String,
}

impl Place {
    /// From flags, environment, settings file and what is usual, in this order.
    ///
    /// # Errors
    /// A usage fault that says what to name.
    pub(crate) fn of(args: &PlaceArgs) -> Result<Self, Fault> {
        let config = Config::load(&args.config)?;
        let given = args.state_dir.as_deref().filter(|path| !path.as_os_str().is_empty());
        let state_dir = match given.or(config.state_dir.as_deref()) {
            Some(path) => absolute(path).map_err(|error| {
                Fault::usage(format!("the state directory {}: {error}", path.display()), "")
            })?,
            None => usual_state_dir(args.sandbox)?,
        };
        let named = args.organisation.as_deref().filter(|name| !name.is_empty());
        let named = named.or(config.organisation.as_deref());
        // Their folders would lie in each other.
        let taken = if args.sandbox { REHEARSAL_PROVIDER } else { REHEARSAL_ORGANISATION };
        let organisation = match named.or(args.sandbox.then_some(REHEARSAL_ORGANISATION)) {
            Some(name) if name == taken => {
                return Err(Fault::usage(
                    format!(
                        "the organisation cannot be '{taken}': rehearsals keep their records under it"
                    ),
                    "Take another short name. To rehearse without real money: --sandbox.",
                ));
            }
            Some(name) => name.parse().map_err(|error| {
                Fault::usage(format!("the organisation '{name}' cannot be used: {error}"), "")
            })?,
            None => {
                return Err(Fault::usage(
                    "no organisation is named",
                    "Name who pays with --organisation NAME, PAYRUN_ORGANISATION or payrun.toml: a short name, set once and \
                     never changed. To rehearse without real money: --sandbox.",
                ));
            }
        };
        let flags = flags(args, &state_dir) + config.flag();
        Ok(Self { state_dir, organisation, sandbox: args.sandbox, config, flags })
    }

    /// For what asks the provider only: outside the sandbox no records are touched, so none have to be named.
    ///
    /// # Errors
    /// As [`of`](Self::of), in the sandbox.
    pub(crate) fn for_the_provider(args: &PlaceArgs) -> Result<Self, Fault> {
        if args.sandbox {
            return Self::of(args);
        }
        let organisation = REHEARSAL_ORGANISATION
            .parse()
            .map_err(|error| Fault::usage(format!("a bug in payrun: {error}"), ""))?;
        let config = Config::load(&args.config)?;
        let (state_dir, flags) = (PathBuf::new(), String::new());
        Ok(Self { state_dir, organisation, sandbox: false, config, flags })
    }

    /// Where the organisation's folder lies: rehearsals have theirs apart.
    pub(crate) fn root(&self) -> PathBuf {
        if self.sandbox { rehearsal_root(&self.state_dir) } else { self.state_dir.clone() }
    }

    /// Opens the records.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub(crate) fn open(&self) -> Result<Records, Fault> {
        Records::open(&self.root(), &self.organisation).map_err(|error| not_begun(&error, self))
    }

    /// Opens the records to look at them: makes nothing, and needs no right to write.
    ///
    /// # Errors
    /// If the folder cannot be looked at.
    pub(crate) fn open_to_read(&self) -> Result<Records, Fault> {
        Records::open_to_read(&self.root(), &self.organisation)
            .map_err(|error| not_begun(&error, self))
    }

    /// The flags that another command needs to find this place, each behind a blank.
    pub(crate) fn flags(&self) -> String {
        self.flags.clone()
    }

    /// The run that `text` names: its key, or the first digits of the file hash that names an unnamed run.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub(crate) fn find_run(&self, records: &Records, text: &str) -> Result<RunKey, Fault> {
        let fault = |error| not_begun(&error, self);
        let runs = records.runs().map_err(fault)?;
        // By its name alone: whoever looks for what is wrong with its records has to find it.
        if let Some(exact) = runs.iter().find(|key| key.as_str() == text) {
            return Ok(exact.clone());
        }
        let alike: Vec<_> = runs.iter().filter(|key| is_meant(key, text)).collect();
        match alike.as_slice() {
            [one] => Ok((*one).clone()),
            [] => match &*self.find_lost(records, text)? {
                [] => Err(fault(payrun::JobError::NoSuch(format!(
                    "there is no run '{text}' in {}",
                    records.path().display()
                )))),
                lost => Err(history_lost(lost)),
            },
            _ => Err(Fault::usage(
                format!("more than one run begins with '{text}'"),
                "Give more digits.",
            )),
        }
    }

    /// The runs that `text` may mean and of which only the ledger knows.
    fn find_lost(&self, records: &Records, text: &str) -> Result<Vec<RunKey>, Fault> {
        let mut lost = records.lost_runs().map_err(|error| not_begun(&error, self))?;
        lost.retain(|key| key.as_str() == text || is_meant(key, text));
        Ok(lost)
    }
}

/// A run's name as people see it: an unnamed run by the first digits of its file's hash.
pub(crate) fn short(key: &RunKey) -> String {
    match unnamed(key) {
        Some((hash, rest)) => hash.chars().take(12).chain(rest.chars()).collect(),
        None => key.as_str().to_owned(),
    }
}

/// The hash of an unnamed run, and what is behind it: `.retry-1`.
fn unnamed(key: &RunKey) -> Option<(&str, &str)> {
    let (hash, rest) = key.as_str().split_at_checked(64)?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hash && (rest.is_empty() || rest.starts_with('.'))).then_some((hash, rest))
}

/// Whether these first digits, and what is behind them, name the unnamed run.
fn is_meant(key: &RunKey, text: &str) -> bool {
    let (digits, end) = text.split_at(text.find('.').unwrap_or(text.len()));
    unnamed(key).is_some_and(|(hash, rest)| {
        digits.len() >= PREFIX_LENGTH_MIN && hash.starts_with(digits) && rest == end
    })
}

fn usual_state_dir(sandbox: bool) -> Result<PathBuf, Fault> {
    let hint = "Name the folder that keeps plans, runs and the ledger: --state-dir DIR, PAYRUN_STATE_DIR or \
                payrun.toml. \
                Always the same one: it is what keeps anything from being paid twice.";
    if !sandbox && !std::io::stdin().is_terminal() {
        return Err(Fault::usage("no state directory is named, and there is no terminal", hint));
    }
    let strategy = choose_base_strategy().map_err(|error| {
        Fault::usage(format!("the user's folders are not known: {error}"), hint)
    })?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("payrun");
    if folder.is_absolute() {
        Ok(folder)
    } else {
        Err(Fault::usage(
            format!("the user's state folder {} is not absolute", folder.display()),
            hint,
        ))
    }
}

/// What is not in the environment has to be said again.
fn flags(args: &PlaceArgs, state_dir: &Path) -> String {
    let from_environment = |name: &str, value: &std::ffi::OsStr| {
        std::env::var_os(name).is_some_and(|set| set == value)
    };
    let mut flags = String::new();
    if args.sandbox {
        flags.push_str(" --sandbox");
    }
    if let Some(given) = &args.state_dir
        && !given.as_os_str().is_empty()
        && !from_environment("PAYRUN_STATE_DIR", given.as_os_str())
    {
        flags.push_str(" --state-dir ");
        flags.push_str(&quoted_path(state_dir));
    }
    if let Some(name) = &args.organisation
        && !name.is_empty()
        && !from_environment("PAYRUN_ORGANISATION", name.as_ref())
    {
        flags.push_str(" --organisation ");
        flags.push_str(name);
    }
    flags
}

/// A path as a shell reads it back, whatever its bytes.
pub(crate) fn quoted_path(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) => quoted(text),
        _ => format!("$'{}'", path.as_os_str().as_bytes().escape_ascii()),
    }
}

/// As a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:=@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ConfigFileArgs;

    #[test]
    fn a_command_that_is_shown_can_be_pasted() {
        for (word, shown) in [
            ("/tmp/x", "/tmp/x"),
            ("/my files/x", "'/my files/x'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
        let latin = std::ffi::OsStr::from_bytes(b"/pay/\xe9t\xe9 's");
        assert_eq!(quoted_path(Path::new(latin)), r"$'/pay/\xe9t\xe9 \'s'");
        assert_eq!(quoted_path(Path::new("/p\n")), r"$'/p\n'");
        assert_eq!(quoted_path(Path::new("/Zahlungen für Mai")), "'/Zahlungen für Mai'");
    }

    #[test]
    fn records_of_rehearsals_and_of_real_runs_never_lie_in_each_other() {
        for (organisation, sandbox, usable) in [
            ("sandbox", false, false),
            ("sandbox", true, true),
            ("provider", true, false),
            ("provider", false, true),
        ] {
            let args = PlaceArgs {
                state_dir: Some("/srv/pay".into()),
                organisation: Some(organisation.to_owned()),
                sandbox,
                config: ConfigFileArgs::default(),
            };
            assert_eq!(Place::of(&args).is_ok(), usable, "{organisation} {sandbox}");
        }
    }

    #[test]
    fn an_unnamed_run_is_shown_by_its_first_digits() {
        let hash = "3f2a9c81d0e4".to_owned() + &"0".repeat(52);
        assert_eq!(short(&hash.parse().unwrap()), "3f2a9c81d0e4");
        let (first, retry) = (hash.parse().unwrap(), format!("{hash}.retry-1").parse().unwrap());
        assert_eq!(short(&retry), "3f2a9c81d0e4.retry-1");
        assert_eq!(short(&"payroll-2026-06".parse().unwrap()), "payroll-2026-06");
        assert!(is_meant(&first, "3f2a9c") && !is_meant(&retry, "3f2a9c"));
        assert!(is_meant(&retry, "3f2a9c81d0e4.retry-1") && !is_meant(&first, "3f2a9c.retry-1"));
        assert!(!is_meant(&first, "3f2a9") && !is_meant(&first, "4f2a9c"));
    }
}
