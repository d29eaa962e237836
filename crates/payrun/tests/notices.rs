//! That the ledger lost records is told once it is noticed, and stays noticed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::Choices;
use std::sync::Arc;
use support::*;

/// The ledger alone is put back from an older copy; a command notices, since a run that is there got going and lacks its claims.
/// Then the runs are put back from an older copy too.
#[tokio::test]
async fn a_ledger_that_is_noticed_to_be_older_stays_noticed() {
    let (provider, office, june, put_back) = refused_since_a_backup().await;
    let ledger = std::fs::read(office.ledger()).unwrap();
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    std::fs::write(office.ledger(), ledger).unwrap();
    let refused = office.run(&file("july.csv", &["J"]), &named("july")).await;
    let refused = refused.map(|report| states(&report)).map_err(|error| error.to_string());
    assert!(refused.is_err());
    put_back();
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(provider.paid(), ["A", "B"], "cautious {:?}, july {refused:?}", report.cautious);
}

/// The command that notices that the ledger lost its end is killed between the two records that say so.
#[tokio::test]
async fn a_notice_that_was_cut_off_half_way_is_made_up_for() {
    for killed in [false, true] {
        let (provider, office, june, put_back) = refused_since_a_backup().await;
        let before = std::fs::read(office.ledger()).unwrap().len();
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
        let whole = std::fs::read(office.ledger()).unwrap().len();
        office.tear_ledger();
        let refused = office.run(&file("july.csv", &["J"]), &named("july")).await;
        assert!(refused.is_err());
        let mut bytes = std::fs::read(office.ledger()).unwrap();
        // Payloads: account 26, claims of one 1 + 13 + 1 + 1 + 16, lost for good 2, claims to come 1 + 13 + 10 + 1.
        let claims = 1 + 13 + 1 + 1 + 16;
        let head = (whole - before - 26 - claims) / 2;
        assert_eq!(2 * head + 26 + claims, whole - before, "frames");
        let said = before + head + 26 + head + 2;
        assert_eq!(said + head + 25, bytes.len(), "records that the notice wrote");
        if killed {
            // Never written, as by a process that was killed before it.
            bytes.truncate(said);
            std::fs::write(office.ledger(), &bytes).unwrap();
            // The next command finds no torn end any more.
            let again = office.run(&file("july.csv", &["J"]), &named("july")).await;
            assert!(again.is_err());
            assert_eq!(std::fs::read(office.ledger()).unwrap().len(), said + head + 25);
        }
        put_back();
        let report = office.run(&june, &named("june")).await.unwrap();
        assert_eq!(provider.paid(), ["A", "B"], "killed {killed}: cautious {:?}", report.cautious);
    }
}

/// Runs and ledger are both emptied; that plans are there says that something was.
#[tokio::test]
async fn a_folder_that_holds_plans_alone_is_not_new() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A"]);
    provider.refuse(&["A"]);
    office.run(&june, &named("june")).await.unwrap();
    office.empty(&["runs", "ledger"]);
    provider.refuse(&[]);
    let report = office.run(&june, &named("june")).await;
    let cautious = report.map(|report| report.cautious.is_some());
    assert!(!matches!(cautious, Ok(false)), "{cautious:?}");
}

/// All were refused, and one of them was paid anew, which need not be among the ten that a new run asks about.
#[tokio::test]
async fn what_was_paid_anew_is_not_paid_again_where_only_the_plans_are_left() {
    let mut paid = Vec::new();
    let people = employees(40);
    for chosen in [7, 13, 22, 31] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &people);
        provider.refuse(&people);
        office.run(&june, &named("june")).await.unwrap();
        provider.refuse(&[]);
        office.retry("june", Some(&file("a.csv", &[people[chosen]]))).await.unwrap();
        office.empty(&["runs", "ledger"]);
        let _again = office.run(&june, &named("june")).await;
        let times = provider.paid().iter().filter(|paid| **paid == people[chosen]).count();
        paid.push((people[chosen], times));
    }
    assert!(paid.iter().all(|(_, times)| *times == 1), "{paid:?}");
}

/// Whose the earlier generations are nobody knows then.
#[tokio::test]
async fn paid_twice_is_not_denied_because_the_ledger_is_damaged() {
    let (_, office, _) = paid_twice().await;
    office.damage_ledger();
    let other = office.payer.records().report(&key("june.retry-2"));
    let told = other.map(|other| (other.exit(true), other.paid_twice.len()));
    assert!(matches!(told, Ok((_, 1)) | Err(_)), "{told:?}");
}

/// It is refused, and keeps nobody else.
#[tokio::test]
async fn a_run_put_back_beside_one_that_took_a_part_of_its_payments_stops_no_other() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    have_a_part_taken(&office).await;
    let july = file("july.csv", &["J"]);
    let first = office.run(&july, &named("july")).await.map(|report| states(&report));
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let june = office.payer.prepare_resume(&key("june"), &Choices::default()).await;
    let june = office.start(june.unwrap()).await.map(|report| states(&report));
    let then = office.run(&july, &named("july")).await.map(|report| states(&report));
    assert!(then.is_ok(), "{first:?}; rebuilt {rebuilt:?}; june {june:?}; then {then:?}");
}

/// The same, where B of `june` was never sent.
#[tokio::test]
async fn the_rest_of_a_run_of_which_another_took_a_part_can_be_paid() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    let june = file("june.csv", &["A", "B"]);
    provider.open_to(&["A"]);
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["paid", "planned"]);
    have_a_part_taken(&office).await;
    provider.open();
    office.payer.records().rebuild_ledger().unwrap();
    let said = |error: payrun::JobError| error.to_string();
    let resumed = office.run(&june, &named("june")).await.map(|r| states(&r)).map_err(said);
    let anew = file("b.csv", &["B"]);
    let anew = office.run(&anew, &named("june-3")).await.map(|r| states(&r)).map_err(said);
    assert_eq!(provider.paid(), ["A", "B", "M"], "resume {resumed:?}; new run of B {anew:?}");
}
