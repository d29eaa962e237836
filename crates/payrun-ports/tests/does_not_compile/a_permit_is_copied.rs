//! I1: one intent, one permit.

use payrun_ports::Permit;

fn copy(permit: &Permit) -> Permit {
    permit.clone()
}

fn main() {}
