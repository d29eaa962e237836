//! A server that does what it is told, byte by byte, and remembers every byte it was sent.

use payrun_core::{
    Amount, Generation, Network, Payee, Payment, PaymentIndex, PhoneNumber, PlannedPayment,
    ProviderReference, WalletId,
};
use payrun_kotani::{Kotani, Settings};
use payrun_ports::{Body, Gateway as _, PayeeKey, Permit, Receipt};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "secret-key-1234";

/// What the server does with a connection, one after the other; after the last one, the last again.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Reads a request, answers with these bytes, waits for the next request.
    Answer(Vec<u8>),
    /// As `Answer`, then ends the connection.
    AnswerAndClose(Vec<u8>),
    /// Reads a request, then resets the connection.
    ReadAndReset,
    /// Reads a request, then ends the connection without a word.
    ReadAndClose,
    /// Reads a request, sends these bytes, and then nothing more without ending the connection.
    AnswerAndHang(Vec<u8>),
    /// Reads a request and answers with this head and a body of as many bytes, as long as anyone reads it.
    Flood(Vec<u8>, usize),
    /// Reads a request and sends one more byte of these every 50 ms.
    Drip(Vec<u8>),
    /// Ends the connection before reading anything.
    CloseAtOnce,
    /// Resets the connection before reading anything.
    ResetAtOnce,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Vec<u8>>,
    connections: usize,
    /// Bytes of a flood that somebody took.
    flooded: usize,
    ended: usize,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Act {
    /// Whether the client has to give up by itself.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self, Self::AnswerAndHang(_) | Self::Drip(_))
    }
}

impl Server {
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, mut acts) = (Arc::clone(&seen), acts.into_iter().peekable());
        tokio::spawn(async move {
            let mut act = acts.next().unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(socket, act.clone(), Arc::clone(&shared)));
                act = acts.next().unwrap_or(act);
            }
        });
        Self { address, seen }
    }

    /// One answer for every request.
    pub(crate) async fn answering(status: &str, body: &str) -> Self {
        Self::start(vec![Act::Answer(http(status, body))]).await
    }

    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Returns once a flood has ended: how many bytes of it left the server.
    pub(crate) async fn flooded(&self) -> usize {
        while self.seen.lock().unwrap().ended == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.seen.lock().unwrap().flooded
    }

    /// Returns once a whole request was read.
    pub(crate) async fn saw_a_request(&self) {
        while self.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Head and body of the only request.
    pub(crate) fn the_request(&self) -> (String, String) {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests seen");
        let text = String::from_utf8(requests[0].clone()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

async fn serve(mut socket: TcpStream, act: Act, seen: Arc<Mutex<Seen>>) {
    match &act {
        Act::CloseAtOnce => return,
        Act::ResetAtOnce => {
            socket.set_zero_linger().unwrap();
            return;
        }
        Act::Answer(_)
        | Act::AnswerAndClose(_)
        | Act::ReadAndReset
        | Act::ReadAndClose
        | Act::AnswerAndHang(_)
        | Act::Flood(..)
        | Act::Drip(_) => {}
    }
    let mut held = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut held).await {
        seen.lock().unwrap().requests.push(request);
        match &act {
            Act::Answer(bytes) => {
                if socket.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Act::AnswerAndClose(bytes) => {
                let _ = socket.write_all(bytes).await;
                let _ = socket.shutdown().await;
                return;
            }
            Act::ReadAndReset => {
                socket.set_zero_linger().unwrap();
                return;
            }
            Act::AnswerAndHang(bytes) => {
                let _ = socket.write_all(bytes).await;
                // Until the client gives up.
                let _ = socket.read(&mut [0]).await;
                return;
            }
            Act::Flood(head, length) => {
                let mut taken = 0;
                if socket.write_all(head).await.is_ok() {
                    let block = [b' '; 16 * 1024];
                    while taken < *length && socket.write_all(&block).await.is_ok() {
                        taken += block.len();
                    }
                }
                let mut seen = seen.lock().unwrap();
                (seen.flooded, seen.ended) = (seen.flooded + taken, seen.ended + 1);
                return;
            }
            Act::Drip(bytes) => {
                for byte in bytes {
                    if socket.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            Act::ReadAndClose | Act::CloseAtOnce | Act::ResetAtOnce => return,
        }
    }
}

/// A whole request, by its content-length.
async fn read_request(socket: &mut TcpStream, held: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&held[..end]).to_ascii_lowercase();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if held.len() >= end + 4 + length {
                let rest = held.split_off(end + 4 + length);
                return Some(std::mem::replace(held, rest));
            }
        }
        let mut bytes = [0; 8192];
        match socket.read(&mut bytes).await {
            Ok(count) if count > 0 => held.extend_from_slice(&bytes[..count]),
            _ => return None,
        }
    }
}

/// A plain answer with the right length.
pub(crate) fn http(status: &str, body: &str) -> Vec<u8> {
    http_with(status, "", body)
}

pub(crate) fn http_with(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

/// A gateway with time enough for a busy machine.
pub(crate) fn gateway(address: SocketAddr) -> Kotani {
    gateway_that_waits(address, Duration::from_secs(20))
}

/// One that gives up soon, for a server that never answers.
pub(crate) fn impatient_gateway(address: SocketAddr) -> Kotani {
    gateway_that_waits(address, IMPATIENT)
}

pub(crate) const IMPATIENT: Duration = Duration::from_millis(300);

fn gateway_that_waits(address: SocketAddr, request_timeout: Duration) -> Kotani {
    let mut settings = Settings::new(format!("http://{address}"), KEY.parse().unwrap());
    settings.request_timeout = request_timeout;
    Kotani::new(settings).unwrap()
}

pub(crate) fn payment() -> PlannedPayment {
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
                phone: PhoneNumber::from_e164("+233241234567").unwrap(),
            },
            amount: Amount::parse("1500.5", "GHS".parse().unwrap()).unwrap(),
            rail: payrun_core::Rail::MobileMoney,
            network: Network::new("MTN"),
            wallet: None,
            description: Some("June".into()),
        },
    }
}

pub(crate) const REFERENCE: &str = "b500eb23-7ef6-50f8-b922-db949d803482";

pub(crate) const BODY: &str = r#"{"customer_key":"cust-1","amount":1500.5,"walletId":"w-1","referenceId":"b500eb23-7ef6-50f8-b922-db949d803482","currency":"GHS","network":"MTN"}"#;

pub(crate) fn wallet() -> WalletId {
    WalletId::new("w-1")
}

pub(crate) fn body(gateway: &Kotani) -> Body {
    gateway.body(&payment(), &wallet(), &PayeeKey("cust-1".into())).unwrap()
}

/// As a store makes one after its sync.
pub(crate) fn permit(body: &Body) -> Permit {
    Receipt::after_sync([(PaymentIndex(0), 1, body.hash())]).into_permits().remove(0)
}
