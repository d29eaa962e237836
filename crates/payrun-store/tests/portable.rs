//! A run written out and made anew elsewhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{Digest, Event, PaymentIndex, ProviderReference, State};
use payrun_ports::{Entry, RunStore};
use payrun_store::{CreateError, ImportError, PortableError, RunIdentity, StateDir};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use support::*;

const PLAN: &[u8] = br#"{"plan":"of five payments"}"#;

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

fn import(state: &StateDir, text: &[u8], payments: u32) -> Result<RunIdentity, ImportError> {
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
fn nothing_appears_of_an_export_that_ends_early_or_tells_of_what_cannot_be() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = export(&run_of(here.path(), 5, some_groups()));
    let to = state(there.path());
    for end in 0..text.len() {
        assert!(import(&to, &text[..end], 5).is_err(), "{end}");
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
    for wrong in [Err("no plan".to_owned()), Ok(references(RUN, 4))] {
        let refused = to.import_run(text.as_slice(), |_, _| wrong).unwrap_err();
        assert!(matches!(refused, ImportError::Export(PortableError::Damaged { .. })), "{refused}");
        nothing_is_there(&to);
    }
}

fn wanted(result: &Result<RunIdentity, ImportError>) -> bool {
    result.as_ref().is_ok_and(|identity| identity.payments == 6)
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
        let imported = to.import_run(export(&from).as_slice(), |_, _| {
            Ok::<Vec<ProviderReference>, String>(references(RUN, 6))
        });
        prop_assert!(wanted(&imported));
        let (before, after) = (from.read_run(&key(RUN)).unwrap(), to.read_run(&key(RUN)).unwrap());
        prop_assert_eq!(before.progress, after.progress);
        prop_assert!(to.verify(&key(RUN)).unwrap().is_sound());
    }
}
