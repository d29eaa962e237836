//! The sandbox in a process of its own, so that it outlives the runs that are killed.

use crate::{Ledger, binary};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A sandbox process on a free port of this machine; ended with the value.
pub struct Provider {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Provider {
    /// Starts `payrun sandbox` and waits for its address.
    pub fn start(args: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "the sandbox did not start: {line:?}");
        Self { child, url }
    }

    /// What really moved.
    pub fn ledger(&self) -> Ledger {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(600))).unwrap();
        write!(
            stream,
            "GET /_sandbox/ledger HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let json = body.get(body.find('{').unwrap()..=body.rfind('}').unwrap()).unwrap();
        Ledger::read(
            &serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {answer}")),
        )
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // By its own id; it may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
