//! What is on disk about runs: proven, rebuilt, looked at.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

use payrun::{
    AbsenceRule, Choices, Digest, Exit, JobError, Part, Payer, Prepared, Quarantine, RateLimit,
    Records, Refusal, Rehearsal, RunKey, Settings, State, Verified, sandbox,
};
use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const FILE: &str =
    "recipient_name,recipient_email,recipient_phone,amount,currency,reference,description,metadata
Jane Doe,jane@example.com,+254712000001,1500,KES,A,,
John Doe,john@example.com,+254700000011,2000,KES,B,,
Amina Said,amina@example.com,+256772000001,60000,UGX,C,,
";

/// A folder in which the run `june` has ended: two of its payments are paid, one failed.
struct Office {
    folder: tempfile::TempDir,
    records: Records,
    local: Rehearsal,
    june: Digest,
}

impl Office {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
        let pace = Some(RateLimit::per_seconds(1000, 1));
        let settle = Duration::from_millis(1);
        let settings = sandbox::Settings { settle, ..sandbox::Settings::default() };
        let local = Rehearsal::start(folder.path(), settings, pace).await.unwrap();
        let mut office = Self { folder, records, local, june: Digest::from_bytes([0; 32]) };
        office.june = office.pay("june", FILE).await.unwrap();
        office
    }

    async fn prepare(&self, key: &str, file: &str) -> Result<(Payer, Prepared), JobError> {
        let payer = Payer::new(self.records.clone(), self.local.gateway());
        let file = payrun::csv::read(file.as_bytes(), "june.csv").unwrap();
        let choices = Choices { key: Some(key.parse().unwrap()), ..Choices::default() };
        let prepared = payer.prepare(&file, &choices).await?;
        Ok((payer, prepared))
    }

    async fn pay(&self, key: &str, file: &str) -> Result<Digest, JobError> {
        let (payer, prepared) = self.prepare(key, file).await?;
        let digest = prepared.digest;
        payer.start(prepared, false, quick(), Arc::new(()), pending()).await?;
        Ok(digest)
    }

    fn plan(&self) -> PathBuf {
        self.records.path().join(format!("plans/{}.plan", self.june))
    }

    fn verify(&self) -> Verified {
        self.records.verify(&key("june")).unwrap()
    }

    fn damage_ledger(&self) {
        let segment = self.records.path().join("ledger/00000001.seg");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[120] ^= 1;
        std::fs::write(segment, bytes).unwrap();
    }
}

fn quick() -> Settings {
    Settings {
        absence: AbsenceRule { grace: Duration::from_millis(10), ..AbsenceRule::default() },
        poll_first: Duration::from_millis(10),
        ..Settings::default()
    }
}

fn key(text: &str) -> RunKey {
    text.parse().unwrap()
}

fn parts(found: &Verified) -> Vec<Part> {
    found.records.findings.iter().map(|finding| finding.part).collect()
}

#[tokio::test]
async fn verify_proves_that_the_plan_is_the_sum_of_what_became_of_it() {
    let office = Office::new().await;
    let found = office.verify();
    assert!(found.is_sound(), "{:?}", found.records.findings);
    let shown: Vec<_> = found
        .balances
        .iter()
        .map(|balance| {
            let states = balance.states.iter();
            let states: Vec<_> =
                states.map(|(state, total)| (*state, total.count, total.sum.text())).collect();
            (balance.planned.count, balance.planned.sum.text(), states)
        })
        .collect();
    let kes = vec![(State::Paid, 1, "1500".to_owned()), (State::Failed, 1, "2000".to_owned())];
    let ugx = vec![(State::Paid, 1, "60000".to_owned())];
    assert_eq!(shown, [(2, "3500".to_owned(), kes), (1, "60000".to_owned(), ugx)]);
}

#[tokio::test]
async fn a_plan_file_that_is_damaged_gone_or_another_is_found() {
    let office = Office::new().await;
    let whole = std::fs::read(office.plan()).unwrap();
    // One digit of an amount.
    let at = whole.windows(4).position(|part| part == b"1500").unwrap();
    let mut damaged = whole.clone();
    damaged[at] = b'9';
    std::fs::write(office.plan(), damaged).unwrap();
    assert_eq!(parts(&office.verify()), [Part::Plan]);
    std::fs::remove_file(office.plan()).unwrap();
    let found = office.verify();
    assert_eq!(parts(&found), [Part::Plan]);
    assert!(found.balances.is_empty());
    std::fs::write(office.plan(), whole).unwrap();
    assert!(office.verify().is_sound());
}

#[tokio::test]
async fn any_flipped_bit_of_a_plan_file_is_found() {
    let office = Office::new().await;
    let whole = std::fs::read(office.plan()).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            std::fs::write(office.plan(), damaged).unwrap();
            let read = office.records.plan(&office.june);
            assert!(matches!(read, Err(JobError::PlanFile(_))), "byte {at} bit {bit}");
        }
    }
    // What is not read is what is found.
    assert_eq!(parts(&office.verify()), [Part::Plan]);
}

/// The run `key` written out.
fn export(records: &Records, run: &str) -> Vec<u8> {
    let mut text = Vec::new();
    records.export(&key(run), &mut text).unwrap();
    text
}

#[tokio::test]
async fn what_is_imported_tells_the_same_and_nothing_else_is_imported() {
    let office = Office::new().await;
    let text = export(&office.records, "june");
    let folder = tempfile::tempdir().unwrap();
    let there = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
    // Where it is cut or flipped at any byte is tried beside the store, where an import costs less.
    for end in (0..text.len()).step_by(9) {
        let cut = there.import(&text[..end], true).unwrap_err();
        assert_eq!(cut.exit(), Exit::FileInvalid, "{end}: {cut}");
    }
    for at in (0..text.len()).step_by(9) {
        let mut other = text.clone();
        other[at] ^= 1 << (at % 8);
        let damaged = there.import(other.as_slice(), true).unwrap_err();
        // What it says of run and organisation is judged before its end is reached.
        let codes = [Exit::FileInvalid, Exit::Refused];
        assert!(codes.contains(&damaged.exit()), "byte {at}: {damaged}");
    }
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 1..lines.len() {
        let mut moved = lines.clone();
        moved.swap(at, at - 1);
        assert!(there.import(moved.concat().as_slice(), true).is_err(), "lines {at}");
    }
    assert_eq!(there.runs().unwrap(), []);
    there.import(text.as_slice(), true).unwrap();

    let told = |records: &Records| {
        let report = records.report(&key("june")).unwrap();
        let mut csv = Vec::new();
        report.write_csv(&mut csv).unwrap();
        (report.to_json(false).unwrap(), report.to_json(true).unwrap(), csv)
    };
    assert_eq!(told(&office.records), told(&there));
    let found = there.verify(&key("june")).unwrap();
    assert!(found.is_sound(), "{:?}", found.records.findings);
    assert_eq!(found.balances, office.verify().balances);
    assert_eq!(found.records.cautious.as_deref().map(|why| &why[..8]), Some("imported"));
}

#[tokio::test]
async fn a_rehearsal_is_not_imported_among_real_runs() {
    let office = Office::new().await;
    let text = export(&office.records, "june");
    let folder = tempfile::tempdir().unwrap();
    let real = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
    let refused = real.import(text.as_slice(), false).unwrap_err();
    assert!(matches!(refused, JobError::Refused(Refusal::OtherKind { rehearsal: true, .. })));
    assert_eq!(real.runs().unwrap(), []);
    // The real run's references are still free.
    real.import(text.as_slice(), true).unwrap();
}

#[tokio::test]
async fn what_was_paid_anew_where_a_run_is_exported_from_is_not_paid_anew_where_it_is_imported() {
    let office = Office::new().await;
    let text = export(&office.records, "june");
    let folder = tempfile::tempdir().unwrap();
    let there = Records::open(folder.path(), &"acme".parse().unwrap()).unwrap();
    there.import(text.as_slice(), true).unwrap();
    let retry = async |records: &Records, adopt| {
        let payer = Payer::new(records.clone(), office.local.gateway());
        let choices = Choices { adopt, ..Choices::default() };
        let planned = payer.prepare_retry(&key("june"), None, Quarantine::NONE, &choices).await?;
        payer.start(planned.prepared, false, quick(), Arc::new(()), pending()).await
    };
    let here = retry(&office.records, false).await.unwrap();
    assert_eq!((here.report.lines().count(), &here.report.cautious), (1, &None));
    // The provider knows it, and the records there do not.
    let refused = retry(&there, false).await.unwrap_err();
    let JobError::Refused(Refusal::NothingToRetry { why, .. }) = refused else {
        panic!("{refused}");
    };
    assert!(why.contains("the provider knows generation 1 of it"), "{why}");
    let adopted = retry(&there, true).await.unwrap();
    assert_eq!(adopted.report.books, here.report.books);
    // Nothing was sent for it: it was found.
    let anew = String::from_utf8(export(&there, "june.retry-1")).unwrap();
    assert!(anew.contains(r#"{"event":"discovered""#) && !anew.contains(r#"{"event":"intent""#));
    // It is told after the run before it only.
    let third = tempfile::tempdir().unwrap();
    let third = Records::open(third.path(), &"acme".parse().unwrap()).unwrap();
    let anew = export(&office.records, "june.retry-1");
    let refused = third.import(anew.as_slice(), true).unwrap_err();
    let missing = Refusal::PredecessorMissing { run: key("june") };
    assert!(matches!(&refused, JobError::Refused(why) if *why == missing), "{refused}");
    third.import(text.as_slice(), true).unwrap();
    third.import(anew.as_slice(), true).unwrap();
}

#[tokio::test]
async fn a_damaged_ledger_stops_runs_until_it_is_rebuilt_and_then_new_ones_go_cautiously() {
    let office = Office::new().await;
    let july = FILE.replace(",A,", ",D,").replace(",B,", ",E,").replace(",C,", ",F,");
    office.damage_ledger();
    assert_eq!(parts(&office.verify()), [Part::Ledger]);
    let refused = office.pay("july", &july).await.unwrap_err();
    assert!(matches!(refused, JobError::Ledger(_)), "{refused:?}");
    let rebuilt = office.records.rebuild_ledger().unwrap();
    assert!(rebuilt.set_aside.is_some_and(|path| path.is_dir()));
    assert_eq!(rebuilt.claimed, [(key("june"), 3)]);
    assert!(rebuilt.left_out.is_empty());
    assert!(office.verify().is_sound());
    // What june claimed is june's still (I7).
    let taken = office.pay("again", FILE).await.unwrap_err();
    assert_eq!(taken.exit(), Exit::Refused, "{taken}");
    office.pay("july", &july).await.unwrap();
    assert!(office.records.report(&key("july")).unwrap().cautious.is_some());
    // Nothing to do any more, and nothing is done.
    let rebuilt = office.records.rebuild_ledger().unwrap();
    assert_eq!(rebuilt.set_aside, None);
    assert_eq!(rebuilt.claimed, [(key("july"), 0), (key("june"), 0)]);
}

#[tokio::test]
async fn a_run_whose_claims_cannot_be_put_back_is_named_and_stops_new_runs() {
    let office = Office::new().await;
    office.damage_ledger();
    let plan = std::fs::read(office.plan()).unwrap();
    std::fs::remove_file(office.plan()).unwrap();
    let rebuilt = office.records.rebuild_ledger().unwrap();
    assert!(rebuilt.claimed.is_empty());
    assert!(matches!(&rebuilt.left_out[..], [(run, JobError::PlanFile(_))] if *run == key("june")));
    let july = FILE.replace(",A,", ",D,").replace(",B,", ",E,").replace(",C,", ",F,");
    let refused = office.pay("july", &july).await.unwrap_err();
    assert!(matches!(refused, JobError::Ledger(_)), "{refused:?}");
    std::fs::write(office.plan(), plan).unwrap();
    assert_eq!(office.records.rebuild_ledger().unwrap().claimed, [(key("june"), 3)]);
    office.pay("july", &july).await.unwrap();
}

#[tokio::test]
async fn too_few_digits_of_a_plan_are_no_fault_of_the_records() {
    let office = Office::new().await;
    let few = office.records.find_plan("abc").unwrap_err();
    assert_eq!(few.exit(), Exit::Usage, "{few}");
    let digits = office.june.to_string();
    let twin = format!("{}{}.plan", &digits[..8], "0".repeat(56));
    std::fs::write(office.records.path().join("plans").join(twin), "").unwrap();
    let both = office.records.find_plan(&digits[..8]).unwrap_err();
    assert_eq!(both.exit(), Exit::Usage, "{both}");
}

#[tokio::test]
async fn records_that_are_not_there_are_looked_at_without_being_made() {
    let office = Office::new().await;
    let organisation = "acme".parse().unwrap();
    let copy = Records::open_to_read(office.folder.path(), &organisation).unwrap();
    assert!(copy.verify(&key("june")).unwrap().is_sound());
    let nowhere: &Path = &office.folder.path().join("nowhere");
    let none = Records::open_to_read(nowhere, &organisation).unwrap();
    assert_eq!(none.runs().unwrap(), []);
    assert!(matches!(none.report(&key("june")), Err(JobError::NoSuch(_))));
    assert!(!nowhere.exists());
}
