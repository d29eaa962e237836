//! What a key was granted, beside the records: it outlives processes, and is lost with the directory.

use crate::audit::Leave;
use crate::clock::VirtualClock;
use crate::stalls::Stalls;
use payrun_ports::{Clock as _, GrantGroup, GrantLog, GrantLogError, Grants, KeyFingerprint};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct KeptGrants {
    clock: Arc<VirtualClock>,
    stalls: Arc<Stalls>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    grants: HashMap<KeyFingerprint, Grants>,
    leaves: Vec<Leave>,
    losses: Vec<u64>,
}

impl KeptGrants {
    pub(crate) fn new(clock: Arc<VirtualClock>, stalls: Arc<Stalls>) -> Self {
        Self { clock, stalls, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file is gone.
    pub(crate) fn lose(&self) {
        let mut kept = self.kept();
        kept.grants.clear();
        kept.losses.push(self.clock.order());
    }

    /// Every leave to call.
    pub(crate) fn leaves(&self) -> Vec<Leave> {
        self.kept().leaves.clone()
    }

    /// The places, among all that happened, where what was granted was lost.
    pub(crate) fn losses(&self) -> Vec<u64> {
        self.kept().losses.clone()
    }
}

/// The latest grants of each class.
fn latest(grants: &Grants) -> [Option<GrantGroup>; 3] {
    grants.classes.each_ref().map(|class| class.groups.last().copied())
}

impl GrantLog for KeptGrants {
    fn change(
        &self,
        key: &KeyFingerprint,
        change: &mut dyn FnMut(&mut Grants),
    ) -> Result<(), GrantLogError> {
        self.stalls.may_stand("the file of grants");
        let mut kept = self.kept();
        let grants = kept.grants.entry(*key).or_insert_with(Grants::lost);
        let before = latest(grants);
        change(grants);
        let now = self.clock.now();
        let is_granted = latest(grants).into_iter().zip(before).any(|(after, before)| {
            let of_now = |group: Option<GrantGroup>| group.filter(|group| group.last == now);
            let count = |group| of_now(group).map_or(0, |group| group.count);
            count(before) < count(after)
        });
        if is_granted {
            kept.leaves.push(Leave { order: self.clock.order(), at_ms: self.clock.elapsed_ms() });
        }
        Ok(())
    }
}
