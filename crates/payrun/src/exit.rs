//! How it ended, as a number that scripts rely on.

/// The exit codes of the `payrun` command. Part of its interface: a number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// All paid; or accepted, where settlement is not waited for.
    Done,
    /// A bug in payrun.
    Bug,
    /// The command line or the configuration cannot be used.
    Usage,
    /// The file is invalid; nothing was sent.
    FileInvalid,
    /// Some payments were rejected or failed.
    SomeUnpaid,
    /// Some payments are unknown, held, in doubt or not settled in time: act or resume.
    SomeOpen,
    /// The records cannot be written or trusted.
    StoreFault,
    /// Refused: another process, another file, another account, a duplicate, lost history.
    Refused,
    /// Gateway, credentials or funds: stopped, resumable.
    Gateway,
    /// Interrupted; the checkpoint is saved.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::FileInvalid => 3,
            Self::SomeUnpaid => 4,
            Self::SomeOpen => 5,
            Self::StoreFault => 6,
            Self::Refused => 7,
            Self::Gateway => 8,
            Self::Interrupted => 130,
        }
    }
}
