//! Looking at records: nothing is made, nothing is written, no right to write is needed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::Digest;
use payrun_store::{OpenError, OpenMode, StateDir};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use support::*;

fn to_read(root: &Path) -> StateDir {
    StateDir::open_to_read(root, &ORGANISATION.parse().unwrap()).unwrap()
}

/// Every file and folder below, with the bytes of files.
fn everything(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(everything(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_copy_is_looked_at_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let digest = Digest::from_bytes(Sha256::digest(b"plan").into());
    state.put_plan(&digest, b"plan").unwrap();
    drop(create(&state, RUN, 2));
    // What a copy may lack: nobody reads it.
    std::fs::remove_file(state.path().join("LOCK")).unwrap();
    std::fs::remove_file(run_path(&state, RUN).join("LOCK")).unwrap();
    let before = everything(root.path());
    let copy = to_read(root.path());
    assert_eq!(copy.runs().unwrap(), [key(RUN)]);
    assert_eq!(copy.run_identity(&key(RUN)).unwrap(), Some(identity(RUN, 2)));
    assert_eq!(copy.read_run(&key(RUN)).unwrap().progress.len(), 2);
    assert_eq!(copy.plan(&digest).unwrap(), b"plan");
    let found = copy.verify(&key(RUN)).unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
    assert!(copy.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume).is_err());
    assert!(copy.create_run(&key("new"), &identity("new", 1), &references("new", 1)).is_err());
    assert!(copy.rebuild(&key(RUN)).is_err() && copy.rebuild_ledger().is_err());
    assert!(copy.put_plan(&digest, b"plan").is_err());
    assert_eq!(everything(root.path()), before);
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let root = tempfile::tempdir().unwrap();
    let nowhere = root.path().join("nowhere");
    let state = to_read(&nowhere);
    assert_eq!(state.runs().unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(state.run_identity(&key(RUN)).unwrap(), None);
    assert!(!nowhere.exists());
    std::fs::write(root.path().join(ORGANISATION), "").unwrap();
    let refused = StateDir::open_to_read(root.path(), &ORGANISATION.parse().unwrap());
    assert!(matches!(refused, Err(OpenError::NotADirectory(_))), "{refused:?}");
}
