//! The HTTP edge: one call, one request, one bounded answer. Decides nothing about money.
//!
//! # What a connection guarantees
//!
//! - **One call writes its request at most once.** reqwest's own retries are off (`retry::never`), redirects are
//!   not followed, no proxy is used, and HTTP/1.1 is the only protocol spoken.
//! - Below reqwest, hyper-util's pooled client re-sends a request by itself when a *reused* connection turns out
//!   closed before the request's first byte was handed to it; reqwest offers no switch for that. So requests
//!   that move money use a client **without a pool**: each opens a connection of its own, for which hyper-util
//!   never does this (its condition is a reused connection). That also spares payments from becoming unknown
//!   because the provider closed an idle connection just then. The price, one handshake for each payment, is
//!   shortened by TLS session resumption; no TLS early data is sent.
//! - Calls that move no money share pooled connections; a re-send there has no byte of the first on the wire.
//! - A name with several addresses may be tried at one after the other (and IPv4 beside IPv6) until a
//!   connection stands; bytes of the request go over that one only.
//! - [`Failure::NoConnection`] comes only from the connector: look-up of the name, TCP, TLS, together within
//!   [`CONNECT_TIMEOUT`]. hyper gets the request only after all three, so no byte of it had left. Where the
//!   whole call's time is over first, that is a [`Failure::Timeout`], although nothing may have left.

use crate::settings::{LOCALHOST, LOOPBACK, Origin};
use crate::{ApiKey, SettingsError};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The largest answer that is read. The documented ones are under 2 KiB each; 64 KiB holds some hundred wallets.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long look-up, TCP and TLS may take together.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// After this the pool closes what is idle, before the provider's end is likely to.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Every route begins with it.
const PREFIX: &str = "/api/v3";

/// A whole answer, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What `Retry-After` or `X-RateLimit-Reset` asks for.
    pub(crate) retry_after: Option<Duration>,
    /// The body, at most [`BODY_BYTES_MAX`].
    pub(crate) body: Vec<u8>,
}

/// No whole answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection stood, so no byte of the request left.
    NoConnection(String),
    /// The time was over.
    Timeout,
    /// Anything else: reset, end of stream, an answer too large or not HTTP.
    Broken(String),
}

/// The provider's address, reached in one way for money and in another for all else.
pub(crate) struct Edge {
    root: String,
    authorization: HeaderValue,
    money: reqwest::Client,
    other: reqwest::Client,
}

impl Edge {
    /// A client for the origin, with the certificates that the system trusts.
    pub(crate) fn new(
        origin: &Origin,
        key: &ApiKey,
        request_timeout: Duration,
    ) -> Result<Self, SettingsError> {
        Self::with_tls(origin, key, request_timeout, tls(origin.encrypted)?)
    }

    fn with_tls(
        origin: &Origin,
        key: &ApiKey,
        request_timeout: Duration,
        tls: rustls::ClientConfig,
    ) -> Result<Self, SettingsError> {
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .https_only(origin.encrypted)
                // A name that means this machine means it, whatever a resolver says.
                .resolve_to_addrs(LOCALHOST, &LOOPBACK)
                .http1_only()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(request_timeout)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .user_agent(concat!("payrun/", env!("CARGO_PKG_VERSION")))
        };
        let failed = |error: reqwest::Error| SettingsError::Client(words(error));
        // The error is not shown: it cannot say more than that the key does not fit into a header.
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| SettingsError::Client("the key does not fit into a header".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Self {
            root: format!("{}{PREFIX}", origin.text),
            authorization,
            // No idle connection is kept: see "What a connection guarantees" above.
            money: builder().pool_max_idle_per_host(0).build().map_err(failed)?,
            other: builder().build().map_err(failed)?,
        })
    }

    /// Reads. `path` begins with a slash and comes after the prefix.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.call(self.other.get(format!("{}{path}", self.root))).await
    }

    /// Writes what moves no money.
    pub(crate) async fn post(&self, path: &str, json: Vec<u8>) -> Result<Reply, Failure> {
        let request = self.other.post(format!("{}{path}", self.root));
        self.call(request.header(CONTENT_TYPE, "application/json").body(json)).await
    }

    /// Writes what moves money, on a connection of its own, byte for byte.
    pub(crate) async fn post_money(&self, path: &str, json: &[u8]) -> Result<Reply, Failure> {
        let request = self.money.post(format!("{}{path}", self.root));
        self.call(request.header(CONTENT_TYPE, "application/json").body(json.to_vec())).await
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Result<Reply, Failure> {
        let request = request
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(failure)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len().saturating_add(chunk.len()) > BODY_BYTES_MAX {
                let limit = BODY_BYTES_MAX / 1024;
                return Err(Failure::Broken(format!(
                    "the answer (HTTP {status}) is larger than {limit} KiB"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, retry_after, body })
    }
}

/// rustls with ring, named here so that no process-wide provider has to be installed.
fn tls(encrypted: bool) -> Result<rustls::ClientConfig, SettingsError> {
    let refused = |error: rustls::Error| SettingsError::Certificates(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    let mut config = if encrypted {
        builder.with_platform_verifier().map_err(refused)?.with_no_client_auth()
    } else {
        // To this machine without encryption: works where no certificates are installed, and trusts none.
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn failure(error: reqwest::Error) -> Failure {
    // First of all: a timeout of the connector is both.
    if error.is_connect() {
        Failure::NoConnection(words(error))
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Broken(words(error))
    }
}

/// The causes of an error, without its URL, which may hold a phone number.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        // Some layers repeat the text of the one below.
        if !words.iter().any(|known| known.contains(&text)) {
            words.push(text);
        }
        cause = inner.source();
    }
    if words.is_empty() { error.to_string() } else { words.join(": ") }
}

/// When the limiter's window begins anew, in seconds since 1970.
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The wait that the headers ask for: by `Retry-After`, else until the limiter's window begins anew. Both dates are
/// read against the answer's own.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let now = || httpdate::parse_http_date(text(DATE)?).ok();
    let asked = || {
        let wait = text(RETRY_AFTER)?;
        if let Ok(seconds) = wait.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(wait).ok()?;
        Some(until.duration_since(now()?).unwrap_or_default())
    };
    let reset = || {
        let since_1970 = Duration::from_secs(text(RATE_LIMIT_RESET)?.parse().ok()?);
        let until = SystemTime::UNIX_EPOCH.checked_add(since_1970)?;
        until.duration_since(now()?).ok().filter(|wait| !wait.is_zero())
    };
    asked().or_else(reset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[test]
    fn the_header_asks_in_seconds_or_until_a_date() {
        let headers = |pairs: &[(HeaderName, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
                .collect::<HeaderMap>()
        };
        let (date, until) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT");
        for (pairs, wait) in [
            (vec![(RETRY_AFTER, "12")], Some(12)),
            (vec![(RETRY_AFTER, until), (DATE, date)], Some(30)),
            (vec![(RETRY_AFTER, date), (DATE, until)], Some(0)),
            (vec![(RETRY_AFTER, until)], None),
            (vec![(RETRY_AFTER, "soon"), (DATE, date)], None),
            (vec![(RETRY_AFTER, "-1")], None),
            (vec![], None),
            (vec![(RATE_LIMIT_RESET, "784111807"), (DATE, date)], Some(30)),
            (vec![(RATE_LIMIT_RESET, "784111807"), (DATE, date), (RETRY_AFTER, "12")], Some(12)),
            (vec![(RATE_LIMIT_RESET, "784111807"), (DATE, date), (RETRY_AFTER, "soon")], Some(30)),
            (vec![(RATE_LIMIT_RESET, "784111807")], None),
            // In the past: no wait that anyone meant.
            (vec![(RATE_LIMIT_RESET, "784111777"), (DATE, date)], None),
            (vec![(RATE_LIMIT_RESET, "30"), (DATE, date)], None),
            (vec![(RATE_LIMIT_RESET, "soon"), (DATE, date)], None),
        ] {
            assert_eq!(retry_after(&headers(&pairs)), wait.map(Duration::from_secs), "{pairs:?}");
        }
    }

    /// A server with a certificate of its own for `localhost`; answers one request, tells what it read.
    async fn encrypted_server() -> (Origin, rustls::RootCertStore, tokio::task::JoinHandle<Vec<u8>>)
    {
        let own = rcgen::generate_simple_self_signed([LOCALHOST.to_owned()]).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(own.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![own.cert.der().clone()],
                rustls::pki_types::PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into()),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else {
                return Vec::new();
            };
            let mut bytes = vec![0; 4096];
            let count = stream.read(&mut bytes).await.unwrap_or(0);
            bytes.truncate(count);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            let _ = stream.shutdown().await;
            bytes
        });
        let origin = Origin::parse(&format!("https://{LOCALHOST}:{port}")).unwrap();
        (origin, roots, served)
    }

    #[tokio::test]
    async fn a_certificate_that_the_system_does_not_trust_stops_the_request_before_a_byte_left() {
        let (origin, _, served) = encrypted_server().await;
        let key = "secret-1234".parse().unwrap();
        // The verifier of the system, if this machine has certificates; else one that trusts nobody.
        let tls = tls(true).unwrap_or_else(|_| tls(false).unwrap());
        let edge = Edge::with_tls(&origin, &key, Duration::from_secs(5), tls).unwrap();
        let failure = edge.post_money("/withdraw/mobile-money", b"{}").await.unwrap_err();
        assert!(matches!(failure, Failure::NoConnection(_)), "{failure:?}");
        assert_eq!(served.await.unwrap(), b"", "the server read a request");
    }

    #[tokio::test]
    async fn a_trusted_certificate_opens_a_connection_with_http_1() {
        let (origin, roots, served) = encrypted_server().await;
        let key = "secret-1234".parse().unwrap();
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let edge = Edge::with_tls(&origin, &key, Duration::from_secs(5), tls).unwrap();
        let reply = edge.post_money("/withdraw/mobile-money", b"{}").await.unwrap();
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"{}".as_slice()));
        let seen = String::from_utf8(served.await.unwrap()).unwrap();
        assert!(seen.starts_with("POST /api/v3/withdraw/mobile-money HTTP/1.1\r\n"), "{seen}");
    }
}
