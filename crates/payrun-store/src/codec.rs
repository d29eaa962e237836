//! The bytes inside a run's records: private shapes, converted by hand.
//!
//! ```text
//! length of meta u32 · meta (postcard) · bodies, one behind the other
//! ```
//! Bodies stand apart so that one can be read back by its place. postcard numbers enum variants: new ones go
//! to the end, and none is ever removed or moved.

mod wire;

use crate::identity::RunIdentity;
use crate::record::take_u32;
use payrun_ports::{Body, Entry, PaymentEntry, RunEvent};
use std::ops::Range;

/// One record of a run's journal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RunRecord {
    /// The first.
    Created {
        identity: Box<RunIdentity>,
        /// Why the run starts cautiously, if it does.
        cautious: Option<String>,
    },
    /// The run was opened once more.
    Opened {
        /// Why it goes on cautiously, if it does from here on.
        cautious: Option<String>,
    },
    /// Groups of entries that were made durable together, with the place of each body in the payload.
    Group(Vec<(Entry, Option<Range<u32>>)>),
}

/// The payload of a run's first record.
pub(crate) fn created(identity: &RunIdentity, cautious: Option<&str>) -> Result<Vec<u8>, String> {
    frame(&wire::Record::created(identity, cautious), &[])
}

/// The payload that says that the run was opened.
pub(crate) fn opened(cautious: Option<&str>) -> Result<Vec<u8>, String> {
    frame(&wire::Record::Opened { cautious: cautious.map(str::to_owned) }, &[])
}

/// The payload of a group, and the place of each body in it, in order of the entries that carry one.
pub(crate) fn group(entries: &[Entry]) -> Result<(Vec<u8>, Vec<Range<u32>>), String> {
    let bodies: Vec<&Body> = entries.iter().filter_map(body).collect();
    let meta = wire::Record::Group(entries.iter().map(wire::Entry::from_entry).collect());
    let payload = frame(&meta, &bodies)?;
    let bodies_bytes: usize = bodies.iter().map(|body| body.as_bytes().len()).sum();
    let mut at = small(payload.len().saturating_sub(bodies_bytes))?;
    let mut places = Vec::with_capacity(bodies.len());
    for body in bodies {
        let end = at.saturating_add(small(body.as_bytes().len())?);
        places.push(at..end);
        at = end;
    }
    Ok((payload, places))
}

/// What a payload says.
pub(crate) fn decode(payload: &[u8]) -> Result<RunRecord, String> {
    let cut = || "the record ends too early".to_owned();
    let (length, rest) = take_u32(payload).ok_or_else(cut)?;
    let length = usize::try_from(length).map_err(|_| cut())?;
    let meta = rest.get(..length).ok_or_else(cut)?;
    let mut at = small(4 + length)?;
    let record =
        postcard::from_bytes(meta).map_err(|error| format!("cannot decode it: {error}"))?;
    match record {
        wire::Record::Created { identity, cautious } => {
            Ok(RunRecord::Created { identity: Box::new(identity.into_identity()?), cautious })
        }
        wire::Record::Opened { cautious } => Ok(RunRecord::Opened { cautious }),
        wire::Record::Group(entries) => {
            let decoded = entries.into_iter().map(|entry| entry.into_entry(payload, &mut at));
            let group = decoded.collect::<Result<_, _>>()?;
            if small(payload.len())? != at {
                return Err("the record holds more than its entries say".to_owned());
            }
            Ok(RunRecord::Group(group))
        }
    }
}

/// Roughly the bytes that an entry takes in a record; never less than it takes.
pub(crate) fn size_hint(entry: &Entry) -> usize {
    match entry {
        Entry::Payment(PaymentEntry { body, reason, .. }) => {
            let body = body.as_ref().map_or(0, |body| body.as_bytes().len());
            body + reason.as_ref().map_or(0, String::len) + 64
        }
        Entry::Run(RunEvent::CautiousStart { reason }) => reason.len() + 64,
        Entry::Run(RunEvent::CancelRequested) => 64,
    }
}

fn body(entry: &Entry) -> Option<&Body> {
    match entry {
        Entry::Payment(payment) => payment.body.as_ref(),
        Entry::Run(_) => None,
    }
}

fn frame(meta: &wire::Record, bodies: &[&Body]) -> Result<Vec<u8>, String> {
    let meta = postcard::to_stdvec(meta).map_err(|error| format!("cannot encode it: {error}"))?;
    let mut payload = small(meta.len())?.to_le_bytes().to_vec();
    payload.extend_from_slice(&meta);
    for body in bodies {
        payload.extend_from_slice(body.as_bytes());
    }
    Ok(payload)
}

fn small(length: usize) -> Result<u32, String> {
    u32::try_from(length).map_err(|_| "the record is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::every_event_but_intents;
    use payrun_core::{Basis, Event, PaymentIndex, UnixMillis};

    fn entry(payment: u32, event: Event, body: Option<&[u8]>) -> Entry {
        Entry::Payment(PaymentEntry {
            payment: PaymentIndex(payment),
            event,
            at: UnixMillis(1_700_000_000_000),
            body: body.map(Body::new),
            reason: Some("why".to_owned()),
        })
    }

    #[test]
    fn every_entry_reads_back_and_each_body_is_where_it_was_said_to_be() {
        let mut entries = vec![
            entry(0, Event::Intent { attempt: 1, basis: Basis::Clear }, Some(b"first")),
            entry(1, Event::Intent { attempt: 2, basis: Basis::AbsenceProven }, Some(b"")),
            entry(2, Event::Intent { attempt: 2, basis: Basis::AbsenceProven }, None),
            Entry::Run(RunEvent::CautiousStart { reason: "why".to_owned() }),
            Entry::Run(RunEvent::CancelRequested),
            entry(3, Event::Intent { attempt: 1, basis: Basis::Clear }, Some(b"second")),
        ];
        entries.extend(every_event_but_intents().into_iter().map(|event| entry(9, event, None)));
        let (payload, places) = group(&entries).unwrap();
        let RunRecord::Group(read) = decode(&payload).unwrap() else { panic!() };
        let (read, read_places): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        assert_eq!(read, entries);
        assert_eq!(read_places.into_iter().flatten().collect::<Vec<_>>(), places);
        let bytes = |place: &Range<u32>| &payload[place.start as usize..place.end as usize];
        assert_eq!(places.iter().map(bytes).collect::<Vec<_>>(), [&b"first"[..], b"", b"second"]);
        assert!(payload.len() <= entries.iter().map(size_hint).sum::<usize>() + 16);
    }
}
