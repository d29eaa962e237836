//! The payer's own JSON. It is checked and not kept: no provider takes it.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use serde::de::IgnoredAny;

/// Checks that a cell holds nothing, or JSON.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    if text.is_empty() || serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Ok(());
    }
    Err(Fault::new(
        Code::MetadataNotJson,
        format!("{} is not JSON.", quoted(text)),
        r#"Write it as {"department":"Sales"}, or leave the cell empty."#,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_json_or_nothing() {
        for good in ["", "{}", r#"{"department":"Sales"}"#, "{\n \"a\": [1]\n}", "null"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let deep = "[".repeat(100_000);
        for bad in ["Sales", "{department: Sales}", "{'a':1}", "{}{}", "{", &deep] {
            assert_eq!(check(bad).unwrap_err().code, Code::MetadataNotJson, "{bad}");
        }
    }
}
