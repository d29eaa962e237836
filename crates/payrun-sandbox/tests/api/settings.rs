//! Files of wallets and faults, names of limits and presets.

use payrun_sandbox::{Faults, Limits, WalletSetting};
use std::fs;

fn wallets(text: &str) -> Result<Vec<WalletSetting>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallets.json");
    fs::write(&path, text).unwrap();
    WalletSetting::read_file(&path).map_err(|error| error.to_string())
}

#[test]
fn a_file_of_wallets_is_read_exactly() {
    let read = wallets(
        r#"[{"id":"w-1","name":"Salaries","currency":"KES","balance":250000,"country":"KE"},
            {"id":"w-2","currency":"GHS","balance":"1500.10","active":false},
            {"currency":"UGX","balance":90071992547409930.1}]"#,
    )
    .unwrap();
    let shown: Vec<_> = read
        .iter()
        .map(|wallet| (wallet.name.as_str(), wallet.balance.to_string(), wallet.active))
        .collect();
    assert_eq!(
        shown,
        [
            ("Salaries", "250000".to_owned(), true),
            ("GHS payouts", "1500.1".to_owned(), false),
            ("UGX payouts", "90071992547409930.1".to_owned(), true)
        ]
    );
    assert_eq!(read[2].id.len(), 24);
}

#[test]
fn a_file_of_wallets_that_makes_no_sense_is_refused() {
    for (text, why) in [
        (r#"[{"id":"w","currency":"USDT","balance":1}]"#, "'USDT' is none of KES, GHS"),
        (r#"[{"id":"w","currency":"KES","balance":-1}]"#, "-1 is no balance"),
        (r#"[{"id":"w","currency":"KES","balance":"much"}]"#, "is no balance"),
        (
            r#"[{"currency":"KES","balance":1},{"currency":"KES","balance":1}]"#,
            "two wallets have the id",
        ),
        (r#"[{"currency":"KES","balanse":1}]"#, "unknown field `balanse`"),
        (r#"[{"currency":"KES"}]"#, "missing field `balance`"),
        ("{}", "invalid type"),
    ] {
        let error = wallets(text).unwrap_err();
        assert!(error.contains(why) && error.contains("wallets.json"), "{error}");
    }
}

#[test]
fn faults_are_a_preset_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faults.json");
    let name = path.to_str().unwrap();
    fs::write(&path, r#"{"accept_then_drop":250,"slow_answer":10,"slow_answer_ms":5}"#).unwrap();
    let read = Faults::read(name).unwrap();
    assert_eq!(
        read,
        Faults { accept_then_drop: 250, slow_answer: 10, slow_answer_ms: 5, ..Faults::none() }
    );
    fs::write(&path, r#"{"accept_then_dropp":250}"#).unwrap();
    let error = Faults::read(name).unwrap_err().to_string();
    assert!(error.contains("accept_then_dropp") && error.contains("faults.json"), "{error}");
    assert_eq!(Faults::read("none").unwrap(), Faults::none());
    let error = Faults::read("hostle").unwrap_err().to_string();
    assert!(error.contains("'hostle'") && error.contains("none, hostile"), "{error}");
}

#[test]
fn every_fault_of_the_hostile_preset_is_on_and_short() {
    let hostile = Faults::preset("hostile").unwrap();
    for chance in [
        hostile.accept_then_drop,
        hostile.accept_then_500,
        hostile.drop_before_accept,
        hostile.rate_limited,
        hostile.slow_answer,
        hostile.status_404_lag,
        hostile.read_500,
    ] {
        assert!((1..1_000).contains(&chance));
    }
    assert!(hostile.status_404_lag_ms <= 300, "far below what a caller waits for proof of absence");
    assert!(hostile.slow_answer_ms <= 300);
}

#[test]
fn limits_have_names() {
    assert_eq!("none".parse::<Limits>().unwrap(), Limits::None);
    assert_eq!("kotani".parse::<Limits>().unwrap(), Limits::Kotani);
    let error = "some".parse::<Limits>().unwrap_err().to_string();
    assert!(error.contains("'none' or 'kotani'"), "{error}");
}
