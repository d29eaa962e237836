//! Each fault is seen from outside, and the ledger tells what really happened.

use crate::support::{Server, body, settings, slow, until};
use payrun_sandbox::{Faults, Settings};
use std::time::{Duration, Instant};

/// Happens every time.
const ALWAYS: u64 = 1_000;

fn with(faults: Faults) -> Server {
    Server::start(Settings { faults, ..slow() })
}

#[test]
fn an_answer_that_is_dropped_has_no_byte_and_money_moved() {
    let server = with(Faults { accept_then_drop: ALWAYS, ..Faults::none() });
    let key = server.customer("+254712345678");
    assert_eq!(server.raw_withdrawal(&body(&key, "kes", "r", "100")), b"");
    assert_eq!(server.count("r"), 1);
    server.status("r").expect(200);
    let again = server.withdraw(&body(&key, "kes", "r", "100"));
    again.expect_error(400, "Duplicate referenceId");
    assert_eq!(server.balance("kes"), "9900");
}

#[test]
fn a_request_that_is_dropped_has_no_answer_and_no_money_moved() {
    let server = with(Faults { drop_before_accept: ALWAYS, ..Faults::none() });
    let key = server.customer("+254712345678");
    assert_eq!(server.raw_withdrawal(&body(&key, "kes", "r", "100")), b"");
    assert_eq!(server.count("r"), 0);
    server.status("r").expect_error(404, "Reference Id not found");
    assert_eq!(server.balance("kes"), "10000");
}

#[test]
fn an_error_of_the_server_may_come_after_money_moved() {
    let server = with(Faults { accept_then_500: ALWAYS, ..Faults::none() });
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(500);
    assert_eq!(server.count("r"), 1);
}

#[test]
fn a_busy_provider_says_when_to_come_back_and_moves_nothing() {
    let server = with(Faults { rate_limited: ALWAYS, ..Faults::none() });
    let key = server.customer("+254712345678");
    let json = server.withdraw(&body(&key, "kes", "r", "100")).expect(429).json();
    assert_eq!(json["data"]["retryAfter"], 1);
    assert_eq!(server.count("r"), 0);
    assert_eq!(server.ledger()["rate_limit_violations"], 0, "not the caller's doing");
}

#[test]
fn a_slow_answer_comes_late_and_money_moved_before_it() {
    let server = with(Faults { slow_answer: ALWAYS, slow_answer_ms: 300, ..Faults::none() });
    let key = server.customer("+254712345678");
    let began = Instant::now();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| server.withdraw(&body(&key, "kes", "r", "100")).expect(201));
        until(|| (server.count("r") == 1).then_some(()));
        asked.join().unwrap();
    });
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_payment_may_be_not_found_for_a_while_although_it_was_accepted() {
    let lag = |ms| Faults { status_404_lag: ALWAYS, status_404_lag_ms: ms, ..Faults::none() };
    let server = with(lag(3_600_000));
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    server.status("r").expect_error(404, "Reference Id not found");
    assert_eq!(server.count("r"), 1);
    let again = server.withdraw(&body(&key, "kes", "r", "100"));
    again.expect_error(400, "Duplicate referenceId");
    let server = with(lag(30));
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    until(|| (server.status("r").status == 200).then_some(()));
}

#[test]
fn reads_may_fail_for_no_reason() {
    let server = with(Faults { read_500: ALWAYS, ..Faults::none() });
    for path in
        ["/api/v3/wallet/fiat", "/api/v3/withdraw/status/r", "/api/v3/customer/mobile-money/x"]
    {
        server.get(path).expect(500);
    }
    server.call("GET", "/health", None, "").expect(200);
    server.get("/api/v3/integrator").expect(200);
    server.call("GET", "/_sandbox/ledger", None, "").expect(200);
}

/// What comes back for 200 withdrawals, one after the other.
fn story(seed: u64) -> Vec<String> {
    let faults = Faults { slow_answer: 0, read_500: 0, ..Faults::preset("hostile").unwrap() };
    let server = Server::start(Settings { faults, seed, ..slow() });
    let key = server.customer("+254712345678");
    let answers = (0..200).map(|number| {
        let bytes = server.raw_withdrawal(&body(&key, "kes", &format!("r-{number}"), "1"));
        String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned()
    });
    answers.collect()
}

#[test]
fn a_seed_tells_the_same_story_again() {
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn with_a_hostile_provider_one_who_asks_again_still_pays_once() {
    let faults = Faults::read("hostile").unwrap();
    let server = Server::start(Settings { faults, seed: 3, ..settings() });
    let customer = r#"{"phone_number":"+254712345678","country_code":"KE"}"#;
    let key = until(|| {
        let answer = server.post("/api/v3/customer/mobile-money", customer);
        (answer.status == 201)
            .then(|| answer.json()["data"]["customer_key"].as_str().unwrap().to_owned())
    });
    let mut silent = 0;
    for number in 0..100 {
        let text = body(&key, "kes", &format!("r-{number:03}"), "10");
        until(|| {
            let answer = String::from_utf8(server.raw_withdrawal(&text)).unwrap();
            silent += usize::from(answer.is_empty());
            (answer.contains(" 201 ") || answer.contains("Duplicate")).then_some(())
        });
    }
    assert!(silent > 0, "a hostile provider drops connections");
    let ledger = server.ledger();
    let executions = ledger["executions"].as_array().unwrap();
    assert_eq!(executions.len(), 100);
    assert!(executions.iter().all(|entry| entry["count"] == 1));
    assert_eq!(server.balance("kes"), "9000");
}
