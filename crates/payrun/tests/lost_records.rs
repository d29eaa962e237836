//! Records that are lost, or older than what was paid: nobody is paid a second time, whichever generation paid (I2, I11).
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun::csv::Validated;
use payrun::{Choices, JobError, Quarantine, Refusal};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use support::*;

#[tokio::test]
async fn what_was_paid_anew_before_the_records_were_lost_is_not_paid_as_a_new_run() {
    let all = employees(30);
    for generation in 1..=3 {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &all);
        provider.refuse(&all);
        let mut run = office.run(&june, &named("june")).await.unwrap().identity.run;
        for number in 1..=generation {
            provider.refuse(if number == generation { &[] } else { &all });
            run = office.retry(run.as_str(), None).await.unwrap().identity.run;
        }
        assert_eq!(provider.paid().len(), 30);
        // On another machine, of which nobody says that anything was lost.
        let elsewhere = Office::new(&provider);
        let refused = elsewhere.run(&june, &named("june")).await.map(|report| states(&report));
        let known = matches!(&refused, Err(JobError::Refused(Refusal::KnownAtProvider { .. })));
        assert!(known, "generation {generation}: {refused:?}");
        // Taken over, each is left to a person.
        let adopt = Choices { adopt: true, ..named("june") };
        let adopted = elsewhere.run(&june, &adopt).await.unwrap();
        assert_eq!(states(&adopted), ["in_doubt"; 30]);
        assert_eq!(provider.paid().len(), 30);
    }
}

/// Of the run `june` B is refused for good. A copy of its folder is kept of when only these had been sent.
async fn copied_and_refused(
    provider: &Arc<Provider>,
    sent_before: &[&str],
) -> (Office, Validated, PathBuf, PathBuf) {
    let office = Office::new(provider);
    let june = file("june.csv", &["A", "B", "C"]);
    provider.open_to(sent_before);
    office.run(&june, &named("june")).await.unwrap();
    let (run, kept) = (office.run_folder("june"), office.folder.path().join("kept"));
    copy(&run, &kept);
    provider.open();
    provider.refuse(&["B"]);
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(states(&report), ["paid", "rejected", "paid"]);
    (office, june, run, kept)
}

/// Of the run `june` B is refused for good, and paid anew by `june.retry-1`. Then the folder of `june` is put back as it was when
/// only these had been paid; everything else is as it was left.
async fn put_back(provider: &Arc<Provider>, sent_before: &[&str]) -> (Office, Validated) {
    let (office, june, run, kept) = copied_and_refused(provider, sent_before).await;
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    std::fs::remove_dir_all(&run).unwrap();
    copy(&kept, &run);
    (office, june)
}

#[tokio::test]
async fn an_older_copy_of_a_run_goes_on_cautiously_beside_the_run_that_paid_anew() {
    for sent_before in [&[][..], &["A"], &["A", "C"]] {
        let provider = Arc::new(Provider::default());
        let (office, june) = put_back(&provider, sent_before).await;
        let report = office.run(&june, &named("june")).await.unwrap();
        assert_eq!(provider.paid(), ["A", "B", "C"]);
        assert_eq!(states(&report), ["paid", "held", "paid"]);
        let why = report.cautious.unwrap();
        assert!(why.contains("older than run june.retry-1"), "{why}");
    }
}

#[tokio::test]
async fn a_run_that_was_paid_anew_as_its_records_say_goes_on_as_usual() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B", "C"]);
    // C is still to be sent when B is paid anew.
    provider.refuse(&["B"]);
    provider.open_to(&["A", "B"]);
    office.run(&june, &named("june")).await.unwrap();
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
    provider.open();
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(states(&report), ["paid", "rejected", "paid"]);
    assert_eq!(report.cautious, None);
    assert_eq!(provider.paid(), ["A", "B", "C"]);
}

#[tokio::test]
async fn an_older_copy_does_not_pay_anew_under_a_generation_before_the_one_that_paid() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let all = employees(40);
    let june = file("june.csv", &all);
    provider.refuse(&all);
    office.run(&june, &named("june")).await.unwrap();
    let (state, kept) = (office.payer.records().path(), office.folder.path().join("kept"));
    copy(state, &kept);
    // Paid anew twice, the second time with success for one, who is none of those that a new run asks about.
    let others: Vec<_> = all.iter().copied().filter(|reference| *reference != "EMP-29").collect();
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"; 40]);
    provider.refuse(&others);
    office.retry("june.retry-1", None).await.unwrap();
    assert_eq!(provider.paid(), ["EMP-29"]);
    // The organisation's whole folder is put back.
    std::fs::remove_dir_all(state).unwrap();
    copy(&kept, state);
    provider.refuse(&[]);
    let (payer, choices) = (&office.payer, Choices::default());
    for corrected in [Some(&june), None] {
        let retry = payer.prepare_retry(&key("june"), corrected, Quarantine::NONE, &choices).await;
        let why = "the provider knows generation 2 of it, which is not on record here";
        match retry {
            Ok(retry) => {
                assert_eq!(retry.left_out.get(why), Some(&1), "{:?}", retry.left_out);
                office.start(retry.prepared).await.unwrap();
            }
            // The second time there is nobody else.
            Err(refused) => assert!(refused.to_string().contains(why), "{refused}"),
        }
        let mut paid = provider.paid();
        paid.dedup();
        assert_eq!((paid.len(), provider.paid().len()), (40, 40));
    }
}

#[tokio::test]
async fn a_run_that_is_adopted_although_it_is_here_is_looked_up_before_it_is_sent() {
    for by_its_name in [false, true] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &["A", "B", "C"]);
        provider.open_to(&["A"]);
        office.run(&june, &named("june")).await.unwrap();
        let (run, kept) = (office.run_folder("june"), office.folder.path().join("kept"));
        copy(&run, &kept);
        provider.open();
        office.run(&june, &named("june")).await.unwrap();
        assert_eq!(provider.paid(), ["A", "B", "C"]);
        std::fs::remove_dir_all(&run).unwrap();
        copy(&kept, &run);
        // Sent once more, they would be called rejected, although they are paid.
        provider.refuse(&["B", "C"]);
        let adopt = Choices { adopt: true, ..named("june") };
        let prepared = match by_its_name {
            true => office.payer.prepare_resume(&key("june"), &adopt).await.unwrap(),
            false => office.payer.prepare(&june, &adopt).await.unwrap(),
        };
        let report = office.start(prepared).await.unwrap();
        assert_eq!(states(&report), ["paid"; 3]);
        assert!(report.cautious.unwrap().contains("adopted"));
    }
}

#[tokio::test]
async fn a_run_goes_on_beside_another_one_whose_records_cannot_be_read() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    provider.open_to(&["A"]);
    office.run(&june, &named("june")).await.unwrap();
    provider.open();
    std::fs::create_dir(office.run_folder("july")).unwrap();
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(states(&report), ["paid", "paid"]);
    assert_eq!(provider.paid(), ["A", "B"]);
    // Whether that one paid anew what is open here cannot be told.
    assert!(report.cautious.unwrap().contains("another run cannot be read"));
}

/// As above, but that the run between the two is lost: one that paid anew from it is there all the same, and so are the
/// claims of all in the ledger.
#[tokio::test]
async fn an_older_copy_of_a_run_goes_on_cautiously_beside_a_run_that_paid_anew_a_second_time() {
    let provider = Arc::new(Provider::default());
    let (office, june, run, kept) = copied_and_refused(&provider, &["A"]).await;
    assert_eq!(states(&office.retry("june", None).await.unwrap()), ["rejected"]);
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june.retry-1", None).await.unwrap()), ["paid"]);
    assert_eq!(provider.paid(), ["A", "B", "C"]);
    std::fs::remove_dir_all(&run).unwrap();
    copy(&kept, &run);
    std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
    let report = office.run(&june, &named("june")).await.unwrap();
    assert_eq!(provider.paid(), ["A", "B", "C"], "{:?}", states(&report));
}

/// A ledger that was lost makes new runs cautious. One that never got beyond its first record is as good as new.
#[tokio::test]
async fn a_run_that_never_claimed_is_no_older_than_the_ledger_that_was_lost() {
    let (provider, office, june) = with_a_ghost().await;
    // Begun anew under another name, refused in part, and paid anew.
    provider.refuse(&["B"]);
    office.run(&june, &named("june-2")).await.unwrap();
    provider.refuse(&[]);
    assert_eq!(states(&office.retry("june-2", None).await.unwrap()), ["paid"]);
    let paid = ["A", "B", "C", "M"];
    assert_eq!(provider.paid(), paid);
    // It is refused as long as the ledger is whole, and the damaged one is put right as the command says.
    let refused = office.run(&june, &named("june")).await;
    assert!(matches!(refused, Err(JobError::Refused(Refusal::Claimed(_)))), "{refused:?}");
    office.damage_ledger();
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let again = office.run(&june, &named("june")).await.map(|report| states(&report));
    assert_eq!(provider.paid(), paid, "{again:?}, rebuilt as {rebuilt:?}");
}

#[tokio::test]
async fn a_run_whose_claims_another_has_does_not_stop_all_others_once_the_ledger_lost_its_end() {
    let (_, office, june) = with_a_ghost().await;
    office.run(&june, &named("june-2")).await.unwrap();
    office.run(&file("july.csv", &["J"]), &named("july")).await.unwrap();
    // The claims of july are torn off.
    let bytes = std::fs::read(office.ledger()).unwrap();
    std::fs::write(office.ledger(), &bytes[..bytes.len() - 1]).unwrap();
    let august = file("august.csv", &["N"]);
    let refused = office.run(&august, &named("august")).await;
    assert!(matches!(refused, Err(JobError::Ledger(_))), "{refused:?}");
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let begun = office.run(&august, &named("august")).await.map(|report| states(&report));
    assert!(begun.is_ok(), "{begun:?}, although rebuilt as {rebuilt:?}");
}

/// New runs begin beside it, and runs that were begun go on; its claims are in the ledger, and the provider is asked about every
/// later generation anyway.
#[tokio::test]
async fn what_did_not_pay_is_paid_anew_beside_another_run_whose_records_cannot_be_read() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
    provider.refuse(&[]);
    // As where its plan's file, or its journal, is gone: no command puts that right.
    std::fs::remove_dir_all(office.run_folder("may").join("journal")).unwrap();
    let begun = office.run(&file("july.csv", &["J"]), &named("july")).await;
    assert_eq!(states(&begun.unwrap()), ["paid"]);
    let retry = office.retry("june", None).await.map(|report| states(&report));
    assert!(retry.is_ok(), "{retry:?}");
    assert_eq!(provider.paid(), ["A", "B", "J", "M"]);
}

/// The process that pays anew is frozen between its last look and its request, or only busy with others, while the older copy
/// goes on. That it holds the next generation stands in the records and in the ledger.
#[tokio::test]
async fn nothing_is_sent_of_which_a_run_here_holds_a_later_generation() {
    let mut wrong = Vec::new();
    for is_adopted in [false, true] {
        let provider = Arc::new(Provider::default());
        let (office, june, run, kept) = copied_and_refused(&provider, &["A"]).await;
        provider.refuse(&[]);
        provider.is_held_up.lock().unwrap().0 = true;
        let older = async {
            while !provider.is_held_up.lock().unwrap().1 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            std::fs::remove_dir_all(&run).unwrap();
            if !is_adopted {
                copy(&kept, &run);
            }
            let choices = Choices { adopt: is_adopted, ..named("june") };
            let report = office.run(&june, &choices).await.unwrap();
            provider.is_held_up.lock().unwrap().0 = false;
            (states(&report), report.cautious)
        };
        let (retried, older) = tokio::join!(office.retry("june", None), older);
        let retried = retried.map(|report| states(&report));
        if provider.paid() != ["A", "B", "C"] {
            let paid = provider.paid();
            wrong
                .push(format!("adopted {is_adopted}: {paid:?}; {older:?}, paid anew: {retried:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The hint after a creation that failed for want of room is `payrun rebuild RUN`.
#[tokio::test]
async fn a_run_that_never_claimed_and_was_rebuilt_does_not_stop_every_new_run_for_good() {
    let (_, office, june) = with_a_ghost().await;
    assert_eq!(states(&office.run(&june, &named("june-2")).await.unwrap()), ["paid"; 3]);
    let records = office.payer.records();
    records.rebuild(&key("june")).unwrap();
    let july = file("july.csv", &["J"]);
    let first = office.run(&july, &named("july")).await.map(|report| states(&report));
    // As the error's hint says.
    let rebuilt = records.rebuild_ledger().unwrap();
    let again = office.run(&july, &named("july")).await.map(|report| states(&report));
    assert!(again.is_ok(), "{first:?}; {again:?}, although rebuilt as {rebuilt:?}");
}

/// One that sent nothing must not take what another one has paid, whether its checkpoint was rebuilt or not.
#[tokio::test]
async fn a_run_that_sent_nothing_and_was_rebuilt_takes_no_claims_from_one_that_paid() {
    let (provider, office, june) = with_a_ghost().await;
    // C is left for later.
    provider.open_to(&["A", "B"]);
    office.run(&june, &named("june-2")).await.unwrap();
    provider.open();
    let records = office.payer.records();
    records.rebuild(&key("june")).unwrap();
    office.damage_ledger();
    let rebuilt = records.rebuild_ledger().unwrap();
    let resumed = office.run(&june, &named("june-2")).await.map(|report| states(&report));
    let begun = office.run(&file("july.csv", &["J"]), &named("july")).await;
    let begun = begun.map(|report| states(&report));
    assert!(
        resumed.is_ok() && begun.is_ok(),
        "june-2: {resumed:?}; july: {begun:?}; rebuilt as {rebuilt:?}"
    );
}

/// It sent nothing and claimed nothing, which the ledger says itself.
#[tokio::test]
async fn a_run_whose_claims_were_released_is_not_lost_when_its_folder_is_taken_away() {
    let (_, office, june) = with_a_ghost().await;
    office.run(&june, &named("june-2")).await.unwrap();
    let records = office.payer.records();
    assert_eq!(records.lost_runs().unwrap(), []);
    records.rebuild_ledger().unwrap();
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    assert_eq!(records.lost_runs().unwrap(), []);
}

/// As above, but that the ledger is gone rather than damaged, and the one that sent nothing is the first to be gone on with.
#[tokio::test]
async fn a_run_that_sent_nothing_takes_no_claims_from_one_that_paid_once_the_ledger_is_gone() {
    let (provider, office, june) = with_a_ghost().await;
    provider.open_to(&["A", "B"]);
    office.run(&june, &named("june-2")).await.unwrap();
    provider.open();
    let records = office.payer.records();
    std::fs::remove_dir_all(records.path().join("ledger")).unwrap();
    std::fs::create_dir(records.path().join("ledger")).unwrap();
    let ghost = office.run(&june, &named("june")).await.map(|report| states(&report));
    let resumed = office.run(&june, &named("june-2")).await.map(|report| states(&report));
    let july = file("july.csv", &["J"]);
    let first = office.run(&july, &named("july")).await.map(|report| states(&report));
    let rebuilt = records.rebuild_ledger().unwrap();
    let begun = office.run(&july, &named("july")).await.map(|report| states(&report));
    assert!(
        resumed.is_ok() && begun.is_ok(),
        "june: {ghost:?}; june-2: {resumed:?}; july: {first:?}, then {begun:?}; rebuilt as {rebuilt:?}"
    );
}

/// Month after month, with what did not pay paid anew twice, finished runs gone on with, and old runs put away: nothing of it is
/// cautious, nobody is paid twice, and nothing is refused.
#[tokio::test]
async fn months_that_go_as_usual_are_not_held_up_by_the_guards() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let mut all = Vec::new();
    for month in ["april", "may", "june", "july"] {
        let rows: Vec<_> = (0..4).map(|n| &*format!("{month}-{n}").leak()).collect();
        let file = file(month, &rows);
        provider.refuse(&rows[..2]);
        let report = office.run(&file, &named(month)).await.unwrap();
        assert_eq!((states(&report)[0], report.cautious), ("rejected", None), "{month}");
        provider.refuse(&rows[..1]);
        let again = office.retry(month, None).await.unwrap();
        assert_eq!((states(&again), again.cautious), (vec!["rejected", "paid"], None), "{month}");
        provider.refuse(&[]);
        let again = office.retry(&format!("{month}.retry-1"), None).await.unwrap();
        assert_eq!((states(&again), again.cautious), (vec!["paid"], None), "{month}");
        for run in [month.to_owned(), format!("{month}.retry-1"), format!("{month}.retry-2")] {
            let prepared = office.payer.prepare_resume(&key(&run), &Choices::default()).await;
            let report = office.start(prepared.unwrap()).await.unwrap();
            assert_eq!(report.cautious, None, "{run}");
        }
        assert!(office.retry(month, None).await.is_ok());
        all.extend(rows.iter().map(|row| (*row).to_owned()));
        if month == "may" {
            for run in ["april", "april.retry-1", "april.retry-2"] {
                std::fs::remove_dir_all(office.run_folder(run)).unwrap();
            }
        }
    }
    all.sort_unstable();
    assert_eq!(provider.paid(), all);
}

fn next(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Runs, retries, losses, copies of one run put back and repairs in any order: nobody is paid under two generations.
#[tokio::test]
async fn whatever_is_lost_and_put_right_nobody_is_paid_under_two_generations() {
    let seeds = std::env::var("PAYRUN_SEEDS").ok().and_then(|text| text.parse().ok());
    let rows = ["A", "B", "C"];
    for seed in 0..seeds.unwrap_or(40_u64) {
        let mut chance = seed;
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let (june, kept) = (file("june.csv", &rows), office.folder.path().join("kept"));
        office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
        let mut said = Vec::new();
        for _ in 0..14 {
            let refused: Vec<_> = rows.into_iter().filter(|_| next(&mut chance, 2) == 0).collect();
            provider.refuse(&refused);
            match next(&mut chance, 3) {
                0 => provider.open_to(&rows[..usize::try_from(next(&mut chance, 4)).unwrap()]),
                _ => provider.open(),
            }
            let runs = office.payer.records().runs().unwrap();
            let any = runs[usize::try_from(next(&mut chance, runs.len() as u64)).unwrap()].clone();
            let adopt = next(&mut chance, 4) == 0;
            let choices =
                |run: Option<&str>| Choices { key: run.map(key), adopt, ..Choices::default() };
            let (what, came) = match next(&mut chance, 10) {
                0..=2 => {
                    let name = if next(&mut chance, 4) == 0 { "june-2" } else { "june" };
                    (
                        format!("run {name} adopt {adopt}"),
                        office
                            .run(&june, &choices(Some(name)))
                            .await
                            .map(|report| states(&report).join(" ")),
                    )
                }
                3..=5 => {
                    let corrected = (next(&mut chance, 2) == 0).then_some(&june);
                    let retry = office
                        .payer
                        .prepare_retry(&any, corrected, Quarantine::NONE, &choices(None))
                        .await;
                    let came = match retry {
                        Ok(retry) => {
                            let run = retry.prepared.key.clone();
                            office
                                .start(retry.prepared)
                                .await
                                .map(|report| format!("{run}: {}", states(&report).join(" ")))
                        }
                        Err(error) => Err(error),
                    };
                    (format!("retry {any} adopt {adopt}"), came)
                }
                6 if any.as_str() != "may" => {
                    let _ = std::fs::remove_dir_all(kept.join(any.as_str()));
                    std::fs::rename(office.run_folder(any.as_str()), {
                        std::fs::create_dir_all(&kept).unwrap();
                        kept.join(any.as_str())
                    })
                    .unwrap();
                    (format!("lose {any}"), Ok(String::new()))
                }
                7 => {
                    let ledger = office.payer.records().path().join("ledger");
                    std::fs::remove_dir_all(&ledger).unwrap();
                    std::fs::create_dir(&ledger).unwrap();
                    ("lose the ledger".to_owned(), Ok(String::new()))
                }
                8 => (
                    "rebuild the ledger".to_owned(),
                    office.payer.records().rebuild_ledger().map(|rebuilt| format!("{rebuilt:?}")),
                ),
                _ => (
                    format!("rebuild {any}"),
                    office.payer.records().rebuild(&any).map(|()| String::new()),
                ),
            };
            let came = came.unwrap_or_else(|error| format!("! {error}"));
            said.push(format!("{what} (refused {refused:?}): {came}; paid {:?}", provider.paid()));
            let (paid, mut once) = (provider.paid(), provider.paid());
            once.dedup();
            assert_eq!(paid, once, "seed {seed}:\n{}", said.join("\n"));
        }
    }
}

/// The ledger knows what the lost run was to pay. A plan that lacks some of it must not take its name: what it lacks would be in no
/// report any more, and no other run may claim it.
#[tokio::test]
async fn a_run_is_not_adopted_with_a_plan_that_lacks_what_it_had_claimed() {
    let mut wrong = Vec::new();
    for is_retry in [false, true] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let (all, part) = (file("all.csv", &["A", "B"]), file("part.csv", &["B"]));
        let adopt = |run| Choices { adopt: true, ..named(run) };
        let taken = if is_retry {
            provider.refuse(&["A", "B"]);
            office.run(&all, &named("june")).await.unwrap();
            provider.refuse(&[]);
            provider.open_to(&[]);
            office.retry("june", None).await.unwrap();
            provider.open();
            std::fs::remove_dir_all(office.run_folder("june.retry-1")).unwrap();
            let adopt = Choices { key: None, ..adopt("june") };
            let (june, rest) = (key("june"), Quarantine::NONE);
            match office.payer.prepare_retry(&june, Some(&part), rest, &adopt).await {
                Ok(retry) => office.start(retry.prepared).await,
                Err(error) => Err(error),
            }
        } else {
            provider.open_to(&[]);
            office.run(&all, &named("june")).await.unwrap();
            provider.open();
            std::fs::remove_dir_all(office.run_folder("june")).unwrap();
            office.run(&part, &adopt("june")).await
        };
        if let Ok(report) = taken {
            let a = file("a.csv", &["A"]);
            let again = office.run(&a, &named("june-2")).await.map(|report| states(&report));
            wrong.push(format!(
                "retry {is_retry}: adopted as {:?} with exit {:?}; A elsewhere: {again:?}",
                states(&report),
                report.exit(true)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An export of another beginning of the run takes the place of the one that is lost, and drops what that one had.
#[tokio::test]
async fn a_lost_run_is_not_replaced_by_an_import_that_lacks_what_it_had_claimed() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let (all, part) = (file("all.csv", &["A", "B"]), file("part.csv", &["B"]));
    provider.open_to(&[]);
    office.run(&all, &named("june")).await.unwrap();
    let elsewhere = Office::new(&provider);
    elsewhere.run(&part, &named("june")).await.unwrap();
    let mut export = Vec::new();
    elsewhere.payer.records().export(&key("june"), &mut export).unwrap();
    provider.open();
    std::fs::remove_dir_all(office.run_folder("june")).unwrap();
    // The same records by `payrun run --adopt`: refused.
    let adopted = office.run(&part, &Choices { adopt: true, ..named("june") }).await;
    assert!(matches!(adopted, Err(JobError::Refused(Refusal::AdoptsLess { missing: 1, .. }))));
    let imported = office.payer.records().import(&export[..], false);
    if imported.is_ok() {
        let report = office.payer.prepare_resume(&key("june"), &Choices::default()).await.unwrap();
        let report = office.start(report).await.unwrap();
        let lost = office.payer.records().lost_runs().unwrap();
        let a = file("a.csv", &["A"]);
        let again = office.run(&a, &named("june-2")).await.map(|report| states(&report));
        let adopted = office.run(&all, &Choices { adopt: true, ..named("june") }).await;
        panic!(
            "imported; june ends as {:?} with exit {:?}, lost runs {lost:?}; A elsewhere: {again:?}; all adopted: {:?}; paid {:?}",
            states(&report),
            report.exit(true),
            adopted.map(|report| states(&report)),
            provider.paid()
        );
    }
}

/// The ledger alone is put back from a copy that is older than the claims of a run that paid. A new run is refused then, and so has to be
/// one that was begun before, and sent nothing.
#[tokio::test]
async fn a_run_that_sent_nothing_takes_no_claims_from_one_that_paid_once_the_ledger_is_older() {
    let (provider, office, june) = with_a_ghost().await;
    let (ledger, kept) =
        (office.payer.records().path().join("ledger"), office.folder.path().join("kept"));
    copy(&ledger, &kept);
    provider.open_to(&["A", "B"]);
    office.run(&june, &named("june-2")).await.unwrap();
    provider.open();
    std::fs::remove_dir_all(&ledger).unwrap();
    copy(&kept, &ledger);
    let july = office.run(&file("july.csv", &["J"]), &named("july")).await;
    assert!(matches!(july, Err(JobError::Ledger(_))), "{july:?}");
    let ghost =
        office.run(&june, &named("june")).await.map(|report| (states(&report), report.cautious));
    let resumed = office.run(&june, &named("june-2")).await.map(|report| states(&report));
    let rebuilt = office.payer.records().rebuild_ledger().unwrap();
    let begun =
        office.run(&file("july.csv", &["J"]), &named("july")).await.map(|report| states(&report));
    assert!(
        resumed.is_ok() && begun.is_ok(),
        "june: {ghost:?}; june-2: {resumed:?}; july: {begun:?}; {rebuilt:?}"
    );
}

/// A journal that is damaged does not tell whether its run paid. It is not to be called one that sent nothing: its claims go to another one
/// then, and it is refused for good when its journal is put back.
#[tokio::test]
async fn a_run_whose_journal_is_damaged_does_not_lose_its_claims_while_the_ledger_is_rebuilt() {
    let (provider, office, june) = with_a_ghost().await;
    provider.open_to(&["A", "B"]);
    office.run(&june, &named("june-2")).await.unwrap();
    provider.open();
    let records = office.payer.records();
    let journal = office.run_folder("june-2").join("journal/00000001.seg");
    let whole = std::fs::read(&journal).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() * 2 / 3;
    bytes[middle] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    office.damage_ledger();
    let rebuilt = format!("{:?}", records.rebuild_ledger().unwrap());
    // The journal is put back from a backup.
    std::fs::write(&journal, whole).unwrap();
    let again = format!("{:?}", records.rebuild_ledger().unwrap());
    let resumed = office.run(&june, &named("june-2")).await.map(|report| states(&report));
    assert!(
        resumed.is_ok(),
        "june-2: {resumed:?}; {rebuilt}; {again}; verify {:?}",
        records.verify(&key("june-2"))
    );
}

/// Another run that cannot be read does not hide why a new one is refused.
#[tokio::test]
async fn what_the_provider_knows_is_said_beside_a_run_that_cannot_be_read() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A", "B"]);
    office.run(&june, &named("june")).await.unwrap();
    let elsewhere = Office::new(&provider);
    std::fs::create_dir(elsewhere.run_folder("may")).unwrap();
    let refused = elsewhere.run(&june, &named("june")).await.map(|report| states(&report));
    let known = matches!(&refused, Err(JobError::Refused(Refusal::KnownAtProvider { .. })));
    assert!(known, "{refused:?}");
}

/// Runs, retries with parts of the file, losses, folders that are put back as they were lost, exports that are imported in place of
/// what is lost, and repairs, in any order: nobody is paid under two generations, and every report says what the provider's ledger says.
#[tokio::test]
async fn whatever_is_lost_put_back_or_imported_nobody_is_paid_twice_and_no_report_is_wrong() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, seeds) = (number("PAYRUN_SEED").unwrap_or(0), number("PAYRUN_SEEDS").unwrap_or(10));
    let rows = ["A", "B", "C"];
    for seed in first..first + seeds {
        let mut chance = seed;
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let (june, kept) = (file("june.csv", &rows), office.folder.path().join("kept"));
        std::fs::create_dir_all(&kept).unwrap();
        let parts: Vec<_> = [&["A"][..], &["B"], &["A", "C"], &["B", "C"], &rows]
            .iter()
            .map(|rows| file(&format!("{}.csv", rows.concat()), rows))
            .collect();
        office.run(&file("may.csv", &["M"]), &named("may")).await.unwrap();
        let mut exports: HashMap<String, Vec<u8>> = HashMap::new();
        let (mut said, mut older) = (Vec::new(), HashSet::new());
        for _ in 0..18 {
            let refused: Vec<_> = rows.into_iter().filter(|_| next(&mut chance, 2) == 0).collect();
            provider.refuse(&refused);
            match next(&mut chance, 3) {
                0 => provider.open_to(&rows[..usize::try_from(next(&mut chance, 4)).unwrap()]),
                _ => provider.open(),
            }
            let records = office.payer.records().clone();
            let runs = records.runs().unwrap();
            let any = runs[usize::try_from(next(&mut chance, runs.len() as u64)).unwrap()].clone();
            let adopt = next(&mut chance, 4) == 0;
            let choices =
                |run: Option<&str>| Choices { key: run.map(key), adopt, ..Choices::default() };
            let (what, came) = match next(&mut chance, 13) {
                0..=2 => {
                    let name = if next(&mut chance, 4) == 0 { "june-2" } else { "june" };
                    let came = office.run(&june, &choices(Some(name))).await;
                    (
                        format!("run {name} adopt {adopt}"),
                        came.map(|report| {
                            format!("{} {:?}", states(&report).join(" "), report.cautious)
                        }),
                    )
                }
                3..=6 => {
                    let part = usize::try_from(next(&mut chance, 9)).unwrap();
                    let corrected = parts.get(part);
                    let retry = office
                        .payer
                        .prepare_retry(&any, corrected, Quarantine::NONE, &choices(None))
                        .await;
                    let came = match retry {
                        Ok(retry) => {
                            let run = retry.prepared.key.clone();
                            office.start(retry.prepared).await.map(|report| {
                                format!(
                                    "{run}: {} {:?} {:?}",
                                    states(&report).join(" "),
                                    retry.left_out,
                                    report.cautious
                                )
                            })
                        }
                        Err(error) => Err(error),
                    };
                    (format!("retry {any} part {part} adopt {adopt}"), came)
                }
                7 if any.as_str() != "may" => {
                    let _ = std::fs::remove_dir_all(kept.join(any.as_str()));
                    std::fs::rename(office.run_folder(any.as_str()), kept.join(any.as_str()))
                        .unwrap();
                    (format!("lose {any}"), Ok(String::new()))
                }
                8 => {
                    // Only what nobody began anew meanwhile: it is no older copy.
                    let mut back = Vec::new();
                    for entry in std::fs::read_dir(&kept).unwrap() {
                        let name = entry.unwrap().file_name().into_string().unwrap();
                        if office.run_folder(&name).exists() {
                            std::fs::remove_dir_all(kept.join(&name)).unwrap();
                        } else {
                            std::fs::rename(kept.join(&name), office.run_folder(&name)).unwrap();
                            older.insert(name.clone());
                            back.push(name);
                        }
                    }
                    (format!("put back {back:?}"), Ok(String::new()))
                }
                9 if next(&mut chance, 3) == 0 => {
                    let ledger = records.path().join("ledger");
                    std::fs::remove_dir_all(&ledger).unwrap();
                    std::fs::create_dir(&ledger).unwrap();
                    ("lose the ledger".to_owned(), Ok(String::new()))
                }
                9 => {
                    let ledger = records.path().join("ledger/00000001.seg");
                    let came = std::fs::read(&ledger).map(|bytes| {
                        std::fs::write(&ledger, &bytes[..bytes.len() - 1]).unwrap();
                    });
                    (format!("tear the ledger's end: {came:?}"), Ok(String::new()))
                }
                10 => (
                    "rebuild the ledger".to_owned(),
                    records.rebuild_ledger().map(|rebuilt| format!("{rebuilt:?}")),
                ),
                11 => {
                    let mut export = Vec::new();
                    let came = records.export(&any, &mut export);
                    if came.is_ok() {
                        exports.insert(any.to_string(), export);
                    }
                    (format!("export {any}"), came.map(|()| String::new()))
                }
                _ => {
                    let mut gone: Vec<_> = exports
                        .keys()
                        .filter(|run| !office.run_folder(run).exists())
                        .cloned()
                        .collect();
                    gone.sort();
                    match gone.first() {
                        Some(run) => {
                            older.insert(run.clone());
                            let _ = std::fs::remove_dir_all(kept.join(run));
                            (
                                format!("import {run}"),
                                records.import(&exports[run][..], false).map(|_| String::new()),
                            )
                        }
                        None => (
                            format!("rebuild {any}"),
                            records.rebuild(&any).map(|()| String::new()),
                        ),
                    }
                }
            };
            let came = came.unwrap_or_else(|error| format!("! {error}"));
            said.push(format!("{what} (refused {refused:?}): {came}; paid {:?}", provider.paid()));
            let (paid, mut once) = (provider.paid(), provider.paid());
            once.dedup();
            assert_eq!(paid, once, "seed {seed}:\n{}", said.join("\n"));
            for run in records.runs().unwrap() {
                let Ok(report) = records.report(&run) else { continue };
                for (planned, progress) in report.plan.payments.iter().zip(&report.progress) {
                    let is_paid =
                        provider.paid.lock().unwrap().contains_key(&planned.provider_reference);
                    let word = progress.standing.state.word();
                    let wrong = match word {
                        "paid" => !is_paid,
                        // What a copy calls rejected is not looked up until it is to be paid anew.
                        "rejected" | "failed" => is_paid && !older.contains(run.as_str()),
                        _ => false,
                    };
                    assert!(
                        !wrong,
                        "seed {seed}: {run} {} is {word}:\n{}",
                        planned.payment.reference,
                        said.join("\n")
                    );
                }
            }
        }
    }
}

/// An older copy of the state directory is put back as a whole, and everything after that is adopted, or paid anew. What goes on with a retry
/// that was begun is adopted here too (see `a_retry_in_an_older_copy_asks_in_any_case`).
#[tokio::test]
async fn after_an_older_copy_was_put_back_nobody_is_paid_under_two_generations() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, seeds) = (number("PAYRUN_SEED").unwrap_or(0), number("PAYRUN_SEEDS").unwrap_or(10));
    let rows = ["A", "B", "C"];
    for seed in first..first + seeds {
        let mut chance = seed;
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let (june, kept) = (file("june.csv", &rows), office.folder.path().join("kept"));
        let parts: Vec<_> = [&["A"][..], &["B"], &["A", "C"], &["B", "C"], &rows]
            .iter()
            .map(|rows| file(&format!("{}.csv", rows.concat()), rows))
            .collect();
        let mut said = Vec::new();
        for step in 0..21 {
            let records = office.payer.records().clone();
            match step {
                6 => copy(records.path(), &kept),
                13 => {
                    std::fs::remove_dir_all(records.path()).unwrap();
                    copy(&kept, records.path());
                    said.push("put back".to_owned());
                }
                _ => {}
            }
            let is_older = step >= 13;
            let refused: Vec<_> = rows.into_iter().filter(|_| next(&mut chance, 2) == 0).collect();
            provider.refuse(&refused);
            match next(&mut chance, 3) {
                0 => provider.open_to(&rows[..usize::try_from(next(&mut chance, 4)).unwrap()]),
                _ => provider.open(),
            }
            let runs = records.runs().unwrap();
            let any = match runs.len() {
                0 => None,
                n => Some(runs[usize::try_from(next(&mut chance, n as u64)).unwrap()].clone()),
            };
            let adopt = is_older || next(&mut chance, 6) == 0;
            let (what, came) = match (next(&mut chance, 5), any) {
                (0 | 1, _) | (_, None) => {
                    let choices = Choices { adopt, ..named("june") };
                    (format!("run adopt {adopt}"), office.run(&june, &choices).await)
                }
                (2, Some(any)) => {
                    let choices = Choices { adopt, ..Choices::default() };
                    let prepared = office.payer.prepare_resume(&any, &choices).await.unwrap();
                    (format!("resume {any} adopt {adopt}"), office.start(prepared).await)
                }
                (_, Some(any)) => {
                    let adopt = next(&mut chance, 3) == 0;
                    let part = usize::try_from(next(&mut chance, 9)).unwrap();
                    let choices = Choices { adopt, ..Choices::default() };
                    let corrected = parts.get(part);
                    let retry = office
                        .payer
                        .prepare_retry(&any, corrected, Quarantine::NONE, &choices)
                        .await;
                    let came = match retry {
                        Ok(mut retry) => {
                            if is_older
                                && !matches!(retry.prepared.stage, payrun::Stage::New { .. })
                            {
                                retry.prepared.adopt = true;
                            }
                            office.start(retry.prepared).await
                        }
                        Err(error) => Err(error),
                    };
                    (format!("retry {any} part {part} adopt {adopt}"), came)
                }
            };
            let came = match came {
                Ok(report) => format!(
                    "{} {} {:?}",
                    report.identity.run,
                    states(&report).join(" "),
                    report.cautious
                ),
                Err(error) => format!("! {error}"),
            };
            said.push(format!("{what} (refused {refused:?}): {came}; paid {:?}", provider.paid()));
            let (paid, mut once) = (provider.paid(), provider.paid());
            once.dedup();
            assert_eq!(paid, once, "seed {seed}:\n{}", said.join("\n"));
        }
    }
}

/// All runs are put back from before A was refused and paid anew, and the ledger that would tell of that is damaged, or lost its
/// last record: it says since that claims are lost for good.
#[tokio::test]
async fn an_older_copy_of_all_runs_beside_a_ledger_that_lost_claims_goes_on_cautiously() {
    for is_damaged in [true, false] {
        let (provider, office, june, put_back) = refused_since_a_backup().await;
        assert_eq!(states(&office.retry("june", None).await.unwrap()), ["paid"]);
        put_back();
        if is_damaged {
            office.damage_ledger();
            assert!(office.run(&june, &named("june")).await.is_err());
            office.payer.records().rebuild_ledger().unwrap();
        } else {
            office.tear_ledger();
        }
        let report = office.run(&june, &named("june")).await.unwrap();
        assert_eq!(provider.paid(), ["A", "B"], "damaged {is_damaged}: {:?}", states(&report));
        assert!(report.cautious.is_some());
    }
}

/// The folder of a run that was paid is lost, and something happened to the ledger before or since. The account that the key opens now
/// knows nothing of it (I6).
#[tokio::test]
async fn a_lost_run_is_paid_from_the_account_that_it_was_paid_from_alone() {
    for (was_rebuilt, is_torn) in [(false, false), (true, false), (false, true)] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        let june = file("june.csv", &["A", "B"]);
        assert_eq!(states(&office.run(&june, &named("june")).await.unwrap()), ["paid"; 2]);
        if was_rebuilt {
            office.damage_ledger();
            office.payer.records().rebuild_ledger().unwrap();
        }
        if is_torn {
            office.tear_ledger();
        }
        std::fs::remove_dir_all(office.run_folder("june")).unwrap();
        let adopt = Choices { adopt: true, ..named("june") };
        let (another, payer) = office.with_the_key_of_another();
        let elsewhere = Office { payer, folder: tempfile::tempdir().unwrap() };
        for choices in [&adopt, &named("june")] {
            let refused = elsewhere.run(&june, choices).await;
            assert!(
                another.paid().is_empty(),
                "rebuilt {was_rebuilt}, torn {is_torn}: {refused:?}"
            );
            assert!(matches!(refused, Err(JobError::Refused(_))), "{refused:?}");
        }
        let adopted = office.run(&june, &adopt).await.unwrap();
        assert_eq!((states(&adopted), provider.paid().len()), (vec!["paid"; 2], 2));
    }
}

/// `june` was begun from one account and its folder put away, then begun anew from another and paid. The first folder is put back.
#[tokio::test]
async fn a_run_that_is_put_back_is_not_paid_beside_another_beginning_of_it() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A"]);
    // Cut off between its folder and its claims.
    begun_without_claims(&office, "june", &june).await;
    let (folder, kept) = (office.run_folder("june"), office.folder.path().join("kept"));
    std::fs::rename(&folder, &kept).unwrap();
    let (another, payer) = office.with_the_key_of_another();
    let elsewhere = Office { payer, folder: tempfile::tempdir().unwrap() };
    assert_eq!(states(&elsewhere.run(&june, &named("june")).await.unwrap()), ["paid"]);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(&kept, &folder).unwrap();
    let refused = office.run(&june, &named("june")).await;
    assert!(matches!(refused, Err(JobError::Refused(Refusal::OtherAccount { .. }))), "{refused:?}");
    assert_eq!((provider.paid().len(), another.paid().len()), (0, 1));
}

/// Two runs of one name from two accounts, in two places. The retry of the one is carried to where the other is (I2, I6).
#[tokio::test]
async fn a_retry_beside_a_run_of_another_account_is_not_paid() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    let june = file("june.csv", &["A"]);
    provider.refuse(&["A"]);
    let here = office.run(&june, &named("june")).await.unwrap();
    let another = Arc::new(Provider { account: Some("another"), ..Provider::default() });
    let elsewhere = Office::new(&another);
    another.refuse(&["A"]);
    elsewhere.run(&june, &named("june")).await.unwrap();
    another.open_to(&[]);
    elsewhere.retry("june", None).await.unwrap();
    another.refuse(&[]);
    another.open();
    let mut export = Vec::new();
    elsewhere.payer.records().export(&key("june.retry-1"), &mut export).unwrap();
    office.payer.records().import(&*export, false).unwrap();
    // It was paid from here all the same.
    let late = here.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    let with_its_key = Office { payer: office.with_the_key(&another), folder: elsewhere.folder };
    let choices = Choices::default();
    let resumed = with_its_key.payer.prepare_resume(&key("june.retry-1"), &choices).await.unwrap();
    let report = with_its_key.start(resumed).await.unwrap();
    assert_eq!((states(&report), another.paid().len()), (vec!["planned"], 0));
}

/// The plan of a retry is paid by its digest, with a key of an account that never knew what it replaces (I2, I6).
#[tokio::test]
async fn a_retry_s_plan_is_paid_from_the_account_of_the_run_before_it_alone() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A"]);
    let june = office.run(&file("june.csv", &["A"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    let choices = Choices::default();
    let retry = office.payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await;
    let digest = retry.unwrap().prepared.digest;
    // It was paid all the same, which its provider says only now.
    let late = june.plan.payments[0].provider_reference;
    provider.paid.lock().unwrap().insert(late, "A".to_owned());
    let (another, payer) = office.with_the_key_of_another();
    let refused = payer.prepare_plan(&digest, &choices).await.map(|prepared| prepared.key);
    assert!(matches!(refused, Err(JobError::Refused(Refusal::OtherAccount { .. }))), "{refused:?}");
    assert!(another.paid().is_empty());
}
