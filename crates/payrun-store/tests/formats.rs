//! What was stored by format version 1 has to open for ever.
//!
//! The fixture is made by the scenario below: `PAYRUN_WRITE_FIXTURES=1 cargo test -p payrun-store --test formats`
//! writes it anew. That is right only when a new version gets a folder of its own; a written one never changes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{PaymentIndex, State};
use payrun_ports::RunStore;
use payrun_store::{CheckpointStanding, Limits, RealDisk, StateDir};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::*;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1")
}

/// A run in several files, closed, with a checkpoint.
fn begin(root: &Path) -> StateDir {
    let limits = Limits { segment_bytes_max: small().segment_bytes_max, ..lazy() };
    let state = state_on(root, Arc::new(RealDisk), limits);
    let handle = create(&state, RUN, 5);
    for group in [
        vec![first_intent(0), first_intent(1)],
        vec![paid(0), lost(1), first_intent(2), not_sent(2)],
        vec![event(3, payrun_core::Event::Held)],
    ] {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    drop(handle);
    state
}

/// The same, opened once more.
fn write(root: &Path) {
    let handle = open(&begin(root), RUN);
    let _ = block_on(handle.commit(vec![intent(2, 2), cancel()])).unwrap();
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().into(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn version_1_is_written_to_the_byte_as_it_always_was() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let written = root.path().join(ORGANISATION);
    let run = written.join("runs/payroll%2F2026-06");
    // The first ledgers did not say from where a run pays: one of those is kept beside this one.
    let parts = [("journal", run.join("journal")), ("ledger-bound", written.join("ledger"))];
    for (name, path) in &parts {
        let kept = fixture().join(name);
        if std::env::var_os("PAYRUN_WRITE_FIXTURES").is_some() {
            copy_tree(path, &kept);
        }
        assert!(files(path) == files(&kept), "the {name}'s format changed without a new version");
    }
}

#[test]
fn version_1_opens_and_goes_on() {
    opens_and_goes_on("ledger");
    opens_and_goes_on("ledger-bound");
}

fn opens_and_goes_on(ledger: &str) {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let run = run_path(&state, RUN);
    copy_tree(&fixture().join("journal"), &run.join("journal"));
    copy_tree(&fixture().join(ledger), &state.path().join("ledger"));
    assert_eq!(state.run_identity(&key(RUN)).unwrap(), Some(identity(RUN, 5)));
    assert!(state.verify(&key(RUN)).unwrap().is_sound());
    let handle = open(&state, RUN);
    let history = block_on(handle.history()).unwrap();
    let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
    let expected = [State::Paid, State::Unknown, State::Submitting, State::Held, State::Planned];
    assert_eq!(states, expected);
    assert!(history.cancel_requested && history.cautious.is_none());
    assert_eq!((history.epoch, history.progress[2].standing.attempts), (3, 2));
    assert_eq!(block_on(handle.body(PaymentIndex(2))).unwrap(), Some(body(2)));
    let _ = block_on(handle.commit(vec![paid(2)])).unwrap();
    drop(handle);
    assert!(state.verify(&key(RUN)).unwrap().is_sound());
}

/// sled's own files are not the same to the byte each time: the checkpoint that is kept is read, never written again.
#[test]
fn a_checkpoint_of_version_1_opens_and_is_used() {
    let kept = fixture().join("checkpoint");
    if std::env::var_os("PAYRUN_WRITE_FIXTURES").is_some() && !kept.exists() {
        let root = tempfile::tempdir().unwrap();
        let state = begin(root.path());
        copy_tree(&run_path(&state, RUN).join("checkpoint"), &kept);
    }
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let run = run_path(&state, RUN);
    copy_tree(&fixture().join("journal"), &run.join("journal"));
    copy_tree(&fixture().join("ledger"), &state.path().join("ledger"));
    copy_tree(&kept, &run.join("checkpoint"));
    // It is of before the second opening.
    let agrees = CheckpointStanding::Agrees { behind: 2 };
    assert_eq!(state.verify(&key(RUN)).unwrap().checkpoint, agrees);
    let handle = open(&state, RUN);
    let history = block_on(handle.history()).unwrap();
    assert_eq!(history.progress, state.read_run(&key(RUN)).unwrap().progress);
    assert_eq!(block_on(handle.body(PaymentIndex(2))).unwrap(), Some(body(2)));
    drop(handle);
    // It was not made anew.
    let names = std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains("aside")));
}

/// The plan that the exported fixture is bound to.
const PLAN: &[u8] = b"{\"plan\":\"of five payments\"}";

#[test]
fn an_export_of_version_1_is_written_as_it_always_was_and_imports() {
    let root = tempfile::tempdir().unwrap();
    let state = state_on(root.path(), Arc::new(RealDisk), limits());
    let digest =
        payrun_core::Digest::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(PLAN).into());
    state.put_plan(&digest, PLAN).unwrap();
    let bound = payrun_store::RunIdentity { plan: digest, ..identity(RUN, 5) };
    let handle = state.create_run(&key(RUN), &bound, &references(RUN, 5)).unwrap();
    for group in [
        vec![first_intent(0), first_intent(1)],
        vec![paid(0), lost(1), first_intent(2), not_sent(2), intent(2, 2)],
        vec![event(3, payrun_core::Event::Held), cancel()],
    ] {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    drop(handle);
    let mut text = Vec::new();
    state.export_run(&key(RUN), &mut text).unwrap();
    let kept = fixture().join("export.jsonl");
    if std::env::var_os("PAYRUN_WRITE_FIXTURES").is_some() {
        std::fs::write(&kept, &text).unwrap();
    }
    let fixture = std::fs::read(&kept).unwrap();
    assert!(text == fixture, "the form of exports changed without a new version");
    let other = tempfile::tempdir().unwrap();
    let elsewhere = state_on(other.path(), Arc::new(RealDisk), limits());
    let references = |_: &_, _: &[u8]| Ok::<_, String>(references(RUN, 5));
    elsewhere.import_run(fixture.as_slice(), references).unwrap();
    let progress = elsewhere.read_run(&key(RUN)).unwrap().progress;
    let states: Vec<_> = progress.iter().map(|p| p.standing.state).collect();
    let expected = [State::Paid, State::Unknown, State::Submitting, State::Held, State::Planned];
    assert_eq!(states, expected);
}

#[test]
fn a_newer_version_is_refused_by_name() {
    use sha2::{Digest as _, Sha256};
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 5));
    let file = segments(&state, RUN).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8] = 2;
    let hash = Sha256::digest(&bytes[..60]);
    bytes[60..92].copy_from_slice(&hash);
    std::fs::write(&file, bytes).unwrap();
    let refused =
        state.open_run(&key(RUN), &references(RUN, 5), payrun_store::OpenMode::Resume).unwrap_err();
    assert!(refused.to_string().contains("format version 2, newer"), "{refused}");
    let unread = state.run_identity(&key(RUN)).unwrap_err();
    assert!(unread.to_string().contains("format version 2, newer"), "{unread}");
}
