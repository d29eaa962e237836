//! A whole payment file.

use crate::Fault;
use crate::payee::Payee;
use crate::random::{Purpose, Random};
use crate::row::{HEADER, Row, reference};
use std::io::{self, Write};
use std::str::FromStr;

/// How much is wrong with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// Nothing, not even a doubt.
    Clean,
    /// One row in a thousand has a fault; one in a hundred pays a payee of an earlier row again, which is a doubt if
    /// the amount is the same.
    Some,
    /// Every row has a fault.
    All,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "clean" => Ok(Self::Clean),
            "some" => Ok(Self::Some),
            "all" => Ok(Self::All),
            other => Err(format!("'{other}' is none of clean, some, all")),
        }
    }
}

/// A payment file that can be written.
#[derive(Debug, Clone, Copy)]
pub struct Payroll {
    /// Rows below the header.
    pub rows: u64,
    /// The same seed makes the same file.
    pub seed: u64,
    /// What is wrong with it.
    pub faults: Faults,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Rows below the header.
    pub rows: u64,
    /// Rows with a fault.
    pub faulty: u64,
    /// Those of them whose fault [is plain](Fault::is_plain).
    pub plainly_faulty: u64,
}

impl Payroll {
    /// Writes the file: UTF-8, commas, line feeds, about 137 bytes a row.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(self, writer: impl Write) -> io::Result<Made> {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(writer);
        writer.write_record(HEADER)?;
        let mut made = Made { rows: self.rows, faulty: 0, plainly_faulty: 0 };
        for row in 0..self.rows {
            let Some(fault) = self.fault(row) else {
                writer.write_record(self.row(row).cells())?;
                continue;
            };
            writer.write_record(self.faulty_row(row, fault))?;
            made.faulty += 1;
            made.plainly_faulty += u64::from(fault.is_plain());
        }
        writer.flush()?;
        Ok(made)
    }

    fn row(self, row: u64) -> Row {
        let mut payee = Payee::of(self.seed, row);
        let mut random = Random::of(self.seed, row, Purpose::Repeat);
        if self.faults == Faults::Some && row > 0 && random.one_in(100) {
            let earlier = Payee::of(self.seed, random.below(row));
            let same_currency = earlier.country.currency == payee.country.currency;
            // A second wage, or the first one by mistake a second time.
            let wage =
                if same_currency && random.one_in(2) { payee.wage } else { earlier.wage.clone() };
            payee = Payee { wage, ..earlier };
        }
        Row::paying(payee, self.seed, row)
    }

    fn faulty_row(self, row: u64, fault: Fault) -> Vec<String> {
        let mut random = Random::of(self.seed, row, Purpose::FaultCells);
        let payee = Payee::of(self.seed, row);
        let country = payee.country;
        let earlier = reference(self.seed, self.row_with_reference(random.below(row.max(1))));
        fault.put(&mut Row::paying(payee, self.seed, row), country, earlier, &mut random)
    }

    fn fault(self, row: u64) -> Option<Fault> {
        let mut random = Random::of(self.seed, row, Purpose::Fault);
        match self.faults {
            Faults::Clean => None,
            Faults::Some if row == 0 || !random.one_in(1_000) => None,
            // The first row keeps its reference, so that there is one to repeat.
            Faults::All if row == 0 => Some(Fault::AmountZero),
            Faults::Some | Faults::All => Some(*random.pick(&Fault::ALL)),
        }
    }

    /// The last row up to `row` whose own reference is to be read in the file.
    fn row_with_reference(self, row: u64) -> u64 {
        let hidden = |row: &u64| self.fault(*row).is_some_and(Fault::hides_reference);
        (0..=row).rev().find(|row| !hidden(row)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun::csv::{Severity, read};
    use std::collections::HashSet;

    fn made(rows: u64, seed: u64, faults: Faults) -> (Vec<u8>, Made) {
        let mut file = Vec::new();
        let made = Payroll { rows, seed, faults }.write(&mut file).unwrap();
        (file, made)
    }

    #[test]
    fn a_clean_file_has_no_problem_and_rows_of_137_bytes() {
        for seed in [0, 1, u64::MAX] {
            let (file, made) = made(5_000, seed, Faults::Clean);
            let validated = read(file.as_slice(), "june.csv").unwrap();
            assert_eq!(validated.problems().unwrap(), []);
            assert_eq!((validated.payments.len(), made.faulty), (5_000, 0));
            assert!((134..=140).contains(&(file.len() / 5_000)), "{}", file.len() / 5_000);
            assert_eq!(validated.totals.iter().count(), 5);
        }
    }

    #[test]
    fn some_rows_are_faulty_and_some_payees_are_paid_twice() {
        let (file, made) = made(50_000, 1, Faults::Some);
        let validated = read(file.as_slice(), "june.csv").unwrap();
        assert_eq!(validated.rejected_rows, made.faulty);
        assert!((30..80).contains(&made.faulty), "{made:?}");
        assert!((200..500).contains(&validated.warnings()), "{}", validated.warnings());
    }

    #[test]
    fn every_row_is_faulty_in_many_ways() {
        let (file, made) = made(5_000, 1, Faults::All);
        let validated = read(file.as_slice(), "june.csv").unwrap();
        assert_eq!((validated.rejected_rows, made.faulty), (5_000, 5_000));
        let problems = validated.problems().unwrap();
        let errors = problems.iter().filter(|it| it.severity() == Severity::Error);
        let codes: HashSet<&str> = errors.map(|problem| problem.code.word()).collect();
        assert!(codes.len() >= 30, "{codes:?}");
    }

    #[test]
    fn each_fault_alone_makes_its_row_one_that_cannot_be_paid() {
        let payroll = Payroll { rows: 2, seed: 1, faults: Faults::Clean };
        for seed in 0..20 {
            for fault in Fault::ALL {
                let payroll = Payroll { seed, ..payroll };
                let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
                writer.write_record(HEADER).unwrap();
                writer.write_record(payroll.row(0).cells()).unwrap();
                writer.write_record(payroll.faulty_row(1, fault)).unwrap();
                let file = writer.into_inner().unwrap();
                let validated = read(file.as_slice(), "june.csv").unwrap();
                let text = String::from_utf8_lossy(&file);
                assert_eq!((validated.rows, validated.rejected_rows), (2, 1), "{fault:?}\n{text}");
            }
        }
    }

    #[test]
    fn a_seed_makes_one_file() {
        for faults in [Faults::Clean, Faults::Some, Faults::All] {
            assert_eq!(made(500, 3, faults), made(500, 3, faults));
            assert_ne!(made(500, 3, faults).0, made(500, 4, faults).0);
            assert!(made(501, 3, faults).0.starts_with(&made(500, 3, faults).0));
        }
    }
}
