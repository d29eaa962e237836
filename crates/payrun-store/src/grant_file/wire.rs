//! The grants' shape on disk: a head that never changes, one payload, one checksum.
//!
//! ```text
//! "PAYRUNGR"  version u32  length of the payload u32  payload (postcard)  SHA-256 of all before
//! ```
//!
//! Numbers of the head are big-endian; moments are microseconds since the machine's start.

use payrun_ports::{ClassGrants, GrantGroup, Grants, KeyFingerprint, Moment, Past};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

const MAGIC: &[u8; 8] = b"PAYRUNGR";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Which start of the machine its moments are of.
    pub(super) boot_id: String,
    /// One more with each change.
    pub(super) sequence: u64,
    /// There was another file before: of a key that is not in here, nothing is known.
    pub(super) lost: bool,
    pub(super) keys: BTreeMap<KeyFingerprint, Grants>,
}

/// Why bytes say nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it is damaged")]
    Damaged,
    #[error("it is of format version {0}, newer than this payrun")]
    Newer(u32),
}

impl Content {
    /// Before the first grant.
    pub(super) fn new(boot_id: &str) -> Self {
        Self { boot_id: boot_id.to_owned(), sequence: 0, lost: false, keys: BTreeMap::new() }
    }

    /// In place of what cannot be believed.
    pub(super) fn lost(boot_id: &str, sequence: u64) -> Self {
        Self { sequence, lost: true, ..Self::new(boot_id) }
    }

    pub(super) fn grants_of(&mut self, key: &KeyFingerprint) -> &mut Grants {
        let lost = self.lost;
        self.keys
            .entry(*key)
            .or_insert_with(|| if lost { Grants::lost() } else { Grants::default() })
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, String> {
        let payload = postcard::to_stdvec(&File::from(self)).map_err(|error| error.to_string())?;
        let length = u32::try_from(payload.len()).map_err(|error| error.to_string())?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len() + HASH_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&payload);
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        Ok(bytes)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ReadError> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(ReadError::Damaged)?;
        let word = |place: usize| {
            let bytes = head.get(place..place + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_be_bytes)
        };
        let (version, length) = (word(8), word(12));
        let end = usize::try_from(length).ok().and_then(|length| HEAD_BYTES.checked_add(length));
        // What lies behind the hash is of a longer content before, by a process that was killed.
        let (hashed, rest) =
            end.and_then(|end| bytes.split_at_checked(end)).ok_or(ReadError::Damaged)?;
        let hash = rest.first_chunk::<HASH_BYTES>().ok_or(ReadError::Damaged)?;
        if !head.starts_with(MAGIC) || Sha256::digest(hashed).as_slice() != hash {
            return Err(ReadError::Damaged);
        }
        if version > VERSION {
            return Err(ReadError::Newer(version));
        }
        let payload = hashed.get(HEAD_BYTES..).unwrap_or_default();
        let file: File = postcard::from_bytes(payload).map_err(|_| ReadError::Damaged)?;
        Ok(file.into())
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    boot_id: String,
    sequence: u64,
    lost: bool,
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    fingerprint: [u8; 32],
    past: WirePast,
    horizon_us: u64,
    /// Those that move money, make a payee known, read.
    classes: [Class; 3],
}

#[derive(Serialize, Deserialize)]
enum WirePast {
    Known,
    KnownSince(u64),
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Class {
    paused_until: u64,
    groups: Vec<Group>,
}

#[derive(Serialize, Deserialize)]
struct Group {
    first: u64,
    last: u64,
    count: u64,
}

fn micros(moment: Moment) -> u64 {
    u64::try_from(moment.0.as_micros()).unwrap_or(u64::MAX)
}

fn moment(micros: u64) -> Moment {
    Moment(Duration::from_micros(micros))
}

impl From<&Content> for File {
    fn from(content: &Content) -> Self {
        let keys = content.keys.iter().map(|(fingerprint, grants)| Key {
            fingerprint: *fingerprint.as_bytes(),
            past: match grants.past {
                Past::Known => WirePast::Known,
                Past::KnownSince(since) => WirePast::KnownSince(micros(since)),
                Past::Unknown => WirePast::Unknown,
            },
            horizon_us: micros(Moment(grants.horizon)),
            classes: grants.classes.each_ref().map(Class::from),
        });
        Self {
            boot_id: content.boot_id.clone(),
            sequence: content.sequence,
            lost: content.lost,
            keys: keys.collect(),
        }
    }
}

impl From<&ClassGrants> for Class {
    fn from(class: &ClassGrants) -> Self {
        let groups = class.groups.iter().map(|group| Group {
            first: micros(group.first),
            last: micros(group.last),
            count: group.count,
        });
        Self { paused_until: micros(class.paused_until), groups: groups.collect() }
    }
}

impl From<File> for Content {
    fn from(file: File) -> Self {
        let keys = file.keys.into_iter().map(|key| {
            let grants = Grants {
                past: match key.past {
                    WirePast::Known => Past::Known,
                    WirePast::KnownSince(since) => Past::KnownSince(moment(since)),
                    WirePast::Unknown => Past::Unknown,
                },
                horizon: Duration::from_micros(key.horizon_us),
                classes: key.classes.map(ClassGrants::from),
            };
            (KeyFingerprint::from_bytes(key.fingerprint), grants)
        });
        Self {
            boot_id: file.boot_id,
            sequence: file.sequence,
            lost: file.lost,
            keys: keys.collect(),
        }
    }
}

impl From<Class> for ClassGrants {
    fn from(class: Class) -> Self {
        let groups = class.groups.into_iter().map(|group| GrantGroup {
            first: moment(group.first),
            last: moment(group.last),
            count: group.count,
        });
        Self { paused_until: moment(class.paused_until), groups: groups.collect() }
    }
}
