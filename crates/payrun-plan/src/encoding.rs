//! A plan as bytes: JSON lines, one header and one line a payment. The digest is the SHA-256 of the bytes, so
//! `sha256sum` can check it.

use payrun_core::{
    Amount, Batch, Digest, Generation, Network, Payee, Payment, PaymentIndex, PhoneNumber, Plan,
    PlannedPayment, ProviderReference, Rail, RailKind, SourceFile, WalletId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

/// The version this code writes, and the only one it reads.
const VERSION: u32 = 1;

/// Why bytes are not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not this format.
    #[error("line {line} of the plan cannot be read: {why}")]
    Line {
        /// From 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// A later format.
    #[error("the plan has format {0}, this payrun reads format {VERSION}")]
    Version(u32),
    /// The parts do not agree with each other.
    #[error("the plan contradicts itself: {0}")]
    Contradiction(&'static str),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    payrun_plan: u32,
    organisation: String,
    source: Source,
    retry_of: Option<String>,
    payments: usize,
    batches: Vec<BatchLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchLine {
    number: u32,
    wallet: String,
    count: u32,
    currency: String,
    total: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaymentLine {
    row: u64,
    reference: String,
    generation: u32,
    provider_reference: String,
    name: String,
    email: String,
    phone: String,
    amount: String,
    currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wallet: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The digest that names these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

/// The plan's bytes. They hold personal data: keep them private.
///
/// # Errors
/// Only if memory for the text cannot be had.
pub fn encode(plan: &Plan) -> Result<Vec<u8>, serde_json::Error> {
    // The stored form has no rail: written without it, a payment to a bank would come back as one to a phone.
    if plan.payments.iter().any(|planned| planned.payment.rail.kind() != RailKind::MobileMoney) {
        return Err(serde::ser::Error::custom("only payments by mobile money can be stored"));
    }
    let header = Header {
        payrun_plan: VERSION,
        organisation: plan.organisation.to_string(),
        source: Source { name: plan.source.name.clone(), sha256: plan.source.sha256.to_string() },
        retry_of: plan.retry_of.as_ref().map(ToString::to_string),
        payments: plan.payments.len(),
        batches: plan.batches.iter().map(batch_line).collect(),
    };
    let mut bytes = Vec::with_capacity(plan.payments.len().saturating_mul(320));
    serde_json::to_writer(&mut bytes, &header)?;
    bytes.push(b'\n');
    for planned in &plan.payments {
        serde_json::to_writer(&mut bytes, &payment_line(planned))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

fn batch_line(batch: &Batch) -> BatchLine {
    BatchLine {
        number: batch.number,
        wallet: batch.wallet.to_string(),
        count: batch.count,
        currency: batch.total.currency().to_string(),
        total: batch.total.text(),
    }
}

fn payment_line(planned: &PlannedPayment) -> PaymentLine {
    let payment = &planned.payment;
    PaymentLine {
        row: payment.row,
        reference: payment.reference.to_string(),
        generation: planned.generation.number(),
        provider_reference: planned.provider_reference.to_string(),
        name: payment.payee.name.clone(),
        email: payment.payee.email.clone(),
        phone: payment.payee.phone.as_str().to_owned(),
        amount: payment.amount.text(),
        currency: payment.amount.currency().to_string(),
        network: payment.network.as_ref().map(|network| network.as_str().to_owned()),
        wallet: payment.wallet.as_ref().map(ToString::to_string),
        description: payment.description.clone(),
    }
}

/// Reads a plan back, and checks that it agrees with itself: every payment in one batch, sums right, provider
/// references as derived.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Plan, DecodeError> {
    let mut lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let (_, first) = lines.next().ok_or(DecodeError::Contradiction("it is empty"))?;
    let header: Header = serde_json::from_slice(first).map_err(|error| unreadable(1, &error))?;
    if header.payrun_plan != VERSION {
        return Err(DecodeError::Version(header.payrun_plan));
    }
    let mut payments = Vec::with_capacity(header.payments.min(bytes.len() / 100));
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let number = index.saturating_add(1);
        let line: PaymentLine =
            serde_json::from_slice(line).map_err(|error| unreadable(number, &error))?;
        payments.push(planned_payment(line).map_err(|why| unreadable(number, &why))?);
    }
    let plan = Plan {
        organisation: header.organisation.parse().map_err(|error| unreadable(1, &error))?,
        source: SourceFile {
            name: header.source.name,
            sha256: header.source.sha256.parse().map_err(|error| unreadable(1, &error))?,
        },
        retry_of: header
            .retry_of
            .map(|key| key.parse().map_err(|error| unreadable(1, &error)))
            .transpose()?,
        batches: batches(header.batches)?,
        payments,
    };
    if plan.payments.len() != header.payments {
        return Err(DecodeError::Contradiction("payments are missing or too many"));
    }
    check(&plan)?;
    Ok(plan)
}

fn unreadable(line: usize, why: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::Line { line, why: why.to_string() }
}

fn batches(lines: Vec<BatchLine>) -> Result<Vec<Batch>, DecodeError> {
    let mut first = 0u32;
    lines
        .into_iter()
        .map(|line| {
            let currency = line.currency.parse().map_err(|error| unreadable(1, &error))?;
            let total = Amount::parse_balance(&line.total, currency)
                .map_err(|error| unreadable(1, &error))?;
            let batch = Batch {
                number: line.number,
                wallet: WalletId::new(line.wallet),
                first: PaymentIndex(first),
                count: line.count,
                total,
            };
            first = first
                .checked_add(line.count)
                .ok_or(DecodeError::Contradiction("a batch counts too many payments"))?;
            Ok(batch)
        })
        .collect()
}

fn planned_payment(line: PaymentLine) -> Result<PlannedPayment, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let currency = line.currency.parse().map_err(|error| text(&error))?;
    let uuid_bytes = |reference: &str| {
        let hex: Vec<u8> = reference.bytes().filter(|byte| *byte != b'-').collect();
        let mut bytes = [0; 16];
        if hex.len() != 32 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(bytes)
    };
    Ok(PlannedPayment {
        generation: Generation::new(line.generation),
        provider_reference: uuid_bytes(&line.provider_reference)
            .map(ProviderReference::from_bytes)
            .ok_or("the provider reference is no UUID")?,
        payment: Payment {
            row: line.row,
            reference: line.reference.parse().map_err(|error| text(&error))?,
            payee: Payee {
                name: line.name,
                email: line.email,
                phone: PhoneNumber::from_e164(&line.phone)
                    .ok_or("the phone number is not E.164")?,
            },
            amount: Amount::parse(&line.amount, currency).map_err(|error| text(&error))?,
            // Only payments by mobile money are planned, so the stored form need not say it.
            rail: Rail::MobileMoney,
            network: match line.network {
                Some(name) => Some(Network::new(&name).ok_or("the network is malformed")?),
                None => None,
            },
            wallet: line.wallet.map(WalletId::new),
            description: line.description,
        },
    })
}

/// What a plan that was written by [`encode`] always keeps.
fn check(plan: &Plan) -> Result<(), DecodeError> {
    let contradiction = DecodeError::Contradiction;
    let mut place = 0usize;
    let mut references = HashSet::new();
    for batch in &plan.batches {
        let mut sum = Amount::zero(batch.total.currency());
        for index in batch.indices() {
            let planned = plan
                .payment(index)
                .ok_or(contradiction("a batch counts payments that are not there"))?;
            sum = sum
                .checked_add(planned.payment.amount)
                .map_err(|_| contradiction("a payment is in a batch of another currency"))?;
            let derived = ProviderReference::derive(
                &plan.organisation,
                &planned.payment.reference,
                planned.generation,
            );
            if derived != planned.provider_reference {
                return Err(contradiction("a provider reference is not the derived one"));
            }
            if !references.insert(&planned.payment.reference) {
                return Err(contradiction("a reference is there twice"));
            }
            place = place.saturating_add(1);
        }
        if sum != batch.total {
            return Err(contradiction("a batch's total is not the sum of its payments"));
        }
    }
    if place == plan.payments.len() {
        Ok(())
    } else {
        Err(contradiction("payments without a batch"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::planner::tests::{entrant, request, wallet};

    fn encoded() -> String {
        let wallets = [wallet("k", "KES", "250")];
        let entrants = vec![entrant(1, "KES", "100", None), entrant(2, "KES", "200", Some("k"))];
        let plan = crate::plan(request(entrants, &wallets, 1)).unwrap();
        String::from_utf8(encode(&plan).unwrap()).unwrap()
    }

    #[test]
    fn the_format_is_frozen() {
        assert_eq!(
            digest(encoded().as_bytes()).to_string(),
            "c3c5704c06811e537600f8a0a5dc61564bb6f7f0c3cd351078aef740d1ee2210",
            "a plan made by an earlier payrun would get another digest:\n{}",
            encoded()
        );
    }

    /// Version 1 has to be read for ever: a run whose plan cannot be read any more cannot go on. A new version gets a file of
    /// its own; a written one never changes.
    #[test]
    fn a_plan_of_version_1_is_read_as_it_was_meant_and_written_as_it_always_was() {
        let wallets = [wallet("k", "KES", "250"), wallet("g", "GHS", "250")];
        let mut anew = entrant(7, "GHS", "99.5", Some("g"));
        anew.generation = Generation::FIRST.next().unwrap();
        anew.payment.description = Some("Lohn \"June\"\t\u{e9}".to_owned());
        anew.payment.network = Network::new("mpesa");
        let entrants = vec![entrant(1, "KES", "1500", None), anew, entrant(9, "GHS", "0.05", None)];
        let mut request = request(entrants, &wallets, 1);
        request.retry_of = Some("payroll/2026-06".parse().unwrap());
        let plan = crate::plan(request).unwrap();
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v1.plan");
        let written = encode(&plan).unwrap();
        if std::env::var_os("PAYRUN_WRITE_FIXTURES").is_some() {
            std::fs::write(kept, &written).unwrap();
        }
        let fixture = std::fs::read(kept).unwrap();
        assert!(written == fixture, "the form of plans changed without a new version");
        assert_eq!(decode(&fixture).unwrap(), plan);
    }

    #[test]
    fn a_reference_that_is_there_twice_is_refused() {
        let good = encoded();
        let mut lines: Vec<_> = good.lines().map(str::to_owned).collect();
        lines[2] = lines[1].replace(r#""amount":"100""#, r#""amount":"200""#);
        let error = decode(lines.join("\n").as_bytes()).unwrap_err();
        assert_eq!(error, DecodeError::Contradiction("a reference is there twice"));
    }

    #[test]
    fn a_plan_that_contradicts_itself_is_refused() {
        let good = encoded();
        assert!(decode(good.as_bytes()).is_ok());
        for (from, to, why) in [
            (r#""amount":"100""#, r#""amount":"101""#, "total is not the sum"),
            (r#""payments":2"#, r#""payments":3"#, "missing or too many"),
            (r#""reference":"EMP-1""#, r#""reference":"EMP-9""#, "not the derived one"),
            (r#""count":1"#, r#""count":2"#, "total is not the sum"),
            (r#""payrun_plan":1"#, r#""payrun_plan":2"#, "format 2"),
            (r#""organisation":"acme""#, r#""organisation":"evil""#, "not the derived one"),
            (r#""row":1"#, r#""row":1,"extra":1"#, "unknown field"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            let error = decode(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
    }
}
