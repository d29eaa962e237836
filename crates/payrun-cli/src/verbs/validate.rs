//! `payrun validate`: every problem of a file at once.

use crate::args::{Form, ValidateArgs};
use crate::fault::Fault;
use crate::screen::Screen;
use crate::{show, source};
use payrun::Exit;

/// Reads the file to its end and lists what is wrong with it.
pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Result<Exit, Fault> {
    let file = source::file(&args.file)?;
    match screen.form() {
        Form::Text => screen.data(&show::problems(&file))?,
        Form::Json => screen.data_with(|out| file.write_json(out))?,
        Form::Csv => screen.data_with(|out| show::problems_csv(&file, out))?,
    }
    Ok(if file.errors() > 0 { Exit::FileInvalid } else { Exit::Done })
}
