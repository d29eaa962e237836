//! Payments: the body, sending it, asking what became of it.

use crate::echo::{Echo, Expected};
use crate::envelope::ApiError;
use crate::gateway::Kotani;
use crate::wire::{NewWithdrawal, Withdrawal, object, payload, text};
use crate::{calls, classify};
use payrun_core::{PlannedPayment, RailKind, Settlement, WalletId};
use payrun_ports::{Answer, Body, CallError, LookUp, NotSent, PayeeKey, Permit};
use serde_json::value::RawValue;

const SEND: &str = "/withdraw/mobile-money";
const STATUS: &str = "/withdraw/status";

/// The API's sentence for a reference that it does not know.
const NOT_FOUND: &str = "reference id not found";

/// The exact bytes for a payment: compact JSON in one fixed order, the amount as unquoted decimal text.
///
/// A change here changes the bodies of payments not yet sent, never of those with an intent on record.
pub(crate) fn body(
    payment: &PlannedPayment,
    wallet: &WalletId,
    payee: &PayeeKey,
) -> Result<Body, String> {
    let amount = payment.payment.amount;
    let currency = amount.currency();
    if amount.value().is_zero() {
        return Err("the amount is zero".to_owned());
    }
    // Whoever plans refuses them before; a payment to an account must never become one to the payee's phone (I6).
    let rail = payment.payment.rail.kind();
    if rail != RailKind::MobileMoney {
        return Err(format!("a payment by {rail} is not one that this gateway makes"));
    }
    if amount.value().scale() > currency.digits() {
        return Err(format!("{amount} is finer than {currency} is paid"));
    }
    if payee.0.trim().is_empty() || wallet.as_str().trim().is_empty() {
        return Err("the provider's key of the payee or the wallet is empty".to_owned());
    }
    let number = RawValue::from_string(amount.text())
        .map_err(|_| format!("{amount} cannot be written as a JSON number"))?;
    let withdrawal = NewWithdrawal {
        customer_key: &payee.0,
        amount: &number,
        wallet_id: wallet.as_str(),
        reference_id: &payment.provider_reference.to_string(),
        currency: currency.code(),
        network: payment.payment.network.as_ref().map(|network| network.as_str()),
    };
    let bytes = serde_json::to_vec(&withdrawal)
        .map_err(|error| format!("the request cannot be written as JSON: {error}"))?;
    Ok(Body::new(bytes))
}

impl Kotani {
    pub(crate) async fn send_withdrawal(
        &self,
        permit: Permit,
        payment: &PlannedPayment,
        body: &Body,
    ) -> Answer {
        let words = self.words(Some(&payment.payment.payee));
        let unsent =
            |why: String| Answer::NotSent(NotSent::NoConnection(format!("none was opened: {why}")));
        let bytes = match permit.spend(body) {
            Ok(bytes) => bytes,
            Err(error) => return unsent(error.to_string()),
        };
        // The permit binds the body to the record; this binds it to the payment whose answer is judged (I2).
        let expected = match Expected::of_body(payment, body) {
            Ok(expected) => expected,
            Err(why) => return unsent(why),
        };
        match self.edge.post_money(SEND, bytes).await {
            Ok(reply) => classify::reply(&reply, &expected, &words),
            Err(failure) => classify::failure(failure, &words),
        }
    }

    pub(crate) async fn look_up_withdrawal(
        &self,
        payment: &PlannedPayment,
        wallet: &WalletId,
        body: Option<&Body>,
    ) -> Result<LookUp, CallError> {
        let words = self.words(Some(&payment.payment.payee));
        let expected = match body {
            Some(body) => Expected::of_body(payment, body).map_err(CallError::Refused)?,
            None => Expected::of(payment, wallet),
        };
        let path = format!("{STATUS}/{}", payment.provider_reference);
        let reply = self
            .edge
            .get(&path)
            .await
            .map_err(|failure| calls::failure(failure, self.rules.request_timeout, &words))?;
        if reply.status == 404 && says_not_found(&reply.body) {
            return Ok(LookUp::NotFound);
        }
        // Not any 2xx: a 202 or 204 to a question is no answer.
        if reply.status != 200 {
            return Err(calls::error(&reply, &words));
        }
        let found: Withdrawal<'_> = payload(&reply.body)
            .and_then(object)
            .ok_or_else(|| calls::unreadable("the answer cannot be read"))?;
        let settlement = match classify::status(&found) {
            Ok(Some(settlement)) => settlement,
            Ok(None) | Err(classify::NotAWord) => {
                return Err(calls::unreadable("it names no status"));
            }
        };
        // An answer that names no payment at all, such as a health check's, says nothing of ours; and a last word
        // that hardly names one, such as a cached one, settles none.
        // Optional texts are empty when they are not set, and name nothing then.
        let names = |named: Option<&RawValue>| named.and_then(text).is_some();
        let names_one = [found.reference_id, found.amount, found.wallet_id, found.customer_key]
            .into_iter()
            .any(names);
        let names_it = names(found.reference_id) || (names(found.amount) && names(found.wallet_id));
        let is_enough = if settlement == Settlement::InFlight { names_one } else { names_it };
        match expected.compare(&found) {
            Echo::Equal if !is_enough => Err(calls::unreadable("it does not say of which payment")),
            Echo::Equal => {
                let told = [
                    classify::why_not_paid(&found, &words),
                    expected.other_wallet(&found).map(|told| words.fit(&told)),
                    body.is_none().then(|| PAYEE_NOT_COMPARED.to_owned()),
                ];
                let told: Vec<_> = told.into_iter().flatten().collect();
                Ok(LookUp::Found(settlement, (!told.is_empty()).then(|| told.join("; "))))
            }
            Echo::Differs(what) => Ok(LookUp::Different(words.fit(&what))),
            Echo::Unreadable(what) => Err(calls::unreadable(&format!("its {what} cannot be read"))),
        }
    }
}

/// Told of a payment that is found by its reference alone: the answer names the payee by a key that only the request holds.
const PAYEE_NOT_COMPARED: &str =
    "whom it was sent to is not compared, since no request of it is on record here";

/// The API's own word, in its own shape, that it does not know the reference: not a proxy's page, not a route
/// that is missing for the moment.
fn says_not_found(body: &[u8]) -> bool {
    ApiError::read(404, body).is_some_and(|error| {
        let words: Vec<&str> = error.message.split_whitespace().collect();
        words.join(" ").trim_end_matches('.').eq_ignore_ascii_case(NOT_FOUND)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{REFERENCE, payment, payment_and_body};
    use payrun_core::{AccountNumber, Amount, Network, Rail};

    fn text(body: &Body) -> String {
        String::from_utf8(body.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_body_is_the_same_bytes_for_ever() {
        let (mut planned, body) = payment_and_body("1500.50", "GHS");
        assert_eq!(
            text(&body),
            format!(
                r#"{{"customer_key":"cust-1","amount":1500.5,"walletId":"w-1","referenceId":"{REFERENCE}","currency":"GHS"}}"#
            )
        );
        planned.payment.network = Network::new("MTN");
        let (wallet, payee) = (WalletId::new("w\"1"), PayeeKey("cust-1".into()));
        assert_eq!(
            text(&super::body(&planned, &wallet, &payee).unwrap()),
            format!(
                r#"{{"customer_key":"cust-1","amount":1500.5,"walletId":"w\"1","referenceId":"{REFERENCE}","currency":"GHS","network":"MTN"}}"#
            )
        );
    }

    #[test]
    fn the_body_holds_no_personal_data_and_no_float() {
        let (_, body) = payment_and_body("999999999999.99", "GHS");
        let text = text(&body);
        assert!(text.contains(r#""amount":999999999999.99,"#), "{text}");
        for personal in ["Jane", "Doe", "254712345678", "jane@example.com"] {
            assert!(!text.contains(personal));
        }
    }

    #[test]
    fn what_cannot_be_paid_has_no_body() {
        let (wallet, payee) = (WalletId::new("w-1"), PayeeKey("cust-1".into()));
        let mut zero = payment("1", "KES");
        zero.payment.amount = Amount::zero(zero.payment.amount.currency());
        assert!(super::body(&zero, &wallet, &payee).is_err());
        let mut fine = payment("1", "KES");
        fine.payment.amount =
            Amount::from_decimal("1.5".parse().unwrap(), fine.payment.amount.currency()).unwrap();
        assert!(super::body(&fine, &wallet, &payee).is_err());
        let mut till = payment("1", "KES");
        till.payment.rail = Rail::Till { number: AccountNumber::new("500123").unwrap() };
        assert!(super::body(&till, &wallet, &payee).unwrap_err().contains("till"));
        let good = payment("1", "KES");
        assert!(super::body(&good, &wallet, &payee).is_ok());
        assert!(super::body(&good, &wallet, &PayeeKey(" ".into())).is_err());
        assert!(super::body(&good, &WalletId::new(""), &payee).is_err());
    }

    #[test]
    fn not_found_is_the_api_s_own_sentence_and_no_other() {
        for (body, yes) in [
            (
                r#"{"success":false,"message":"Reference Id not found","error_code":404,"data":{}}"#,
                true,
            ),
            (r#"{"statusCode":404,"message":"reference id not found.","error":"Not Found"}"#, true),
            (r#"{"status":"error","message":"REFERENCE ID NOT FOUND","error_code":"X"}"#, true),
            (
                r#"{"statusCode":404,"message":"Cannot GET /api/v3/withdraw/status/x","error":"Not Found"}"#,
                false,
            ),
            (r#"{"success":false,"message":"Wallet Not Found","data":{}}"#, false),
            (r#"{"success":false,"message":"Not found","data":{}}"#, false),
            (r#"{"message":"Reference Id not found"}"#, false),
            (r#"{"statusCode":500,"message":"Reference Id not found"}"#, false),
            ("Reference Id not found", false),
            ("", false),
        ] {
            assert_eq!(says_not_found(body.as_bytes()), yes, "{body}");
        }
    }
}
