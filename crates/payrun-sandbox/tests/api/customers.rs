//! Customers: made known once, found by key and by phone, each integrator's own.

use crate::support::{Server, settings};

const CUSTOMERS: &str = "/api/v3/customer/mobile-money";

#[test]
fn a_customer_is_found_by_key_and_by_phone_once_it_is_known() {
    let server = Server::start(settings());
    let by_phone = format!("{CUSTOMERS}/phone/%2B254712345678");
    server.get(&by_phone).expect_error(404, "Customer not found.");
    server.get(&format!("{CUSTOMERS}/unknown")).expect_error(404, "Customer not found.");
    let key = server.customer("+254712345678");
    for path in
        [&by_phone, &format!("{CUSTOMERS}/phone/+254712345678"), &format!("{CUSTOMERS}/{key}")]
    {
        let data = server.get(path).expect(200).json()["data"].clone();
        assert_eq!(data["customer_key"], key, "{path}");
        assert_eq!(data["phone_number"], "+254712345678");
        assert_eq!(data["country_code"], "KE");
        assert_eq!(data["network"], "MPESA");
        assert!(data["id"].is_string() && data["integrator"].is_string());
    }
}

#[test]
fn a_phone_that_is_known_stays_the_same_customer() {
    let server = Server::start(settings());
    assert_eq!(server.customer("+254712345678"), server.customer("+254712345678"));
    assert_eq!(server.customer("+254712345678"), server.customer("254712345678"));
    server.get(&format!("{CUSTOMERS}/phone/254712345678")).expect(200);
    assert_ne!(server.customer("+254712345678"), server.customer("+254712345679"));
}

#[test]
fn customers_of_another_key_are_not_seen() {
    let server = Server::start(settings());
    let key = server.customer("+254712345678");
    let path = format!("{CUSTOMERS}/{key}");
    server.call("GET", &path, Some("key-2"), "").expect_error(404, "Customer not found.");
    let path = format!("{CUSTOMERS}/phone/%2B254712345678");
    server.call("GET", &path, Some("key-2"), "").expect_error(404, "Customer not found.");
}

#[test]
fn a_customer_that_is_not_valid_is_refused_with_reasons() {
    let server = Server::start(settings());
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"phone_number":"+254712345678"}"#,
        r#"{"country_code":"KE"}"#,
        r#"{"phone_number":"call me","country_code":"KE"}"#,
        r#"{"phone_number":254712345678,"country_code":"KE"}"#,
        r#"["+254712345678","KE",null]"#,
    ] {
        let answer = server.post(CUSTOMERS, body).expect(400);
        assert!(answer.message().starts_with("Validation failed: "), "{body}: {}", answer.body);
        assert!(!answer.json()["data"]["errors"].as_array().unwrap().is_empty(), "{body}");
    }
}
