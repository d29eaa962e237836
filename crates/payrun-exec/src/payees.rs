//! Payees made known at the provider, each once: a payment's payee is resolved before its intent, under a
//! lock per phone, so that the intent holds the exact body.

use crate::pace::Pace;
use payrun_core::{PhoneNumber, PlannedPayment};
use payrun_ports::{CallClass, CallError, Gateway, PayeeKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// The provider's keys of the payees of this run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payees {
    known: Arc<Mutex<HashMap<PhoneNumber, Arc<OnceCell<PayeeKey>>>>>,
}

impl Payees {
    /// The provider's key of this payment's payee, who is made known if need be, and whether it was asked for that now.
    pub(crate) async fn resolve(
        &self,
        planned: &PlannedPayment,
        gateway: &dyn Gateway,
        pace: &Pace,
    ) -> Result<(PayeeKey, bool), CallError> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(planned.payment.payee.phone.clone()).or_default())
        };
        let mut is_asked = false;
        let key = cell.get_or_try_init(|| async {
            is_asked = true;
            pace.token(CallClass::Read).await;
            if let Some(key) = gateway.find_payee(planned).await? {
                return Ok(key);
            }
            pace.token(CallClass::Payee).await;
            gateway.create_payee(planned).await
        });
        let key = key.await.cloned()?;
        Ok((key, is_asked))
    }
}
