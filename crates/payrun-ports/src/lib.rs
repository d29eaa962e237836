//! The traits at the edges of payrun, and the tokens that cross them.
//!
//! - [`Gateway`]: a provider that moves money.
//! - [`RunStore`]: where a run's journal is kept.
//! - [`GrantLog`]: where what the provider's limits still count is remembered.
//! - [`Clock`] and [`Entropy`]: time and chance, so that a run can be replayed.
//!
//! A [`Permit`] is the thread that holds I1 together: a gateway can send a body only with one, one comes only
//! out of a [`Receipt`], and a store makes a receipt only after the intents it names are durable.
//!
//! **Invariant:** nothing here performs I/O but [`SystemClock`] and [`SystemEntropy`].

mod body;
mod clock;
mod entropy;
mod gateway;
mod grants;
mod limits;
mod permit;
mod store;

pub use body::{Body, BodyHash};
pub use clock::{Clock, Moment, SystemClock};
pub use entropy::{Entropy, SystemEntropy};
pub use gateway::{Answer, CallError, Gateway, GatewayRules, LookUp, NotSent, PayeeKey};
pub use grants::{
    CallClass, ClassGrants, GrantGroup, GrantLog, GrantLogError, Grants, KeyFingerprint,
    MemoryGrants, Past,
};
pub use limits::{RateLimit, RateLimits};
pub use permit::{Permit, PermitError, Receipt};
pub use store::{Entry, History, PaymentEntry, RunEvent, RunStore, StoreError};
