//! Account, wallets and payees over a socket: what is asked, and what is made of the answer.

use crate::server::{KEY, Server, gateway, payment};
use payrun_core::{AccountId, GatewayHost, PhoneNumber};
use payrun_kotani::{Kotani, Settings};
use payrun_ports::{CallError, Gateway as _, PayeeKey, RateLimits};

#[tokio::test]
async fn the_account_is_the_integrator_s_id() {
    for (body, id) in [
        (
            r#"{"success":true,"message":"ok","data":{"id":"int-1","email":"x@example.com"}}"#,
            Some("int-1"),
        ),
        (r#"{"id":7}"#, Some("7")),
        (r#"{"success":true,"data":{}}"#, None),
        (r#"{"success":true,"data":["int-1"]}"#, None),
        ("<html>", None),
    ] {
        let server = Server::answering("200 OK", body).await;
        match (gateway(server.address).account().await, id) {
            (Ok(account), Some(id)) => assert_eq!(account, AccountId::new(id)),
            (Err(CallError::Unreadable(_)), None) => {}
            (other, _) => panic!("{body}: {other:?}"),
        }
        let (head, _) = server.the_request();
        assert!(head.starts_with("GET /api/v3/integrator HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_named_as_such_without_showing_it() {
    let body = format!(
        r#"{{"success":false,"message":"Invalid API Key {KEY}","error_code":401,"data":{{}}}}"#
    );
    let server = Server::answering("401 Unauthorized", &body).await;
    let gateway = gateway(server.address);
    for error in [gateway.account().await.unwrap_err(), gateway.wallets().await.unwrap_err()] {
        assert!(matches!(error, CallError::KeyRefused(_)), "{error:?}");
        assert!(error.to_string().contains("Invalid API Key •••"), "{error}");
    }
}

#[tokio::test]
async fn wallets_come_wrapped_or_bare() {
    let rows = r#"[{"id":"w-1","name":"Ghana","type":"fiat","currency":"GHS","status":"active","balance":0.036000000000000004}]"#;
    for body in [rows.to_owned(), format!(r#"{{"success":true,"message":"ok","data":{rows}}}"#)] {
        let server = Server::answering("200 OK", &body).await;
        let wallets = gateway(server.address).wallets().await.unwrap();
        assert_eq!(wallets.len(), 1);
        assert_eq!((wallets[0].balance.text().as_str(), wallets[0].active), ("0.03", true));
        assert!(server.the_request().0.starts_with("GET /api/v3/wallet/fiat HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn a_payee_is_found_by_phone_or_is_not_known() {
    let known = r#"{"success":true,"message":"ok","data":{"id":"1","customer_key":"cust-1","phone_number":"+233241234567"}}"#;
    let another = known.replace("4567", "4568");
    let unknown = r#"{"success":false,"message":"Customer not found.","error_code":404,"data":{}}"#;
    for (status, body, expected) in [
        ("200 OK", known, Ok(Some("cust-1"))),
        ("404 Not Found", unknown, Ok(None)),
        ("404 Not Found", "<html>", Err("unreadable")),
        (
            "404 Not Found",
            r#"{"statusCode":404,"message":"Cannot GET /","error":"x"}"#,
            Err("unreadable"),
        ),
        ("200 OK", unknown, Err("unreadable")),
        ("200 OK", r#"{"data":{"id":"1"}}"#, Err("unreadable")),
        ("200 OK", another.as_str(), Err("refused")),
        ("500 Oops", unknown, Err("unreadable")),
    ] {
        let server = Server::answering(status, body).await;
        let found = gateway(server.address).find_payee(&payment()).await;
        let (head, _) = server.the_request();
        assert!(
            head.starts_with(
                "GET /api/v3/customer/mobile-money/phone/%2B233241234567 HTTP/1.1\r\n"
            ),
            "{head}"
        );
        if let Err(error) = &found {
            assert!(!format!("{error} {error:?}").contains("241234567"), "{error}");
        }
        let got = match &found {
            Ok(key) => Ok(key.as_ref().map(|key| key.0.as_str())),
            Err(CallError::Unreadable(_)) => Err("unreadable"),
            Err(CallError::Refused(_)) => Err("refused"),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_payee_is_made_known_with_the_country_of_the_phone() {
    for status in ["200 OK", "201 Created"] {
        let answer = r#"{"success":true,"message":"ok","data":{"customer_key":"cust-9","phone_number":"233241234567"}}"#;
        let server = Server::answering(status, answer).await;
        let key = gateway(server.address).create_payee(&payment()).await;
        assert_eq!(key, Ok(PayeeKey("cust-9".into())));
        let (head, body) = server.the_request();
        assert!(head.starts_with("POST /api/v3/customer/mobile-money HTTP/1.1\r\n"), "{head}");
        assert_eq!(
            body,
            r#"{"phone_number":"+233241234567","country_code":"GH","network":"MTN","account_name":"Jane Doe","email":"jane@example.com"}"#
        );
    }
}

#[tokio::test]
async fn a_payee_that_cannot_be_made_known_is_refused_without_telling_who_it_is() {
    let said = |message: &str| {
        format!(r#"{{"success":false,"message":"{message}","error_code":400,"data":{{}}}}"#)
    };
    for (message, transient) in [
        ("Validation failed: Jane Doe has no account at +233241234567", false),
        ("Customer already exists", true),
    ] {
        let server = Server::answering("400 Bad Request", &said(message)).await;
        let error = gateway(server.address).create_payee(&payment()).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error}");
        assert!(
            !error.to_string().contains("Doe") && !error.to_string().contains("241234567"),
            "{error}"
        );
    }
    let server = Server::answering("200 OK", "{}").await;
    let mut abroad = payment();
    abroad.payment.payee.phone = PhoneNumber::from_e164("+4915112345678").unwrap();
    let error = gateway(server.address).create_payee(&abroad).await.unwrap_err();
    assert!(matches!(error, CallError::Refused(_)), "{error:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_gateway_names_itself_and_never_its_key() {
    let mut settings = Settings::new("http://localhost:8080/", KEY.parse().unwrap());
    assert!(!format!("{settings:?}").contains(KEY));
    let plain = Kotani::new(settings.clone()).unwrap();
    assert_eq!(plain.host(), GatewayHost::new("http://localhost:8080"));
    settings.label = Some(GatewayHost::new("sandbox"));
    settings.limits = Some(RateLimits::default());
    let labelled = Kotani::new(settings.clone()).unwrap();
    assert_eq!(labelled.host(), GatewayHost::new("sandbox"));
    assert_eq!(labelled.rules().limits, RateLimits::default());
    assert_ne!(plain.rules().limits, RateLimits::default());
    assert!(!format!("{plain:?} {labelled:?}").contains(KEY));
    settings.host = format!("https://{KEY}@api.kotanipay.com");
    let error = Kotani::new(settings.clone()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(KEY));
    settings.host = "https://api.kotanipay.com/api/v3".into();
    let error = Kotani::new(settings).unwrap_err().to_string();
    assert!(error.contains("leave out the path '/api/v3'"), "{error}");
}
