//! What may have replaced a payment: its later generations.

use payrun_core::{Generation, Organisation, PlannedPayment, ProviderReference};
use std::iter;

/// Every later generation of a payment, the next one first.
///
/// Each has a provider reference of its own: that the provider honours a reference once says nothing of them, and whoever
/// would send a payment whose records may be lost has to ask about each.
pub fn successors(
    planned: &PlannedPayment,
    organisation: &Organisation,
) -> impl Iterator<Item = PlannedPayment> {
    let reference = &planned.payment.reference;
    let later =
        iter::successors(planned.generation.next(), |generation: &Generation| generation.next());
    later.map(move |generation| PlannedPayment {
        payment: planned.payment.clone(),
        generation,
        provider_reference: ProviderReference::derive(organisation, reference, generation),
    })
}
