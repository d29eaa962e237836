//! One process at a time has a run.

mod support;

use payrun_ports::RunStore;
use payrun_store::{OpenMode, OpenRunError};
use support::*;

const ROOT: &str = "PAYRUN_STORE_TEST_ROOT";
const HOLDER: &str = "PAYRUN_STORE_TEST_HOLDER";

#[test]
fn a_second_handle_is_told_who_holds_the_run() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let first = create(&state, RUN, 2);
    for _ in 0..2 {
        match state.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume) {
            Err(OpenRunError::Held(holder)) => {
                assert_eq!(holder.pid, std::process::id());
                assert_eq!(holder.epoch, 1);
                assert!(holder.since.0 > 0 && !holder.host.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(state.rebuild(&key(RUN)), Err(OpenRunError::Held(_))));
    let snapshot = state.read_run(&key(RUN)).unwrap();
    assert_eq!(snapshot.holder.unwrap().pid, std::process::id());
    block_on(first.close()).unwrap();
    assert_eq!(state.read_run(&key(RUN)).unwrap().holder, None);
    let second = open(&state, RUN);
    assert_eq!(state.read_run(&key(RUN)).unwrap().holder.unwrap().epoch, 2);
    drop(first);
    assert!(
        state.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume).is_err(),
        "dropping a closed handle gives up nobody else's lock"
    );
    drop(second);
    drop(open(&state, RUN));
}

#[test]
fn a_run_whose_lock_file_was_removed_is_still_held() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let first = create(&state, RUN, 2);
    for _ in 0..2 {
        // Somebody took it for a stale one.
        std::fs::remove_file(run_path(&state, RUN).join("LOCK")).unwrap();
        let second = state.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume);
        assert!(matches!(second, Err(OpenRunError::Held(_))), "{second:?}");
        assert!(state.read_run(&key(RUN)).unwrap().holder.is_some());
    }
    drop(first);
    assert_eq!(state.read_run(&key(RUN)).unwrap().holder, None);
    drop(open(&state, RUN));
}

/// Started again by itself as another process, it tries to take the run.
#[test]
fn a_second_process_is_told_who_holds_the_run() {
    if let (Ok(root), Ok(holder)) = (std::env::var(ROOT), std::env::var(HOLDER)) {
        let state = state(root.as_ref());
        match state.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume) {
            Err(OpenRunError::Held(found)) => assert_eq!(found.pid.to_string(), holder),
            other => panic!("{other:?}"),
        }
        assert!(state.read_run(&key(RUN)).unwrap().holder.is_some());
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let handle = create(&state, RUN, 2);
    let other_process = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_second_process_is_told_who_holds_the_run"])
            .env(ROOT, root.path())
            .env(HOLDER, std::process::id().to_string())
            .output()
            .unwrap()
    };
    let held = other_process();
    assert!(held.status.success(), "{}", String::from_utf8_lossy(&held.stdout));
    drop(handle);
    assert!(!other_process().status.success(), "nobody holds it any more");
}

#[test]
fn a_reader_does_not_keep_a_run_from_being_opened() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 2));
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = state.read_run(&key(RUN));
            }
        });
        for _ in 0..20 {
            drop(open(&state, RUN));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(state.read_run(&key(RUN)).unwrap().epoch, 21);
}

#[test]
fn a_cautious_opening_is_on_record() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 2));
    let mode = OpenMode::Cautious { reason: "restored from a backup".to_owned() };
    let handle = state.open_run(&key(RUN), &references(RUN, 2), mode).unwrap();
    let cautious = block_on(handle.history()).unwrap().cautious;
    assert_eq!(cautious.as_deref(), Some("restored from a backup"));
    drop(handle);
    assert_eq!(state.read_run(&key(RUN)).unwrap().cautious, cautious);
}
