//! Engines that are broken on purpose: whoever audits must catch each of them.

use async_trait::async_trait;
use payrun_core::{
    AccountId, Clue, GatewayHost, PaymentIndex, PlannedPayment, ProviderReference, Settlement,
    Wallet, WalletId,
};
use payrun_ports::{
    Answer, Body, CallError, Gateway, GatewayRules, KeyFingerprint, LookUp, NotSent, PayeeKey,
    Permit, Receipt,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is broken. None of it is a switch in the engine: the ports lie to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Broken {
    /// Permits are handed out before their intents are on record (I1).
    IntentAfterSend,
    /// What was not answered is sent again at once (I3).
    BlindResend,
    /// What the provider answered is never written.
    LostOutcome,
    /// What was under way when a process ended is planned again (I4).
    BackwardState,
    /// Two processes send for one run (I7).
    UnlockedStore,
    /// One not-found answer, at once, passes for proof of absence (I3).
    EagerAbsence,
    /// What was not answered passes for refused (I3).
    UnknownIsRefused,
    /// The body says another amount than the plan (I6).
    OtherAmount,
    /// Nobody remembers what the key was granted before (I8).
    ForgottenPace,
    /// Two runs take the same references (I7).
    SharedReferences,
    /// A lost directory is taken for a run that never was (I11).
    EmptyIsNew,
    /// The failed payments of a run are paid anew although they may have been corrected to paid (I2).
    UncheckedRetry,
    /// Whatever was not answered and is not found is given up, although it may be sent again.
    GivesUp,
    /// A person's word that nothing more is to be sent is not heard.
    DeafToCancel,
    /// The wait that the provider asks for is not heard.
    DeafToWaits,
    /// That nobody may pay a payee is not heard.
    DeafToBans,
    /// No time is left between two payments to one payee.
    NoGap,
    /// What a payment replaces is asked about once, however long ago that was (I2).
    AskedOnce,
}

/// The gateway as a broken engine would use it.
pub(crate) struct BrokenGateway {
    pub(crate) inner: Arc<dyn Gateway>,
    pub(crate) broken: Broken,
    /// What was answered of what was not sent.
    pub(crate) answers: Mutex<HashMap<ProviderReference, LookUp>>,
}

impl BrokenGateway {
    async fn again(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer {
        let (index, attempt): (PaymentIndex, u32) = (permit.payment(), permit.attempt());
        let answer = self.inner.send(permit, payment, body).await;
        if !matches!(answer, Answer::Unknown(Clue::Silence, _)) {
            return answer;
        }
        let forged = Receipt::after_sync([(index, attempt, body.hash())]).into_permits().remove(0);
        self.inner.send(forged, payment, body).await
    }
}

#[async_trait]
impl Gateway for BrokenGateway {
    fn host(&self) -> GatewayHost {
        self.inner.host()
    }

    fn key_fingerprint(&self) -> KeyFingerprint {
        self.inner.key_fingerprint()
    }

    fn rules(&self) -> GatewayRules {
        let rules = self.inner.rules();
        if self.broken == Broken::GivesUp {
            return GatewayRules { resend_window: Duration::ZERO, ..rules };
        }
        if self.broken == Broken::NoGap {
            return GatewayRules { same_payee_gap: Duration::ZERO, ..rules };
        }
        rules
    }

    async fn account(&self) -> Result<AccountId, CallError> {
        self.inner.account().await
    }

    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.inner.wallets().await
    }

    async fn find_payee(&self, payee: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        self.inner.find_payee(payee).await
    }

    async fn create_payee(&self, payee: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.inner.create_payee(payee).await
    }

    fn body(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        payee: &PayeeKey,
    ) -> Result<Body, String> {
        let body = self.inner.body(payment, wallet, payee)?;
        if self.broken != Broken::OtherAmount {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(body.as_bytes()).replacen("|1", "|9", 1);
        Ok(Body::new(text.into_bytes()))
    }

    async fn send(&self, permit: Permit, payment: &PlannedPayment, body: &Body) -> Answer {
        if self.broken == Broken::BlindResend {
            return self.again(permit, payment, body).await;
        }
        let answer = self.inner.send(permit, payment, body).await;
        if self.broken == Broken::UnknownIsRefused
            && let Answer::Unknown(_, why) = answer
        {
            return Answer::Refused(why);
        }
        match (self.broken, answer) {
            (Broken::DeafToWaits, Answer::NotSent(NotSent::Busy(_))) => {
                Answer::NotSent(NotSent::Busy(Some(Duration::ZERO)))
            }
            (Broken::DeafToBans, Answer::NotSent(NotSent::PayeeBanned { until })) => {
                Answer::NotSent(NotSent::NoConnection(until))
            }
            (_, answer) => answer,
        }
    }

    async fn look_up(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let reference = payment.provider_reference;
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_once = self.broken == Broken::AskedOnce && body.is_none();
        let told = answers().get(&reference).cloned().filter(|_| is_once);
        if let Some(told) = told {
            return Ok(told);
        }
        let answer = self.inner.look_up(payment, wallet, body).await;
        if let Ok(answer) = &answer {
            answers().insert(reference, answer.clone());
        }
        match answer {
            // As if nobody had asked about what is replaced.
            Ok(LookUp::Found(Settlement::Paid, _))
                if self.broken == Broken::UncheckedRetry && body.is_none() =>
            {
                Ok(LookUp::Found(Settlement::Failed { correctable: false }, None))
            }
            Err(CallError::Busy(_)) if self.broken == Broken::DeafToWaits => {
                Err(CallError::Busy(Some(Duration::ZERO)))
            }
            answer => answer,
        }
    }
}
