//! What a payment file may look like, and what it may pay.

use crate::{Column, Encoding};
use payrun_core::{Amount, Currency, RailKind};

/// What a payment file may look like and may pay. The default takes what most files are, and bounds no amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The byte between columns; `None` for what the header shows.
    pub delimiter: Option<u8>,
    /// What the text is read as; `None` for UTF-8. A byte order mark goes before.
    pub encoding: Option<Encoding>,
    /// Names of the payer's own for columns, such as `Emp No` for [`Column::Reference`]. They go before every name
    /// that payrun knows, and are compared as those are.
    pub columns: Vec<(String, Column)>,
    /// How large a file may be.
    pub limits: Limits,
    /// The least and the most that may be paid.
    pub policy: Vec<Bound>,
    /// What the payer says is in the file.
    pub expected: Expected,
    /// Whether warnings count as errors of the file. A row with warnings only is a payment all the same.
    pub strict: bool,
}

/// How large a file may be. What is larger is refused and never held in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file, unpacked.
    pub bytes_max: u64,
    /// Data rows.
    pub rows_max: u64,
    /// Bytes of a cell, without its quotation marks.
    pub cell_bytes_max: usize,
    /// Bytes of a record, at most 64 MiB; a quotation mark that is never closed makes one of all that follows.
    pub record_bytes_max: usize,
}

impl Default for Limits {
    /// 16 GiB, 100 million rows, 64 KiB a cell, 1 MiB a record.
    fn default() -> Self {
        Self {
            bytes_max: 16 << 30,
            rows_max: 100_000_000,
            cell_bytes_max: 64 << 10,
            record_bytes_max: 1 << 20,
        }
    }
}

/// The least and the most that a payment of one currency may be.
///
/// Where a bound of the payment's rail and one of every rail both name a least, that of the rail holds; the same is
/// true of the most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// Of which payments.
    pub currency: Currency,
    /// On which rail; `None` for all.
    pub rail: Option<RailKind>,
    /// The smallest amount that is paid.
    pub least: Option<Amount>,
    /// The largest amount that is paid.
    pub most: Option<Amount>,
}

/// Control totals: what the payer says is in the file. A difference is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// How many payments.
    pub count: Option<u64>,
    /// The sum of the payments, per currency; a currency that is not named is not compared.
    pub totals: Vec<Amount>,
}
