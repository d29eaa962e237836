//! Support for the tests of the whole: real processes, a real provider in another process, files made to measure.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says what it leaves out"
)]

mod ledger;
mod payday;
mod payroll;
mod payrun;
mod provider;
mod seed;
mod silence;
mod small_disk;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod system_call;
mod terminal;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod traced;

pub use ledger::{Execution, Ledger};
pub use payday::{Payday, run_args};
pub use payroll::payroll;
pub use payrun::{Ended, Home, Running, binary};
pub use provider::Provider;
pub use seed::{Seed, number_from};
pub use silence::Silence;
pub use small_disk::{SmallDisk, ext4_image};
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use system_call::SystemCall;
pub use terminal::Terminal;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use traced::{Blow, Traced};
