//! The cells of one record after another, where they stand in the text: nothing is copied.

use super::{Class, Classes, Special, specials};
use crate::record::Record;
use memchr::memchr;

/// A record's cells by their places in the text, its room used again for the next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cells {
    /// First byte, and the one behind the last; without the quotation marks.
    places: Vec<(usize, usize)>,
    /// Where the record starts and where the next one may.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The line it starts on, from 0 in this text.
    pub(crate) line: u64,
    /// How many line ends were met when it ended.
    lines_behind: u64,
    /// Its cells have to be looked at closely: line breaks, control characters, or text behind a quotation mark.
    pub(crate) is_intricate: bool,
    /// Of the first 64 cells, those with doubled quotation marks inside.
    doubled: u64,
    /// It holds bytes that are not ASCII.
    pub(crate) is_odd: bool,
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Physical lines that it runs over.
    pub(crate) fn lines(&self) -> u64 {
        self.lines_behind.saturating_sub(self.line).max(1)
    }

    /// Whether the cell at `place` has doubled quotation marks inside, each of which stands for one.
    #[inline]
    pub(crate) fn is_doubled(&self, place: usize) -> bool {
        u32::try_from(place)
            .is_ok_and(|place| self.doubled.checked_shr(place).unwrap_or(0) & 1 == 1)
    }

    /// Fills `record` with them. Those of an intricate record have to be read byte by byte.
    pub(crate) fn fill(&self, record: &mut Record, text: &[u8]) {
        record.clear();
        for place in 0..self.len() {
            let cell = self.cell(text, place);
            if self.is_doubled(place) {
                undouble(cell, |part| record.push(part));
            } else {
                record.push(cell);
            }
            record.end_cell();
        }
    }

    /// Notes doubled quotation marks in the cell under way.
    fn note_doubled(&mut self) {
        let bit = u32::try_from(self.places.len()).ok().and_then(|place| 1u64.checked_shl(place));
        match bit {
            Some(bit) => self.doubled |= bit,
            None => self.is_intricate = true,
        }
    }

    /// `N` bytes from the beginning of the cell at `place` on, whatever is behind it; `None` near the end of the text.
    #[inline]
    pub(crate) fn lane<'t, const N: usize>(
        &self,
        text: &'t [u8],
        place: usize,
    ) -> Option<&'t [u8; N]> {
        let (start, _) = self.places.get(place)?;
        text.get(*start..)?.first_chunk()
    }

    /// The cell at `place`, as it stands in `text`.
    #[inline]
    pub(crate) fn cell<'t>(&self, text: &'t [u8], place: usize) -> &'t [u8] {
        let (start, end) = self.places.get(place).copied().unwrap_or_default();
        text.get(start..end).unwrap_or_default()
    }
}

/// The parts of a cell that make it up with one quotation mark for each pair.
pub(crate) fn undouble<'t>(cell: &'t [u8], mut part: impl FnMut(&'t [u8])) {
    let mut rest = cell;
    while let Some(at) = memchr(b'"', rest) {
        part(rest.get(..=at).unwrap_or_default());
        // The second of the pair is next.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    part(rest);
}

/// Goes through a text that begins where a record does.
#[derive(Debug, Clone)]
pub(crate) struct Splitter<'t> {
    text: &'t [u8],
    specials: Vec<Special>,
    /// How many of them were passed.
    passed: usize,
    /// How many cells most records have.
    width: usize,
    at: usize,
    line: u64,
}

impl<'t> Splitter<'t> {
    pub(crate) fn new(text: &'t [u8], classes: &Classes) -> Self {
        Self::with_room(text, classes, 0, Vec::new())
    }

    /// As [`new`](Self::new), with room that another one had; most records have `width` cells.
    pub(crate) fn with_room(
        text: &'t [u8],
        classes: &Classes,
        width: usize,
        mut room: Vec<Special>,
    ) -> Self {
        specials::find(text, classes, &mut room);
        Self { text, specials: room, passed: 0, width, at: 0, line: 0 }
    }

    /// Its room, for another one.
    pub(crate) fn into_room(self) -> Vec<Special> {
        self.specials
    }

    /// The next byte that is not plain.
    #[inline(always)]
    fn special(&mut self) -> Option<Special> {
        let special = self.specials.get(self.passed).copied();
        self.passed += 1;
        special
    }

    /// How many lines were ended so far.
    pub(crate) fn lines(&self) -> u64 {
        self.line
    }

    /// Takes up the next record; false when there is none.
    #[inline(always)]
    pub(crate) fn next(&mut self, cells: &mut Cells) -> bool {
        cells.places.clear();
        cells.start = self.at;
        cells.line = self.line;
        cells.is_intricate = false;
        cells.is_odd = false;
        cells.doubled = 0;
        self.plain(cells) || self.any(cells)
    }

    /// A record of plain cells, as many as most have, on one line.
    #[inline(always)]
    fn plain(&mut self, cells: &mut Cells) -> bool {
        let specials = self.specials.get(self.passed..).and_then(|rest| rest.get(..self.width));
        let Some((last, others)) = specials.and_then(<[Special]>::split_last) else {
            return false;
        };
        let ends_line = matches!(last.class(), Class::LineFeed | Class::Return);
        if others.is_empty() || !ends_line || !others.iter().all(|special| special.is_delimiter()) {
            return false;
        }
        let mut start = self.at;
        let places = others.iter().chain([last]).map(|special| {
            let place = (start, special.place());
            start = special.place() + 1;
            place
        });
        cells.places.extend(places);
        let end = last.place();
        self.passed += self.width;
        self.end(cells, end);
        true
    }

    /// Any record.
    fn any(&mut self, cells: &mut Cells) -> bool {
        let mut start = self.at;
        // Behind the last byte of a cell whose closing quotation mark was seen.
        let mut closed = None;
        while let Some(special) = self.special() {
            let at = special.place();
            match special.class() {
                Class::Plain => {}
                Class::Delimiter => {
                    push(cells, &mut closed, start, at);
                    start = at + 1;
                }
                Class::LineFeed | Class::Return => {
                    if at == cells.start && cells.places.is_empty() {
                        start = self.behind_line(at);
                        cells.start = start;
                        cells.line = self.line;
                        continue;
                    }
                    push(cells, &mut closed, start, at);
                    self.end(cells, at);
                    return true;
                }
                Class::Quote if at == start => closed = self.quoted(cells, start),
                Class::Quote => {}
                Class::Control => cells.is_intricate = true,
                Class::Foreign => cells.is_odd = true,
            }
        }
        self.last(cells, start, closed)
    }

    /// The record ends at the line end at `at`.
    #[inline(always)]
    fn end(&mut self, cells: &mut Cells, at: usize) {
        self.at = self.behind_line(at);
        cells.end = self.at;
        cells.lines_behind = self.line;
    }

    /// Counts the line that ends at `at`, and passes the other half of a pair; gives where the next line starts.
    #[inline(always)]
    fn behind_line(&mut self, at: usize) -> usize {
        self.line += 1;
        if self.text.get(at) == Some(&b'\r') && self.text.get(at + 1) == Some(&b'\n') {
            self.passed += 1;
            return at + 2;
        }
        at + 1
    }

    /// Goes to the end of a quoted cell that starts at `start`.
    #[inline]
    fn quoted(&mut self, cells: &mut Cells, start: usize) -> Option<(usize, usize)> {
        while let Some(special) = self.special() {
            let at = special.place();
            match special.class() {
                Class::Quote if self.text.get(at + 1) == Some(&b'"') => {
                    self.special();
                    cells.note_doubled();
                }
                Class::Quote => {
                    // What comes next is the end of the cell, or has no business there.
                    let next = self.specials.get(self.passed).filter(|next| next.place() == at + 1);
                    let ends = at + 1 == self.text.len()
                        || next.is_some_and(|next| {
                            matches!(
                                next.class(),
                                Class::Delimiter | Class::LineFeed | Class::Return
                            )
                        });
                    cells.is_intricate |= !ends;
                    return Some((start + 1, at));
                }
                Class::LineFeed | Class::Return => {
                    self.behind_line(at);
                    cells.is_intricate = true;
                }
                Class::Control => cells.is_intricate = true,
                Class::Foreign => cells.is_odd = true,
                Class::Plain | Class::Delimiter => {}
            }
        }
        cells.is_intricate = true;
        None
    }

    /// The last record may end with the file.
    #[cold]
    fn last(
        &mut self,
        cells: &mut Cells,
        start: usize,
        mut closed: Option<(usize, usize)>,
    ) -> bool {
        let end = self.text.len();
        self.at = end;
        cells.end = end;
        cells.lines_behind = self.line.saturating_add(1);
        if cells.places.is_empty() && cells.start >= end {
            return false;
        }
        push(cells, &mut closed, start, end);
        true
    }
}

#[inline]
fn push(cells: &mut Cells, closed: &mut Option<(usize, usize)>, start: usize, end: usize) {
    cells.places.push(closed.take().unwrap_or((start, end)));
}
