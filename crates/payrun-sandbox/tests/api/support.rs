//! A sandbox for one test, and the smallest client that can talk to it.

use payrun_sandbox::{Sandbox, Settings, WalletSetting};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Nothing here takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }

    /// Asserts the status, showing the body if it is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Asserts an error in the API's usual shape.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, message: &str) {
        assert_eq!((self.status, self.message().as_str()), (status, message), "{}", self.body);
        let json = self.json();
        assert_eq!(json["success"], false);
        assert_eq!(json["error_code"], status);
        assert!(json["data"].is_object());
    }
}

/// A running sandbox.
pub(crate) struct Server {
    runtime: Runtime,
    sandbox: Sandbox,
}

impl Server {
    pub(crate) fn start(settings: Settings) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let sandbox = runtime.block_on(Sandbox::start(settings)).unwrap();
        Self { runtime, sandbox }
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.sandbox.stop());
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub(crate) fn ledger(&self) -> Value {
        serde_json::from_str(&self.sandbox.ledger_json()).unwrap()
    }

    /// How often money moved for a reference.
    pub(crate) fn count(&self, reference: &str) -> u64 {
        let ledger = self.ledger();
        let executions = ledger["executions"].as_array().unwrap();
        let found = executions.iter().find(|entry| entry["reference"] == reference);
        found.map_or(0, |entry| entry["count"].as_u64().unwrap())
    }

    /// What a wallet has, as the judge sees it.
    pub(crate) fn balance(&self, wallet: &str) -> String {
        let ledger = self.ledger();
        let wallets = ledger["wallets"].as_array().unwrap();
        let found = wallets.iter().find(|entry| entry["id"] == wallet).unwrap();
        found["balance"].as_str().unwrap().to_owned()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Some("key-1"), "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, Some("key-1"), body)
    }

    pub(crate) fn call(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> Answer {
        let bytes = raw(self.sandbox.address(), method, path, key, body);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, body: body.to_owned() }
    }

    /// Everything that comes back for a withdrawal until the connection ends.
    pub(crate) fn raw_withdrawal(&self, body: &str) -> Vec<u8> {
        raw(self.sandbox.address(), "POST", "/api/v3/withdraw/mobile-money", Some("key-1"), body)
    }

    /// Makes a customer known and gives the key.
    pub(crate) fn customer(&self, phone: &str) -> String {
        let body = json!({"phone_number": phone, "country_code": "KE", "network": "MPESA"});
        let answer = self.post("/api/v3/customer/mobile-money", &body.to_string()).expect(201);
        answer.json()["data"]["customer_key"].as_str().unwrap().to_owned()
    }

    pub(crate) fn withdraw(&self, body: &str) -> Answer {
        self.post("/api/v3/withdraw/mobile-money", body)
    }

    pub(crate) fn status(&self, reference: &str) -> Answer {
        self.get(&format!("/api/v3/withdraw/status/{reference}"))
    }

    /// Asks until the payment has this status.
    pub(crate) fn until(&self, reference: &str, status: &str) -> Answer {
        until(|| {
            let answer = self.status(reference).expect(200);
            (answer.json()["data"]["status"] == status).then_some(answer)
        })
    }
}

/// Asks until there is something.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn raw(address: SocketAddr, method: &str, path: &str, key: Option<&str>, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A body for a withdrawal; the amount is JSON text.
pub(crate) fn body(customer: &str, wallet: &str, reference: &str, amount: &str) -> String {
    format!(
        r#"{{"customer_key":"{customer}","amount":{amount},"walletId":"{wallet}","referenceId":"{reference}"}}"#
    )
}

fn wallet(id: &str, currency: &str, balance: i64) -> WalletSetting {
    WalletSetting {
        id: id.to_owned(),
        name: format!("{currency} payouts"),
        currency: currency.to_owned(),
        balance: Decimal::from(balance),
        country: None,
        active: true,
    }
}

/// Wallets `kes` (10,000), `ghs` (5,000) and `off`, which is not active.
pub(crate) fn settings() -> Settings {
    let off = WalletSetting { active: false, ..wallet("off", "KES", 10) };
    Settings {
        wallets: vec![wallet("kes", "KES", 10_000), wallet("ghs", "GHS", 5_000), off],
        settle: Duration::from_millis(20),
        ..Settings::default()
    }
}

/// As [`settings`], and nothing settles while a test runs.
pub(crate) fn slow() -> Settings {
    Settings { settle: Duration::from_secs(86_400), ..settings() }
}
