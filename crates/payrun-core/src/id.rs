//! Names that people and providers give: organisation, run key, wallet id.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a valid key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// More characters than allowed.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// A character that is not allowed, or not at this place.
    #[error("'{found}' is not allowed here: use {} and begin with a letter or digit", allowed(*.slash))]
    Character {
        /// The character.
        found: char,
        /// Whether slashes are allowed.
        slash: bool,
    },
    /// A path that climbs: `..` or an empty part between slashes.
    #[error("'..', '//' and a slash at the end are not allowed")]
    Path,
}

fn allowed(slash: bool) -> &'static str {
    if slash { "a-z, 0-9, '.', '_', '-', '/'" } else { "a-z, 0-9, '.', '_', '-'" }
}

fn check(text: &str, length_max: usize, slash: bool) -> Result<(), KeyError> {
    let first = text.chars().next().ok_or(KeyError::Empty)?;
    if !matches!(first, 'a'..='z' | '0'..='9') {
        return Err(KeyError::Character { found: first, slash });
    }
    let is_allowed =
        |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-') || (slash && *c == '/');
    if let Some(found) = text.chars().find(|c| !is_allowed(c)) {
        return Err(KeyError::Character { found, slash });
    }
    if text.len() > length_max {
        return Err(KeyError::TooLong(length_max));
    }
    if slash && text.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(KeyError::Path);
    }
    Ok(())
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $max:literal, $slash:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                check(text, $max, $slash)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

key! {
    /// Who pays: a name that the user sets once and never changes, since every provider reference is
    /// derived from it. 1 to 63 characters of `[a-z0-9._-]`.
    Organisation, 63, false
}
key! {
    /// Names a run: `payroll-2026-06`. 1 to 128 characters of `[a-z0-9._/-]`.
    RunKey, 128, true
}

/// The provider's id of a wallet. Opaque; not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WalletId(String);

impl WalletId {
    /// Takes the provider's text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WalletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_safe_as_names_of_files() {
        for good in ["a", "payroll-2026-06", "2026/06/payroll", "a.b_c"] {
            assert!(good.parse::<RunKey>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/../b", "a//b", "a/", "ä", "a\0", "../a"] {
            assert!(bad.parse::<RunKey>().is_err(), "{bad}");
        }
        assert_eq!("a".repeat(129).parse::<RunKey>(), Err(KeyError::TooLong(128)));
        assert!("a/b".parse::<Organisation>().is_err());
    }

    #[test]
    fn an_error_lists_every_character_that_is_allowed_and_no_other() {
        let run = "a b".parse::<RunKey>().unwrap_err().to_string();
        assert!(run.contains("'/'"), "{run}");
        let organisation = "a/b".parse::<Organisation>().unwrap_err().to_string();
        assert!(
            organisation.ends_with("use a-z, 0-9, '.', '_', '-' and begin with a letter or digit")
        );
    }
}
