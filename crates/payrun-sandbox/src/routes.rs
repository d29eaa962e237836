//! The API's routes, as far as payments to mobile money need them.
#![expect(clippy::result_large_err, reason = "the error is the answer itself, moved once")]

use crate::clock::{self, Clock, Moment};
use crate::currency::find;
use crate::fate::{self, Status};
use crate::faults::Draw;
use crate::hash::{alphanumeric8, id24};
use crate::ledger::{Customer, Execution, Guards, Ledger, NotAccepted};
use crate::limiter::Endpoint;
use crate::number::{self, Number, Text};
use crate::reply::{dropped, error, invalid, plain, success, too_many};
use crate::settings::WalletSetting;
use crate::store::Acceptance;
use crate::{Limits, Settings};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What every route shares.
pub(crate) struct Provider {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) draw: Draw,
    pub(crate) ledger: Mutex<Ledger>,
}

type Shared = State<Arc<Provider>>;

pub(crate) fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/_sandbox/ledger", get(ledger))
        .route("/api/v3/integrator", get(integrator))
        .route("/api/v3/wallet/fiat", get(wallets))
        .route("/api/v3/wallet/fiat/{id}", get(wallet))
        .route("/api/v3/customer/mobile-money", post(new_customer))
        .route("/api/v3/customer/mobile-money/{key}", get(customer))
        .route("/api/v3/customer/mobile-money/phone/{phone}", get(customer_by_phone))
        .route("/api/v3/withdraw/mobile-money", post(withdraw))
        .route("/api/v3/withdraw/status/{reference}", get(status))
        .fallback(nowhere)
        .method_not_allowed_fallback(nowhere)
        .with_state(provider)
}

impl Provider {
    fn books(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ledger_json(&self) -> String {
        self.books().json(self.clock.now())
    }

    /// Who calls, if the key is good and no limit is exceeded.
    fn admit(&self, headers: &HeaderMap, endpoint: Endpoint) -> Result<String, Response> {
        let key = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim)
            .filter(|key| !key.is_empty());
        let Some(key) =
            key.filter(|key| self.settings.key.as_deref().is_none_or(|own| own == *key))
        else {
            return Err(error(StatusCode::UNAUTHORIZED, "Invalid API Key"));
        };
        let integrator = id24(&["integrator", key]);
        if self.settings.limits == Limits::Kotani {
            let now = self.clock.now();
            let mut books = self.books();
            if let Err(exceeded) = books.limiter.pass(endpoint, &integrator, now) {
                books.violations += 1;
                let wait = self.clock.machine_seconds(exceeded.wait_ms);
                return Err(too_many(exceeded.limit.requests, exceeded.limit.span_ms / 1000, wait));
            }
        }
        Ok(integrator)
    }

    /// As `admit`, for calls that move no money: these may fail for no reason.
    async fn admit_read(
        &self,
        headers: &HeaderMap,
        endpoint: Endpoint,
    ) -> Result<String, Response> {
        let integrator = self.admit(headers, endpoint)?;
        if self.draw.per_mille(self.settings.faults.read_500) {
            return Err(error(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"));
        }
        self.maybe_slow().await;
        Ok(integrator)
    }

    async fn maybe_slow(&self) {
        if self.draw.per_mille(self.settings.faults.slow_answer) {
            tokio::time::sleep(Duration::from_millis(self.settings.faults.slow_answer_ms)).await;
        }
    }
}

async fn health() -> Response {
    let up = json!({"api": {"status": "up"}});
    axum::Json(json!({"status": "ok", "info": up, "error": {}, "details": up})).into_response()
}

async fn nowhere(method: axum::http::Method, uri: Uri) -> Response {
    plain(StatusCode::NOT_FOUND, &format!("Cannot {method} {}", uri.path()))
}

async fn ledger(State(provider): Shared) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], provider.ledger_json()).into_response()
}

async fn integrator(State(provider): Shared, headers: HeaderMap) -> Response {
    // No fault here: whose key it is must be known before anything can be tried again.
    match provider.admit(&headers, Endpoint::Integrator) {
        Ok(id) => {
            success(StatusCode::OK, "Integrator", json!({"id": id, "organization": "Sandbox"}))
        }
        Err(response) => response,
    }
}

#[derive(serde::Serialize)]
struct WalletShape<'a> {
    id: &'a str,
    name: &'a str,
    r#type: &'static str,
    currency: &'a str,
    country: Option<&'a str>,
    integrator: &'a str,
    status: &'static str,
    balance: Number,
    deposit_balance: Number,
}

fn wallet_shape<'a>(
    wallet: &'a WalletSetting,
    integrator: &'a str,
    balance: Decimal,
) -> WalletShape<'a> {
    WalletShape {
        id: &wallet.id,
        name: &wallet.name,
        r#type: "fiat",
        currency: &wallet.currency,
        country: wallet.country.as_deref(),
        integrator,
        status: if wallet.active { "active" } else { "inactive" },
        balance: Number(balance),
        deposit_balance: Number(Decimal::ZERO),
    }
}

async fn wallets(State(provider): Shared, headers: HeaderMap) -> Response {
    let integrator = match provider.admit_read(&headers, Endpoint::Wallets).await {
        Ok(integrator) => integrator,
        Err(response) => return response,
    };
    let (books, now) = (provider.books(), provider.clock.now());
    let all: Vec<_> = books
        .wallets()
        .iter()
        .map(|wallet| wallet_shape(wallet, &integrator, books.balance(wallet, now)))
        .collect();
    success(StatusCode::OK, "Wallets", all)
}

async fn wallet(State(provider): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let integrator = match provider.admit_read(&headers, Endpoint::Wallet).await {
        Ok(integrator) => integrator,
        Err(response) => return response,
    };
    let (books, now) = (provider.books(), provider.clock.now());
    match books.wallet(&id) {
        Some(wallet) => {
            let json = wallet_shape(wallet, &integrator, books.balance(wallet, now));
            success(StatusCode::OK, "Wallet", json)
        }
        None => error(StatusCode::NOT_FOUND, "Wallet Not Found"),
    }
}

fn customer_json(customer: &Customer, integrator: &str) -> Value {
    json!({
        "id": id24(&["customer id", &customer.key]), "customer_key": customer.key,
        "phone_number": customer.phone, "country_code": customer.country,
        "network": customer.network, "integrator": integrator,
    })
}

async fn customer(
    State(provider): Shared,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response {
    match provider.admit_read(&headers, Endpoint::Customer).await {
        Ok(integrator) => found(provider.books().customer(&integrator, &key), &integrator),
        Err(response) => response,
    }
}

async fn customer_by_phone(
    State(provider): Shared,
    headers: HeaderMap,
    Path(phone): Path<String>,
) -> Response {
    match provider.admit_read(&headers, Endpoint::CustomerByPhone).await {
        Ok(integrator) => {
            let phone = international(&phone).unwrap_or(phone);
            found(provider.books().customer_of(&integrator, &phone), &integrator)
        }
        Err(response) => response,
    }
}

fn found(customer: Option<&Customer>, integrator: &str) -> Response {
    match customer {
        Some(customer) => success(StatusCode::OK, "Customer", customer_json(customer, integrator)),
        None => error(StatusCode::NOT_FOUND, "Customer not found."),
    }
}

/// A phone in its one spelling, `+254712345678`; the plus may be left out.
fn international(phone: &str) -> Option<String> {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    let valid =
        (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| format!("+{digits}"))
}

/// Reads `T` from a JSON object and from nothing else: a list would fill its fields by position.
fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(body).ok()
}

#[derive(Deserialize)]
struct NewCustomer {
    phone_number: Option<String>,
    country_code: Option<String>,
    network: Option<String>,
}

async fn new_customer(State(provider): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let integrator = match provider.admit_read(&headers, Endpoint::NewCustomer).await {
        Ok(integrator) => integrator,
        Err(response) => return response,
    };
    let Some(wish) = object::<NewCustomer>(&body) else {
        return invalid(&["the body is not an object of a customer"]);
    };
    let Some(phone) = international(&wish.phone_number.unwrap_or_default()) else {
        return invalid(&["phone_number must be a valid phone number"]);
    };
    let country = wish.country_code.unwrap_or_default();
    if !(2..=3).contains(&country.len()) {
        return invalid(&["country_code must be an ISO country code"]);
    }
    let added = provider.books().add_customer(&integrator, &phone, wish.network, &country);
    match added {
        Ok(customer) => {
            success(StatusCode::CREATED, "Customer created", customer_json(&customer, &integrator))
        }
        Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string()),
    }
}

#[derive(Deserialize)]
struct Withdrawal<'a> {
    customer_key: Option<String>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(rename = "walletId")]
    wallet_id: Option<String>,
    #[serde(rename = "referenceId")]
    reference_id: Option<String>,
    currency: Option<String>,
    network: Option<String>,
    #[serde(rename = "callbackUrl")]
    callback_url: Option<String>,
}

async fn withdraw(State(provider): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let faults = provider.settings.faults;
    let integrator = match provider.admit(&headers, Endpoint::NewWithdrawal) {
        Ok(integrator) => integrator,
        Err(response) => return response,
    };
    if provider.draw.per_mille(faults.rate_limited) {
        return too_many(60, 60, 1);
    }
    if provider.draw.per_mille(faults.drop_before_accept) {
        return dropped();
    }
    let response = match accept(&provider, &integrator, &body) {
        Ok(execution) => success(StatusCode::CREATED, "Withdrawal initiated", created(&execution)),
        Err(response) => return response,
    };
    provider.maybe_slow().await;
    if provider.draw.per_mille(faults.accept_then_drop) {
        return dropped();
    }
    if provider.draw.per_mille(faults.accept_then_500) {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error");
    }
    response
}

fn created(execution: &Execution) -> Value {
    json!({
        "id": id24(&["withdrawal", &execution.first.integrator, &execution.first.reference]),
        "message": "Withdrawal is being processed",
        "referenceId": execution.first.reference,
        "referenceNumber": 100_000 + execution.number,
    })
}

/// Judges a withdrawal, and moves money if nothing is wrong with it.
fn accept(provider: &Provider, integrator: &str, body: &[u8]) -> Result<Execution, Response> {
    let wish: Withdrawal<'_> =
        object(body).ok_or_else(|| invalid(&["the body is not an object of a withdrawal"]))?;
    let mut errors = Vec::new();
    let amount = wish.amount.and_then(|raw| number::read(raw.get()));
    if amount.is_none_or(|amount| amount <= Decimal::ZERO) {
        errors.push("amount must be a positive number");
    }
    if wish.customer_key.is_none() {
        errors.push("customer_key should not be empty");
    }
    if wish.wallet_id.is_none() {
        errors.push("walletId should not be empty");
    }
    if wish.reference_id.as_deref().is_some_and(|text| text.trim().is_empty()) {
        errors.push("referenceId should not be empty");
    }
    let (Some(amount), Some(key), Some(wallet_id), true) =
        (amount, wish.customer_key, wish.wallet_id, errors.is_empty())
    else {
        return Err(invalid(&errors));
    };
    let now = provider.clock.now();
    let mut books = provider.books();
    let wallet = books.wallet(&wallet_id).filter(|wallet| wallet.active).cloned();
    let wallet = wallet.ok_or_else(|| error(StatusCode::NOT_FOUND, "Wallet Not Found"))?;
    let digits = find(&wallet.currency).map_or(2, |fiat| fiat.digits);
    if amount.normalize().scale() > digits {
        return Err(invalid(&["amount has too many decimal places for the currency"]));
    }
    if wish.currency.is_some_and(|currency| currency != wallet.currency) {
        return Err(error(StatusCode::BAD_REQUEST, "Currency does not match the wallet"));
    }
    let customer = books.customer(integrator, &key).cloned();
    let customer = customer.ok_or_else(|| error(StatusCode::NOT_FOUND, "Customer not found."))?;
    let reference = wish.reference_id.unwrap_or_else(|| {
        // No two at one moment: every accepted one counts up.
        let number = books.references().to_string();
        alphanumeric8(&[integrator, &key, &now.0.to_string(), &number])
    });
    let (settles, visible) = times(provider, &customer.phone, now);
    let acceptance = Acceptance {
        integrator: integrator.to_owned(),
        reference,
        customer: customer.key,
        phone: customer.phone,
        wallet: wallet.id,
        amount: Text(amount),
        at: now,
        settles,
        visible,
        network: wish.network.or(customer.network),
        callback: wish.callback_url,
    };
    let guards = Guards {
        duplicates_allowed: provider.settings.allow_duplicate_references,
        once_a_minute: provider.settings.limits == Limits::Kotani,
    };
    let bad = |message: &str| error(StatusCode::BAD_REQUEST, message);
    books.accept(acceptance, guards).map_err(|why| match why {
        NotAccepted::Duplicate => bad("Duplicate referenceId"),
        NotAccepted::Denied => bad("Transaction Denied"),
        NotAccepted::Insufficient => bad("Insufficient funds in fiat wallet"),
        NotAccepted::Store => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "The ledger cannot be written")
        }
    })
}

/// When a payment to this phone settles, and from when on it is found.
fn times(provider: &Provider, phone: &str, now: Moment) -> (Option<Moment>, Moment) {
    let faults = provider.settings.faults;
    let delay_ms = fate::delay_ms(phone, clock::ms(provider.settings.settle));
    let lags = provider.draw.per_mille(faults.status_404_lag);
    let lag = if lags { Duration::from_millis(faults.status_404_lag_ms) } else { Duration::ZERO };
    let visible = now.after_ms(provider.clock.scaled_ms(lag));
    (delay_ms.map(|delay_ms| now.after_ms(delay_ms)), visible)
}

async fn status(
    State(provider): Shared,
    headers: HeaderMap,
    Path(reference): Path<String>,
) -> Response {
    let integrator = match provider.admit_read(&headers, Endpoint::WithdrawalStatus).await {
        Ok(integrator) => integrator,
        Err(response) => return response,
    };
    let (books, now) = (provider.books(), provider.clock.now());
    match books
        .execution(&integrator, &reference)
        .filter(|execution| execution.first.visible <= now)
    {
        Some(execution) => {
            let currency =
                books.wallet(&execution.first.wallet).map(|wallet| wallet.currency.clone());
            success(StatusCode::OK, "Withdrawal", status_json(execution, currency, now))
        }
        None => error(StatusCode::NOT_FOUND, "Reference Id not found"),
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusShape<'a> {
    id: String,
    amount: Number,
    wallet_id: &'a str,
    status: &'static str,
    reference_number: u64,
    reference_id: &'a str,
    #[serde(rename = "created_at")]
    created_at: String,
    transaction_cost: u32,
    transaction_amount: Number,
    customer_key: &'a str,
    currency: Option<String>,
    integrator_fee: u32,
    integrator_fee_amount: u32,
    integrator_commission_type: &'static str,
    error_message: Option<&'static str>,
    network: Option<&'a str>,
    callback_url: Option<&'a str>,
}

fn status_json(execution: &Execution, currency: Option<String>, now: Moment) -> StatusShape<'_> {
    let status = execution.status(now);
    let first = &execution.first;
    StatusShape {
        id: id24(&["withdrawal", &first.integrator, &first.reference]),
        amount: Number(first.amount.0),
        wallet_id: &first.wallet,
        status: status.word(),
        reference_number: 100_000 + execution.number,
        reference_id: &first.reference,
        created_at: first.at.iso(),
        transaction_cost: 0,
        transaction_amount: Number(first.amount.0),
        customer_key: &first.customer,
        currency,
        integrator_fee: 0,
        integrator_fee_amount: 0,
        integrator_commission_type: "NONE",
        network: first.network.as_deref(),
        callback_url: first.callback.as_deref(),
        error_message: match status {
            Status::Failed(why) => Some(why),
            Status::Pending | Status::Initiated | Status::InProgress | Status::Successful => None,
        },
    }
}
