//! What the tests of the store share: a small run, and words for its events.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses a part of it, and what fails here fails the test"
)]

pub mod fault;

use payrun_core::{
    Account, AccountId, Basis, Clue, Digest, Event, GatewayHost, Generation, PaymentIndex,
    ProviderReference, RunKey, Settlement, UnixMillis,
};
use payrun_ports::{Body, Entry, PaymentEntry, RunEvent};
use payrun_store::{Disk, Limits, OpenMode, RealDisk, RunHandle, RunIdentity, StateDir};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub const ORGANISATION: &str = "acme";
pub const RUN: &str = "payroll/2026-06";

pub fn key(text: &str) -> RunKey {
    text.parse().unwrap()
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub fn limits() -> Limits {
    Limits { reserve_bytes: 0, ..Limits::default() }
}

/// Segments so small that a few records fill one; a checkpoint with every group.
pub fn small() -> Limits {
    Limits { segment_bytes_max: 450, checkpoint_every: Duration::ZERO, ..limits() }
}

/// A checkpoint on closing only.
pub fn lazy() -> Limits {
    Limits { checkpoint_every: Duration::from_secs(86_400), ..limits() }
}

/// A folder for tests that open hundreds of runs: in memory where the system has room there, since what a sync
/// costs is not what they are about.
pub fn fast_root() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let room = RealDisk.free_bytes(memory).unwrap_or(0);
    match room > 256 << 20 {
        true => tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

pub fn state_on(root: &Path, disk: Arc<dyn Disk>, limits: Limits) -> StateDir {
    StateDir::open_with(root, &ORGANISATION.parse().unwrap(), disk, limits).unwrap()
}

pub fn state(root: &Path) -> StateDir {
    state_on(root, Arc::new(RealDisk), limits())
}

pub fn identity(run: &str, payments: u32) -> RunIdentity {
    RunIdentity {
        run: key(run),
        plan: Digest::from_bytes([7; 32]),
        source: Digest::from_bytes([8; 32]),
        source_name: "june.csv".to_owned(),
        organisation: ORGANISATION.parse().unwrap(),
        account: Account {
            gateway: GatewayHost::new("https://pay.example"),
            id: AccountId::new("integrator-1"),
        },
        payments,
        retry_of: None,
        created_at: UnixMillis(1_780_000_000_000),
    }
}

/// The references `prefix-0`, `prefix-1`, …
pub fn references(prefix: &str, count: u32) -> Vec<ProviderReference> {
    let organisation = ORGANISATION.parse().unwrap();
    let one = |n| {
        let reference = format!("{prefix}-{n}").parse().unwrap();
        ProviderReference::derive(&organisation, &reference, Generation::FIRST)
    };
    (0..count).map(one).collect()
}

pub fn create(state: &StateDir, run: &str, payments: u32) -> RunHandle {
    state.create_run(&key(run), &identity(run, payments), &references(run, payments)).unwrap()
}

pub fn open(state: &StateDir, run: &str) -> RunHandle {
    let payments = state.run_identity(&key(run)).unwrap().unwrap().payments;
    state.open_run(&key(run), &references(run, payments), OpenMode::Resume).unwrap()
}

pub fn body(payment: u32) -> Body {
    Body::new(format!("{{\"payment\":{payment}}}").into_bytes())
}

pub fn event(payment: u32, event: Event) -> Entry {
    Entry::Payment(PaymentEntry {
        payment: PaymentIndex(payment),
        event,
        at: UnixMillis(1_780_000_000_000 + u64::from(payment)),
        body: None,
        reason: None,
    })
}

pub fn with_body(entry: Entry, body: Body) -> Entry {
    match entry {
        Entry::Payment(entry) => Entry::Payment(PaymentEntry { body: Some(body), ..entry }),
        Entry::Run(_) => panic!("a run has no body"),
    }
}

pub fn first_intent(payment: u32) -> Entry {
    with_body(intent(payment, 1), body(payment))
}

pub fn intent(payment: u32, attempt: u32) -> Entry {
    event(payment, Event::Intent { attempt, basis: Basis::Clear })
}

pub fn not_sent(payment: u32) -> Entry {
    event(payment, Event::NotSent)
}

pub fn lost(payment: u32) -> Entry {
    event(payment, Event::Lost(Clue::Silence))
}

pub fn paid(payment: u32) -> Entry {
    event(payment, Event::Answered(Settlement::Paid))
}

pub fn cancel() -> Entry {
    Entry::Run(RunEvent::CancelRequested)
}

/// The files of the run's journal, first to last.
pub fn segments(state: &StateDir, run: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(run_path(state, run).join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "seg"))
        .collect();
    found.sort();
    found
}

pub fn run_path(state: &StateDir, run: &str) -> PathBuf {
    state.path().join("runs").join(run.replace('/', "%2F"))
}

pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
