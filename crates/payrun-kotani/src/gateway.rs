//! The gateway itself: settings made into an edge, and each call handed to the file it belongs to.

use crate::client::Edge;
use crate::settings::Origin;
use crate::withdrawals;
use crate::words::Words;
use crate::{ApiKey, Settings, SettingsError};
use async_trait::async_trait;
use payrun_core::{AccountId, GatewayHost, Payee, PlannedPayment, Wallet, WalletId};
use payrun_ports::{
    Answer, Body, CallError, Gateway, GatewayRules, KeyFingerprint, LookUp, PayeeKey, Permit,
};
use std::fmt;

/// Kotani Pay over HTTP. Cheap calls, no state beyond idle connections; share it by reference.
pub struct Kotani {
    host: GatewayHost,
    key: ApiKey,
    pub(crate) rules: GatewayRules,
    pub(crate) edge: Edge,
}

impl Kotani {
    /// Checks the settings and sets up the HTTP client. Connects to nothing.
    ///
    /// # Errors
    /// [`SettingsError`], which never shows the key.
    ///
    /// ```
    /// use payrun_kotani::{Kotani, Settings};
    /// use payrun_ports::Gateway as _;
    /// let gateway = Kotani::new(Settings::new("http://127.0.0.1:8080", "secret-1234".parse()?))?;
    /// assert_eq!(gateway.host().as_str(), "http://127.0.0.1:8080");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.request_timeout.is_zero() {
            return Err(SettingsError::NoTime);
        }
        let origin = Origin::parse(&settings.host)?;
        let edge = Edge::new(&origin, &settings.key, settings.request_timeout)?;
        let rules = settings.rules();
        Ok(Self {
            host: settings.label.unwrap_or_else(|| GatewayHost::new(origin.text)),
            key: settings.key,
            rules,
            edge,
        })
    }

    /// What has to be hidden in the provider's words.
    pub(crate) fn words<'a>(&'a self, payee: Option<&'a Payee>) -> Words<'a> {
        Words { key: &self.key, payee }
    }
}

impl fmt::Debug for Kotani {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kotani").field("host", &self.host.as_str()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Gateway for Kotani {
    fn host(&self) -> GatewayHost {
        self.host.clone()
    }

    fn key_fingerprint(&self) -> KeyFingerprint {
        KeyFingerprint::of(&self.host, self.key.expose().as_bytes())
    }

    fn rules(&self) -> GatewayRules {
        self.rules.clone()
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        self.integrator().await
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.fiat_wallets().await
    }

    async fn find_payee(&self, payee: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.find_customer(payee).await
    }

    async fn create_payee(&self, payee: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.create_customer(payee).await
    }

    fn body(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        payee: &PayeeKey,
    ) -> Result<Body, String> {
        withdrawals::body(payment, wallet, payee)
    }

    async fn send(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer {
        self.send_withdrawal(permit, payment, body).await
    }

    async fn look_up(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.look_up_withdrawal(payment, wallet, body).await
    }
}
