//! The words of payrun as types: amounts, references, payments, batches, plans, states.
//!
//! Everything here is plain data and pure functions. **Invariant:** this crate never does I/O, never
//! reads a clock, never draws a random number and knows no async runtime, so whatever is decided with
//! it can be replayed.
//!
//! The heart is [`transition`]: the one function that says what may follow what in the life of a
//! payment. Everything that moves money asks it first.
#![cfg_attr(
    not(test),
    deny(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::float_arithmetic)
)]

mod account;
mod amount;
mod batch;
mod currency;
mod event;
mod id;
mod payee;
mod payment;
mod plan;
mod progress;
mod rail;
mod reference;
mod state;
mod tally;
mod time;
mod transition;
mod wallet;

pub use account::{Account, AccountId, GatewayHost};
pub use amount::{AMOUNT_MAX_UNITS, Amount, AmountError, SumError};
pub use batch::Batch;
pub use currency::{Currency, UnknownCurrency};
pub use event::{Basis, Clue, Event, Settlement};
pub use id::{KeyError, Organisation, RunKey, WalletId};
pub use payee::{Network, Payee, PhoneNumber};
pub use payment::{Payment, PaymentIndex, PlannedPayment};
pub use plan::{Digest, DigestError, Plan, SourceFile};
pub use progress::Progress;
pub use rail::{AccountNumber, BankAccount, Rail, RailKind, UnknownRail};
pub use reference::{
    Generation, ProviderReference, REFERENCE_LENGTH_MAX, Reference, ReferenceError,
};
pub use state::{Standing, State};
pub use tally::{Tally, Total};
pub use time::UnixMillis;
pub use transition::{IllegalTransition, transition};
pub use wallet::Wallet;
