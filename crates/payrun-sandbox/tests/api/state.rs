//! What is kept from one sandbox to the next, whatever ended the first.

use crate::support::{Server, body, settings, slow};
use payrun_sandbox::{Sandbox, Settings};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn kept(folder: &Path) -> Settings {
    Settings { state: Some(folder.to_owned()), ..slow() }
}

/// The one file in the folder.
fn file(folder: &Path) -> PathBuf {
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// A folder with one payment in it.
fn with_one_payment() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(kept(folder.path()));
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    let ledger = server.sandbox().ledger_json();
    server.stop();
    (folder, ledger)
}

#[test]
fn a_restart_knows_payments_customers_and_balances() {
    let (folder, ledger) = with_one_payment();
    let server = Server::start(kept(folder.path()));
    assert_eq!(server.sandbox().ledger_json(), ledger);
    let path = "/api/v3/customer/mobile-money/phone/%2B254712345678";
    let json = server.get(path).expect(200).json();
    let key = json["data"]["customer_key"].as_str().unwrap();
    server.withdraw(&body(key, "kes", "r", "100")).expect_error(400, "Duplicate referenceId");
    server.withdraw(&body(key, "kes", "r-2", "9901")).expect(400);
    server.withdraw(&body(key, "kes", "r-2", "9900")).expect(201);
}

#[test]
fn what_was_answered_is_on_file_before_the_answer() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start(kept(one.path()));
    let key = server.customer("+254712345678");
    for number in 0..10 {
        server.withdraw(&body(&key, "kes", &format!("r-{number}"), "1")).expect(201);
        // As a kill at this moment would leave it: nothing was asked to be written out.
        let from = file(one.path());
        fs::copy(&from, other.path().join(from.file_name().unwrap())).unwrap();
        let restarted = Server::start(kept(other.path()));
        assert_eq!(restarted.sandbox().ledger_json(), server.sandbox().ledger_json());
        restarted.stop();
    }
}

#[test]
fn a_line_that_a_kill_cut_off_is_dropped_and_the_rest_is_kept() {
    let (folder, ledger) = with_one_payment();
    let mut open = OpenOptions::new().append(true).open(file(folder.path())).unwrap();
    open.write_all(br#"{"event":"accepted","integrator":"x","refer"#).unwrap();
    for _ in 0..2 {
        let server = Server::start(kept(folder.path()));
        assert_eq!(server.sandbox().ledger_json(), ledger);
        server.stop();
    }
}

#[test]
fn a_broken_line_in_the_middle_is_no_start() {
    let (folder, _) = with_one_payment();
    let mut open = OpenOptions::new().append(true).open(file(folder.path())).unwrap();
    open.write_all(b"{\"event\":\"acc\n{}\n").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(Sandbox::start(kept(folder.path()))).is_err());
}

#[test]
fn a_folder_is_of_one_sandbox_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(kept(folder.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(Sandbox::start(kept(folder.path()))).err().unwrap();
    assert!(refused.to_string().contains("another sandbox has this folder"), "{refused}");
    server.stop();
    Server::start(kept(folder.path())).stop();
}

/// On one thread, so that nothing else can end the connection in time.
#[tokio::test]
async fn a_stopped_sandbox_has_let_its_folder_go_even_with_a_caller_connected() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        let sandbox = Sandbox::start(kept(folder.path())).await.unwrap();
        let mut caller = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
        caller.write_all(b"GET /health HTTP/1.1\r\nHost: sandbox\r\n\r\n").await.unwrap();
        caller.read_u8().await.unwrap();
        sandbox.stop().await;
    }
}

#[test]
fn a_settled_payment_does_not_come_back_to_life() {
    let folder = tempfile::tempdir().unwrap();
    let fast =
        Settings { settle: Duration::from_millis(50), time_scale: 50, ..kept(folder.path()) };
    let server = Server::start(fast);
    let key = server.customer("+254700000010");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
    server.until("r", "FAILED");
    server.stop();
    // Slower in every way, and still failed, with the money back.
    let server = Server::start(kept(folder.path()));
    assert_eq!(server.status("r").expect(200).json()["data"]["status"], "FAILED");
    assert_eq!(server.balance("kes"), "10000");
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("new/state");
    Server::start(Settings { state: Some(folder.clone()), ..settings() }).stop();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&file(&folder)), 0o600);
}
