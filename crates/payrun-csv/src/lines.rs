//! On which physical line a record starts.
//!
//! The CSV reader's own line of a record counts from where it began to look: blank lines before the record, and the
//! line feed after a carriage return, are not behind it yet. So the starts of lines are noted as the bytes pass, and
//! a record starts at the first line that is not blank at or after the place where the reader began to look.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A reader that notes where lines start. It holds only the lines that were read and not yet asked for.
pub(crate) struct Lines<R> {
    input: R,
    /// Offset and number of each line that is not blank.
    starts: VecDeque<(u64, u64)>,
    offset: u64,
    line: u64,
    /// Nothing of this line was seen yet.
    at_start: bool,
    after_return: bool,
}

impl<R> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            starts: VecDeque::new(),
            offset: 0,
            line: 1,
            at_start: true,
            after_return: false,
        }
    }

    /// The number, from 1, of the first line that is not blank at or after `offset`. Never ask for an earlier one
    /// afterwards.
    pub(crate) fn line_at(&mut self, offset: u64) -> u64 {
        while self.starts.front().is_some_and(|(start, _)| *start < offset) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |(_, line)| *line)
    }

    fn note(&mut self, byte: u8) {
        match byte {
            b'\n' if self.after_return => {}
            b'\n' | b'\r' => {
                self.line = self.line.saturating_add(1);
                self.at_start = true;
            }
            _ if self.at_start => {
                self.starts.push_back((self.offset, self.line));
                self.at_start = false;
            }
            _ => {}
        }
        self.after_return = byte == b'\r';
        self.offset = self.offset.saturating_add(1);
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        for byte in buffer.get(..count).unwrap_or_default() {
            self.note(*byte);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The line of each record, as the reader of the payment file asks for it.
    fn lines_of(text: &[u8]) -> Vec<u64> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(3)
            .from_reader(Lines::new(text));
        let (mut record, mut lines) = (csv::ByteRecord::new(), Vec::new());
        while reader.read_byte_record(&mut record).unwrap() {
            let offset = record.position().unwrap().byte();
            lines.push(reader.get_mut().line_at(offset));
        }
        lines
    }

    #[test]
    fn a_record_starts_on_its_physical_line() {
        for (text, lines) in [
            ("h\n1\n2\n", vec![1, 2, 3]),
            ("h\r\n1\r\n2", vec![1, 2, 3]),
            ("h\r1\r2\r", vec![1, 2, 3]),
            ("\n\nh\n\n\n1\n\n2", vec![3, 6, 8]),
            ("\r\nh\r\n\r\n\r\n1\r\n", vec![2, 5]),
            ("h,i\n\"a\nb\n\nc\",1\n2,3\n", vec![1, 2, 6]),
            ("h,i\r\n\"a\r\nb\",1\r\n\r\n2,3\r\n", vec![1, 2, 5]),
            ("h\n \n1", vec![1, 2, 3]),
            ("", vec![]),
        ] {
            assert_eq!(lines_of(text.as_bytes()), lines, "{text:?}");
        }
    }

    #[test]
    fn one_start_is_held_for_a_line_however_long_it_is() {
        let mut lines = Lines::new(b"a,b,c\nd,e,f\n".as_slice());
        lines.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(lines.starts, [(0, 1), (6, 2)]);
        assert_eq!((lines.line_at(6), lines.starts.len()), (2, 1));
    }

    proptest! {
        /// Against a reader of the simplest kind, that knows only quotes, separators and ends of lines.
        #[test]
        fn lines_are_as_a_plain_scan_counts_them(records in prop::collection::vec(
            (prop::collection::vec("[a-z ]{1,3}|\"[a-z,]{0,2}(\r\n|\n)?[a-z\n]{0,2}\"", 1..4), "(\n|\r\n)(\n|\r\n){0,2}"), 0..12)
        ) {
            let (mut text, mut expected, mut line) = (String::new(), Vec::new(), 1u64);
            for (cells, end) in &records {
                expected.push(line);
                let record = cells.join(",");
                line += u64::try_from(record.matches('\n').count() + end.matches('\n').count()).unwrap();
                text.push_str(&record);
                text.push_str(end);
            }
            prop_assert_eq!(lines_of(text.as_bytes()), expected, "{:?}", text);
        }
    }
}
