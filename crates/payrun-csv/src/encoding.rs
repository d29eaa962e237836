//! The encoding of a text, where it is not UTF-8.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// An encoding of text, by the names that the web gives them: `utf-8`, `windows-1252`, `latin1`, `utf-16le`.
///
/// ```
/// let encoding: payrun_csv::Encoding = "Latin1".parse()?;
/// assert_eq!(encoding.to_string(), "windows-1252"); // which holds all of Latin-1, and is what is meant
/// # Ok::<(), payrun_csv::UnknownEncoding>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

/// No encoding has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no encoding '{0}'; known are utf-8, utf-16le, utf-16be, windows-1252 (also as latin1) and others"
)]
pub struct UnknownEncoding(pub String);

impl Encoding {
    /// What payrun reads unless it is told otherwise.
    pub const UTF_8: Self = Self(encoding_rs::UTF_8);

    /// The encoding that a byte order mark at the start of `head` names, and the mark's length.
    pub(crate) fn marked(head: &[u8]) -> Option<(Self, usize)> {
        encoding_rs::Encoding::for_bom(head).map(|(encoding, length)| (Self(encoding), length))
    }

    pub(crate) fn is_utf8(self) -> bool {
        self == Self::UTF_8
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        encoding_rs::Encoding::for_label(name.as_bytes())
            .filter(|encoding| *encoding != encoding_rs::REPLACEMENT)
            .map(Self)
            .ok_or_else(|| UnknownEncoding(name.to_owned()))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.name().to_ascii_lowercase())
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

/// How many bytes are decoded at a time.
const STEP: usize = 64 * 1024;

/// A reader that gives UTF-8, whatever comes in. A sequence that means nothing becomes U+FFFD, which is refused in
/// the cell where it stands.
pub(crate) struct Decoded<R> {
    input: R,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// What of `text` was given.
    given: usize,
    at_end: bool,
}

impl<R: Read> Decoded<R> {
    /// Decodes from the first byte on; byte order marks are taken away before.
    pub(crate) fn new(input: R, encoding: Encoding) -> Self {
        let decoder = encoding.0.new_decoder_without_bom_handling();
        Self { input, decoder, raw: Vec::new(), text: Vec::new(), given: 0, at_end: false }
    }

    fn more(&mut self) -> io::Result<()> {
        let step = u64::try_from(STEP).unwrap_or(u64::MAX);
        self.raw.clear();
        self.at_end = self.input.by_ref().take(step).read_to_end(&mut self.raw)? == 0;
        self.given = 0;
        let room = self.decoder.max_utf8_buffer_length(self.raw.len()).unwrap_or(STEP * 4);
        self.text.clear();
        self.text.resize(room, 0);
        let (_, _, written, _) =
            self.decoder.decode_to_utf8(&self.raw, &mut self.text, self.at_end);
        self.text.truncate(written);
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && !self.at_end {
            self.more()?;
        }
        let ready = self.text.get(self.given..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8], encoding: &str) -> String {
        let mut text = String::new();
        Decoded::new(bytes, encoding.parse().unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn what_an_office_writes_becomes_utf8() {
        assert_eq!(decoded(b"Ren\xe9e \x80 5", "windows-1252"), "Renée € 5");
        assert_eq!(decoded(b"Ren\xe9e", "latin1"), "Renée");
        assert_eq!(decoded(b"R\0e\0n\0\xe9\0", "utf-16le"), "René");
        assert_eq!(decoded(b"\0R\0\xe9", "utf-16be"), "Ré");
        // Half a character at the end is a letter that was lost.
        assert_eq!(decoded(b"R\0e", "utf-16le"), "R\u{fffd}");
        let long = "é".repeat(200_000);
        let bytes: Vec<u8> = long.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&bytes, "utf-16le"), long);
    }

    #[test]
    fn names_are_those_of_the_web() {
        for name in
            ["UTF-8", "utf8", "latin1", "iso-8859-1", "windows-1252", "utf-16le", "macintosh"]
        {
            assert!(name.parse::<Encoding>().is_ok(), "{name}");
        }
        for name in ["", "ebcdic", "utf-32"] {
            assert!(name.parse::<Encoding>().is_err(), "{name}");
        }
    }
}
