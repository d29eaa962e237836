//! The engine inside a program of one's own: validate, plan, pay, watch, report.
//!
//! `cargo run -p payrun-examples --example embed`
//!
//! Pays `examples/payroll.csv` through the sandbox, at 100 payments a second, and prints events as they come.
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use payrun::{Choices, Notice, Payer, RateLimit, Records, Rehearsal, Settings, State, sandbox};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("payroll.csv");
    let state_dir = tempfile::tempdir()?;

    // Every fault of the file at once; here there is none.
    let validated = payrun::csv::read_file(&file)?;
    println!(
        "{} rows, {} payments, {} errors, {} warnings",
        validated.rows,
        validated.payments.len(),
        validated.errors(),
        validated.warnings()
    );

    // Records of rehearsals are kept apart from real ones. For real money: `payrun::kotani::Kotani`.
    let records = Records::open(&payrun::rehearsal_root(state_dir.path()), &"acme".parse()?)?;
    let pace = RateLimit::per_seconds(100, 1);
    let local =
        Rehearsal::start(state_dir.path(), sandbox::Settings::default(), Some(pace)).await?;
    let payer = Payer::new(records, local.gateway());

    // Nothing is sent before `start`.
    let prepared = payer.prepare(&validated, &Choices::default()).await?;
    println!("plan {}: {} batches", prepared.digest.short(), prepared.plan.batches.len());

    let (sender, events) = mpsc::unbounded_channel();
    let watcher = tokio::spawn(watch(events));
    let settings = Settings { poll_first: Duration::from_millis(250), ..Settings::default() };
    let ended =
        payer.start(prepared, false, settings, Arc::new(sender), std::future::pending()).await?;
    watcher.await?;

    for (currency, states) in ended.report.books.currencies()? {
        for (state, total) in states {
            println!("{currency}: {} {state}, {}", total.count, total.sum);
        }
    }
    assert_eq!(ended.report.books.count(State::Paid), 200);
    local.stop().await;
    Ok(())
}

/// Prints every fiftieth payment that was paid, and whatever else happens.
async fn watch(mut events: mpsc::UnboundedReceiver<Notice>) {
    let mut paid = 0;
    while let Some(notice) = events.recv().await {
        if matches!(notice, Notice::Moved { to: State::Paid, .. }) {
            paid += 1;
            if paid % 50 == 0 {
                println!("{paid} paid");
            }
        } else if !matches!(notice, Notice::Moved { .. }) {
            println!("{notice:?}");
        }
    }
}
