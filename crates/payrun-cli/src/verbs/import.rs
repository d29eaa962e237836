//! `payrun import`: a run made of what `payrun export` wrote.

use crate::args::{Form, ImportArgs};
use crate::fault::{Fault, not_begun};
use crate::place::{Place, short};
use crate::screen::{Screen, wrap};
use crate::show::count;
use payrun::{Exit, JobError, PortableError};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Makes the run, and says how to go on with it.
pub(super) fn import(args: &ImportArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::of(&args.place)?;
    let fault = |error: JobError| not_begun(&error, &place);
    let input = input(&args.file).map_err(|error| fault(unreadable(error)))?;
    let identity = place.open()?.import(input, place.sandbox).map_err(fault)?;
    let key = &identity.run;
    if screen.form() == Form::Json {
        screen
            .json(&json!({"run": key.as_str(), "payments": identity.payments, "imported": true}))?;
    } else {
        let run = short(key);
        let payments = count(u64::from(identity.payments), "payment");
        let said = format!(
            "Run {run} of {payments} is imported. Nothing was sent. It goes on by cautious start: everything is looked up \
             before it is first sent. Go on with it in one place only: never where it was exported."
        );
        let flags = place.flags();
        screen.data(&format!("{}\n  payrun resume {run}{flags}\n", wrap(&said, "")))?;
    }
    Ok(Exit::Done)
}

fn input(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin().lock())));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

fn unreadable(error: io::Error) -> JobError {
    JobError::Import(PortableError::Io(error))
}
