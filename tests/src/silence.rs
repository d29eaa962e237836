//! A provider that answers everything but look-ups, which it leaves hanging.

use crate::Provider;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Stands in front of a provider, and says nothing when it is asked about a payment.
pub struct Silence {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    asked: Receiver<()>,
}

impl Silence {
    /// Begins to listen, in threads that end with the test's process.
    pub fn before(provider: &Provider) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = provider.url.strip_prefix("http://").unwrap().to_owned();
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tell, behind) = (tell.clone(), behind.clone());
                std::thread::spawn(move || answer(stream.unwrap(), &behind, &tell));
            }
        });
        Self { url, asked }
    }

    /// Waits until a look-up hangs.
    pub fn wait_until_asked(&self, patience: Duration) {
        self.asked.recv_timeout(patience).unwrap();
    }
}

/// Passes one request on, unless it is a look-up.
fn answer(mut client: TcpStream, behind: &str, tell: &Sender<()>) -> Option<()> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(at) = request.windows(4).position(|part| part == b"\r\n\r\n") {
            break at;
        }
        let mut more = [0; 4096];
        let read = client.read(&mut more).ok().filter(|read| *read > 0)?;
        request.extend(&more[..read]);
    };
    if String::from_utf8_lossy(&request[..end]).lines().next()?.contains("/withdraw/status") {
        let _ = tell.send(());
        loop {
            std::thread::park();
        }
    }
    let mut provider = TcpStream::connect(behind).ok()?;
    provider.write_all(&request[..end]).ok()?;
    provider.write_all(b"\r\nConnection: close").ok()?;
    provider.write_all(&request[end..]).ok()?;
    io::copy(&mut provider, &mut client).ok()?;
    Some(())
}
