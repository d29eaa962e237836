//! What each answer to a request that moves money means. The one place that decides it.
//!
//! The HTTP status decides first. The provider's sentence only refines a 400, 404 or 422, by the table
//! [`SENTENCES`]; a 401, 403 or 429 is taken for what it says only in one of the API's own error shapes.
//!
//! | Seen | Answer |
//! |---|---|
//! | no connection | not sent |
//! | timeout, reset, end of stream, too large, not HTTP | unknown, silence |
//! | 2xx, our reference, everything named is as sent | settled by its status; in flight if it names none |
//! | 2xx, our reference, but amount, wallet, currency or payee differ | unknown, duplicate: it knows the reference |
//! | any other 2xx | unknown, silence |
//! | 3xx, 408, 5xx, any other status | unknown, silence |
//! | 400, 404, 422 in the API's shape | by the table; a sentence that is not in it: unknown, refused |
//! | 401 in the API's shape | not sent: the key is refused |
//! | 403 in the API's shape | not sent: the payee is suspended if it says until when, else the key is refused |
//! | 409 | unknown, duplicate |
//! | 429 in the API's shape | not sent: busy |
//! | any other 4xx, or not in the API's shape | unknown, silence |
//!
//! Why an error page of something else than the API is *silence* and not *refused*: after silence a proven
//! absence leads to the same reference again, which the provider's own uniqueness guards; after *refused* it
//! makes the payment rejected, which a person may then pay anew under another reference. Only the API's own
//! word may lead there. For the same reason a 429 page from the network's edge is no proof: nothing tells
//! whether it stood before or behind a first forwarding of the request.

use crate::client::{Failure, Reply};
use crate::echo::{Echo, Expected};
use crate::envelope::{ApiError, wait};
use crate::status::settlement;
use crate::wire::{Withdrawal, object, payload, text};
use crate::words::Words;
use payrun_core::{Clue, Settlement};
use payrun_ports::{Answer, NotSent};

/// How a sentence of the API is recognised, in lower case without blanks and stops at its ends.
enum Says {
    /// It begins so.
    Begins(&'static str),
    /// It, or the error code, contains all of these. Only for what leads to a look-up.
    Contains(&'static [&'static str]),
    /// The error code, where it is a word.
    Code(&'static str),
}

/// What a sentence means.
#[derive(Clone, Copy)]
enum Meaning {
    Duplicate,
    TooSoon,
    InsufficientFunds,
    WalletUnusable,
    PaymentsFault,
}

use Meaning::{Duplicate, InsufficientFunds, PaymentsFault, TooSoon, WalletUnusable};
use Says::{Begins, Code, Contains};

/// The sentences that are known, by status. The first that fits counts; the most careful come first.
///
/// Not here, because what they mean for the payment is not documented, and so unknown and looked up:
/// `Customer not found.`, `TRANSACTION_FAILED` and every other.
///
/// A duplicate is one whatever it is said to be of: where the reference is not named, ours may still be meant.
const SENTENCES: [(&[u16], Says, Meaning); 14] = [
    (REFUSED, Contains(&["duplicate"]), Duplicate),
    (REFUSED, Contains(&["already", "exist"]), Duplicate),
    (REFUSED, Contains(&["already", "process"]), Duplicate),
    (REFUSED, Contains(&["reference", "already"]), Duplicate),
    (REFUSED, Contains(&["reference", "exists"]), Duplicate),
    (REFUSED, Contains(&["reference", "unique"]), Duplicate),
    (BAD, Contains(&["transaction denied"]), TooSoon),
    (BAD, Begins("insufficient funds"), InsufficientFunds),
    (BAD, Begins("insufficient balance"), InsufficientFunds),
    (BAD, Code("INSUFFICIENT_BALANCE"), InsufficientFunds),
    (&[404], Begins("wallet not found"), WalletUnusable),
    (BAD, Begins("validation failed"), PaymentsFault),
    (BAD, Begins("invalid phone number"), PaymentsFault),
    (BAD, Code("INVALID_PHONE_NUMBER"), PaymentsFault),
];

/// The statuses of a request that is not as it should be.
const BAD: &[u16] = &[400, 422];

/// Every status that a sentence refines.
const REFUSED: &[u16] = &[400, 404, 422];

impl Says {
    fn fits(&self, error: &ApiError) -> bool {
        let message = error.message.trim().to_lowercase();
        match self {
            Self::Begins(words) => message.starts_with(words),
            Self::Contains(words) => {
                let code = error.code.as_deref().unwrap_or_default().to_lowercase();
                words.iter().all(|word| message.contains(word) || code.contains(word))
            }
            Self::Code(word) => error.code.as_deref() == Some(word),
        }
    }
}

/// What an answer means for the payment that was expected in it.
pub(crate) fn reply(reply: &Reply, expected: &Expected, words: &Words<'_>) -> Answer {
    let status = reply.status;
    let error = ApiError::read(status, &reply.body);
    match (status, &error) {
        (200..=299, _) => accepted(reply, expected, words),
        (409, _) => Answer::Unknown(Clue::Duplicate, reason(reply, error.as_ref(), words)),
        (429, Some(_)) => Answer::NotSent(NotSent::Busy(wait(error.as_ref(), reply.retry_after))),
        (400 | 404 | 422, Some(error)) => refused(status, error, words),
        (401, Some(error)) => Answer::NotSent(NotSent::KeyRefused(words.fit(&error.message))),
        (403, Some(error)) => Answer::NotSent(forbidden(error, words)),
        _ => Answer::Unknown(Clue::Silence, reason(reply, error.as_ref(), words)),
    }
}

/// What no answer means.
pub(crate) fn failure(failure: Failure, words: &Words<'_>) -> Answer {
    match failure {
        Failure::NoConnection(why) => Answer::NotSent(NotSent::NoConnection(words.fit(&why))),
        Failure::Timeout => Answer::Unknown(Clue::Silence, "no answer in time".to_owned()),
        Failure::Broken(why) => {
            Answer::Unknown(Clue::Silence, format!("the answer broke off: {}", words.fit(&why)))
        }
    }
}

/// A word for an answer that is not success: the API's sentence, or the status if it is not the API's.
pub(crate) fn reason(reply: &Reply, error: Option<&ApiError>, words: &Words<'_>) -> String {
    match error {
        Some(error) => format!("HTTP {}: {}", reply.status, words.fit(&error.message)),
        None => format!("HTTP {} without a readable answer of the API", reply.status),
    }
}

fn refused(status: u16, error: &ApiError, words: &Words<'_>) -> Answer {
    let message = words.fit(&error.message);
    let known = SENTENCES
        .iter()
        .find(|(statuses, says, _)| statuses.contains(&status) && says.fits(error))
        .map(|(_, _, meaning)| *meaning);
    match known {
        Some(Duplicate) => Answer::Unknown(Clue::Duplicate, message),
        Some(TooSoon) => Answer::TooSoonForPayee(message),
        Some(InsufficientFunds) => Answer::NotSent(NotSent::InsufficientFunds(message)),
        Some(WalletUnusable) => Answer::NotSent(NotSent::WalletUnusable(message)),
        Some(PaymentsFault) => Answer::Refused(message),
        None => Answer::Unknown(Clue::Refused, message),
    }
}

fn forbidden(error: &ApiError, words: &Words<'_>) -> NotSent {
    match &error.banned_until {
        Some(until) => NotSent::PayeeBanned { until: words.fit(until) },
        None => NotSent::KeyRefused(words.fit(&error.message)),
    }
}

fn accepted(reply: &Reply, expected: &Expected, words: &Words<'_>) -> Answer {
    let silence =
        |why: &str| Answer::Unknown(Clue::Silence, format!("HTTP {}, but {why}", reply.status));
    let Some(echo) = payload(&reply.body).and_then(object::<Withdrawal<'_>>) else {
        return silence("the answer cannot be read");
    };
    let named = echo.reference_id.and_then(text);
    if !named.is_some_and(|named| named.eq_ignore_ascii_case(&expected.reference)) {
        return silence("the answer does not name our reference");
    }
    match expected.compare(&echo) {
        Echo::Differs(what) => Answer::Unknown(
            Clue::Duplicate,
            format!("HTTP {}, but {}", reply.status, words.fit(&what)),
        ),
        Echo::Unreadable(what) => silence(&format!("its {what} cannot be read")),
        Echo::Equal => match status(&echo) {
            Ok(settlement) => Answer::Settled(
                settlement.unwrap_or(Settlement::InFlight),
                why_not_paid(&echo, words),
            ),
            Err(NotAWord) => silence("its status cannot be read"),
        },
    }
}

/// The status is there and is not a word.
pub(crate) struct NotAWord;

/// The settlement that an answer names, if it names one.
pub(crate) fn status(echo: &Withdrawal<'_>) -> Result<Option<Settlement>, NotAWord> {
    match echo.status {
        None => Ok(None),
        Some(raw) if raw.get().starts_with('"') => {
            text(raw).map(|word| Some(settlement(&word))).ok_or(NotAWord)
        }
        Some(_) => Err(NotAWord),
    }
}

/// The provider's words for what went wrong, where it has any.
pub(crate) fn why_not_paid(echo: &Withdrawal<'_>, words: &Words<'_>) -> Option<String> {
    echo.error_message
        .and_then(text)
        .or_else(|| echo.transaction_error.and_then(text))
        .map(|why| words.fit(&why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{REFERENCE, payment_and_body};
    use std::time::Duration;

    fn classify(status: u16, body: &str) -> Answer {
        let (payment, sent) = payment_and_body("1500.5", "GHS");
        let key = "secret-key-1234".parse().unwrap();
        let words = Words { key: &key, payee: Some(&payment.payment.payee) };
        let body = body.replace("$R", REFERENCE);
        let answer = Reply { status, retry_after: None, body: body.into_bytes() };
        reply(&answer, &Expected::of_body(&payment, &sent).unwrap(), &words)
    }

    /// The answer in one word, as the table below spells it.
    fn word(answer: &Answer) -> &'static str {
        match answer {
            Answer::NotSent(NotSent::NoConnection(_)) => "no-connection",
            Answer::NotSent(NotSent::Busy(_)) => "busy",
            Answer::NotSent(NotSent::KeyRefused(_)) => "key-refused",
            Answer::NotSent(NotSent::PayeeBanned { .. }) => "payee-banned",
            Answer::NotSent(NotSent::InsufficientFunds(_)) => "no-funds",
            Answer::NotSent(NotSent::WalletUnusable(_)) => "no-wallet",
            Answer::Settled(Settlement::InFlight, _) => "in-flight",
            Answer::Settled(Settlement::Paid, _) => "paid",
            Answer::Settled(Settlement::Failed { correctable: false }, _) => "failed",
            Answer::Settled(Settlement::Failed { correctable: true }, _) => "correctable",
            Answer::Settled(Settlement::Reversed, _) => "reversed",
            Answer::Settled(Settlement::NeedsPerson, _) => "person",
            Answer::Refused(_) => "refused",
            Answer::Unknown(Clue::Silence, _) => "silence",
            Answer::Unknown(Clue::Refused, _) => "unknown-refused",
            Answer::Unknown(Clue::Duplicate, _) => "duplicate",
            Answer::TooSoonForPayee(_) => "too-soon",
        }
    }

    #[test]
    fn a_success_counts_only_with_our_reference_and_an_equal_echo() {
        for (status, body, expected) in [
            (
                201,
                r#"{"success":true,"message":"ok","data":{"id":"1","message":"m","referenceId":"$R","referenceNumber":7}}"#,
                "in-flight",
            ),
            (200, r#"{"id":"1","referenceId":"$R"}"#, "in-flight"),
            (202, r#"{"data":{"referenceId":"$R","status":"PENDING"}}"#, "in-flight"),
            (
                200,
                r#"{"data":{"referenceId":"$R","status":"successful","amount":1500.50,"walletId":"w-1"}}"#,
                "paid",
            ),
            (
                200,
                r#"{"data":{"referenceId":"$R","status":"FAILED","errorMessage":"no"}}"#,
                "failed",
            ),
            (200, r#"{"data":{"referenceId":"$R","status":"EXPIRED"}}"#, "correctable"),
            (200, r#"{"data":{"referenceId":"$R","status":"REVERSED"}}"#, "reversed"),
            (200, r#"{"data":{"referenceId":"$R","status":"DUPLICATE_PENDING"}}"#, "person"),
            (200, r#"{"data":{"referenceId":"$R","status":"SOMETHING_NEW"}}"#, "in-flight"),
            (200, r#"{"data":{"referenceId":"$R","status":null}}"#, "in-flight"),
            (200, r#"{"data":{"referenceId":"$R","status":3}}"#, "silence"),
            (200, r#"{"data":{"referenceId":"$R","status":""}}"#, "silence"),
            (200, r#"{"data":{"referenceId":"$R","amount":1500}}"#, "duplicate"),
            (200, r#"{"data":{"referenceId":"$R","walletId":"w-2"}}"#, "duplicate"),
            (200, r#"{"data":{"referenceId":"$R","amount":"much"}}"#, "silence"),
            (200, r#"{"data":{"referenceId":"other"}}"#, "silence"),
            (200, r#"{"data":{"referenceId":7}}"#, "silence"),
            (200, r#"{"data":{"id":"1"}}"#, "silence"),
            (200, r#"{"success":true,"message":"ok"}"#, "silence"),
            (200, r#"{"success":false,"message":"no","data":{"referenceId":"$R"}}"#, "silence"),
            (200, r#"[{"referenceId":"$R"}]"#, "silence"),
            (200, r#"["$R"]"#, "silence"),
            (200, r#"{"data":{"referenceId":"$R""#, "silence"),
            (200, r#"{"data":{"referenceId":"$R","referenceId":"$R"}}"#, "silence"),
            (200, "<html>ok</html>", "silence"),
            (204, "", "silence"),
        ] {
            assert_eq!(word(&classify(status, body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn every_refusal_means_what_the_table_says() {
        let e1 = |status: u16, message: &str| {
            format!(
                r#"{{"success":false,"message":"{message}","error_code":{status},"data":{{}}}}"#
            )
        };
        let e2 = |status: u16, message: &str| {
            format!(r#"{{"statusCode":{status},"message":"{message}","error":"x"}}"#)
        };
        let e3 = |code: &str, message: &str| {
            format!(
                r#"{{"status":"error","message":"{message}","error_code":"{code}","timestamp":"t"}}"#
            )
        };
        let e4 =
            |message: &str| format!(r#"{{"success":false,"message":"{message}","data":{{}}}}"#);
        for (status, body, expected) in [
            // The payment's fault, known as such.
            (400, e1(400, "Validation failed: amount must be positive"), "refused"),
            (422, e2(422, "Validation failed: amount"), "refused"),
            (400, e3("INVALID_PHONE_NUMBER", "The number is off"), "refused"),
            (400, e4("Invalid phone number"), "refused"),
            // The same words elsewhere prove nothing.
            (404, e4("Validation failed: amount"), "unknown-refused"),
            (500, e1(500, "Validation failed: amount"), "silence"),
            (400, e4("Internal: validation failed after debit"), "unknown-refused"),
            // Not in the table.
            (400, e4("Something else"), "unknown-refused"),
            (404, e2(404, "Cannot POST /api/v3/withdraw/mobile-money"), "unknown-refused"),
            (422, e4("Something else"), "unknown-refused"),
            (404, e4("Customer not found."), "unknown-refused"),
            (400, e4("Customer not found."), "unknown-refused"),
            (400, e3("TRANSACTION_FAILED", "Failed"), "unknown-refused"),
            // Wallet.
            (404, e2(404, "Wallet Not Found"), "no-wallet"),
            (400, e4("Wallet Not Found"), "unknown-refused"),
            (400, e1(400, "Insufficient funds in fiat wallet"), "no-funds"),
            (400, r#"{"statusCode":400,"message":"Insufficient balance","details":{"currency":"GHS"}}"#.into(), "no-funds"),
            (400, e3("INSUFFICIENT_BALANCE", "Low"), "no-funds"),
            (404, e4("Insufficient funds in fiat wallet"), "unknown-refused"),
            (400, e4("Failed at the network: insufficient funds"), "unknown-refused"),
            (500, e4("Insufficient funds in fiat wallet"), "silence"),
            // Known already.
            (400, e4("Duplicate referenceId"), "duplicate"),
            (422, e4("Validation failed: duplicate referenceId"), "duplicate"),
            (400, e4("Validation failed: referenceId must be unique"), "duplicate"),
            (400, e4("A withdrawal with this reference already exists"), "duplicate"),
            (400, e4("Validation failed: referenceId must be a string"), "refused"),
            // Of what is not said; ours may be it.
            (400, e4("Duplicate transaction"), "duplicate"),
            (400, e4("Validation failed: this is a duplicate request"), "duplicate"),
            (422, e4("Withdrawal already exists"), "duplicate"),
            (400, e4("Validation failed: this request was already processed"), "duplicate"),
            (400, e3("DUPLICATE_TRANSACTION", "Not accepted"), "duplicate"),
            (409, e4("Anything"), "duplicate"),
            (409, "<html>".into(), "duplicate"),
            (400, e4("Transaction Denied"), "too-soon"),
            (403, e4("Transaction Denied"), "key-refused"),
            // The key, the payee.
            (401, e1(401, "Invalid API Key"), "key-refused"),
            (401, e3("INVALID_API_KEY", "No"), "key-refused"),
            (403, e2(403, "Forbidden"), "key-refused"),
            (403, r#"{"success":false,"message":"Suspended","error_code":403,"data":{"bannedUntil":"2026-12-01T00:00:00Z"}}"#.into(), "payee-banned"),
            // The limiter.
            (429, e1(429, "Too many"), "busy"),
            (429, e2(429, "Too many requests."), "busy"),
            (429, e3("RATE_LIMITED", "Rate limit exceeded"), "busy"),
            // Not the API.
            (400, "<html>".into(), "silence"),
            (401, "<html>".into(), "silence"),
            (401, String::new(), "silence"),
            (401, r#"{"message":"Unauthorized"}"#.into(), "silence"),
            (403, "<html>blocked</html>".into(), "silence"),
            (403, e2(502, "Bad gateway"), "silence"),
            (404, "404 page not found".into(), "silence"),
            (422, "[]".into(), "silence"),
            (429, "<html>slow down</html>".into(), "silence"),
            (429, String::new(), "silence"),
            // Everything else.
            (408, e4("Timeout"), "silence"),
            (402, e4("Pay"), "silence"),
            (410, e4("Gone"), "silence"),
            (413, e4("Too large"), "silence"),
            (418, e4("Teapot"), "silence"),
            (499, e4("Closed"), "silence"),
            (500, e1(500, "Oops"), "silence"),
            (502, "<html>".into(), "silence"),
            (503, e4("Insufficient funds"), "silence"),
            (504, String::new(), "silence"),
            (599, e4("x"), "silence"),
            (300, String::new(), "silence"),
            (302, e4("x"), "silence"),
            (304, String::new(), "silence"),
            (101, String::new(), "silence"),
            (999, e4("x"), "silence"),
        ] {
            assert_eq!(word(&classify(status, &body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn every_status_without_the_api_s_own_body_leaves_the_payment_unknown() {
        for status in 100..1000 {
            for body in ["", "<html>", "{}", r#"{"message":"x"}"#, "null"] {
                let answer = classify(status, body);
                assert!(matches!(answer, Answer::Unknown(..)), "{status} {body}: {answer:?}");
            }
        }
    }

    #[test]
    fn no_answer_is_unknown_unless_no_connection_stood() {
        let key = "secret-key-1234".parse().unwrap();
        let words = Words { key: &key, payee: None };
        let why = || "why".to_owned();
        assert_eq!(word(&failure(Failure::NoConnection(why()), &words)), "no-connection");
        assert_eq!(word(&failure(Failure::Timeout, &words)), "silence");
        assert_eq!(word(&failure(Failure::Broken(why()), &words)), "silence");
    }

    #[test]
    fn reasons_are_the_provider_s_words_without_personal_data() {
        let denied = |body: &str| classify(400, body);
        assert_eq!(
            denied(
                r#"{"success":false,"message":"Validation failed: Jane Doe +254712345678 jane@example.com secret-key-1234"}"#
            ),
            Answer::Refused("Validation failed: J••• D••• +2547••••••78 ••• •••".to_owned())
        );
        assert_eq!(
            classify(
                200,
                r#"{"data":{"referenceId":"$R","status":"FAILED","errorMessage":"0712345678 is closed"}}"#
            ),
            Answer::Settled(
                Settlement::Failed { correctable: false },
                Some("+2547••••••78 is closed".to_owned())
            )
        );
        assert_eq!(
            classify(
                403,
                r#"{"success":false,"message":"no","data":{"bannedUntil":"2026-12-01"}}"#
            ),
            Answer::NotSent(NotSent::PayeeBanned { until: "2026-12-01".to_owned() })
        );
        assert_eq!(
            classify(429, r#"{"statusCode":429,"message":"x","data":{"retryAfter":7}}"#),
            Answer::NotSent(NotSent::Busy(Some(Duration::from_secs(7))))
        );
    }
}
