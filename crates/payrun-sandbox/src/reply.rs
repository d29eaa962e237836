//! The API's envelopes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// Put on a response that must never leave: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropped;

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    message: &'a str,
    data: T,
}

/// `{"success":true,…}`
pub(crate) fn success(status: StatusCode, message: &str, data: impl Serialize) -> Response {
    (status, Json(Envelope { success: true, message, data })).into_response()
}

/// `{"success":false,"message":…,"error_code":…,"data":{}}`
pub(crate) fn error(status: StatusCode, message: &str) -> Response {
    let code = status.as_u16();
    let body = json!({"success": false, "message": message, "error_code": code, "data": {}});
    (status, Json(body)).into_response()
}

/// The framework's own: `{"statusCode":…,"message":…,"error":…}`
pub(crate) fn plain(status: StatusCode, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    let body = json!({"statusCode": status.as_u16(), "message": message, "error": reason});
    (status, Json(body)).into_response()
}

/// Validation: what is wrong with the body, all at once.
pub(crate) fn invalid(errors: &[&str]) -> Response {
    let message = format!("Validation failed: {}", errors.join(", "));
    let body = json!({"success": false, "message": message, "error_code": 400, "data": {"errors": errors}});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// The limiter's own shape.
pub(crate) fn too_many(requests: usize, seconds: u64, retry_after: u64) -> Response {
    let message = format!(
        "Too many requests. You have exceeded the limit of {requests} requests per {seconds} seconds. \
         Please wait before trying again."
    );
    let body = json!({
        "statusCode": 429, "message": message, "error": "Too Many Requests",
        "data": {"retryAfter": retry_after},
    });
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}

/// No answer at all.
pub(crate) fn dropped() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(Dropped);
    response
}
