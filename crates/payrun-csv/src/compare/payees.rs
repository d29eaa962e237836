//! Payees that are paid the same amount twice, or bear two names. Both may be meant, so both are doubts.

use super::{Across, Taken, find, gather, half, judge, number, rows_of, shared};
use crate::abreast;
use crate::buckets::Filled;
use crate::marks::Rows;
use crate::survey::PAYEE_ENTRY;
use crate::terms::Terms;
use crate::weight;
use payrun_core::{Amount, PhoneNumber, Rail};
use std::collections::HashMap;
use std::io;

/// What is kept of a payment that is read again.
struct Fact {
    payee: (Rail, Option<PhoneNumber>),
    amount: Amount,
    name: Box<str>,
}

/// Finds payments to one payee that are alike, or that are not to the same name. Rows that are `taken` are no payments.
pub(crate) fn payees(
    filled: &Filled<PAYEE_ENTRY>,
    taken: &[Taken],
    reader: Rows<'_>,
    terms: Terms<'_>,
) -> io::Result<Vec<(u32, Across)>> {
    let threads = terms.effort.threads;
    let is_paid = |entry: &[u8; PAYEE_ENTRY]| {
        taken.binary_search_by_key(&half(entry, 8), |taken| taken.row).is_err()
    };
    let suspects = abreast::each(filled.numbers(), threads, |bucket| {
        let mut entries = shared(filled, bucket, &mut Vec::new())?;
        entries.retain(is_paid);
        let groups = entries.chunk_by(|a, b| number(a, 0) == number(b, 0));
        Ok(groups.filter(|group| is_suspect(group)).flatten().copied().collect::<Vec<_>>())
    })?
    .concat();
    let rows = rows_of(&suspects);
    let facts = gather(&rows, reader, threads, |reread| {
        let payment = judge(&reread, terms).payment?;
        let phone = (payment.rail == Rail::MobileMoney).then_some(payment.payee.phone);
        let payee = (payment.rail, phone);
        Some(Fact { payee, amount: payment.amount, name: payment.payee.name.into() })
    })?;
    let mut found = Vec::new();
    for group in suspects.chunk_by(|a, b| number(a, 0) == number(b, 0)) {
        compare(group, &facts, &mut found);
    }
    found.sort_by_key(|(row, _)| *row);
    Ok(found)
}

/// Whether payments that may be to one payee may be alike, or to two names.
fn is_suspect(group: &[[u8; PAYEE_ENTRY]]) -> bool {
    let Some((first, rest)) = group.split_first() else { return false };
    let mut amounts: Vec<Option<&[u8]>> = group.iter().map(|entry| entry.get(12..14)).collect();
    amounts.sort_unstable();
    let repeats = amounts.array_windows().any(|[a, b]| a == b);
    repeats || rest.iter().any(|entry| half(entry, 14) != half(first, 14))
}

/// Rows of one hash, in order.
fn compare(group: &[[u8; PAYEE_ENTRY]], facts: &[(u32, Fact)], found: &mut Vec<(u32, Across)>) {
    let mut names: HashMap<&(Rail, Option<PhoneNumber>), (u32, &str, String)> = HashMap::new();
    let mut amounts: HashMap<(&(Rail, Option<PhoneNumber>), Amount), u32> = HashMap::new();
    for entry in group {
        let row = half(entry, 8);
        let Some(Fact { payee, amount, name }) = find(facts, row) else { continue };
        match amounts.get(&(payee, *amount)) {
            Some(first) => found.push((row, Across::Repeated { first: *first })),
            None => {
                amounts.insert((payee, *amount), row);
            }
        }
        let folded = weight::folded(name);
        match names.get(payee) {
            Some((_, _, first)) if *first == folded => {}
            Some((first, other, _)) => {
                found.push((row, Across::TwoNames { first: *first, other: (*other).into() }));
            }
            None => {
                names.insert(payee, (row, name, folded));
            }
        }
    }
}
