//! The report as CSV that a spreadsheet can open without running anything in it.

use super::Report;
use std::io::{self, Write};

const HEADER: [&str; 10] = [
    "row",
    "reference",
    "provider_reference",
    "generation",
    "wallet",
    "amount",
    "currency",
    "state",
    "attempts",
    "reason",
];

impl Report {
    /// Writes one line for each payment, in the order of the plan.
    ///
    /// A cell that a spreadsheet would take for a formula gets an apostrophe in front. No names, phones or accounts.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(HEADER)?;
        for line in self.lines() {
            let payment = &line.planned.payment;
            csv.write_record([
                payment.row.to_string(),
                tame(payment.reference.as_str()),
                line.planned.provider_reference.to_string(),
                line.planned.generation.to_string(),
                tame(line.wallet.as_str()),
                payment.amount.text(),
                payment.amount.currency().code().to_owned(),
                line.progress.standing.state.word().to_owned(),
                line.progress.standing.attempts.to_string(),
                tame(line.progress.reason.as_deref().unwrap_or_default()),
            ])?;
        }
        csv.flush()
    }
}

/// A cell that no spreadsheet takes for a formula.
fn tame(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_cell_that_looks_like_a_formula_is_tamed() {
        for (cell, tamed) in
            [("=1+1", "'=1+1"), ("@x", "'@x"), ("-1", "'-1"), ("EMP-1", "EMP-1"), ("", "")]
        {
            assert_eq!(super::tame(cell), tamed);
        }
    }
}
