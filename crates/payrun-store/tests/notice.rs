//! That the ledger is older, lost or emptied is noticed at once, and whose claims are missing is told.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod support;

use payrun_ports::RunStore;
use support::*;

/// The ledger's folder is emptied; one run is opened; another one, which has sent, goes before the next opening.
#[test]
fn a_run_that_goes_after_the_ledger_was_lost_is_told() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    for run in ["june", "july"] {
        let handle = create(&state, run, 2);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        drop(handle);
    }
    std::fs::remove_file(state.path().join("ledger/00000001.seg")).unwrap();
    drop(open(&state, "june"));
    std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
    let lost = state.lost_runs().unwrap();
    let july = state.create_run(&key("july"), &identity("july", 1), &references("july", 1));
    let july = july.map(|handle| block_on(handle.history()).unwrap().cautious);
    assert_eq!(lost, [key("july")], "and july, begun with one payment less: {july:?}");
    assert!(july.is_err());
}

/// An older ledger with a torn end; the run that shows it cannot be read when that is noticed, and can be later.
#[test]
fn an_older_ledger_is_told_although_who_shows_it_was_unreadable_at_first() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "april", 2));
    let segment = state.path().join("ledger/00000001.seg");
    drop(create(&state, "may", 2));
    let older = std::fs::read(&segment).unwrap();
    for run in ["june", "july"] {
        let handle = create(&state, run, 2);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        drop(handle);
    }
    std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
    std::fs::write(&segment, &older[..older.len() - 1]).unwrap();
    let journal = run_path(&state, "june").join("journal/00000001.seg");
    let aside = root.path().join("aside");
    std::fs::rename(&journal, &aside).unwrap();
    std::fs::create_dir(&journal).unwrap();
    assert!(state.create_run(&key("new"), &identity("new", 2), &references("new", 2)).is_err());
    std::fs::remove_dir(&journal).unwrap();
    std::fs::rename(&aside, &journal).unwrap();
    drop(open(&state, "june"));
    drop(open(&state, "may"));
    let july = create(&state, "july", 2);
    assert!(block_on(july.history()).unwrap().cautious.is_some(), "july is begun as new");
}

/// How much the ledger's file grows by openings after it was emptied.
#[test]
fn an_emptied_ledger_is_noticed_at_once() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    for run in ["june", "july"] {
        let handle = create(&state, run, 2);
        let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
        drop(handle);
    }
    let segment = state.path().join("ledger/00000001.seg");
    std::fs::remove_file(&segment).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let refused = state.create_run(&key("x"), &identity("x", 2), &references("x", 2));
        assert!(refused.is_err());
        sizes.push(std::fs::metadata(&segment).unwrap().len());
    }
    assert!(sizes.windows(2).all(|w| w[0] == w[1]), "{sizes:?}");
}

/// Whatever became of the ledger and of a run, and whoever opens it in whatever order: it grows no more after the second opening.
#[test]
fn a_ledger_stops_growing() {
    let mut bad = Vec::new();
    for cut in 0..4 {
        for ruin in 0..5 {
            for end in 0..3 {
                let root = fast_root();
                let state = state(root.path());
                drop(create(&state, "may", 2));
                let segment = state.path().join("ledger/00000001.seg");
                let older = std::fs::read(&segment).unwrap();
                for run in ["june", "july"] {
                    let handle = create(&state, run, 2);
                    let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)]));
                    drop(handle);
                }
                let whole = std::fs::read(&segment).unwrap();
                let base = [&older[..], &whole[..], b""][end];
                let to = base.len().saturating_sub([0, 1, 40, 100][cut]);
                std::fs::write(&segment, &base[..to]).unwrap();
                let journal = run_path(&state, "june").join("journal/00000001.seg");
                match ruin {
                    0 => {}
                    1 => std::fs::write(&journal, b"").unwrap(),
                    2 => {
                        std::fs::remove_file(&journal).unwrap();
                        std::fs::create_dir(&journal).unwrap();
                    }
                    3 => std::fs::remove_dir_all(run_path(&state, "june")).unwrap(),
                    _ => std::fs::rename(run_path(&state, "june"), run_path(&state, "x2")).unwrap(),
                }
                let mut sizes = Vec::new();
                for n in 0..8 {
                    if n % 2 == 0 {
                        let mine = references("may", 2);
                        let _ = state.create_run(&key("x"), &identity("x", 2), &mine).map(drop);
                    } else {
                        let mode = payrun_store::OpenMode::Resume;
                        let _ =
                            state.open_run(&key("june"), &references("june", 2), mode).map(drop);
                    }
                    sizes.push(std::fs::metadata(&segment).map_or(0, |m| m.len()));
                }
                if sizes[3..].windows(2).any(|w| w[0] != w[1]) {
                    bad.push(format!("cut {cut} ruin {ruin} end {end}: {sizes:?}"));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}
