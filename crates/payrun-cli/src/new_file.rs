//! A file that is there whole or not at all.
//!
//! It is written beside its place, under a name of its own, and renamed when every byte of it is on disk: a crash leaves
//! no half file, and whoever reads the old one meanwhile reads the old one. It is its owner's alone.

use crate::fault::Fault;
use payrun::Exit;
use std::fmt::Display;
use std::fs::{self, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A place for a file, made sure of before any work is done for it.
pub(crate) struct Place {
    path: PathBuf,
    /// Whether a file that is there may be replaced.
    force: bool,
}

/// A file in the making; nothing is left of it if it is dropped.
pub(crate) struct NewFile {
    place: Place,
    out: BufWriter<NamedTempFile>,
}

impl Place {
    /// A place for a file made from `input`, which it never replaces.
    ///
    /// # Errors
    /// A usage fault if something is there that must stay.
    pub(crate) fn of(path: &Path, input: &Path, force: bool) -> Result<Self, Fault> {
        let shown = path.display();
        if let Ok(there) = fs::metadata(path) {
            if fs::metadata(input).is_ok_and(|input| is_same(&there, &input)) {
                return Err(Fault::usage(
                    format!("{shown} is the payment file itself"),
                    "Name another file: the payment file is never written to.",
                ));
            }
            if !there.is_file() {
                return Err(Fault::usage(format!("{shown} is not a file"), "Name a new file."));
            }
        }
        // A link that leads nowhere is something too.
        if fs::symlink_metadata(path).is_ok() && !force {
            return Err(taken(path));
        }
        let place = Self { path: path.to_owned(), force };
        match fs::metadata(place.folder()) {
            Ok(folder) if folder.is_dir() => Ok(place),
            _ if path.file_name().is_none() => {
                Err(Fault::usage(format!("'{shown}' names no file"), "Name a new file."))
            }
            _ => Err(Fault::usage(
                format!("there is no folder {}", place.folder().display()),
                "Make it first, or name another.",
            )),
        }
    }

    /// Begins to write.
    ///
    /// # Errors
    /// If nothing can be written there.
    pub(crate) fn begin(self) -> Result<NewFile, Fault> {
        let beside = tempfile::Builder::new().prefix(".payrun-").tempfile_in(self.folder());
        let file = beside.map_err(|error| unwritten(&self.path, &error))?;
        Ok(NewFile { place: self, out: BufWriter::new(file) })
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }
}

impl NewFile {
    /// Puts it into its place.
    ///
    /// # Errors
    /// If not all of it can be written, or something is there meanwhile.
    pub(crate) fn finish(self) -> Result<PathBuf, Fault> {
        let Self { place: Place { path, force }, out } = self;
        let fault = |error: &io::Error| unwritten(&path, error);
        let file = out.into_inner().map_err(|error| fault(error.error()))?;
        file.as_file().sync_all().map_err(|error| fault(&error))?;
        let kept = if force { file.persist(&path) } else { file.persist_noclobber(&path) };
        match kept {
            Ok(_) => Ok(path),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(taken(&path)),
            Err(error) => Err(fault(&error.error)),
        }
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// That a file could not be written.
pub(crate) fn unwritten(path: &Path, error: impl Display) -> Fault {
    Fault::new(
        Exit::Usage,
        "output",
        format!("{} cannot be written: {error}", path.display()),
        "Nothing is left of it. Check the folder, its rights and the room on the disk.",
    )
}

fn taken(path: &Path) -> Fault {
    Fault::usage(
        format!("{} is there already", path.display()),
        "Name another, or pass --force to replace it.",
    )
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_its_owners_alone_and_replaces_nothing_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (input, out) = (folder.path().join("june.csv"), folder.path().join("out.csv"));
        fs::write(&input, "in").unwrap();
        let write = |text: &str, force: bool| {
            let mut file = Place::of(&out, &input, force)?.begin()?;
            file.write_all(text.as_bytes()).unwrap();
            assert!(!fs::read(&out).is_ok_and(|there| there == text.as_bytes()));
            file.finish()
        };
        write("first", false).unwrap();
        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write("second", false).unwrap_err().hint.contains("--force"));
        assert_eq!(fs::read_to_string(&out).unwrap(), "first");
        write("second", true).unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), "second");
        // Dropped half-way, nothing is left.
        Place::of(&out, &input, true).unwrap().begin().unwrap().write_all(b"half").unwrap();
        assert_eq!(fs::read_to_string(&out).unwrap(), "second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_payment_file_folders_and_devices_are_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("june.csv");
        fs::write(&input, "in").unwrap();
        let link = folder.path().join("link.csv");
        std::os::unix::fs::symlink(&input, &link).unwrap();
        let missing = folder.path().join("nowhere/out.csv");
        for (path, part) in [
            (input.as_path(), "itself"),
            (&link, "itself"),
            (folder.path(), "not a file"),
            (Path::new("/dev/null"), "not a file"),
            (&missing, "no folder"),
        ] {
            let fault = Place::of(path, &input, true).err().unwrap();
            assert!(fault.message.contains(part), "{}", fault.message);
        }
    }

    #[test]
    fn what_came_there_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.csv");
        let file = Place::of(&out, Path::new("june.csv"), false).unwrap().begin().unwrap();
        fs::write(&out, "another's").unwrap();
        assert!(file.finish().is_err());
        assert_eq!(fs::read_to_string(&out).unwrap(), "another's");
    }
}
