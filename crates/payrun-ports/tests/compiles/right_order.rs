//! The right order, with all that the cases in `does_not_compile` use.

use payrun_core::{
    Amount, Currency, Event, Generation, Organisation, PlannedPayment, ProviderReference,
    Reference, Standing, transition,
};
use payrun_ports::{Body, Entry, Gateway, RunStore};

async fn send(
    store: &dyn RunStore,
    gateway: &dyn Gateway,
    payment: &PlannedPayment,
    body: &Body,
    group: Vec<Entry>,
) {
    let receipt = store.commit(group).await.unwrap();
    for permit in receipt.into_permits() {
        gateway.send(permit, payment, body).await;
    }
}

fn total(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap()
}

fn amount(currency: Currency) -> Amount {
    Amount::parse("1500.50", currency).unwrap()
}

fn derive(organisation: &Organisation, reference: &Reference) -> ProviderReference {
    ProviderReference::derive(organisation, reference, Generation::FIRST)
}

fn next(standing: Standing, event: Event) -> Standing {
    transition(standing, event).unwrap()
}

fn main() {}
