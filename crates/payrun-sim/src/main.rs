//! `payrun-sim`: many seeds, or one with everything that happened.
#![allow(clippy::print_stderr, reason = "it is what prints here")]

use clap::{Parser, ValueEnum as _};
use payrun_sim::{Broken, Options, Records, audit::audit, case};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs payrun's engine on virtual time, with the faults that each seed draws, and audits what came of it.
///
/// Exit code 0: every case came out as it must. 1: some did not, and how to replay them is printed.
///
/// Examples:
///   payrun-sim --seeds 100000
///   payrun-sim --seed 42 --trace
///   payrun-sim --records real --seeds 1000
///   payrun-sim --broken blind-resend
#[derive(Parser)]
#[command(name = "payrun-sim", verbatim_doc_comment)]
struct Args {
    /// The first seed.
    #[arg(long, default_value_t = 0, env = "PAYRUN_SEED")]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1, env = "PAYRUN_SEEDS")]
    seeds: u64,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// Where the records are kept.
    #[arg(long, value_enum, default_value_t)]
    records: Records,
    /// Kill the first process when it was woken so often.
    #[arg(long, value_name = "STEP")]
    killed_at: Option<u64>,
    /// Break the engine: the audit must find fault with it.
    #[arg(long)]
    broken: Option<Broken>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args, &mut std::io::stdout().lock()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        // Nobody reads on.
        Err(_) => ExitCode::from(2),
    }
}

/// How many cases were not as they must be.
fn run(args: &Args, out: &mut dyn Write) -> io::Result<u64> {
    let began = Instant::now();
    let (mut failed, mut payments, mut executions, mut told) = (0u64, 0, 0, Instant::now());
    let broken = args.broken.and_then(|broken| broken.to_possible_value());
    let mut how = broken.map(|word| format!(" --broken {}", word.get_name())).unwrap_or_default();
    let records = args.records.to_possible_value().filter(|_| args.records != Records::default());
    how.extend(records.map(|word| format!(" --records {}", word.get_name())));
    how.extend(args.killed_at.map(|step| format!(" --killed-at {step}")));
    for number in 0..args.seeds {
        let seed = args.seed.wrapping_add(number);
        let case = case(Options {
            seed,
            broken: args.broken,
            trace: args.trace,
            records: args.records,
            killed_at: args.killed_at,
        });
        for line in &case.trace {
            writeln!(out, "{line}")?;
        }
        payments += case.planned.len();
        executions += case.ledger.len();
        let wrong = audit(&case);
        if !wrong.is_empty() {
            failed += 1;
            writeln!(out, "seed {seed}: replay it with  payrun-sim --seed {seed}{how} --trace")?;
            wrong.iter().try_for_each(|wrong| writeln!(out, "    {wrong}"))?;
        }
        if told.elapsed() > Duration::from_secs(2) {
            told = Instant::now();
            eprintln!("{} of {} seeds, {failed} failed", number + 1, args.seeds);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    writeln!(
        out,
        "{} seeds from {}: {failed} failed; {payments} payments planned, {executions} paid; {seconds:.1} s",
        args.seeds, args.seed
    )?;
    Ok(failed)
}
