//! Where chance in a test comes from.

/// splitmix64, so that a seed gives the same choices everywhere.
pub struct Seed(u64);

impl Seed {
    /// This one.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `PAYRUN_SEED`, or 1. Whoever draws from it prints it first.
    pub fn of_this_run() -> u64 {
        number_from("PAYRUN_SEED").unwrap_or(1)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// The number in this variable of the environment, if it is set.
pub fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}
