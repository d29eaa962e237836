//! What an answer repeats of a payment, held against what was sent.

use crate::number;
use crate::wire::{SentWithdrawal, Withdrawal, object, text};
use payrun_core::{Currency, PlannedPayment, WalletId};
use payrun_ports::Body;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

/// What the provider must have on record if the payment is the one that was sent.
pub(crate) struct Expected {
    pub(crate) reference: String,
    amount: Decimal,
    wallet: String,
    currency: Currency,
    /// Known only where the body is.
    customer: Option<String>,
}

/// How an echo compares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Everything it names is as it was sent.
    Equal,
    /// Something is not; which, and how.
    Differs(String),
    /// Something that it names cannot be read; which.
    Unreadable(&'static str),
}

impl Expected {
    /// From the payment alone.
    pub(crate) fn of(payment: &PlannedPayment, wallet: &WalletId) -> Self {
        Self {
            reference: payment.provider_reference.to_string(),
            amount: payment.payment.amount.value(),
            wallet: wallet.as_str().to_owned(),
            currency: payment.payment.amount.currency(),
            customer: None,
        }
    }

    /// From the payment and the body that was made of it.
    ///
    /// # Errors
    /// A sentence, if the body is not one of this payment.
    pub(crate) fn of_body(payment: &PlannedPayment, body: &Body) -> Result<Self, String> {
        let sent: SentWithdrawal<'_> =
            std::str::from_utf8(body.as_bytes())
                .ok()
                .and_then(object)
                .ok_or("the body on record is not one that this gateway makes")?;
        let expected = Self::of(payment, &WalletId::new(sent.wallet_id));
        let same = sent.reference_id == expected.reference
            && number::cut(sent.amount.get()) == Some(expected.amount)
            && sent.currency == expected.currency.code();
        if !same {
            return Err("the body on record is of another payment".to_owned());
        }
        Ok(Self { customer: Some(sent.customer_key), ..expected })
    }

    /// Compares everything that the answer names. What it leaves out is not held against it.
    pub(crate) fn compare(&self, answer: &Withdrawal<'_>) -> Echo {
        let named = |name, found: Option<&RawValue>, same: &dyn Fn(&str) -> bool, sent: &str| {
            let Some(raw) = found else { return Echo::Equal };
            match text(raw) {
                // Optional texts are empty when they are not set.
                None if raw.get() == "\"\"" => Echo::Equal,
                None => Echo::Unreadable(name),
                Some(found) if same(&found) => Echo::Equal,
                Some(found) => Echo::Differs(format!("{name} is {found} there, {sent} was sent")),
            }
        };
        let is = |sent: &str| {
            let sent = sent.to_owned();
            move |found: &str| found == sent
        };
        let same_letters = |sent: &str| {
            let sent = sent.to_owned();
            move |found: &str| found.eq_ignore_ascii_case(&sent)
        };
        if let Some(raw) = answer.amount
            && text(raw).and_then(|found| number::cut(&found)).is_none()
        {
            return Echo::Unreadable("amount");
        }
        let amount = self.amount.to_string();
        let wallet = match self.other_wallet(answer) {
            Some(_) => Echo::Equal,
            None => named("wallet", answer.wallet_id, &is(&self.wallet), &self.wallet),
        };
        let checks = [
            named(
                "reference",
                answer.reference_id,
                &same_letters(&self.reference),
                &self.reference,
            ),
            named("amount", answer.amount, &|found| self.is_amount(found), &amount),
            wallet,
            named(
                "currency",
                answer.currency,
                &same_letters(self.currency.code()),
                self.currency.code(),
            ),
            self.customer.as_deref().map_or(Echo::Equal, |customer| {
                named("payee", answer.customer_key, &is(customer), customer)
            }),
        ];
        checks.into_iter().find(|check| *check != Echo::Equal).unwrap_or(Echo::Equal)
    }

    /// That another wallet paid than the one that is planned, where no body says which one was sent.
    ///
    /// Then the plan may be younger than the payment: after its records were lost it was made anew, by what the wallets
    /// hold now. Not where the answer leaves reference or currency out: amount and wallet are then all that tells the
    /// payment from another.
    pub(crate) fn other_wallet(&self, answer: &Withdrawal<'_>) -> Option<String> {
        let has_body = self.customer.is_some();
        let names_it = [answer.reference_id, answer.currency]
            .into_iter()
            .all(|named| named.and_then(text).is_some());
        let found = answer.wallet_id.and_then(text)?;
        (!has_body && names_it && *found != *self.wallet)
            .then(|| format!("it is from wallet {found}, {} was planned", self.wallet))
    }

    /// Equal but for the noise that floats leave on this provider's wire: less than a tenth of what the
    /// currency's smallest unit is worth.
    fn is_amount(&self, found: &str) -> bool {
        let Some(found) = number::cut(found) else {
            return false;
        };
        let noise_end = Decimal::new(1, self.currency.digits().saturating_add(1));
        found.checked_sub(self.amount).is_some_and(|difference| difference.abs() < noise_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn compare(answer: &str) -> Echo {
        let (payment, body) = testing::payment_and_body("1500.5", "GHS");
        let expected = Expected::of_body(&payment, &body).unwrap();
        expected.compare(&object::<Withdrawal<'_>>(answer).unwrap())
    }

    #[test]
    fn what_an_answer_names_must_be_what_was_sent() {
        for same in [
            "{}",
            r#"{"amount":1500.5}"#,
            r#"{"amount":1500.50}"#,
            r#"{"amount":"1500.50"}"#,
            r#"{"amount":1.5005e3}"#,
            r#"{"amount":1500.5000000000002,"walletId":"w-1","currency":"ghs","customerKey":"cust-1"}"#,
            r#"{"amount":1500.4990001}"#,
            r#"{"amount":null,"walletId":null,"currency":""}"#,
        ] {
            assert_eq!(compare(same), Echo::Equal, "{same}");
        }
        for (other, name) in [
            (r#"{"amount":1500.499}"#, "amount"),
            (r#"{"amount":1500.51}"#, "amount"),
            (r#"{"amount":-1500.5}"#, "amount"),
            (r#"{"amount":0}"#, "amount"),
            (r#"{"walletId":"w-2"}"#, "wallet"),
            (r#"{"currency":"KES"}"#, "currency"),
            (r#"{"customerKey":"cust-2"}"#, "payee"),
            (r#"{"referenceId":"x"}"#, "reference"),
        ] {
            let Echo::Differs(what) = compare(other) else {
                panic!("{other}: {:?}", compare(other))
            };
            assert!(what.starts_with(name), "{what}");
        }
        for (odd, name) in [
            (r#"{"amount":"much"}"#, "amount"),
            (r#"{"amount":true}"#, "amount"),
            (r#"{"amount":1e300}"#, "amount"),
            (r#"{"walletId":{}}"#, "wallet"),
        ] {
            assert_eq!(compare(odd), Echo::Unreadable(name), "{odd}");
        }
    }

    /// Planned anew after its records were lost, it may stand by another wallet than it was sent from.
    #[test]
    fn without_a_body_another_wallet_of_the_currency_is_told_and_no_difference() {
        let payment = testing::payment("1500.5", "GHS");
        let expected = Expected::of(&payment, &WalletId::new("w-1"));
        let of = |rest: &str| format!(r#"{{"amount":1500.5,"walletId":"w-2"{rest}}}"#);
        let named = format!(r#","referenceId":"{}""#, testing::REFERENCE);
        for (answer, equal) in [
            (of(&format!(r#"{named},"currency":"GHS""#)), true),
            (of(&format!(r#"{named},"currency":"KES""#)), false),
            (of(&format!(r#"{named},"currency":"""#)), false),
            (of(&named), false),
            (of(r#","currency":"GHS""#), false),
        ] {
            let read = object::<Withdrawal<'_>>(&answer).unwrap();
            assert_eq!(expected.compare(&read) == Echo::Equal, equal, "{answer}");
            let told = expected.other_wallet(&read);
            assert!(!equal || told.is_some_and(|told| told.contains("w-2")), "{answer}");
        }
        let same = r#"{"walletId":"w-1","currency":"GHS","referenceId":"x"}"#;
        assert_eq!(expected.other_wallet(&object::<Withdrawal<'_>>(same).unwrap()), None);
    }

    #[test]
    fn the_body_of_another_payment_is_noticed() {
        let (payment, body) = testing::payment_and_body("1500.5", "GHS");
        let (other, _) = testing::payment_and_body("1500.51", "GHS");
        assert!(Expected::of_body(&payment, &body).is_ok());
        assert!(Expected::of_body(&other, &body).is_err());
        assert!(Expected::of_body(&payment, &Body::new(*b"{}")).is_err());
    }
}
