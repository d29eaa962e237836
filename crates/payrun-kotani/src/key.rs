//! The API key: read once, sent in one header, shown nowhere.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// No key is longer; a file that is was named by mistake.
const LENGTH_MAX: usize = 8 * 1024;

/// A key of the Kotani Pay API. `Debug` shows nothing of it, and no error does.
///
/// ```
/// use payrun_kotani::ApiKey;
/// let key: ApiKey = "  secret-1234\n".parse()?;
/// assert_eq!(format!("{key:?}"), "ApiKey(hidden)");
/// assert!("two words".parse::<ApiKey>().is_err());
/// # Ok::<(), payrun_kotani::KeyError>(())
/// ```
#[derive(Clone)]
pub struct ApiKey(Box<str>);

/// Why a text is not a key. Says nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there but blanks.
    #[error("the API key is empty")]
    Empty,
    /// A blank inside, a control character, or anything that is not ASCII.
    #[error(
        "character {0} of the API key is a blank, a control character or not ASCII: copy the key anew"
    )]
    Character(usize),
    /// Longer than any key.
    #[error("the API key is longer than {LENGTH_MAX} characters")]
    TooLong,
}

/// Why a file gave no key. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the key file {path} cannot be read: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        error: String,
    },
    /// Others than its owner may use it.
    #[error(
        "the key file {path} has mode {mode:04o}: others than its owner could use the key; \
         run chmod 600 on it, and have the key replaced if anyone may have read it"
    )]
    TooOpen {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in it is not a key.
    #[error("the key file {path} holds no key: {error}")]
    NotAKey {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: KeyError,
    },
}

impl ApiKey {
    /// Reads the key from a file that only its owner can use (mode 0600 or stricter).
    ///
    /// Blanks and line ends around the key are dropped. The mode is that of the opened file, so it cannot be
    /// swapped between look and read.
    ///
    /// # Errors
    /// [`KeyFileError`]; none of them holds any part of the file's content.
    pub fn read_file(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |error: String| KeyFileError::Unreadable { path: path.to_owned(), error };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        refuse_if_open_to_others(&file, path)?;
        let mut bytes = Vec::new();
        let limit = u64::try_from(LENGTH_MAX).unwrap_or(u64::MAX).saturating_mul(2);
        file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not text".to_owned()))?;
        text.parse().map_err(|error| KeyFileError::NotAKey { path: path.to_owned(), error })
    }

    /// The key itself, for the one header that carries it and for its fingerprint.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File, path: &Path) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = file.metadata().map_err(|error| KeyFileError::Unreadable {
        path: path.to_owned(),
        error: error.to_string(),
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyFileError::TooOpen { path: path.to_owned(), mode })
    }
}

/// Elsewhere access is not a matter of mode bits; the file is taken as its owner left it.
#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &File, _: &Path) -> Result<(), KeyFileError> {
    Ok(())
}

impl FromStr for ApiKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = text.trim();
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        if let Some(place) = key.chars().position(|c| !c.is_ascii_graphic()) {
            return Err(KeyError::Character(place.saturating_add(1)));
        }
        if key.len() > LENGTH_MAX {
            return Err(KeyError::TooLong);
        }
        Ok(Self(key.into()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word_of_visible_ascii() {
        assert_eq!("\tkey-1 \r\n".parse::<ApiKey>().unwrap().expose(), "key-1");
        for (text, error) in [
            ("", KeyError::Empty),
            (" \n", KeyError::Empty),
            ("Bearer key", KeyError::Character(7)),
            ("key\u{0}", KeyError::Character(4)),
            ("key\r\nX-Other: 1", KeyError::Character(4)),
            ("kéy", KeyError::Character(2)),
        ] {
            assert_eq!(text.parse::<ApiKey>().unwrap_err(), error, "{text:?}");
        }
        assert_eq!("k".repeat(LENGTH_MAX + 1).parse::<ApiKey>().unwrap_err(), KeyError::TooLong);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_use_is_refused_and_nothing_of_it_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "secret-1234\n").unwrap();
        for (mode, fine) in
            [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = ApiKey::read_file(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}");
            if let Err(error) = read {
                assert!(matches!(error, KeyFileError::TooOpen { .. }), "{error}");
                assert!(error.to_string().contains("chmod 600"));
                assert!(!format!("{error} {error:?}").contains("secret"));
            }
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "secret 1234").unwrap();
        let error = ApiKey::read_file(&path).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        assert!(matches!(
            ApiKey::read_file(&folder.path().join("none")),
            Err(KeyFileError::Unreadable { .. })
        ));
    }
}
