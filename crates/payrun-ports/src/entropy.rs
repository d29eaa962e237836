//! Chance through a port, so that runs replay. Used for jitter only: no reference is ever random.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of numbers that nobody can line up on.
pub trait Entropy: Send + Sync {
    /// The next number.
    fn next_u64(&self) -> u64;
}

/// Seeded by the system, good enough to spread retries; not for secrets.
#[derive(Debug, Default)]
pub struct SystemEntropy {
    state: RandomState,
    drawn: AtomicU64,
}

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        self.state.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed))
    }
}
