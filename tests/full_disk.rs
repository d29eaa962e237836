//! A disk that is full, in memory and on ext4: the run stops in time, and room lets it go on (I1, I3).
//!
//! Needs root, and for ext4 loop devices and `mkfs.ext4`; says SKIPPED where they are missing.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and says what it leaves out"
)]

use payrun_tests::{Payday, SmallDisk, ext4_image};
use std::fs;
use std::path::Path;

const MEGABYTES: u64 = 32;

/// Both kinds of file system, one after the other at one place below `home`, as far as they can be had.
fn on_each_kind(home: &Path, attempt: impl Fn(&SmallDisk)) {
    let (at, image) = (home.join("small"), home.join("image"));
    if let Some(disk) = SmallDisk::in_memory(&at, MEGABYTES) {
        attempt(&disk);
    }
    if ext4_image(&image, MEGABYTES).is_some()
        && let Some(disk) = SmallDisk::in_image(&at, &image)
    {
        attempt(&disk);
    }
}

#[test]
fn a_nearly_full_disk_stops_the_run_before_it_begins_more_and_room_lets_it_go_on() {
    let home = tempfile::tempdir().unwrap();
    on_each_kind(home.path(), |disk| {
        let payday = Payday::of(6).with_state(disk.path().join("state"));
        let fill = disk.fill(Some(7_000_000));
        let full = payday.run(&[]).output().unwrap();
        let said = String::from_utf8_lossy(&full.stderr).into_owned()
            + &String::from_utf8_lossy(&full.stdout);
        assert_eq!(full.status.code(), Some(6), "{said}");
        assert!(said.contains("disk is nearly full") && said.contains(" MB are left"), "{said}");
        assert!(payday.ledger_so_far().executions.is_empty());
        fs::remove_file(fill).unwrap();
        payday.go_on_to_the_end("a nearly full disk");
    });
}

#[test]
fn a_disk_without_a_single_byte_stops_the_run_before_it_begins_and_room_lets_it_begin() {
    let home = tempfile::tempdir().unwrap();
    on_each_kind(home.path(), |disk| {
        let payday = Payday::of(6).with_state(disk.path().join("state"));
        let fill = disk.fill(None);
        let full = payday.run(&[]).output().unwrap();
        let said = String::from_utf8_lossy(&full.stderr).into_owned()
            + &String::from_utf8_lossy(&full.stdout);
        assert_eq!(full.status.code(), Some(6), "{said}");
        assert!(payday.ledger_so_far().executions.is_empty());
        fs::remove_file(fill).unwrap();
        payday.go_on_to_the_end("a full disk");
    });
}

/// The disk is filled to its last byte while payments are under way: their outcomes are what no longer fits.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn a_disk_that_somebody_else_fills_under_a_run_stops_it_and_room_lets_it_go_on() {
    use payrun_tests::Traced;
    let home = tempfile::tempdir().unwrap();
    on_each_kind(home.path(), |disk| {
        let payday = Payday::of(60).with_state(disk.path().join("state"));
        let mut fill = None;
        let traced = Traced::run(&payday.run(&["--in-flight", "30"]), |call| {
            // What is just being sent may be broken off with the process: those that arrived count.
            let arrived = || payday.ledger_so_far().executions.len();
            if fill.is_none() && call.moves_money() && arrived() >= 20 {
                fill = Some(disk.fill(None));
            }
            None
        });
        let traced = match traced {
            Ok(traced) => traced,
            Err(error) => {
                println!("SKIPPED: processes cannot be traced here: {error}");
                return;
            }
        };
        let said = traced.stdout + &traced.stderr;
        assert_eq!(traced.code, Some(6), "{said}");
        println!("{said}");
        let before = payday.ledger_so_far().executions.len();
        assert!((20..=60).contains(&before), "{before} were sent");
        let full = payday.run(&[]).output().unwrap();
        assert_eq!(full.status.code(), Some(6), "{}", String::from_utf8_lossy(&full.stderr));
        assert_eq!(payday.ledger_so_far().executions.len(), before);
        fs::remove_file(fill.unwrap()).unwrap();
        payday.go_on_to_the_end("a disk that filled up");
    });
}
