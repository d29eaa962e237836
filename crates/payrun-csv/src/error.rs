//! Why a payment file cannot be read at all. Whatever it is, nothing was sent.

use std::io;
use std::path::{Path, PathBuf};

/// The file could not be read to its end. What is wrong *inside* a file that can be read is a
/// [`Problem`](crate::Problem).
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No such file.
    #[error("there is no file {}", .path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is there, but this user may not read it.
    #[error("no permission to read {}", .path.display())]
    Permission {
        /// The file.
        path: PathBuf,
    },
    /// The path names a folder.
    #[error("{} is a folder, not a payment file", .path.display())]
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// Anything else that the operating system reports.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The file, or the name given to what was read.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl ReadError {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let kind = source.kind();
        if kind == io::ErrorKind::NotFound {
            Self::NotFound { path }
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::Permission { path }
        } else if kind == io::ErrorKind::IsADirectory {
            Self::Directory { path }
        } else {
            Self::Io { path, source }
        }
    }

    /// The path, or the name, of what could not be read.
    pub fn path(&self) -> &Path {
        match self {
            Self::NotFound { path }
            | Self::Permission { path }
            | Self::Directory { path }
            | Self::Io { path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_file;
    use std::io::Read;

    #[test]
    fn a_missing_file_and_a_folder_are_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("june.csv");
        let error = read_file(&missing).unwrap_err();
        assert!(matches!(&error, ReadError::NotFound { path } if *path == missing));
        assert!(error.to_string().ends_with("june.csv"), "{error}");
        let error = read_file(folder.path()).unwrap_err();
        assert!(matches!(error, ReadError::Directory { .. }), "{error}");
        assert_eq!(error.path(), folder.path());
    }

    #[test]
    fn what_the_system_refuses_is_not_a_fault_of_the_file() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = ReadError::new(Path::new("june.csv"), denied);
        assert_eq!(error.to_string(), "no permission to read june.csv");
    }

    /// Fails once, and is at its end from then on.
    struct Failing {
        failed: bool,
    }

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.failed, true) {
                return Ok(0);
            }
            Err(io::Error::other("cable pulled"))
        }
    }

    #[test]
    fn a_failure_in_the_middle_is_an_error_and_never_a_shorter_file() {
        let header = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n";
        let row = "Jane,jane@example.com,+254712345678,1,KES,EMP-1\n";
        // In what is read to tell the kind of file, and far behind it.
        for rows in [0, 10_000] {
            let start = format!("{header}{}", row.repeat(rows));
            let input = start.as_bytes().chain(Failing { failed: false });
            let error = crate::read(input, "june.csv").unwrap_err();
            assert!(matches!(error, ReadError::Io { .. }), "{error:?}");
        }
    }
}
