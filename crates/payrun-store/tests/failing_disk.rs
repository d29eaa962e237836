//! A disk that fails or fills while a run is open.

mod support;

use payrun_core::State;
use payrun_ports::{RunStore, StoreError};
use payrun_store::{Limits, OpenError, StateDir};
use std::sync::Arc;
use support::fault::{Fault, FaultDisk};
use support::*;

#[test]
fn after_a_failed_sync_nothing_is_written_or_tried_again() {
    for (after, doing) in [(0, "written"), (1, "synced")] {
        let root = tempfile::tempdir().unwrap();
        let disk = FaultDisk::default();
        let state = state_on(root.path(), Arc::new(disk.clone()), limits());
        let handle = create(&state, RUN, 3);
        let _ = block_on(handle.commit(vec![first_intent(0)])).unwrap();
        disk.fail_after(after, Fault::Fails);
        match block_on(handle.commit(vec![first_intent(1)])) {
            Err(StoreError::Io { doing: said, .. }) => assert_eq!(said, doing),
            other => panic!("{other:?}"),
        }
        disk.heal();
        let operations = disk.operations();
        for _ in 0..2 {
            let refused = block_on(handle.commit(vec![paid(0)])).unwrap_err();
            assert!(matches!(refused, StoreError::Poisoned(_)));
        }
        assert!(block_on(handle.body(payrun_core::PaymentIndex(0))).is_err());
        assert_eq!(disk.operations(), operations, "nothing was tried again");
    }
}

#[test]
fn what_a_failed_sync_left_in_memory_is_written_again_before_it_is_built_on() {
    // A commit, and the header of a new file: a write and a sync each.
    for small_segments in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let disk = FaultDisk::default();
        let limits = if small_segments { small() } else { limits() };
        let state = state_on(root.path(), Arc::new(disk.clone()), limits);
        let handle = create(&state, RUN, 3);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        disk.fail_next_sync_as_linux_does();
        let failed = block_on(handle.commit(vec![lost(0), paid(1), first_intent(2)])).unwrap_err();
        assert!(matches!(failed, StoreError::Io { doing: "synced", .. }), "{failed:?}");
        drop(handle);
        // The same machine goes on: the page cache still shows the record, and a second sync says nothing.
        let handle = open(&state, RUN);
        let shown = block_on(handle.history()).unwrap().progress;
        let _ = block_on(handle.commit(vec![cancel()])).unwrap();
        drop(handle);
        disk.cut_power(support::fault::Left::All);
        let handle = open(&state, RUN);
        let history = block_on(handle.history()).unwrap();
        assert_eq!(history.progress, shown);
        assert!(history.cancel_requested && history.cautious.is_none());
    }
}

#[test]
fn a_nearly_full_disk_takes_outcomes_and_no_new_payments() {
    let root = tempfile::tempdir().unwrap();
    let disk = FaultDisk::default();
    let limits = Limits { reserve_bytes: 1_000, ..limits() };
    let state = state_on(root.path(), Arc::new(disk.clone()), limits);
    let handle = create(&state, RUN, 3);
    disk.set_free_bytes(1_000);
    let _ = block_on(handle.commit(vec![first_intent(0)])).unwrap();
    disk.set_free_bytes(999);
    let operations = disk.operations();
    let refused = block_on(handle.commit(vec![cancel(), first_intent(1)])).unwrap_err();
    assert_eq!(refused, StoreError::NearlyFull { free_bytes: 999, needed_bytes: 1_000 });
    assert_eq!(disk.operations(), operations, "nothing was written");
    let _ = block_on(handle.commit(vec![paid(0)])).unwrap();
    disk.set_free_bytes(1_000);
    let _ = block_on(handle.commit(vec![first_intent(1)])).unwrap();
    drop(handle);
    let snapshot = state.read_run(&key(RUN)).unwrap();
    assert!(!snapshot.cancel_requested);
    let states: Vec<_> = snapshot.progress.iter().map(|p| p.standing.state).collect();
    assert_eq!(states, [State::Paid, State::Submitting, State::Planned]);
}

#[test]
fn what_is_no_directory_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let organisation = ORGANISATION.parse().unwrap();
    let refused = StateDir::open(&file, &organisation).unwrap_err();
    assert!(matches!(refused, OpenError::NotADirectory(path) if path == file));
    let below = StateDir::open(&file.join("below"), &organisation).unwrap_err();
    assert!(matches!(below, OpenError::NotADirectory(_)));
}

#[test]
fn a_folder_that_cannot_be_made_is_said_not_to_be_writable() {
    let root = tempfile::tempdir().unwrap();
    let disk = FaultDisk::failing(0, Fault::Fails);
    let organisation = ORGANISATION.parse().unwrap();
    let refused =
        StateDir::open_with(&root.path().join("state"), &organisation, Arc::new(disk), limits());
    assert!(matches!(refused, Err(OpenError::NotWritable { .. })));
}

#[test]
fn files_and_folders_are_open_to_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    fn check(path: &std::path::Path) {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
            if metadata.is_dir() {
                check(&path);
            }
        }
    }
    let root = tempfile::tempdir().unwrap();
    let state = state_on(root.path(), Arc::new(payrun_store::RealDisk), small());
    drop(create(&state, RUN, 3));
    let handle = open(&state, RUN);
    let _ = block_on(handle.commit(vec![first_intent(0)])).unwrap();
    check(root.path());
}
