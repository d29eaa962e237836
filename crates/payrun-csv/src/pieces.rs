//! The text in pieces of whole records, so that several can be read side by side.

use crate::record::Oddity;
use crate::scan::{Class, Classes, TEXT_BYTES_MAX, record_end};
use std::io::{self, Read};

/// A part of the text that begins where a record does.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Where it begins, in the whole text.
    pub(crate) offset: u64,
    /// Whole records; or the beginning of a single one that is longer than a record may be. There may be room behind it.
    room: Vec<u8>,
    length: usize,
    /// The one record was cut: why, and over how many lines it goes.
    pub(crate) cut: Option<Cut>,
}

impl Piece {
    /// Whole records; or the beginning of a single one that is longer than a record may be.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        self.room.get(..self.length).unwrap_or_default()
    }

    /// Its room, for another one.
    pub(crate) fn into_room(self) -> Vec<u8> {
        self.room
    }
}

/// What became of a record that is too long to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) oddity: Oddity,
    pub(crate) lines: u64,
}

/// Cuts what it reads. Holds one piece, however long a record is.
pub(crate) struct Pieces<R> {
    input: R,
    /// Read, and not in a piece yet, up to `filled`. What is behind it is room: it is not made blank again for every read.
    rest: Vec<u8>,
    filled: usize,
    /// Where `rest` begins.
    offset: u64,
    at_end: bool,
    piece_bytes: usize,
    record_bytes_max: usize,
}

impl<R: Read> Pieces<R> {
    pub(crate) fn new(input: R, piece_bytes: usize, record_bytes_max: usize) -> Self {
        let rest = Vec::new();
        // A piece holds no more than a record and what was read beyond it.
        let record_bytes_max = record_bytes_max.min(TEXT_BYTES_MAX / 4);
        Self { input, rest, filled: 0, offset: 0, at_end: false, piece_bytes, record_bytes_max }
    }

    /// The reader, when there is nothing more to cut.
    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// The beginning of the text, at least `length` bytes of it if it has as many.
    pub(crate) fn head(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.filled < length && !self.at_end {
            self.read()?;
        }
        Ok(self.rest())
    }

    /// Where what was not given yet begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Passes over the first `length` bytes of what was not given yet.
    pub(crate) fn skip(&mut self, length: usize) {
        let length = length.min(self.filled);
        self.rest.copy_within(length..self.filled, 0);
        self.filled -= length;
        self.offset = self.offset.saturating_add(wide(length));
    }

    /// The next piece; `room` is used again.
    pub(crate) fn next(&mut self, classes: &Classes, room: Vec<u8>) -> io::Result<Option<Piece>> {
        loop {
            if self.filled < self.piece_bytes && !self.at_end {
                self.read()?;
                continue;
            }
            let end =
                if self.at_end { Some(self.filled) } else { record_end(self.rest(), classes) };
            match end {
                Some(0) => return Ok(None),
                Some(end) => return Ok(Some(self.cut_off(end, room))),
                None if self.filled > self.record_bytes_max => {
                    return self.too_long(classes).map(Some);
                }
                None => self.read()?,
            }
        }
    }

    /// What was read, and is not in a piece yet.
    fn rest(&self) -> &[u8] {
        self.rest.get(..self.filled).unwrap_or_default()
    }

    /// The first `end` bytes as a piece; what is behind them goes to `room`.
    fn cut_off(&mut self, end: usize, mut room: Vec<u8>) -> Piece {
        let behind = self.rest.get(end..self.filled).unwrap_or_default();
        let length = behind.len();
        if room.len() < length {
            room.resize(length, 0);
        }
        if let Some(to) = room.get_mut(..length) {
            to.copy_from_slice(behind);
        }
        self.filled = length;
        let offset = self.offset;
        self.offset = offset.saturating_add(wide(end));
        Piece { offset, room: std::mem::replace(&mut self.rest, room), length: end, cut: None }
    }

    /// Reads as much as a piece holds, or to the end.
    fn read(&mut self) -> io::Result<()> {
        let full = self.filled.saturating_add(self.piece_bytes);
        if self.rest.len() < full {
            self.rest.resize(full, 0);
        }
        while let Some(room) = self.rest.get_mut(self.filled..full).filter(|room| !room.is_empty())
        {
            match self.input.read(room) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => self.filled = self.filled.saturating_add(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes to the end of a record that is longer than a record may be, and keeps its beginning.
    fn too_long(&mut self, classes: &Classes) -> io::Result<Piece> {
        let offset = self.offset;
        let room = self.rest().get(..self.record_bytes_max).unwrap_or_default().to_vec();
        let length = room.len();
        let mut tail = Tail::default();
        loop {
            if let Some(end) = tail.end(self.rest(), classes) {
                self.skip(end);
                let cut = Cut { oddity: Oddity::TooLong, lines: tail.lines };
                return Ok(Piece { offset, room, length, cut: Some(cut) });
            }
            self.skip(self.filled);
            if !self.at_end {
                self.read()?;
            } else {
                let open = tail.quoted && !tail.quote_seen;
                let oddity = if open { Oddity::NeverClosed } else { Oddity::TooLong };
                let lines = tail.lines.saturating_add(u64::from(!tail.ended));
                return Ok(Piece { offset, room, length, cut: Some(Cut { oddity, lines }) });
            }
        }
    }
}

fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Looks for the end of one record, a byte at a time, over any number of blocks.
#[derive(Default)]
struct Tail {
    /// The byte before was inside, and not the first, of a cell.
    in_cell: bool,
    quoted: bool,
    /// A quotation mark was the last byte of a quoted cell so far.
    quote_seen: bool,
    after_return: bool,
    /// The record has ended with a carriage return; a line feed may belong to it.
    ended: bool,
    lines: u64,
}

impl Tail {
    fn end(&mut self, text: &[u8], classes: &Classes) -> Option<usize> {
        for (at, byte) in text.iter().enumerate() {
            let class = classes.of(*byte);
            if self.ended {
                return Some(at + usize::from(class == Class::LineFeed));
            }
            let line_end = matches!(class, Class::LineFeed | Class::Return);
            self.step(class);
            if line_end && !self.quoted {
                self.ended = true;
                if class == Class::LineFeed {
                    return Some(at + 1);
                }
            }
        }
        None
    }

    fn step(&mut self, class: Class) {
        let line_end = matches!(class, Class::LineFeed | Class::Return);
        if line_end && !(class == Class::LineFeed && self.after_return) {
            self.lines = self.lines.saturating_add(1);
        }
        self.after_return = class == Class::Return;
        if self.quote_seen {
            self.quote_seen = false;
            // One of two, or the closing one.
            self.quoted = class == Class::Quote;
        } else if self.quoted {
            self.quote_seen = class == Class::Quote;
            return;
        } else if class == Class::Quote && !self.in_cell {
            self.quoted = true;
        }
        self.in_cell = class != Class::Delimiter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Cells, Splitter};
    use proptest::prelude::*;

    /// The records of a text, each with its line and how it was cut, by pieces of this size.
    fn records(
        text: &[u8],
        piece_bytes: usize,
        record_bytes_max: usize,
    ) -> Vec<(u64, usize, u64, Option<Cut>)> {
        let classes = Classes::new(b',');
        let mut pieces = Pieces::new(text, piece_bytes, record_bytes_max);
        let (mut found, mut line, mut cells) = (Vec::new(), 0, Cells::default());
        while let Some(piece) = pieces.next(&classes, Vec::new()).unwrap() {
            if let Some(cut) = piece.cut {
                assert_eq!(piece.text().len(), record_bytes_max);
                found.push((piece.offset, record_bytes_max, line, Some(cut)));
                line += cut.lines;
                continue;
            }
            let mut splitter = Splitter::new(piece.text(), &classes);
            while splitter.next(&mut cells) {
                let offset = piece.offset + u64::try_from(cells.start).unwrap();
                found.push((offset, cells.end - cells.start, line + cells.line, None));
            }
            line += splitter.lines();
        }
        found
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_hold_the_same_records(
            text in proptest::collection::vec(prop_oneof![
                5 => Just(b'a'), 3 => Just(b','), 2 => Just(b'"'), 2 => Just(b'\n'), 2 => Just(b'\r'),
            ], 0..80),
            piece_bytes in 1usize..40,
        ) {
            let whole = records(&text, 1000, 1000);
            prop_assert_eq!(&records(&text, piece_bytes, 1000), &whole);
            // Records that are too long are cut, and the others stay where they are.
            let cut = records(&text, piece_bytes, 10);
            prop_assert_eq!(cut.len(), whole.len());
            for (cut, whole) in cut.iter().zip(&whole) {
                prop_assert_eq!((cut.0, cut.2), (whole.0, whole.2));
                prop_assert!(cut.3.is_some() || cut.1 == whole.1);
                prop_assert!(cut.3.is_none() || whole.1 > 10);
            }
        }
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_swallows_the_rest_and_no_memory() {
        let mut text = b"a,b\n\"c,d\n".to_vec();
        text.extend(b"e,f\r\n".repeat(10_000));
        let found = records(&text, 64, 100);
        let cut = Cut { oddity: Oddity::NeverClosed, lines: 10_002 };
        assert_eq!(found, [(0, 4, 0, None), (4, 100, 1, Some(cut))]);
    }
}
