//! Writes a payment file made to measure, and prints what is wrong with it as one JSON object.
#![expect(clippy::print_stdout, reason = "what was made is what the command is asked for")]

use payrun_benches::{Faults, Made, Payroll};
use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

const USAGE: &str = "make-payroll --out FILE [--rows N] [--seed S] [--faults clean|some|all]";

fn main() -> Result<(), Box<dyn Error>> {
    let (payroll, out) =
        asked(std::env::args().skip(1)).map_err(|error| format!("{error}\n{USAGE}"))?;
    let Made { rows, faulty, plainly_faulty } =
        payroll.write(BufWriter::with_capacity(1 << 20, File::create(&out)?))?;
    let bytes = out.metadata()?.len();
    println!(
        r#"{{"rows":{rows},"bytes":{bytes},"faulty":{faulty},"plainly_faulty":{plainly_faulty}}}"#
    );
    Ok(())
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<(Payroll, PathBuf), Box<dyn Error>> {
    let mut payroll = Payroll { rows: 1_000_000, seed: 1, faults: Faults::Clean };
    let mut out = None;
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--rows" => payroll.rows = value.parse()?,
            "--seed" => payroll.seed = value.parse()?,
            "--faults" => payroll.faults = value.parse()?,
            "--out" => out = Some(PathBuf::from(value)),
            other => return Err(format!("{other} is not known").into()),
        }
    }
    Ok((payroll, out.ok_or("--out is missing")?))
}
