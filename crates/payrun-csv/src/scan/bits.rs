//! Questions put to many bytes at a time, answered by a bit for each.

use wide::u8x16;

/// Bytes that are compared at a time: every processor has registers for as many.
const WIDTH: usize = 16;

/// Bytes that are looked at in one step: as many as a number has bits.
pub(super) const LANE: usize = 64;

/// A bit for each byte of at most 64 for which `holds` says all ones. `N` is a multiple of 16: what is beyond the last is
/// not asked about.
#[inline(always)]
pub(crate) fn bits<const N: usize>(bytes: &[u8; N], holds: impl Fn(u8x16) -> u8x16) -> u64 {
    const { assert!(N.is_multiple_of(WIDTH) && N <= LANE) };
    let lanes = bytes.as_chunks::<WIDTH>().0.iter().enumerate();
    lanes.fold(0, |all, (number, lane)| {
        all | u64::from(holds(u8x16::new(*lane)).to_bitmask()) << (number * WIDTH)
    })
}

#[inline(always)]
pub(crate) fn is(lane: u8x16, byte: u8) -> u8x16 {
    lane.simd_eq(u8x16::splat(byte))
}

#[inline(always)]
pub(crate) fn at_most(lane: u8x16, byte: u8) -> u8x16 {
    lane.min(u8x16::splat(byte)).simd_eq(lane)
}

#[inline(always)]
pub(crate) fn at_least(lane: u8x16, byte: u8) -> u8x16 {
    lane.max(u8x16::splat(byte)).simd_eq(lane)
}

/// ASCII letters and digits.
#[inline(always)]
pub(crate) fn alphanumeric(lane: u8x16) -> u8x16 {
    let within = |lane: u8x16, first: u8, count: u8| at_most(lane - u8x16::splat(first), count - 1);
    within(lane | u8x16::splat(0x20), b'a', 26) | within(lane, b'0', 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_as_alone_at_every_place() {
        for byte in 0..=255 {
            for place in 0..64u32 {
                let mut bytes = [b'm'; 64];
                bytes[usize::try_from(place).unwrap()] = byte;
                let asked = |holds: &dyn Fn(u8x16) -> u8x16| bits(&bytes, holds) >> place & 1 == 1;
                assert_eq!(asked(&|lane| is(lane, b'"')), byte == b'"');
                assert_eq!(asked(&|lane| at_most(lane, 0x1f)), byte <= 0x1f);
                assert_eq!(asked(&|lane| at_least(lane, 0x7f)), byte >= 0x7f);
                assert_eq!(asked(&alphanumeric), byte.is_ascii_alphanumeric(), "{byte}");
                let others = bits(&bytes, |lane| is(lane, b'm')) | 1 << place;
                assert_eq!(others, u64::MAX);
            }
        }
    }
}
