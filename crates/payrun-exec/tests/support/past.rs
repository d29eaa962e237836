//! What earlier processes left on record, and what a run pays anew.

use super::Provider;
use payrun_core::{
    Basis, Event, Generation, PaymentIndex, Plan, ProviderReference, State, UnixMillis, WalletId,
};
use payrun_exec::Predecessor;
use payrun_ports::{Body, Entry, PaymentEntry, RunEvent, RunStore};
use payrun_store::MemoryStore;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The wall clock when a test begins.
pub const BEGIN: UnixMillis = UnixMillis(1_780_000_000_000);

pub const INTENT: Event = Event::Intent { attempt: 1, basis: Basis::Clear };

/// What happened to payment `index` at this time, one after the other.
pub fn events_at(at: UnixMillis, index: u32, events: &[Event]) -> Vec<Entry> {
    let entry = |event: &Event| PaymentEntry {
        payment: PaymentIndex(index),
        event: *event,
        at,
        body: matches!(event, Event::Intent { attempt: 1, .. }).then(|| Body::new(*b"body")),
        reason: None,
    };
    events.iter().map(entry).map(Entry::Payment).collect()
}

/// What happened to payment `index` when the test began, one after the other.
pub fn events(index: u32, events: &[Event]) -> Vec<Entry> {
    events_at(BEGIN, index, events)
}

/// A run with these entries on record.
pub async fn reopened(payments: usize, entries: Vec<Entry>) -> Arc<MemoryStore> {
    let store = MemoryStore::new(payments);
    let _unused = store.commit(entries).await.unwrap();
    Arc::new(store.reopened())
}

/// A run whose last record is lost, with these entries still on record.
pub async fn cautious(payments: usize, mut entries: Vec<Entry>) -> Arc<MemoryStore> {
    entries.push(Entry::Run(RunEvent::CautiousStart { reason: "records lost".to_owned() }));
    reopened(payments, entries).await
}

/// How many requests came to the provider.
pub fn sent(provider: &Provider) -> u64 {
    provider.requests.load(Ordering::Relaxed)
}

pub fn count(states: &[State], state: State) -> usize {
    states.iter().filter(|other| **other == state).count()
}

/// The same payments under a later generation.
pub fn anew(plan: &Arc<Plan>, generation: u32) -> Arc<Plan> {
    let mut plan = (**plan).clone();
    for planned in &mut plan.payments {
        planned.generation = Generation::new(generation);
        planned.provider_reference = ProviderReference::derive(
            &plan.organisation,
            &planned.payment.reference,
            planned.generation,
        );
    }
    Arc::new(plan)
}

/// The plan whose first payment is paid anew, and the others for the first time.
pub fn first_anew(first: &Plan) -> Arc<Plan> {
    let mut plan = first.clone();
    let planned = &mut plan.payments[0];
    planned.generation = Generation::new(1);
    planned.provider_reference = ProviderReference::derive(
        &plan.organisation,
        &planned.payment.reference,
        planned.generation,
    );
    Arc::new(plan)
}

/// What each payment replaces: its generations, each as it stands on record.
pub fn predecessors(
    generations: &[(&Arc<Plan>, State)],
) -> HashMap<PaymentIndex, Vec<Predecessor>> {
    let of = |index: PaymentIndex| {
        let earlier = |(plan, state): &(&Arc<Plan>, State)| Predecessor {
            payment: plan.payment(index).unwrap().clone(),
            wallet: WalletId::new("w1"),
            state: *state,
            has_rested: true,
        };
        (index, generations.iter().map(earlier).collect())
    };
    generations[0].0.indices().map(of).collect()
}
