//! The shapes of the checkpoint on disk.

use super::Mark;
use crate::body_place::{BodyPlace, Place};
use crate::book::{Book, Slot};
use crate::record::Hash;
use crate::scan::Position;
use payrun_core::{Clue, Progress, Standing, State, UnixMillis};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const FORMAT_VERSION: u32 = 1;

/// The states by number. A number never changes its meaning.
const STATES: [(State, u8); 11] = [
    (State::Planned, 0),
    (State::Held, 1),
    (State::Submitting, 2),
    (State::Unknown, 3),
    (State::Accepted, 4),
    (State::InDoubt, 5),
    (State::Paid, 6),
    (State::Failed, 7),
    (State::Rejected, 8),
    (State::Returned, 9),
    (State::Cancelled, 10),
];

const CLUES: [(Clue, u8); 3] = [(Clue::Silence, 0), (Clue::Refused, 1), (Clue::Duplicate, 2)];

/// One value: the whole of a checkpoint but its blocks. Behind it stands its hash.
#[derive(Serialize, Deserialize)]
pub(super) struct Meta {
    version: u32,
    run: Hash,
    segment: u32,
    offset: u64,
    sequence: u64,
    hash: Hash,
    pub(super) payments: u32,
    /// How many payments stand in each state, by the state's number.
    counts: [u32; STATES.len()],
    cautious: Option<String>,
    cancel_requested: bool,
    pub(super) blocks: Hash,
}

impl Meta {
    pub(super) fn encode(mark: Mark, book: &Book<Place>, blocks: Hash) -> Result<Vec<u8>, String> {
        let counts = book.counts();
        let count = |(state, _)| counts.iter().find(|(of, _)| *of == state).map_or(0, |(_, n)| *n);
        let meta = Self {
            version: FORMAT_VERSION,
            run: mark.run,
            segment: mark.position.segment,
            offset: mark.position.offset,
            sequence: mark.sequence,
            hash: mark.hash,
            payments: u32::try_from(book.slots.len()).map_err(|error| error.to_string())?,
            counts: STATES.map(count),
            cautious: book.cautious.clone(),
            cancel_requested: book.cancel_requested,
            blocks,
        };
        let mut bytes = postcard::to_stdvec(&meta).map_err(|error| error.to_string())?;
        let hash = Hash::from(Sha256::digest(&bytes));
        bytes.extend_from_slice(&hash);
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (meta, hash) = bytes.split_last_chunk::<32>().ok_or("its head is cut")?;
        if Hash::from(Sha256::digest(meta)) != *hash {
            return Err("its head is damaged".to_owned());
        }
        let meta: Self = postcard::from_bytes(meta).map_err(|error| error.to_string())?;
        if meta.version != FORMAT_VERSION {
            return Err(format!("it is of format version {}", meta.version));
        }
        Ok(meta)
    }

    pub(super) fn into_parts(self) -> (Mark, Option<String>, bool) {
        let position = Position { segment: self.segment, offset: self.offset };
        let mark = Mark { run: self.run, position, sequence: self.sequence, hash: self.hash };
        (mark, self.cautious, self.cancel_requested)
    }
}

#[derive(Serialize, Deserialize)]
struct WireSlot {
    state: u8,
    attempts: u32,
    earlier_unresolved: bool,
    clue: u8,
    first_intent_at: Option<u64>,
    changed_at: Option<u64>,
    correctable: bool,
    reason: Option<String>,
    body: Option<WirePlace>,
}

#[derive(Serialize, Deserialize)]
struct WirePlace {
    segment: u32,
    offset: u64,
    start: u32,
    end: u32,
}

pub(super) fn encode_block(slots: &[Slot<Place>]) -> Result<Vec<u8>, String> {
    let slots = slots.iter().map(WireSlot::from_slot);
    let slots = slots.collect::<Result<Vec<_>, _>>()?;
    postcard::to_stdvec(&slots).map_err(|error| error.to_string())
}

pub(super) fn decode_block(bytes: &[u8], length: usize) -> Result<Vec<Slot<Place>>, String> {
    let slots: Vec<WireSlot> = postcard::from_bytes(bytes).map_err(|error| error.to_string())?;
    if slots.len() != length {
        return Err("a block holds another number of payments".to_owned());
    }
    slots.into_iter().map(WireSlot::into_slot).collect()
}

impl WireSlot {
    fn from_slot(slot: &Slot<Place>) -> Result<Self, String> {
        let Progress { standing, first_intent_at, changed_at, correctable, ref reason } =
            slot.progress;
        let body = match slot.body {
            None => None,
            Some(Place::At(place)) => Some(WirePlace {
                segment: place.record.segment,
                offset: place.record.offset,
                start: place.start,
                end: place.end,
            }),
            Some(Place::Fresh(_)) => return Err("a body has no place yet".to_owned()),
        };
        Ok(Self {
            state: number(&STATES, standing.state)?,
            attempts: standing.attempts,
            earlier_unresolved: standing.earlier_unresolved,
            clue: number(&CLUES, standing.clue)?,
            first_intent_at: first_intent_at.map(|at| at.0),
            changed_at: changed_at.map(|at| at.0),
            correctable,
            reason: reason.clone(),
            body,
        })
    }

    fn into_slot(self) -> Result<Slot<Place>, String> {
        let standing = Standing {
            state: meaning(&STATES, self.state)?,
            attempts: self.attempts,
            earlier_unresolved: self.earlier_unresolved,
            clue: meaning(&CLUES, self.clue)?,
        };
        let progress = Progress {
            standing,
            first_intent_at: self.first_intent_at.map(UnixMillis),
            changed_at: self.changed_at.map(UnixMillis),
            correctable: self.correctable,
            reason: self.reason,
        };
        let place = |WirePlace { segment, offset, start, end }| {
            Place::At(BodyPlace { record: Position { segment, offset }, start, end })
        };
        Ok(Slot { progress, body: self.body.map(place) })
    }
}

fn number<T: PartialEq>(table: &[(T, u8)], value: T) -> Result<u8, String> {
    let found = table.iter().find(|(of, _)| *of == value);
    found.map(|(_, number)| *number).ok_or_else(|| "a state has no number".to_owned())
}

fn meaning<T: Copy>(table: &[(T, u8)], number: u8) -> Result<T, String> {
    let found = table.iter().find(|(_, of)| *of == number);
    found.map(|(value, _)| *value).ok_or_else(|| format!("nothing has the number {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1, to the byte: what an older program wrote is read as it was meant, or is of another version.
    #[test]
    fn the_shapes_of_version_1_stay_as_they_are() {
        let position = Position { segment: 2, offset: 300 };
        let place = BodyPlace { record: position, start: 4, end: 9 };
        let standing = Standing {
            state: State::Unknown,
            attempts: 2,
            earlier_unresolved: true,
            clue: Clue::Refused,
        };
        let progress = Progress {
            standing,
            first_intent_at: Some(UnixMillis(5)),
            changed_at: Some(UnixMillis(6)),
            correctable: true,
            reason: Some("w".to_owned()),
        };
        let slots = vec![Slot::default(), Slot { progress, body: Some(Place::At(place)) }];
        let bytes = encode_block(&slots).unwrap();
        let untouched = [0, 0, 0, 0, 0, 0, 0, 0, 0];
        let touched = [3, 2, 1, 1, 1, 5, 1, 6, 1, 1, 1, b'w', 1, 2, 0xac, 2, 4, 9];
        assert_eq!(bytes, [&[2][..], &untouched, &touched].concat());
        assert_eq!(decode_block(&bytes, 2).unwrap(), slots);
        assert!(decode_block(&bytes, 3).is_err());

        let book = Book { slots, cautious: None, cancel_requested: true };
        let mark = Mark { run: [1; 32], position, sequence: 7, hash: [2; 32] };
        let bytes = Meta::encode(mark, &book, [3; 32]).unwrap();
        let counts = [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        let head =
            [&[1][..], &[1; 32], &[2, 0xac, 2, 7], &[2; 32], &[2], &counts, &[0, 1], &[3; 32]];
        assert_eq!(bytes[..bytes.len() - 32], head.concat());
        assert_eq!(Meta::decode(&bytes).unwrap().into_parts(), (mark, None, true));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Meta::decode(&flipped).is_err(), "byte {at}");
        }
    }
}
