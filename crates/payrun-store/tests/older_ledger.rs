//! An older ledger that was put back, and a process killed while it says so.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_ports::RunStore;
use support::*;

#[test]
fn an_older_ledger_is_told_although_who_noticed_it_was_killed_while_saying_so() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "may", 2));
    let segment = state.path().join("ledger/00000001.seg");
    let older = std::fs::read(&segment).unwrap();
    for run in ["june", "july"] {
        let handle = create(&state, run, 2);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        drop(handle);
    }
    std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
    std::fs::write(&segment, &older).unwrap();
    let _refused = state.create_run(&key("new"), &identity("new", 2), &references("new", 2));
    let noticed = std::fs::read(&segment).unwrap();
    assert!(noticed.len() > older.len());
    let mut bad = Vec::new();
    for end in older.len()..=noticed.len() {
        let torn = tempfile::tempdir().unwrap();
        copy_tree(root.path(), torn.path());
        let state = support::state(torn.path());
        std::fs::write(state.path().join("ledger/00000001.seg"), &noticed[..end]).unwrap();
        drop(open(&state, "june"));
        let july = create(&state, "july", 2);
        if block_on(july.history()).unwrap().cautious.is_none() {
            bad.push(end - older.len());
        }
    }
    assert!(
        bad.is_empty(),
        "of {} bytes, july is begun as new where it was killed after {bad:?}",
        noticed.len() - older.len()
    );
}

/// A copy of the ledger that was made while somebody wrote, and is put back later.
#[test]
fn an_older_ledger_is_told_although_its_end_is_torn() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "april", 2));
    let segment = state.path().join("ledger/00000001.seg");
    let before = std::fs::read(&segment).unwrap().len();
    drop(create(&state, "may", 2));
    let older = std::fs::read(&segment).unwrap();
    for run in ["june", "july"] {
        let handle = create(&state, run, 2);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        drop(handle);
    }
    std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
    for end in [before, before + 1, older.len() - 1, older.len()] {
        let torn = tempfile::tempdir().unwrap();
        copy_tree(root.path(), torn.path());
        let state = support::state(torn.path());
        std::fs::write(state.path().join("ledger/00000001.seg"), &older[..end]).unwrap();
        drop(open(&state, "june"));
        drop(open(&state, "may"));
        let july = create(&state, "july", 2);
        let cautious = block_on(july.history()).unwrap().cautious;
        assert!(
            cautious.is_some(),
            "cut off at {} of {}: july is begun as new",
            end - before,
            older.len() - before
        );
    }
}

/// Whatever happened to it, it grows no more once that was noticed.
#[test]
fn a_ledger_does_not_grow_by_being_opened() {
    for case in 0..5 {
        let root = tempfile::tempdir().unwrap();
        let state = state(root.path());
        drop(create(&state, "may", 2));
        let segment = state.path().join("ledger/00000001.seg");
        let older = std::fs::read(&segment).unwrap();
        for run in ["june", "july"] {
            let handle = create(&state, run, 2);
            let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
            drop(handle);
        }
        let whole = std::fs::read(&segment).unwrap();
        match case {
            0 => std::fs::write(&segment, &older).unwrap(),
            1 => std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap(),
            2 => {
                std::fs::write(&segment, &older).unwrap();
                std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
            }
            3 => {
                std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
                std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
            }
            _ => {
                std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
                std::fs::write(run_path(&state, "july").join("journal/00000001.seg"), b"").unwrap();
            }
        }
        let mut sizes = Vec::new();
        for _ in 0..6 {
            let refused = state.create_run(&key("x"), &identity("x", 2), &references("may", 2));
            assert!(refused.is_err());
            sizes.push(std::fs::metadata(&segment).unwrap().len());
        }
        assert!(sizes.windows(2).all(|w| w[0] == w[1]), "case {case}: {sizes:?}");
    }
}
