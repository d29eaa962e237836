//! A crash at every operation on the disk, by a killed process and by a power cut.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{Digest, Progress};
use payrun_ports::{Entry, History, RunStore};
use payrun_store::{Disk, OpenMode, PlanError, RunHandle, StateDir};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use support::fault::{Fault, FaultDisk, Left};
use support::*;

const PAYMENTS: u32 = 3;
const PLAN: &[u8] = b"a plan";

/// The groups of the scenario, before and after its second opening.
fn groups() -> [Vec<Vec<Entry>>; 2] {
    [
        vec![
            vec![first_intent(0), first_intent(1)],
            vec![lost(0), paid(1)],
            vec![first_intent(2), not_sent(2)],
        ],
        vec![vec![intent(2, 2), cancel()], vec![paid(2)]],
    ]
}

/// What the caller was told is done, and what it was still waiting for.
#[derive(Debug, Default)]
struct Told {
    plan: bool,
    created: bool,
    groups: usize,
    in_flight: bool,
}

fn plan_digest() -> Digest {
    Digest::from_bytes(Sha256::digest(PLAN).into())
}

/// Runs until the disk fails, and says what was acknowledged until then.
fn scenario(root: &std::path::Path, disk: &FaultDisk) -> Told {
    let mut told = Told::default();
    let _ = live(root, disk, &mut told);
    told
}

fn live(root: &std::path::Path, disk: &FaultDisk, told: &mut Told) -> Option<()> {
    let organisation = ORGANISATION.parse().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let state = StateDir::open_with(root, &organisation, disk, small()).ok()?;
    state.put_plan(&plan_digest(), PLAN).ok()?;
    told.plan = true;
    let references = references(RUN, PAYMENTS);
    let handle = state.create_run(&key(RUN), &identity(RUN, PAYMENTS), &references).ok()?;
    told.created = true;
    let [first, second] = groups();
    commit_all(&handle, first, told)?;
    drop(handle);
    let handle = state.open_run(&key(RUN), &references, OpenMode::Resume).ok()?;
    commit_all(&handle, second, told)
}

fn commit_all(handle: &RunHandle, groups: Vec<Vec<Entry>>, told: &mut Told) -> Option<()> {
    for group in groups {
        told.in_flight = true;
        let _ = block_on(handle.commit(group)).ok()?;
        told.in_flight = false;
        told.groups += 1;
    }
    Some(())
}

/// What the progress is after so many groups.
fn after(groups_done: usize) -> (Vec<Progress>, bool) {
    let mut progress = vec![Progress::default(); PAYMENTS as usize];
    let mut cancelled = false;
    for entry in groups().into_iter().flatten().take(groups_done).flatten() {
        match entry {
            Entry::Run(_) => cancelled = true,
            Entry::Payment(entry) => {
                progress[entry.payment.get()].apply(entry.event, entry.at, None).unwrap()
            }
        }
    }
    (progress, cancelled)
}

/// How many groups a history shows, if it shows a whole number of them.
fn groups_in(history: &History) -> Option<usize> {
    let shown = (history.progress.clone(), history.cancel_requested);
    (0..=5).find(|done| after(*done) == shown)
}

fn check_after_crash(root: &std::path::Path, told: &Told, context: &str) {
    let state = state(root);
    match state.plan(&plan_digest()) {
        Ok(bytes) => assert_eq!(bytes, PLAN),
        Err(PlanError::Missing(_)) => {
            assert!(!told.plan, "{context}: an acknowledged plan is gone")
        }
        Err(error) => panic!("{context}: {error}"),
    }
    state.put_plan(&plan_digest(), PLAN).unwrap();
    let references = references(RUN, PAYMENTS);
    let handle = if state.run_exists(&key(RUN)) {
        state
            .open_run(&key(RUN), &references, OpenMode::Resume)
            .unwrap_or_else(|error| panic!("{context}: cannot be opened: {error}"))
    } else {
        assert!(!told.created, "{context}: an acknowledged run is gone");
        state
            .create_run(&key(RUN), &identity(RUN, PAYMENTS), &references)
            .unwrap_or_else(|error| panic!("{context}: cannot be created: {error}"))
    };
    let history = block_on(handle.history()).unwrap();
    let shown = groups_in(&history)
        .unwrap_or_else(|| panic!("{context}: part of a group is there: {history:?}"));
    let allowed = told.groups..=told.groups + usize::from(told.in_flight);
    assert!(allowed.contains(&shown), "{context}: {shown} groups are there, {told:?}");
    for group in groups().into_iter().flatten().skip(shown) {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    drop(handle);
    let other = state.create_run(&key("other"), &identity("other", 1), &references[..1]);
    assert!(other.is_err(), "{context}: the claims are gone");
    let verification = state.verify(&key(RUN)).unwrap();
    assert!(verification.is_sound(), "{context}: {:?}", verification.findings);
    let (progress, _) = after(5);
    assert_eq!(state.read_run(&key(RUN)).unwrap().progress, progress, "{context}");
}

fn crash_everywhere(fault: Fault, left: Left) {
    let whole = FaultDisk::default();
    let root = fast_root();
    let told = scenario(&root.path().join("state"), &whole);
    assert_eq!((told.created, told.groups, told.in_flight), (true, 5, false));
    let operations = whole.operations();
    assert!(operations > 40, "{:?}", whole.log());
    for at in 0..operations {
        let root = fast_root();
        let root = root.path().join("state");
        let disk = FaultDisk::failing(at, fault);
        let told = scenario(&root, &disk);
        let what = disk.log()[at as usize].clone();
        disk.cut_power(left);
        check_after_crash(&root, &told, &format!("{fault:?} at {at} ({what}), {left:?} left"));
    }
}

#[test]
fn a_process_killed_before_any_operation_loses_nothing() {
    crash_everywhere(Fault::Fails, Left::All);
}

#[test]
fn a_process_killed_in_the_middle_of_any_write_loses_nothing() {
    crash_everywhere(Fault::Cut, Left::All);
}

#[test]
fn a_process_killed_after_any_operation_loses_nothing() {
    crash_everywhere(Fault::DoneButFails, Left::All);
}

#[test]
fn a_power_cut_that_drops_what_was_not_synced_loses_nothing() {
    crash_everywhere(Fault::Fails, Left::Nothing);
    crash_everywhere(Fault::DoneButFails, Left::Nothing);
}

#[test]
fn a_power_cut_that_tears_what_was_not_synced_loses_nothing() {
    crash_everywhere(Fault::DoneButFails, Left::HalfOfBytes);
}

#[test]
fn a_power_cut_that_leaves_zeros_loses_nothing() {
    crash_everywhere(Fault::DoneButFails, Left::Zeros);
}

/// A run whose journal ends in half a record.
fn torn_run() -> tempfile::TempDir {
    let root = fast_root();
    let state = state_on(root.path(), Arc::new(payrun_store::RealDisk), small());
    let handle = create(&state, RUN, PAYMENTS);
    for group in groups().into_iter().flatten() {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    drop(handle);
    std::fs::remove_dir_all(run_path(&state, RUN).join("checkpoint")).unwrap();
    let last = segments(&state, RUN).pop().unwrap();
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, &bytes[..bytes.len() - 10]).unwrap();
    root
}

#[test]
fn a_crash_while_a_torn_end_is_mended_still_leads_to_a_cautious_start() {
    let sample = torn_run();
    let references = references(RUN, PAYMENTS);
    let mend = |root: &std::path::Path, disk: FaultDisk| -> Option<()> {
        let organisation = ORGANISATION.parse().unwrap();
        let state = StateDir::open_with(root, &organisation, Arc::new(disk), small()).ok()?;
        let handle = state.open_run(&key(RUN), &references, OpenMode::Resume).ok()?;
        block_on(handle.close()).ok()
    };
    let copy = |root: &std::path::Path| copy_tree(sample.path(), root);
    let root = fast_root();
    copy(root.path());
    let whole = FaultDisk::default();
    mend(root.path(), whole.clone()).unwrap();
    assert!(whole.operations() > 8, "{:?}", whole.log());
    for at in 0..whole.operations() {
        for fault in [Fault::Fails, Fault::Cut, Fault::DoneButFails] {
            for left in [Left::All, Left::Nothing, Left::HalfOfBytes, Left::Zeros] {
                let root = fast_root();
                copy(root.path());
                let disk = FaultDisk::failing(at, fault);
                assert!(mend(root.path(), disk.clone()).is_none());
                disk.cut_power(left);
                let context =
                    format!("{fault:?} at {at} ({}), {left:?} left", disk.log()[at as usize]);
                let state = state(root.path());
                let handle = state
                    .open_run(&key(RUN), &references, OpenMode::Resume)
                    .unwrap_or_else(|error| panic!("{context}: {error}"));
                let history = block_on(handle.history()).unwrap();
                assert_eq!(groups_in(&history), Some(4), "{context}");
                assert!(
                    history.cautious.is_some(),
                    "{context}: goes on as if nothing had happened"
                );
                drop(handle);
                let verification = state.verify(&key(RUN)).unwrap();
                assert!(verification.is_sound(), "{context}: {:?}", verification.findings);
                assert!(!verification.set_aside.is_empty(), "{context}: nothing is kept");
            }
        }
    }
}

#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_it_is_built_on() {
    let whole = FaultDisk::default();
    let _ = scenario(fast_root().path(), &whole);
    for at in 0..whole.operations() {
        for fault in [Fault::Fails, Fault::Cut, Fault::DoneButFails] {
            let root = fast_root();
            let disk = FaultDisk::failing(at, fault);
            let _ = scenario(root.path(), &disk);
            let context = format!("{fault:?} at {at} ({})", disk.log()[at as usize]);
            // The machine stays up: the next process finds what the page cache holds, and goes on.
            disk.heal();
            let state = state_on(root.path(), Arc::new(disk.clone()), small());
            state.put_plan(&plan_digest(), PLAN).unwrap();
            let references = references(RUN, PAYMENTS);
            let opened = match state.run_exists(&key(RUN)) {
                true => state.open_run(&key(RUN), &references, OpenMode::Resume).ok(),
                false => {
                    let identity = identity(RUN, PAYMENTS);
                    state.create_run(&key(RUN), &identity, &references).ok()
                }
            };
            let handle = opened.unwrap_or_else(|| panic!("{context}: cannot go on"));
            let shown = groups_in(&block_on(handle.history()).unwrap()).unwrap();
            for group in groups().into_iter().flatten().skip(shown) {
                let _ = block_on(handle.commit(group)).unwrap();
            }
            drop(handle);
            disk.cut_power(Left::Nothing);
            let all = Told { plan: true, created: true, groups: 5, in_flight: false };
            check_after_crash(root.path(), &all, &context);
        }
    }
}
