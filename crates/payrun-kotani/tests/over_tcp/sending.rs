//! Sending money to a server that misbehaves in every way that a socket allows: the answer is *unknown*
//! unless there is proof, and the server never sees a request twice.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the one answer it wants")]

use crate::server::{
    self, Act, BODY, IMPATIENT, KEY, REFERENCE, Server, gateway, http, http_with,
    impatient_gateway, payment, permit, wallet,
};
use payrun_core::{Clue, Settlement};
use payrun_ports::{Answer, Body, CallError, Gateway as _, LookUp, NotSent};
use std::time::Duration;

/// Sends the payment once to a server that does this.
async fn send(act: Act) -> (Answer, Server) {
    let make = if act.is_endless() { impatient_gateway } else { gateway };
    let server = Server::start(vec![act]).await;
    let gateway = make(server.address);
    let body = server::body(&gateway);
    let answer = gateway.send(permit(&body), &payment(), &body).await;
    (answer, server)
}

fn ok() -> String {
    format!(
        r#"{{"success":true,"message":"ok","data":{{"id":"1","referenceId":"{REFERENCE}","status":"PENDING"}}}}"#
    )
}

fn is_silence(answer: &Answer) -> bool {
    matches!(answer, Answer::Unknown(Clue::Silence, _))
}

#[tokio::test]
async fn the_request_is_exactly_the_body_on_record_with_the_key_in_one_header() {
    let (answer, server) = send(Act::Answer(http("201 Created", &ok()))).await;
    assert_eq!(answer, Answer::Settled(Settlement::InFlight, None));
    let (head, body) = server.the_request();
    assert_eq!(body, BODY);
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /api/v3/withdraw/mobile-money HTTP/1.1"));
    let mut headers: Vec<String> = lines.map(str::to_owned).collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept: application/json".to_owned(),
            format!("authorization: Bearer {KEY}"),
            format!("content-length: {}", BODY.len()),
            "content-type: application/json".to_owned(),
            format!("host: {}", server.address),
            concat!("user-agent: payrun/", env!("CARGO_PKG_VERSION")).to_owned(),
        ]
    );
}

#[tokio::test]
async fn whatever_cuts_the_answer_short_leaves_the_payment_unknown() {
    let whole = http("200 OK", &ok());
    let half = whole[..whole.len() / 2].to_vec();
    let too_short = format!("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}", ok()).into_bytes();
    let too_long = format!("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n{}", ok()).into_bytes();
    for (name, act) in [
        ("reset before reading", Act::ResetAtOnce),
        ("end before reading", Act::CloseAtOnce),
        ("reset after reading", Act::ReadAndReset),
        ("end after reading", Act::ReadAndClose),
        ("no answer", Act::AnswerAndHang(Vec::new())),
        ("half a head, then end", Act::AnswerAndClose(b"HTTP/1.1 200".to_vec())),
        ("half an answer, then end", Act::AnswerAndClose(half.clone())),
        ("half an answer, then nothing", Act::AnswerAndHang(half)),
        ("shorter than it says, then end", Act::AnswerAndClose(too_long.clone())),
        ("shorter than it says, then nothing", Act::AnswerAndHang(too_long)),
        ("longer than it says", Act::AnswerAndClose(too_short)),
        ("a byte now and then", Act::Drip(whole)),
        ("not HTTP", Act::AnswerAndClose(b"hello\r\n\r\n".to_vec())),
        ("only an interim answer", Act::AnswerAndClose(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())),
        ("a page", Act::Answer(http("200 OK", "<html>ok</html>"))),
        ("nothing", Act::Answer(http("200 OK", ""))),
        ("no content", Act::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())),
        ("server fault", Act::Answer(http("500 Internal Server Error", &ok()))),
        ("bad gateway", Act::Answer(http("502 Bad Gateway", "<html>"))),
        ("request timeout", Act::Answer(http("408 Request Timeout", ""))),
        ("forbidden by a proxy", Act::Answer(http("403 Forbidden", "<html>"))),
    ] {
        let (answer, server) = send(act).await;
        assert!(is_silence(&answer), "{name}: {answer:?}");
        assert!(server.requests().len() <= 1, "{name}");
        assert_eq!(server.connections(), 1, "{name}");
        assert!(!format!("{answer:?}").contains(KEY), "{name}");
    }
}

/// A whole answer settles, every part of it leaves the payment unknown, and none is asked for twice.
#[tokio::test]
async fn an_answer_that_ends_after_any_of_its_bytes_is_none() {
    let settled = r#""status":"SUCCESSFUL","amount":1500.5,"walletId":"w-1""#;
    let whole = http("200 OK", &ok().replace(r#""status":"PENDING""#, settled));
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for part in ok().replace(r#""status":"PENDING""#, settled).as_bytes().chunks(16) {
        chunked.extend(format!("{:x}\r\n", part.len()).bytes());
        chunked.extend(part.iter().chain(b"\r\n"));
    }
    chunked.extend(b"0\r\n\r\n");
    for whole in [whole, chunked] {
        for end in 0..=whole.len() {
            let (answer, server) = send(Act::AnswerAndClose(whole[..end].to_vec())).await;
            if end == whole.len() {
                assert_eq!(answer, Answer::Settled(Settlement::Paid, None));
            } else {
                assert!(is_silence(&answer), "after {end} bytes: {answer:?}");
            }
            assert_eq!((server.requests().len(), server.connections()), (1, 1), "{end}");
        }
    }
}

/// What each answer means, by the documented shapes, as it comes over a connection.
#[tokio::test]
async fn every_kind_of_answer_means_what_the_table_says() {
    let e1 = |code: u16, message: &str| {
        format!(r#"{{"success":false,"message":"{message}","error_code":{code},"data":{{}}}}"#)
    };
    let e2 = |code: u16, message: &str| {
        format!(r#"{{"statusCode":{code},"message":"{message}","error":"x"}}"#)
    };
    let named = |status: &str| ok().replace("PENDING", status);
    let banned =
        r#"{"success":false,"message":"no","error_code":403,"data":{"bannedUntil":"2026-12-24"}}"#;
    for (status, body, means) in [
        ("200 OK", named("SUCCESSFUL"), "paid"),
        ("200 OK", named("TRANSACTION_RETRY_SUCCESSFUL"), "paid"),
        ("201 Created", named("FAILED"), "failed"),
        ("200 OK", named("PERMANENTLY_FAILED"), "failed"),
        ("200 OK", named("CANCELLED"), "failed, may be corrected"),
        ("200 OK", named("EXPIRED"), "failed, may be corrected"),
        ("200 OK", named("REVERSED"), "reversed"),
        ("200 OK", named("REQUIRE_REVIEW"), "needs a person"),
        ("200 OK", named("DUPLICATE"), "needs a person"),
        ("202 Accepted", named("IN_PROGRESS"), "in flight"),
        ("200 OK", named("A_WORD_OF_TOMORROW"), "in flight"),
        ("200 OK", ok().replace(REFERENCE, "b500eb23-0000-50f8-b922-db949d803482"), "unknown"),
        ("200 OK", ok().replace("\"id\"", "\"amount\":1500,\"id\""), "known there"),
        ("400 Bad Request", e1(400, "Validation failed: amount"), "refused"),
        ("422 Unprocessable", e2(422, "Invalid phone number"), "refused"),
        ("400 Bad Request", e1(400, "Never heard of that"), "unknown, refused"),
        ("404 Not Found", e2(404, "Never heard of that"), "unknown, refused"),
        ("422 Unprocessable", e2(422, "Never heard of that"), "unknown, refused"),
        ("409 Conflict", e2(409, "Conflict"), "known there"),
        ("400 Bad Request", e1(400, "Duplicate reference"), "known there"),
        ("400 Bad Request", e1(400, "Reference Id already exists"), "known there"),
        ("400 Bad Request", e1(400, "Transaction Denied"), "too soon for the payee"),
        ("401 Unauthorized", e2(401, "Unauthorized"), "not sent: key"),
        ("403 Forbidden", e2(403, "Forbidden"), "not sent: key"),
        ("403 Forbidden", banned.to_owned(), "not sent: payee"),
        ("400 Bad Request", e1(400, "Insufficient funds in fiat wallet"), "not sent: funds"),
        ("404 Not Found", e2(404, "Wallet Not Found"), "not sent: wallet"),
        ("429 Too Many Requests", e1(429, "Too many"), "not sent: busy"),
        ("408 Request Timeout", e2(408, "Timeout"), "unknown"),
        ("500 Internal Server Error", e1(500, "Insufficient funds in fiat wallet"), "unknown"),
        ("503 Unavailable", e1(503, "Duplicate reference"), "unknown"),
        ("418 I'm a teapot", e2(418, "Short and stout"), "unknown"),
        // The same statuses by something on the way, not by the API.
        ("401 Unauthorized", "<html>".to_owned(), "unknown"),
        ("403 Forbidden", "Access denied".to_owned(), "unknown"),
        ("404 Not Found", "<html>".to_owned(), "unknown"),
        ("400 Bad Request", String::new(), "unknown"),
        ("429 Too Many Requests", "slow down".to_owned(), "unknown"),
        ("200 OK", "\u{feff}{}".to_owned(), "unknown"),
        ("200 OK", ok().repeat(2), "unknown"),
        ("200 OK", "[".repeat(50_000), "unknown"),
    ] {
        let (answer, server) = send(Act::Answer(http(status, &body))).await;
        let got = match &answer {
            Answer::Settled(Settlement::Paid, _) => "paid",
            Answer::Settled(Settlement::Failed { correctable: false }, _) => "failed",
            Answer::Settled(Settlement::Failed { correctable: true }, _) => {
                "failed, may be corrected"
            }
            Answer::Settled(Settlement::Reversed, _) => "reversed",
            Answer::Settled(Settlement::NeedsPerson, _) => "needs a person",
            Answer::Settled(Settlement::InFlight, _) => "in flight",
            Answer::Refused(_) => "refused",
            Answer::Unknown(Clue::Silence, _) => "unknown",
            Answer::Unknown(Clue::Refused, _) => "unknown, refused",
            Answer::Unknown(Clue::Duplicate, _) => "known there",
            Answer::TooSoonForPayee(_) => "too soon for the payee",
            Answer::NotSent(NotSent::KeyRefused(_)) => "not sent: key",
            Answer::NotSent(NotSent::PayeeBanned { .. }) => "not sent: payee",
            Answer::NotSent(NotSent::InsufficientFunds(_)) => "not sent: funds",
            Answer::NotSent(NotSent::WalletUnusable(_)) => "not sent: wallet",
            Answer::NotSent(NotSent::Busy(_)) => "not sent: busy",
            Answer::NotSent(NotSent::NoConnection(_)) => "not sent: no connection",
        };
        let shown: String = body.chars().take(200).collect();
        assert_eq!(got, means, "{status} {shown}: {answer:?}");
        assert_eq!((server.requests().len(), server.connections()), (1, 1), "{status} {shown}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let other = Server::answering("200 OK", &ok()).await;
        let location =
            format!("location: http://{}/api/v3/withdraw/mobile-money\r\n", other.address);
        let (answer, server) = send(Act::Answer(http_with(status, &location, &ok()))).await;
        assert!(is_silence(&answer), "{answer:?}");
        assert_eq!((server.requests().len(), other.connections()), (1, 0));
    }
}

/// A proxy would make every refused connection a doubt, and see the key on the way to this machine.
#[test]
fn a_proxy_named_by_the_environment_is_not_used() {
    // Where nobody listens: whoever goes there comes back without an answer.
    let proxy = "http://127.0.0.1:1";
    let name = "sending::the_request_is_exactly_the_body_on_record_with_the_key_in_one_header";
    let mut test = std::process::Command::new(std::env::current_exe().unwrap());
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        test.env(variable, proxy);
    }
    let done = test.env_remove("no_proxy").env_remove("NO_PROXY").args(["--exact", name]).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_limiter_s_wait_is_passed_on() {
    let e1 = r#"{"success":false,"message":"Too many","error_code":429,"data":{}}"#;
    let e2 = r#"{"statusCode":429,"message":"Too many requests.","error":"Too Many Requests","data":{"retryAfter":7}}"#;
    let e3 = r#"{"status":"error","message":"Rate limit exceeded","error_code":"RATE_LIMITED","retry_after":60}"#;
    let dates =
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n";
    let reset = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 784111807\r\n";
    for (headers, body, wait) in [
        ("", e1, None),
        (reset, e1, Some(30)),
        (reset, e2, Some(7)),
        ("retry-after: 12\r\n", e1, Some(12)),
        (dates, e1, Some(30)),
        ("retry-after: 12\r\n", e2, Some(7)),
        ("retry-after: 12\r\n", e3, Some(60)),
    ] {
        let (answer, _) =
            send(Act::Answer(http_with("429 Too Many Requests", headers, body))).await;
        let busy = NotSent::Busy(wait.map(Duration::from_secs));
        assert_eq!(answer, Answer::NotSent(busy), "{headers} {body}");
    }
    let page = http_with("429 Too Many Requests", "retry-after: 12\r\n", "<html>");
    let (answer, _) = send(Act::Answer(page)).await;
    assert!(is_silence(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_refused_connection_is_proof_that_nothing_was_sent() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let gateway = gateway(address);
    let body = server::body(&gateway);
    let answer = gateway.send(permit(&body), &payment(), &body).await;
    assert!(matches!(answer, Answer::NotSent(NotSent::NoConnection(_))), "{answer:?}");
    let error = gateway.account().await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable(_)), "{error:?}");
    // The phone is in the path of this one, and in no error.
    let error = gateway.find_payee(&payment()).await.unwrap_err();
    assert!(!format!("{error:?}").contains("241234567"), "{error:?}");
}

#[tokio::test]
async fn an_answer_is_given_up_where_it_grows_too_large() {
    let mut chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..100 {
        chunks.extend(b"400\r\n".iter().chain(&[b' '; 1024]).chain(b"\r\n"));
    }
    let plain = http("200 OK", &format!("{}{}", ok(), " ".repeat(102_400)));
    for act in [Act::Answer(plain), Act::Answer(chunks)] {
        match send(act).await {
            (Answer::Unknown(Clue::Silence, why), _) => {
                assert!(why.contains("larger than 64 KiB"), "{why}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

/// Neither is it read to its end, nor does the payment become anything but unknown.
#[tokio::test]
async fn an_answer_of_a_hundred_megabytes_is_not_taken_in() {
    const FLOOD: usize = 100 << 20;
    let declared = format!("HTTP/1.1 200 OK\r\ncontent-length: {FLOOD}\r\n\r\n");
    let until_the_end = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_owned();
    let one_chunk = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{FLOOD:x}\r\n");
    let endless_head = "HTTP/1.1 200 OK\r\nx-filler: ".to_owned();
    for head in [declared, until_the_end, one_chunk, endless_head] {
        let (answer, server) = send(Act::Flood(head.clone().into_bytes(), FLOOD)).await;
        assert!(is_silence(&answer), "{head}: {answer:?}");
        // What is beyond the client's bound stands in the buffers of the two sockets.
        let taken = server.flooded().await;
        assert!(taken < FLOOD / 4, "{head}: {taken} bytes");
        assert_eq!(server.connections(), 1, "{head}");
    }
}

#[tokio::test]
async fn a_permit_for_other_bytes_sends_nothing() {
    let server = Server::answering("200 OK", &ok()).await;
    let gateway = gateway(server.address);
    let body = server::body(&gateway);
    let other = Body::new(BODY.replace("1500.5", "9500.5").into_bytes());
    let mismatch = gateway.send(permit(&other), &payment(), &body).await;
    assert!(matches!(mismatch, Answer::NotSent(NotSent::NoConnection(_))), "{mismatch:?}");
    // Permit and body agree with each other, but not with the payment.
    let foreign = gateway.send(permit(&other), &payment(), &other).await;
    assert!(matches!(foreign, Answer::NotSent(NotSent::NoConnection(_))), "{foreign:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn every_payment_has_a_connection_of_its_own_so_an_ended_one_is_never_met() {
    // Each connection is ended by the server right after its answer, or kept open: it makes no difference.
    for act in [Act::AnswerAndClose(http("200 OK", &ok())), Act::Answer(http("200 OK", &ok()))] {
        let server = Server::start(vec![act]).await;
        let gateway = gateway(server.address);
        let body = server::body(&gateway);
        for _ in 0..20 {
            let answer = gateway.send(permit(&body), &payment(), &body).await;
            assert_eq!(answer, Answer::Settled(Settlement::InFlight, None));
        }
        assert_eq!((server.requests().len(), server.connections()), (20, 20));
    }
}

#[tokio::test]
async fn a_connection_that_dies_under_a_request_is_not_tried_again() {
    for deadly in [Act::ReadAndReset, Act::ReadAndClose, Act::CloseAtOnce, Act::ResetAtOnce] {
        // A second connection would be answered well, and so betray itself.
        let acts =
            vec![Act::Answer(http("200 OK", &ok())), deadly, Act::Answer(http("200 OK", &ok()))];
        let server = Server::start(acts).await;
        let gateway = gateway(server.address);
        let body = server::body(&gateway);
        let first = gateway.send(permit(&body), &payment(), &body).await;
        assert_eq!(first, Answer::Settled(Settlement::InFlight, None));
        let second = gateway.send(permit(&body), &payment(), &body).await;
        assert!(is_silence(&second), "{second:?}");
        assert_eq!(server.connections(), 2);
        assert!(server.requests().len() <= 2);
    }
}

#[tokio::test]
async fn two_answers_on_one_connection_do_not_settle_the_next_payment() {
    let doubled = [http("200 OK", &ok()), http("200 OK", &ok())].concat();
    let server = Server::start(vec![Act::Answer(doubled), Act::ReadAndClose]).await;
    let gateway = gateway(server.address);
    let body = server::body(&gateway);
    let first = gateway.send(permit(&body), &payment(), &body).await;
    assert_eq!(first, Answer::Settled(Settlement::InFlight, None));
    let second = gateway.send(permit(&body), &payment(), &body).await;
    assert!(is_silence(&second), "{second:?}");
}

#[tokio::test]
async fn a_dropped_send_reached_the_server_once_and_is_not_taken_up_again() {
    let server = Server::start(vec![Act::AnswerAndHang(Vec::new())]).await;
    let gateway = gateway(server.address);
    let body = server::body(&gateway);
    let planned = payment();
    tokio::select! {
        answer = gateway.send(permit(&body), &planned, &body) => panic!("{answer:?}"),
        () = server.saw_a_request() => {}
    }
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_look_up_says_found_different_or_not_found_only_in_the_api_s_words() {
    let found = |status: &str, more: &str| {
        format!(
            r#"{{"success":true,"message":"ok","data":{{"id":"1","status":"{status}","walletId":"w-1"{more}}}}}"#
        )
    };
    let not_found =
        r#"{"success":false,"message":"Reference Id not found","error_code":404,"data":{}}"#;
    for (status, body, expected) in [
        ("200 OK", found("SUCCESSFUL", r#","amount":1500.5000000000002"#), "paid"),
        ("200 OK", found("PENDING", r#","amount":1500.5,"customerKey":"cust-1""#), "in-flight"),
        (
            "200 OK",
            found("FAILED", r#","amount":1500.5,"errorMessage":"+233 24 123 4567 unknown""#),
            "failed +2332••••••67 unknown",
        ),
        // A last word that names no payment settles none; one on the way may.
        ("200 OK", found("FAILED", ""), "unreadable"),
        ("200 OK", found("SUCCESSFUL", ""), "unreadable"),
        ("200 OK", found("PENDING", ""), "in-flight"),
        // An empty text names nothing.
        ("200 OK", r#"{"data":{"referenceId":"","status":"FAILED"}}"#.to_owned(), "unreadable"),
        (
            "200 OK",
            r#"{"data":{"amount":1500.5,"walletId":"","status":"SUCCESSFUL"}}"#.to_owned(),
            "unreadable",
        ),
        (
            "200 OK",
            r#"{"data":{"referenceId":"","customerKey":"","status":"PENDING"}}"#.to_owned(),
            "unreadable",
        ),
        // Not the status of a payment at all.
        ("200 OK", r#"{"status":"ok"}"#.to_owned(), "unreadable"),
        (
            "200 OK",
            r#"{"status":"error","message":"Reference Id not found","error_code":"X"}"#.to_owned(),
            "unreadable",
        ),
        ("200 OK", found("SUCCESSFUL", r#","amount":1500"#), "different"),
        ("200 OK", found("SUCCESSFUL", r#","customerKey":"cust-2""#), "different"),
        ("200 OK", found("SUCCESSFUL", r#","referenceId":"x""#), "different"),
        ("200 OK", r#"{"data":{"id":"1"}}"#.to_owned(), "unreadable"),
        ("200 OK", found("SUCCESSFUL", r#","amount":{}"#), "unreadable"),
        ("200 OK", "<html>".to_owned(), "unreadable"),
        ("200 OK", not_found.to_owned(), "unreadable"),
        ("202 Accepted", found("SUCCESSFUL", ""), "unreadable"),
        ("404 Not Found", not_found.to_owned(), "not-found"),
        ("404 Not Found", "<html>".to_owned(), "unreadable"),
        (
            "404 Not Found",
            r#"{"statusCode":404,"message":"Cannot GET /","error":"Not Found"}"#.to_owned(),
            "unreadable",
        ),
        ("401 Unauthorized", String::new(), "key"),
        ("429 Too Many Requests", String::new(), "busy"),
        ("503 Unavailable", not_found.to_owned(), "unreadable"),
        ("302 Found", String::new(), "unreadable"),
    ] {
        let server = Server::answering(status, &body).await;
        let gateway = gateway(server.address);
        let sent = server::body(&gateway);
        let got = match gateway.look_up(&payment(), &wallet(), Some(&sent)).await {
            Ok(LookUp::Found(Settlement::Paid, None)) => "paid".to_owned(),
            Ok(LookUp::Found(Settlement::InFlight, None)) => "in-flight".to_owned(),
            Ok(LookUp::Found(Settlement::Failed { .. }, Some(why))) => format!("failed {why}"),
            Ok(LookUp::Different(_)) => "different".to_owned(),
            Ok(LookUp::NotFound) => "not-found".to_owned(),
            Err(CallError::Unreadable(_)) => "unreadable".to_owned(),
            Err(CallError::KeyRefused(_)) => "key".to_owned(),
            Err(CallError::Busy(None)) => "busy".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{status} {body}");
        let (head, _) = server.the_request();
        assert!(head.starts_with(&format!("GET /api/v3/withdraw/status/{REFERENCE} HTTP/1.1\r\n")));
    }
}

/// By the reference alone another payee cannot be told: the answer names a key, which only the request holds.
#[tokio::test]
async fn a_payment_that_is_found_without_its_request_says_that_its_payee_is_not_compared() {
    let data = r#"{"status":"SUCCESSFUL","amount":1500.5,"walletId":"w-1","customerKey":"cust-2"}"#;
    let server = Server::answering("200 OK", &format!(r#"{{"success":true,"data":{data}}}"#)).await;
    let found = gateway(server.address).look_up(&payment(), &wallet(), None).await.unwrap();
    let LookUp::Found(Settlement::Paid, Some(told)) = found else { panic!("{found:?}") };
    assert!(told.contains("is not compared"), "{told}");
}

#[tokio::test]
async fn a_look_up_without_an_answer_concludes_nothing() {
    for (act, timeout) in [
        (Act::AnswerAndHang(Vec::new()), true),
        (Act::ReadAndReset, false),
        (Act::ReadAndClose, false),
        (Act::CloseAtOnce, false),
    ] {
        let make = if act.is_endless() { impatient_gateway } else { gateway };
        let server = Server::start(vec![act.clone()]).await;
        let gateway = make(server.address);
        let error = gateway.look_up(&payment(), &wallet(), None).await.unwrap_err();
        match error {
            CallError::Timeout(after) => assert!(timeout && after == IMPATIENT),
            CallError::Unreadable(_) => assert!(!timeout, "{act:?}"),
            other => panic!("{act:?}: {other:?}"),
        }
    }
}
