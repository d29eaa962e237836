//! Withdrawals: what is refused, what moves money, what comes of it.

use crate::support::{Server, body, settings, slow};
use payrun_sandbox::Settings;
use std::time::{Duration, Instant};

#[test]
fn an_accepted_withdrawal_is_answered_as_the_api_does() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let json = server.withdraw(&body(&key, "kes", "r-1", "1500")).expect(201).json();
    assert_eq!(json["success"], true);
    let data = json["data"].as_object().unwrap();
    let mut names: Vec<&str> = data.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["id", "message", "referenceId", "referenceNumber"], "no status, no amount");
    assert_eq!(data["referenceId"], "r-1");
    assert!(data["referenceNumber"].is_u64());
    assert_eq!(server.balance("kes"), "8500", "debited at once");
}

#[test]
fn a_status_names_everything_that_the_api_names() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let body = format!(
        r#"{{"customer_key":"{key}","amount":1500,"walletId":"kes","referenceId":"r-1","currency":"KES","network":"AIRTEL","callbackUrl":"https://example.com/c"}}"#
    );
    let created = server.withdraw(&body).expect(201).json();
    let data = server.status("r-1").expect(200).json()["data"].clone();
    for (name, value) in [
        ("walletId", "kes"),
        ("status", "PENDING"),
        ("customerKey", &key),
        ("referenceId", "r-1"),
        ("currency", "KES"),
        ("network", "AIRTEL"),
        ("callbackUrl", "https://example.com/c"),
        ("integratorCommissionType", "NONE"),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    assert_eq!(data["id"], created["data"]["id"]);
    assert_eq!(data["referenceNumber"], created["data"]["referenceNumber"]);
    assert_eq!((&data["amount"], &data["transactionAmount"]), (&1500.into(), &1500.into()));
    for name in ["transactionCost", "integratorFee", "integratorFeeAmount"] {
        assert_eq!(data[name], 0, "{name}");
    }
    assert!(data["created_at"].as_str().unwrap().ends_with('Z'));
    assert!(data.as_object().unwrap().contains_key("errorMessage"));
    server.status("r-2").expect_error(404, "Reference Id not found");
}

#[test]
fn amounts_are_exact_in_and_out() {
    let server = Server::start(slow());
    let key = server.customer("+233241234567");
    for (reference, sent, exact) in [
        ("a", "1500.10", "1500.1"),
        ("b", "0.07", "0.07"),
        ("c", "1.5005e3", "1500.5"),
        ("d", "3", "3"),
    ] {
        server.withdraw(&body(&key, "ghs", reference, sent)).expect(201);
        let answer = server.status(reference).expect(200);
        assert!(answer.body.contains(&format!(r#""amount":{exact},"#)), "{}", answer.body);
        let ledger = server.ledger();
        let executions = ledger["executions"].as_array().unwrap();
        let entry = executions.iter().find(|entry| entry["reference"] == reference).unwrap();
        assert_eq!(entry["amount"], exact);
    }
    assert_eq!(server.balance("ghs"), "1996.33");
    let wallet = server.get("/api/v3/wallet/fiat/ghs").expect(200);
    assert!(wallet.body.contains(r#""balance":1996.33,"#), "{}", wallet.body);
}

#[test]
fn what_is_not_valid_moves_nothing() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    for amount in
        ["0", "-5", "\"15\"", "null", "true", "1e300", "10.5", "0.1", "1500.1000000000001"]
    {
        let answer = server.withdraw(&body(&key, "kes", "r", amount)).expect(400);
        assert!(answer.message().starts_with("Validation failed: "), "{amount}: {}", answer.body);
        assert!(!answer.json()["data"]["errors"].as_array().unwrap().is_empty(), "{amount}");
    }
    for amount in ["10.001", "1500.1000000000001"] {
        let answer = server.withdraw(&body(&key, "ghs", "r", amount)).expect(400);
        assert!(answer.message().starts_with("Validation failed: "), "{amount}");
    }
    let list = format!(r#"["{key}",1,"kes","r","KES","MPESA",null]"#);
    for text in ["", "{", "[]", &list, "{}", r#"{"amount":1}"#, &body(&key, "kes", "", "1")] {
        let answer = server.withdraw(text).expect(400);
        assert!(answer.message().starts_with("Validation failed: "), "{text}: {}", answer.body);
    }
    assert_eq!(server.ledger()["executions"].as_array().unwrap().len(), 0);
}

#[test]
fn each_refusal_has_the_words_of_the_api() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "nope", "r", "1")).expect_error(404, "Wallet Not Found");
    server.withdraw(&body(&key, "off", "r", "1")).expect_error(404, "Wallet Not Found");
    server.withdraw(&body("nope", "kes", "r", "1")).expect_error(404, "Customer not found.");
    let funds = "Insufficient funds in fiat wallet";
    server.withdraw(&body(&key, "kes", "r", "10001")).expect_error(400, funds);
    let other = body(&key, "kes", "r", "1").replace('}', r#","currency":"GHS"}"#);
    server.withdraw(&other).expect_error(400, "Currency does not match the wallet");
    assert_eq!(server.ledger()["executions"].as_array().unwrap().len(), 0);
    server.withdraw(&body(&key, "kes", "r", "10000")).expect(201);
    server.withdraw(&body(&key, "kes", "r-2", "1")).expect_error(400, funds);
    assert_eq!(server.balance("kes"), "0");
}

#[test]
fn a_reference_moves_money_once() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    for again in ["100", "200"] {
        let answer = server.withdraw(&body(&key, "kes", "r", again));
        answer.expect_error(400, "Duplicate referenceId");
    }
    assert_eq!(server.count("r"), 1);
    assert_eq!(server.balance("kes"), "9900");
}

#[test]
fn a_reference_of_another_key_is_another_reference() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    let path = "/api/v3/withdraw/status/r";
    server.call("GET", path, Some("key-2"), "").expect_error(404, "Reference Id not found");
    let known = r#"{"phone_number":"+254712345678","country_code":"KE"}"#;
    let made = server.call("POST", "/api/v3/customer/mobile-money", Some("key-2"), known);
    let other = made.expect(201).json()["data"]["customer_key"].as_str().unwrap().to_owned();
    let text = body(&other, "kes", "r", "50");
    server.call("POST", "/api/v3/withdraw/mobile-money", Some("key-2"), &text).expect(201);
    let ledger = server.ledger();
    let executions = ledger["executions"].as_array().unwrap();
    assert_eq!(executions.len(), 2, "both are in the ledger");
    assert_ne!(executions[0]["integrator"], executions[1]["integrator"]);
    assert_eq!(server.balance("kes"), "9850", "wallets are shared");
    for (key, customer, reference) in
        [("key-1", &key, "q"), ("key-2", &other, "p"), ("key-1", &key, "s"), ("key-2", &other, "t")]
    {
        let text = body(customer, "kes", reference, "1");
        server.call("POST", "/api/v3/withdraw/mobile-money", Some(key), &text).expect(201);
    }
    let ledger = server.ledger();
    let references = ledger["executions"].as_array().unwrap().iter();
    let references: Vec<_> = references.map(|entry| entry["reference"].as_str().unwrap()).collect();
    assert_eq!(references, ["p", "q", "r", "r", "s", "t"], "in order over all keys");
}

#[test]
fn the_judge_can_see_money_moving_twice() {
    let server = Server::start(Settings { allow_duplicate_references: true, ..slow() });
    let key = server.customer("+254712345678");
    for _ in 0..3 {
        server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    }
    assert_eq!(server.count("r"), 3);
    assert_eq!(server.balance("kes"), "9700");
}

#[test]
fn a_reference_is_made_up_where_none_is_sent() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let text = format!(r#"{{"customer_key":"{key}","amount":1,"walletId":"kes"}}"#);
    let mut made_up = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let json = server.withdraw(&text).expect(201).json();
        let reference = json["data"]["referenceId"].as_str().unwrap().to_owned();
        assert!(reference.len() == 8 && reference.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        server.status(&reference).expect(200);
        made_up.insert(reference);
    }
    assert_eq!(made_up.len(), 50);
}

#[test]
fn reserved_numbers_end_as_they_are_meant_to() {
    let server = Server::start(settings());
    for (phone, status, why) in [
        ("+254700000001", "SUCCESSFUL", None),
        ("+256700000002", "SUCCESSFUL", None),
        ("+254700000010", "FAILED", Some("Insufficient funds")),
        ("+254700000011", "FAILED", Some("Account not found")),
        ("+254700000012", "FAILED", Some("Limit exceeded")),
        ("+233700000013", "FAILED", Some("Cancelled by customer")),
        ("+254700000021", "SUCCESSFUL", None),
        ("+254712345678", "SUCCESSFUL", None),
    ] {
        let key = server.customer(phone);
        server.withdraw(&body(&key, "kes", phone, "10")).expect(201);
        let data = server.until(phone, status).json()["data"].clone();
        assert_eq!(data["errorMessage"].as_str(), why, "{phone}");
    }
    assert_eq!(server.balance("kes"), "9960", "four were paid, four came back");
}

#[test]
fn a_payment_that_never_settles_stays_pending() {
    let server = Server::start(Settings { settle: Duration::ZERO, ..settings() });
    for (phone, status) in [("+254700000020", "PENDING"), ("+254712345678", "SUCCESSFUL")] {
        let key = server.customer(phone);
        server.withdraw(&body(&key, "kes", phone, "10")).expect(201);
        let data = server.status(phone).expect(200).json()["data"].clone();
        assert_eq!(data["status"], status, "{phone}");
    }
    assert_eq!(server.balance("kes"), "9980");
}

#[test]
fn a_failed_payment_is_debited_first_and_credited_back_when_it_fails() {
    let server = Server::start(Settings { time_scale: 14_400, ..slow() });
    let key = server.customer("+254700000010");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    // A day at 14,400 times the speed is six seconds: long enough to see it before, short enough to wait for.
    assert_eq!(server.balance("kes"), "9900");
    server.until("r", "FAILED");
    assert_eq!(server.balance("kes"), "10000");
    assert_eq!(server.count("r"), 1, "money moved, and came back");
}

#[test]
fn the_clock_runs_as_fast_as_it_is_told() {
    let settle = Duration::from_secs(3_600);
    let server = Server::start(Settings { settle, time_scale: 36_000, ..settings() });
    let key = server.customer("+254712345678");
    let began = Instant::now();
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    server.until("r", "SUCCESSFUL");
    assert!(began.elapsed() < settle);
}
