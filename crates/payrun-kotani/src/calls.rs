//! What came of a call that moves no money, where it did not go well. Nothing is concluded from it.

use crate::classify::reason;
use crate::client::{Failure, Reply};
use crate::envelope::{ApiError, wait};
use crate::words::Words;
use payrun_ports::CallError;
use std::time::Duration;

/// Why an answer is not a success.
///
/// A 401 refuses the key whoever sends it; a 403 only in the API's own shape, since a network's edge answers
/// so too, to callers that it will let through again.
pub(crate) fn error(reply: &Reply, words: &Words<'_>) -> CallError {
    let error = ApiError::read(reply.status, &reply.body);
    let reason = reason(reply, error.as_ref(), words);
    match (reply.status, &error) {
        (401, _) => CallError::KeyRefused(reason),
        (403, Some(error)) => match &error.banned_until {
            Some(until) => {
                CallError::Refused(format!("{reason} (payee suspended until {})", words.fit(until)))
            }
            None => CallError::KeyRefused(reason),
        },
        (429, _) => CallError::Busy(wait(error.as_ref(), reply.retry_after)),
        (400 | 422, Some(_)) => CallError::Refused(reason),
        _ => CallError::Unreadable(reason),
    }
}

/// Why there is no answer.
pub(crate) fn failure(failure: Failure, timeout: Duration, words: &Words<'_>) -> CallError {
    match failure {
        Failure::NoConnection(why) => CallError::Unreachable(words.fit(&why)),
        Failure::Timeout => CallError::Timeout(timeout),
        Failure::Broken(why) => CallError::Unreadable(words.fit(&why)),
    }
}

/// A success that cannot be read.
pub(crate) fn unreadable(what: &str) -> CallError {
    CallError::Unreadable(format!("it went well, but {what}"))
}

/// Whether an answer went well.
pub(crate) fn is_success(reply: &Reply) -> bool {
    (200..=299).contains(&reply.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_and_the_request_itself_are_not_worth_another_call() {
        let key = "secret-key-1234".parse().unwrap();
        let words = Words { key: &key, payee: None };
        let own = r#"{"success":false,"message":"no","data":{}}"#;
        let banned = r#"{"success":false,"message":"no","data":{"bannedUntil":"2026-12-01"}}"#;
        let said = |status| format!("HTTP {status}: no");
        let page = |status| format!("HTTP {status} without a readable answer of the API");
        for (status, body, expected) in [
            (400, own, CallError::Refused(said(400))),
            (422, own, CallError::Refused(said(422))),
            (400, "<html>", CallError::Unreadable(page(400))),
            (401, own, CallError::KeyRefused(said(401))),
            (401, "", CallError::KeyRefused(page(401))),
            (403, own, CallError::KeyRefused(said(403))),
            (
                403,
                banned,
                CallError::Refused("HTTP 403: no (payee suspended until 2026-12-01)".into()),
            ),
            (403, "<html>", CallError::Unreadable(page(403))),
            (404, own, CallError::Unreadable(said(404))),
            (404, "<html>", CallError::Unreadable(page(404))),
            (408, "", CallError::Unreadable(page(408))),
            (429, own, CallError::Busy(Some(Duration::from_secs(3)))),
            (429, "<html>", CallError::Busy(Some(Duration::from_secs(3)))),
            (302, "", CallError::Unreadable(page(302))),
            (500, own, CallError::Unreadable(said(500))),
        ] {
            let reply = Reply {
                status,
                retry_after: Some(Duration::from_secs(3)),
                body: body.as_bytes().to_vec(),
            };
            assert_eq!(error(&reply, &words), expected, "{status} {body}");
        }
    }
}
