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
use std::io::{self, Write};
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
        Form::Json => stream(screen, &args.file, |out| file.write_json(out))?,
        Form::Csv => stream(screen, &args.file, |out| show::problems_csv(&file, out))?,
    }
    written.tell(screen);
    Ok(if file.is_valid() { Exit::Done } else { Exit::FileInvalid })
}

/// Problems are read from the file while they are written: which of the two failed decides what is said.
fn stream(
    screen: Screen,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Fault> {
    let mut lost = None;
    screen.data_with(|out| {
        let mut out = Noted { out, has_failed: false };
        let written = write(&mut out);
        if out.has_failed {
            return written;
        }
        lost = written.err();
        Ok(())
    })?;
    lost.map_or(Ok(()), |error| Err(reading::lost(path, &error)))
}

/// Output that remembers whether it failed.
struct Noted<'o> {
    out: &'o mut dyn Write,
    has_failed: bool,
}

impl Write for Noted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes).inspect_err(|_| self.has_failed = true)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().inspect_err(|_| self.has_failed = true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_under_way_is_not_called_a_full_disk() {
        let screen = Screen::new(Form::Json);
        let changed = |_: &mut dyn Write| Err(io::Error::other("the file was changed"));
        let fault = stream(screen, Path::new("june.csv"), changed).unwrap_err();
        assert_eq!((fault.exit, fault.code), (Exit::FileInvalid, "file-unreadable"));
        assert!(fault.message.contains("june.csv: the file was changed"), "{}", fault.message);
        stream(screen, Path::new("june.csv"), |_| Ok(())).unwrap();
    }
}
