//! The bytes of a text that can mean something: what ends cells and records, quotation marks, control characters, and
//! all that is not ASCII. Found eight bytes at a time, and listed, so that whoever walks over them has nothing else
//! to look at.

use super::{Class, Classes};

/// Eight times one byte.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

const LOW: u64 = eight(0x7f);
const HIGH: u64 = eight(0x80);

/// All control characters, the quotation mark and the comma are below it. Blanks and plus signs are too; they are taken
/// out by their class.
const DULL: u8 = b'-';

/// The high bit of each byte that is below [`DULL`], DEL or not ASCII. Exact: no carry leaves its byte.
#[inline(always)]
fn suspicious(word: u64) -> u64 {
    let low = word & LOW;
    let below = !low.wrapping_add(eight(0x80 - DULL));
    let del = low.wrapping_add(eight(1));
    (below | del | word) & HIGH
}

/// The high bit of each byte that equals the one that `wanted` is made of.
#[inline(always)]
fn equal(word: u64, wanted: u64) -> u64 {
    let differs = word ^ wanted;
    !((differs & LOW).wrapping_add(LOW) | differs) & HIGH
}

/// Words that are looked at before what was found is put away.
const BLOCK: usize = 64;

/// Puts the places of all bytes of `text` that are not plain into `places`. A text has fewer than 2³² bytes.
pub(super) fn find(text: &[u8], classes: &Classes, places: &mut Vec<u32>) {
    places.clear();
    let delimiter = (classes.delimiter() >= DULL).then(|| eight(classes.delimiter()));
    let mut found = [0u32; BLOCK * 8];
    let mut base = 0u32;
    let (words, tail) = text.as_chunks::<8>();
    for block in words.chunks(BLOCK) {
        let mut count = 0;
        for bytes in block {
            let word = u64::from_le_bytes(*bytes);
            let mut mask = suspicious(word);
            if let Some(delimiter) = delimiter {
                mask |= equal(word, delimiter);
            }
            while mask != 0 {
                let place = mask.trailing_zeros() >> 3;
                mask &= mask.wrapping_sub(1);
                let byte = bytes.get(usize::try_from(place).unwrap_or(0)).copied().unwrap_or(0);
                // Written whatever it is, and kept only if it is not plain: no branch to guess.
                if let Some(slot) = found.get_mut(count) {
                    *slot = base | place;
                }
                count += usize::from(classes.of(byte) != Class::Plain);
            }
            base = base.wrapping_add(8);
        }
        places.extend_from_slice(found.get(..count).unwrap_or_default());
    }
    for (place, byte) in (base..).zip(tail) {
        if classes.of(*byte) != Class::Plain {
            places.push(place);
        }
    }
}
