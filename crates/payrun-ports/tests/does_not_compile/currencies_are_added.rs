//! I9: an addition can fail, so there is no plus.

use payrun_core::Amount;

fn total(shillings: Amount, cedis: Amount) -> Amount {
    shillings + cedis
}

fn main() {}
