//! Where the last whole record of a block ends, so that blocks can be read side by side. Only quotation marks can hide
//! the end of a line, so only they are looked for.

use super::Classes;
use memchr::{memchr, memrchr2};

/// Where the last record that ends inside `text` ends; `text` begins where a record does. `None` if none ends.
///
/// A carriage return as the last byte ends nothing yet: the line feed that belongs to it may follow.
pub(crate) fn record_end(text: &[u8], classes: &Classes) -> Option<usize> {
    let begins_a_cell = |at: usize| match at.checked_sub(1).and_then(|before| text.get(before)) {
        Some(b'\n' | b'\r') | None => true,
        Some(before) => *before == classes.delimiter(),
    };
    let (mut end, mut bare) = (None, 0);
    loop {
        let quote = next_quote(text, bare);
        let until = quote.unwrap_or(text.len());
        end = last_line_end(text, bare, until).or(end);
        let Some(quote) = quote else { return end };
        bare = quote + 1;
        if begins_a_cell(quote) {
            match closing_quote(text, bare) {
                Some(closing) => bare = closing + 1,
                None => return end,
            }
        }
    }
}

fn next_quote(text: &[u8], from: usize) -> Option<usize> {
    memchr(b'"', text.get(from..)?).map(|at| from + at)
}

/// The quotation mark that closes a cell whose text begins at `from`.
fn closing_quote(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = next_quote(text, from)?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
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
