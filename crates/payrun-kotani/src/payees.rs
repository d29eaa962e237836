//! Payees: finding the provider's key of one, making one known.

use crate::client::Reply;
use crate::envelope::ApiError;
use crate::gateway::Kotani;
use crate::wire::{Customer, NewCustomer, object, payload, text};
use crate::words::{PHONE_TAIL, digits};
use crate::{calls, country};
use payrun_core::{Payee, PlannedPayment};
use payrun_ports::{CallError, PayeeKey};

const CUSTOMERS: &str = "/customer/mobile-money";

/// The API's sentence for a phone that it does not know.
const NOT_FOUND: &str = "customer not found";

impl Kotani {
    pub(crate) async fn find_customer(
        &self,
        planned: &PlannedPayment,
    ) -> Result<Option<PayeeKey>, CallError> {
        let payee = &planned.payment.payee;
        let words = self.words(Some(payee));
        let phone = payee.phone.as_str().replace('+', "%2B");
        let reply = self
            .edge
            .get(&format!("{CUSTOMERS}/phone/{phone}"))
            .await
            .map_err(|failure| calls::failure(failure, self.rules.request_timeout, &words))?;
        if reply.status == 404 && says_not_found(&reply.body) {
            return Ok(None);
        }
        if !calls::is_success(&reply) {
            return Err(calls::error(&reply, &words));
        }
        key(&reply, payee).map(Some)
    }

    pub(crate) async fn create_customer(
        &self,
        planned: &PlannedPayment,
    ) -> Result<PayeeKey, CallError> {
        let payee = &planned.payment.payee;
        let words = self.words(Some(payee));
        let country_code = country::of(&payee.phone).ok_or_else(|| {
            CallError::Refused(format!(
                "{} is of a country that Kotani Pay does not pay to, as far as payrun knows",
                payee.phone.masked()
            ))
        })?;
        let customer = NewCustomer {
            phone_number: payee.phone.as_str(),
            country_code,
            network: planned.payment.network.as_ref().map(|network| network.as_str()),
            account_name: &payee.name,
            email: &payee.email,
        };
        let json = serde_json::to_vec(&customer)
            .map_err(|_| CallError::Refused("the payee cannot be written as JSON".to_owned()))?;
        let reply = self
            .edge
            .post(CUSTOMERS, json)
            .await
            .map_err(|failure| calls::failure(failure, self.rules.request_timeout, &words))?;
        if exists_already(&reply) {
            // Not for good: someone made it known since it was looked for, and the next search finds it.
            return Err(CallError::Unreadable(
                "the payee is known already: search again".to_owned(),
            ));
        }
        if !calls::is_success(&reply) {
            return Err(calls::error(&reply, &words));
        }
        key(&reply, payee)
    }
}

fn says_not_found(body: &[u8]) -> bool {
    ApiError::read(404, body).is_some_and(|error| error.message.to_lowercase().contains(NOT_FOUND))
}

fn exists_already(reply: &Reply) -> bool {
    let says_so = || {
        ApiError::read(reply.status, &reply.body)
            .is_some_and(|error| error.message.to_lowercase().contains("already exist"))
    };
    reply.status == 409 || (reply.status == 400 && says_so())
}

/// The key in an answer, if the phone beside it is the payee's: the money goes to the customer's phone, not to
/// the one that was asked for.
fn key(reply: &Reply, payee: &Payee) -> Result<PayeeKey, CallError> {
    let customer: Customer<'_> = payload(&reply.body)
        .and_then(object)
        .ok_or_else(|| calls::unreadable("the payee cannot be read"))?;
    let key = customer
        .customer_key
        .and_then(text)
        .ok_or_else(|| calls::unreadable("the payee has no key"))?;
    let phone = customer.phone_number.and_then(text).unwrap_or_default();
    if is_another_phone(&phone, payee.phone.as_str()) {
        return Err(CallError::Refused(
            "the provider's record of this phone is of another phone".to_owned(),
        ));
    }
    Ok(PayeeKey(key))
}

/// Whether what the provider names cannot be the wanted phone: in full, without its country's code, or with
/// zeros dialled before either. Sharing the last digits is not enough: two countries may give out the same ones.
/// What is masked or missing is not held against it.
fn is_another_phone(named: &str, wanted: &str) -> bool {
    let hidden = named.chars().any(|c| matches!(c, '*' | '•' | 'x' | 'X'));
    let named = digits(named);
    let bare = named.trim_start_matches('0');
    let same = bare.len() >= PHONE_TAIL && digits(wanted).ends_with(bare);
    !hidden && !named.is_empty() && !same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_phone_is_noticed_in_any_spelling() {
        for (named, another) in [
            ("+254712345678", false),
            ("254712345678", false),
            ("0712345678", false),
            ("+254 712-345-678", false),
            ("", false),
            ("+2547****5678", false),
            ("00254712345678", false),
            ("+254712345679", true),
            // The same digits in another country.
            ("+256712345678", true),
            ("+27712345678", true),
            ("5678", true),
            ("0799999999", true),
            ("12", true),
        ] {
            assert_eq!(is_another_phone(named, "+254712345678"), another, "{named}");
        }
    }
}
