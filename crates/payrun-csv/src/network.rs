//! The mobile money network, where the file names one.

use crate::Code;
use crate::problem::Fault;
use crate::text::quoted;
use payrun_core::Network;

/// Reads the name of a network; an empty cell names none.
pub(crate) fn read(text: &str) -> Result<Option<Network>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    Network::new(text).map(Some).ok_or_else(|| {
        let bare: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let hint = match Network::new(&bare) {
            Some(network) => format!("Write {} if that is what is meant.", network.as_str()),
            None => "Write it as the provider does, such as MPESA, MTN or AIRTEL.".to_owned(),
        };
        Fault::new(
            Code::NetworkMalformed,
            format!("{} is not the name of a network.", quoted(text)),
            hint,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_capitals_digits_and_underscores() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("mpesa").unwrap().unwrap().as_str(), "MPESA");
        let fault = read("M-Pesa").unwrap_err();
        assert_eq!(fault.code, Code::NetworkMalformed);
        assert_eq!(fault.hint, "Write MPESA if that is what is meant.");
        assert!(read("–").unwrap_err().hint.contains("such as MPESA"));
        assert!(read(&"M".repeat(33)).is_err());
    }
}
