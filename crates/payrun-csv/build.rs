//! Takes the numbering plans out of libphonenumber's data, once, while payrun is built: reading all of it takes a tenth
//! of a second, which nobody who validates a short file has to wait for.

use phonenumber::Type;
use phonenumber::metadata::{DATABASE, Descriptor, Metadata};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

/// Kinds of numbers that a person or a firm can be called at.
const KINDS: [Type; 7] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Uan,
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut countries: Vec<&Metadata> = DATABASE.iter().collect();
    countries.sort_by_key(|country| country.id());
    let mut table = "&[\n".to_owned();
    for country in countries {
        let kinds = KINDS.iter().filter_map(|kind| country.descriptors().get(*kind));
        let mut possible: Vec<u16> = kinds.flat_map(lengths).collect();
        possible.sort_unstable();
        possible.dedup();
        let mobile = country.descriptors().mobile();
        let mobile = mobile.map(|mobile| (lengths(mobile), mobile.national_number().as_str()));
        writeln!(
            table,
            "    Territory {{ id: {:?}, code: {}, dialled: \"{}\", possible: &{possible:?}, mobile: {} }},",
            country.id(),
            country.country_code(),
            country.country_code(),
            match mobile {
                Some((lengths, pattern)) => format!("Some((&{lengths:?}, {pattern:?}))"),
                None => "None".to_owned(),
            },
        )?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("territories.rs"), table)?;
    Ok(())
}

fn lengths(descriptor: &Descriptor) -> Vec<u16> {
    descriptor.possible_length().to_vec()
}
