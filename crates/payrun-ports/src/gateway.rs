//! The port to a provider.

use crate::{Body, KeyFingerprint, Permit, RateLimits};
use async_trait::async_trait;
use payrun_core::{AccountId, Clue, GatewayHost, PlannedPayment, Settlement, Wallet, WalletId};
use std::time::Duration;

/// How a provider names a payee that it knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PayeeKey(pub String);

/// What an engine must know of a provider before it uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRules {
    /// How long after the first intent a request may be resent under the same reference: as long as the
    /// provider surely remembers it.
    pub resend_window: Duration,
    /// When a request that moves money is given up as unknown.
    pub request_timeout: Duration,
    /// How long the provider refuses another payment to the same phone.
    pub same_payee_gap: Duration,
    /// Its limits.
    pub limits: RateLimits,
}

impl Default for GatewayRules {
    /// 24 h window, 30 s timeout, no gap, no limits.
    fn default() -> Self {
        Self {
            resend_window: Duration::from_secs(24 * 3600),
            request_timeout: Duration::from_secs(30),
            same_payee_gap: Duration::ZERO,
            limits: RateLimits::default(),
        }
    }
}

/// Proof that a request did not move money and never will, by cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// Refused before any byte left: name look-up, connect, TLS.
    NoConnection(String),
    /// The provider's limiter turned it away; the wait that it asked for, if it named one.
    Busy(Option<Duration>),
    /// The key is missing, wrong or not allowed: nothing more can be sent with it.
    KeyRefused(String),
    /// This payee may not be paid for now.
    PayeeBanned {
        /// Until when, in the provider's words.
        until: String,
    },
    /// The wallet has not enough money.
    InsufficientFunds(String),
    /// The wallet does not exist or may not pay.
    WalletUnusable(String),
}

/// What came of a request that moves money. **Unknown is never failed**: whatever is not proof is `Unknown`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Proven not to have moved money; may be tried again under the same reference.
    NotSent(NotSent),
    /// A readable answer for this reference; its echo equals the request.
    Settled(Settlement, Option<String>),
    /// Refused for good, for a fault of the payment; why, in the provider's words.
    Refused(String),
    /// Nobody knows. Look it up.
    Unknown(Clue, String),
    /// As `Unknown`, by the provider's guard against two payments to one payee in a short time: if the
    /// provider does not know the reference, it may be tried again after the gap.
    TooSoonForPayee(String),
}

/// What the provider says of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// It knows it, and amount, wallet and payee are the payment's, as far as it names them; its words. Without a body, the
    /// wallet may be another one of the currency than the one that is planned: then that is said.
    Found(Settlement, Option<String>),
    /// It knows it, but something differs; what.
    Different(String),
    /// The provider's own word, not a proxy's, that it does not know it.
    NotFound,
}

impl LookUp {
    /// It did not pay, and the provider may still correct that.
    pub fn is_correctable(&self) -> bool {
        matches!(self, Self::Found(Settlement::Failed { correctable: true }, _))
    }
}

/// A call that moves no money did not come through. Nothing is concluded from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers there.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the provider did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// Turned away by the limiter; the wait it asked for, if it named one.
    #[error("the provider asks to slow down")]
    Busy(Option<Duration>),
    /// The key is missing, wrong or not allowed.
    #[error("the provider refused the key: {0}")]
    KeyRefused(String),
    /// The provider refused the request for a fault in it; asking again will not help.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider failed, or its answer cannot be read.
    #[error("the provider's answer is no use: {0}")]
    Unreadable(String),
}

impl CallError {
    /// Whether asking again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Busy(_) | Self::Unreadable(_) => true,
            Self::KeyRefused(_) | Self::Refused(_) => false,
        }
    }
}

/// A provider that moves money.
///
/// Only [`send`](Self::send) moves any. One call is one request on the wire: an implementer retries nothing,
/// follows no redirect and holds nothing back; the engine does that, on record and at the provider's pace.
///
/// All futures may be dropped at any time. Dropping the one of `send` leaves the payment unknown.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Which provider this is. Part of what a run is bound to.
    fn host(&self) -> GatewayHost;

    /// Which key it calls with, for the pace: all gateways of one key share the provider's limits. A gateway without
    /// keys, or with one key for ever, leaves it as it is.
    fn key_fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(&self.host(), &[])
    }

    /// Windows, timeouts and limits.
    fn rules(&self) -> GatewayRules;

    /// Whose account the key opens. Part of what a run is bound to.
    async fn account(&self) -> Result<AccountId, CallError>;

    /// The account's wallets with their balances.
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError>;

    /// The provider's key of a payee, if it knows one. Moves no money.
    ///
    /// A provider that needs no registration of payees answers `Some` of any text.
    async fn find_payee(&self, payee: &PlannedPayment) -> Result<Option<PayeeKey>, CallError>;

    /// Makes a payee known. Moves no money. Called under a lock per phone, after
    /// [`find_payee`](Self::find_payee) found none.
    async fn create_payee(&self, payee: &PlannedPayment) -> Result<PayeeKey, CallError>;

    /// The exact bytes that would be sent for this payment. Pure: the same arguments give the same bytes.
    ///
    /// # Errors
    /// A sentence that says why this payment cannot be expressed; it is held then.
    fn body(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        payee: &PayeeKey,
    ) -> Result<Body, String>;

    /// Sends the body, once. The only call that moves money; `permit` proves that the intent is durable.
    ///
    /// `NotSent` only on proof. When in any doubt: `Unknown`.
    async fn send(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer;

    /// Asks what became of a reference. Moves no money. `body` is what was sent, if anything was.
    async fn look_up(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError>;
}

impl NotSent {
    /// The provider's words, for a report.
    pub fn reason(&self) -> String {
        match self {
            Self::NoConnection(why) => format!("no connection: {why}"),
            Self::Busy(_) => "the provider asks to slow down".to_owned(),
            Self::KeyRefused(why) => format!("key refused: {why}"),
            Self::PayeeBanned { until } => format!("payee suspended until {until}"),
            Self::InsufficientFunds(why) | Self::WalletUnusable(why) => why.clone(),
        }
    }
}
