//! The exact bytes of a request that moves money.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// The SHA-256 of a [`Body`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The exact bytes of a request that moves money. A payment keeps them over every attempt and restart (I2).
///
/// They stand in the journal, so a gateway puts no name, phone or secret into them where its protocol has a
/// choice. `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Arc<[u8]>);

impl Body {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Their hash.
    pub fn hash(&self) -> BodyHash {
        BodyHash(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}
