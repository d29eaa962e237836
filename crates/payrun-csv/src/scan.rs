//! Where cells and records end, found many bytes at a time, in safe code.
//!
//! The reading is that of the csv crate with its defaults, byte for byte: a quotation mark opens a cell only as its
//! first byte, a doubled one inside stands for one, text behind the closing one belongs to the cell, and a record
//! ends at a line feed, a carriage return or both. `tests` hold it against that crate.

mod bits;
mod cells;
mod cut;
mod fill;
mod specials;

pub(crate) use bits::{alphanumeric, bits, is};
pub(crate) use cells::{Cells, Splitter, undouble};
pub(crate) use cut::record_end;
pub(crate) use fill::fill;
pub(crate) use specials::{Special, TEXT_BYTES_MAX};

#[cfg(test)]
mod tests;

/// What a byte can be to someone who looks for the ends of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Text.
    Plain,
    /// Ends a cell.
    Delimiter,
    Quote,
    LineFeed,
    Return,
    /// A control character that ends nothing.
    Control,
    /// A byte of a character that is not ASCII, or of none.
    Foreign,
}

impl Class {
    /// Below 8.
    #[inline(always)]
    const fn number(self) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Delimiter => 1,
            Self::Quote => 2,
            Self::LineFeed => 3,
            Self::Return => 4,
            Self::Control => 5,
            Self::Foreign => 6,
        }
    }

    /// The class of this number; plain if there is none.
    #[inline(always)]
    const fn numbered(number: u32) -> Self {
        match number {
            1 => Self::Delimiter,
            2 => Self::Quote,
            3 => Self::LineFeed,
            4 => Self::Return,
            5 => Self::Control,
            6 => Self::Foreign,
            _ => Self::Plain,
        }
    }
}

/// The class of each byte, for one delimiter.
#[derive(Debug, Clone)]
pub(crate) struct Classes {
    delimiter: u8,
    table: [Class; 256],
}

impl Classes {
    pub(crate) fn new(delimiter: u8) -> Self {
        let mut table = [Class::Plain; 256];
        for (byte, class) in (0u8..=255).zip(table.iter_mut()) {
            *class = match byte {
                _ if byte == delimiter => Class::Delimiter,
                b'"' => Class::Quote,
                b'\n' => Class::LineFeed,
                b'\r' => Class::Return,
                0..0x20 | 0x7f => Class::Control,
                0x80.. => Class::Foreign,
                _ => Class::Plain,
            };
        }
        Self { delimiter, table }
    }

    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    #[inline]
    pub(crate) fn of(&self, byte: u8) -> Class {
        // The table has a place for every byte.
        self.table.get(usize::from(byte)).copied().unwrap_or(Class::Plain)
    }
}
