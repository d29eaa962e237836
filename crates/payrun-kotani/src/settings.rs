//! What a [`Kotani`](crate::Kotani) is made from, and what of it is refused.

use crate::ApiKey;
use payrun_core::GatewayHost;
use payrun_ports::{GatewayRules, RateLimit, RateLimits};
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How to reach the provider, and by which rules.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme, host and port: `https://api.kotanipay.com`. No path; `http` only for loopback addresses.
    pub host: String,
    /// The key; `Debug` hides it.
    pub key: ApiKey,
    /// When a call is given up, from the first attempt to connect to the last byte of the answer. 30 s.
    pub request_timeout: Duration,
    /// What [`host`](payrun_ports::Gateway::host) says instead of the address, such as `sandbox`, whose port
    /// changes from start to start.
    pub label: Option<GatewayHost>,
    /// Limits other than the provider's usual ones.
    pub limits: Option<RateLimits>,
    /// How long the provider refuses another payment to the same phone. 61 s: its guard is a hash of minute
    /// and phone.
    pub same_payee_gap: Duration,
    /// How long after its first intent a request may be resent. 24 h: the provider names no period, and
    /// gives up on an unconfirmed payment after 24 h.
    pub resend_window: Duration,
}

/// Why a gateway cannot be made from the settings. None of them shows the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a URL at all.
    #[error("the gateway address is not a URL such as https://api.kotanipay.com: {0}")]
    NotAUrl(String),
    /// Something other than http or https.
    #[error("the gateway address begins with {0}: only https (or http to this machine) is spoken")]
    Scheme(String),
    /// More than scheme, host and port.
    #[error(
        "the gateway address is scheme, host and port only, such as https://api.kotanipay.com: \
         leave out the path '{0}', payrun adds /api/v3 itself"
    )]
    Path(String),
    /// A name and password, a query or a fragment. Not shown: people put keys there.
    #[error(
        "the gateway address holds {0}: it is scheme, host and port only, and the key goes elsewhere"
    )]
    Extra(&'static str),
    /// Unencrypted, and not to this machine.
    #[error(
        "http to {0} would send the key and the payments unencrypted: use https (http is for loopback addresses only)"
    )]
    PlainHttp(String),
    /// A timeout of zero would make every payment unknown.
    #[error("the request timeout is zero")]
    NoTime,
    /// The system's certificates, by which the provider is recognised, cannot be used.
    #[error("the system's trusted certificates cannot be loaded: {0}")]
    Certificates(String),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl Settings {
    /// The provider at `host` with the usual rules.
    pub fn new(host: impl Into<String>, key: ApiKey) -> Self {
        Self {
            host: host.into(),
            key,
            request_timeout: Duration::from_secs(30),
            label: None,
            limits: None,
            same_payee_gap: Duration::from_secs(61),
            resend_window: Duration::from_secs(24 * 3600),
        }
    }

    /// The limits that Kotani Pay documents, and 3/s over all calls of one address, which it does not put a
    /// number to (source: its page on error handling, August 2026; of two limits for reading the tighter).
    pub fn usual_limits() -> RateLimits {
        let money = vec![RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)];
        RateLimits {
            payee: money.clone(),
            money,
            read: vec![RateLimit::per_seconds(20, 5)],
            all: vec![RateLimit::per_seconds(15, 5)],
        }
    }

    pub(crate) fn rules(&self) -> GatewayRules {
        GatewayRules {
            resend_window: self.resend_window,
            request_timeout: self.request_timeout,
            same_payee_gap: self.same_payee_gap,
            limits: self.limits.clone().unwrap_or_else(Self::usual_limits),
        }
    }
}

/// Scheme, host and port of the provider, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `https://api.kotanipay.com`, in one spelling: lower case, no default port, no slash at the end.
    pub(crate) text: String,
    /// Whether the connection is encrypted.
    pub(crate) encrypted: bool,
}

impl Origin {
    /// Checks an address.
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let url =
            Url::parse(text.trim()).map_err(|error| SettingsError::NotAUrl(error.to_string()))?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(SettingsError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SettingsError::Extra("a user name or password"));
        }
        if url.query().is_some() {
            return Err(SettingsError::Extra("a query"));
        }
        if url.fragment().is_some() {
            return Err(SettingsError::Extra("a fragment"));
        }
        if url.path() != "/" {
            return Err(SettingsError::Path(url.path().to_owned()));
        }
        let host = url.host_str().unwrap_or_default();
        if !encrypted && !is_loopback(host) {
            return Err(SettingsError::PlainHttp(host.to_owned()));
        }
        Ok(Self { text: url.origin().ascii_serialization(), encrypted })
    }
}

/// The name of this machine, and where the client is told to find it: whatever the system's resolver says.
pub(crate) const LOCALHOST: &str = "localhost";

/// Loopback for [`LOCALHOST`]; port 0 stands for the one in the URL.
pub(crate) const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == LOCALHOST || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        for (text, origin) in [
            ("https://api.kotanipay.com", "https://api.kotanipay.com"),
            (" https://API.kotanipay.com:443/ ", "https://api.kotanipay.com"),
            ("https://sandbox.test:8443", "https://sandbox.test:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("http://localhost:8080", "http://localhost:8080"),
        ] {
            assert_eq!(Origin::parse(text).unwrap().text, origin);
        }
    }

    #[test]
    fn anything_but_scheme_host_and_port_is_refused() {
        use SettingsError::{Extra, Path, PlainHttp, Scheme};
        for (text, error) in [
            ("https://api.kotanipay.com/api/v3", Path("/api/v3".into())),
            ("https://api.kotanipay.com//", Path("//".into())),
            ("ftp://api.kotanipay.com", Scheme("ftp".into())),
            ("file:///etc/passwd", Scheme("file".into())),
            ("https://secret@api.kotanipay.com", Extra("a user name or password")),
            ("https://api.kotanipay.com?key=secret", Extra("a query")),
            ("https://api.kotanipay.com#secret", Extra("a fragment")),
            ("http://api.kotanipay.com", PlainHttp("api.kotanipay.com".into())),
            ("http://0.0.0.0:80", PlainHttp("0.0.0.0".into())),
            ("http://10.0.0.1", PlainHttp("10.0.0.1".into())),
            ("http://localhost.evil.test", PlainHttp("localhost.evil.test".into())),
        ] {
            let refused = Origin::parse(text).unwrap_err();
            assert_eq!(refused, error, "{text}");
            assert!(!refused.to_string().contains("secret"));
        }
        for text in ["", "api.kotanipay.com", "https://"] {
            assert!(matches!(Origin::parse(text), Err(SettingsError::NotAUrl(_))), "{text}");
        }
    }

    #[test]
    fn the_usual_rules_are_the_documented_ones() {
        let rules = Settings::new("https://x.test", "k".parse().unwrap()).rules();
        assert_eq!(
            rules.limits.money,
            [RateLimit::per_seconds(60, 60), RateLimit::per_seconds(20, 5)]
        );
        assert_eq!(rules.limits.payee, rules.limits.money);
        assert_eq!(rules.limits.read, [RateLimit::per_seconds(20, 5)]);
        assert_eq!(rules.limits.all, [RateLimit::per_seconds(15, 5)]);
        assert_eq!(rules.same_payee_gap, Duration::from_secs(61));
        assert_eq!(rules.request_timeout, Duration::from_secs(30));
        assert_eq!(rules.resend_window, Duration::from_secs(86_400));
    }
}
