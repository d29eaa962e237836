//! One row of the file, before it is written.

use crate::payee::Payee;
use crate::random::{Purpose, Random, start};

pub(crate) const HEADER: [&str; 8] = [
    "recipient_name",
    "recipient_email",
    "recipient_phone",
    "amount",
    "currency",
    "reference",
    "description",
    "metadata",
];

const DESCRIPTIONS: [&str; 6] = [
    "Salary for June 2026",
    "June 2026 salary, permanent staff",
    "Wages June 2026 (weeks 23 to 26)",
    "Commission on sales in May 2026",
    "Overtime and transport in June",
    "Stipend for community health work",
];

const DEPARTMENTS: [&str; 5] = ["Field sales", "Logistics", "Kitchen", "Care", "Construction"];

const SITES: [&str; 4] = ["North", "Head office", "Lakeside", "Depot 7"];

/// A reference's number has nine digits.
const REFERENCES: u64 = 1_000_000_000;

pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) reference: String,
    pub(crate) description: String,
    pub(crate) metadata: String,
}

impl Row {
    /// A row without a fault that pays `payee`.
    pub(crate) fn paying(payee: Payee, seed: u64, row: u64) -> Self {
        let mut random = Random::of(seed, row, Purpose::Rest);
        Self {
            name: payee.name,
            email: payee.email,
            phone: payee.phone,
            amount: payee.wage,
            currency: payee.country.currency.to_owned(),
            reference: reference(seed, row),
            description: (*random.pick(&DESCRIPTIONS)).to_owned(),
            metadata: if random.one_in(5) { metadata(&mut random) } else { String::new() },
        }
    }

    pub(crate) fn cells(&self) -> [&str; 8] {
        [
            &self.name,
            &self.email,
            &self.phone,
            &self.amount,
            &self.currency,
            &self.reference,
            &self.description,
            &self.metadata,
        ]
    }
}

/// The reference of a row without a fault: none repeats before a thousand million rows.
pub(crate) fn reference(seed: u64, row: u64) -> String {
    let number = (row % REFERENCES * 618_033_989 + start(seed) % REFERENCES) % REFERENCES;
    format!("PAY-2606-{number:09}")
}

fn metadata(random: &mut Random) -> String {
    format!(
        r#"{{"department":"{}","site":"{}","grade":{}}}"#,
        random.pick(&DEPARTMENTS),
        random.pick(&SITES),
        1 + random.below(12)
    )
}
