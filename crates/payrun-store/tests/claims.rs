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
    assert_eq!(
        state.reclaim(&key("july"), &references("july", 2), &identity("june", 2).account).unwrap(),
        2
    );
    assert_eq!(
        state.reclaim(&key("july"), &references("july", 2), &identity("june", 2).account).unwrap(),
        0
    );
    drop(new().unwrap());
    let taken = state.reclaim(&key("new"), &references("june", 2), &identity("june", 2).account);
    assert!(matches!(taken, Err(ClaimError::Claimed { count: 2, .. })));
}

#[test]
fn a_damaged_ledger_is_refused_and_can_be_begun_again() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    drop(create(&state, "july", 2));
    drop(block_on(open(&state, "july").commit(vec![first_intent(0)])).unwrap());
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
        state.reclaim(&key(run), &references(run, 2), &identity("june", 2).account).unwrap();
    }
    // A run whose folder is gone may have claimed the same: only the provider can say (I11).
    let new = state.create_run(&key("new"), &identity("new", 1), &references("new", 1)).unwrap();
    assert!(block_on(new.history()).unwrap().cautious.is_some());
    drop(new);
    let new = open(&state, "new");
    assert!(block_on(new.history()).unwrap().cautious.is_some(), "it stays so");
    drop(new);
    // So it is with what others have not sent yet: they may be older copies, put back beside the ledger.
    for run in ["june", "july"] {
        assert!(block_on(open(&state, run).history()).unwrap().cautious.is_some(), "{run}");
    }
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

/// The claims of a run whose folder is gone, damaged where they are the ledger's last record.
#[test]
fn claims_lost_with_the_ledgers_end_make_every_later_run_cautious() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "may", 2));
    let june = create(&state, "june", 2);
    let _ = block_on(june.commit(vec![first_intent(0), first_intent(1)])).unwrap();
    drop(june);
    std::fs::remove_dir_all(run_path(&state, "june")).unwrap();
    // A copy of a run's folder lacks claims, and is not what the end belonged to.
    copy_tree(&run_path(&state, "may"), &run_path(&state, "may.bak"));
    let segment = state.path().join("ledger/00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    for run in ["june", "july"] {
        let new = create(&state, run, 2);
        let cautious = block_on(new.history()).unwrap().cautious;
        assert!(cautious.is_some(), "{run}: what was sent would be sent again without a look");
    }
}

/// The usual crash: a new run's folder has its name, and its claims are torn.
#[test]
fn an_end_that_a_killed_creation_tore_makes_no_later_run_cautious() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    let segment = state.path().join("ledger/00000001.seg");
    let before = std::fs::metadata(&segment).unwrap().len() as usize;
    drop(create(&state, "july", 2));
    let whole = std::fs::read(&segment).unwrap();
    for end in before + 1..whole.len() {
        let torn = tempfile::tempdir().unwrap();
        copy_tree(root.path(), torn.path());
        let state = support::state(torn.path());
        std::fs::write(state.path().join("ledger/00000001.seg"), &whole[..end]).unwrap();
        drop(open(&state, "july"));
        let new = create(&state, "new", 2);
        assert_eq!(block_on(new.history()).unwrap().cautious, None, "cut off at {end}");
    }
}

/// The ledger was opened while the run that lacks its claims was there, and that run's folder is gone since.
#[test]
fn claims_that_were_to_be_put_back_are_lost_with_their_run_if_it_sent_anything() {
    for sent in [true, false] {
        let root = tempfile::tempdir().unwrap();
        let state = state(root.path());
        drop(create(&state, "june", 2));
        let july = create(&state, "july", 2);
        if sent {
            let _ = block_on(july.commit(vec![first_intent(0)])).unwrap();
        }
        drop(july);
        let segment = state.path().join("ledger/00000001.seg");
        let bytes = std::fs::read(&segment).unwrap();
        std::fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
        let refused = state.create_run(&key("new"), &identity("new", 2), &references("new", 2));
        assert!(matches!(refused, Err(CreateError::LedgerIncomplete { .. })), "{refused:?}");
        std::fs::remove_dir_all(run_path(&state, "july")).unwrap();
        assert_eq!(state.lost_runs().unwrap(), if sent { vec![key("july")] } else { vec![] });
        let new = create(&state, "new", 2);
        assert_eq!(block_on(new.history()).unwrap().cautious.is_some(), sent);
        let again = state.create_run(&key("july"), &identity("july", 2), &references("july", 2));
        assert_eq!(matches!(again, Err(CreateError::HistoryLost { .. })), sent);
    }
}

#[test]
fn a_ledger_whose_rebuilding_was_cut_off_is_not_taken_for_new() {
    let mut cut_off = 0;
    for after in 0.. {
        let root = tempfile::tempdir().unwrap();
        let disk = FaultDisk::default();
        let state = state_on(root.path(), std::sync::Arc::new(disk.clone()), limits());
        for run in ["may", "june"] {
            drop(create(&state, run, 2));
            std::fs::remove_dir_all(run_path(&state, run)).unwrap();
        }
        let segment = state.path().join("ledger/00000001.seg");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[200] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        disk.fail_after(after, Fault::Fails);
        let rebuilt = state.rebuild_ledger();
        disk.heal();
        if rebuilt.is_ok() {
            break;
        }
        // The next process.
        let state = state_on(root.path(), std::sync::Arc::new(disk), limits());
        match state.create_run(&key("june"), &identity("june", 2), &references("june", 2)) {
            Err(CreateError::Ledger(LedgerError::Corrupt(_))) => {}
            Err(error) => panic!("cut off after {after} operations: {error}"),
            Ok(again) => {
                let cautious = block_on(again.history()).unwrap().cautious;
                assert!(cautious.is_some(), "cut off after {after} operations: taken for new");
                cut_off += 1;
            }
        }
    }
    assert!(cut_off > 0, "no new ledger was begun after one that was set aside");
}

#[test]
fn a_ledger_without_its_last_file_stops_new_runs_while_a_begun_run_lacks_its_claims() {
    let root = tempfile::tempdir().unwrap();
    let state = state_on(root.path(), std::sync::Arc::new(payrun_store::RealDisk), small());
    drop(create(&state, "may", 20));
    let june = create(&state, "june", 20);
    let _ = block_on(june.commit(vec![first_intent(0)])).unwrap();
    drop(june);
    let files = std::fs::read_dir(state.path().join("ledger")).unwrap();
    let last = files.map(|file| file.unwrap().path()).max().unwrap();
    std::fs::remove_file(last).unwrap();
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
fn a_file_among_the_runs_is_no_run_and_stops_nobody() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    drop(create(&state, "june", 2));
    std::fs::write(state.path().join("runs/june.tar.gz"), "a backup").unwrap();
    // A run that was moved to another disk.
    std::fs::rename(run_path(&state, "june"), root.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(root.path().join("elsewhere"), run_path(&state, "june")).unwrap();
    // A link that leads nowhere may be a run on a disk that is missing (I11).
    std::os::unix::fs::symlink(root.path().join("gone"), run_path(&state, "may")).unwrap();
    assert_eq!(state.runs().unwrap(), [key("june"), key("may")]);
    std::fs::remove_file(run_path(&state, "may")).unwrap();
    std::fs::remove_file(state.path().join("ledger/00000001.seg")).unwrap();
    drop(open(&state, "june"));
    drop(create(&state, "july", 2));
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
