//! One record, byte by byte: for rows that are looked at closely.

use super::{Class, Classes};
use crate::record::{Oddity, Record};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    CellStart,
    Bare,
    Quoted,
    /// Behind a quotation mark in a quoted cell: the end, or the first of two.
    QuoteSeen,
    /// Behind the closing quotation mark, where nothing but an end belongs.
    Behind,
}

/// Fills `record` with the record that begins at the start of `text`, blank lines before it passed over. `text`
/// ends where the record does.
pub(crate) fn fill(record: &mut Record, text: &[u8], classes: &Classes) {
    record.clear();
    let begin = text.iter().position(|byte| !matches!(byte, b'\n' | b'\r'));
    let Some(text) = begin.and_then(|begin| text.get(begin..)) else {
        return;
    };
    let mut place = Place::CellStart;
    // What was read of the cell, and is not in the record yet.
    let mut bare = 0;
    let take = |record: &mut Record, from: usize, to: usize| {
        record.push(text.get(from..to).unwrap_or_default());
    };
    let mut after_return = false;
    for (at, byte) in text.iter().enumerate() {
        let class = classes.of(*byte);
        let ends_line = matches!(class, Class::LineFeed | Class::Return);
        if place == Place::Quoted || (place == Place::QuoteSeen && class == Class::Quote) {
            if place == Place::QuoteSeen {
                // The second of two stands for both.
                place = Place::Quoted;
                bare = at;
            } else if class == Class::Quote {
                take(record, bare, at);
                place = Place::QuoteSeen;
            } else if ends_line && !(class == Class::LineFeed && after_return) {
                record.add_line();
            }
            after_return = class == Class::Return;
            continue;
        }
        if class == Class::Delimiter || ends_line {
            if matches!(place, Place::Bare | Place::Behind) {
                take(record, bare, at);
            }
            record.end_cell();
            if ends_line {
                return;
            }
            place = Place::CellStart;
        } else if place == Place::CellStart && class == Class::Quote {
            place = Place::Quoted;
            bare = at + 1;
        } else if place == Place::CellStart {
            place = Place::Bare;
            bare = at;
        } else if place == Place::QuoteSeen {
            record.note(Oddity::BehindQuote(record.len()));
            place = Place::Behind;
            bare = at;
        }
    }
    // The end of the file ends the last record.
    if place == Place::Quoted {
        record.note(Oddity::NeverClosed);
    }
    if matches!(place, Place::Bare | Place::Behind | Place::Quoted) {
        take(record, bare, text.len());
    }
    record.end_cell();
}
