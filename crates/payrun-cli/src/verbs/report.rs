//! `payrun report`: what became of every payment.

use crate::args::ReportArgs;
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::screen::Screen;
use crate::show;
use payrun::Exit;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes the report to stdout or into a file.
pub(super) fn report(args: &ReportArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open()?;
    let key = place.find_run(&records, &args.run)?;
    let fault = |error| not_begun(&error, &place).nothing_sent_now();
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

/// A new file, or one that is there already, with what pays whom: for its owner only.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
