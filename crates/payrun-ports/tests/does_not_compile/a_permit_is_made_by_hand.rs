//! I1: permits come out of receipts only.

use payrun_core::PaymentIndex;
use payrun_ports::{BodyHash, Permit};

fn forge(body: BodyHash) -> Permit {
    Permit { payment: PaymentIndex(0), attempt: 1, body }
}

fn main() {}
