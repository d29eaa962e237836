//! Callers who send what no caller should, many at a time.

use crate::support::{Server, body, slow};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Sends these bytes as they are and reads until the other end is done with them.
fn send(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.sandbox().address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It may have seen enough before it has seen everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_not_a_request_moves_nothing_and_stops_nobody_else() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let good = body(&key, "kes", "r", "100");
    let head = |length: usize| {
        format!(
            "POST /api/v3/withdraw/mobile-money HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\
             Authorization: Bearer key-1\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let deep = "[".repeat(100_000);
    let huge = format!("{}{good}", " ".repeat(3_000_000));
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("not HTTP", b"\x16\x03\x01\x02\x00hello\r\n\r\n".to_vec()),
        ("half a head", b"POST /api/v3/withdraw/mobile-money HTT".to_vec()),
        ("half a body", format!("{}{good}", head(good.len() + 1)).into_bytes()),
        ("no text", [head(2).as_bytes(), b"\xff\xfe"].concat()),
        ("too deep", format!("{}{deep}", head(deep.len())).into_bytes()),
        ("too large", format!("{}{huge}", head(huge.len())).into_bytes()),
        (
            "a path that is no text",
            b"GET /api/v3/withdraw/status/%FF HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"
                .to_vec(),
        ),
    ] {
        let answer = send(&server, &bytes);
        assert!(!answer.contains(" 201 ") && !answer.contains(" 500 "), "{name}: {answer}");
        assert_eq!(server.count("r"), 0, "{name}");
    }
    server.withdraw(&good).expect(201);
    assert_eq!((server.count("r"), server.balance("kes").as_str()), (1, "9900"));
}

#[test]
fn idle_callers_do_not_keep_others_waiting() {
    let server = Server::start(slow());
    let address = server.sandbox().address();
    let _idle: Vec<_> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
    let key = server.customer("+254712345678");
    server.withdraw(&body(&key, "kes", "r", "100")).expect(201);
}

#[test]
fn of_many_callers_with_one_reference_one_moves_money() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let text = body(&key, "kes", "r", "100");
    let accepted = std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..32).map(|_| scope.spawn(|| server.withdraw(&text).status)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).filter(|code| *code == 201).count()
    });
    assert_eq!((accepted, server.count("r"), server.balance("kes").as_str()), (1, 1, "9900"));
}

#[test]
fn of_many_callers_for_the_last_money_as_many_get_it_as_it_reaches_for() {
    let server = Server::start(slow());
    let key = server.customer("+254712345678");
    let call = |number: u32| server.withdraw(&body(&key, "kes", &format!("r-{number}"), "1000"));
    let call = &call;
    let accepted = std::thread::scope(|scope| {
        let callers: Vec<_> =
            (0..32).map(|number| scope.spawn(move || call(number).status)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).filter(|code| *code == 201).count()
    });
    assert_eq!((accepted, server.balance("kes").as_str()), (10, "0"));
}
