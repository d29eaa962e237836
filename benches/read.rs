//! How fast a payment file in memory is read: clean, with a few faults, and with a fault in every row; and how fast what is
//! wrong with it is written, as JSON and beside its rows.
//!
//! `cargo bench -p payrun-benches` compares with the run before. For payrun beside other tools, see `compare.py`.

use criterion::{BenchmarkId, Criterion, Throughput};
use payrun_benches::{Faults, Payroll};
use std::hint::black_box;
use std::io;

const ROWS: u64 = 20_000;

fn main() -> io::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    read(&mut criterion)?;
    write(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn read(criterion: &mut Criterion) -> io::Result<()> {
    let mut group = criterion.benchmark_group("read");
    group.sample_size(20);
    for (name, faults) in [("clean", Faults::Clean), ("some", Faults::Some), ("all", Faults::All)] {
        let mut file = Vec::new();
        Payroll { rows: ROWS, seed: 1, faults }.write(&mut file)?;
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &file, |bencher, file| {
            bencher.iter(|| payrun::csv::read(black_box(file.as_slice()), "june.csv"));
        });
    }
    group.finish();
    Ok(())
}

fn write(criterion: &mut Criterion) -> io::Result<()> {
    let mut file = Vec::new();
    Payroll { rows: ROWS, seed: 1, faults: Faults::All }.write(&mut file)?;
    let validated = payrun::csv::read(file.as_slice(), "june.csv").map_err(io::Error::other)?;
    let mut group = criterion.benchmark_group("write");
    group.sample_size(20).throughput(Throughput::Elements(ROWS));
    group.bench_function("json", |bencher| {
        bencher.iter(|| validated.write_json(black_box(&mut io::sink())));
    });
    group.bench_function("corrected", |bencher| {
        bencher.iter(|| validated.write_corrected(black_box(&mut io::sink())));
    });
    group.finish();
    Ok(())
}
