//! A payment for the unit tests.

use crate::withdrawals;
use payrun_core::{
    Amount, Generation, Payee, Payment, PhoneNumber, PlannedPayment, ProviderReference, WalletId,
};
use payrun_ports::{Body, PayeeKey};

/// What `acme`'s `EMP-12` is called at the provider.
pub(crate) const REFERENCE: &str = "b500eb23-7ef6-50f8-b922-db949d803482";

pub(crate) fn payment(amount: &str, currency: &str) -> PlannedPayment {
    let reference = "EMP-12".parse().unwrap();
    PlannedPayment {
        generation: Generation::FIRST,
        provider_reference: ProviderReference::derive(
            &"acme".parse().unwrap(),
            &reference,
            Generation::FIRST,
        ),
        payment: Payment {
            row: 1,
            reference,
            payee: Payee {
                name: "Jane Doe".into(),
                email: "jane@example.com".into(),
                phone: PhoneNumber::from_e164("+254712345678").unwrap(),
            },
            amount: Amount::parse(amount, currency.parse().unwrap()).unwrap(),
            rail: payrun_core::Rail::MobileMoney,
            network: None,
            wallet: None,
            description: None,
        },
    }
}

pub(crate) fn payment_and_body(amount: &str, currency: &str) -> (PlannedPayment, Body) {
    let planned = payment(amount, currency);
    let (wallet, payee) = (WalletId::new("w-1"), PayeeKey("cust-1".into()));
    let body = withdrawals::body(&planned, &wallet, &payee).unwrap();
    (planned, body)
}
