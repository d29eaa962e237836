//! The shapes on the wire, private to this crate. Numbers stay text: money never passes through a float.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The body that moves money, in this order. No name, phone or e-mail: it stands in the journal.
#[derive(Serialize)]
pub(crate) struct NewWithdrawal<'a> {
    pub(crate) customer_key: &'a str,
    /// Exact decimal text, not quoted.
    pub(crate) amount: &'a RawValue,
    #[serde(rename = "walletId")]
    pub(crate) wallet_id: &'a str,
    #[serde(rename = "referenceId")]
    pub(crate) reference_id: &'a str,
    pub(crate) currency: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<&'a str>,
}

/// The same, read back from the journal.
#[derive(Deserialize)]
pub(crate) struct SentWithdrawal<'a> {
    pub(crate) customer_key: String,
    #[serde(borrow)]
    pub(crate) amount: &'a RawValue,
    #[serde(rename = "walletId")]
    pub(crate) wallet_id: String,
    #[serde(rename = "referenceId")]
    pub(crate) reference_id: String,
    pub(crate) currency: String,
}

/// A payment in an answer: of a withdrawal just made, or of a look-up. Nothing in it is promised.
#[derive(Deserialize)]
pub(crate) struct Withdrawal<'a> {
    #[serde(borrow, rename = "referenceId")]
    pub(crate) reference_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) status: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) amount: Option<&'a RawValue>,
    #[serde(borrow, rename = "walletId")]
    pub(crate) wallet_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) currency: Option<&'a RawValue>,
    #[serde(borrow, rename = "customerKey")]
    pub(crate) customer_key: Option<&'a RawValue>,
    #[serde(borrow, rename = "errorMessage")]
    pub(crate) error_message: Option<&'a RawValue>,
    #[serde(borrow, rename = "transactionError")]
    pub(crate) transaction_error: Option<&'a RawValue>,
}

/// The owner of the key.
#[derive(Deserialize)]
pub(crate) struct Integrator<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
}

/// A wallet in the list of wallets.
#[derive(Deserialize)]
pub(crate) struct FiatWallet<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) currency: Option<String>,
    pub(crate) status: Option<String>,
    #[serde(borrow)]
    pub(crate) balance: Option<&'a RawValue>,
}

/// A payee to be made known.
#[derive(Serialize)]
pub(crate) struct NewCustomer<'a> {
    pub(crate) phone_number: &'a str,
    pub(crate) country_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<&'a str>,
    pub(crate) account_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) email: &'a str,
}

/// A payee that the provider knows.
#[derive(Deserialize)]
pub(crate) struct Customer<'a> {
    #[serde(borrow)]
    pub(crate) customer_key: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) phone_number: Option<&'a RawValue>,
}

/// A string's content or a number's digits; `None` for anything else and for an empty string.
pub(crate) fn text(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok()?,
        b'-' | b'0'..=b'9' => json.to_owned(),
        _ => return None,
    };
    Some(text).filter(|text: &String| !text.trim().is_empty())
}

/// Reads `T` from a JSON object, and from nothing else: a list would fill its fields by position.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    if json.trim_start().starts_with('{') { serde_json::from_str(json).ok() } else { None }
}

/// The inside of an answer that says it went well: what is in `data`, or the whole where there is no wrapper.
///
/// `None` if it is not JSON, or says `"success": false`.
pub(crate) fn payload(body: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Wrapper<'a> {
        success: Option<bool>,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let whole: &RawValue = serde_json::from_slice(body).ok()?;
    if !whole.get().starts_with('{') {
        return Some(whole.get());
    }
    let wrapper: Wrapper<'_> = object(whole.get())?;
    if wrapper.success == Some(false) {
        return None;
    }
    Some(wrapper.data.map_or(whole.get(), RawValue::get))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_and_without_its_wrapper() {
        for (body, inside) in [
            (r#"{"success":true,"message":"ok","data":{"id":1}}"#, Some(r#"{"id":1}"#)),
            (r#" {"id":1} "#, Some(r#"{"id":1}"#)),
            ("[1]", Some("[1]")),
            (r#"{"data":[]}"#, Some("[]")),
            (r#"{"success":true,"data":null}"#, Some(r#"{"success":true,"data":null}"#)),
            (r#"{"success":false,"data":{"id":1}}"#, None),
            (r#"{"success":"yes","data":{}}"#, None),
            (r#"{"data":{},"data":{}}"#, None),
            (r#"{"data":{}"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(payload(body.as_bytes()), inside, "{body}");
        }
        assert_eq!(payload(b"\"\xff\""), None);
    }

    #[test]
    fn a_list_is_not_an_object() {
        assert!(object::<Integrator<'_>>(r#"["id"]"#).is_none());
        assert!(object::<Integrator<'_>>(r#"{"id":"1"}"#).is_some());
    }

    #[test]
    fn ids_may_be_strings_or_numbers() {
        for (json, content) in [
            (r#""a\u0062""#, Some("ab")),
            ("12", Some("12")),
            ("1.50", Some("1.50")),
            ("\"\"", None),
            ("true", None),
            ("{}", None),
        ] {
            let raw: &RawValue = serde_json::from_str(json).unwrap();
            assert_eq!(text(raw).as_deref(), content, "{json}");
        }
    }
}
