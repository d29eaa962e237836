//! Claims: a reference belongs to one run.

mod support;

use payrun_ports::RunStore;
use payrun_store::{ClaimError, CreateError, LedgerError, OpenMode, OpenRunError};
use support::fault::{Fault, FaultDisk};
use support::*;

#[test]
fn two_runs_cannot_claim_one_reference() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let all = references("emp", 7);
    let first = state.create_run(&key("june"), &identity("june", 5), &all[..5]).unwrap();
    match state.create_run(&key("july"), &identity("july", 4), &all[3..]) {
        Err(CreateError::Claimed { count, examples }) => {
            assert_eq!(count, 2);
            assert_eq!(examples[0].reference, all[3]);
            assert_eq!(examples[0].run, key("june"));
        }
        other => panic!("{other:?}"),
    }
    assert!(!state.run_exists(&key("july")));
    assert_eq!(state.runs().unwrap(), [key("june")]);
    drop(first);
    drop(state.create_run(&key("july"), &identity("july", 2), &all[5..]).unwrap());
    assert!(state.verify(&key("july")).unwrap().is_sound());
}

#[test]
fn of_many_that_claim_at_once_one_gets_it() {
    let root = fast_root();
    let same = references("emp", 3);
    for same_key in [false, true] {
        let begin = std::sync::Barrier::new(8);
        let claim = |n: usize| {
            // Each with a state directory of its own: locks then stand between them as between processes.
            let state = state(root.path());
            let name = if same_key { "one".to_owned() } else { format!("run-{n}") };
            let own = if same_key { references("one", 3) } else { same.clone() };
            begin.wait();
            state.create_run(&key(&name), &identity(&name, 3), &own)
        };
        let (won, lost): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..8).map(|n| scope.spawn(move || claim(n))).collect();
            claims.into_iter().map(|claim| claim.join().unwrap()).partition(Result::is_ok)
        });
        assert_eq!(won.len(), 1);
        for refused in lost {
            match refused {
                Err(CreateError::Claimed { count: 3, .. }) => assert!(!same_key),
                Err(CreateError::AlreadyExists(_)) => assert!(same_key),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(state(root.path()).runs().unwrap().len(), 2);
}

#[test]
fn runs_whose_keys_contain_each_other_lie_side_by_side() {
    let root = fast_root();
    let state = state(root.path());
    let most_slashes = format!("{}aa", "a/".repeat(63));
    let keys = ["a", "a.b", &most_slashes, "a/b", "a/b/c", "a/journal", "a/lock"];
    let own = |number| references(&format!("emp-{number}"), 2);
    for (number, run) in keys.into_iter().enumerate() {
        let handle = state.create_run(&key(run), &identity(run, 2), &own(number)).unwrap();
        let _ = block_on(handle.commit(vec![first_intent(0)])).unwrap();
    }
    assert_eq!(state.runs().unwrap(), keys.map(key));
    for (number, run) in keys.into_iter().enumerate() {
        assert_eq!(state.read_run(&key(run)).unwrap().identity.run, key(run));
        drop(state.open_run(&key(run), &own(number), OpenMode::Resume).unwrap());
        assert!(state.verify(&key(run)).unwrap().is_sound(), "{run}");
    }
    assert_eq!(std::fs::read_dir(state.path().join("runs")).unwrap().count(), keys.len());
}

#[test]
fn a_run_that_exists_is_never_begun_again() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 2));
    let again = state.create_run(&key(RUN), &identity(RUN, 2), &references("else", 2));
    assert!(matches!(again, Err(CreateError::AlreadyExists(_))));
    let other = state.create_run(&key("other"), &identity(RUN, 2), &references("else", 2));
    assert!(matches!(other, Err(CreateError::OtherIdentity { .. })));
}

#[test]
fn a_run_whose_folder_is_gone_is_not_new_and_can_be_adopted_cautiously() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 2));
    std::fs::remove_dir_all(run_path(&state, RUN)).unwrap();
    let references = references(RUN, 2);
    match state.create_run(&key(RUN), &identity(RUN, 2), &references) {
        Err(CreateError::HistoryLost { claims, .. }) => assert_eq!(claims, 2),
        other => panic!("{other:?}"),
    }
    assert!(!state.run_exists(&key(RUN)));
    let adopted = state.adopt_run(&key(RUN), &identity(RUN, 2), &references, "adopted").unwrap();
    assert_eq!(block_on(adopted.history()).unwrap().cautious.as_deref(), Some("adopted"));
    drop(adopted);
    let history = block_on(open(&state, RUN).history()).unwrap();
    assert_eq!(history.cautious.as_deref(), Some("adopted"), "it stays so");
}

#[test]
fn a_run_without_records_has_lost_them() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, RUN, 2));
    let journal = run_path(&state, RUN).join("journal");
    let empty_files = || std::fs::write(journal.join("00000001.seg"), b"").unwrap();
    let no_files = || std::fs::remove_file(journal.join("00000001.seg")).unwrap();
    let no_folder = || std::fs::remove_dir_all(&journal).unwrap();
    for (condition, what) in
        [(&empty_files as &dyn Fn(), "empty"), (&no_files, "no file"), (&no_folder, "no folder")]
    {
        condition();
        let opened = state.open_run(&key(RUN), &references(RUN, 2), OpenMode::Resume);
        assert!(matches!(opened, Err(OpenRunError::LostContents(_))), "{what}: {opened:?}");
        let created = state.create_run(&key(RUN), &identity(RUN, 2), &references(RUN, 2));
        assert!(matches!(created, Err(CreateError::AlreadyExists(_))), "{what}");
        assert!(state.run_identity(&key(RUN)).is_err(), "{what}");
        assert!(state.read_run(&key(RUN)).is_err(), "{what}");
        assert!(!state.verify(&key(RUN)).unwrap().is_sound(), "{what}");
    }
}

#[test]
fn claims_that_a_crash_kept_out_are_made_up_for_before_the_run_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let probe = FaultDisk::default();
    let dir = state_on(root.path(), std::sync::Arc::new(probe.clone()), limits());
    drop(create(&dir, "probe", 1));
    let before = probe.operations();
    drop(create(&dir, "second", 1));
    let operations = probe.operations() - before;
    // The last two operations of creating a run write and sync its claims.
    probe.fail_after(operations - 2, Fault::Fails);
    let failed = dir.create_run(&key(RUN), &identity(RUN, 2), &references(RUN, 2));
    assert!(matches!(failed, Err(CreateError::Ledger(LedgerError::Io(_)))), "{failed:?}");
    probe.heal();
    assert!(dir.run_exists(&key(RUN)));
    drop(open(&dir, RUN));
    let other = dir.create_run(&key("other"), &identity("other", 2), &references(RUN, 2));
    assert!(matches!(other, Err(CreateError::Claimed { count: 2, .. })));
}

#[test]
fn a_lost_ledger_stops_new_runs_until_every_run_has_claimed_again() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    drop(create(&state, "july", 2));
    std::fs::remove_file(state.path().join("ledger/00000001.seg")).unwrap();
    let new = || state.create_run(&key("new"), &identity("new", 1), &references("new", 1));
    match new() {
        Err(CreateError::LedgerIncomplete { runs }) => assert_eq!(runs, [key("july"), key("june")]),
        other => panic!("{other:?}"),
    }
    drop(open(&state, "june"));
    match new() {
        Err(CreateError::LedgerIncomplete { runs }) => assert_eq!(runs, [key("july")]),
        other => panic!("{other:?}"),
    }
    assert_eq!(state.reclaim(&key("july"), &references("july", 2)).unwrap(), 2);
    assert_eq!(state.reclaim(&key("july"), &references("july", 2)).unwrap(), 0);
    drop(new().unwrap());
    let taken = state.reclaim(&key("new"), &references("june", 2));
    assert!(matches!(taken, Err(ClaimError::Claimed { count: 2, .. })));
}

#[test]
fn a_damaged_ledger_is_refused_and_can_be_begun_again() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    drop(create(&state, "july", 2));
    let segment = state.path().join("ledger/00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let refused = state.create_run(&key("new"), &identity("new", 1), &references("new", 1));
    assert!(matches!(refused, Err(CreateError::Ledger(LedgerError::Corrupt(_)))));
    let refused = state.open_run(&key("june"), &references("june", 2), OpenMode::Resume);
    assert!(matches!(refused, Err(OpenRunError::Ledger(LedgerError::Corrupt(_)))));
    let rebuilt = state.rebuild_ledger().unwrap();
    assert_eq!(rebuilt.runs, [key("july"), key("june")]);
    assert_eq!(rebuilt.set_aside, Some(state.path().join("ledger.aside-1")));
    for run in ["june", "july"] {
        state.reclaim(&key(run), &references(run, 2)).unwrap();
    }
    // A run whose folder is gone may have claimed the same: only the provider can say (I11).
    let new = state.create_run(&key("new"), &identity("new", 1), &references("new", 1)).unwrap();
    assert!(block_on(new.history()).unwrap().cautious.is_some());
    drop(new);
    let new = open(&state, "new");
    assert!(block_on(new.history()).unwrap().cautious.is_some(), "it stays so");
    drop(new);
    assert_eq!(block_on(open(&state, "june").history()).unwrap().cautious, None);
    assert!(state.path().join("ledger.aside-1").is_dir());
}

#[test]
fn a_ledger_that_can_be_read_is_never_set_aside() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    let kept = || state.rebuild_ledger().unwrap().set_aside;
    assert_eq!(kept(), None);
    // A newer payrun's is not damaged: it knows more than this one can read.
    let segment = state.path().join("ledger/00000001.seg");
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(kept(), None, "a torn end is mended by whoever opens it");
    assert!(!state.path().join("ledger.aside-1").exists());
}

#[test]
fn a_ledger_that_lost_its_end_stops_new_runs_until_it_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    drop(create(&state, "july", 2));
    let segment = state.path().join("ledger/00000001.seg");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
    match state.create_run(&key("new"), &identity("new", 2), &references("july", 2)) {
        Err(CreateError::LedgerIncomplete { runs }) => assert_eq!(runs, [key("july")]),
        other => panic!("{other:?}"),
    }
    drop(open(&state, "july"));
    match state.create_run(&key("new"), &identity("new", 2), &references("july", 2)) {
        Err(CreateError::Claimed { count: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ledger_without_its_last_file_stops_new_runs_while_a_begun_run_lacks_its_claims() {
    let root = tempfile::tempdir().unwrap();
    let state = state_on(root.path(), std::sync::Arc::new(payrun_store::RealDisk), small());
    drop(create(&state, "may", 20));
    let june = create(&state, "june", 20);
    let _ = block_on(june.commit(vec![first_intent(0)])).unwrap();
    drop(june);
    std::fs::remove_file(state.path().join("ledger/00000003.seg")).unwrap();
    assert!(!state.verify(&key("june")).unwrap().is_sound());
    let again = || state.create_run(&key("again"), &identity("again", 20), &references("june", 20));
    match again() {
        Err(CreateError::LedgerIncomplete { runs }) => assert_eq!(runs, [key("june")]),
        other => panic!("{other:?}"),
    }
    drop(open(&state, "june"));
    assert!(matches!(again(), Err(CreateError::Claimed { count: 20, .. })));
}

#[test]
fn a_copy_of_a_runs_folder_beside_it_stops_nobody() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let june = create(&state, "june", 2);
    let _ = block_on(june.commit(vec![first_intent(0)])).unwrap();
    drop(june);
    copy_tree(&run_path(&state, "june"), &run_path(&state, "june.bak"));
    drop(create(&state, "july", 2));
    std::fs::remove_file(state.path().join("ledger/00000001.seg")).unwrap();
    for run in ["june", "july"] {
        drop(open(&state, run));
    }
    drop(create(&state, "august", 2));
}

#[test]
fn a_run_of_more_payments_than_one_record_takes_claims_all_of_them() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let count = 70_000;
    let all = references("emp", count);
    drop(state.create_run(&key("big"), &identity("big", count), &all).unwrap());
    let last = &all[all.len() - 1..];
    let refused = state.create_run(&key("other"), &identity("other", 1), last);
    assert!(matches!(refused, Err(CreateError::Claimed { count: 1, .. })));
}
