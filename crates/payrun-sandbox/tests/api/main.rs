//! The sandbox over real connections, with a client of a few lines: what is on the wire counts, not what a library makes
//! of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod abuse;
mod customers;
mod faults;
mod limits;
mod routes;
mod settings;
mod state;
mod support;
mod withdrawals;
