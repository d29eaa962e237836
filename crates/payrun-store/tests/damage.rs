//! Bits that flip, ends that tear, files that go missing: refused or gone on with cautiously, never believed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::PaymentIndex;
use payrun_ports::{Entry, RunStore};
use payrun_store::{Finding, OpenMode, OpenRunError, ReadError, RealDisk, RunHandle, StateDir};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::*;

/// A run of a few groups in small segments, closed, without its checkpoint.
struct Sample {
    root: tempfile::TempDir,
    state: StateDir,
}

fn groups() -> Vec<Vec<Entry>> {
    vec![
        vec![first_intent(0), first_intent(1)],
        vec![lost(0), paid(1)],
        vec![first_intent(2)],
        vec![paid(2), first_intent(3)],
    ]
}

impl Sample {
    fn new() -> Self {
        let root = fast_root();
        let state = state_on(root.path(), Arc::new(RealDisk), small());
        let handle = create(&state, RUN, 4);
        for group in groups() {
            let _ = block_on(handle.commit(group)).unwrap();
        }
        drop(handle);
        std::fs::remove_dir_all(run_path(&state, RUN).join("checkpoint")).unwrap();
        Self { root, state }
    }

    fn copy(&self) -> Self {
        let root = fast_root();
        copy_tree(self.root.path(), root.path());
        let state = state_on(root.path(), Arc::new(RealDisk), small());
        Self { root, state }
    }

    fn open(&self) -> Result<RunHandle, OpenRunError> {
        self.state.open_run(&key(RUN), &references(RUN, 4), OpenMode::Resume)
    }

    fn segments(&self) -> Vec<PathBuf> {
        segments(&self.state, RUN)
    }

    fn findings(&self) -> Vec<Finding> {
        self.state.verify(&key(RUN)).unwrap().findings
    }

    fn set_aside(&self) -> Vec<PathBuf> {
        self.state.verify(&key(RUN)).unwrap().set_aside
    }
}

/// Where the records of a segment begin, and where its last ends.
fn record_starts(path: &Path) -> Vec<usize> {
    let bytes = std::fs::read(path).unwrap();
    let mut starts = Vec::new();
    let mut at = 92;
    while at < bytes.len() {
        assert_eq!(&bytes[at..at + 4], b"\xf5PRr");
        starts.push(at);
        let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        at += 56 + length as usize + 32;
    }
    assert_eq!(at, bytes.len());
    starts.push(at);
    starts
}

#[test]
fn a_sound_run_is_said_to_be_sound() {
    let sample = Sample::new();
    assert!(sample.segments().len() >= 2, "the journal has several files");
    let verification = sample.state.verify(&key(RUN)).unwrap();
    assert!(verification.is_sound(), "{:?}", verification.findings);
    assert_eq!((verification.records, verification.entries, verification.epoch), (5, 7, 1));
    assert_eq!(verification.counts.iter().map(|(_, count)| count).sum::<u32>(), 4);
}

#[test]
fn a_last_record_torn_at_any_byte_is_kept_aside_and_the_run_goes_on_cautiously() {
    let sample = Sample::new();
    let last = sample.segments().pop().unwrap();
    let whole = std::fs::read(&last).unwrap();
    let starts = record_starts(&last);
    let [.., start, end] = starts[..] else { panic!("{starts:?}") };
    assert_eq!(end, whole.len());
    for cut in start + 1..end {
        let torn = sample.copy();
        let file = torn.segments().pop().unwrap();
        std::fs::write(&file, &whole[..cut]).unwrap();
        assert!(!torn.findings().is_empty(), "cut at {cut}: verify says nothing");
        assert!(torn.state.read_run(&key(RUN)).unwrap().torn);
        let handle = torn.open().unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let history = block_on(handle.history()).unwrap();
        assert!(history.cautious.is_some(), "cut at {cut}: goes on as if nothing had happened");
        assert_eq!(history.progress[3].standing.attempts, 0);
        assert_eq!(history.progress[2].standing.attempts, 1);
        let [kept] = &torn.set_aside()[..] else { panic!("cut at {cut}: nothing is kept aside") };
        assert_eq!(std::fs::read(kept).unwrap(), whole[start..cut]);
        let _ = block_on(handle.commit(vec![paid(2)])).unwrap();
        drop(handle);
        assert!(torn.findings().is_empty(), "cut at {cut}: {:?}", torn.findings());
        let again = block_on(torn.open().unwrap().history()).unwrap();
        assert!(again.cautious.is_some(), "it stays so");
    }
}

#[test]
fn zeros_and_junk_behind_the_last_record_are_a_torn_end() {
    let sample = Sample::new();
    for junk in [vec![0; 1], vec![0; 4096], vec![0xf5; 300], b"\xf5PRr".repeat(50)] {
        let torn = sample.copy();
        let file = torn.segments().pop().unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.extend(&junk);
        std::fs::write(&file, bytes).unwrap();
        assert!(!torn.findings().is_empty());
        let history = block_on(torn.open().unwrap().history()).unwrap();
        assert!(history.cautious.is_some());
        assert_eq!(history.progress[3].standing.attempts, 1, "the last record is whole");
    }
}

#[test]
fn any_flipped_bit_is_flagged_and_never_believed() {
    let sample = Sample::new();
    let files = sample.segments();
    let sound = sample.state.read_run(&key(RUN)).unwrap().progress;
    for (number, file) in files.iter().enumerate() {
        let whole = std::fs::read(file).unwrap();
        let starts = record_starts(file);
        let last_start = starts[starts.len() - 2];
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                std::fs::write(file, bytes).unwrap();
                assert!(!sample.findings().is_empty(), "file {number} byte {at} bit {bit}");
            }
            let damaged = sample.copy();
            std::fs::write(file, &whole).unwrap();
            let in_last_record = number + 1 == files.len() && at >= last_start;
            match damaged.open() {
                Err(OpenRunError::Corrupt(_)) => {
                    assert!(!in_last_record, "file {number} byte {at}: refused");
                }
                // Without the run's first file there is nothing to go on with.
                Err(OpenRunError::LostContents(_)) => assert!(number == 0 && files.len() == 1),
                Err(error) => panic!("file {number} byte {at}: {error}"),
                Ok(handle) => {
                    assert!(in_last_record, "file {number} byte {at}: went on");
                    let history = block_on(handle.history()).unwrap();
                    assert!(history.cautious.is_some());
                    assert_eq!(history.progress[..2], sound[..2]);
                }
            }
        }
    }
}

#[test]
fn any_flipped_bit_of_the_ledger_is_flagged_in_whichever_runs_claims_it_lies() {
    let sample = Sample::new();
    drop(create(&sample.state, "other", 4));
    for entry in std::fs::read_dir(sample.state.path().join("ledger")).unwrap() {
        let file = entry.unwrap().path();
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, bytes).unwrap();
            assert!(!sample.findings().is_empty(), "{} byte {at}", file.display());
        }
        std::fs::write(&file, whole).unwrap();
    }
}

#[test]
fn a_flipped_bit_in_the_first_record_is_called_damage_not_loss() {
    let sample = Sample::new();
    let file = sample.segments().remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let read = sample.state.run_identity(&key(RUN));
    assert!(matches!(read, Err(payrun_store::ReadError::Corrupt(_))), "{read:?}");
}

#[test]
fn missing_swapped_and_foreign_files_are_refused() {
    let sample = Sample::new();
    let count = sample.segments().len();
    assert!(count >= 3, "{count}");
    let refused = |sample: &Sample, what: &str| {
        match sample.open() {
            Err(OpenRunError::Corrupt(_)) => {}
            other => panic!("{what}: {other:?}"),
        }
        assert!(!sample.findings().is_empty(), "{what}");
        assert!(sample.state.read_run(&key(RUN)).is_err(), "{what}");
    };
    for missing in 0..count - 1 {
        let damaged = sample.copy();
        std::fs::remove_file(&damaged.segments()[missing]).unwrap();
        refused(&damaged, &format!("file {missing} missing"));
    }
    let damaged = sample.copy();
    let files = damaged.segments();
    let first = std::fs::read(&files[0]).unwrap();
    std::fs::copy(&files[1], &files[0]).unwrap();
    std::fs::write(&files[1], first).unwrap();
    refused(&damaged, "swapped");

    let damaged = sample.copy();
    drop(create(&damaged.state, "other", 4));
    std::fs::copy(&segments(&damaged.state, "other")[0], &damaged.segments()[0]).unwrap();
    refused(&damaged, "first file of another run");
}

#[test]
fn the_journal_of_another_run_in_this_place_is_refused() {
    let sample = Sample::new();
    drop(create(&sample.state, "other", 4));
    let path = run_path(&sample.state, RUN).join("journal");
    std::fs::remove_dir_all(&path).unwrap();
    copy_tree(&run_path(&sample.state, "other").join("journal"), &path);
    match sample.open() {
        Err(OpenRunError::Foreign { found, .. }) => assert_eq!(found, key("other")),
        other => panic!("{other:?}"),
    }
    assert!(!sample.findings().is_empty());
}

/// A copied or renamed folder: references are derived from the organisation, so nothing in it is this one's.
#[test]
fn the_records_of_another_organisation_are_refused() {
    let sample = Sample::new();
    copy_tree(sample.state.path(), &sample.root.path().join("beta"));
    let beta = StateDir::open(sample.root.path(), &"beta".parse().unwrap()).unwrap();
    let refused = [beta.run_identity(&key(RUN)).map(drop), beta.read_run(&key(RUN)).map(drop)];
    for refused in refused {
        match refused {
            Err(ReadError::Foreign { found, organisation }) => {
                assert_eq!((found, organisation.as_str()), (key(RUN), ORGANISATION));
            }
            other => panic!("{other:?}"),
        }
    }
    let opened = beta.open_run(&key(RUN), &references(RUN, 4), OpenMode::Resume);
    assert!(matches!(opened, Err(OpenRunError::Foreign { .. })), "{opened:?}");
    let found = beta.verify(&key(RUN)).unwrap();
    assert!(found.findings.iter().any(|finding| finding.to_string().contains("acme")), "{found:?}");
}

#[test]
fn a_start_that_died_after_it_cut_a_torn_end_off_still_leads_to_a_cautious_one() {
    let sample = Sample::new();
    let file = sample.segments().pop().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let starts = record_starts(&file);
    let start = starts[starts.len() - 2];
    // What a start leaves that is killed between the cut and its first record.
    std::fs::write(&file, &whole[..start]).unwrap();
    let number = sample.segments().len();
    std::fs::write(file.with_file_name(format!("torn-{number}-5")), &whole[start..]).unwrap();
    let history = block_on(sample.open().unwrap().history()).unwrap();
    assert!(history.cautious.is_some());
}

#[test]
fn a_last_file_without_a_whole_header_is_a_torn_end() {
    let sample = Sample::new();
    let number = sample.segments().len() + 1;
    for length in [0, 1, 50, 91] {
        let torn = sample.copy();
        let path = torn.segments()[0].with_file_name(format!("{number:08}.seg"));
        std::fs::write(&path, &std::fs::read(&torn.segments()[0]).unwrap()[..length]).unwrap();
        let handle = torn.open().unwrap();
        assert!(block_on(handle.history()).unwrap().cautious.is_some());
        let _ = block_on(handle.commit(vec![paid(3)])).unwrap();
        drop(handle);
        assert!(torn.findings().is_empty(), "{:?}", torn.findings());
        assert_eq!(torn.set_aside().len(), 1);
    }
}

#[test]
fn a_body_that_does_not_read_back_is_damage_and_closes_the_run() {
    let sample = Sample::new();
    let handle = sample.open().unwrap();
    assert_eq!(block_on(handle.body(PaymentIndex(0))).unwrap(), Some(body(0)));
    let holding = sample.segments().into_iter().find(|path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(body(0).as_bytes().len()).any(|window| window == body(0).as_bytes())
    });
    let holding = holding.unwrap();
    let mut bytes = std::fs::read(&holding).unwrap();
    let at = bytes.windows(13).position(|window| window == body(0).as_bytes()).unwrap();
    bytes[at + 11] ^= 1;
    std::fs::write(&holding, bytes).unwrap();
    let read = block_on(handle.body(PaymentIndex(0)));
    assert!(matches!(read, Err(payrun_ports::StoreError::Damaged(_))), "{read:?}");
    assert!(block_on(handle.commit(vec![paid(2)])).is_err());
}

/// Writes of one file that reached the disk in another order, not at all, or twice.
#[test]
fn records_that_are_swapped_missing_or_doubled_are_never_believed() {
    let root = fast_root();
    let state = state_on(root.path(), Arc::new(RealDisk), lazy());
    let handle = create(&state, RUN, 4);
    for group in groups() {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    drop(handle);
    let file = segments(&state, RUN).remove(0);
    let (whole, starts) = (std::fs::read(&file).unwrap(), record_starts(&file));
    let (head, _) = whole.split_at(starts[0]);
    let records: Vec<&[u8]> = starts.windows(2).map(|ends| &whole[ends[0]..ends[1]]).collect();
    assert!(records.len() >= 4, "{}", records.len());
    let mut orders: Vec<(String, Vec<&[u8]>)> = Vec::new();
    for at in 0..records.len() {
        for other in at + 1..records.len() {
            let mut swapped = records.clone();
            swapped.swap(at, other);
            orders.push((format!("{at} and {other} swapped"), swapped));
        }
        let mut doubled = records.clone();
        doubled.insert(at, records[at]);
        orders.push((format!("{at} doubled"), doubled));
        if at + 1 < records.len() {
            let mut missing = records.clone();
            missing.remove(at);
            orders.push((format!("{at} missing"), missing));
        }
    }
    for (what, order) in orders {
        let copy = fast_root();
        copy_tree(root.path(), copy.path());
        let state = state_on(copy.path(), Arc::new(RealDisk), lazy());
        // The checkpoint would know better: without it the journal alone has to tell.
        std::fs::remove_dir_all(run_path(&state, RUN).join("checkpoint")).unwrap();
        let file = segments(&state, RUN).remove(0);
        std::fs::write(&file, [head, &order.concat()].concat()).unwrap();
        assert!(!state.verify(&key(RUN)).unwrap().is_sound(), "{what}: verify says nothing");
        match state.open_run(&key(RUN), &references(RUN, 4), OpenMode::Resume) {
            Err(OpenRunError::Corrupt(_)) => {}
            Err(other) => panic!("{what}: {other}"),
            // The last record doubled is a whole run with something behind it.
            Ok(handle) => {
                let history = block_on(handle.history()).unwrap();
                assert!(history.cautious.is_some(), "{what}: goes on as if nothing had happened");
                assert_eq!(what, format!("{} doubled", records.len() - 1));
            }
        }
    }
}
