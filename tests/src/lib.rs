//! Support for the tests of the whole: real processes, a real provider in another process, files made to measure.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod ledger;
mod payroll;
mod payrun;
mod provider;
mod silence;
mod terminal;

pub use ledger::{Execution, Ledger};
pub use payroll::payroll;
pub use payrun::{Ended, Home, Running, binary};
pub use provider::Provider;
pub use silence::Silence;
pub use terminal::Terminal;
