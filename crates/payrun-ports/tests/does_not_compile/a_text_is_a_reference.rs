//! I2: what goes to the provider is derived from a reference that was judged, not from any text.

use payrun_core::{Generation, Organisation, ProviderReference};

fn derive(organisation: &Organisation) -> ProviderReference {
    ProviderReference::derive(organisation, "EMP-1", Generation::FIRST)
}

fn main() {}
