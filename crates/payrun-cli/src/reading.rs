//! Reading a payment file, with a bar where a person waits for it.

use crate::fault::{Fault, unreadable};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use payrun::csv::{ReadError, Reading, Rules, Validated};
use std::cell::OnceCell;
use std::error::Error as _;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// The file name that means standard input.
const STDIN: &str = "-";

/// How standard input is called in reports.
const STDIN_NAME: &str = "standard input";

/// Nobody needs a bar for less.
const SILENT: Duration = Duration::from_secs(2);

/// Whether payments are wanted, or only what is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// They are to be planned.
    Payments,
    /// Counting them is enough.
    Problems,
}

/// Reads and validates a payment file, or standard input if it is called `-`.
///
/// # Errors
/// If it cannot be read at all.
pub(crate) fn file(path: &Path, rules: Rules, wanted: Wanted) -> Result<Validated, Fault> {
    let wait = Wait { begun: Instant::now(), total: plain_length(path), bar: OnceCell::new() };
    let watch = |bytes| wait.watch(bytes);
    let mut reading = Reading::new(rules).watched(&watch);
    if wanted == Wanted::Problems {
        reading = reading.without_payments();
    }
    let read = if is_stdin(path) {
        reading.input(io::stdin().lock(), STDIN_NAME)
    } else {
        reading.file(path)
    };
    wait.end();
    read.map_err(|error| read_fault(path, &error))
}

/// Whether standard input is meant.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// That a file which was read cannot be read any more.
pub(crate) fn lost(path: &Path, error: &io::Error) -> Fault {
    unreadable(path, format!("{}: {error}", path.display()))
}

fn read_fault(path: &Path, error: &ReadError) -> Fault {
    match error.source() {
        Some(source) => unreadable(path, format!("{error}: {source}")),
        None => unreadable(path, error),
    }
}

/// How many bytes of text a file has, where its length says so: neither packed, nor two bytes a letter.
fn plain_length(path: &Path) -> Option<u64> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
    let mut head = Vec::new();
    file.take(4).read_to_end(&mut head).ok()?;
    let other: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff"];
    (!other.iter().any(|mark| head.starts_with(mark))).then_some(length)
}

/// Somebody who may be waiting.
struct Wait {
    begun: Instant,
    total: Option<u64>,
    bar: OnceCell<Option<ProgressBar>>,
}

impl Wait {
    fn watch(&self, bytes: u64) {
        if self.begun.elapsed() < SILENT {
            return;
        }
        if let Some(bar) = self.bar.get_or_init(|| bar(self.total, bytes, self.begun)) {
            bar.set_position(bytes);
            if self.total.is_some_and(|total| bytes >= total) {
                bar.set_message("comparing rows");
            }
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.get().and_then(Option::as_ref) {
            bar.finish_and_clear();
        }
    }
}

/// None where nothing can be drawn over.
fn bar(total: Option<u64>, read: u64, begun: Instant) -> Option<ProgressBar> {
    let target = ProgressDrawTarget::stderr();
    if target.is_hidden() {
        return None;
    }
    let template = match total {
        Some(_) => "[{bar:30}] {bytes} of {total_bytes} read{left}   {msg}",
        None => "{bytes} read   {msg}",
    };
    let style = ProgressStyle::with_template(template).ok()?.progress_chars("#> ");
    let left = move |state: &ProgressState, out: &mut dyn fmt::Write| {
        let _ = out.write_str(&left(begun.elapsed(), state.pos(), state.len()));
    };
    let bar = ProgressBar::with_draw_target(total, target).with_style(style.with_key("left", left));
    Some(bar.with_position(read))
}

/// How long the rest takes if it goes on as it went so far.
fn left(so_far: Duration, read: u64, total: Option<u64>) -> String {
    let Some(rest) = total.and_then(|total| total.checked_sub(read)).filter(|_| read > 0) else {
        return String::new();
    };
    let seconds = u128::from(rest) * so_far.as_millis() / u128::from(read) / 1000;
    format!("   {seconds} s left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_was_read() {
        let so_far = Duration::from_secs(2);
        assert_eq!(left(so_far, 10, Some(40)), "   6 s left");
        assert_eq!(left(so_far, 40, Some(40)), "   0 s left");
        // Nothing is known of a file that grows, or of one of unknown length.
        assert_eq!(left(so_far, 41, Some(40)), "");
        assert_eq!(left(so_far, 10, None), "");
        assert_eq!(left(so_far, 0, Some(40)), "");
    }

    #[test]
    fn a_length_is_known_of_plain_text_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("june");
        for (bytes, length) in [
            (&b"name,amount\n"[..], Some(12)),
            (b"", Some(0)),
            (b"\x1f\x8b\x08\x00", None),
            (b"\x28\xb5\x2f\xfd", None),
            (b"\xff\xfen\x00", None),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(plain_length(&path), length, "{bytes:?}");
        }
        assert_eq!(plain_length(folder.path()), None);
        assert_eq!(plain_length(Path::new(STDIN)), None);
    }
}
