//! I1: nobody sends without the store's leave.

use payrun_core::PlannedPayment;
use payrun_ports::{Body, Gateway};

async fn send(gateway: &dyn Gateway, payment: &PlannedPayment, body: &Body) {
    gateway.send(payment, body).await;
}

fn main() {}
