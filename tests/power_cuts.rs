//! The power goes while a run writes: a real file system, cut where the disk stood (I1, I3, I5, I11).
//!
//! The state directory lies on ext4 in an image file, mounted through a loop device. The process is killed at a system call
//! that its seed draws, and the image is copied as it is, without unmounting: what only the page cache knew is not in the
//! copy. The copy is mounted, which replays the file system's own journal, and the run goes on there. In a third of the
//! cuts the kernel is made to write back everything once at some earlier call, as it may do at any time by itself.
//!
//! A few cuts ordinarily; `PAYRUN_CUTS=500 cargo test -p payrun-tests --test power_cuts -- --nocapture` makes as many, and
//! `PAYRUN_SEED=N` draws others. Needs root, loop devices and `mkfs.ext4`; says SKIPPED where they are missing.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Blow, Payday, Seed, SmallDisk, SystemCall, Traced, ext4_image, number_from};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

const PAYMENTS: usize = 8;
const MEGABYTES: u64 = 32;

/// Most of a cut's time is waiting for the disk, and for what a provider is to settle.
const AT_ONCE: usize = 3;

/// Writes back everything that the file system at `path` holds in memory.
fn write_back(path: &Path) {
    assert!(Command::new("sync").arg("-f").arg(path).status().unwrap().success());
}

/// Copies the image as it stood at one moment: what was written meanwhile makes it copied again.
fn copy_still(image: &Path, copy: &Path) {
    loop {
        fs::copy(image, copy).unwrap();
        if fs::read(image).unwrap() == fs::read(copy).unwrap() {
            return;
        }
    }
}

/// One cut. `None` where it cannot be made; else what the process was doing.
fn cut(empty: &Path, calls: usize, chance: &mut Seed) -> Option<String> {
    let payday = Payday::of(PAYMENTS);
    let home = payday.home.path().to_owned();
    let (image, copy, mounted) = (home.join("disk"), home.join("copy"), home.join("mounted"));
    fs::copy(empty, &image).unwrap();
    let disk = SmallDisk::in_image(&mounted, &image)?;
    let payday = payday.with_state(mounted.join("state"));
    let place = chance.below(calls as u64) + 1;
    let early = (chance.below(3) == 0).then(|| chance.below(place) + 1);
    let blow = [Blow::KillBefore, Blow::KillAfter][usize::from(chance.below(2) == 1)];
    let mut seen = 0;
    let traced = Traced::run(&payday.run(&[]), |_| {
        seen += 1;
        if Some(seen) == early {
            write_back(&mounted);
        }
        (seen == place).then_some(blow)
    });
    let killed = match traced {
        Ok(killed) => killed,
        Err(error) => {
            println!("SKIPPED: processes cannot be traced here: {error}");
            return None;
        }
    };
    let call = killed.struck_call().map_or("nothing".to_owned(), SystemCall::to_string);
    let call = call.replace(mounted.to_str().unwrap(), "");
    copy_still(&image, &copy);
    drop(disk);
    let disk = SmallDisk::in_image(&mounted, &copy)?;
    let what = format!("a cut, {blow:?} at call {place}, {call}, written back at {early:?}");
    payday.go_on_to_the_end(&what);
    drop(disk);
    Some(what)
}

#[test]
fn after_a_power_cut_every_payment_is_made_exactly_once() {
    let cuts = number_from("PAYRUN_CUTS").unwrap_or(8);
    let seed = Seed::of_this_run();
    println!("{cuts} cuts, seed {seed}");
    let whole = Payday::of(PAYMENTS);
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty");
    if ext4_image(&empty, MEGABYTES).is_none() {
        return;
    }
    let Ok(traced) = Traced::run(&whole.run(&[]), |_| None) else {
        println!("SKIPPED: processes cannot be traced here");
        return;
    };
    assert_eq!(traced.code, Some(0), "{}", traced.stderr);
    let left = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = left.fetch_add(1, Ordering::Relaxed);
                    if number >= cuts {
                        break;
                    }
                    // Each cut can be repeated by itself.
                    let mut chance = Seed::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
                    let Some(what) = cut(&empty, traced.calls.len(), &mut chance) else { break };
                    println!("{number}: {what}");
                }
            });
        }
    });
}

#[test]
fn a_copy_holds_nothing_that_was_not_synced() {
    // Without this, cuts that lose nothing would prove nothing.
    let home = tempfile::tempdir().unwrap();
    let (image, copy) = (home.path().join("disk"), home.path().join("copy"));
    if ext4_image(&image, MEGABYTES).is_none() {
        return;
    }
    let mounted = home.path().join("mounted");
    let Some(disk) = SmallDisk::in_image(&mounted, &image) else { return };
    fs::write(mounted.join("synced"), "kept").unwrap();
    write_back(&mounted);
    fs::write(mounted.join("not synced"), "lost").unwrap();
    copy_still(&image, &copy);
    drop(disk);
    let _disk = SmallDisk::in_image(&mounted, &copy).unwrap();
    assert_eq!(fs::read(mounted.join("synced")).unwrap(), b"kept");
    assert!(!mounted.join("not synced").exists());
}
