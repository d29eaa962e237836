//! The bytes of a text that can mean something: what ends cells and records, quotation marks, control characters, and
//! all that is not ASCII. They are found many at a time and listed with their class, so that whoever walks over them has
//! nothing else to look at.

use super::bits::{LANE, at_least, at_most, bits, is};
use super::{Class, Classes};

/// Lanes that are looked at before what was found is put away.
const BLOCK: usize = 8;

/// How many bits of a [`Special`] are its class.
const CLASS_BITS: u32 = 3;

/// The longest text that is looked at in one piece: a place and a class fit into 32 bits.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 28;

/// A byte that is not plain: its place in the text, and its class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Special(u32);

impl Special {
    #[inline(always)]
    fn new(place: u32, class: Class) -> Self {
        Self(place << CLASS_BITS | class.number())
    }

    #[inline(always)]
    pub(super) fn place(self) -> usize {
        usize::try_from(self.0 >> CLASS_BITS).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    pub(super) fn class(self) -> Class {
        Class::numbered(self.0 & ((1 << CLASS_BITS) - 1))
    }

    #[inline(always)]
    pub(super) fn is_delimiter(self) -> bool {
        self.0 & ((1 << CLASS_BITS) - 1) == Class::Delimiter.number()
    }
}

/// Puts all bytes of `text` that are not plain into `found`. A text has at most [`TEXT_BYTES_MAX`] bytes.
pub(super) fn find(text: &[u8], classes: &Classes, found: &mut Vec<Special>) {
    found.clear();
    let mut block = [Special(0); BLOCK * LANE];
    let (mut base, delimiter) = (0u32, classes.delimiter());
    let (lanes, tail) = text.as_chunks::<LANE>();
    for part in lanes.chunks(BLOCK) {
        let mut count = 0;
        for lane in part {
            let mut mask = bits(lane, |lane| {
                let ends = is(lane, b'"') | is(lane, delimiter);
                ends | at_most(lane, 0x1f) | at_least(lane, 0x7f)
            });
            while mask != 0 {
                let at = mask.trailing_zeros();
                mask &= mask.wrapping_sub(1);
                let byte = usize::try_from(at).ok().and_then(|at| lane.get(at));
                if let (Some(slot), Some(byte)) = (block.get_mut(count), byte) {
                    *slot = Special::new(base + at, classes.of(*byte));
                }
                count += 1;
            }
            base += 64;
        }
        found.extend_from_slice(block.get(..count).unwrap_or_default());
    }
    for (place, byte) in (base..).zip(tail) {
        if classes.of(*byte) != Class::Plain {
            found.push(Special::new(place, classes.of(*byte)));
        }
    }
}
