//! The line to the provider: how its calls look to the engine.

use crate::provider::{Provider, read, written};
use crate::stalls::Stalls;
use crate::trace::Trace;
use async_trait::async_trait;
use payrun_core::{AccountId, GatewayHost, PlannedPayment, Wallet, WalletId};
use payrun_ports::{
    Answer, Body, CallError, Gateway, GatewayRules, KeyFingerprint, LookUp, PayeeKey, Permit,
};
use std::sync::Arc;

/// Where the provider goes on by itself, an answer is as old as the process stood still when that reads it; otherwise the
/// provider stands still with it, and dies with it.
pub(crate) struct Line {
    pub(crate) provider: Arc<Provider>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) stalls: Arc<Stalls>,
}

impl Line {
    async fn answered<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        if self.provider.goes_on { tokio::spawn(work).await.unwrap() } else { work.await }
    }
}

#[async_trait]
impl Gateway for Line {
    fn host(&self) -> GatewayHost {
        self.provider.host.clone()
    }

    fn key_fingerprint(&self) -> KeyFingerprint {
        self.provider.key_fingerprint()
    }

    fn rules(&self) -> GatewayRules {
        self.provider.rules()
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        Ok(AccountId::new("account"))
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        Ok(Vec::new())
    }

    async fn find_payee(&self, planned: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.provider.call("read");
        let provider = Arc::clone(&self.provider);
        let answer = self.answered(async move { provider.answer_payee().await }).await;
        let name = &planned.payment.reference;
        if let Err(error) = answer {
            self.trace.say(|| format!("{name}: payee: {error}"));
            self.provider.heard_error(&error);
            return Err(error);
        }
        Ok(Some(PayeeKey(planned.payment.payee.phone.as_str().to_owned())))
    }

    async fn create_payee(&self, _: &PlannedPayment) -> Result<PayeeKey, CallError> {
        Err(CallError::Refused("known already".into()))
    }

    fn body(
        &self,
        planned: &PlannedPayment,
        wallet: &WalletId,
        payee: &PayeeKey,
    ) -> Result<Body, String> {
        let (reference, amount) =
            (written(planned.provider_reference), planned.payment.amount.text());
        Ok(Body::new(format!("{reference}|{amount}|{wallet}|{}", payee.0).into_bytes()))
    }

    async fn send(&self, permit: Permit, planned: &PlannedPayment, body: &Body) -> Answer {
        let attempt = permit.attempt();
        let payment = read(permit.spend(body).unwrap());
        let number = self.provider.note_request(&payment);
        let name = &planned.payment.reference;
        self.trace.say(|| format!("{name}: sent, attempt {attempt}"));
        // With its first bytes away.
        self.stalls.may_stand("the network");
        let provider = Arc::clone(&self.provider);
        let answer = self.answered(async move { provider.answer(payment).await }).await;
        self.provider.note_answer(number, &answer);
        self.trace.say(|| format!("{name}: answered {answer:?}"));
        answer
    }

    async fn look_up(
        &self,
        planned: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        self.provider.call("read");
        let (asked_ms, reference) = (self.provider.now_ms(), written(planned.provider_reference));
        let (provider, asked) = (Arc::clone(&self.provider), reference.clone());
        let answer = self.answered(async move { provider.answer_look_up(asked).await }).await;
        self.trace.say(|| {
            let (name, generation) = (&planned.payment.reference, planned.generation);
            match &answer {
                Ok(found) => format!("{name}, generation {generation}: looked up: {found:?}"),
                Err(error) => format!("{name}, generation {generation}: looked up: {error}"),
            }
        });
        self.provider.note_question(&reference, asked_ms, answer.as_ref().ok());
        if let Err(error) = &answer {
            self.provider.heard_error(error);
        }
        answer
    }
}
