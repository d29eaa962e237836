//! The provider's limits, when they are on.

use crate::support::{Server, body, slow};
use payrun_sandbox::{Limits, Settings};

#[test]
fn the_twenty_first_in_a_burst_is_refused_and_counted() {
    let server = Server::start(Settings { limits: Limits::Kotani, ..slow() });
    for _ in 0..20 {
        // Refused or not, it counts: the limiter stands before everything else.
        server.withdraw(&body("nope", "kes", "r", "1")).expect(404);
    }
    let json = server.withdraw(&body("nope", "kes", "r", "1")).expect(429).json();
    assert_eq!(json["statusCode"], 429);
    assert_eq!(json["error"], "Too Many Requests");
    let wait = json["data"]["retryAfter"].as_u64().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    let message = json["message"].as_str().unwrap();
    assert!(message.starts_with(
        "Too many requests. You have exceeded the limit of 20 requests per 5 seconds."
    ));
    assert_eq!(server.ledger()["rate_limit_violations"], 1);
    server.status("r").expect(404);
    let other = server.call("POST", "/api/v3/withdraw/mobile-money", Some("key-2"), "{}");
    assert_eq!(other.status, 400, "another key has a limit of its own");
}

#[test]
fn questions_have_a_limit_of_their_own() {
    let server = Server::start(Settings { limits: Limits::Kotani, ..slow() });
    let statuses: Vec<_> = (0..22).map(|_| server.status("r").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 20);
    let wait = server.status("r").expect(429).json()["data"]["retryAfter"].as_u64().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    assert_eq!(server.ledger()["rate_limit_violations"], 3);
}

#[test]
fn without_limits_nothing_is_refused() {
    let server = Server::start(slow());
    for _ in 0..200 {
        server.status("r").expect(404);
    }
    assert_eq!(server.ledger()["rate_limit_violations"], 0);
}

#[test]
fn one_phone_is_paid_once_a_minute() {
    let server = Server::start(Settings { limits: Limits::Kotani, ..slow() });
    let key = server.customer("+254712345678");
    // A minute may end between two of the three, but not twice.
    let answers: Vec<_> =
        ["a", "b", "c"].map(|reference| server.withdraw(&body(&key, "kes", reference, "1"))).into();
    let (accepted, denied): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 201);
    assert!(!accepted.is_empty() && !denied.is_empty());
    assert_eq!(server.ledger()["executions"].as_array().unwrap().len(), accepted.len());
    denied.into_iter().for_each(|answer| answer.expect_error(400, "Transaction Denied"));
    let other = server.customer("+254712345679");
    server.withdraw(&body(&other, "kes", "d", "1")).expect(201);
}
