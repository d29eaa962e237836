//! The shapes of the ledger on disk. New variants go to the end; none is ever removed or moved.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    /// The first. `lost`: there had been one before. Again where the end was cut off and no run that was there lacked
    /// it: from there on it is as one that was begun after a loss.
    Begun { lost: bool },
    /// The last record was torn or damaged and is kept aside: claims of a run that was there may be missing.
    LostItsEnd,
    /// A run's claims, or a part of them: 16 bytes each.
    Claims { run: String, of: u64, references: Vec<u8> },
    /// From where a run pays, before its first claims: what is left of that where its folder is lost.
    Account { run: String, gateway: String, id: String },
}

#[cfg(test)]
mod tests {
    use super::Record;

    /// Version 1, to the byte.
    #[test]
    fn every_variant_keeps_its_number() {
        let claims = Record::Claims { run: "a".to_owned(), of: 1, references: vec![5; 2] };
        let text = |text: &str| text.to_owned();
        let account = Record::Account { run: text("a"), gateway: text("g"), id: text("i") };
        let records: [(Record, &[u8]); 4] = [
            (Record::Begun { lost: true }, &[0, 1]),
            (Record::LostItsEnd, &[1]),
            (claims, &[2, 1, b'a', 1, 2, 5, 5]),
            (account, &[3, 1, b'a', 1, b'g', 1, b'i']),
        ];
        for (record, bytes) in records {
            assert_eq!(postcard::to_stdvec(&record).unwrap(), bytes);
        }
    }
}
