//! What lies among the runs and is none, or was cut off, makes nobody cautious; an older ledger does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::{Payer, Records};
use std::sync::Arc;
use support::*;

fn said(error: payrun::JobError) -> String {
    error.to_string()
}

/// Another organisation of the same state directory, with a run `wages` that has paid.
async fn run_of_another_organisation(
    office: &Office,
    provider: &Arc<Provider>,
) -> std::path::PathBuf {
    let records = Records::open(office.folder.path(), &"globex".parse().unwrap()).unwrap();
    let path = records.path().join("runs/wages");
    let payer = Payer::new(records, provider.clone());
    let prepared = payer.prepare(&file("wages.csv", &["W"]), &named("wages")).await.unwrap();
    office_start(&payer, prepared).await;
    path
}

async fn office_start(payer: &Payer, prepared: payrun::Prepared) {
    payer
        .start(prepared, false, payrun::Settings::default(), Arc::new(()), std::future::pending())
        .await
        .unwrap();
}

/// A folder of another organisation was dropped into the wrong `runs`. A command ran meanwhile. It is taken away again.
#[tokio::test]
async fn a_foreign_folder_that_is_taken_away_again_leaves_nothing_behind() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    let theirs = run_of_another_organisation(&office, &provider).await;
    let stray = office.run_folder("wages");
    copy(&theirs, &stray);
    let july = file("july.csv", &["J"]);
    let first = office.run(&july, &named("july")).await.map(|r| states(&r)).map_err(said);
    std::fs::remove_dir_all(&stray).unwrap();
    let lost = office.payer.records().lost_runs().unwrap();
    let then = office.run(&july, &named("july")).await.map(|r| r.cautious).map_err(said);
    let own = file("wages.csv", &["OWN"]);
    let wages = office.run(&own, &named("wages")).await.map(|r| r.cautious).map_err(said);
    assert!(
        lost.is_empty() && then == Ok(None) && wages == Ok(None),
        "first {first:?}; lost {lost:?}; then {then:?}; wages {wages:?}"
    );
}

/// As an import leaves it that is killed, or finds no room on the disk, between the name of the run's folder and its claims.
async fn imported_without_claims(office: &Office) -> Vec<u8> {
    let provider = Arc::new(Provider::default());
    let elsewhere = Office::new(&provider);
    elsewhere.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    let mut text = Vec::new();
    elsewhere.payer.records().export(&key("june"), &mut text).unwrap();
    let aside = Office::new(&provider);
    aside.payer.records().import(&*text, false).unwrap();
    copy(&aside.run_folder("june"), &office.run_folder("june"));
    copy(&aside.payer.records().path().join("plans"), &office.payer.records().path().join("plans"));
    text
}

/// An import is cut off before it claims. Another run is gone on with. Then the half of it is removed, and imported again.
#[tokio::test]
async fn an_import_that_was_cut_off_and_begun_again_makes_nobody_cautious() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let may = file("may.csv", &["M", "N"]);
    provider.open_to(&["M"]);
    office.run(&may, &named("may")).await.unwrap();
    provider.open();
    let text = imported_without_claims(&office).await;
    let again = office.payer.records().import(&*text, false).map(drop).map_err(said);
    office.run(&may, &named("may")).await.unwrap();
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    office.payer.records().import(&*text, false).unwrap();
    let july = office.run(&file("july.csv", &["J"]), &named("july")).await;
    let july = july.map(|r| r.cautious).map_err(said);
    assert_eq!(july, Ok(None), "import again at first: {again:?}");
}

/// The same, gone on with at once. Later a creation is killed, as one may be.
#[tokio::test]
async fn an_import_that_was_cut_off_does_not_have_a_killed_creation_stop_all_runs() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    imported_without_claims(&office).await;
    let first = office.run(&file("july.csv", &["J"]), &named("july")).await.map_err(said);
    let claimed = office.payer.records().rebuild_ledger().unwrap();
    begun_without_claims(&office, "august", &file("august.csv", &["G"])).await;
    let then = office.run(&file("july.csv", &["J"]), &named("july")).await;
    let then = then.map(|r| r.cautious).map_err(said);
    assert_eq!(then, Ok(None), "first {:?}; {claimed:?}", first.map(drop));
}

/// The ledger is put back from an older copy, without a torn end, and the folders of `june` and its retry are gone; `july` is there.
/// That the ledger is older is noticed, and made up for as far as `july` goes.
#[tokio::test]
async fn an_older_ledger_lacks_the_claims_of_runs_that_are_gone_too() {
    let people = employees(40);
    let mut told = Vec::new();
    for chosen in [7, 13, 22, 31] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
        let ledger = std::fs::read(office.ledger()).unwrap();
        let june = file("june.csv", &people);
        provider.refuse(&people);
        office.run(&june, &named("june")).await.unwrap();
        provider.refuse(&[]);
        office.retry("june", Some(&file("a.csv", &[people[chosen]]))).await.unwrap();
        let july = file("july.csv", &["J", "K"]);
        provider.open_to(&["J"]);
        office.run(&july, &named("july")).await.unwrap();
        provider.open();
        std::fs::write(office.ledger(), ledger).unwrap();
        for gone in ["june", "june.retry-1"] {
            std::fs::remove_dir_all(office.run_folder(gone)).unwrap();
        }
        let noticed = office.run(&june, &named("june")).await.map(drop).map_err(said);
        office.run(&july, &named("july")).await.unwrap();
        let again = office.run(&june, &named("june")).await.map(|r| r.cautious).map_err(said);
        let times = provider.paid().iter().filter(|paid| **paid == people[chosen]).count();
        told.push((people[chosen], times, noticed, again));
    }
    assert!(told.iter().all(|(_, times, ..)| *times == 1), "{told:#?}");
}

/// The ledger is emptied instead of damaged.
#[tokio::test]
async fn paid_twice_is_not_denied_because_the_ledger_is_emptied() {
    let (_, office, _) = paid_twice().await;
    std::fs::remove_file(office.ledger()).unwrap();
    let other = office.payer.records().report(&key("june.retry-2"));
    let told = other.map(|other| (other.exit(true), other.paid_twice.len()));
    assert!(matches!(told, Ok((_, 1)) | Err(_)), "{told:?}");
}

/// A foreign folder does not have an empty one beside it stop all runs, after it was taken away.
#[tokio::test]
async fn a_foreign_folder_and_an_empty_one_stop_no_run() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let may = file("may.csv", &["M", "N"]);
    provider.open_to(&["M"]);
    office.run(&may, &named("may")).await.unwrap();
    provider.open();
    std::fs::create_dir(office.run_folder("old")).unwrap();
    let theirs = run_of_another_organisation(&office, &provider).await;
    copy(&theirs, &office.run_folder("wages"));
    office.run(&may, &named("may")).await.unwrap();
    std::fs::remove_dir_all(office.run_folder("wages")).unwrap();
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let then = office.run(&file("july.csv", &["J"]), &named("july")).await;
    let then = then.map(|r| r.cautious).map_err(said);
    assert_eq!(then, Ok(None), "{rebuilt:?}");
}
