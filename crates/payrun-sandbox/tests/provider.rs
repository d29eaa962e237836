//! The sandbox over real TCP: routes, errors, money, faults, restarts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

use payrun_sandbox::{Faults, Limits, Sandbox, Settings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One request on a connection of its own; `None` if not a byte came back.
async fn call(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Option<(u16, Value)> {
    call_as(sandbox, "key-one", method, path, body).await
}

async fn call_as(
    sandbox: &Sandbox,
    key: &str,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let body = body.unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: local\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer))
        .await
        .unwrap();
    if answer.is_empty() {
        return None;
    }
    read.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some((status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))))
}

async fn customer(sandbox: &Sandbox, phone: &str) -> String {
    let wish = json!({"phone_number": phone, "country_code": "KE"}).to_string();
    let (status, answer) =
        call(sandbox, "POST", "/api/v3/customer/mobile-money", Some(&wish)).await.unwrap();
    assert_eq!(status, 201, "{answer}");
    answer["data"]["customer_key"].as_str().unwrap().to_owned()
}

async fn wallet(sandbox: &Sandbox, currency: &str) -> String {
    let (_, answer) = call(sandbox, "GET", "/api/v3/wallet/fiat", None).await.unwrap();
    let all = answer["data"].as_array().unwrap();
    let found = all.iter().find(|wallet| wallet["currency"] == currency).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn withdraw(
    sandbox: &Sandbox,
    phone: &str,
    currency: &str,
    amount: &str,
    reference: &str,
) -> Option<(u16, Value)> {
    let (key, wallet) = (customer(sandbox, phone).await, wallet(sandbox, currency).await);
    let body = format!(
        r#"{{"customer_key":"{key}","amount":{amount},"walletId":"{wallet}","referenceId":"{reference}"}}"#
    );
    call(sandbox, "POST", "/api/v3/withdraw/mobile-money", Some(&body)).await
}

async fn status(sandbox: &Sandbox, reference: &str) -> (u16, Value) {
    call(sandbox, "GET", &format!("/api/v3/withdraw/status/{reference}"), None).await.unwrap()
}

async fn settled(sandbox: &Sandbox, reference: &str) -> String {
    let began = Instant::now();
    loop {
        let (_, answer) = status(sandbox, reference).await;
        let word = answer["data"]["status"].as_str().unwrap_or_default().to_owned();
        if matches!(word.as_str(), "SUCCESSFUL" | "FAILED") {
            return word;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{answer}");
        tokio::task::yield_now().await;
    }
}

fn ledger(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.ledger_json()).unwrap()
}

async fn start(settings: Settings) -> Sandbox {
    Sandbox::start(settings).await.unwrap()
}

fn quick() -> Settings {
    Settings { settle: Duration::from_millis(30), ..Settings::default() }
}

#[tokio::test]
async fn a_payment_is_accepted_settled_and_on_the_ledger_once_with_its_exact_amount() {
    let sandbox = start(quick()).await;
    let (code, answer) = withdraw(&sandbox, "+233241234567", "GHS", "1500.10", "r1").await.unwrap();
    assert_eq!((code, answer["data"]["referenceId"].as_str()), (201, Some("r1")));
    assert!(answer["data"].get("status").is_none(), "the API names none here");
    assert_eq!(settled(&sandbox, "r1").await, "SUCCESSFUL");
    let (_, answer) = status(&sandbox, "r1").await;
    assert_eq!(answer["data"]["amount"].to_string(), "1500.1");
    let book = ledger(&sandbox);
    let execution = &book["executions"][0];
    assert_eq!(
        (execution["amount"].as_str(), execution["count"].as_u64()),
        (Some("1500.1"), Some(1))
    );
    let ghs = book["wallets"].as_array().unwrap().iter().find(|w| w["currency"] == "GHS").unwrap();
    assert_eq!(ghs["balance"], "999998499.9");
}

#[tokio::test]
async fn a_repeated_reference_is_refused_and_counted_once_unless_the_judge_is_on_trial() {
    let sandbox = start(quick()).await;
    withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap();
    let (code, answer) = withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap();
    assert_eq!((code, answer["message"].as_str()), (400, Some("Duplicate referenceId")));
    assert_eq!(ledger(&sandbox)["executions"][0]["count"], 1);
    let loose = start(Settings { allow_duplicate_references: true, ..quick() }).await;
    withdraw(&loose, "+254712345678", "KES", "5", "r").await.unwrap();
    assert_eq!(withdraw(&loose, "+254712345678", "KES", "5", "r").await.unwrap().0, 201);
    assert_eq!(ledger(&loose)["executions"][0]["count"], 2);
}

#[tokio::test]
async fn a_failed_payment_is_credited_back() {
    let sandbox = start(quick()).await;
    withdraw(&sandbox, "+254700000011", "KES", "70", "r").await.unwrap();
    assert_eq!(settled(&sandbox, "r").await, "FAILED");
    assert_eq!(status(&sandbox, "r").await.1["data"]["errorMessage"], "Account not found");
    let kes = ledger(&sandbox)["wallets"][0].clone();
    assert_eq!(kes["opening"], kes["balance"]);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_moves_nothing() {
    let sandbox = start(quick()).await;
    let key = customer(&sandbox, "+254712345678").await;
    let kes = wallet(&sandbox, "KES").await;
    let body = |customer: &str, amount: &str, wallet: &str| {
        format!(
            r#"{{"customer_key":"{customer}","amount":{amount},"walletId":"{wallet}","referenceId":"r"}}"#
        )
    };
    for (body, code, message) in [
        (body(&key, "1.5", &kes), 400, "Validation failed"),
        (body(&key, "0", &kes), 400, "Validation failed"),
        (body(&key, "-1", &kes), 400, "Validation failed"),
        (body(&key, r#""5""#, &kes), 400, "Validation failed"),
        (body(&key, "5", "nowhere"), 404, "Wallet Not Found"),
        (body("nobody", "5", &kes), 404, "Customer not found."),
        (body(&key, "99999999999", &kes), 400, "Insufficient funds in fiat wallet"),
        ("{".to_owned(), 400, "Validation failed"),
    ] {
        let (got, answer) =
            call(&sandbox, "POST", "/api/v3/withdraw/mobile-money", Some(&body)).await.unwrap();
        let said = answer["message"].as_str().unwrap();
        assert!(got == code && said.starts_with(message), "{body}: {got} {said}");
        assert_eq!(
            (answer["success"].as_bool(), answer["error_code"].as_u64()),
            (Some(false), Some(u64::from(code)))
        );
    }
    assert_eq!(ledger(&sandbox)["executions"], json!([]));
    let (code, answer) = status(&sandbox, "r").await;
    assert_eq!((code, answer["message"].as_str()), (404, Some("Reference Id not found")));
    let phone = "/api/v3/customer/mobile-money/phone/%2B254799999999";
    assert_eq!(call(&sandbox, "GET", phone, None).await.unwrap().0, 404);
    let phone = "/api/v3/customer/mobile-money/phone/%2B254712345678";
    assert_eq!(
        call(&sandbox, "GET", phone, None).await.unwrap().1["data"]["customer_key"],
        key.as_str()
    );
}

#[tokio::test]
async fn keys_open_their_own_account_or_none() {
    let sandbox = start(Settings { key: Some("right".into()), ..quick() }).await;
    let ask =
        async |key: &str| call_as(&sandbox, key, "GET", "/api/v3/integrator", None).await.unwrap();
    assert_eq!(ask("wrong").await.0, 401);
    assert_eq!(ask("right").await.0, 200);
    let open = start(quick()).await;
    let id = async |key: &str| {
        call_as(&open, key, "GET", "/api/v3/integrator", None).await.unwrap().1["data"]["id"]
            .clone()
    };
    assert_ne!(id("one").await, id("two").await);
    assert_eq!(id("one").await, id("one").await);
}

#[tokio::test]
async fn a_dropped_connection_gives_not_a_byte_before_or_after_money_moved() {
    for (faults, moved) in [
        (Faults { drop_before_accept: 1000, ..Faults::none() }, 0),
        (Faults { accept_then_drop: 1000, ..Faults::none() }, 1),
    ] {
        let sandbox = start(Settings { faults, ..quick() }).await;
        assert_eq!(withdraw(&sandbox, "+254712345678", "KES", "5", "r").await, None);
        assert_eq!(ledger(&sandbox)["executions"].as_array().unwrap().len(), moved);
    }
}

#[tokio::test]
async fn other_faults_are_seen_as_what_they_are() {
    let sandbox = start(Settings {
        faults: Faults {
            accept_then_500: 1000,
            status_404_lag: 1000,
            status_404_lag_ms: 300,
            ..Faults::none()
        },
        ..quick()
    })
    .await;
    assert_eq!(withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap().0, 500);
    assert_eq!(status(&sandbox, "r").await.0, 404);
    assert_eq!(ledger(&sandbox)["executions"].as_array().unwrap().len(), 1);
    assert_eq!(settled(&sandbox, "r").await, "SUCCESSFUL");
    let busy =
        start(Settings { faults: Faults { rate_limited: 1000, ..Faults::none() }, ..quick() })
            .await;
    let (code, answer) = withdraw(&busy, "+254712345678", "KES", "5", "r").await.unwrap();
    assert_eq!((code, &answer["data"]["retryAfter"]), (429, &json!(1)));
    assert_eq!(ledger(&busy)["executions"], json!([]));
}

#[tokio::test]
async fn a_restart_remembers_everything_even_behind_a_torn_line() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings { state: Some(folder.path().join("state")), ..quick() };
    let sandbox = start(settings()).await;
    withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap();
    let second = Sandbox::start(settings()).await;
    assert!(second.is_err(), "two sandboxes on one folder");
    let before = ledger(&sandbox)["wallets"].clone();
    sandbox.stop().await;
    let file = folder.path().join("state/provider.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_slice(br#"{"event":"accepted","integr"#);
    std::fs::write(&file, bytes).unwrap();
    let began = Instant::now();
    let sandbox = loop {
        // The old one's connections may hold the file a moment longer.
        match Sandbox::start(settings()).await {
            Ok(sandbox) => break sandbox,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(60), "{error}"),
        }
        tokio::task::yield_now().await;
    };
    let after = ledger(&sandbox);
    assert_eq!((&after["wallets"], after["executions"].as_array().unwrap().len()), (&before, 1));
    assert_eq!(withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap().0, 400);
}

#[tokio::test]
async fn kotani_s_limits_are_kept_and_violations_counted() {
    let sandbox = start(Settings { limits: Limits::Kotani, ..quick() }).await;
    let mut codes = Vec::new();
    for _ in 0..22 {
        codes.push(status(&sandbox, "none").await.0);
    }
    assert_eq!(codes.iter().filter(|code| **code == 404).count(), 20);
    let (code, answer) = status(&sandbox, "none").await;
    assert_eq!(code, 429);
    assert!(answer["data"]["retryAfter"].as_u64().unwrap() >= 1);
    assert_eq!(ledger(&sandbox)["rate_limit_violations"], 3);
}

#[tokio::test]
async fn a_fast_clock_settles_sooner() {
    let slow = Settings {
        settle: Duration::from_secs(3600),
        time_scale: 1_000_000,
        ..Settings::default()
    };
    let sandbox = start(slow).await;
    withdraw(&sandbox, "+254712345678", "KES", "5", "r").await.unwrap();
    assert_eq!(settled(&sandbox, "r").await, "SUCCESSFUL");
}
