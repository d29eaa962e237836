//! The system calls that change a disk or send something.

use nix::libc::{self, user_regs_struct};
use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// One system call at which a process was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemCall {
    /// Such as `fdatasync`.
    pub name: &'static str,
    /// The path; or `socket`, and what is sent there begins with.
    pub on: String,
}

/// Which argument says what a call changes.
#[derive(Clone, Copy)]
enum Subject {
    /// The first: a descriptor.
    Descriptor,
    /// The first: a path.
    Path,
    /// The second: a path, behind the descriptor of a folder.
    PathAt,
}

use Subject::{Descriptor, Path, PathAt};

/// Everything that writes, syncs, renames, makes, cuts, removes or sends.
const CHANGING: [(libc::c_long, &str, Subject); 37] = [
    (libc::SYS_write, "write", Descriptor),
    (libc::SYS_pwrite64, "pwrite64", Descriptor),
    (libc::SYS_writev, "writev", Descriptor),
    (libc::SYS_pwritev, "pwritev", Descriptor),
    (libc::SYS_pwritev2, "pwritev2", Descriptor),
    (libc::SYS_sendto, "sendto", Descriptor),
    (libc::SYS_sendmsg, "sendmsg", Descriptor),
    (libc::SYS_sendmmsg, "sendmmsg", Descriptor),
    (libc::SYS_sendfile, "sendfile", Descriptor),
    (libc::SYS_connect, "connect", Descriptor),
    (libc::SYS_fdatasync, "fdatasync", Descriptor),
    (libc::SYS_fsync, "fsync", Descriptor),
    (libc::SYS_sync_file_range, "sync_file_range", Descriptor),
    (libc::SYS_syncfs, "syncfs", Descriptor),
    (libc::SYS_ftruncate, "ftruncate", Descriptor),
    (libc::SYS_fallocate, "fallocate", Descriptor),
    (libc::SYS_fchmod, "fchmod", Descriptor),
    (libc::SYS_truncate, "truncate", Path),
    (libc::SYS_rename, "rename", Path),
    (libc::SYS_unlink, "unlink", Path),
    (libc::SYS_mkdir, "mkdir", Path),
    (libc::SYS_rmdir, "rmdir", Path),
    (libc::SYS_link, "link", Path),
    (libc::SYS_symlink, "symlink", Path),
    (libc::SYS_chmod, "chmod", Path),
    (libc::SYS_creat, "creat", Path),
    (libc::SYS_open, "open", Path),
    (libc::SYS_openat, "openat", PathAt),
    (libc::SYS_openat2, "openat2", PathAt),
    (libc::SYS_renameat, "renameat", PathAt),
    (libc::SYS_renameat2, "renameat2", PathAt),
    (libc::SYS_unlinkat, "unlinkat", PathAt),
    (libc::SYS_mkdirat, "mkdirat", PathAt),
    (libc::SYS_linkat, "linkat", PathAt),
    (libc::SYS_symlinkat, "symlinkat", PathAt),
    (libc::SYS_fchmodat, "fchmodat", PathAt),
    (libc::SYS_fchmodat2, "fchmodat2", PathAt),
];

/// These would change something without being seen here: a process that makes one cannot be judged.
const UNSEEN: [(libc::c_long, &str); 4] = [
    (libc::SYS_io_uring_enter, "io_uring_enter"),
    (libc::SYS_io_submit, "io_submit"),
    (libc::SYS_copy_file_range, "copy_file_range"),
    (libc::SYS_splice, "splice"),
];

impl SystemCall {
    /// The call that thread `pid` is about to make, if it changes a disk or sends something. Wake-ups between threads,
    /// pipes, devices and files without a name do neither.
    pub(crate) fn at_entry(pid: i32, regs: &user_regs_struct) -> Option<Self> {
        let number = libc::c_long::try_from(regs.orig_rax).ok()?;
        if let Some((_, name)) = UNSEEN.iter().find(|(unseen, _)| *unseen == number) {
            panic!("the command calls {name}, which is not understood here");
        }
        let (_, name, subject) = CHANGING.iter().find(|(changing, ..)| *changing == number)?;
        let made = match number {
            libc::SYS_open => regs.rsi,
            libc::SYS_openat => regs.rdx,
            _ => u64::MAX,
        };
        let makes = u64::from((libc::O_CREAT | libc::O_TRUNC).unsigned_abs());
        if made & makes == 0 {
            return None;
        }
        let memory = Memory::of(pid);
        let on = match subject {
            Descriptor => {
                let to = std::fs::read_link(format!("/proc/{pid}/fd/{}", regs.rdi)).ok()?;
                match to.to_string_lossy() {
                    to if to.starts_with("socket:") => {
                        format!("socket {}", memory.first_words(number, regs))
                    }
                    to if to.starts_with("/dev/") || to.ends_with(" (deleted)") => return None,
                    to if to.starts_with('/') => to.into_owned(),
                    _ => return None,
                }
            }
            Path => memory.text(regs.rdi, 4096),
            PathAt => memory.text(regs.rsi, 4096),
        };
        Some(Self { name, on })
    }

    /// Whether it sends, or opens a connection to send.
    pub fn is_network(&self) -> bool {
        self.on.starts_with("socket")
    }

    /// Whether it sends what can move money.
    pub fn moves_money(&self) -> bool {
        self.on.starts_with("socket POST /api/v3/withdraw")
    }

    /// Whether it asks for what was written to be put on the disk.
    pub fn syncs(&self) -> bool {
        matches!(self.name, "fsync" | "fdatasync" | "sync_file_range" | "syncfs")
    }

    /// Whether a full disk can make it fail.
    pub fn takes_room(&self) -> bool {
        !self.is_network() && matches!(self.name, "write" | "pwrite64" | "openat" | "mkdir")
    }
}

impl fmt::Display for SystemCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.on)
    }
}

/// What another process has in memory.
struct Memory(Option<File>);

impl Memory {
    fn of(pid: i32) -> Self {
        Self(File::open(format!("/proc/{pid}/mem")).ok())
    }

    fn bytes(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = self.0.as_ref().and_then(|memory| memory.read_at(&mut bytes, at).ok());
        bytes.truncate(read.unwrap_or(0));
        bytes
    }

    /// Up to its zero.
    fn text(&self, at: u64, length: usize) -> String {
        let bytes = self.bytes(at, length);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    /// What a request begins with: its method and path.
    fn first_words(&self, number: libc::c_long, regs: &user_regs_struct) -> String {
        let at = match number {
            libc::SYS_writev => {
                let first = self.bytes(regs.rsi, 8);
                first.try_into().map_or(0, u64::from_ne_bytes)
            }
            libc::SYS_write | libc::SYS_sendto => regs.rsi,
            _ => return String::new(),
        };
        let text = String::from_utf8_lossy(&self.bytes(at, 64)).into_owned();
        text.split(['?', '\r'])
            .next()
            .unwrap_or_default()
            .split(" HTTP")
            .next()
            .map_or(String::new(), str::to_owned)
    }
}
