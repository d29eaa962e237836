//! The port to where a key's grants are remembered, so that all who use the key keep one pace (I8).
//!
//! A **grant** is a token that was given out, as the limits remember it. Here is what is remembered and who keeps it;
//! what follows from it is decided by whoever hands out tokens.

use crate::Moment;
use payrun_core::GatewayHost;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What kind of call a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallClass {
    /// Moves money.
    Money,
    /// Makes a payee known.
    Payee,
    /// Reads.
    Read,
}

impl CallClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Money, Self::Payee, Self::Read];
}

/// Which key calls which provider: a hash, from which nobody gets the key back (I10).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyFingerprint([u8; 32]);

impl KeyFingerprint {
    /// Of a key at a provider. The same key elsewhere has another one.
    pub fn of(host: &GatewayHost, key: &[u8]) -> Self {
        let host = host.as_str().as_bytes();
        let host_length = u64::try_from(host.len()).unwrap_or(u64::MAX);
        let hash = Sha256::new()
            .chain_update(b"payrun key fingerprint 1\n")
            .chain_update(host_length.to_be_bytes())
            .chain_update(host)
            .chain_update(key);
        Self(hash.finalize().into())
    }

    /// One that was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Some grants that lie so close together that no limit has to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantGroup {
    /// When the first was given, on the shared scale ([`Clock::shared`](crate::Clock::shared)).
    pub first: Moment,
    /// When the last was: all of them count as given then.
    pub last: Moment,
    /// How many.
    pub count: u64,
}

/// What one class of calls was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassGrants {
    /// The grants, oldest first.
    pub groups: Vec<GrantGroup>,
    /// No grant before this moment: the provider asked for it.
    pub paused_until: Moment,
}

/// How far back the grants on record are all there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Past {
    /// There are no others.
    #[default]
    Known,
    /// Up to this moment there may have been any number.
    KnownSince(Moment),
    /// Up to now there may have been any number: what there was got lost, or cannot be believed.
    Unknown,
}

/// What is remembered of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// How much of the past is on record.
    pub past: Past,
    /// The longest window that anyone asked about: grants are kept for as long.
    pub horizon: Duration,
    /// By class, in the order of [`CallClass::ALL`].
    pub classes: [ClassGrants; 3],
}

impl Grants {
    /// Those of a key about which nothing is known.
    pub fn lost() -> Self {
        Self { past: Past::Unknown, ..Self::default() }
    }
}

/// Why grants were not remembered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantLogError {
    /// Somebody else is at it just now. Worth asking again in a millisecond.
    #[error("another process is taking tokens")]
    Busy,
    /// It cannot be read or written.
    #[error("the grants of this key cannot be kept: {0}")]
    Io(String),
}

/// Where grants are remembered, for all who share it.
pub trait GrantLog: Send + Sync {
    /// Hands what is remembered of a key to `change`, and remembers what it makes of that. Nobody reads or changes it in
    /// between, so `change` is quick, and reads the clock itself. Does not wait.
    ///
    /// - After `Ok`: whoever asks next sees it, in this process or another, though not after a power cut: then the past
    ///   is unknown.
    /// - After `Err`, whether `change` was called or not: what it granted must not be used.
    /// - After a crash in the middle: it is remembered, or it is not, or the past is unknown.
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError>;
}

/// Grants that are forgotten with the process. For embedders that are the only ones to use their key, and for tests.
#[derive(Debug, Default)]
pub struct MemoryGrants(Mutex<HashMap<KeyFingerprint, Grants>>);

impl GrantLog for MemoryGrants {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(keys.entry(*key).or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_one_key_at_one_provider_and_shows_neither() {
        let host = GatewayHost::new;
        let own = KeyFingerprint::of(&host("https://pay.example"), b"secret-1234");
        assert_eq!(own, KeyFingerprint::of(&host("https://pay.example"), b"secret-1234"));
        for (other, key) in [
            ("https://pay.example", "secret-1235"),
            ("https://play.example", "secret-1234"),
            ("https://pay.examples", "ecret-1234"),
        ] {
            assert_ne!(own, KeyFingerprint::of(&host(other), key.as_bytes()));
        }
        assert!(!format!("{own:?}").contains("secret"));
    }
}
