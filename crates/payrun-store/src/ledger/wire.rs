//! The shapes of the ledger on disk. New variants go to the end; none is ever removed or moved.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    /// The first. `lost`: there had been one before.
    Begun { lost: bool },
    /// The last record was torn or damaged and is kept aside: claims may be missing.
    LostItsEnd,
    /// A run's claims, or a part of them: 16 bytes each.
    Claims { run: String, of: u64, references: Vec<u8> },
}
