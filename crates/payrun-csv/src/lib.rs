//! Payment file to payments and problems, all in one pass.
//!
//! [`read_file`] reads a CSV file once, from the first byte to the last, and gives back every payment that can be
//! made and every problem that stands in the way of the others, each with its row, line, column and value, in
//! words that a payroll clerk can act on.
//!
//! **Invariants:** rows = payments + rejected rows. A row with an error is never a payment. Nothing that could be
//! read two ways is guessed at: it is refused, and both readings are shown. Input is never rounded.
//!
//! What this crate deliberately does not do: it never looks at wallets, balances or earlier runs, never asks a
//! network about a number, and never holds the file's text beyond what payments and problems need.
//!
//! ```
//! let file = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n\
//!             Jane Doe,jane@example.com,+254712345678,1500,KES,EMP-1\n\
//!             John Doe,john@example.com,+254712345679,\"1,500\",KES,EMP-2\n";
//! let validated = payrun_csv::read(file.as_bytes(), "june.csv")?;
//! assert_eq!((validated.rows, validated.payments.len(), validated.rejected_rows), (2, 1, 1));
//! assert_eq!(validated.problems()?[0].message, r#""1,500" can be read as 1500 or as 1.5."#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(clippy::as_conversions, clippy::float_arithmetic)]

mod abreast;
mod across;
mod amount;
mod buckets;
mod code;
mod column;
mod compare;
mod corrected;
mod country;
mod counts;
mod currency;
mod description;
mod digits;
mod effort;
mod email;
mod encoding;
mod error;
mod explain;
mod first;
mod formula;
mod glance;
mod header;
mod json;
mod kind;
mod marks;
mod metadata;
mod mobile;
mod name;
mod network;
mod numbering;
mod opened;
mod phone;
mod pieces;
mod policy;
mod problem;
mod quote;
mod rail;
mod reading;
mod record;
mod reference;
mod row;
mod rules;
mod scan;
mod source;
mod sums;
mod survey;
mod terms;
mod text;
mod text_file;
mod validated;
mod weight;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod pages;

pub use code::{Code, Example, Severity};
pub use column::Column;
pub use description::DESCRIPTION_CHARS_MAX;
pub use email::EMAIL_BYTES_MAX;
pub use encoding::{Encoding, UnknownEncoding};
pub use error::ReadError;
pub use metadata::METADATA_BYTES_MAX;
pub use name::NAME_CHARS_MAX;
pub use problem::Problem;
pub use rail::{
    ACCOUNT_NUMBER_LENGTH, ACCOUNT_REFERENCE_LENGTH_MAX, BANK_CODE_LENGTH_MAX, SHORT_CODE_LENGTH,
};
pub use reading::{Reading, read, read_file};
pub use rules::{Bound, Expected, Limits, Rules};
pub use text::VALUE_CHARS_MAX;
pub use validated::Validated;
