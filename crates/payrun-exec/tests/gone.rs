//! A provider that answers is not gone, and one that is gone is noticed.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use async_trait::async_trait;
use payrun_core::{AccountId, GatewayHost, PlannedPayment, Wallet, WalletId};
use payrun_exec::StopCause;
use payrun_ports::{
    Answer, Body, CallClass, CallError, Gateway, GatewayRules, LookUp, NotSent, PayeeKey, Permit,
    RateLimit, RateLimits,
};
use payrun_store::MemoryStore;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use support::late::{
    accepted, an_hour, as_usual, at_its_limits, never_settling, paid_anew, says, usual_limits,
    without_payees,
};
use support::past::{INTENT, cautious, events, reopened, sent};
use support::{Provider, plan, run};
use tokio::time::{sleep, timeout};

const DAY: Duration = Duration::from_secs(86_400);

/// A provider that answers nothing at all, after so long.
struct Dead(Arc<Provider>, Duration);

impl Dead {
    async fn nothing(&self) -> CallError {
        sleep(self.1).await;
        CallError::Timeout(self.1)
    }
}

#[async_trait]
impl Gateway for Dead {
    fn host(&self) -> GatewayHost {
        self.0.host()
    }
    fn rules(&self) -> GatewayRules {
        let mut rules = self.0.rules();
        rules.request_timeout = self.1.max(Duration::from_secs(2));
        rules
    }
    async fn account(&self) -> Result<AccountId, CallError> {
        self.0.account().await
    }
    async fn wallets(&self) -> Result<Vec<Wallet>, CallError> {
        self.0.wallets().await
    }
    async fn find_payee(&self, _: &PlannedPayment) -> Result<Option<PayeeKey>, CallError> {
        Err(self.nothing().await)
    }
    async fn create_payee(&self, planned: &PlannedPayment) -> Result<PayeeKey, CallError> {
        self.0.create_payee(planned).await
    }
    fn body(&self, p: &PlannedPayment, w: &WalletId, k: &PayeeKey) -> Result<Body, String> {
        self.0.body(p, w, k)
    }
    async fn send(&self, _: Permit, _: &PlannedPayment, _: &Body) -> Answer {
        let _ = self.nothing().await;
        Answer::NotSent(NotSent::NoConnection("refused".into()))
    }
    async fn look_up(
        &self,
        _: &PlannedPayment,
        _: &WalletId,
        _: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        Err(self.nothing().await)
    }
}

/// A cautious start, of which some payments cannot be asked about, and questions about all others are refused. Whether it ends.
async fn ends_beside_refusals(bad: usize, payments: u32, calls: u32) -> bool {
    let plan = plan(payments);
    let provider = never_settling(&plan);
    *provider.limits.lock().unwrap() =
        RateLimits { all: vec![RateLimit::per_seconds(calls, 60)], ..usual_limits() };
    for (at, planned) in plan.payments.iter().enumerate() {
        let refused = CallError::Refused("400".into());
        let fails = CallError::Unreadable("500".into());
        let said = if at < bad { fails } else { refused };
        says(&provider, planned.provider_reference, Err(said));
    }
    let store = cautious(plan.payments.len(), vec![]).await;
    let engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
    let finish = timeout(10 * DAY, engine.run(pending())).await;
    finish.is_ok()
}

#[test]
fn one_that_is_refused_does_not_keep_the_run_for_ever() {
    assert!(run(ends_beside_refusals(24, 64, 4)));
}

/// It is dead but for some answers, all of which refuse.
#[test]
fn one_that_is_gone_but_for_a_refusal_is_noticed() {
    run(async {
        let plan = plan(64);
        let provider = never_settling(&plan);
        *provider.limits.lock().unwrap() =
            RateLimits { all: vec![RateLimit::per_seconds(4, 60)], ..usual_limits() };
        let dead = Err(CallError::Unreadable("500".into()));
        let all = |first: usize, said: Result<LookUp, CallError>| {
            for planned in &plan.payments[first..] {
                says(&provider, planned.provider_reference, said.clone());
            }
        };
        all(0, dead.clone());
        let store = cautious(plan.payments.len(), vec![]).await;
        let engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
        let hiccup = async {
            sleep(Duration::from_secs(290)).await;
            all(24, Err(CallError::Refused("400".into())));
            sleep(Duration::from_secs(110)).await;
            all(24, dead.clone());
            pending::<()>().await;
        };
        let finish = tokio::select! {
            finish = timeout(10 * DAY, engine.run(pending())) => finish.ok(),
            () = hiccup => unreachable!(),
        };
        assert!(finish.is_some());
    });
}

/// How a run ends, and how many it sends, where one payee cannot be told, and others used the pace before.
async fn beside_a_bad_payee(
    generation: u32,
    payments: u32,
    limits: RateLimits,
    used_before: u32,
) -> (Option<String>, u64) {
    let first = plan(payments);
    let (plan, provider, predecessors) = match generation {
        0 => (first.clone(), never_settling(&first), Default::default()),
        _ => paid_anew(&first, generation),
    };
    *provider.limits.lock().unwrap() = limits;
    let store = reopened(plan.payments.len(), vec![]).await;
    let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
    engine.predecessors = predecessors;
    engine.gateway = without_payees(&provider, |planned| planned.payment.row == 1);
    for _ in 0..used_before {
        let _ = engine.pace.try_token(CallClass::Money);
    }
    let finish = timeout(20 * DAY, engine.run(pending())).await.unwrap().unwrap();
    (finish.stopped.map(|stop| stop.to_string()), sent(&provider))
}

#[test]
fn what_is_at_hand_says_whether_the_provider_is_gone() {
    let money = |calls| RateLimits { money: an_hour(calls), ..usual_limits() };
    let read = |calls| RateLimits { read: an_hour(calls), ..usual_limits() };
    for (generation, payments, limits, used_before) in [
        // It waits for its second token.
        (1, 2, money(2), 0),
        (1, 3, money(2), 0),
        // It waits for its first one.
        (0, 2, money(2), 12),
        (0, 2, money(12), 12),
        // What it replaces is being read, or its payee asked about.
        (1, 2, read(60), 0),
        (1, 12, read(60), 0),
        (1, 12, read(30), 0),
        (1, 12, read(12), 0),
        (0, 12, read(12), 0),
    ] {
        let case = format!("{generation}, {payments} of {limits:?}");
        let others = u64::from(payments) - 1;
        let ended = run(beside_a_bad_payee(generation, payments, limits, used_before));
        assert_eq!(ended, (None, others), "{case}");
    }
}

/// At one request an hour, which another run had just now.
#[test]
fn the_only_one_that_waits_for_a_token_is_sent_when_it_comes() {
    run(async {
        let plan = plan(2);
        let provider = never_settling(&plan);
        *provider.limits.lock().unwrap() =
            RateLimits { money: vec![RateLimit::per_seconds(1, 3600)], ..usual_limits() };
        let store = reopened(2, vec![]).await;
        let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
        engine.gateway = without_payees(&provider, |planned| planned.payment.row == 1);
        let _by_another_run = engine.pace.try_token(CallClass::Money);
        let finish = timeout(DAY, engine.run(pending())).await.unwrap().unwrap();
        assert_eq!((finish.stopped, sent(&provider)), (None, 1));
    });
}

/// When it is noticed that nothing is answered, or only by a time-out after so long.
async fn dead(kind: &str, payments: u32, after: u64) -> Option<Duration> {
    let plan = plan(payments);
    let provider = never_settling(&plan);
    provider.limits.lock().unwrap().clone_from(&usual_limits());
    let store: Arc<MemoryStore> = match kind {
        "new" => reopened(plan.payments.len(), vec![]).await,
        "unseen" => cautious(plan.payments.len(), vec![]).await,
        "accepted" => accepted(&plan, &provider, payments).await,
        _ => {
            let open = (0..payments).flat_map(|index| events(index, &[INTENT])).collect();
            reopened(plan.payments.len(), open).await
        }
    };
    let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
    let after = Duration::from_secs(after);
    engine.gateway = Arc::new(Dead(provider.clone(), after));
    let finish = timeout(3 * DAY, engine.run(pending())).await;
    let Ok(Ok(finish)) = finish else { return None };
    let Some(StopCause::GatewayGone { waited, .. }) = finish.stopped else { return None };
    Some(waited)
}

#[test]
fn one_that_is_gone_is_noticed_in_good_time() {
    for kind in ["new", "unseen", "accepted", "unknown"] {
        for payments in [1, 3, 100, 10_000] {
            for after in [0, 30] {
                let noticed = run(dead(kind, payments, after));
                let in_time = Duration::from_secs(300)..Duration::from_secs(450);
                let is_in_time = noticed.is_some_and(|noticed| in_time.contains(&noticed));
                assert!(is_in_time, "{payments} {kind}, {after} s: {noticed:?}");
            }
        }
    }
}

/// How often one is paid, of which what a lost history sent is still on its way when it is asked about as a witness.
async fn on_its_way(patience_ms: u64) -> u32 {
    let plan = plan(100);
    let provider = never_settling(&plan);
    *provider.limits.lock().unwrap() =
        RateLimits { read: vec![RateLimit::per_seconds(100, 5)], ..RateLimits::default() };
    for planned in &plan.payments[..60] {
        says(&provider, planned.provider_reference, Err(CallError::Unreadable("500".into())));
    }
    for planned in &plan.payments[60..] {
        let body = format!("{} {} w2", planned.provider_reference, planned.payment.amount.text());
        let number = body
            .bytes()
            .fold(7, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let arrives = Duration::from_millis(1950);
        provider.on_the_way.lock().unwrap().push((arrives, planned.provider_reference, number));
    }
    let store = cautious(plan.payments.len(), vec![]).await;
    let mut engine = at_its_limits(as_usual(&plan, &provider, store), &provider);
    engine.settings.in_flight_max = 1;
    engine.settings.absence.grace = Duration::from_millis(800);
    engine.settings.gateway_patience = Duration::from_millis(patience_ms);
    let _ = timeout(Duration::from_secs(600), engine.run(pending())).await;
    provider.most_executed()
}

#[test]
fn what_was_sent_can_still_arrive_although_it_was_asked_about_early() {
    for patience in [50, 100, 200, 300, 60_000] {
        assert_eq!(run(on_its_way(patience)), 1, "patience {patience} ms");
    }
}
