//! A run as JSON lines, to be kept or carried elsewhere: what it is bound to, its plan, every event, and an end that
//! says how much there was.
//!
//! ```text
//! {"payrun_export":1,"run":"june","organisation":"acme",…}
//! {"plan":"…\n"}                                            the plan file, line by line
//! {"event":"intent","payment":0,"at_ms":1780000000000,"attempt":1,"basis":"clear","body":"…"}
//! {"end":true,"lines":3,"sha256":"…"}                       of all bytes before this line
//! ```
//! Money stands in it as decimal text only, in the lines of the plan and in the bodies that were sent (I9). The hash tells of
//! what went wrong by chance, not of a forger, who can make another: that nothing is believed which the provider does not know
//! is up to the run's cautious start (I11).
//!
//! The shapes are private and converted by hand. Fields are added, never changed or removed; a reader refuses those that it
//! does not know, since they may say something of money.

use crate::identity::RunIdentity;
use payrun_core::{
    Account, AccountId, Basis, Clue, Digest, Event, GatewayHost, PaymentIndex, Settlement,
    UnixMillis,
};
use payrun_ports::{Body, Entry, PaymentEntry, RunEvent};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, Read as _, Write};

/// The form that is written.
const VERSION: u32 = 1;

/// The longest line that is read: a record of the largest size, each byte of it written as six.
const LINE_BYTES_MAX: u64 = 128 << 20;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Beginning {
    payrun_export: u32,
    run: String,
    organisation: String,
    gateway: String,
    account: String,
    plan: String,
    source: String,
    source_sha256: String,
    payments: u32,
    retry_of: Option<String>,
    created_at_ms: u64,
    cautious: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanLine {
    plan: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: bool,
    lines: u64,
    sha256: String,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    event: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<BasisWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clue: Option<ClueWord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// A body that is not text, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Intent,
    NotSent,
    Answered,
    Refused,
    Lost,
    Found,
    FoundDifferent,
    AbsenceProven,
    WindowClosed,
    Discovered,
    Held,
    Released,
    Cancelled,
    Verdict,
    CautiousStart,
    CancelRequested,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BasisWord {
    Clear,
    AbsenceProven,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SettlementWord {
    InFlight,
    Paid,
    Failed,
    /// Failed by a word that may still turn into success.
    FailedCorrectable,
    Reversed,
    NeedsPerson,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClueWord {
    Silence,
    Refused,
    Duplicate,
}

/// What the lines before the events say.
pub(crate) struct Bound {
    pub(crate) identity: RunIdentity,
    pub(crate) cautious: Option<String>,
    pub(crate) plan: Vec<u8>,
}

/// Writes an export, a line for each event.
pub(crate) struct Lines<W> {
    out: W,
    hash: Sha256,
    lines: u64,
}

impl<W: Write> Lines<W> {
    /// Writes the lines before the events.
    pub(crate) fn begin(out: W, bound: &Bound) -> io::Result<Self> {
        let Bound { identity, cautious, plan } = bound;
        let text = |key: &payrun_core::RunKey| key.as_str().to_owned();
        let beginning = Beginning {
            payrun_export: VERSION,
            run: text(&identity.run),
            organisation: identity.organisation.as_str().to_owned(),
            gateway: identity.account.gateway.as_str().to_owned(),
            account: identity.account.id.as_str().to_owned(),
            plan: identity.plan.to_string(),
            source: identity.source_name.clone(),
            source_sha256: identity.source.to_string(),
            payments: identity.payments,
            retry_of: identity.retry_of.as_ref().map(text),
            created_at_ms: identity.created_at.0,
            cautious: cautious.clone(),
        };
        let plan = std::str::from_utf8(plan).map_err(io::Error::other)?;
        let mut lines = Self { out, hash: Sha256::new(), lines: 0 };
        lines.line(&beginning)?;
        for line in plan.split_inclusive('\n') {
            lines.line(&PlanLine { plan: line.to_owned() })?;
        }
        Ok(lines)
    }

    pub(crate) fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.line(&EventLine::of(entry))
    }

    /// Writes the last line.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let sha256 = Digest::from_bytes(self.hash.clone().finalize().into()).to_string();
        let end = End { end: true, lines: self.lines, sha256 };
        self.line(&end)?;
        self.out.flush()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.hash.update(&bytes);
        self.lines += 1;
        self.out.write_all(&bytes)
    }
}

/// Why an export cannot be read. Nothing was made of it.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// It is no export, or not as it was written.
    #[error("line {line}: {why}")]
    Damaged {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// It ends before its last line.
    #[error("it ends after {lines} lines, before its own end")]
    CutOff {
        /// How many there are.
        lines: u64,
    },
    /// A newer payrun wrote it.
    #[error("it is of form {0}, and this payrun reads form {VERSION}")]
    Newer(u32),
    /// Its plan is none that can be paid.
    #[error("{0}")]
    Unfit(String),
    /// Reading failed.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Reads an export, and judges at its end whether it was whole.
pub(crate) struct Reader<R> {
    input: R,
    hash: Sha256,
    lines: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, hash: Sha256::new(), lines: 0, line: Vec::new() }
    }

    /// What stands before the events.
    pub(crate) fn bound(&mut self) -> Result<Bound, PortableError> {
        #[derive(Deserialize)]
        struct Form {
            payrun_export: u32,
        }
        self.next_line()?;
        let form: Form = self.parsed("it is no export of payrun")?;
        if form.payrun_export != VERSION {
            return Err(PortableError::Newer(form.payrun_export));
        }
        let beginning: Beginning = self.parsed("the beginning cannot be read")?;
        let (identity, cautious) = beginning.bound().map_err(|why| self.damaged(why))?;
        let plan = self.plan(&identity.plan)?;
        Ok(Bound { identity, cautious, plan })
    }

    /// The plan file: as many lines as make up what its digest says.
    fn plan(&mut self, digest: &Digest) -> Result<Vec<u8>, PortableError> {
        let (mut plan, mut hash) = (Vec::new(), Sha256::new());
        while Digest::from_bytes(hash.clone().finalize().into()) != *digest {
            self.next_line()?;
            let what = "the plan is not whole, or not the one that the run is bound to";
            let line: PlanLine = self.parsed(what)?;
            hash.update(&line.plan);
            plan.extend_from_slice(line.plan.as_bytes());
        }
        Ok(plan)
    }

    /// The next event; `None` behind the last, if everything was as it was written.
    pub(crate) fn entry(&mut self) -> Result<Option<Entry>, PortableError> {
        let (before, lines) = (self.hash.clone(), self.lines);
        self.next_line()?;
        if self.line.starts_with(b"{\"end\"") {
            let End { end, lines: said, sha256 } = self.parsed("the end cannot be read")?;
            let hash = Digest::from_bytes(before.finalize().into()).to_string();
            if !end || said != lines || sha256 != hash {
                return Err(self.damaged("what stands before the end is not what it says".into()));
            }
            if self.input.fill_buf()?.is_empty() {
                return Ok(None);
            }
            return Err(self.damaged("something stands behind the end".into()));
        }
        let event: EventLine = self.parsed("the event cannot be read")?;
        event.entry().map(Some).map_err(|why| self.damaged(why))
    }

    /// Which line is wrong.
    pub(crate) fn damaged(&self, why: String) -> PortableError {
        PortableError::Damaged { line: self.lines, why }
    }

    fn next_line(&mut self) -> Result<(), PortableError> {
        self.line.clear();
        (&mut self.input).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            return Err(PortableError::CutOff { lines: self.lines });
        }
        self.lines += 1;
        self.hash.update(&self.line);
        Ok(())
    }

    fn parsed<'l, T: Deserialize<'l>>(&'l self, what: &str) -> Result<T, PortableError> {
        serde_json::from_slice(&self.line).map_err(|error| self.damaged(format!("{what}: {error}")))
    }
}

impl Beginning {
    fn bound(self) -> Result<(RunIdentity, Option<String>), String> {
        let key = |text: String| text.parse().map_err(|error| format!("'{text}': {error}"));
        let digest = |text: &str| text.parse::<Digest>().map_err(|error| error.to_string());
        let identity = RunIdentity {
            plan: digest(&self.plan)?,
            source: digest(&self.source_sha256)?,
            run: key(self.run)?,
            source_name: self.source,
            organisation: self.organisation.parse().map_err(|error| format!("{error}"))?,
            account: Account {
                gateway: GatewayHost::new(self.gateway),
                id: AccountId::new(self.account),
            },
            payments: self.payments,
            retry_of: self.retry_of.map(key).transpose()?,
            created_at: UnixMillis(self.created_at_ms),
        };
        Ok((identity, self.cautious))
    }
}

impl EventLine {
    fn plain(event: Word) -> Self {
        Self {
            event,
            payment: None,
            at_ms: None,
            attempt: None,
            basis: None,
            settlement: None,
            clue: None,
            body: None,
            body_hex: None,
            reason: None,
        }
    }

    fn of(entry: &Entry) -> Self {
        let entry = match entry {
            Entry::Payment(entry) => entry,
            Entry::Run(RunEvent::CautiousStart { reason }) => {
                return Self { reason: Some(reason.clone()), ..Self::plain(Word::CautiousStart) };
            }
            Entry::Run(RunEvent::CancelRequested) => return Self::plain(Word::CancelRequested),
        };
        let settled = |event, settlement| Self {
            settlement: Some(SettlementWord::of(settlement)),
            ..Self::plain(event)
        };
        let event = match entry.event {
            Event::Intent { attempt, basis } => Self {
                attempt: Some(attempt),
                basis: Some(match basis {
                    Basis::Clear => BasisWord::Clear,
                    Basis::AbsenceProven => BasisWord::AbsenceProven,
                }),
                ..Self::plain(Word::Intent)
            },
            Event::NotSent => Self::plain(Word::NotSent),
            Event::Answered(settlement) => settled(Word::Answered, settlement),
            Event::Refused => Self::plain(Word::Refused),
            Event::Lost(clue) => {
                let clue = match clue {
                    Clue::Silence => ClueWord::Silence,
                    Clue::Refused => ClueWord::Refused,
                    Clue::Duplicate => ClueWord::Duplicate,
                };
                Self { clue: Some(clue), ..Self::plain(Word::Lost) }
            }
            Event::Found(settlement) => settled(Word::Found, settlement),
            Event::FoundDifferent => Self::plain(Word::FoundDifferent),
            Event::AbsenceProven => Self::plain(Word::AbsenceProven),
            Event::WindowClosed => Self::plain(Word::WindowClosed),
            Event::Discovered => Self::plain(Word::Discovered),
            Event::Held => Self::plain(Word::Held),
            Event::Released => Self::plain(Word::Released),
            Event::Cancelled => Self::plain(Word::Cancelled),
            Event::Verdict(settlement) => settled(Word::Verdict, settlement),
        };
        let body = entry.body.as_ref().map(Body::as_bytes);
        let text = body.and_then(|body| std::str::from_utf8(body).ok());
        Self {
            payment: Some(entry.payment.0),
            at_ms: Some(entry.at.0),
            body: text.map(str::to_owned),
            body_hex: body.filter(|_| text.is_none()).map(hex),
            reason: entry.reason.clone(),
            ..event
        }
    }

    /// The entry, if it has what its kind has and nothing else.
    fn entry(&self) -> Result<Entry, String> {
        let entry = self.meant()?;
        if Self::of(&entry) != *self {
            return Err("the event says more than one of its kind has to say".to_owned());
        }
        Ok(entry)
    }

    fn meant(&self) -> Result<Entry, String> {
        let lacking = |what: &str| format!("the event lacks its {what}");
        if self.event == Word::CautiousStart {
            let reason = self.reason.clone().ok_or_else(|| lacking("reason"))?;
            return Ok(Entry::Run(RunEvent::CautiousStart { reason }));
        }
        if self.event == Word::CancelRequested {
            return Ok(Entry::Run(RunEvent::CancelRequested));
        }
        let settlement =
            || self.settlement.map(SettlementWord::settlement).ok_or_else(|| lacking("settlement"));
        let event = match self.event {
            Word::Intent => Event::Intent {
                attempt: self.attempt.ok_or_else(|| lacking("attempt"))?,
                basis: match self.basis.ok_or_else(|| lacking("basis"))? {
                    BasisWord::Clear => Basis::Clear,
                    BasisWord::AbsenceProven => Basis::AbsenceProven,
                },
            },
            Word::NotSent => Event::NotSent,
            Word::Answered => Event::Answered(settlement()?),
            Word::Refused => Event::Refused,
            Word::Lost => Event::Lost(match self.clue.ok_or_else(|| lacking("clue"))? {
                ClueWord::Silence => Clue::Silence,
                ClueWord::Refused => Clue::Refused,
                ClueWord::Duplicate => Clue::Duplicate,
            }),
            Word::Found => Event::Found(settlement()?),
            Word::FoundDifferent => Event::FoundDifferent,
            Word::AbsenceProven => Event::AbsenceProven,
            Word::WindowClosed => Event::WindowClosed,
            Word::Discovered => Event::Discovered,
            Word::Held => Event::Held,
            Word::Released => Event::Released,
            Word::Cancelled => Event::Cancelled,
            Word::Verdict => Event::Verdict(settlement()?),
            Word::CautiousStart | Word::CancelRequested => {
                return Err("an event of the run".to_owned());
            }
        };
        let body = match (&self.body, &self.body_hex) {
            (Some(text), _) => Some(Body::new(text.as_bytes())),
            (None, Some(digits)) => {
                Some(Body::new(unhex(digits).ok_or("the body is not hexadecimal")?))
            }
            (None, None) => None,
        };
        Ok(Entry::Payment(PaymentEntry {
            payment: PaymentIndex(self.payment.ok_or_else(|| lacking("payment"))?),
            event,
            at: UnixMillis(self.at_ms.ok_or_else(|| lacking("time"))?),
            body,
            reason: self.reason.clone(),
        }))
    }
}

impl SettlementWord {
    fn of(settlement: Settlement) -> Self {
        match settlement {
            Settlement::InFlight => Self::InFlight,
            Settlement::Paid => Self::Paid,
            Settlement::Failed { correctable: false } => Self::Failed,
            Settlement::Failed { correctable: true } => Self::FailedCorrectable,
            Settlement::Reversed => Self::Reversed,
            Settlement::NeedsPerson => Self::NeedsPerson,
        }
    }

    fn settlement(self) -> Settlement {
        match self {
            Self::InFlight => Settlement::InFlight,
            Self::Paid => Settlement::Paid,
            Self::Failed => Settlement::Failed { correctable: false },
            Self::FailedCorrectable => Settlement::Failed { correctable: true },
            Self::Reversed => Settlement::Reversed,
            Self::NeedsPerson => Settlement::NeedsPerson,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::every_event_but_intents;

    fn bound() -> Bound {
        let plan = b"{\"payments\":\"two\"}\n{\"amount\":\"1500.50\"}\n".to_vec();
        Bound {
            identity: RunIdentity {
                run: "june/2026".parse().unwrap(),
                plan: Digest::from_bytes(Sha256::digest(&plan).into()),
                source: Digest::from_bytes([7; 32]),
                source_name: "jun\u{e9} \"x\".csv".to_owned(),
                organisation: "acme".parse().unwrap(),
                account: Account {
                    gateway: GatewayHost::new("https://gateway.example"),
                    id: AccountId::new("42"),
                },
                payments: 2,
                retry_of: Some("may".parse().unwrap()),
                created_at: UnixMillis(1_780_000_000_000),
            },
            cautious: Some("why".to_owned()),
            plan,
        }
    }

    fn every_entry() -> Vec<Entry> {
        let entry = |event, body: Option<&[u8]>| {
            Entry::Payment(PaymentEntry {
                payment: PaymentIndex(1),
                event,
                at: UnixMillis(5),
                body: body.map(Body::new),
                reason: body.map(|_| "why \"so\"\n".to_owned()),
            })
        };
        let first = Event::Intent { attempt: 1, basis: Basis::Clear };
        let mut entries = vec![
            entry(first, Some(br#"{"amount":1500.5}"#)),
            entry(first, Some(b"\xff\x00\x80")),
            Entry::Run(RunEvent::CautiousStart { reason: "torn".to_owned() }),
            Entry::Run(RunEvent::CancelRequested),
        ];
        entries.push(entry(Event::Intent { attempt: 2, basis: Basis::AbsenceProven }, None));
        entries.extend(every_event_but_intents().into_iter().map(|event| entry(event, None)));
        entries
    }

    fn written() -> Vec<u8> {
        let mut text = Vec::new();
        let mut lines = Lines::begin(&mut text, &bound()).unwrap();
        every_entry().iter().for_each(|entry| lines.entry(entry).unwrap());
        lines.end().unwrap();
        text
    }

    fn read(text: &[u8]) -> Result<(Bound, Vec<Entry>), PortableError> {
        let mut reader = Reader::new(text);
        let bound = reader.bound()?;
        let mut entries = Vec::new();
        while let Some(entry) = reader.entry()? {
            entries.push(entry);
        }
        Ok((bound, entries))
    }

    #[test]
    fn everything_reads_back_as_it_was_written() {
        let (read, entries) = read(&written()).unwrap();
        let wanted = bound();
        assert_eq!(read.identity, wanted.identity);
        assert_eq!((read.cautious, read.plan), (wanted.cautious, wanted.plan));
        assert_eq!(entries, every_entry());
    }

    #[test]
    fn what_is_cut_off_anywhere_is_refused() {
        let text = written();
        for end in 0..text.len() {
            assert!(read(&text[..end]).is_err(), "{end} of {} bytes", text.len());
        }
        assert!(read(&[text.clone(), b"\n".to_vec()].concat()).is_err());
        assert!(read(&text.repeat(2)).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_line_lost_doubled_or_moved_is_refused() {
        let text = written();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut other = text.clone();
                other[at] ^= 1 << bit;
                assert!(read(&other).is_err(), "byte {at} bit {bit}");
            }
        }
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        for at in 0..lines.len() {
            let (mut lost, mut doubled, mut moved) = (lines.clone(), lines.clone(), lines.clone());
            lost.remove(at);
            doubled.insert(at, lines[at]);
            moved.swap(at, (at + 1) % lines.len());
            for other in [lost, doubled, moved] {
                let other = other.concat();
                assert!(other == text || read(&other).is_err(), "line {at}");
            }
        }
    }

    #[test]
    fn an_event_that_says_more_than_its_kind_or_less_is_refused() {
        let read = |line: &str| serde_json::from_str::<EventLine>(line).unwrap().entry();
        let at = r#""payment":1,"at_ms":5"#;
        for good in [
            format!(r#"{{"event":"not_sent",{at}}}"#),
            format!(r#"{{"event":"intent",{at},"attempt":1,"basis":"clear","body":"x"}}"#),
            r#"{"event":"cancel_requested"}"#.to_owned(),
        ] {
            assert!(read(&good).is_ok(), "{good}");
        }
        for bad in [
            format!(r#"{{"event":"not_sent",{at},"attempt":1}}"#),
            format!(r#"{{"event":"not_sent",{at},"settlement":"paid"}}"#),
            format!(r#"{{"event":"not_sent",{at},"body_hex":"7"}}"#),
            format!(r#"{{"event":"lost",{at}}}"#),
            format!(r#"{{"event":"found",{at},"clue":"silence"}}"#),
            format!(r#"{{"event":"intent",{at},"basis":"clear","body":"x"}}"#),
            format!(
                r#"{{"event":"intent",{at},"attempt":1,"basis":"clear","body":"x","body_hex":"ff"}}"#
            ),
            // Text is written as text: two ways to say one body would be one too many.
            format!(r#"{{"event":"intent",{at},"attempt":1,"basis":"clear","body_hex":"78"}}"#),
            format!(r#"{{"event":"cancel_requested",{at}}}"#),
            r#"{"event":"not_sent","payment":1}"#.to_owned(),
            r#"{"event":"cautious_start"}"#.to_owned(),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_newer_form_is_named_and_unknown_fields_are_refused() {
        let newer = b"{\"payrun_export\":2,\"anything\":1}\n";
        assert!(matches!(read(newer), Err(PortableError::Newer(2))));
        for line in ["", "{}", "[]", "x", "{\"payrun_export\":1}"] {
            assert!(matches!(
                read(format!("{line}\n").as_bytes()),
                Err(PortableError::Damaged { line: 1, .. })
            ));
        }
        let more =
            String::from_utf8(written()).unwrap().replacen("\"run\"", "\"new\":1,\"run\"", 1);
        assert!(matches!(read(more.as_bytes()), Err(PortableError::Damaged { line: 1, .. })));
    }
}
