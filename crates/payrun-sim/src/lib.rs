//! Runs of the real engine, planner and state machine on virtual time, with clock, provider, records and the lives of
//! processes driven by one seed. Which faults exist in a run the seed draws too.
//!
//! ```text
//! payrun-sim --seed 1 --seeds 100000      # many
//! payrun-sim --seed 42 --trace            # one, with everything that happened
//! payrun-sim --broken blind-resend        # an engine that was broken on purpose: it must be caught
//! ```
//!
//! [`case`] runs one seed and gives what came of it as plain text and numbers; [`audit::audit`] judges that, and shares no
//! code with the engine. The provider of most seeds **pays a repeated reference again**, as no provider should, so the
//! engine alone has to keep it at once. Where an older copy of the records is put back, only the provider's own uniqueness
//! of references can help; there it has one.
//!
//! # What stands in
//!
//! The journal, its files and its locks are played by the private module `records`, since a hundred thousand runs have no time for disks:
//! what it stands for (`payrun-store`) is tried on a disk of its own, at every step and by power cuts. What the engine has no
//! entry for cannot be simulated: callbacks of the provider.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "for development only: a simulation fails where it cannot go on, and names its seed"
)]

pub mod audit;
mod broken;
mod chance;
mod clock;
mod faults;
mod freezing;
mod grants;
mod lives;
mod payroll;
mod provider;
mod records;
mod trace;

pub use broken::Broken;
pub use lives::case;
