//! A real process is killed, or lied to, at its system calls: every payment exactly once (I1, I3, I5, I7).
//!
//! A first run is watched, and each of its system calls that writes, syncs, renames, makes, cuts, removes or sends becomes a place:
//! `kill -9` just before the call takes effect (the kernel then skips it), `kill -9` just after it took effect (the
//! process never learns of it), or an error in its stead. Ordinarily a sample of the places that its seed draws;
//! `PAYRUN_SYSCALLS=all cargo test -p payrun-tests --test syscalls -- --nocapture` tries all of them, and
//! `PAYRUN_SEED=N` draws others.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use nix::errno::Errno;
use payrun_tests::{Blow, Payday, Seed, SystemCall, Traced};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A few payments, in two currencies.
const PAYMENTS: usize = 4;

/// How many places a test tries unless it is told to try all.
const SAMPLE: usize = 30;

/// Most of a place's time is waiting: for a disk, or for what a provider is to settle.
const AT_ONCE: usize = 4;

/// Runs the command; `None`, with a word, where nothing can be traced.
fn traced(
    payday: &Payday,
    more: &[&str],
    judge: impl FnMut(&SystemCall) -> Option<Blow>,
) -> Option<Traced> {
    match Traced::run(&payday.run(more), judge) {
        Ok(traced) => Some(traced),
        Err(error) => {
            println!("SKIPPED: processes cannot be traced here: {error}");
            None
        }
    }
}

/// Asks for the blow at the call of this number, counted from 1, among those that `counts`.
fn at(
    number: usize,
    blow: Blow,
    counts: impl Fn(&SystemCall) -> bool,
) -> impl FnMut(&SystemCall) -> Option<Blow> {
    let mut seen = 0;
    move |call| {
        seen += usize::from(counts(call));
        (seen == number && counts(call)).then_some(blow)
    }
}

/// What is tried: a blow at the call of this number, counted from 1 among those that a test counts.
type Place = (usize, Blow);

/// What became of an attempt at a place.
enum Attempt {
    Struck,
    /// The run ended before it, after this many of the calls that are counted.
    EndedAfter(usize),
}

impl Attempt {
    fn of(run: &Traced, counts: impl Fn(&SystemCall) -> bool) -> Self {
        match run.struck {
            Some(_) => Self::Struck,
            None => Self::EndedAfter(run.calls.iter().filter(|call| counts(call)).count()),
        }
    }
}

/// A run that ends before its place says how many calls it had: a place is drawn anew among those, this often.
const DRAWN_AGAIN: usize = 5;

/// Tries places, several at once: all, or a sample spread over them.
fn try_places(what: &str, places: &[Place], attempt: impl Fn(Place) -> Attempt + Sync) {
    assert!(!places.is_empty(), "{what}: there is nothing to try");
    let seed = Seed::of_this_run();
    let mut chance = Seed::new(seed);
    let all = std::env::var("PAYRUN_SYSCALLS").is_ok_and(|value| value == "all");
    let wanted = if all { places.len() } else { SAMPLE.min(places.len()) };
    // One of each of as many equal parts.
    let chosen: Vec<Place> = (0..wanted)
        .map(|part| {
            let (from, to) = (part * places.len() / wanted, (part + 1) * places.len() / wanted);
            places[from + usize::try_from(chance.below((to - from) as u64)).unwrap()]
        })
        .collect();
    println!("{what}: {} of {} places, seed {seed}", chosen.len(), places.len());
    let left = Mutex::new((chosen.into_iter(), chance));
    let next = || left.lock().unwrap().0.next();
    let any_of = |calls: usize| {
        1 + usize::try_from(left.lock().unwrap().1.below(calls.max(1) as u64)).unwrap()
    };
    let (hit, elsewhere) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // How long a run waits, and so how often it asks, is not the same every time: it may end some calls sooner.
    let strike = |(number, blow): Place| {
        let Attempt::EndedAfter(mut calls) = attempt((number, blow)) else { return &hit };
        for _ in 0..DRAWN_AGAIN {
            match attempt((any_of(calls), blow)) {
                Attempt::Struck => return &elsewhere,
                Attempt::EndedAfter(fewer) => calls = fewer,
            }
        }
        panic!("{what}: no run came to a place, the last one ended after {calls} calls")
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(place) = next() {
                    strike(place).fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    println!(
        "{what}: {} of {wanted} places were reached, {} drawn anew among the calls of shorter runs",
        hit.into_inner(),
        elsewhere.into_inner(),
    );
}

fn named(call: Option<&SystemCall>) -> String {
    call.map_or("nothing, it ended before".to_owned(), SystemCall::to_string)
}

fn count_by_name(calls: &[SystemCall]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for call in calls {
        let name =
            if call.is_network() { format!("{} on a socket", call.name) } else { call.name.into() };
        *counts.entry(name).or_insert(0) += 1;
    }
    counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
}

/// Every call of a run, before and after.
fn deaths(calls: usize) -> Vec<Place> {
    (1..=calls).flat_map(|n| [(n, Blow::KillBefore), (n, Blow::KillAfter)]).collect()
}

#[test]
fn killed_at_any_system_call_every_payment_is_made_exactly_once() {
    let payday = Payday::of(PAYMENTS);
    let Some(whole) = traced(&payday, &[], |_| None) else { return };
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    payday.go_on_to_the_end("a run that nothing disturbed");
    println!("a run makes {} calls: {}", whole.calls.len(), count_by_name(&whole.calls));
    assert!(whole.calls.iter().filter(|call| call.moves_money()).count() == PAYMENTS);
    try_places("killed in a run", &deaths(whole.calls.len()), |(number, blow)| {
        let payday = Payday::of(PAYMENTS);
        let killed = traced(&payday, &[], at(number, blow, |_| true)).unwrap();
        let call = named(killed.struck_call());
        assert_eq!(killed.code.is_none(), killed.struck.is_some(), "{}", killed.stderr);
        payday.go_on_to_the_end(&format!("{blow:?} at call {number}, {call}"));
        Attempt::of(&killed, |_| true)
    });
}

/// A run that was killed when its first payment had just been sent.
fn half_paid() -> Option<Payday> {
    let payday = Payday::of(PAYMENTS);
    let killed = traced(&payday, &[], at(1, Blow::KillAfter, SystemCall::moves_money))?;
    assert_eq!(killed.code, None);
    Some(payday)
}

#[test]
fn killed_again_at_any_system_call_while_it_goes_on_every_payment_is_made_exactly_once() {
    let Some(payday) = half_paid() else { return };
    let whole = traced(&payday, &[], |_| None).unwrap();
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    println!("going on makes {} calls: {}", whole.calls.len(), count_by_name(&whole.calls));
    try_places("killed while going on", &deaths(whole.calls.len()), |(number, blow)| {
        let payday = half_paid().unwrap();
        let killed = traced(&payday, &[], at(number, blow, |_| true)).unwrap();
        assert_eq!(killed.code.is_none(), killed.struck.is_some(), "{}", killed.stderr);
        let call = named(killed.struck_call());
        payday.go_on_to_the_end(&format!("{blow:?} at call {number} of going on, {call}"));
        Attempt::of(&killed, |_| true)
    });
}

/// One payment under way at a time, and nothing asked about meanwhile: what was sent when a call fails is all that may ever
/// be sent. (With more under way, requests whose intents were durable before may still go out.)
const ONE_BY_ONE: [&str; 3] = ["--in-flight", "1", "--no-wait"];

/// Whether a run goes on without what the call does: the checkpoint is no authority (it syncs its name in the run's folder,
/// too), and a pace that cannot be shared is kept alone.
fn is_no_record(call: &SystemCall) -> bool {
    let is_the_checkpoints = call.on.contains("/checkpoint")
        || (call.name == "fsync" && call.on.ends_with("/runs/june"));
    is_the_checkpoints || call.on.contains("/acme/pace")
}

#[test]
fn a_write_or_sync_that_fails_stops_the_run_and_is_never_tried_again() {
    let payday = Payday::of(PAYMENTS);
    let Some(whole) = traced(&payday, &ONE_BY_ONE, |_| None) else { return };
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let on_disk: Vec<_> = whole.calls.iter().filter(|call| !call.is_network()).collect();
    let places: Vec<_> = on_disk
        .iter()
        .enumerate()
        .flat_map(|(index, call)| {
            let full = call.takes_room().then_some(Errno::ENOSPC);
            let errors = [Some(Errno::EIO), full].into_iter().flatten();
            errors.map(move |errno| (index + 1, Blow::Fail(errno)))
        })
        .collect();
    try_places("failing disk", &places, |(number, blow)| {
        let payday = Payday::of(PAYMENTS);
        let on_disk = |call: &SystemCall| !call.is_network();
        let failed = traced(&payday, &ONE_BY_ONE, at(number, blow, on_disk)).unwrap();
        let attempt = Attempt::of(&failed, on_disk);
        let (Some(index), Some(call)) = (failed.struck, failed.struck_call()) else {
            payday.go_on_to_the_end("a run that ended before its place");
            return attempt;
        };
        let what = format!("{blow:?} at call {number} on the disk, {call}");
        let said = format!("{what}: {}\n{}", failed.stdout, failed.stderr);
        let sent = payday.ledger_so_far().executions.len();
        if is_no_record(call) {
            // The run goes on without it.
            assert_eq!(failed.code, Some(0), "{said}");
        } else {
            assert_eq!(failed.code, Some(6), "{said}");
            // On a slow machine an earlier payment is asked about meanwhile, and the answer is what cannot be written: then a
            // request is under way, which was begun before.
            let (before, later) = failed.calls.split_at(index + 1);
            let begun = before.iter().filter(|call| call.moves_money()).count();
            assert!(sent <= begun, "{sent} of {begun} that were begun before {said}");
            assert!(!later.iter().any(SystemCall::moves_money), "something was sent after {said}");
            let again = later.iter().find(|later| call.syncs() && *later == call);
            assert_eq!(again, None, "synced again after {said}");
        }
        payday.go_on_to_the_end(&what);
        attempt
    });
}

#[test]
fn a_checkpoint_that_cannot_be_written_does_not_keep_the_run_from_ending() {
    // sled may then wait for itself for ever, now and then: each place is tried several times.
    let payday = Payday::of(PAYMENTS);
    let Some(whole) = traced(&payday, &[], |_| None) else { return };
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let writes = |call: &SystemCall| {
        call.on.ends_with("/checkpoint/db") && matches!(call.name, "pwrite64" | "sync_file_range")
    };
    let count = whole.calls.iter().filter(|call| writes(call)).count();
    let places: Vec<Place> =
        (1..=count).flat_map(|place| [(place, Blow::Fail(Errno::EIO)); 8]).collect();
    try_places("failing checkpoint", &places, |(number, blow)| {
        let payday = Payday::of(PAYMENTS);
        let failed = traced(&payday, &[], at(number, blow, writes)).unwrap();
        let what = format!("{blow:?} at write {number} of the checkpoint");
        assert_eq!(failed.code, Some(0), "{what}: {}\n{}", failed.stdout, failed.stderr);
        payday.go_on_to_the_end(&what);
        Attempt::of(&failed, writes)
    });
}

#[test]
fn whatever_connection_breaks_at_whatever_request_every_payment_is_made_exactly_once() {
    let payday = Payday::of(PAYMENTS);
    let Some(whole) = traced(&payday, &[], |_| None) else { return };
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let sends = whole.calls.iter().filter(|call| call.is_network()).count();
    let errors = [Errno::ECONNRESET, Errno::ENETUNREACH];
    let places: Vec<Place> =
        (1..=sends).flat_map(|n| errors.map(|errno| (n, Blow::Fail(errno)))).collect();
    try_places("breaking connection", &places, |(number, blow)| {
        let payday = Payday::of(PAYMENTS);
        let broken = at(number, blow, SystemCall::is_network);
        let ended = traced(&payday, &[], broken).unwrap();
        let call = named(ended.struck_call());
        let what = format!("{blow:?} at call {number} to the provider, {call}");
        assert!(matches!(ended.code, Some(0 | 8)), "{what}: {}\n{}", ended.stdout, ended.stderr);
        payday.go_on_to_the_end(&what);
        Attempt::of(&ended, SystemCall::is_network)
    });
}

#[test]
fn a_blow_befalls_the_call_that_it_is_meant_for() {
    // Without this, blows that miss would prove nothing.
    let payday = Payday::of(1);
    let sending = SystemCall::moves_money;
    let Some(killed) = traced(&payday, &[], at(1, Blow::KillBefore, sending)) else { return };
    assert!(killed.code.is_none() && killed.struck_call().is_some_and(sending));
    assert!(payday.ledger_so_far().executions.is_empty(), "it was sent");
    payday.go_on_to_the_end("a kill before the first request");
    let payday = Payday::of(1);
    let makes_folder = |call: &SystemCall| call.name == "mkdir";
    let killed = traced(&payday, &[], at(1, Blow::KillBefore, makes_folder)).unwrap();
    assert!(killed.code.is_none() && !payday.home.state().exists());
    let killed = traced(&payday, &[], at(1, Blow::KillAfter, makes_folder)).unwrap();
    assert!(killed.code.is_none() && payday.home.state().exists());
    let failed = traced(&payday, &[], at(1, Blow::Fail(Errno::EROFS), makes_folder)).unwrap();
    assert_eq!(failed.code, Some(6), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("Read-only file system")
            || failed.stdout.contains("Read-only file system")
    );
}
