//! The cells of one record after another, where they stand in the text: nothing is copied.

use super::{Class, Classes, specials};

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

    /// Notes doubled quotation marks in the cell under way.
    fn note_doubled(&mut self) {
        let bit = u32::try_from(self.places.len()).ok().and_then(|place| 1u64.checked_shl(place));
        match bit {
            Some(bit) => self.doubled |= bit,
            None => self.is_intricate = true,
        }
    }

    /// The cell at `place`, as it stands in `text`.
    #[inline]
    pub(crate) fn cell<'t>(&self, text: &'t [u8], place: usize) -> &'t [u8] {
        let (start, end) = self.places.get(place).copied().unwrap_or_default();
        text.get(start..end).unwrap_or_default()
    }
}

/// Goes through a text that begins where a record does.
#[derive(Debug, Clone)]
pub(crate) struct Splitter<'t> {
    text: &'t [u8],
    classes: &'t Classes,
    /// Places of bytes that are not plain, and how many of them were passed.
    places: Vec<u32>,
    passed: usize,
    at: usize,
    line: u64,
}

impl<'t> Splitter<'t> {
    pub(crate) fn new(text: &'t [u8], classes: &'t Classes) -> Self {
        Self::with_room(text, classes, Vec::new())
    }

    /// As [`new`](Self::new), with room that another one had.
    pub(crate) fn with_room(text: &'t [u8], classes: &'t Classes, mut room: Vec<u32>) -> Self {
        specials::find(text, classes, &mut room);
        Self { text, classes, places: room, passed: 0, at: 0, line: 0 }
    }

    /// Its room, for another one.
    pub(crate) fn into_room(self) -> Vec<u32> {
        self.places
    }

    /// The place of the next byte that is not plain; the text's length when there is none.
    #[inline(always)]
    fn special(&mut self) -> usize {
        let place = self.places.get(self.passed).map_or(self.text.len(), |place| wide(*place));
        self.passed += 1;
        place
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
        let mut start = self.at;
        // Behind the last byte of a cell whose closing quotation mark was seen.
        let mut closed = None;
        loop {
            let at = self.special();
            let Some(byte) = self.text.get(at) else {
                return self.last(cells, start, closed);
            };
            match self.classes.of(*byte) {
                Class::Plain => {}
                Class::Delimiter => {
                    push(cells, &mut closed, start, at);
                    start = at + 1;
                }
                Class::LineFeed | Class::Return => {
                    // The line feed of a pair, whose return has ended the record.
                    if at < start {
                        continue;
                    }
                    let is_blank = at == cells.start && cells.places.is_empty();
                    let behind = self.behind_line(at);
                    if is_blank {
                        start = behind;
                        cells.start = behind;
                        cells.line = self.line;
                        continue;
                    }
                    push(cells, &mut closed, start, at);
                    self.at = behind;
                    cells.end = behind;
                    cells.lines_behind = self.line;
                    return true;
                }
                Class::Quote if at == start => closed = self.quoted(cells, start),
                Class::Quote => {}
                Class::Control => cells.is_intricate = true,
                Class::Foreign => cells.is_odd = true,
            }
        }
    }

    /// Counts the line that ends at `at`; gives where the next one starts.
    #[inline]
    fn behind_line(&mut self, at: usize) -> usize {
        self.line += 1;
        let is_pair = self.text.get(at) == Some(&b'\r') && self.text.get(at + 1) == Some(&b'\n');
        at + 1 + usize::from(is_pair)
    }

    /// Goes to the end of a quoted cell that starts at `start`.
    #[inline]
    fn quoted(&mut self, cells: &mut Cells, start: usize) -> Option<(usize, usize)> {
        loop {
            let at = self.special();
            let Some(byte) = self.text.get(at) else {
                cells.is_intricate = true;
                return None;
            };
            match self.classes.of(*byte) {
                Class::Quote => match self.text.get(at + 1) {
                    Some(b'"') => {
                        self.special();
                        cells.note_doubled();
                    }
                    next => {
                        let ends = next.is_none_or(|next| {
                            matches!(
                                self.classes.of(*next),
                                Class::Delimiter | Class::LineFeed | Class::Return
                            )
                        });
                        cells.is_intricate |= !ends;
                        return Some((start + 1, at));
                    }
                },
                Class::LineFeed => {
                    self.line += 1;
                    cells.is_intricate = true;
                }
                Class::Return => {
                    if self.text.get(at + 1) != Some(&b'\n') {
                        self.line += 1;
                    }
                    cells.is_intricate = true;
                }
                Class::Control => cells.is_intricate = true,
                Class::Foreign => cells.is_odd = true,
                Class::Plain | Class::Delimiter => {}
            }
        }
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

#[inline(always)]
fn wide(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[inline]
fn push(cells: &mut Cells, closed: &mut Option<(usize, usize)>, start: usize, end: usize) {
    cells.places.push(closed.take().unwrap_or((start, end)));
}
