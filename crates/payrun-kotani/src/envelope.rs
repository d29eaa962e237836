//! The provider's refusals: five documented shapes read into one.
//!
//! Only these are the API's own word. Everything else with an error status (a proxy's page, an empty body,
//! another server's JSON) is no proof of anything.
//!
//! | Shape | Body |
//! |---|---|
//! | E1 | `{success:false, message, error_code:<HTTP status>, data:{errors?:[…]}}` |
//! | E2 | `{statusCode, message, error, data?}` |
//! | E3 | `{status:"error", message, error_code:"WORD", retry_after?}` |
//! | E4 | `{success:false, message, data:{}}` |
//! | E5 | `{statusCode, message, errors:[…]}` or with `details` |

use crate::number;
use crate::wire::{object, text};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// A wait asked for that is longer is cut to this: asking early costs one more refusal, waiting for ever a run.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// What the API says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Its sentence, with the list of faults if there is one.
    pub(crate) message: String,
    /// Its code, where that is a word.
    pub(crate) code: Option<String>,
    /// Until when the payee is suspended.
    pub(crate) banned_until: Option<String>,
    /// How long to wait, as the body says it.
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    success: Option<bool>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow, rename = "statusCode")]
    status_code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
    #[serde(borrow)]
    retry_after: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
    #[serde(borrow, rename = "bannedUntil")]
    banned_until: Option<&'a RawValue>,
    #[serde(borrow, rename = "retryAfter")]
    retry_after: Option<&'a RawValue>,
}

impl ApiError {
    /// Reads an answer with this HTTP status; `None` if it is not the API's own refusal.
    pub(crate) fn read(status: u16, body: &[u8]) -> Option<Self> {
        let body: Refusal<'_> = object(std::str::from_utf8(body).ok()?)?;
        if !body.is_a_refusal_of(status) {
            return None;
        }
        let details =
            body.data.and_then(|data| object::<Details<'_>>(data.get())).unwrap_or_default();
        let faults = body.errors.or(details.errors).and_then(sentence);
        let message = match (sentence(body.message?)?, faults) {
            (message, Some(faults)) if !message.contains(&faults) => format!("{message}: {faults}"),
            (message, _) => message,
        };
        let wait = details.retry_after.and_then(seconds);
        Some(Self {
            message,
            code: body.error_code.filter(|code| code.get().starts_with('"')).and_then(text),
            banned_until: details.banned_until.and_then(text),
            retry_after: wait.or_else(|| body.retry_after.and_then(seconds)),
        })
    }
}

impl Refusal<'_> {
    /// One of the marks of E1 to E5 is there, and none contradicts the HTTP status.
    fn is_a_refusal_of(&self, http_status: u16) -> bool {
        let http_status = http_status.to_string();
        let number_differs = |raw: Option<&RawValue>| {
            raw.is_some_and(|raw| !raw.get().starts_with('"') && raw.get() != http_status)
        };
        let says_error = self.status.and_then(text).is_some_and(|word| word == "error");
        let marked = self.success == Some(false) || self.status_code.is_some() || says_error;
        let contradicted = self.success == Some(true)
            || number_differs(self.status_code)
            || number_differs(self.error_code);
        marked && !contradicted
    }
}

/// A string, or a list of them joined.
fn sentence(raw: &RawValue) -> Option<String> {
    if raw.get().starts_with('[') {
        let parts: Vec<String> = serde_json::from_str(raw.get()).ok()?;
        return Some(parts.join("; ")).filter(|joined| !joined.trim().is_empty());
    }
    raw.get().starts_with('"').then(|| text(raw)).flatten()
}

/// A number of seconds, quoted or not, rounded up to the millisecond and at most [`WAIT_MAX`].
fn seconds(raw: &RawValue) -> Option<Duration> {
    let seconds = number::cut(text(raw)?.trim())?;
    if seconds.is_sign_negative() {
        return Some(Duration::ZERO);
    }
    let millis = seconds.checked_mul(Decimal::ONE_THOUSAND)?.ceil();
    let wait = u64::try_from(millis).map_or(WAIT_MAX, Duration::from_millis);
    Some(wait.min(WAIT_MAX))
}

/// The wait that a limiter asks for: what the body says, else the header.
pub(crate) fn wait(error: Option<&ApiError>, header: Option<Duration>) -> Option<Duration> {
    error.and_then(|error| error.retry_after).or(header).map(|wait| wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Option<ApiError> {
        ApiError::read(status, body.as_bytes())
    }

    fn said(message: &str) -> Option<ApiError> {
        Some(ApiError {
            message: message.to_owned(),
            code: None,
            banned_until: None,
            retry_after: None,
        })
    }

    #[test]
    fn all_documented_shapes_are_read() {
        for (status, body, message) in [
            (
                400,
                r#"{"success":false,"message":"Transaction Denied","error_code":400,"data":{}}"#,
                "Transaction Denied",
            ),
            (
                400,
                r#"{"success":false,"message":"Validation failed: amount","error_code":400,"data":{"errors":["amount"]}}"#,
                "Validation failed: amount",
            ),
            (
                400,
                r#"{"success":false,"message":"Validation failed","error_code":400,"data":{"errors":["a","b"]}}"#,
                "Validation failed: a; b",
            ),
            (
                404,
                r#"{"statusCode":404,"message":"Wallet Not Found","error":"Not Found"}"#,
                "Wallet Not Found",
            ),
            (400, r#"{"statusCode":400,"message":["a","b"],"error":"Bad Request"}"#, "a; b"),
            (
                404,
                r#"{"success":false,"message":"Customer not found.","data":{}}"#,
                "Customer not found.",
            ),
            (
                404,
                r#"{"success":false,"message":"Customer not found.","data":null}"#,
                "Customer not found.",
            ),
            (400, r#"{"statusCode":400,"message":"x","errors":["y"]}"#, "x: y"),
            (400, r#"{"statusCode":400,"message":"x","details":{"currency":"KES"}}"#, "x"),
        ] {
            assert_eq!(read(status, body), said(message), "{body}");
        }
        let e3 = r#"{"status":"error","message":"no","error_code":"INSUFFICIENT_BALANCE","timestamp":"t"}"#;
        assert_eq!(read(400, e3).unwrap().code.as_deref(), Some("INSUFFICIENT_BALANCE"));
        let banned = r#"{"success":false,"message":"Suspended","error_code":403,"data":{"bannedUntil":"2026-12-01T00:00:00Z"}}"#;
        assert_eq!(
            read(403, banned).unwrap().banned_until.as_deref(),
            Some("2026-12-01T00:00:00Z")
        );
    }

    #[test]
    fn what_others_say_is_not_the_api_s_word() {
        for body in [
            "",
            "<html><h1>403 Forbidden</h1></html>",
            "null",
            "[]",
            r#""Forbidden""#,
            r#"{"message":"Forbidden"}"#,
            r#"{"error":"not_found"}"#,
            r#"{"success":true,"message":"x","error_code":403}"#,
            r#"{"success":false}"#,
            r#"{"success":false,"message":""}"#,
            r#"{"success":false,"message":{"en":"x"}}"#,
            r#"{"success":false,"message":"x","error_code":502}"#,
            r#"{"statusCode":404,"message":"x"}"#,
            r#"{"success":false,"errors":[{"code":1020,"message":"Access denied"}],"messages":[]}"#,
            r#"{"success":false,"message":"x""#,
        ] {
            assert_eq!(read(403, body), None, "{body}");
        }
    }

    #[test]
    fn the_wait_is_the_body_s_then_the_header_s() {
        let e2 = |data: &str| {
            format!(r#"{{"statusCode":429,"message":"Too many","error":"x","data":{data}}}"#)
        };
        let e3 = r#"{"status":"error","message":"Rate limit exceeded","error_code":"RATE_LIMITED","retry_after":60}"#;
        for (body, header, expected) in [
            (e2(r#"{"retryAfter":7}"#), Some(9), Some(7_000)),
            (e2(r#"{"retryAfter":"7"}"#), None, Some(7_000)),
            (e2(r#"{"retryAfter":0.0301}"#), None, Some(31)),
            (e2(r#"{"retryAfter":-1}"#), None, Some(0)),
            (e2(r#"{"retryAfter":1e12}"#), None, Some(3_600_000)),
            (e2(r#"{"retryAfter":"soon"}"#), Some(9), Some(9_000)),
            (e2("{}"), Some(9), Some(9_000)),
            (e2("{}"), Some(u64::MAX), Some(3_600_000)),
            (e2("{}"), None, None),
            (e3.to_owned(), Some(9), Some(60_000)),
        ] {
            let error = read(429, &body).unwrap();
            let header = header.map(Duration::from_secs);
            assert_eq!(wait(Some(&error), header), expected.map(Duration::from_millis), "{body}");
        }
    }
}
