//! Runs of the real engine, planner and state machine on virtual time, with clock, provider, records and the lives of
//! processes driven by one seed. Which faults exist in a run the seed draws too.
//!
//! ```text
//! payrun-sim --seed 1 --seeds 100000      # many
//! payrun-sim --seed 42 --trace            # one, with everything that happened
//! payrun-sim --records real --seeds 1000  # with payrun's own store; `failing`: on a disk that fails and loses power
//! payrun-sim --seed 42 --killed-at 17     # the first process killed when it was woken for the 17th time
//! payrun-sim --broken blind-resend        # an engine that was broken on purpose: it must be caught
//! ```
//!
//! [`case`] runs one seed and gives what came of it as plain text and numbers; [`audit::audit`] judges that, and shares no
//! code with the engine. The provider of most seeds **pays a repeated reference again**, as no provider should, so the
//! engine alone has to keep it at once. Where an older copy of the records is put back, or they are lost and nobody knows, only
//! the provider's own uniqueness of references can help; there it has one.
//!
//! # What stands in
//!
//! The journal, its locks and the claims are played in memory, since a hundred thousand runs have no time for disks. With
//! `--records real` they are those of `payrun-store`, and a test holds both against each other: the same seed is the same case, to
//! the last line of its trace. With `failing` any operation of the disk under the store may fail, be done by half, or be the last
//! before the power goes. What a key was granted is kept in memory always.
//!
//! In half of the seeds the provider lives by itself, beside the process: it goes on while that is frozen, and what a killed one had
//! sent arrives. In the others it stands still and dies with it, as if nothing had left the machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "for development only: a simulation fails where it cannot go on, and names its seed"
)]

mod at_once;
pub mod audit;
mod broken;
mod case;
mod chance;
mod clock;
mod faults;
mod freezing;
mod grants;
mod killing;
mod line;
mod options;
mod payroll;
mod process;
mod provider;
mod records;
mod replaced;
mod stalls;
mod trace;
mod world;

pub use broken::Broken;
pub use case::case;
pub use options::{Options, Records};
