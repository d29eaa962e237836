//! `payrun export`: everything of a run as JSON lines.

use crate::args::{ExportArgs, Form};
use crate::fault::{Fault, not_begun};
use crate::new_file;
use crate::place::{Place, short};
use crate::screen::{Screen, wrap};
use payrun::{Exit, ExportError, JobError, Records, RunKey};
use serde_json::json;
use std::io;
use std::path::Path;

/// What is to be known of an export, whoever has it.
const WARNING: &str = "It holds names, phones and e-mail addresses. Go on with this run in one place only: once it was \
                       imported elsewhere, never resume it here.";

/// Writes the run to stdout or into a new file.
pub(super) fn export(args: &ExportArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let records = place.open_to_read()?;
    let key = place.find_run(&records, &args.run)?;
    let run = short(&key);
    match &args.output {
        None => {
            let mut outcome = Ok(false);
            screen.data_with(|out| {
                let written = written(&records, &key, &place, out);
                outcome = written.as_ref().map(|written| written.is_ok()).map_err(Fault::clone);
                written.unwrap_or(Ok(()))
            })?;
            // Nothing is said to be whole of which a reader has taken a part and gone away.
            if outcome? {
                screen.say(&wrap(&format!("Run {run} is written out. {WARNING}"), ""));
            }
        }
        Some(path) => {
            // There is no payment file that must not be overwritten.
            let file = new_file::Place::of(path, Path::new(""), args.force)?;
            let mut file = file.begin()?;
            written(&records, &key, &place, &mut file)?
                .map_err(|error| new_file::unwritten(path, error))?;
            let path = file.finish()?;
            if screen.form() == Form::Json {
                screen.json(&json!({"run": key.as_str(), "output": path, "exported": true}))?;
            }
            let said = format!("Run {run} is written to {}. {WARNING}", path.display());
            screen.say(&wrap(&said, ""));
        }
    }
    Ok(Exit::Done)
}

/// The outer error is of the records, the inner one of where they are written.
fn written(
    records: &Records,
    key: &RunKey,
    place: &Place,
    out: &mut dyn io::Write,
) -> Result<io::Result<()>, Fault> {
    match records.export(key, out) {
        Ok(()) => Ok(Ok(())),
        Err(JobError::Export(ExportError::Output(error))) => Ok(Err(error)),
        Err(error) => Err(not_begun(&error, place)),
    }
}
