//! From the bytes of a file to its text in UTF-8: unpacked, decoded, without a byte order mark. What is no text at all
//! is named as what it is.

use crate::encoding::{Decoded, Encoding};
use crate::kind::{self, HEAD_LENGTH, Packing};
use crate::problem::Fault;
use crate::source::{Hashed, head};
use crate::text_file::{Keeping, Kept};
use crate::{Code, Rules};
use flate2::read::MultiGzDecoder;
use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};

/// A text that is ready to be read.
pub(crate) struct Opened<'i> {
    pub(crate) text: Text<'i>,
    pub(crate) encoding: Encoding,
    /// How many bytes before the text are a byte order mark.
    pub(crate) mark: usize,
}

/// Where the text comes from.
pub(crate) enum Text<'i> {
    /// A file that can be read again, where its bytes are the text.
    Plain { reader: Box<dyn Read + 'i>, file: File },
    /// Anything else; it is kept while it is read.
    Kept(Keeping<Box<dyn Read + 'i>>),
}

impl Text<'_> {
    /// The text, to be read again.
    pub(crate) fn kept(self) -> io::Result<Kept> {
        match self {
            Self::Plain { file, .. } => Ok(Kept::File(file)),
            Self::Kept(mut keeping) => keeping.kept(),
        }
    }
}

impl Read for Text<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain { reader, .. } => reader.read(buffer),
            Self::Kept(keeping) => keeping.read(buffer),
        }
    }
}

/// The archive ends too early or does not hold what it says.
#[derive(Debug)]
pub(crate) struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the packed file is damaged")
    }
}

impl std::error::Error for Damaged {}

/// Whether reading failed because of what the archive holds.
pub(crate) fn is_damaged(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Damaged>())
}

/// Opens what `raw` gives. `file` is the same bytes, if they are in a file that can be read again.
///
/// # Errors
/// What the system says; a fault if this is no text.
pub(crate) fn open<'i, R: Read + 'i>(
    raw: &Hashed<R>,
    file: Option<File>,
    rules: &Rules,
) -> io::Result<Result<Opened<'i>, Fault>> {
    let mut first = head(&mut raw.clone(), HEAD_LENGTH)?;
    let mut reader: Box<dyn Read + 'i> = Box::new(Cursor::new(first.clone()).chain(raw.clone()));
    let packing = kind::packing(&first);
    if let Some(packing) = packing {
        let mut unpacked = Unpacked { input: packing.unpacked(reader)?, raw: raw.clone() };
        first = head(&mut unpacked, HEAD_LENGTH)?;
        reader = Box::new(Cursor::new(first.clone()).chain(unpacked));
    }
    if let Some(fault) = kind::not_csv(&first, rules.encoding.is_some()) {
        return Ok(Err(fault));
    }
    let (encoding, mark) = match Encoding::marked(&first) {
        Some(marked) => marked,
        None => (rules.encoding.unwrap_or(Encoding::UTF_8), 0),
    };
    let file = file.filter(|_| packing.is_none() && encoding.is_utf8());
    Ok(Ok(match file {
        Some(file) => Opened { text: Text::Plain { reader, file }, encoding, mark },
        None => {
            head(&mut reader, mark)?;
            if !encoding.is_utf8() {
                reader = Box::new(Decoded::new(reader, encoding));
            }
            Opened { text: Text::Kept(Keeping::new(reader)), encoding, mark: 0 }
        }
    }))
}

impl Packing {
    fn unpacked<'i>(self, packed: Box<dyn Read + 'i>) -> io::Result<Box<dyn Read + 'i>> {
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Zstd => Box::new(zstd::Decoder::new(packed)?),
        })
    }
}

/// What comes out of an archive. A failure that is not the system's is the archive's.
struct Unpacked<I, R> {
    input: I,
    raw: Hashed<R>,
}

impl<I: Read, R: Read> Read for Unpacked<I, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted || self.raw.has_failed() {
                error
            } else {
                io::Error::new(io::ErrorKind::InvalidData, Damaged)
            }
        })
    }
}

/// The words for an archive that cannot be unpacked.
pub(crate) fn damaged() -> Fault {
    Fault::new(
        Code::FileArchiveDamaged,
        "The packed file is damaged: it cannot be unpacked to its end.",
        "Fetch it once more, or unpack it yourself and give payrun the CSV file inside.",
    )
}
