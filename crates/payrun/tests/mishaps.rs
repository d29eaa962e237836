//! Records that were copied, put away, put back or damaged, one mishap after the other: nothing is paid twice, told wrongly, or
//! kept from being paid for good.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::{Choices, Exit, Quarantine};
use std::sync::Arc;
use std::time::Duration;
use support::*;

/// A and B were refused in `june`; A was paid by `june.retry-1`, whose folder is lost. About B the provider gives no answer.
/// That keeps nobody from being paid anew, and so it must not keep the lost retry from being adopted.
#[tokio::test(start_paused = true)]
async fn one_payment_without_an_answer_does_not_keep_a_lost_retry_from_being_adopted() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    office.retry("june", Some(&file("a.csv", &["A"]))).await.unwrap();
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    provider.closed.lock().unwrap().insert("B".to_owned());
    let retry = office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &adopting()).await;
    let told = retry.map(|retry| (retry.prepared.plan.payments.len(), retry.left_out));
    assert!(told.is_ok(), "{told:?}");
}

/// The same of a row that joins for the first time, beside the only one that did not pay.
#[tokio::test(start_paused = true)]
async fn one_payment_without_an_answer_does_not_keep_a_row_from_joining() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    provider.closed.lock().unwrap().insert("B".to_owned());
    let corrected = file("c.csv", &["B", "N"]);
    let retry = office
        .payer
        .prepare_retry(&key("june"), Some(&corrected), Quarantine::NONE, &Choices::default())
        .await;
    let told = retry.map(|retry| (retry.prepared.plan.payments.len(), retry.left_out));
    assert!(told.is_ok(), "{told:?}");
}

/// Somebody kept a copy of the run's folder beside it, and types its name. It is no run, as everywhere else.
#[tokio::test]
async fn a_copy_of_a_run_is_not_paid_anew_from() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    copy(&office.run_folder("june"), &office.run_folder("june-copy"));
    let from_copy = office.retry("june-copy", None).await;
    let from_copy = from_copy.map(|report| (report.identity.run.to_string(), states(&report)));
    let mut said = vec![format!("retry june-copy: {from_copy:?}")];
    // It went on, and again.
    for _ in 0..2 {
        let again = office.retry("june-copy", None).await.map(|report| states(&report));
        said.push(format!("again: {again:?}"));
    }
    // The right name.
    let right = office.retry("june", None).await.map(|report| states(&report));
    said.push(format!("retry june: {right:?}"));
    assert_eq!(provider.paid(), ["A", "B"], "{said:#?}");
}

/// A copy of a retry's folder lies where the run before it was. Nothing was paid twice.
#[tokio::test]
async fn a_copy_in_the_place_of_the_first_run_is_no_second_payment() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    copy(&office.run_folder("june.retry-1"), &office.run_folder("june"));
    let report = office.payer.records().report(&key("june.retry-1")).unwrap();
    assert_eq!(provider.paid(), ["A"]);
    assert!(report.paid_twice.is_empty(), "{:?}, {:?}", report.paid_twice, report.exit(true));
}

/// The provider corrected the first when another one had paid: both are paid, and somebody has to be told.
#[tokio::test]
async fn what_was_paid_twice_is_told_although_a_retry_between_was_put_away() {
    let (provider, office, report) = paid_twice().await;
    assert_eq!((states(&report), provider.paid()), (vec!["paid"], vec!["A".to_owned(); 2]));
    let other = office.payer.records().report(&key("june.retry-2")).unwrap();
    assert_eq!(
        (report.exit(true), other.exit(true)),
        (Exit::SomeOpen, Exit::SomeOpen),
        "{:?} {:?}",
        report.paid_twice,
        other.paid_twice
    );
}

/// `june` was put away, the ledger was damaged and rebuilt, and the same file begun under another name. Then `june` is put back.
#[tokio::test]
async fn a_run_that_is_put_back_beside_the_one_that_took_its_payments_stops_no_other() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    office.run(&june, &named("june")).await.unwrap();
    let away = office.folder.path().join("away");
    std::fs::rename(office.run_folder("june"), &away).unwrap();
    office.damage_ledger();
    office.payer.records().rebuild_ledger().unwrap();
    let choices = Choices { adopt: true, ..named("june-2") };
    assert_eq!(states(&office.run(&june, &choices).await.unwrap()), ["paid"; 2]);
    std::fs::rename(&away, office.run_folder("june")).unwrap();
    let july = file("july.csv", &["J"]);
    let first = office.run(&july, &named("july")).await.map(|report| states(&report));
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let then = office.run(&july, &named("july")).await.map(|report| states(&report));
    assert!(then.is_ok(), "{first:?}; rebuilt {rebuilt:?}; {then:?}");
}

/// One payment that two runs of a line have on record under the same generation was paid once.
#[tokio::test]
async fn one_generation_in_two_runs_is_no_second_payment() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    let away = office.folder.path().join("away");
    std::fs::rename(office.run_folder("june.retry-1"), &away).unwrap();
    office.damage_ledger();
    office.payer.records().rebuild_ledger().unwrap();
    let choices = Choices { adopt: true, ..named("june-again") };
    let retry = office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await;
    let again = office.start(retry.unwrap().prepared).await.unwrap();
    assert_eq!(states(&again), ["paid"]);
    std::fs::rename(&away, office.run_folder("june.retry-1")).unwrap();
    let report = office.payer.records().report(&key("june-again")).unwrap();
    assert_eq!(provider.paid(), ["A", "B"]);
    assert!(report.paid_twice.is_empty(), "{:?}, {:?}", report.paid_twice, report.exit(true));
}

/// Place Q: `a`, and `b` pays it anew. `a` is put away and the ledger rebuilt. Place P has a run `a` that pays its own `b` anew, and it
/// is imported into Q: two runs each of which descends from the other.
#[test]
fn a_line_of_runs_that_comes_back_to_itself_is_not_followed_for_ever() {
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let provider = Arc::new(Provider::default());
            let (p, q) = (Office::new(&provider), Office::new(&provider));
            provider.refuse(&["X", "Y"]);
            p.run(&file("p.csv", &["X"]), &named("b")).await.unwrap();
            q.run(&file("q.csv", &["Y"]), &named("a")).await.unwrap();
            provider.open_to(&[]);
            for (office, run, retry) in [(&p, "b", "a"), (&q, "a", "b")] {
                let choices = named(retry);
                let prepared =
                    office.payer.prepare_retry(&key(run), None, Quarantine::NONE, &choices).await;
                assert_eq!(
                    states(&office.start(prepared.unwrap().prepared).await.unwrap()),
                    ["planned"]
                );
            }
            let mut export = Vec::new();
            p.payer.records().export(&key("a"), &mut export).unwrap();
            std::fs::remove_dir_all(q.run_folder("a")).unwrap();
            q.damage_ledger();
            q.payer.records().rebuild_ledger().unwrap();
            q.payer.records().import(&*export, false).unwrap();
            done.send("imported").unwrap();
            let prepared = q.payer.prepare_resume(&key("b"), &Choices::default()).await.unwrap();
            let report = q.start(prepared).await.map(|report| states(&report));
            assert!(report.is_ok(), "{report:?}");
        });
        done.send("ended").unwrap();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok("imported"));
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok("ended"), "it is followed for ever");
}

/// The last record of the ledger is damaged, which are the claims of `june.retry-1`. A command notices it while that run is still
/// there. Before its claims are put back, all runs are put back from an older copy, in which it is not: its claims are gone for good.
#[tokio::test]
async fn claims_that_were_lost_while_their_run_was_there_are_gone_for_good_once_it_is_gone() {
    let (provider, office, june, put_back) = refused_since_a_backup().await;
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    office.tear_ledger();
    // Whatever it is: it says that claims of june.retry-1 are to be put back.
    let refused = office.run(&file("july.csv", &["J"]), &named("july")).await;
    put_back();
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

/// The same of a new run: `june` is there and lacks its claims, and then its folder is lost. It is begun once more as if it were new.
#[tokio::test]
async fn a_run_whose_claims_were_lost_is_not_new_once_its_folder_is_lost_too() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A"]);
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    // Refused by the provider, which then knows nothing of it.
    provider.refuse(&["A"]);
    office.run(&june, &named("june")).await.unwrap();
    office.tear_ledger();
    let _refused = office.run(&file("july.csv", &["J"]), &named("july")).await;
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    provider.refuse(&[]);
    let report = office.run(&june, &named("june")).await;
    let cautious = report.map(|report| report.cautious.is_some());
    assert!(!matches!(cautious, Ok(false)), "{cautious:?}");
}
