//! I1: a permit is spent by the first request.

use payrun_core::PlannedPayment;
use payrun_ports::{Body, Gateway, Permit};

async fn send(gateway: &dyn Gateway, permit: Permit, payment: &PlannedPayment, body: &Body) {
    gateway.send(permit, payment, body).await;
    gateway.send(permit, payment, body).await;
}

fn main() {}
