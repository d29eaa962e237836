//! I4: a payment's state comes out of the transition function, for an event.

use payrun_core::{Standing, State, transition};

fn correct(standing: Standing) -> Standing {
    transition(standing, State::Paid).unwrap()
}

fn main() {}
