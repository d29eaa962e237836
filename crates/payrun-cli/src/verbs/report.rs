//! `payrun report`: what became of every payment.

use crate::args::ReportArgs;
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::screen::Screen;
use crate::show;
use payrun::Exit;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Writes the report to stdout or into a file.
pub(super) fn report(args: &ReportArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open_to_read()?;
    let key = place.find_run(&records, &args.run)?;
    let fault = |error| not_begun(&error, &place);
    let report = records.report(&key).map_err(fault)?;
    let bytes = show::in_form(&report, screen.form(), &place, records.path()).map_err(fault)?;
    match &args.output {
        None => screen.data_with(|out| out.write_all(&bytes))?,
        Some(path) => {
            write(path, &bytes)
                .map_err(|error| Fault::output(&path.display().to_string(), &error))?;
            screen.say(&format!("Written to {}.", path.display()));
        }
    }
    Ok(Exit::Done)
}

/// A new file, or one that is there already, with what pays whom: for its owner only. A pipe or a device is written
/// to as it is.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let is_file = file.metadata()?.is_file();
    if is_file {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    file.write_all(bytes)?;
    if is_file { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_there_is_its_owners_alone_too() {
        let path = std::env::temp_dir().join(format!("payrun-report-{}", std::process::id()));
        std::fs::write(&path, "older and longer").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new").unwrap();
        let (text, mode) = (std::fs::read(&path), std::fs::metadata(&path).unwrap().permissions());
        std::fs::remove_file(&path).unwrap();
        assert_eq!((text.unwrap().as_slice(), mode.mode() & 0o777), (b"new".as_slice(), 0o600));
    }

    #[test]
    fn a_device_is_written_to_as_it_is() {
        write(Path::new("/dev/null"), b"gone").unwrap();
    }
}
