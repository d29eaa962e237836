//! I1: permits are in the receipt, and there is none before the commit has ended well.

use payrun_core::PlannedPayment;
use payrun_ports::{Body, Entry, Gateway, RunStore};

async fn send(
    store: &dyn RunStore,
    gateway: &dyn Gateway,
    payment: &PlannedPayment,
    body: &Body,
    group: Vec<Entry>,
) {
    let receipt = store.commit(group);
    for permit in receipt.into_permits() {
        gateway.send(permit, payment, body).await;
    }
}

fn main() {}
