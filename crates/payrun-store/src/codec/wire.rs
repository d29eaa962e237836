//! The shapes on disk. Nothing outside [`codec`](super) and the checkpoint sees them.

use crate::identity::RunIdentity;
use payrun_core::{
    Account, AccountId, Basis, Clue, Digest, Event, GatewayHost, PaymentIndex, Settlement,
    UnixMillis,
};
use payrun_ports::{Body, PaymentEntry, RunEvent};
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    Created { identity: Box<Identity>, cautious: Option<String> },
    Opened { cautious: Option<String> },
    Group(Vec<Entry>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct Identity {
    run: String,
    plan: [u8; 32],
    source: [u8; 32],
    source_name: String,
    organisation: String,
    gateway: String,
    account: String,
    payments: u32,
    retry_of: Option<String>,
    created_at: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Entry {
    Payment {
        payment: u32,
        event: WireEvent,
        at: u64,
        body_bytes: Option<u32>,
        reason: Option<String>,
    },
    CautiousStart {
        reason: String,
    },
    CancelRequested,
}

#[derive(Serialize, Deserialize)]
pub(super) enum WireEvent {
    Intent { attempt: u32, absence_proven: bool },
    NotSent,
    Answered(WireSettlement),
    Refused,
    Lost(WireClue),
    Found(WireSettlement),
    FoundDifferent,
    AbsenceProven,
    WindowClosed,
    Discovered,
    Held,
    Released,
    Cancelled,
    Verdict(WireSettlement),
}

#[derive(Serialize, Deserialize)]
pub(super) enum WireSettlement {
    InFlight,
    Paid,
    Failed { correctable: bool },
    Reversed,
    NeedsPerson,
}

#[derive(Serialize, Deserialize)]
pub(super) enum WireClue {
    Silence,
    Refused,
    Duplicate,
}

impl Record {
    pub(super) fn created(identity: &RunIdentity, cautious: Option<&str>) -> Self {
        Self::Created {
            identity: Box::new(Identity {
                run: identity.run.to_string(),
                plan: *identity.plan.as_bytes(),
                source: *identity.source.as_bytes(),
                source_name: identity.source_name.clone(),
                organisation: identity.organisation.to_string(),
                gateway: identity.account.gateway.to_string(),
                account: identity.account.id.to_string(),
                payments: identity.payments,
                retry_of: identity.retry_of.as_ref().map(ToString::to_string),
                created_at: identity.created_at.0,
            }),
            cautious: cautious.map(str::to_owned),
        }
    }
}

impl Identity {
    pub(super) fn into_identity(self) -> Result<RunIdentity, String> {
        let key = |error| format!("a name in it is not one: {error}");
        Ok(RunIdentity {
            run: self.run.parse().map_err(key)?,
            plan: Digest::from_bytes(self.plan),
            source: Digest::from_bytes(self.source),
            source_name: self.source_name,
            organisation: self.organisation.parse().map_err(key)?,
            account: Account {
                gateway: GatewayHost::new(self.gateway),
                id: AccountId::new(self.account),
            },
            payments: self.payments,
            retry_of: self.retry_of.map(|run| run.parse()).transpose().map_err(key)?,
            created_at: UnixMillis(self.created_at),
        })
    }
}

impl Entry {
    pub(super) fn from_entry(entry: &payrun_ports::Entry) -> Self {
        match entry {
            payrun_ports::Entry::Payment(entry) => Self::Payment {
                payment: entry.payment.0,
                event: entry.event.into(),
                at: entry.at.0,
                body_bytes: entry
                    .body
                    .as_ref()
                    .map(|body| u32::try_from(body.as_bytes().len()).unwrap_or(u32::MAX)),
                reason: entry.reason.clone(),
            },
            payrun_ports::Entry::Run(RunEvent::CautiousStart { reason }) => {
                Self::CautiousStart { reason: reason.clone() }
            }
            payrun_ports::Entry::Run(RunEvent::CancelRequested) => Self::CancelRequested,
        }
    }

    /// The entry, with the place of its body; `at` moves behind the body.
    pub(super) fn into_entry(
        self,
        payload: &[u8],
        at: &mut u32,
    ) -> Result<(payrun_ports::Entry, Option<Range<u32>>), String> {
        let (payment, event, when, body_bytes, reason) = match self {
            Self::Payment { payment, event, at, body_bytes, reason } => {
                (payment, event, at, body_bytes, reason)
            }
            Self::CautiousStart { reason } => {
                let event = RunEvent::CautiousStart { reason };
                return Ok((payrun_ports::Entry::Run(event), None));
            }
            Self::CancelRequested => {
                return Ok((payrun_ports::Entry::Run(RunEvent::CancelRequested), None));
            }
        };
        let place = body_bytes.map(|length| *at..at.saturating_add(length));
        let body = place.as_ref().map(|place| body(payload, place)).transpose()?;
        *at = place.as_ref().map_or(*at, |place| place.end);
        let entry = PaymentEntry {
            payment: PaymentIndex(payment),
            event: event.into(),
            at: UnixMillis(when),
            body,
            reason,
        };
        Ok((payrun_ports::Entry::Payment(entry), place))
    }
}

/// The body at a place of a payload.
pub(super) fn body(payload: &[u8], place: &Range<u32>) -> Result<Body, String> {
    let start = usize::try_from(place.start).unwrap_or(usize::MAX);
    let end = usize::try_from(place.end).unwrap_or(usize::MAX);
    let bytes = payload.get(start..end);
    bytes.map(Body::new).ok_or_else(|| "a body lies outside of its record".to_owned())
}

impl From<Event> for WireEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Intent { attempt, basis } => {
                Self::Intent { attempt, absence_proven: basis == Basis::AbsenceProven }
            }
            Event::NotSent => Self::NotSent,
            Event::Answered(settlement) => Self::Answered(settlement.into()),
            Event::Refused => Self::Refused,
            Event::Lost(clue) => Self::Lost(clue.into()),
            Event::Found(settlement) => Self::Found(settlement.into()),
            Event::FoundDifferent => Self::FoundDifferent,
            Event::AbsenceProven => Self::AbsenceProven,
            Event::WindowClosed => Self::WindowClosed,
            Event::Discovered => Self::Discovered,
            Event::Held => Self::Held,
            Event::Released => Self::Released,
            Event::Cancelled => Self::Cancelled,
            Event::Verdict(settlement) => Self::Verdict(settlement.into()),
        }
    }
}

impl From<WireEvent> for Event {
    fn from(event: WireEvent) -> Self {
        match event {
            WireEvent::Intent { attempt, absence_proven } => Self::Intent {
                attempt,
                basis: if absence_proven { Basis::AbsenceProven } else { Basis::Clear },
            },
            WireEvent::NotSent => Self::NotSent,
            WireEvent::Answered(settlement) => Self::Answered(settlement.into()),
            WireEvent::Refused => Self::Refused,
            WireEvent::Lost(clue) => Self::Lost(clue.into()),
            WireEvent::Found(settlement) => Self::Found(settlement.into()),
            WireEvent::FoundDifferent => Self::FoundDifferent,
            WireEvent::AbsenceProven => Self::AbsenceProven,
            WireEvent::WindowClosed => Self::WindowClosed,
            WireEvent::Discovered => Self::Discovered,
            WireEvent::Held => Self::Held,
            WireEvent::Released => Self::Released,
            WireEvent::Cancelled => Self::Cancelled,
            WireEvent::Verdict(settlement) => Self::Verdict(settlement.into()),
        }
    }
}

impl From<Settlement> for WireSettlement {
    fn from(settlement: Settlement) -> Self {
        match settlement {
            Settlement::InFlight => Self::InFlight,
            Settlement::Paid => Self::Paid,
            Settlement::Failed { correctable } => Self::Failed { correctable },
            Settlement::Reversed => Self::Reversed,
            Settlement::NeedsPerson => Self::NeedsPerson,
        }
    }
}

impl From<WireSettlement> for Settlement {
    fn from(settlement: WireSettlement) -> Self {
        match settlement {
            WireSettlement::InFlight => Self::InFlight,
            WireSettlement::Paid => Self::Paid,
            WireSettlement::Failed { correctable } => Self::Failed { correctable },
            WireSettlement::Reversed => Self::Reversed,
            WireSettlement::NeedsPerson => Self::NeedsPerson,
        }
    }
}

impl From<Clue> for WireClue {
    fn from(clue: Clue) -> Self {
        match clue {
            Clue::Silence => Self::Silence,
            Clue::Refused => Self::Refused,
            Clue::Duplicate => Self::Duplicate,
        }
    }
}

impl From<WireClue> for Clue {
    fn from(clue: WireClue) -> Self {
        match clue {
            WireClue::Silence => Self::Silence,
            WireClue::Refused => Self::Refused,
            WireClue::Duplicate => Self::Duplicate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun_ports::Entry as Said;

    /// Version 1, to the byte. A line that has to change here is a format that old journals do not have.
    #[test]
    fn every_variant_keeps_its_number() {
        let events: [(Event, &[u8]); 24] = [
            (Event::Intent { attempt: 300, basis: Basis::Clear }, &[0, 0xac, 2, 0]),
            (Event::Intent { attempt: 1, basis: Basis::AbsenceProven }, &[0, 1, 1]),
            (Event::NotSent, &[1]),
            (Event::Answered(Settlement::InFlight), &[2, 0]),
            (Event::Answered(Settlement::Paid), &[2, 1]),
            (Event::Answered(Settlement::Failed { correctable: false }), &[2, 2, 0]),
            (Event::Answered(Settlement::Failed { correctable: true }), &[2, 2, 1]),
            (Event::Answered(Settlement::Reversed), &[2, 3]),
            (Event::Answered(Settlement::NeedsPerson), &[2, 4]),
            (Event::Refused, &[3]),
            (Event::Lost(Clue::Silence), &[4, 0]),
            (Event::Lost(Clue::Refused), &[4, 1]),
            (Event::Lost(Clue::Duplicate), &[4, 2]),
            (Event::Found(Settlement::InFlight), &[5, 0]),
            (Event::Found(Settlement::NeedsPerson), &[5, 4]),
            (Event::FoundDifferent, &[6]),
            (Event::AbsenceProven, &[7]),
            (Event::WindowClosed, &[8]),
            (Event::Discovered, &[9]),
            (Event::Held, &[10]),
            (Event::Released, &[11]),
            (Event::Cancelled, &[12]),
            (Event::Verdict(Settlement::Paid), &[13, 1]),
            (Event::Verdict(Settlement::Reversed), &[13, 3]),
        ];
        for (event, bytes) in events {
            assert_eq!(postcard::to_stdvec(&WireEvent::from(event)).unwrap(), bytes, "{event:?}");
        }
        let payment = Said::Payment(PaymentEntry {
            payment: PaymentIndex(7),
            event: Event::Held,
            at: UnixMillis(9),
            body: Some(Body::new(*b"abc")),
            reason: Some("w".to_owned()),
        });
        let cautious = Said::Run(RunEvent::CautiousStart { reason: "w".to_owned() });
        let entries: [(Said, &[u8]); 3] = [
            (payment, &[0, 7, 10, 9, 1, 3, 1, 1, b'w']),
            (cautious, &[1, 1, b'w']),
            (Said::Run(RunEvent::CancelRequested), &[2]),
        ];
        for (entry, bytes) in entries {
            assert_eq!(postcard::to_stdvec(&Entry::from_entry(&entry)).unwrap(), bytes);
        }
        let records: [(Record, &[u8]); 2] =
            [(Record::Opened { cautious: None }, &[1, 0]), (Record::Group(Vec::new()), &[2, 0])];
        for (record, bytes) in records {
            assert_eq!(postcard::to_stdvec(&record).unwrap(), bytes);
        }
    }
}
