//! How much of the machine a file may take. Nothing here changes what is found.

use std::num::NonZero;
use std::thread;

/// The most threads that a file keeps busy: beyond that, one thread cannot read and hash for them.
const THREADS_MAX: usize = 8;

/// How the work is cut. What is found is the same for any.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Threads that look at rows, beside the one that reads.
    pub(crate) threads: usize,
    /// Bytes of a piece of the text.
    pub(crate) piece_bytes: usize,
    /// Bytes of entries for the comparison of rows that are held in memory, twice.
    pub(crate) memory_max: usize,
}

impl Default for Effort {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
        Self { threads, piece_bytes: 512 * 1024, memory_max: 32 * 1024 * 1024 }
    }
}
