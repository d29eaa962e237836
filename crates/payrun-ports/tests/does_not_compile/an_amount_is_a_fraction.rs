//! I9: no binary fraction becomes money.

use payrun_core::{Amount, Currency};

fn amount(currency: Currency) -> Amount {
    Amount::from_decimal(1500.50_f64, currency).unwrap()
}

fn main() {}
