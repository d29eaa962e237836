//! The first record of a text: what separates the columns, and what they are.

use crate::effort::Effort;
use crate::header::Header;
use crate::pieces::Pieces;
use crate::problem::Fault;
use crate::record::Record;
use crate::rules::Rules;
use crate::scan::{Cells, Classes, Splitter, fill};
use crate::terms::Terms;
use crate::{Code, Column, marks, quote};
use std::io::{self, Read};

/// What separates columns, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How much of the text is looked at first.
const STEP: usize = 64 * 1024;

/// The header, and all that follows from it.
pub(crate) struct First {
    pub(crate) header: Header,
    /// The cells of the header as they are.
    pub(crate) names: Vec<Vec<u8>>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) classes: Classes,
    /// On which line it stands, and on which the first row may.
    pub(crate) line: u64,
    pub(crate) next_line: u64,
    /// Where the rows begin in the text.
    pub(crate) body: u64,
}

impl First {
    pub(crate) fn terms<'s>(&'s self, rules: &'s Rules, effort: Effort) -> Terms<'s> {
        Terms { header: &self.header, rules, classes: &self.classes, effort }
    }
}

/// Takes the header off `pieces`.
///
/// # Errors
/// What the system says; a fault if there is no header.
pub(crate) fn first(
    pieces: &mut Pieces<impl Read>,
    rules: &Rules,
) -> io::Result<Result<First, Fault>> {
    let mut line = 1;
    let mut told = rules.delimiter;
    loop {
        // Lines end where they do whatever separates the columns, as long as no cell is quoted.
        let bytes_max = rules.limits.record_bytes_max;
        let Some(start) = start(pieces, told, bytes_max)? else {
            return Ok(Err(empty()));
        };
        line += start.lines_before;
        if start.is_too_long {
            return Ok(Err(quote::too_long(bytes_max)));
        }
        if let (None, Some(separator)) = (told, start.separator()) {
            // A line that only spreadsheets read: what separates the columns.
            told = Some(separator);
            line += start.lines;
            pieces.skip(start.end);
            continue;
        }
        let delimiter = told.unwrap_or_else(|| likeliest(&start.text, rules));
        let classes = Classes::new(delimiter);
        let mut record = Record::default();
        let (mut splitter, mut cells) = (Splitter::new(&start.text, &classes), Cells::default());
        splitter.next(&mut cells);
        let is_blank = marks::is_blank(&start.text, &cells, &mut record, &classes);
        fill(&mut record, &start.text, &classes);
        pieces.skip(start.end);
        if is_blank {
            line += start.lines;
            continue;
        }
        let (header, faults) = Header::read(&record, rules);
        return Ok(Ok(First {
            header,
            names: record.cells().map(<[u8]>::to_vec).collect(),
            faults,
            classes,
            line,
            next_line: line + start.lines,
            body: pieces.offset(),
        }));
    }
}

/// The first record that is not a blank line.
struct Start {
    text: Vec<u8>,
    /// Where it ends, blank lines before it included.
    end: usize,
    lines_before: u64,
    lines: u64,
    is_too_long: bool,
}

impl Start {
    /// The separator that a line such as `sep=;` names.
    fn separator(&self) -> Option<u8> {
        let line = self.text.trim_ascii();
        let (word, rest) = line.split_at_checked(4)?;
        // A tab is taken off with the blanks.
        let separator = match rest {
            [] => *self.text.get(4).filter(|byte| **byte == b'\t')?,
            [separator] => *separator,
            [_, _, ..] => return None,
        };
        (word.eq_ignore_ascii_case(b"sep=")).then_some(separator)
    }
}

fn start(
    pieces: &mut Pieces<impl Read>,
    delimiter: Option<u8>,
    bytes_max: usize,
) -> io::Result<Option<Start>> {
    let classes = Classes::new(delimiter.unwrap_or(b','));
    let mut length = STEP;
    loop {
        let text = pieces.head(length)?;
        let is_whole = text.len() < length;
        let (mut splitter, mut cells) = (Splitter::new(text, &classes), Cells::default());
        if splitter.next(&mut cells) {
            let is_too_long = cells.end - cells.start > bytes_max;
            if is_whole || is_too_long || cells.end < text.len() {
                return Ok(Some(Start {
                    text: text.get(cells.start..cells.end).unwrap_or_default().to_vec(),
                    end: cells.end,
                    lines_before: cells.line,
                    lines: cells.lines(),
                    is_too_long,
                }));
            }
        } else if is_whole {
            return Ok(None);
        }
        length = length.saturating_mul(2);
    }
}

/// The delimiter by which the header has the most known columns, and then the most cells.
fn likeliest(header: &[u8], rules: &Rules) -> u8 {
    let cells = |delimiter: u8| {
        let mut record = Record::default();
        fill(&mut record, header, &Classes::new(delimiter));
        let (header, _) = Header::read(&record, rules);
        let known = Column::ALL.into_iter().filter(|column| header.place(*column).is_some());
        (known.count(), record.len())
    };
    // Of equals the first is taken, so the likeliest comes last.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| cells(*delimiter)).unwrap_or(b',')
}

fn empty() -> Fault {
    Fault::new(
        Code::FileEmpty,
        "The file is empty.",
        "Check that this is the right file, and that it was saved.",
    )
}
