//! Payment files made to measure: of any size, from a seed, clean or with faults of many kinds.
//!
//! ```
//! use payrun_benches::{Faults, Payroll};
//! let mut file = Vec::new();
//! let made = Payroll { rows: 1_000, seed: 1, faults: Faults::Some }.write(&mut file)?;
//! let validated = payrun::csv::read(file.as_slice(), "june.csv")?;
//! assert_eq!((validated.rows, validated.rejected_rows), (made.rows, made.faulty));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A row follows from the seed and its number alone, so nothing has to be remembered: a file of any size is made in constant
//! memory, and a repeated payee or reference can be one of any row before.

mod country;
mod fault;
mod payee;
mod payroll;
mod random;
mod row;

pub use fault::Fault;
pub use payroll::{Faults, Made, Payroll};
