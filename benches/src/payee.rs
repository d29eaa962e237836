//! One person who is paid.

use crate::country::Country;
use crate::random::{Purpose, Random};

/// Domains that belong to nobody.
const DOMAINS: [&str; 4] = ["example.com", "example.org", "mail.example.net", "staff.example.com"];

pub(crate) struct Payee {
    pub(crate) country: &'static Country,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) wage: String,
}

impl Payee {
    /// Who is paid first in this row, and nowhere before.
    pub(crate) fn of(seed: u64, row: u64) -> Self {
        let mut random = Random::of(seed, row, Purpose::Payee);
        let country = Country::drawn(&mut random);
        let (first, last) = (random.pick(country.first_names), random.pick(country.last_names));
        let number = random.below(10_000);
        Self {
            country,
            name: format!("{first} {last}"),
            email: format!("{}.{}{number}@{}", plain(first), plain(last), random.pick(&DOMAINS)),
            phone: country.mobile_number(seed, row),
            wage: country.wage(&mut random),
        }
    }
}

/// A name as it stands in an address: small letters of ASCII, and nothing between them.
fn plain(name: &str) -> String {
    let letter = |character: char| match character.to_ascii_lowercase() {
        'é' | 'ë' | 'É' => Some('e'),
        'ɔ' | 'Ɔ' => Some('o'),
        other => other.is_ascii_alphabetic().then_some(other),
    };
    name.chars().filter_map(letter).collect()
}
