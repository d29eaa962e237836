//! A copy of a run's folder beside it, or in the place of another, is no run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::Quarantine;
use std::sync::Arc;
use support::*;

/// A copy of `june` lies in the place of the retry that is gone, whose claims the ledger lost while it was there.
#[tokio::test]
async fn a_copy_in_the_place_of_a_run_whose_claims_are_lost_is_not_that_run() {
    let (provider, office, june, put_back) = refused_since_a_backup().await;
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    office.tear_ledger();
    let refused = office.run(&file("july.csv", &["J"]), &named("july")).await;
    put_back();
    copy(&office.run_folder("june"), &office.run_folder("june.retry-1"));
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(
        provider.paid(),
        ["A", "B"],
        "{:?}, cautious {:?}, july {:?}",
        states(&report),
        report.cautious,
        refused.map(|report| states(&report)).map_err(|error| error.to_string())
    );
}

/// The retry's folder is lost, and a copy of another run's lies in its place: the retry is gone all the same.
#[tokio::test]
async fn a_run_in_whose_place_a_copy_lies_is_lost() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
    // Begun, and nothing was sent yet.
    provider.refuse(&[]);
    provider.open_to(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["planned"]);
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    copy(&office.run_folder("june"), &office.run_folder("june.retry-1"));
    let lost = office.payer.records().lost_runs().unwrap();
    let told = office.retry("june", None).await.map(|report| states(&report));
    let told = told.map_err(|error| error.to_string());
    let adopted =
        office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &adopting()).await;
    let adopted = adopted.map(|retry| retry.prepared.key).map_err(|error| error.to_string());
    assert_eq!(lost, [key("june.retry-1")], "retry: {told:?}; with --adopt: {adopted:?}");
}

/// An older copy of a run is written out under the name of the run.
#[tokio::test]
async fn a_copy_is_not_exported_as_the_run_that_it_is_a_copy_of() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    provider.open_to(&["A"]);
    office.run(&june, &named("june")).await.unwrap();
    copy(&office.run_folder("june"), &office.run_folder("june-copy"));
    provider.open();
    office.run(&june, &named("june")).await.unwrap();
    let mut out = Vec::new();
    let exported = office.payer.records().export(&key("june-copy"), &mut out);
    let first = String::from_utf8_lossy(&out).lines().take(2).collect::<Vec<_>>().join(" ");
    assert!(exported.is_err(), "exported {} bytes, begins {:.300}", out.len(), first);
}

/// A copy of a run's folder is no run: it is not made anew, nor does it claim.
#[tokio::test]
async fn a_copy_is_not_rebuilt() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    copy(&office.run_folder("june"), &office.run_folder("june-copy"));
    let rebuilt = office.payer.records().rebuild(&key("june-copy"));
    let copied = office.payer.records().report(&key("june-copy")).map(|report| report.cautious);
    assert!(rebuilt.is_err(), "{copied:?}");
}
