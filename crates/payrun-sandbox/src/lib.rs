//! A local provider that speaks the Kotani Pay API: ledger, limits, reserved numbers and faults.
//!
//! It is what a rehearsal pays through, and what judges crash tests: [`Sandbox::ledger_json`] and
//! `GET /_sandbox/ledger` say what really moved, and how often. **Invariant:** it shares no code with the engine.
//!
//! Amounts are exact decimals on the wire both ways. With [`Settings::state`] everything that was answered is on file before
//! the answer leaves, so that a killed sandbox goes on where it stopped; only a power cut can lose it.
//!
//! Not imitated: banks, paybills, deposits, webhooks, request signing, fees.
//!
//! Wallets file: `[{"id":"…","name":"…","currency":"KES","balance":"100000","country":"KE","active":true}]`, where only currency
//! and balance are needed. Faults file: an object with any of the members of [`Faults`], chances in thousandths.

mod clock;
mod currency;
mod fate;
mod faults;
mod hash;
mod ledger;
mod limiter;
mod number;
mod reply;
mod routes;
mod server;
mod settings;
mod store;

pub use faults::Faults;
pub use server::{Sandbox, StartError};
pub use settings::{Limits, Settings, SettingsError, WalletSetting};
