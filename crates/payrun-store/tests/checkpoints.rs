//! The checkpoint may be lost, damaged, old or foreign; only ahead of the journal it may not be.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a helper fails the test")]

mod support;

use payrun_core::{PaymentIndex, Progress};
use payrun_ports::RunStore;
use payrun_store::{CheckpointStanding, OpenMode, OpenRunError, RealDisk, RunHandle, StateDir};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::*;

/// More payments than one block holds.
const PAYMENTS: u32 = 1_100;
/// The damage of which nobody can tell what it hides.
const OF_ANOTHER: &str = "of another run";

struct Sample {
    root: tempfile::TempDir,
    state: StateDir,
}

impl Sample {
    /// A run whose checkpoint, written on closing, holds everything.
    fn new() -> Self {
        let root = fast_root();
        let state = state_on(root.path(), Arc::new(RealDisk), lazy());
        let sample = Self { root, state };
        let handle = create(&sample.state, RUN, PAYMENTS);
        let _ = block_on(handle.commit((0..PAYMENTS).map(first_intent).collect())).unwrap();
        let _ = block_on(handle.commit((0..PAYMENTS / 2).map(paid).collect())).unwrap();
        drop(handle);
        sample
    }

    fn checkpoint(&self) -> PathBuf {
        run_path(&self.state, RUN).join("checkpoint")
    }

    fn try_open(&self) -> Result<RunHandle, OpenRunError> {
        self.state.open_run(&key(RUN), &references(RUN, PAYMENTS), OpenMode::Resume)
    }

    fn standing(&self) -> CheckpointStanding {
        self.state.verify(&key(RUN)).unwrap().checkpoint
    }

    fn journal_says(&self) -> Vec<Progress> {
        self.state.read_run(&key(RUN)).unwrap().progress
    }

    fn set_aside(&self) -> usize {
        let names = fs::read_dir(run_path(&self.state, RUN)).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("checkpoint.aside-")).count()
    }

    /// Opens the run and holds all that it shows against the journal.
    fn check_opens(&self, what: &str) {
        let journal = self.journal_says();
        let handle = self.try_open().unwrap_or_else(|error| panic!("{what}: {error}"));
        let history = block_on(handle.history()).unwrap();
        assert_eq!(history.progress, journal, "{what}");
        // Either of the two may be the older one.
        assert_eq!(history.cautious.is_some(), what == OF_ANOTHER, "{what}");
        for payment in [0, 511, 512, PAYMENTS - 1] {
            let read = block_on(handle.body(PaymentIndex(payment))).unwrap();
            assert_eq!(read, Some(body(payment)), "{what}");
        }
        drop(handle);
        assert_eq!(self.standing(), CheckpointStanding::Agrees { behind: 0 }, "{what}");
        assert!(self.state.verify(&key(RUN)).unwrap().is_sound(), "{what}");
    }
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_checkpoint_that_agrees_is_used() {
    let sample = Sample::new();
    assert_eq!(sample.standing(), CheckpointStanding::Agrees { behind: 0 });
    sample.check_opens("untouched");
    assert_eq!(sample.set_aside(), 0);
}

#[test]
fn whatever_is_wrong_with_a_checkpoint_it_is_set_aside_and_rebuilt() {
    let sample = Sample::new();
    type Damage<'a> = (&'a str, usize, Box<dyn Fn(&Sample)>);
    let on_files = |damage: fn(&Path)| {
        Box::new(move |sample: &Sample| {
            files_below(&sample.checkpoint()).iter().for_each(|path| damage(path));
        })
    };
    let damages: Vec<Damage<'_>> = vec![
        ("deleted", 0, Box::new(|sample| fs::remove_dir_all(sample.checkpoint()).unwrap())),
        (
            "no files",
            1,
            Box::new(|sample| {
                fs::remove_dir_all(sample.checkpoint()).unwrap();
                fs::create_dir(sample.checkpoint()).unwrap();
            }),
        ),
        ("emptied files", 1, on_files(|path| fs::write(path, b"").unwrap())),
        (
            "an empty store",
            1,
            Box::new(|sample| {
                fs::remove_dir_all(sample.checkpoint()).unwrap();
                drop(sled::open(sample.checkpoint()).unwrap());
            }),
        ),
        ("garbage", 1, on_files(|path| fs::write(path, [0xa5; 9_000]).unwrap())),
        (
            "truncated",
            1,
            on_files(|path| {
                let length = path.metadata().unwrap().len();
                fs::File::options().write(true).open(path).unwrap().set_len(length / 3).unwrap();
            }),
        ),
        (
            "a file in its place",
            1,
            Box::new(|sample| {
                fs::remove_dir_all(sample.checkpoint()).unwrap();
                fs::write(sample.checkpoint(), b"x").unwrap();
            }),
        ),
        (
            OF_ANOTHER,
            1,
            Box::new(|sample| {
                drop(create(&sample.state, "other", PAYMENTS));
                fs::remove_dir_all(sample.checkpoint()).unwrap();
                let other = run_path(&sample.state, "other").join("checkpoint");
                copy_tree(&other, &sample.checkpoint());
            }),
        ),
        (
            "a block changed behind our back",
            1,
            Box::new(|sample| {
                let db = sled::open(sample.checkpoint()).unwrap();
                let block = db.iter().next().unwrap().unwrap();
                let mut bytes = block.1.to_vec();
                // The state of its first payment: paid becomes failed. Two bytes before it say how many there are.
                assert_eq!(bytes[2], 6);
                bytes[2] ^= 1;
                db.insert(block.0, bytes).unwrap();
                db.flush().unwrap();
            }),
        ),
    ];
    for (what, aside, damage) in damages {
        let root = fast_root();
        copy_tree(sample.root.path(), root.path());
        let state = state_on(root.path(), Arc::new(RealDisk), lazy());
        let damaged = Sample { root, state };
        damage(&damaged);
        assert!(
            matches!(
                damaged.standing(),
                CheckpointStanding::Missing | CheckpointStanding::Unusable(_)
            ),
            "{what}: {:?}",
            damaged.standing()
        );
        let findings = damaged.state.verify(&key(RUN)).unwrap().findings;
        assert!(findings.is_empty(), "{what}: the next opening makes it anew: {findings:?}");
        damaged.check_opens(what);
        assert_eq!(damaged.set_aside(), aside, "{what}");
    }
}

/// sled finds most damage by its own checksums, and the rest is held against ours. What it finds at the end of its log it takes
/// for a torn write, and shows what it had before: that is no fault that could be told from an older checkpoint, and none
/// that matters, since the journal is replayed from there. The last bytes of `conf` are a checksum that it does not look at.
#[test]
fn whatever_bit_of_a_checkpoint_flips_it_is_of_no_use_or_says_what_the_journal_says() {
    let root = fast_root();
    let state = state_on(root.path(), Arc::new(RealDisk), lazy());
    let handle = create(&state, RUN, 4);
    let _ = block_on(handle.commit(vec![first_intent(0), paid(0), first_intent(1)])).unwrap();
    drop(handle);
    let mut seen = [0, 0, 0];
    for name in ["db", "conf"] {
        let file = run_path(&state, RUN).join("checkpoint").join(name);
        let whole = fs::read(&file).unwrap();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                fs::write(&file, bytes).unwrap();
                let found = state.verify(&key(RUN)).unwrap();
                let context = format!("{name} byte {at} bit {bit}: {:?}", found.checkpoint);
                assert!(found.is_sound(), "{context}");
                let kind = match found.checkpoint {
                    CheckpointStanding::Unusable(_) => 0,
                    CheckpointStanding::Agrees { behind: 1 } => 1,
                    CheckpointStanding::Agrees { behind: 0 } => {
                        assert!(name == "conf" && at + 4 >= whole.len(), "{context}");
                        2
                    }
                    CheckpointStanding::Agrees { .. }
                    | CheckpointStanding::Missing
                    | CheckpointStanding::Contradicts
                    | CheckpointStanding::Ahead
                    | CheckpointStanding::NotChecked(_) => panic!("{context}"),
                };
                seen[kind] += 1;
            }
        }
        fs::write(&file, whole).unwrap();
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    assert_eq!(seen[2], 32, "{seen:?}");
}

/// A file of sled's that holds the root of its tree is gone: sled opens, and panics when it is asked.
#[test]
fn a_checkpoint_that_sled_panics_on_is_set_aside_and_rebuilt() {
    let sample = large();
    let blobs = fs::read_dir(sample.checkpoint().join("blobs")).unwrap();
    let blobs: Vec<PathBuf> = blobs.map(|entry| entry.unwrap().path()).collect();
    let panicked = blobs.into_iter().find(|blob| {
        let whole = fs::read(blob).unwrap();
        fs::remove_file(blob).unwrap();
        let panicked = CheckpointStanding::Unusable("sled panicked on it".to_owned());
        if sample.standing() == panicked {
            return true;
        }
        fs::write(blob, whole).unwrap();
        false
    });
    panicked.expect("sled does not mind");
    let journal = sample.journal_says();
    let handle = open(&sample.state, RUN);
    assert!(block_on(handle.history()).unwrap().progress == journal);
    drop(handle);
    assert_eq!(sample.set_aside(), 1);
    assert_eq!(sample.standing(), CheckpointStanding::Agrees { behind: 0 });
}

#[test]
fn a_flipped_bit_in_what_sled_wrote_costs_at_most_the_checkpoint() {
    let sample = Sample::new();
    let db = fs::read(sample.checkpoint().join("db")).unwrap();
    let written = db.iter().rposition(|byte| *byte != 0).unwrap();
    for eighth in 0..8 {
        let root = fast_root();
        copy_tree(sample.root.path(), root.path());
        let state = state_on(root.path(), Arc::new(RealDisk), lazy());
        let damaged = Sample { root, state };
        let mut bytes = db.clone();
        bytes[written * eighth / 8] ^= 1 << eighth;
        fs::write(damaged.checkpoint().join("db"), bytes).unwrap();
        let standing = damaged.standing();
        // sled takes a damaged end of its log for a torn one, and shows what it had before.
        let aside = match standing {
            CheckpointStanding::Unusable(_) => 1,
            CheckpointStanding::Agrees { .. } => 0,
            other @ (CheckpointStanding::Missing
            | CheckpointStanding::Contradicts
            | CheckpointStanding::Ahead
            | CheckpointStanding::NotChecked(_)) => panic!("{eighth}/8: {other:?}"),
        };
        damaged.check_opens(&format!("{eighth}/8"));
        assert_eq!(damaged.set_aside(), aside);
    }
}

#[test]
fn a_start_killed_while_sled_opened_does_no_harm() {
    let sample = Sample::new();
    fs::write(sample.checkpoint().join("snap.0000000000000ABC.generating"), b"half").unwrap();
    sample.check_opens("a snapshot being generated");
    assert_eq!(sample.set_aside(), 0);
}

#[test]
fn an_older_checkpoint_is_brought_up_to_the_journal() {
    let sample = Sample::new();
    let older = sample.root.path().join("older");
    copy_tree(&sample.checkpoint(), &older);
    let handle = sample.try_open().unwrap();
    let _ = block_on(handle.commit((600..700).map(paid).collect())).unwrap();
    drop(handle);
    fs::remove_dir_all(sample.checkpoint()).unwrap();
    copy_tree(&older, &sample.checkpoint());
    assert_eq!(sample.standing(), CheckpointStanding::Agrees { behind: 2 });
    sample.check_opens("older");
    assert_eq!(sample.set_aside(), 0);
}

/// A run whose journal was put back to an older state, beside its newer checkpoint.
fn put_back() -> Sample {
    let sample = Sample::new();
    let older = sample.root.path().join("older");
    let journal = run_path(&sample.state, RUN).join("journal");
    copy_tree(&journal, &older);
    let handle = sample.try_open().unwrap();
    let _ = block_on(handle.commit(vec![paid(600)])).unwrap();
    drop(handle);
    fs::remove_dir_all(&journal).unwrap();
    copy_tree(&older, &journal);
    sample
}

#[test]
fn a_journal_behind_its_checkpoint_halts_until_it_is_rebuilt_and_then_goes_on_cautiously() {
    let sample = put_back();
    for _ in 0..2 {
        match sample.try_open() {
            Err(OpenRunError::JournalLostRecords { journal: 3, checkpoint: 5 }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sample.standing(), CheckpointStanding::Ahead);
    assert!(!sample.state.verify(&key(RUN)).unwrap().is_sound());
    let rebuilt = sample.state.rebuild(&key(RUN)).unwrap();
    assert!(rebuilt.set_aside.unwrap().is_dir());
    let handle = sample.try_open().unwrap();
    let history = block_on(handle.history()).unwrap();
    assert!(history.cautious.unwrap().contains("lost records"));
    assert_eq!(history.epoch, 3);
    drop(handle);
    assert!(sample.state.verify(&key(RUN)).unwrap().is_sound());
}

#[test]
fn a_lost_last_file_halts() {
    let root = fast_root();
    let state = state_on(root.path(), Arc::new(RealDisk), small());
    let handle = create(&state, RUN, 4);
    for payment in 0..4 {
        let _ = block_on(handle.commit(vec![first_intent(payment)])).unwrap();
    }
    drop(handle);
    let files = segments(&state, RUN);
    assert!(files.len() > 1);
    fs::remove_file(files.last().unwrap()).unwrap();
    let found = state.verify(&key(RUN)).unwrap();
    assert!(found.checkpoint == CheckpointStanding::Ahead && !found.is_sound());
    let opened = state.open_run(&key(RUN), &references(RUN, 4), OpenMode::Resume);
    assert!(matches!(opened, Err(OpenRunError::JournalLostRecords { .. })), "{opened:?}");
}

#[test]
fn a_journal_that_took_another_way_than_its_checkpoint_halts() {
    let sample = put_back();
    // Somebody went on without the checkpoint; then it came back.
    let kept = sample.root.path().join("kept");
    fs::rename(sample.checkpoint(), &kept).unwrap();
    let handle = sample.try_open().unwrap();
    for payment in [700, 701, 702] {
        let _ = block_on(handle.commit(vec![paid(payment)])).unwrap();
    }
    drop(handle);
    fs::remove_dir_all(sample.checkpoint()).unwrap();
    fs::rename(&kept, sample.checkpoint()).unwrap();
    let opened = sample.try_open();
    assert!(matches!(opened, Err(OpenRunError::JournalLostRecords { .. })), "{opened:?}");
}

#[test]
fn a_journal_whose_other_way_cannot_follow_its_checkpoint_halts_too() {
    let sample = put_back();
    let kept = sample.root.path().join("kept");
    fs::rename(sample.checkpoint(), &kept).unwrap();
    let handle = sample.try_open().unwrap();
    // The checkpoint knows this payment as paid: behind it the event is illegal, in the journal it is not.
    for payment in [700, 600] {
        let _ = block_on(handle.commit(vec![paid(payment)])).unwrap();
    }
    drop(handle);
    fs::remove_dir_all(sample.checkpoint()).unwrap();
    fs::rename(&kept, sample.checkpoint()).unwrap();
    let opened = sample.try_open();
    assert!(matches!(opened, Err(OpenRunError::JournalLostRecords { .. })), "{opened:?}");
    let cautious = sample.state.rebuild(&key(RUN)).unwrap().cautious;
    assert!(cautious.contains("lost records"), "{cautious}");
}

#[test]
fn a_torn_end_that_the_checkpoint_knows_was_whole_halts_and_changes_nothing() {
    let sample = Sample::new();
    let file = segments(&sample.state, RUN).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let opened = sample.try_open();
    assert!(matches!(opened, Err(OpenRunError::JournalLostRecords { .. })), "{opened:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes[..bytes.len() - 1]);
}

#[test]
fn verify_and_read_change_nothing() {
    let sample = put_back();
    let picture = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = files_below(sample.state.path());
        files.sort();
        files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let before = picture();
    let _ = sample.state.verify(&key(RUN)).unwrap();
    let _ = sample.state.read_run(&key(RUN)).unwrap();
    let _ = sample.state.run_identity(&key(RUN)).unwrap();
    assert!(picture() == before);
}

/// A run with words so long that sled moves its pages out into files of their own, closed.
fn large() -> Sample {
    let root = fast_root();
    let state = state_on(root.path(), Arc::new(RealDisk), small());
    let count = 20 * 512;
    let handle = create(&state, RUN, count);
    let long = |payment| {
        let payrun_ports::Entry::Payment(mut entry) = event(payment, payrun_core::Event::Held)
        else {
            panic!()
        };
        entry.reason = Some("because ".repeat(40));
        payrun_ports::Entry::Payment(entry)
    };
    for block in 0..20 {
        let group = (block * 512..(block + 1) * 512).map(long).collect();
        let _ = block_on(handle.commit(group)).unwrap();
    }
    block_on(handle.close()).unwrap();
    drop(handle);
    Sample { root, state }
}

#[test]
fn what_sled_makes_while_it_is_open_is_open_to_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let sample = large();
    let files = files_below(&sample.checkpoint());
    assert!(files.iter().any(|path| path.parent().unwrap().ends_with("blobs")), "{files:?}");
    for path in files {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
}

#[test]
fn a_checkpoint_that_somebody_has_open_is_not_taken_for_a_damaged_one() {
    let sample = Sample::new();
    let db = fs::File::open(sample.checkpoint().join("db")).unwrap();
    // sled lets go of it a moment after the run was closed.
    db.lock().unwrap();
    let opened = sample.try_open();
    assert!(matches!(opened, Err(OpenRunError::Io { .. })), "{opened:?}");
    assert_eq!(sample.set_aside(), 0);
    drop(db);
    sample.check_opens("let go");
    assert_eq!(sample.set_aside(), 0);
}

/// Journal and checkpoint of two beginnings of one run, as where a run was adopted after its loss and its old journal is put
/// back beside the new checkpoint: what the other journal held is not known here (I11).
#[test]
fn a_checkpoint_of_another_beginning_of_the_run_says_that_the_journal_is_not_the_newest() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old_state, new_state) = (state(old.path()), state(new.path()));
    drop(create(&old_state, RUN, 2));
    let later = payrun_store::RunIdentity {
        created_at: payrun_core::UnixMillis(1_790_000_000_000),
        ..identity(RUN, 2)
    };
    let run = new_state.adopt_run(&key(RUN), &later, &references(RUN, 2), "lost").unwrap();
    drop(block_on(run.commit(vec![first_intent(0), paid(0)])).unwrap());
    block_on(run.close()).unwrap();
    drop(run);
    let journal = run_path(&new_state, RUN).join("journal");
    fs::remove_dir_all(&journal).unwrap();
    copy_tree(&run_path(&old_state, RUN).join("journal"), &journal);
    match new_state.open_run(&key(RUN), &references(RUN, 2), Default::default()) {
        Err(_) => {}
        Ok(run) => {
            let cautious = block_on(run.history()).unwrap().cautious;
            assert!(cautious.is_some(), "it goes on as if nothing was paid: {:?}", run.notes());
        }
    }
}
