//! A terminal without a person at it.

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

/// A pseudo-terminal: what a command writes there can be read here.
pub struct Terminal {
    master: File,
    slave: File,
}

impl Terminal {
    /// A new one.
    pub fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        Self { master: master.into(), slave: slave.into() }
    }

    /// For a command to read from or to write to.
    pub fn stdio(&self) -> Stdio {
        self.slave.try_clone().unwrap().into()
    }

    /// Reads until `words` were written; gives what came.
    pub fn read_until(&mut self, words: &str) -> String {
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains(words) {
            let mut more = [0; 1024];
            let read = self.master.read(&mut more).unwrap();
            text.extend(&more[..read]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
