//! A hash that is the same on every machine and in every version: ids and faults are drawn from it.
//!
//! Not for secrets: nothing here is hard to find.

/// The next state of splitmix64, scrambled (source: Steele, Lea and Flood, OOPSLA 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a over the parts, each closed by a byte that no text holds, then scrambled.
pub(crate) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    mix(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    }))
}

/// An id as the API's own look: 24 hexadecimal digits.
pub(crate) fn id24(parts: &[&str]) -> String {
    let first = hash(parts);
    let second = hash(&[&parts.join("\u{1f}"), "second"]) >> 32;
    format!("{first:016x}{second:08x}")
}

/// A reference as the API makes one up: 8 capital letters and digits.
pub(crate) fn alphanumeric8(parts: &[&str]) -> String {
    const SIGNS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut rest = hash(parts);
    let mut text = String::with_capacity(8);
    for _ in 0..8 {
        let index = usize::try_from(rest % 36).unwrap_or_default();
        text.push(char::from(SIGNS[index]));
        rest /= 36;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_never_change_and_depend_on_where_parts_end() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf, "the first number of splitmix64 from seed 0");
        assert_eq!(id24(&["wallet", "KES"]), id24(&["wallet", "KES"]));
        assert_eq!(id24(&["wallet", "KES"]).len(), 24);
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(id24(&["integrator", "one"]), id24(&["integrator", "two"]));
        assert_eq!(alphanumeric8(&["x"]).len(), 8);
    }
}
