//! `payrun validate`: every problem of a file at once, and the file written back with them.

mod copies;

use crate::args::{Form, ValidateArgs};
use crate::config::Config;
use crate::fault::Fault;
use crate::reading::{self, Wanted};
use crate::screen::Screen;
use crate::show;
use copies::Copies;
use payrun::Exit;
use std::path::Path;

/// Reads the file to its end and lists what is wrong with it.
pub(super) fn validate(args: &ValidateArgs, screen: Screen) -> Result<Exit, Fault> {
    let config = Config::load(&args.config)?;
    let rules = args.reading.rules(&config);
    let expected = rules.expected.clone();
    let copies = Copies::of(args)?;
    let file = reading::file(&args.file, rules, Wanted::Problems)?;
    let written = copies.write(&file)?;
    match screen.form() {
        Form::Text => {
            let corrected = args.corrected.as_deref().map(Path::to_string_lossy);
            let asked = show::Asked {
                file: &args.file.to_string_lossy(),
                flags: &(config.flag().to_owned() + &args.reading.flags()),
                expected: &expected,
                corrected: corrected.as_deref(),
            };
            let text = show::problems(&file, asked);
            let text = text.map_err(|error| reading::lost(&args.file, &error))?;
            screen.data(&text)?;
        }
        Form::Json => screen.data_with(|out| file.write_json(out))?,
        Form::Csv => screen.data_with(|out| show::problems_csv(&file, out))?,
    }
    written.tell(screen);
    Ok(if file.is_valid() { Exit::Done } else { Exit::FileInvalid })
}
