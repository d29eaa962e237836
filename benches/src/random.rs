//! Numbers that only look random: the same ones for the same seed, on every machine.

/// What numbers are drawn for: each purpose has its own, so that one row's draws do not shift another's.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Payee,
    Repeat,
    Rest,
    Fault,
    FaultCells,
}

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// What is drawn for one purpose in one row, whatever was drawn before.
    pub(crate) fn of(seed: u64, row: u64, purpose: Purpose) -> Self {
        Self { state: mixed(mixed(start(seed) ^ row).wrapping_add(purpose as u64)) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }

    /// From 0 to `end`, without it. Off from even by less than `end` in 2⁶⁴.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(end);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// One of `choices`, which are not empty.
    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        let place = self.below(choices.len() as u64);
        &choices[place as usize]
    }
}

/// Where a seed begins in a sequence that takes every number once.
pub(crate) fn start(seed: u64) -> u64 {
    mixed(seed.wrapping_add(1))
}

fn mixed(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference_implementation() {
        let mut random = Random { state: 1_234_567 };
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn every_number_below_the_end_comes_up() {
        let mut random = Random::of(1, 0, Purpose::Rest);
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[random.below(7) as usize] = true;
        }
        assert_eq!(seen, [true; 7]);
    }
}
