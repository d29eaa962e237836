//! Payments and wallets to a plan: split by wallet, totals beside balances, one digest.
//!
//! Pure: the same payments, wallets and policy give the same plan, byte for byte, and so the same digest.
//! What is approved is what is paid (I6): a plan is encoded once, named by the SHA-256 of its bytes, and a
//! run executes exactly those bytes.
//!
//! **Invariant:** this crate never asks a provider, never reads a clock and never touches a file.

mod encoding;
mod planner;
mod policy;
mod preview;

pub use encoding::{DecodeError, decode, digest, encode};
pub use planner::{Entrant, PlanError, PlanRequest, RowFault, check_wallets, plan};
pub use policy::{BATCH_COUNT_MAX, Policy};
pub use preview::{Preview, WalletPreview, preview};
