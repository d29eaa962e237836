//! References that are there twice, or nearly.

use super::{Across, find, gather, half, judge, number, rows_of, shared};
use crate::abreast;
use crate::buckets::Filled;
use crate::marks::Rows;
use crate::survey::REFERENCE_ENTRY;
use crate::terms::Terms;
use crate::weight::Weight;
use payrun_core::{Currency, Reference};
use std::collections::HashMap;
use std::io;

/// A payment that is none, since its reference is taken. The row counts from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) row: u32,
    /// What it would have paid, in hundredths; `None` if it had other errors.
    pub(crate) paid: Option<(Currency, u64)>,
}

/// What came of the comparison, by row.
pub(crate) struct Compared {
    pub(crate) found: Vec<(u32, Across)>,
    pub(crate) taken: Vec<Taken>,
}

/// What is kept of a row that is read again.
struct Fact {
    reference: Reference,
    paid: Option<(Currency, u64)>,
}

/// Finds every reference that an earlier row has. Of rows with one reference the first keeps it, even if that row has
/// other errors.
pub(crate) fn references(
    filled: &Filled<REFERENCE_ENTRY>,
    reader: Rows<'_>,
    terms: Terms<'_>,
) -> io::Result<Compared> {
    let threads = terms.effort.threads;
    let shared =
        abreast::each(filled.numbers(), threads, |bucket| shared(filled, bucket, &mut Vec::new()))?
            .concat();
    let rows = rows_of(&shared);
    let facts = gather(&rows, reader, threads, |reread| {
        let standing = judge(&reread, terms);
        let paid = standing.payment.as_ref().and_then(Weight::of);
        let reference =
            standing.reference.or_else(|| standing.payment.map(|payment| payment.reference))?;
        Some(Fact { reference, paid: paid.map(|weight| (weight.currency, weight.hundredths)) })
    })?;
    let (mut found, mut taken) = (Vec::new(), Vec::new());
    for group in shared.chunk_by(|a, b| number(a, 0) == number(b, 0)) {
        compare(group, &facts, &mut found, &mut taken);
    }
    found.sort_unstable_by_key(|(row, _)| *row);
    taken.sort_unstable_by_key(|taken| taken.row);
    Ok(Compared { found, taken })
}

/// Rows of one hash, in order.
fn compare(
    group: &[[u8; REFERENCE_ENTRY]],
    facts: &[(u32, Fact)],
    found: &mut Vec<(u32, Across)>,
    taken: &mut Vec<Taken>,
) {
    let mut exact: HashMap<&str, u32> = HashMap::new();
    let mut folded: HashMap<String, (u32, &Reference)> = HashMap::new();
    for entry in group {
        let row = half(entry, 8);
        let Some(Fact { reference, paid }) = find(facts, row) else { continue };
        if let Some(first) = exact.get(reference.as_str()) {
            found.push((row, Across::Duplicate { first: *first }));
            taken.push(Taken { row, paid: *paid });
            continue;
        }
        exact.insert(reference.as_str(), row);
        match folded.get(&reference.as_str().to_ascii_lowercase()) {
            Some((first, other)) => {
                found.push((row, Across::Nearly { first: *first, other: (*other).clone() }));
            }
            None => {
                folded.insert(reference.as_str().to_ascii_lowercase(), (row, reference));
            }
        }
    }
}
