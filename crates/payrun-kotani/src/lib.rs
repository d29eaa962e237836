//! Kotani Pay as a [`Gateway`](payrun_ports::Gateway), over its HTTP API, version 3.
//!
//! ```text
//! settings, key → gateway → accounts, payees, withdrawals   what is asked, in the API's shapes (wire)
//!                               │ client                     one request, one bounded answer
//!                               ▼
//!                 classify (money) · calls (everything else) what an answer means
//!                   envelope  error shapes    echo  is it our payment?    status  word → settlement
//! ```
//!
//! **Invariants**
//! - One call is one request on the wire, at most: no retry at any layer, no redirect, no proxy. How far the
//!   layers below keep that is set down in `client.rs`.
//! - A request that moves money is sent only against a permit for exactly its bytes, which are of the payment
//!   whose answer is then judged.
//! - *Not sent* is answered only on proof: no connection stood, or the API refused in a shape of its own.
//!   *Refused* only for a sentence in the table of `classify.rs`. Everything else is *unknown*.
//! - *Not found* is the API's own sentence, never a proxy's page.
//! - Amounts are decimal text on the wire both ways; no float exists in this crate.
//! - The key is in one header and nowhere else; the provider's words are passed on with the payee's phone,
//!   e-mail and name masked.
//!
//! It deliberately has no clock, no pace, no cache, no log and prints nothing: the engine does what is done
//! about time and repetition, on record.
#![deny(clippy::as_conversions, clippy::float_arithmetic)]

mod accounts;
mod calls;
mod classify;
mod client;
mod country;
mod echo;
mod envelope;
mod gateway;
mod key;
mod number;
mod payees;
mod settings;
mod status;
#[cfg(test)]
mod testing;
mod wire;
mod withdrawals;
mod words;

pub use gateway::Kotani;
pub use key::{ApiKey, KeyError, KeyFileError};
pub use settings::{Settings, SettingsError};
