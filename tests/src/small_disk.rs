//! A small file system of one's own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted file system; unmounted with the value.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// In memory; `None`, with a word, where it cannot be mounted.
    pub fn in_memory(at: &Path, megabytes: u64) -> Option<Self> {
        let size = format!("size={megabytes}m,mode=700");
        Self::mount(at, &["-t", "tmpfs", "-o", &size, "tmpfs"])
    }

    /// ext4 in this file, whose every byte that reaches the disk can be looked at there.
    pub fn in_image(at: &Path, image: &Path) -> Option<Self> {
        Self::mount(at, &["-t", "ext4", "-o", "loop", image.to_str().unwrap()])
    }

    fn mount(at: &Path, args: &[&str]) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(args).arg(at).stderr(Stdio::null()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!(
            "SKIPPED: mount {} does not work here (it needs root, and loop devices)",
            args.join(" ")
        );
        None
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Takes all room but so many bytes, by a file that is returned; without one there is no room for a single byte.
    pub fn fill(&self, leave: Option<u64>) -> PathBuf {
        let path = self.0.join("fill");
        let mut file = File::options().append(true).create(true).open(&path).unwrap();
        let stat = rustix::fs::statvfs(&self.0).unwrap();
        let free = stat.f_bavail * stat.f_frsize;
        let mut left = free.saturating_sub(leave.unwrap_or(0));
        while left > 0 {
            let part = left.min(1 << 20);
            if file.write_all(&vec![0; usize::try_from(part).unwrap()]).is_err() {
                break;
            }
            left -= part;
        }
        if leave.is_none() {
            while file.write_all(&[0; 512]).is_ok() {}
        }
        let _ = file.sync_all();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        }
    }
}

/// A file with an empty ext4 of this size; `None`, with a word, where there is no `mkfs.ext4`.
pub fn ext4_image(path: &Path, megabytes: u64) -> Option<()> {
    File::create(path).unwrap().set_len(megabytes << 20).unwrap();
    // Nothing is left for the kernel to initialise behind the test's back.
    let lazy = "lazy_itable_init=0,lazy_journal_init=0";
    let made =
        Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0", "-E", lazy]).arg(path).status();
    if made.is_ok_and(|status| status.success()) {
        return Some(());
    }
    println!("SKIPPED: there is no mkfs.ext4 here");
    None
}
