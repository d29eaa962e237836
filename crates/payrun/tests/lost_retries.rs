//! What did not pay is paid anew, whatever became of earlier retries: lost, put away, held, refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::csv::Validated;
use payrun::{Choices, Exit, JobError, Quarantine, Refusal, Report};
use std::sync::Arc;
use std::time::Duration;
use support::*;

/// Of the run `june` A was refused, and B was not sent yet.
async fn one_refused_one_open() -> (Arc<Provider>, Office, Validated, Report) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    provider.refuse(&["A", "B"]);
    provider.open_to(&["A"]);
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(states(&report), ["rejected", "planned"]);
    (provider, office, june, report)
}

/// Of the run `june` A and B were refused. A was paid by `june.retry-1`, whose folder is gone.
async fn one_paid_by_a_retry_that_is_gone() -> (Arc<Provider>, Office) {
    let (provider, office) = both_refused().await;
    office.retry("june", Some(&file("a.csv", &["A"]))).await.unwrap();
    assert_eq!(provider.paid(), ["A"]);
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    (provider, office)
}

/// A and B were refused in `june`, and whoever pays takes everything now.
async fn both_refused() -> (Arc<Provider>, Office) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    (provider, office)
}

/// `june.retry-1` is begun for A, and stopped before anything was sent; its folder is lost, the ledger is whole.
async fn lost_retry(provider: &Arc<Provider>) -> (Office, Validated) {
    let office = Office::new(provider);
    let june = file("june.csv", &["A", "B"]);
    provider.refuse(&["A", "B"]);
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
    provider.refuse(&[]);
    provider.open_to(&[]);
    let begun = office.retry("june", Some(&file("a.csv", &["A"]))).await.unwrap();
    assert_eq!((begun.identity.run.as_str(), &*states(&begun)), ("june.retry-1", &["planned"][..]));
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    assert!(provider.paid().is_empty());
    (office, june)
}

/// The hint says that `--adopt` takes over what the provider knows of a retry that is lost.
#[tokio::test]
async fn a_retry_whose_records_are_lost_can_be_adopted() {
    let provider = Arc::new(Provider::default());
    let (office, _) = lost_retry(&provider).await;
    let adopt = Choices { adopt: true, ..Choices::default() };
    let a = file("a.csv", &["A"]);
    let prepared =
        office.payer.prepare_retry(&key("june"), Some(&a), Quarantine::NONE, &adopt).await;
    let prepared = prepared.map(|retry| (retry.prepared.plan.payments.len(), retry.left_out));
    assert!(prepared.is_ok(), "{prepared:?}");
}

/// What the lost retry had claimed must not be dropped from the run that takes its place under its name.
#[tokio::test]
async fn what_a_lost_retry_was_to_pay_is_not_dropped_where_it_is_adopted() {
    let provider = Arc::new(Provider::default());
    let (office, _) = lost_retry(&provider).await;
    let adopt = Choices { adopt: true, ..Choices::default() };
    let mut said = Vec::new();
    for choices in [&adopt, &Choices::default(), &adopt] {
        let retry = office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, choices).await;
        match retry {
            Ok(retry) => {
                let report = office.start(retry.prepared).await.unwrap();
                said.push(format!("{:?}, left out {:?}", states(&report), retry.left_out));
            }
            Err(error) => said.push(error.to_string()),
        }
    }
    // Nobody is told that A is open: every later retry says that all is well.
    assert_eq!(provider.paid(), ["A", "B"], "{}", said.join("\n"));
}

/// Of some payments nothing can be read: then it is these. Of all: then it is the provider, and the next start may pay them.
#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_not_told_as_nothing_to_pay_anew() {
    for count in [1, 5, 6] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let all: Vec<_> = (0..count).map(|number| &*format!("EMP-{number}").leak()).collect();
        provider.refuse(&all);
        office.run(&file("june.csv", &all), &named("june")).await.unwrap();
        *provider.is_down.lock().unwrap() = true;
        let choices = Choices::default();
        let refused =
            office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.exit(), payrun::Exit::Gateway, "{count} payments: {refused}");
    }
}

/// A retry that was paid, and whose folder is lost: what it paid is not called rejected by all that is left.
#[tokio::test]
async fn what_a_lost_retry_paid_is_found_where_it_is_adopted() {
    let (provider, office) = one_paid_by_a_retry_that_is_gone().await;
    let adopt = Choices { adopt: true, ..Choices::default() };
    let retry = office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &adopt).await;
    let payrun::PreparedRetry { prepared, left_out } = retry.unwrap();
    let report = office.start(prepared).await.unwrap();
    assert_eq!(provider.paid(), ["A", "B"]);
    assert_eq!(states(&report), ["paid", "paid"], "left out {left_out:?}");
}

/// One payment of a retry was corrected late and is held there, which no command ends. What else did not pay has to be
/// paid anew all the same, or at least be told of.
#[tokio::test]
async fn what_is_held_in_one_retry_does_not_keep_all_others_from_being_paid_anew() {
    let (provider, office, june, report) = one_refused_one_open().await;
    let choices = Choices::default();
    let run = key("june");
    let plan_anew = || office.payer.prepare_retry(&run, None, Quarantine::NONE, &choices);
    let first = plan_anew().await.unwrap();
    // It was paid all the same, which the provider says only now.
    let late = report.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    assert_eq!(states(&office.start(first.prepared).await.unwrap()), ["held"]);
    provider.open();
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
    provider.refuse(&[]);
    let second = plan_anew().await.unwrap();
    let said = format!("{} leaves out {:?}", second.prepared.key, second.left_out);
    let report = office.start(second.prepared).await.unwrap();
    assert_eq!(provider.paid(), ["A", "B"], "{said}, and ends as {:?}", states(&report));
}

/// As with one that is answered with an error of its server.
#[tokio::test(start_paused = true)]
async fn one_payment_of_which_no_question_is_answered_in_time_keeps_no_other_from_being_paid_anew()
{
    let (provider, office) = both_refused().await;
    *provider.is_slow.lock().unwrap() = Some("A");
    let retry = office.retry("june", None).await.map(|report| states(&report));
    assert_eq!(provider.paid(), ["B"], "{retry:?}");
}

/// Retries of earlier months were put away. What did not pay since then is paid anew under the next number.
#[tokio::test]
async fn a_retry_that_was_put_away_keeps_its_name_and_stops_no_later_one() {
    let (provider, office) = one_paid_by_a_retry_that_is_gone().await;
    let (june, choices) = (key("june"), Choices::default());
    let retry = async || office.payer.prepare_retry(&june, None, Quarantine::NONE, &choices).await;
    let second = retry().await.unwrap();
    assert_eq!(second.prepared.key, key("june.retry-2"));
    let gone = "already in run june.retry-1, whose records are gone";
    assert_eq!(second.left_out.get(gone), Some(&1), "{:?}", second.left_out);
    assert_eq!(states(&office.start(second.prepared).await.unwrap()), ["paid"]);
    assert_eq!(provider.paid(), ["A", "B"]);
    // Then nothing is left, but what became of A is not known here.
    let error = retry().await.unwrap_err().to_string();
    assert!(error.contains(gone), "{error}");
}

/// `june.retry-1` holds A and B, nothing was sent, and its folder is lost. Then A turns out to be paid by the first run, as
/// Kotani documents that it may. B has never been paid, and there is one way to it: `payrun retry june --adopt`.
#[tokio::test]
async fn a_late_success_of_one_payment_does_not_keep_the_others_of_a_lost_retry_from_being_adopted()
{
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    provider.refuse(&["A", "B"]);
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(states(&report), ["rejected"; 2]);
    provider.refuse(&[]);
    provider.open_to(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["planned"; 2]);
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    // Late success of A under its first generation.
    let late = report.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    let mut said = Vec::new();
    let b = file("b.csv", &["B"]);
    for (choices, corrected) in [
        (adopting(), None),
        (Choices::default(), None),
        (adopting(), Some(&june)),
        (adopting(), Some(&b)),
        (Choices::default(), Some(&b)),
        (Choices { adopt: true, ..named("june.retry-2") }, Some(&b)),
    ] {
        let retry =
            office.payer.prepare_retry(&key("june"), corrected, Quarantine::NONE, &choices).await;
        let came = match retry {
            Ok(retry) => office.start(retry.prepared).await,
            Err(error) => Err(error),
        };
        said.push(format!("{:?}", came.map(|report| states(&report)).map_err(|e| e.to_string())));
    }
    assert_eq!(provider.paid(), ["A", "B"], "{}", said.join("\n"));
}

/// Two retries of one run are lost, as when the folder of runs is put back from before both.
#[tokio::test]
async fn of_two_lost_retries_of_one_run_each_can_be_adopted() {
    let (provider, office, june, _) = one_refused_one_open().await;
    // A is paid anew; the process ends before it is sent, is gone on with, and is refused.
    provider.open();
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"]);
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
    provider.open_to(&[]);
    provider.refuse(&[]);
    let second = office.retry("june", None).await.unwrap();
    assert_eq!(
        (second.identity.run.as_str(), &*states(&second)),
        ("june.retry-2", &["planned"][..])
    );
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    std::fs::remove_dir_all(office.run_folder("june.retry-2")).unwrap();
    let mut said = Vec::new();
    for choices in [
        adopting(),
        Choices::default(),
        adopting(),
        Choices { adopt: true, ..named("june.retry-2") },
    ] {
        let retry =
            office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await;
        let came = match retry {
            Ok(retry) => office.start(retry.prepared).await,
            Err(error) => Err(error),
        };
        said.push(format!("{:?}", came.map(|report| states(&report)).map_err(|e| e.to_string())));
    }
    assert!(provider.paid().contains(&"B".to_owned()), "{}", said.join("\n"));
}

/// What is accepted and never settles waits as what is held does: nothing that payrun does ends it. What did not pay beside it has to
/// be paid anew all the same, or at least be told of.
#[tokio::test]
async fn what_never_settles_in_one_retry_does_not_keep_all_others_from_being_paid_anew() {
    let (provider, office, june, _) = one_refused_one_open().await;
    provider.refuse(&[]);
    provider.never_settled.lock().unwrap().insert("A".to_owned());
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["accepted"]);
    provider.open();
    provider.refuse(&["B"]);
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
    provider.refuse(&[]);
    let retry = office
        .payer
        .prepare_retry(&key("june"), None, Quarantine::NONE, &Choices::default())
        .await
        .unwrap();
    let said = format!("{} leaves out {:?}", retry.prepared.key, retry.left_out);
    let report = office.start(retry.prepared).await.unwrap();
    assert_eq!(provider.paid(), ["B"], "{said}, and ends as {:?}", states(&report));
}

/// The first rests, so nothing is asked about it; of the second nothing can be read, since the provider is down.
#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_told_although_one_payment_rests() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    provider.expired.lock().unwrap().insert("B".to_owned());
    office.run(&file("june.csv", &["B", "A"]), &named("june")).await.unwrap();
    *provider.is_down.lock().unwrap() = true;
    // A rests, B need not.
    let quarantine = Quarantine { failed: Duration::from_secs(3600), correctable: Duration::ZERO };
    let refused =
        office.payer.prepare_retry(&key("june"), None, quarantine, &Choices::default()).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.exit(), payrun::Exit::Gateway, "{refused}");
}

/// A retry's plan that is paid by its digest takes the next name that is free, as the retry itself does.
#[tokio::test]
async fn a_retry_that_is_paid_by_its_digest_takes_no_name_of_one_that_was_put_away() {
    let (_, office) = one_paid_by_a_retry_that_is_gone().await;
    let june = key("june");
    let second = office
        .payer
        .prepare_retry(&june, None, Quarantine::NONE, &Choices::default())
        .await
        .unwrap();
    assert_eq!(second.prepared.key, key("june.retry-2"));
    let by_digest =
        office.payer.prepare_plan(&second.prepared.digest, &Choices::default()).await.unwrap();
    let name = by_digest.key.clone();
    let came = office.start(by_digest).await.map(|report| states(&report));
    assert!(came.is_ok(), "{name}: {came:?}");
}

/// A is in doubt in the first retry, or held there, and B was paid by the second. Whoever starts the same command again until it ends with
/// 0 has to learn of A, as before there was a second one.
#[tokio::test]
async fn what_is_held_in_one_retry_is_not_told_as_all_paid_by_the_next() {
    let (provider, office, june, report) = one_refused_one_open().await;
    let (run, choices) = (key("june"), Choices::default());
    let plan_anew = || office.payer.prepare_retry(&run, None, Quarantine::NONE, &choices);
    let first = plan_anew().await.unwrap();
    let late = report.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    assert_eq!(states(&office.start(first.prepared).await.unwrap()), ["held"]);
    // As long as there is no other one, the command says so.
    let again = plan_anew().await.unwrap();
    assert_eq!(office.start(again.prepared).await.unwrap().exit(true), payrun::Exit::SomeOpen);
    provider.open();
    office.run(&june, &named("june")).await.unwrap();
    provider.refuse(&[]);
    let second = plan_anew().await.unwrap();
    assert_eq!(states(&office.start(second.prepared).await.unwrap()), ["paid"]);
    let exit = match plan_anew().await {
        Ok(third) => {
            let left_out = third.left_out;
            let report = office.start(third.prepared).await.unwrap();
            (
                report.exit(true),
                format!("{} {:?}, left out {left_out:?}", report.identity.run, states(&report)),
            )
        }
        Err(error) => (error.exit(), error.to_string()),
    };
    assert_ne!(exit.0, payrun::Exit::Done, "{}", exit.1);
}

/// An older copy of the state directory is put back as a whole. `docs/reliability.md` says of what had been refused for good and paid anew after
/// the copy was made: "`retry` asks in any case".
#[tokio::test]
async fn a_retry_in_an_older_copy_asks_in_any_case() {
    let mut wrong = Vec::new();
    for adopt in [true, false] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &["A", "B"]);
        provider.refuse(&["A"]);
        assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected", "paid"]);
        // The first retry is begun, and stopped before anything is sent. The copy is made.
        provider.open_to(&[]);
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["planned"]);
        let (state, kept) = (office.payer.records().path(), office.folder.path().join("kept"));
        copy(state, &kept);
        // It goes on, is refused too, and the second one pays.
        provider.open();
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"]);
        provider.refuse(&[]);
        assert_eq!(states(&office.retry("june.retry-1", None).await.unwrap()), ["paid"]);
        assert_eq!(provider.paid(), ["A", "B"]);
        std::fs::remove_dir_all(state).unwrap();
        copy(&kept, state);
        let choices = Choices { adopt, ..Choices::default() };
        let retry =
            office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await;
        let came = match retry {
            Ok(retry) => office.start(retry.prepared).await.map(|report| states(&report)),
            Err(error) => Err(error),
        };
        if provider.paid() != ["A", "B"] {
            wrong.push(format!("adopt {adopt}: paid {:?}; {came:?}", provider.paid()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A wallet was closed, and questions about its payments, which stand beside each other in the plan, are refused for good. Others are answered.
#[tokio::test]
async fn six_payments_in_a_row_of_which_nothing_can_be_read_keep_no_other_from_being_paid_anew() {
    let mut wrong = Vec::new();
    for count in [5, 6] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let closed = employees(count);
        let all: Vec<_> = ["A"].iter().chain(&closed).chain(&["B"]).copied().collect();
        provider.refuse(&all);
        office.run(&file("june.csv", &all), &named("june")).await.unwrap();
        provider.refuse(&[]);
        *provider.closed.lock().unwrap() = closed.iter().map(|text| (*text).to_owned()).collect();
        let came = office.retry("june", None).await.map(|report| states(&report));
        if provider.paid() != ["A", "B"] {
            wrong.push(format!("{count}: paid {:?}; {came:?}", provider.paid()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A and B were refused in `june`. A was refused in `june.retry-1` once more, and B not sent; `june.retry-2` holds A, and has paid it
/// or not sent it yet. Whoever pays takes everything now.
async fn three_in_a_line(is_paid: bool) -> (Arc<Provider>, Office) {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.open_to(&["A"]);
    let first = office.retry("june", None).await.unwrap();
    assert_eq!(states(&first), ["rejected", "planned"]);
    provider.refuse(&[]);
    provider.open_to(if is_paid { &["A"] } else { &[] });
    let second = office.retry("june.retry-1", None).await.unwrap();
    assert_eq!(second.identity.run.as_str(), "june.retry-2");
    assert_eq!(states(&second), [if is_paid { "paid" } else { "planned" }]);
    provider.open();
    (provider, office)
}

/// What anybody would try: adopts what is lost, then goes on with what is there.
async fn adopt_and_go_on(office: &Office) -> Vec<String> {
    let mut said = Vec::new();
    for run in ["june", "june.retry-1"] {
        let retry =
            office.payer.prepare_retry(&key(run), None, Quarantine::NONE, &adopting()).await;
        let ended = match retry {
            Ok(retry) => office.start(retry.prepared).await,
            Err(error) => Err(error),
        };
        said.push(format!("retry {run} --adopt: {:?}", ended.map(|report| states(&report))));
    }
    for run in ["june.retry-1", "june.retry-2"] {
        let ended = match office.payer.prepare_resume(&key(run), &Choices::default()).await {
            Ok(prepared) => office.start(prepared).await,
            Err(error) => Err(error),
        };
        said.push(format!("resume {run}: {:?}", ended.map(|report| states(&report))));
    }
    said
}

#[tokio::test(start_paused = true)]
async fn a_line_of_retries_of_which_the_middle_or_the_end_is_lost_is_paid_once() {
    for (is_paid, lost) in [
        (false, &["june.retry-1"][..]),
        (true, &["june.retry-1"]),
        (false, &["june.retry-1", "june.retry-2"]),
        (true, &["june.retry-1", "june.retry-2"]),
    ] {
        let (provider, office) = three_in_a_line(is_paid).await;
        for run in lost {
            std::fs::remove_dir_all(office.run_folder(run)).unwrap();
        }
        let said = adopt_and_go_on(&office).await;
        assert_eq!(provider.paid(), ["A", "B"], "{lost:?} of which A is paid {is_paid}: {said:#?}");
    }
}

/// A retry has A under way, which is paid meanwhile. Of the runs before it one is gone, or damaged: it is asked about all the same.
#[tokio::test]
async fn what_is_under_way_in_a_retry_is_asked_about_whatever_became_of_the_runs_before_it() {
    for is_lost in [true, false] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        provider.refuse(&["A"]);
        office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
        office.retry("june", None).await.unwrap();
        provider.refuse(&[]);
        provider.never_settled.lock().unwrap().insert("A".to_owned());
        let last = office.retry("june.retry-1", None).await.unwrap();
        assert_eq!(states(&last), ["accepted"]);
        provider.under_way.lock().unwrap().clear();
        let reference = last.plan.payments[0].provider_reference;
        provider.paid.lock().unwrap().insert(reference, "A".to_owned());
        if is_lost {
            std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
        } else {
            office.damage_run("june");
        }
        let choices = Choices::default();
        let resumed = office.payer.prepare_resume(&last.identity.run, &choices).await.unwrap();
        let report = office.start(resumed).await.unwrap();
        assert_eq!(states(&report), ["paid"], "lost {is_lost}");
    }
}

/// A was refused by the first retry too, and no other run has it. That the second one paid B is not all that there is to say.
#[tokio::test]
async fn what_one_retry_did_not_pay_is_told_before_that_the_next_one_paid_all() {
    let (provider, office, june, _) = one_refused_one_open().await;
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"]);
    provider.open();
    assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    let told = office.retry("june", None).await.unwrap();
    assert_eq!((told.identity.run.as_str(), &*states(&told)), ("june.retry-1", &["rejected"][..]));
    // Once it is paid by a retry of that one there is no more to say.
    assert_eq!(states(&office.retry("june.retry-1", None).await.unwrap()), ["paid"]);
    let told = office.retry("june", None).await.unwrap();
    assert_eq!((provider.paid(), told.exit(true)), (vec!["A".into(), "B".into()], Exit::Done));
}

#[tokio::test]
async fn a_retry_that_is_damaged_or_a_copy_keeps_its_name_and_stops_no_other() {
    for is_damaged in [true, false] {
        let (provider, office) = both_refused().await;
        office.retry("june", Some(&file("a.csv", &["A"]))).await.unwrap();
        if is_damaged {
            office.damage_run("june.retry-1");
        } else {
            copy(&office.run_folder("june.retry-1"), &office.run_folder("june.retry-2"));
        }
        let next = office.retry("june", None).await.unwrap();
        let name = if is_damaged { "june.retry-2" } else { "june.retry-3" };
        assert_eq!((next.identity.run.as_str(), &*states(&next)), (name, &["paid"][..]));
        assert_eq!(provider.paid(), ["A", "B"]);
        let again = office.retry("june", None).await;
        if is_damaged {
            // What became of A cannot be told.
            assert!(
                matches!(&again, Err(JobError::Refused(Refusal::NothingToRetry { why, .. }))
                if why.contains("1 already in run june.retry-1, which cannot be read")),
                "{again:?}"
            );
        } else {
            assert_eq!(again.unwrap().exit(true), Exit::Done);
        }
    }
}

/// N joined an earlier retry for the first time, and was refused there.
#[tokio::test]
async fn no_row_of_a_corrected_file_is_left_out_without_a_word() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "N"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    assert_eq!(
        states(&office.retry("june", Some(&file("b.csv", &["N"]))).await.unwrap()),
        ["rejected"]
    );
    provider.refuse(&[]);
    let plan_anew = async |name: &str, rows: &[&str]| {
        let (run, file, choices) = (key("june"), file(name, rows), Choices::default());
        office.payer.prepare_retry(&run, Some(&file), Quarantine::NONE, &choices).await
    };
    let retry = plan_anew("c.csv", &["A", "N", "O"]).await.unwrap();
    assert_eq!(retry.left_out.get("already in run june.retry-1"), Some(&1), "{:?}", retry.left_out);
    assert_eq!(states(&office.start(retry.prepared).await.unwrap()), ["paid"; 2]);
    // Of another file nothing is told that is not of it.
    let refused = plan_anew("d.csv", &["N", "B"]).await.map(|retry| retry.prepared.key);
    let Err(JobError::Refused(Refusal::NothingToRetry { why, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("1 already in run june.retry-1"), "{why}");
}

/// A was called expired, and paid anew. Then the provider corrects the first: both are paid, which nobody can undo.
#[tokio::test]
async fn what_was_paid_twice_by_a_late_correction_is_told_by_both_runs() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.expired.lock().unwrap().insert("A".to_owned());
    let first = office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    assert_eq!(states(&first), ["failed", "paid"]);
    provider.expired.lock().unwrap().clear();
    let second = office.retry("june", None).await.unwrap();
    assert_eq!((&*states(&second), second.exit(true)), (&["paid"][..], Exit::Done));
    // A copy of a run's folder is no other run.
    copy(&office.run_folder("june.retry-1"), &office.run_folder("june.retry-1.old"));
    let once = office.payer.records().report(&key("june.retry-1")).unwrap();
    assert!(once.paid_twice.is_empty(), "{:?}", once.paid_twice);
    let late = first.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    let resumed = office.payer.prepare_resume(&key("june"), &Choices::default()).await.unwrap();
    let report = office.start(resumed).await.unwrap();
    assert_eq!(states(&report), ["paid"; 2]);
    let told = |report: &Report| {
        let twice = report.paid_twice.iter().map(|(index, run)| (index.get(), run.to_string()));
        (twice.collect::<Vec<_>>(), report.exit(true))
    };
    assert_eq!(told(&report), (vec![(0, "june.retry-1".to_owned())], Exit::SomeOpen));
    let other = office.payer.records().report(&key("june.retry-1")).unwrap();
    assert_eq!(told(&other), (vec![(0, "june".to_owned())], Exit::SomeOpen));
    let json = other.to_json(false).unwrap();
    let expected = serde_json::json!([{"row": 1, "reference": "A", "run": "june"}]);
    assert_eq!(json["paid_twice"], expected);
}

/// A was refused by each retry that held it. That the last one paid B is not all that there is to say, whatever became of the others.
#[tokio::test]
async fn what_no_retry_paid_is_told_however_long_their_line_is() {
    for harm in ["none", "damaged", "lost", "renamed"] {
        let (provider, office, june, _) = one_refused_one_open().await;
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"]);
        assert_eq!(states(&office.retry("june.retry-1", None).await.unwrap()), ["rejected"]);
        provider.open();
        assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["rejected"; 2]);
        provider.refuse(&[]);
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
        let folder = office.run_folder("june.retry-2");
        match harm {
            "damaged" => office.damage_run("june.retry-2"),
            "lost" => std::fs::remove_dir_all(&folder).unwrap(),
            "renamed" => std::fs::rename(&folder, office.run_folder("june.retry-2.old")).unwrap(),
            _ => {}
        }
        let told = office.retry("june", None).await.map(|report| report.exit(true));
        assert_ne!(told.ok(), Some(Exit::Done), "{harm}");
        assert_eq!(provider.paid(), ["B"], "{harm}");
    }
}

/// N joined the first retry, which nobody can read any more.
#[tokio::test]
async fn a_row_of_a_retry_that_is_damaged_is_told_as_open() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "N"]);
    office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
    office.retry("june", Some(&file("b.csv", &["N"]))).await.unwrap();
    provider.refuse(&[]);
    let both = file("d.csv", &["A", "N"]);
    assert_eq!(states(&office.retry("june", Some(&both)).await.unwrap()), ["paid"]);
    office.damage_run("june.retry-1");
    let told = office.retry("june", Some(&both)).await.map(|report| states(&report));
    assert!(matches!(told, Err(JobError::Refused(_))), "{told:?}");
}

/// A copy of a retry's folder lies where the run before it was: its line would come back to itself.
#[tokio::test]
async fn a_copy_of_a_retry_in_the_place_of_the_run_before_it_is_not_that_run() {
    let (provider, office, ..) = one_refused_one_open().await;
    provider.open_to(&[]);
    let retry = office.retry("june", None).await.unwrap();
    assert_eq!(states(&retry), ["planned"]);
    provider.refuse(&[]);
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    copy(&office.run_folder("june.retry-1"), &office.run_folder("june"));
    let choices = Choices::default();
    let resumed = office.payer.prepare_resume(&key("june.retry-1"), &choices).await.unwrap();
    let report = tokio::time::timeout(Duration::from_secs(600), office.start(resumed)).await;
    assert_eq!(states(&report.unwrap().unwrap()), ["planned"]);
    assert!(provider.paid().is_empty());
}

/// The whole state directory is lost after some were paid anew. What failed, and what was refused, is adopted with the retry that paid it.
#[tokio::test]
async fn a_run_and_its_retry_can_both_be_adopted_where_all_records_are_lost() {
    for is_refused in [true, false] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &["A", "B"]);
        if is_refused {
            provider.refuse(&["A"]);
        } else {
            provider.expired.lock().unwrap().insert("A".to_owned());
        }
        office.run(&june, &named("june")).await.unwrap();
        provider.refuse(&[]);
        provider.expired.lock().unwrap().clear();
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
        let office = Office::new(&provider);
        let adopt = Choices { adopt: true, ..named("june") };
        let begun = states(&office.run(&june, &adopt).await.unwrap());
        assert_eq!(begun, ["in_doubt", "paid"]);
        let adopt = Choices { adopt: true, ..Choices::default() };
        let prepared =
            office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &adopt).await;
        let prepared = prepared.map(|retry| retry.prepared).map_err(|error| error.to_string());
        let retry = office.start(prepared.unwrap()).await.unwrap();
        assert_eq!(states(&retry), ["paid"]);
        assert_eq!(provider.paid(), ["A", "B"]);
        // What is known under a later generation is a failure of this one, now that a run holds that.
        let june = office.payer.prepare_resume(&key("june"), &Choices::default()).await.unwrap();
        let first = states(&office.start(june).await.unwrap());
        let word = if is_refused { "in_doubt" } else { "failed" };
        assert_eq!(first, [word, "paid"]);
    }
}
