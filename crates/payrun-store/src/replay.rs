//! Reads a run's journal into a book: from the first record, or from where a checkpoint ends.

use crate::body_place::{BodyPlace, Place};
use crate::book::Book;
use crate::checkpoint::{Mark, Saved};
use crate::codec::{self, RunRecord};
use crate::identity::RunIdentity;
use crate::limits::BLOCK_PAYMENTS;
use crate::record::{Hash, Record};
use crate::scan::Position;
use payrun_ports::Entry;
use std::collections::BTreeSet;

/// A journal being read.
#[derive(Debug)]
pub(crate) struct Replay {
    /// The first record's words.
    pub(crate) identity: Option<RunIdentity>,
    /// The first record's hash.
    pub(crate) run: Hash,
    pub(crate) book: Book<Place>,
    /// Blocks of payments that were touched by what was replayed.
    pub(crate) touched: BTreeSet<usize>,
    pub(crate) records: u64,
    /// How many entries were decoded and taken in.
    pub(crate) replayed: u64,
    pub(crate) mark: Option<Mark>,
    pub(crate) agreement: Agreement,
}

/// How the checkpoint that was begun with fits this journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agreement {
    /// Its record was not met: after the last record this means that the journal lost records.
    NotMet,
    /// Its record is there.
    Met,
    /// It is of another journal; everything was replayed without it.
    Foreign,
    /// Another record stands where its record should.
    Differs,
}

impl Replay {
    /// From the first record.
    pub(crate) fn from_start() -> Self {
        Self {
            identity: None,
            run: Hash::default(),
            book: Book::new(0),
            touched: BTreeSet::new(),
            records: 0,
            replayed: 0,
            mark: None,
            agreement: Agreement::NotMet,
        }
    }

    /// From where this checkpoint ends.
    pub(crate) fn from_checkpoint(saved: Saved) -> Self {
        Self { book: saved.book, mark: Some(saved.mark), ..Self::from_start() }
    }

    /// Takes the next record.
    pub(crate) fn visit(&mut self, position: Position, record: &Record<'_>) -> Result<(), String> {
        self.records += 1;
        if record.sequence == 1 {
            self.begin(record)?;
        }
        if let Some(mark) = self.mark {
            if record.sequence == mark.sequence {
                let same = (record.hash, position) == (mark.hash, mark.position);
                self.agreement = if same { Agreement::Met } else { Agreement::Differs };
            }
            // Behind another record than its own, the checkpoint's book says nothing of what may follow.
            if record.sequence <= mark.sequence || self.agreement == Agreement::Differs {
                return Ok(());
            }
        }
        if record.sequence > 1 {
            self.apply(position, codec::decode(record.payload)?)?;
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record<'_>) -> Result<(), String> {
        let RunRecord::Created { identity, cautious } = codec::decode(record.payload)? else {
            return Err("the first record does not say which run this is".to_owned());
        };
        let payments = usize::try_from(identity.payments).map_err(|error| error.to_string())?;
        self.run = record.hash;
        self.identity = Some(*identity);
        let fits = |mark: Mark| mark.run == record.hash && self.book.slots.len() == payments;
        if !self.mark.is_some_and(fits) {
            if self.mark.take().is_some() {
                self.agreement = Agreement::Foreign;
            }
            self.book = Book::new(payments);
            self.book.cautious = cautious;
        }
        Ok(())
    }

    fn apply(&mut self, position: Position, record: RunRecord) -> Result<(), String> {
        match record {
            RunRecord::Created { .. } => Err("a second first record".to_owned()),
            RunRecord::Opened { cautious } => {
                if cautious.is_some() {
                    self.book.cautious = cautious;
                }
                Ok(())
            }
            RunRecord::Group(entries) => {
                for (entry, place) in entries {
                    if let Entry::Payment(entry) = &entry {
                        self.touched.insert(entry.payment.get() / BLOCK_PAYMENTS);
                    }
                    let place = place.map(|place| {
                        let (start, end) = (place.start, place.end);
                        Place::At(BodyPlace { record: position, start, end })
                    });
                    self.book.replay(&entry, place)?;
                    self.replayed += 1;
                }
                Ok(())
            }
        }
    }
}
