//! The payer's own file written back: with what is wrong beside each row, or valid and invalid rows apart.

use crate::args::ValidateArgs;
use crate::fault::Fault;
use crate::new_file::{NewFile, Place, unwritten};
use crate::screen::Screen;
use payrun::csv::{Encoding, Validated};
use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The files of `--split`.
const VALID: &str = "valid.csv";
const INVALID: &str = "invalid.csv";

/// What is to be written, at places that were made sure of.
pub(super) struct Copies<'a> {
    args: &'a ValidateArgs,
    corrected: Option<Place>,
}

/// What was written, and what was not since there is nothing to write back.
#[derive(Default)]
pub(super) struct Written(Vec<String>);

impl<'a> Copies<'a> {
    /// Makes sure of the places: nobody waits for a large file to hear that its copy is there already.
    pub(super) fn of(args: &'a ValidateArgs) -> Result<Self, Fault> {
        let corrected = args.corrected.as_deref();
        let corrected =
            corrected.map(|path| Place::of(path, &args.file, args.force)).transpose()?;
        if let Some(folder) = &args.split
            && folder.symlink_metadata().is_ok()
        {
            split_places(folder, args)?;
        }
        Ok(Self { args, corrected })
    }

    pub(super) fn write(self, file: &Validated) -> Result<Written, Fault> {
        let mut written = Written::default();
        if let Some(place) = self.corrected {
            let mut out = begin(place, file)?;
            match file.write_corrected(&mut out) {
                Ok(()) => written.keep(out, "Each row with what is wrong beside it")?,
                Err(error) => written.leave(file, out.path(), &error)?,
            }
        }
        if let Some(folder) = &self.args.split {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| unwritten(folder, error))?;
            let (valid, invalid) = split_places(folder, self.args)?;
            let (mut valid, mut invalid) = (begin(valid, file)?, begin(invalid, file)?);
            match file.write_split(&mut valid, &mut invalid) {
                Ok(()) => {
                    written.keep(valid, "The valid rows")?;
                    written.keep(invalid, "The other rows, with what is wrong")?;
                }
                Err(error) => written.leave(file, folder, &error)?,
            }
        }
        Ok(written)
    }
}

/// A copy is UTF-8. Where the file was not, a mark says so: else `--encoding`, or a spreadsheet, would take the copy for
/// what the file was.
fn begin(place: Place, file: &Validated) -> Result<NewFile, Fault> {
    let mut out = place.begin()?;
    if file.encoding.is_some_and(|encoding| encoding != Encoding::UTF_8) {
        let marked = out.write_all("\u{feff}".as_bytes());
        marked.map_err(|error| unwritten(out.path(), error))?;
    }
    Ok(out)
}

fn split_places(folder: &Path, args: &ValidateArgs) -> Result<(Place, Place), Fault> {
    let place = |name| Place::of(&folder.join(name), &args.file, args.force);
    Ok((place(VALID)?, place(INVALID)?))
}

impl Written {
    fn keep(&mut self, file: NewFile, what: &str) -> Result<(), Fault> {
        let path: PathBuf = file.finish()?;
        self.0.push(format!("{what}: {}", path.display()));
        Ok(())
    }

    /// A file that cannot be written back whole has an error that says so; anything else is a fault.
    fn leave(&mut self, file: &Validated, path: &Path, error: &io::Error) -> Result<(), Fault> {
        if error.kind() != io::ErrorKind::InvalidData || file.is_valid() {
            return Err(unwritten(path, error));
        }
        self.0.push(format!("{} was not written: {error}.", path.display()));
        Ok(())
    }

    /// On stderr: what is on stdout may be for a script.
    pub(super) fn tell(&self, screen: Screen) {
        for line in &self.0 {
            screen.say(line);
        }
    }
}
