//! A run written out and made anew elsewhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{Digest, Event, PaymentIndex, State};
use payrun_ports::{Entry, RunStore};
use payrun_store::{
    CreateError, Disk, ImportError, OpenMode, PortableError, RunHandle, RunIdentity, StateDir,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::sync::Arc;
use support::fault::{Fault, FaultDisk, Left};
use support::*;

const PLAN: &[u8] = b"{\"plan\":\"of five payments\"}\n{\"amount\":\"1500.50\"}\n";

type Imported = Result<RunIdentity, ImportError<String>>;

fn digest() -> Digest {
    Digest::from_bytes(Sha256::digest(PLAN).into())
}

fn bound(run: &str, payments: u32) -> RunIdentity {
    RunIdentity { plan: digest(), ..identity(run, payments) }
}

/// A run of these groups, closed.
fn run_of(root: &Path, payments: u32, groups: Vec<Vec<Entry>>) -> StateDir {
    let state = state(root);
    state.put_plan(&digest(), PLAN).unwrap();
    let references = references(RUN, payments);
    let handle = state.create_run(&key(RUN), &bound(RUN, payments), &references).unwrap();
    for group in groups {
        let _ = block_on(handle.commit(group)).unwrap();
    }
    state
}

fn export(state: &StateDir) -> Vec<u8> {
    let mut text = Vec::new();
    state.export_run(&key(RUN), &mut text).unwrap();
    text
}

fn import(state: &StateDir, text: &[u8], payments: u32) -> Imported {
    state.import_run(text, |identity, plan| {
        assert_eq!((identity.plan, plan), (digest(), PLAN));
        Ok(references(RUN, payments))
    })
}

fn some_groups() -> Vec<Vec<Entry>> {
    vec![
        vec![first_intent(0), first_intent(1)],
        vec![paid(0), lost(1), first_intent(2), not_sent(2)],
        vec![event(3, Event::Held), cancel()],
    ]
}

fn nothing_is_there(state: &StateDir) {
    assert!(!state.run_exists(&key(RUN)));
    assert_eq!(std::fs::read_dir(state.path().join("runs")).unwrap().count(), 0);
}

#[test]
fn what_is_imported_is_what_was_exported_and_goes_on_cautiously() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = run_of(here.path(), 5, some_groups());
    let to = state(there.path());
    let text = export(&from);
    assert_eq!(import(&to, &text, 5).unwrap(), bound(RUN, 5));
    let (before, after) = (from.read_run(&key(RUN)).unwrap(), to.read_run(&key(RUN)).unwrap());
    assert_eq!((before.identity, before.progress), (after.identity, after.progress));
    assert!(before.cautious.is_none() && after.cautious.is_some() && after.cancel_requested);
    assert_eq!(to.plan(&digest()).unwrap(), PLAN);
    let handle = open(&to, RUN);
    let history = block_on(handle.history()).unwrap();
    let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
    let expected = [State::Paid, State::Unknown, State::Planned, State::Held, State::Planned];
    assert_eq!(states, expected);
    assert!(history.cautious.is_some());
    // The bodies came along: none is made anew (I2).
    assert_eq!(block_on(handle.body(PaymentIndex(2))).unwrap(), Some(body(2)));
    let _ = block_on(handle.commit(vec![intent(2, 2)])).unwrap();
    drop(handle);
    assert!(to.verify(&key(RUN)).unwrap().is_sound());
    // Once more, from there: it stays what it is.
    let third = tempfile::tempdir().unwrap();
    let again = state(third.path());
    import(&again, &export(&to), 5).unwrap();
    let progress = again.read_run(&key(RUN)).unwrap().progress;
    assert_eq!(progress, to.read_run(&key(RUN)).unwrap().progress);
}

#[test]
fn a_run_that_is_there_is_never_written_over() {
    let here = tempfile::tempdir().unwrap();
    let state = run_of(here.path(), 5, some_groups());
    let refused = import(&state, &export(&state), 5).unwrap_err();
    assert!(matches!(refused, ImportError::Create(CreateError::AlreadyExists(_))), "{refused}");
}

#[test]
fn references_that_another_run_holds_are_not_taken() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = run_of(here.path(), 5, some_groups());
    let to = state(there.path());
    drop(to.create_run(&key("other"), &identity("other", 1), &references(RUN, 1)).unwrap());
    let refused = import(&to, &export(&from), 5).unwrap_err();
    assert!(matches!(refused, ImportError::Create(CreateError::Claimed { .. })), "{refused}");
    assert!(!to.run_exists(&key(RUN)));
    // And the other way round: what is imported holds its references.
    let third = tempfile::tempdir().unwrap();
    let again = state(third.path());
    import(&again, &export(&from), 5).unwrap();
    let other = again.create_run(&key("other"), &identity("other", 1), &references(RUN, 1));
    assert!(matches!(other, Err(CreateError::Claimed { .. })));
}

#[test]
fn another_organisation_is_refused() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = run_of(here.path(), 5, some_groups());
    let other = StateDir::open(there.path(), &"other".parse().unwrap()).unwrap();
    let refused = import(&other, &export(&from), 5).unwrap_err();
    assert!(matches!(refused, ImportError::Create(CreateError::OtherIdentity { .. })), "{refused}");
    nothing_is_there(&other);
}

#[test]
fn nothing_appears_of_an_export_that_ends_early_or_is_changed_or_tells_of_what_cannot_be() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = export(&run_of(here.path(), 5, some_groups()));
    let to = state(there.path());
    for end in 0..text.len() {
        assert!(import(&to, &text[..end], 5).is_err(), "{end}");
        nothing_is_there(&to);
    }
    for at in 0..text.len() {
        let mut other = text.clone();
        other[at] ^= 1 << (at % 8);
        let declared = |identity: &RunIdentity, _: &[u8]| {
            let all = references(RUN, 5);
            Ok::<_, String>(all.into_iter().take(identity.payments as usize).collect())
        };
        assert!(to.import_run(other.as_slice(), declared).is_err(), "byte {at}");
        nothing_is_there(&to);
    }
    // Whole by its own word, and yet no history: paid before it was sent.
    let lines: Vec<_> = String::from_utf8(text).unwrap().lines().map(str::to_owned).collect();
    let without_intents = lines.iter().filter(|line| !line.contains("\"intent\""));
    let mut forged: Vec<String> = without_intents.cloned().collect();
    forged.pop();
    let body = format!("{}\n", forged.join("\n"));
    let hash = Digest::from_bytes(Sha256::digest(&body).into());
    let end = format!("{{\"end\":true,\"lines\":{},\"sha256\":\"{hash}\"}}\n", forged.len());
    let refused = import(&to, format!("{body}{end}").as_bytes(), 5).unwrap_err();
    assert!(matches!(refused, ImportError::Export(PortableError::Damaged { .. })), "{refused}");
    nothing_is_there(&to);
}

#[test]
fn a_plan_that_the_reader_of_plans_refuses_makes_no_run() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = export(&run_of(here.path(), 5, some_groups()));
    let to = state(there.path());
    let declined = to.import_run(text.as_slice(), |_, _| Err("no plan")).unwrap_err();
    assert!(matches!(declined, ImportError::Declined("no plan")), "{declined}");
    nothing_is_there(&to);
    let refused = import(&to, &text, 4).unwrap_err();
    assert!(matches!(refused, ImportError::Export(PortableError::Damaged { .. })), "{refused}");
    nothing_is_there(&to);
}

/// Words of a provider so long that all of them together are more than a record may hold.
#[test]
fn events_of_any_size_that_a_journal_holds_are_imported() {
    let (here, there) = (fast_root(), fast_root());
    let long = |payment| {
        let Entry::Payment(mut entry) = event(payment, Event::Held) else { panic!() };
        entry.reason = Some("\u{1}why".repeat(256 << 10));
        vec![Entry::Payment(entry)]
    };
    let from = run_of(here.path(), 20, (0..20).map(long).collect());
    let to = state(there.path());
    import(&to, &export(&from), 20).unwrap();
    let (before, after) = (from.read_run(&key(RUN)).unwrap(), to.read_run(&key(RUN)).unwrap());
    assert!(before.progress == after.progress);
    assert!(to.verify(&key(RUN)).unwrap().is_sound());
}

/// A run that pays anew what `RUN` did not pay.
fn retry(state: &StateDir) -> Result<RunHandle, CreateError> {
    let retry = RunIdentity { retry_of: Some(key(RUN)), ..identity("retry", 2) };
    state.create_run(&key("retry"), &retry, &references("retry", 2))
}

#[test]
fn what_pays_anew_after_an_imported_run_starts_cautiously_too() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = run_of(here.path(), 5, some_groups());
    let to = state(there.path());
    import(&to, &export(&from), 5).unwrap();
    let cautious = |state: &StateDir| {
        let history = block_on(retry(state).unwrap().history()).unwrap();
        assert_eq!(history.cautious, state.read_run(&key("retry")).unwrap().cautious);
        history.cautious
    };
    assert_eq!(cautious(&from), None);
    // It may have been done before, in the place that the export is of.
    assert!(cautious(&to).unwrap().contains("paid anew already is not known"));
}

#[test]
fn a_run_that_pays_anew_is_imported_after_the_run_before_it() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = run_of(here.path(), 5, some_groups());
    let bound = RunIdentity { retry_of: Some(key(RUN)), ..bound("retry", 2) };
    drop(from.create_run(&key("retry"), &bound, &references("retry", 2)).unwrap());
    let to = state(there.path());
    let mut text = Vec::new();
    from.export_run(&key("retry"), &mut text).unwrap();
    let retry = |to: &StateDir| -> Imported {
        to.import_run(text.as_slice(), |_, _| Ok(references("retry", 2)))
    };
    let refused = retry(&to).unwrap_err();
    assert!(matches!(refused, ImportError::PredecessorMissing(ref run) if *run == key(RUN)));
    nothing_is_there(&to);
    import(&to, &export(&from), 5).unwrap();
    assert_eq!(retry(&to).unwrap(), bound);
}

#[test]
fn a_crash_at_any_operation_of_an_import_leaves_the_whole_run_or_none() {
    let here = fast_root();
    let text = export(&run_of(here.path(), 5, some_groups()));
    let live = |root: &Path, disk: &FaultDisk| -> Option<RunIdentity> {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        let organisation = ORGANISATION.parse().unwrap();
        let state = StateDir::open_with(root, &organisation, disk, small()).ok()?;
        import(&state, &text, 5).ok()
    };
    let (whole, root) = (FaultDisk::default(), fast_root());
    live(&root.path().join("state"), &whole).unwrap();
    assert!(whole.operations() > 30, "{:?}", whole.log());
    whole.cut_power(Left::Nothing);
    check_imported(&state(&root.path().join("state")), "all done, nothing else left");
    let mut left_there = [0, 0];
    let crashes = [
        (Fault::Fails, Left::All),
        (Fault::Cut, Left::All),
        (Fault::DoneButFails, Left::All),
        (Fault::Fails, Left::Nothing),
        (Fault::DoneButFails, Left::Nothing),
        (Fault::DoneButFails, Left::HalfOfBytes),
        (Fault::DoneButFails, Left::Zeros),
    ];
    for at in 0..whole.operations() {
        for (fault, left) in crashes {
            let root = fast_root();
            let root = root.path().join("state");
            let disk = FaultDisk::failing(at, fault);
            let told = live(&root, &disk);
            let what = disk.log()[at as usize].clone();
            disk.cut_power(left);
            let context = format!("{fault:?} at {at} ({what}), {left:?} left");
            assert_eq!(told, None, "{context}: a failure was called a success");
            let state = state(&root);
            let is_there = state.run_exists(&key(RUN));
            left_there[usize::from(is_there)] += 1;
            match import(&state, &text, 5) {
                Ok(_) => assert!(!is_there, "{context}"),
                Err(ImportError::Create(CreateError::AlreadyExists(_))) => {
                    assert!(is_there, "{context}");
                }
                Err(error) => panic!("{context}: {error}"),
            }
            check_imported(&state, &context);
        }
    }
    assert!(left_there.iter().all(|count| *count > 0), "{left_there:?}");
}

fn check_imported(state: &StateDir, context: &str) {
    let references = references(RUN, 5);
    let other = || state.create_run(&key("other"), &identity("other", 1), &references[..1]);
    assert!(other().is_err(), "{context}: another run takes what is not claimed yet");
    let handle = state
        .open_run(&key(RUN), &references, OpenMode::Resume)
        .unwrap_or_else(|error| panic!("{context}: cannot be opened: {error}"));
    let history = block_on(handle.history()).unwrap();
    assert!(history.cautious.is_some(), "{context}: goes on as if nothing had happened");
    let states: Vec<_> = history.progress.iter().map(|p| p.standing.state).collect();
    let expected = [State::Paid, State::Unknown, State::Planned, State::Held, State::Planned];
    assert_eq!((states, history.cancel_requested), (expected.to_vec(), true), "{context}");
    drop(handle);
    assert_eq!(state.plan(&digest()).unwrap(), PLAN, "{context}");
    assert!(matches!(other(), Err(CreateError::Claimed { .. })), "{context}: claims are gone");
    let verification = state.verify(&key(RUN)).unwrap();
    assert!(verification.is_sound(), "{context}: {:?}", verification.findings);
}

/// Histories as an engine writes them: each payment goes as far as the numbers say.
fn groups(steps: &[(u32, u8)]) -> Vec<Vec<Entry>> {
    let mut stage = [0u8; 6];
    let mut groups = Vec::new();
    for (payment, kind) in steps {
        let at = &mut stage[usize::try_from(*payment).unwrap()];
        let entry = match (*at, kind % 3) {
            (0, _) => first_intent(*payment),
            (1, 0) => paid(*payment),
            (1, 1) => lost(*payment),
            (1, _) => not_sent(*payment),
            _ => continue,
        };
        *at += 1;
        groups.push(vec![entry]);
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_history_is_the_same_elsewhere(
        steps in proptest::collection::vec((0u32..6, any::<u8>()), 0..40),
    ) {
        let (here, there) = (fast_root(), fast_root());
        let from = run_of(here.path(), 6, groups(&steps));
        let to = state(there.path());
        prop_assert_eq!(import(&to, &export(&from), 6).unwrap(), bound(RUN, 6));
        let (before, after) = (from.read_run(&key(RUN)).unwrap(), to.read_run(&key(RUN)).unwrap());
        prop_assert_eq!(before.progress, after.progress);
        prop_assert!(to.verify(&key(RUN)).unwrap().is_sound());
    }
}
