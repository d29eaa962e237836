//! The settings file, `payrun.toml`: found, read, and every value checked before anything else is done.
//!
//! Flags go before the environment, the environment before the file. A key that is not known is an error: a bound that
//! is misspelt would bound nothing.

mod reader;

use crate::args::ConfigFileArgs;
use crate::fault::Fault;
use payrun::csv::Rules;
use reader::Reader;
use std::io::ErrorKind;
use std::path::{Path, PathBuf, absolute};

/// Where the settings are looked for if no file is named.
const USUAL: &str = "payrun.toml";

/// What the settings file says; all of it usual if there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// The file, as it was named.
    pub(crate) path: Option<PathBuf>,
    /// Who pays.
    pub(crate) organisation: Option<String>,
    /// Where the records are.
    pub(crate) state_dir: Option<PathBuf>,
    /// Through whom it is paid.
    pub(crate) gateway_url: Option<String>,
    /// How payment files are read.
    pub(crate) rules: Rules,
    /// Everything that stands in the file, in its order.
    pub(crate) said: Vec<Said>,
    /// What another command needs to find it.
    flag: String,
}

/// One value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// Its tables and its key: `limits.max-rows`.
    pub(crate) key: String,
    /// As text.
    pub(crate) value: String,
    /// Where it stands, from 1.
    pub(crate) line: usize,
}

impl Config {
    /// Reads the file that is named, or `payrun.toml` in this folder if it is there.
    ///
    /// # Errors
    /// A usage fault that names file and line.
    pub(crate) fn load(args: &ConfigFileArgs) -> Result<Self, Fault> {
        let named = args.config.as_deref().filter(|path| !path.as_os_str().is_empty());
        let path = named.unwrap_or(Path::new(USUAL));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Fault::usage(
                    format!("the settings file {} cannot be read: {error}", path.display()),
                    "It is named by --config or PAYRUN_CONFIG, else it is payrun.toml in this folder.",
                ));
            }
        };
        let mut config = Reader::new(path, &text).config()?;
        // The same folder, wherever the command is started.
        if let Some(state_dir) = config.state_dir.take() {
            let folder = absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
            config.state_dir = Some(folder.unwrap_or_default().join(state_dir));
        }
        if let Some(path) = named
            && std::env::var_os("PAYRUN_CONFIG").is_none_or(|set| set != path.as_os_str())
        {
            config.flag = format!(" --config {}", crate::place::quoted_path(path));
        }
        config.path = Some(path.to_owned());
        Ok(config)
    }

    /// The flag that another command needs to find it, behind a blank.
    pub(crate) fn flag(&self) -> &str {
        &self.flag
    }

    /// The line of this key in the file.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        self.said.iter().find(|said| said.key == key).map(|said| said.line)
    }
}

/// The byte that separates columns, as people write it.
///
/// # Errors
/// What there is to choose from.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "," | "comma" => Ok(b','),
        ";" | "semicolon" => Ok(b';'),
        "|" | "pipe" => Ok(b'|'),
        "\t" | "tab" => Ok(b'\t'),
        _ => Err("columns can be separated by ',' ';' '|' or 'tab'".to_owned()),
    }
}

/// The delimiter as it can be given.
pub(crate) fn delimiter_word(byte: u8) -> String {
    if byte == b'\t' { "tab".to_owned() } else { char::from(byte).to_string() }
}

/// A number of bytes, as people write it: 2GiB, 500MB, 1048576.
///
/// # Errors
/// What a size looks like.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let size = text.parse::<bytesize::ByteSize>().map(|size| size.as_u64()).ok();
    size.filter(|size| *size > 0)
        .ok_or_else(|| "a size is written as 2GiB, 500MB or 1048576".to_owned())
}

#[cfg(test)]
mod tests;
