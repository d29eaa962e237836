//! Where the last whole record of a block ends, so that blocks can be read side by side. Only quotation marks can hide
//! the end of a line, so only they are looked for.

use super::Classes;
use super::bits::{LANE, bits, is};
use memchr::memrchr2;

/// Where the last record that ends inside `text` ends; `text` begins where a record does. `None` if none ends.
///
/// A carriage return as the last byte ends nothing yet: the line feed that belongs to it may follow.
pub(crate) fn record_end(text: &[u8], classes: &Classes) -> Option<usize> {
    let begins_a_cell = |at: usize| match at.checked_sub(1).and_then(|before| text.get(before)) {
        Some(b'\n' | b'\r') | None => true,
        Some(before) => *before == classes.delimiter(),
    };
    let (mut end, mut bare, mut place) = (None, 0, Place::Bare);
    for at in Quotes::of(text) {
        place = match place {
            // The second of two stands for both.
            Place::QuoteSeen(seen) if seen + 1 == at => Place::Quoted,
            Place::Quoted => Place::QuoteSeen(at),
            Place::Bare | Place::QuoteSeen(_) => {
                if let Place::QuoteSeen(closing) = place {
                    bare = closing + 1;
                }
                if begins_a_cell(at) {
                    end = last_line_end(text, bare, at).or(end);
                    Place::Quoted
                } else {
                    Place::Bare
                }
            }
        };
    }
    match place {
        Place::Quoted => return end,
        Place::QuoteSeen(closing) => bare = closing + 1,
        Place::Bare => {}
    }
    last_line_end(text, bare, text.len()).or(end)
}

/// Where a quotation mark is met.
#[derive(Clone, Copy)]
enum Place {
    Bare,
    Quoted,
    /// In a quoted cell, with a quotation mark before: its end, or the first of two.
    QuoteSeen(usize),
}

/// The places of all quotation marks of a text.
struct Quotes<'t> {
    lanes: std::slice::Iter<'t, [u8; LANE]>,
    tail: &'t [u8],
    /// Those of the lane under way.
    mask: u64,
    /// Where that lane, or the rest of the tail, begins.
    base: usize,
    next: usize,
}

impl<'t> Quotes<'t> {
    fn of(text: &'t [u8]) -> Self {
        let (lanes, tail) = text.as_chunks();
        Self { lanes: lanes.iter(), tail, mask: 0, base: 0, next: 0 }
    }
}

impl Iterator for Quotes<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.mask == 0 {
            self.base = self.next;
            let Some(lane) = self.lanes.next() else {
                let at = self.tail.iter().position(|byte| *byte == b'"')?;
                self.tail = self.tail.get(at + 1..).unwrap_or_default();
                self.next += at + 1;
                return Some(self.base + at);
            };
            self.next += LANE;
            self.mask = bits(lane, |lane| is(lane, b'"'));
        }
        let at = usize::try_from(self.mask.trailing_zeros()).unwrap_or(LANE);
        self.mask &= self.mask.wrapping_sub(1);
        Some(self.base + at)
    }
}

/// Behind the last line that ends between `from` and `until`.
fn last_line_end(text: &[u8], from: usize, until: usize) -> Option<usize> {
    let part = text.get(from..until)?;
    let part = match part.split_last() {
        Some((b'\r', inside)) if until == text.len() => inside,
        _ => part,
    };
    memrchr2(b'\n', b'\r', part).map(|at| from + at + 1)
}
