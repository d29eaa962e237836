//! What needs no payment: health, keys, the account, wallets, the way errors look.

use crate::support::{Server, settings, slow};
use payrun_sandbox::Settings;

#[test]
fn health_is_flat_and_needs_no_key() {
    let server = Server::start(settings());
    let json = server.call("GET", "/health", None, "").expect(200).json();
    assert_eq!(json["status"], "ok");
    assert!(json["success"].is_null());
    assert!(json["info"].is_object() && json["error"].is_object() && json["details"].is_object());
}

#[test]
fn every_route_of_the_api_wants_a_key() {
    let server = Server::start(Settings { key: Some("right".to_owned()), ..settings() });
    for (method, path) in [
        ("GET", "/api/v3/integrator"),
        ("GET", "/api/v3/wallet/fiat"),
        ("GET", "/api/v3/wallet/fiat/kes"),
        ("POST", "/api/v3/customer/mobile-money"),
        ("GET", "/api/v3/customer/mobile-money/x"),
        ("GET", "/api/v3/customer/mobile-money/phone/%2B254712345678"),
        ("POST", "/api/v3/withdraw/mobile-money"),
        ("GET", "/api/v3/withdraw/status/x"),
    ] {
        for key in [None, Some("wrong"), Some("")] {
            server.call(method, path, key, "{}").expect_error(401, "Invalid API Key");
        }
        assert_ne!(server.call(method, path, Some("right"), "{}").status, 401, "{path}");
    }
}

#[test]
fn the_integrator_follows_from_the_key_and_does_not_show_it() {
    let server = Server::start(settings());
    let id = |key| {
        let answer = server.call("GET", "/api/v3/integrator", Some(key), "").expect(200);
        assert!(!answer.body.contains(key), "{}", answer.body);
        answer.json()["data"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(id("secret-one"), id("secret-one"));
    assert_ne!(id("secret-one"), id("secret-two"));
    let other = Server::start(settings());
    let answer = other.call("GET", "/api/v3/integrator", Some("secret-one"), "").expect(200);
    assert_eq!(answer.json()["data"]["id"], id("secret-one"), "the same in every sandbox");
}

#[test]
fn wallets_are_listed_and_found_by_id() {
    let server = Server::start(settings());
    let json = server.get("/api/v3/wallet/fiat").expect(200).json();
    assert_eq!(json["success"], true);
    let wallets = json["data"].as_array().unwrap();
    assert_eq!(wallets.len(), 3);
    assert_eq!(wallets[0]["id"], "kes");
    assert_eq!(wallets[0]["type"], "fiat");
    assert_eq!(wallets[0]["currency"], "KES");
    assert_eq!(wallets[0]["balance"], 10_000);
    assert_eq!(wallets[0]["status"], "active");
    assert_eq!(wallets[2]["status"], "inactive");
    let one = server.get("/api/v3/wallet/fiat/ghs").expect(200).json();
    assert_eq!(one["data"]["name"], "GHS payouts");
    server.get("/api/v3/wallet/fiat/nope").expect_error(404, "Wallet Not Found");
}

#[test]
fn there_is_a_wallet_for_every_currency_unless_told_otherwise() {
    let server = Server::start(Settings::default());
    let json = server.get("/api/v3/wallet/fiat").expect(200).json();
    let wallets = json["data"].as_array().unwrap();
    assert_eq!(wallets.len(), 19);
    for wallet in wallets {
        let id = wallet["id"].as_str().unwrap();
        assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert!(wallet["balance"].as_u64().unwrap() >= 100_000_000);
    }
    assert_eq!(Settings::default().wallets, Settings::default().wallets, "the same ids every time");
}

#[test]
fn what_is_not_there_is_answered_as_the_framework_does() {
    let server = Server::start(settings());
    for (method, path) in [
        ("GET", "/api/v3/nope"),
        ("DELETE", "/api/v3/wallet/fiat"),
        ("GET", "/api/v3/withdraw/mobile-money"),
    ] {
        let json = server.call(method, path, Some("key-1"), "").expect(404).json();
        assert_eq!(json["message"], format!("Cannot {method} {path}"));
        assert_eq!(json["statusCode"], 404);
        assert_eq!(json["error"], "Not Found");
    }
}

#[test]
fn the_ledger_has_one_shape_over_http_and_in_the_process() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    for (reference, amount) in [("r-2", "20"), ("r-1", "10")] {
        server.withdraw(&crate::support::body(&key, "kes", reference, amount)).expect(201);
    }
    let answer = server.call("GET", "/_sandbox/ledger", None, "").expect(200);
    assert_eq!(answer.body, server.sandbox().ledger_json());
    let json = answer.json();
    let executions = json["executions"].as_array().unwrap();
    assert_eq!(executions[0]["reference"], "r-1", "in the order of references");
    assert_eq!(executions[1]["reference"], "r-2");
    assert_eq!(executions[0]["wallet_id"], "kes");
    assert_eq!(executions[0]["phone"], "+254712345678");
    assert_eq!(executions[0]["amount"], "10");
    assert_eq!(executions[0]["currency"], "KES");
    assert_eq!(executions[0]["status"], "PENDING");
    assert_eq!(executions[0]["count"], 1);
    assert_eq!(json["wallets"][0]["id"], "kes");
    assert_eq!(json["wallets"][0]["opening"], "10000");
    assert_eq!(json["wallets"][0]["balance"], "9970");
    assert_eq!(json["rate_limit_violations"], 0);
    assert_eq!(server.sandbox().url(), format!("http://{}", server.sandbox().address()));
}
