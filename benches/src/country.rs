//! Where payees live: what money, numbers, names and wages look like there.

use crate::random::{Random, start};

pub(crate) struct Country {
    pub(crate) currency: &'static str,
    /// What people write instead of the currency's code.
    pub(crate) misspelt: &'static str,
    pub(crate) calling_code: &'static str,
    /// The first two digits of nine that make a mobile number whatever follows (libphonenumber's patterns).
    mobile: &'static [&'static str],
    /// The first two digits of nine that make a number of the landline.
    pub(crate) landline: &'static str,
    pub(crate) first_names: &'static [&'static str],
    pub(crate) last_names: &'static [&'static str],
    /// A wage's least and most, in whole units: at least 1,000.
    wage: (u64, u64),
    /// Whether wages have cents.
    cents: bool,
}

/// How many numbers share their first two digits.
const NUMBERS: u64 = 10_000_000;

const KENYA: Country = Country {
    currency: "KES",
    misspelt: "KSH",
    calling_code: "254",
    mobile: &["70", "71", "72", "74", "75", "76", "79"],
    landline: "20",
    first_names: &[
        "Kamau",
        "Wanjiru",
        "Achieng’",
        "Otieno",
        "Njeri",
        "Mwangi",
        "Zoë",
        "Grace",
        "Peter",
        "Fatuma",
        "Brian",
        "Mercy Chebet",
        "Kipchoge",
        "Aisha",
        "Faith",
        "Samuel",
        "Esther",
        "Hassan",
    ],
    last_names: &[
        "Musyoka",
        "Kariuki",
        "Odhiambo",
        "Ng’ang’a",
        "Wekesa",
        "Mutiso",
        "Cheruiyot",
        "Kimani",
        "Abdi",
        "Njoroge",
        "Onyango",
        "Muthoni",
        "Barasa",
        "Kiplagat",
    ],
    wage: (8_000, 240_000),
    cents: false,
};

const UGANDA: Country = Country {
    currency: "UGX",
    misspelt: "USHS",
    calling_code: "256",
    mobile: &["70", "74", "75", "76", "77", "78"],
    landline: "41",
    first_names: &[
        "Patricia",
        "Okello",
        "Nakato",
        "Wasswa",
        "Babirye",
        "René",
        "Ruth",
        "Moses",
        "Irene",
        "Godfrey",
        "Sarah",
        "Isaac",
        "Harriet",
        "Kato Joseph",
    ],
    last_names: &[
        "Byaruhanga",
        "Mukasa",
        "Nsubuga",
        "Akello",
        "Tumusiime",
        "Ssempijja",
        "Namatovu",
        "Opio",
        "Kyomuhendo",
        "Lubega",
        "Atim",
        "Bwambale",
    ],
    wage: (180_000, 6_500_000),
    cents: false,
};

const TANZANIA: Country = Country {
    currency: "TZS",
    misspelt: "TSHS",
    calling_code: "255",
    mobile: &["62", "65", "67", "68", "71", "73", "74", "75", "76", "78"],
    landline: "22",
    first_names: &[
        "Juma", "Neema", "Rehema", "Baraka", "Amani", "Zawadi", "Chloé", "Salum", "Upendo",
        "Emmanuel", "Mwanaidi", "Godlove",
    ],
    last_names: &[
        "Mwakalinga",
        "Massawe",
        "Kimaro",
        "Mushi",
        "Nyerere",
        "Shayo",
        "Lyimo",
        "Mbwana",
        "Kapinga",
        "Ngowi",
        "Mtui",
        "Swai",
    ],
    wage: (150_000, 4_200_000),
    cents: false,
};

const GHANA: Country = Country {
    currency: "GHS",
    misspelt: "GHC",
    calling_code: "233",
    mobile: &["20", "23", "24", "26", "27", "50", "53", "54", "55", "57"],
    landline: "30",
    first_names: &[
        "Kwabena",
        "Ama",
        "Kofi",
        "Akosua",
        "Yaw",
        "Abena",
        "Esi",
        "Kwame",
        "Adwoa",
        "Émile",
        "Nii Armah",
        "Selorm",
    ],
    last_names: &[
        "Mensah",
        "Owusu-Ansah",
        "Boateng",
        "Asante",
        "Agyeman",
        "Ɔdɔɔ",
        "Quaye",
        "Addo",
        "Tetteh",
        "Amponsah",
        "Dzokoto",
        "Frimpong",
    ],
    wage: (1_000, 16_000),
    cents: true,
};

const ZAMBIA: Country = Country {
    currency: "ZMW",
    misspelt: "ZMK",
    calling_code: "260",
    mobile: &["76", "77", "95", "96", "97"],
    landline: "21",
    first_names: &[
        "Chanda", "Mutale", "Bwalya", "Thandiwe", "Mulenga", "José", "Natasha", "Kelvin",
        "Precious", "Lubasi", "Memory", "Gift",
    ],
    last_names: &[
        "Phiri",
        "Banda",
        "Mwansa",
        "Tembo",
        "Zulu",
        "Sakala",
        "Ng’andu",
        "Chilufya",
        "Mwale",
        "Siame",
        "Lungu",
        "Hamoonga",
    ],
    wage: (1_000, 28_000),
    cents: true,
};

/// How payees spread over the countries: one of twenty each.
const SPREAD: [(&Country, u64); 5] =
    [(&KENYA, 8), (&UGANDA, 4), (&TANZANIA, 3), (&GHANA, 3), (&ZAMBIA, 2)];

impl Country {
    pub(crate) fn drawn(random: &mut Random) -> &'static Self {
        let mut place = random.below(SPREAD.iter().map(|(_, share)| share).sum());
        for (country, share) in SPREAD {
            if place < share {
                return country;
            }
            place -= share;
        }
        &KENYA
    }

    /// The mobile number of one payee, with its `+`. Numbers repeat only after 50 million rows.
    pub(crate) fn mobile_number(&self, seed: u64, row: u64) -> String {
        let prefixes = self.mobile.len() as u64;
        let prefix = self.mobile[(row % prefixes) as usize];
        // A factor without 2 and 5 in it takes every number once.
        let number = (row / prefixes % NUMBERS * 7_368_787 + start(seed) % NUMBERS) % NUMBERS;
        format!("+{}{prefix}{number:07}", self.calling_code)
    }

    /// A wage that is paid as it is written.
    pub(crate) fn wage(&self, random: &mut Random) -> String {
        let (least, most) = self.wage;
        let units = least + random.below(most - least);
        if self.cents {
            format!("{units}.{:02}", random.below(100))
        } else {
            // People are paid in round sums.
            format!("{}", units - units % 50)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_number_repeats() {
        for (country, _) in SPREAD {
            let numbers: HashSet<String> =
                (0..50_000).map(|row| country.mobile_number(7, row * 997)).collect();
            assert_eq!(numbers.len(), 50_000, "{}", country.currency);
        }
    }

    #[test]
    fn every_beginning_of_a_mobile_number_is_one_at_both_ends() {
        for (country, _) in SPREAD {
            for prefix in country.mobile {
                for rest in ["0000000", "9999999"] {
                    let phone = format!("+{}{prefix}{rest}", country.calling_code);
                    let file = format!(
                        "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n\
                         Jane Doe,jane@example.com,{phone},1500,{},EMP-1\n",
                        country.currency
                    );
                    let validated = payrun::csv::read(file.as_bytes(), "june.csv").unwrap();
                    assert_eq!(validated.problems().unwrap(), [], "{phone}");
                }
            }
        }
    }
}
