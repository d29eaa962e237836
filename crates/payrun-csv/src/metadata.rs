//! The payer's own JSON. It is checked and not kept: no provider takes it.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use serde::de::IgnoredAny;

/// The longest metadata, in bytes. No provider states a bound; this is room for every note of a payroll.
pub const METADATA_BYTES_MAX: usize = 4096;

/// Whether it is JSON.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Checks that a cell holds nothing, or JSON.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    if text.len() > METADATA_BYTES_MAX {
        return Err(Fault::new(
            Code::MetadataTooLong,
            format!("The metadata has {} bytes; at most {METADATA_BYTES_MAX} fit.", text.len()),
            "Shorten it, or keep it elsewhere under the payment's reference.",
        ));
    }
    if text.is_empty() || is_json(text) {
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
        let deep = "[".repeat(4_000);
        for bad in ["Sales", "{department: Sales}", "{'a':1}", "{}{}", "{", &deep] {
            assert_eq!(check(bad).unwrap_err().code, Code::MetadataNotJson, "{bad}");
        }
    }

    #[test]
    fn metadata_has_a_bounded_length() {
        let of = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        assert_eq!(check(&of(METADATA_BYTES_MAX)), Ok(()));
        assert_eq!(check(&of(METADATA_BYTES_MAX + 1)).unwrap_err().code, Code::MetadataTooLong);
    }
}
