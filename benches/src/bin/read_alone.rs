//! Reads a CSV file with the csv crate and checks nothing: what a validator on it could reach at most, on one thread.
#![expect(clippy::print_stdout, reason = "the number of rows is what the command is asked for")]

use std::error::Error;
use std::hint::black_box;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("read-alone FILE")?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let mut rows = 0_u64;
    while reader.read_byte_record(&mut record)? {
        black_box(&record);
        rows += 1;
    }
    println!("{rows}");
    Ok(())
}
