//! How fast a payment file is validated, beside the csv crate reading the same file without a single check.
//!
//! `cargo bench -p payrun-benches` prints rows a second and their ratio, from one run. A machine is shared and noisy: read the
//! ratio. `PAYRUN_BENCH_ROWS` sets the size of the file (200,000).
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::var("PAYRUN_BENCH_ROWS").ok().map_or(Ok(200_000), |rows| rows.parse())?;
    let file = payroll(rows)?;
    let reading = median(|| read_only(&file))?;
    let validating = median(|| validate(&file, rows))?;
    let megabytes = file.len() / 1_000_000;
    println!("{rows} rows, {megabytes} MB, median of {ROUNDS} rounds");
    report("csv crate, reading alone", rows, reading);
    report("payrun, every check", rows, validating);
    println!("payrun takes {:.1} times as long", validating.as_secs_f64() / reading.as_secs_f64());
    Ok(())
}

fn report(what: &str, rows: usize, took: Duration) {
    let rows = u32::try_from(rows).unwrap_or(u32::MAX);
    println!("{what:<26} {:>12.0} rows/s", f64::from(rows) / took.as_secs_f64());
}

fn median(
    mut round: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Duration, Box<dyn Error>> {
    let mut took = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        round()?;
        took.push(began.elapsed());
    }
    took.sort_unstable();
    Ok(took[ROUNDS / 2])
}

fn read_only(file: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut reader = csv::Reader::from_reader(file);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        black_box(&record);
    }
    Ok(())
}

fn validate(file: &[u8], rows: usize) -> Result<(), Box<dyn Error>> {
    let validated = payrun::csv::read(file, "bench.csv")?;
    if validated.payments.len() == rows {
        Ok(())
    } else {
        Err(format!("{} of {rows} rows are payments", validated.payments.len()).into())
    }
}

/// Clean rows, every payee and reference another one.
fn payroll(rows: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut csv =
        "recipient_name,recipient_email,recipient_phone,amount,currency,reference,description,metadata\n"
            .to_owned();
    for i in 0..rows {
        let (phone, currency) =
            if i % 2 == 0 { (254_710_000_000 + i, "KES") } else { (256_770_000_000 + i, "UGX") };
        writeln!(
            csv,
            "Payee Number{i},payee.number{i}@example.com,+{phone},{},{currency},JUNE-2026-{i:07},June salary,",
            20_000 + i % 90_000,
        )?;
    }
    Ok(csv.into_bytes())
}
