//! What a key was granted, beside the records: it outlives processes, and is lost with the directory.

use payrun_ports::{GrantLog, GrantLogError, Grants, KeyFingerprint};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub(crate) struct KeptGrants(Mutex<HashMap<KeyFingerprint, Grants>>);

impl KeptGrants {
    /// The file is gone.
    pub(crate) fn lose(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl GrantLog for KeptGrants {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(grants.entry(*key).or_insert_with(Grants::lost));
        Ok(())
    }
}
