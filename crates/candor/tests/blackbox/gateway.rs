//! The gateway against a scripted upstream: every failure for real, and what the client is told of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, PATIENCE, Trouble};
use crate::upstream::{Act, Mortal, Upstream, closed_port, send, serve, untrusted};
use crate::world::{Plan, World};

/// A world whose `/up/` is a gateway to these upstreams, with more settings.
fn world(to: &[std::net::SocketAddr], more: &str) -> World {
    let to: Vec<String> = to.iter().map(|address| format!("\"http://{address}\"")).collect();
    Plan::empty(&format!(
        "[limits]\nbody_timeout = \"1s\"\nhead_timeout = \"2s\"\nbody_size = \"1MiB\"\n\
         [[site]]\nroot = \"site\"\n\
         [[site.route]]\npath = \"/up/\"\n\
         gateway = {{ to = [{}], connect_timeout = \"1s\", response_timeout = \"1s\"{more} }}\n",
        to.join(", ")
    ))
    .start()
}

fn ask(world: &World, lines: &[&str]) -> Answer {
    ask_with(world, lines, b"")
}

fn ask_with(world: &World, lines: &[&str], content: &[u8]) -> Answer {
    try_ask(world, lines, content)
        .unwrap_or_else(|trouble| panic!("{lines:?}: {trouble}\n{}", world.log_tail()))
}

fn try_ask(world: &World, lines: &[&str], content: &[u8]) -> Result<Answer, Trouble> {
    let request = [world.request(lines).as_bytes(), content].concat();
    world.connect().ask(&request)
}

fn error_of(answer: &Answer) -> String {
    let status = answer.field("proxy-status").unwrap_or_default();
    let error = status.split("error=").nth(1).unwrap_or_default();
    error.split(';').next().unwrap_or_default().to_owned()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a\"\r\n\r\nok";

#[test]
fn every_failure_is_named_by_its_cause() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(100 * 1024));
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    let cases: Vec<(&str, Vec<Act>, u16, &str)> = vec![
        ("closes without an answer", vec![Act::Read], 502, "connection_terminated"),
        ("closes at once", vec![], 502, "connection_terminated"),
        ("resets before the head", vec![Act::Read, Act::Reset], 502, "connection_terminated"),
        (
            "closes within the head",
            vec![Act::Read, send("HTTP/1.1 200 OK\r\nA: b")],
            502,
            "connection_terminated",
        ),
        (
            "garbage",
            vec![Act::Read, send("\x16\x03 hello world\r\n\r\n"), Act::Hold],
            502,
            "http_protocol_error",
        ),
        ("0.9", vec![Act::Read, send("<html>hi</html>\n"), Act::Hold], 502, "http_protocol_error"),
        ("long line", vec![Act::Read, send(&long), Act::Hold], 502, "http_response_header_section_size"),
        ("flood of interim answers", vec![Act::Read, send(&flood), Act::Hold], 502, "http_protocol_error"),
        (
            "two lengths",
            vec![
                Act::Read,
                send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
                Act::Hold,
            ],
            502,
            "http_protocol_error",
        ),
        (
            "unknown coding",
            vec![Act::Read, send("HTTP/1.1 200 OK\r\nTransfer-Encoding: foo, chunked\r\n\r\n"), Act::Hold],
            502,
            "http_response_transfer_coding",
        ),
        (
            "switches protocols",
            vec![Act::Read, send("HTTP/1.1 101 X\r\n\r\n"), Act::Hold],
            502,
            "http_upgrade_failed",
        ),
        ("silence", vec![Act::Read, Act::Hold], 504, "http_response_timeout"),
        (
            "silence within the head",
            vec![Act::Read, send("HTTP/1.1 200"), Act::Hold],
            504,
            "connection_read_timeout",
        ),
        (
            "wants credentials",
            vec![
                Act::Read,
                send("HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
                Act::Hold,
            ],
            502,
            "proxy_configuration_error",
        ),
    ];
    let runs: Vec<_> = cases
        .into_iter()
        .map(|(name, script, status, error)| {
            thread::spawn(move || {
                let upstream = Upstream::always(script);
                let world = world(&[upstream.address], "");
                let start = Instant::now();
                let answer = ask(&world, &["POST /up/x HTTP/1.1", "Content-Length: 0"]);
                assert_eq!(
                    (answer.status, &*error_of(&answer)),
                    (status, error),
                    "{name}\n{}",
                    answer.head()
                );
                assert!(start.elapsed() < Duration::from_millis(2500), "{name}");
                assert!(!answer.has("proxy-authenticate") && !answer.has("cache-status"), "{name}");
                // Nothing but what provably failed before it was sent is sent twice.
                assert!(upstream.seen().len() <= 1, "{name}: {:?}", upstream.seen());
            })
        })
        .collect();
    for run in runs {
        run.join().unwrap();
    }
}

#[test]
fn no_connection_is_named_by_its_cause() {
    let refused = world(&[closed_port()], "");
    let answer = ask(&refused, &["GET /up/x HTTP/1.1"]);
    assert_eq!((answer.status, &*error_of(&answer)), (502, "connection_refused"));
    let name = Plan::empty(
        "[[site]]\nroot = \"site\"\n[[site.route]]\npath = \"/up/\"\n\
         gateway = { to = [\"http://nobody.invalid\"], connect_timeout = \"3s\" }\n",
    )
    .start();
    let answer = ask(&name, &["GET /up/x HTTP/1.1"]);
    assert!(
        matches!((answer.status, &*error_of(&answer)), (502, "dns_error") | (504, "dns_timeout")),
        "{}",
        answer.head()
    );
    let plain = Upstream::always(vec![Act::ReadHead, send("HTTP/1.1 400 X\r\n\r\n")]);
    let tls = Plan::empty(&format!(
        "[[site]]\nroot = \"site\"\n[[site.route]]\npath = \"/up/\"\ngateway = {{ to = [\"https://{}\"], connect_timeout = \"1s\" }}\n",
        plain.address
    ))
    .start();
    let answer = ask(&tls, &["GET /up/x HTTP/1.1"]);
    assert!(
        matches!(
            (answer.status, &*error_of(&answer)),
            (502, "tls_protocol_error") | (504, "connection_timeout")
        ),
        "{}",
        answer.head()
    );
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told() {
    let port = untrusted().port();
    let world = Plan::empty(&format!(
        "[[site]]\nroot = \"site\"\n[[site.route]]\npath = \"/up/\"\n\
         gateway = {{ to = [\"https://localhost:{port}\"], connect_timeout = \"2s\" }}\n"
    ))
    .start();
    let answer = ask(&world, &["GET /up/x HTTP/1.1"]);
    assert_eq!((answer.status, &*error_of(&answer)), (502, "tls_certificate_error"));
}

#[test]
fn a_slow_reader_is_not_the_upstreams_silence() {
    let content = "x".repeat(6_000_000);
    let upstream =
        Upstream::always(serve(&format!("HTTP/1.1 200 OK\r\nContent-Length: 6000000\r\n\r\n{content}")));
    let world = world(&[upstream.address], "");
    let mut client = world.connect();
    client.send(world.request(&["GET /up/x HTTP/1.1"]).as_bytes());
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(client.answer("GET", PATIENCE).unwrap().content.len(), 6_000_000);
}

#[test]
fn what_is_forwarded() {
    let upstream = Upstream::always(serve(
        "HTTP/1.1 299 Odd\r\nContent-Length: 2\r\nX-Bar: 1\r\nConnection: x-hop\r\nX-Hop: 1\r\nServer: up\r\n\r\nok",
    ));
    let world = world(&[upstream.address], "");
    let answer = ask_with(
        &world,
        &[
            "BREW /up/a%20b/?x=%2f HTTP/1.1",
            "Connection: x-foo",
            "X-Foo: 1",
            "TE: gzip",
            "X-Forwarded-For: 192.0.2.66",
            "Candor-Why: ?1",
            "Via: 1.0 fred",
            "Cookie: a=b",
            "Content-Length: 3",
        ],
        b"abc",
    );
    assert_eq!((answer.status, answer.text().as_str()), (299, "ok"));
    assert!(answer.has("x-bar") && !answer.has("x-hop"), "{}", answer.head());
    assert_eq!(answer.field("server").as_deref(), Some("up"));
    assert!(answer.field("via").is_some_and(|via| via.starts_with("1.1 candor-")));
    let seen = upstream.seen().remove(0);
    let lower = seen.to_ascii_lowercase();
    assert!(seen.starts_with("BREW /up/a%20b/?x=%2f HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\nabc"), "{seen}");
    for there in [
        "cookie: a=b",
        "via: 1.0 fred",
        "via: 1.1 candor-",
        "forwarded: for=127.0.0.1;proto=http;host=",
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-forwarded-proto: http\r\n",
    ] {
        assert!(lower.contains(there), "{there} in {seen}");
    }
    for gone in ["x-foo", "\r\nte:", "candor-why", "192.0.2.66", "connection:"] {
        assert!(!lower.contains(gone), "{gone} in {seen}");
    }
}

#[test]
fn nothing_with_two_readings_is_forwarded() {
    let upstream = Upstream::always(serve(OK));
    let world = world(&[upstream.address], "");
    for target in ["/up/a%2fb", "/up/a%5Cb", "/up/a\\b", "/up/./x", "/up/a/../b", "/up/a/%2e%2e/x"] {
        assert_eq!(ask(&world, &[&format!("GET {target} HTTP/1.1")]).status, 400, "{target}");
    }
    assert_eq!(ask(&world, &["CONNECT a:443 HTTP/1.1"]).status, 501);
    assert_eq!(upstream.connections(), 0);
}

#[test]
fn codes_of_the_upstream_pass() {
    for (status, field) in [(402, ""), (303, "Location: /there\r\n"), (500, ""), (503, "Retry-After: 7\r\n")]
    {
        let upstream =
            Upstream::always(serve(&format!("HTTP/1.1 {status} X\r\n{field}Content-Length: 0\r\n\r\n")));
        let world = world(&[upstream.address], "");
        let answer = ask(&world, &["GET /up/x HTTP/1.1"]);
        assert_eq!(answer.status, status);
        if status == 303 {
            assert_eq!(answer.field("location").as_deref(), Some("/there"));
        }
        if status == 503 {
            assert_eq!(answer.field("retry-after").as_deref(), Some("7"));
        }
        let told = answer.field("proxy-status").is_some_and(|value| value.contains("received-status"));
        assert_eq!(told, status >= 500, "{}", answer.head());
    }
}

#[test]
fn a_request_that_comes_round_again_is_stopped() {
    // The gateway is its own upstream: the port is known only once it runs, so the first hop goes through a relay.
    let upstream = Upstream::always(serve(OK));
    let first = world(&[upstream.address], "");
    ask(&first, &["GET /up/x HTTP/1.1"]);
    let seen = upstream.seen().remove(0);
    let via = seen.lines().find(|line| line.starts_with("Via: ")).unwrap();
    let answer = ask(&first, &["GET /up/x HTTP/1.1", via]);
    assert_eq!((answer.status, &*error_of(&answer)), (502, "proxy_loop_detected"));
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn hops_are_counted() {
    let upstream = Upstream::always(serve(OK));
    let world = world(&[upstream.address], "");
    assert_eq!(ask(&world, &["OPTIONS /up/x HTTP/1.1", "Max-Forwards: 0"]).status, 204);
    assert_eq!(upstream.seen().len(), 0);
    ask(&world, &["OPTIONS /up/x HTTP/1.1", "Max-Forwards: 3"]);
    assert!(upstream.seen()[0].contains("Max-Forwards: 2\r\n"));
}

#[test]
fn a_cut_answer_is_cut_for_the_client() {
    for (name, script) in [
        ("short", vec![Act::Read, send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")]),
        (
            "reset",
            vec![
                Act::Read,
                send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
                Act::Sleep(50),
                Act::Reset,
            ],
        ),
        ("chunk", vec![Act::Read, send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")]),
        (
            "bad chunk",
            vec![
                Act::Read,
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"),
                Act::Hold,
            ],
        ),
        ("silence", vec![Act::Read, send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"), Act::Hold]),
    ] {
        let upstream = Upstream::always(script);
        let world = world(&[upstream.address], ", cache = true");
        let answer = try_ask(&world, &["GET /up/x HTTP/1.1"], b"");
        assert!(matches!(answer, Err(Trouble::Cut(_) | Trouble::Closed)), "{name}: {answer:?}");
        assert_eq!(upstream.seen().len(), 1, "{name}");
    }
}

#[test]
fn what_is_longer_than_it_said_ends_where_it_said() {
    let upstream = Upstream::always(vec![
        Act::Read,
        send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 X\r\n\r\n"),
        Act::Again,
    ]);
    let world = world(&[upstream.address], "");
    for _ in 0..2 {
        assert_eq!(ask(&world, &["GET /up/x HTTP/1.1"]).text(), "ok");
    }
    // The connection is out of step, so it was not used again.
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn streams_pass_both_ways() {
    let chunks: String = (0..200).map(|n| format!("400\r\n{}\r\n", format!("{n:04}").repeat(256))).collect();
    let upstream = Upstream::always(serve(&format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n{chunks}0\r\nX-Sum: 1\r\n\r\n"
    )));
    let world = world(&[upstream.address], "");
    let content = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n".to_owned();
    let answer = ask_with(&world, &["POST /up/x HTTP/1.1", "Transfer-Encoding: chunked"], content.as_bytes());
    assert_eq!(answer.content.len(), 200 * 1024);
    assert_eq!(answer.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
    let seen = upstream.seen().remove(0);
    assert!(seen.contains("hello") && seen.contains(" world") && seen.ends_with("0\r\n\r\n"), "{seen}");
    // The connection went on.
    ask(&world, &["GET /up/x HTTP/1.1"]);
    assert!(upstream.connections() <= 2);
}

#[test]
fn the_upstream_decides_whether_content_is_sent() {
    let upstream = Upstream::always(vec![
        Act::ReadHead,
        send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
        Act::Hold,
    ]);
    let world1 = world(&[upstream.address], "");
    let mut client = world1.connect();
    client.send(
        world1.request(&["POST /up/x HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"]).as_bytes(),
    );
    let answer = client.answer("POST", PATIENCE).unwrap();
    assert_eq!(answer.status, 403);
    assert!(upstream.seen()[0].contains("Expect: 100-continue"));
    let upstream = Upstream::always(vec![
        Act::ReadHead,
        send("HTTP/1.1 100 Continue\r\n\r\n"),
        Act::Sleep(100),
        send(OK),
        Act::Hold,
    ]);
    let world2 = world(&[upstream.address], "");
    let mut client = world2.connect();
    client.send(
        world2.request(&["POST /up/x HTTP/1.1", "Content-Length: 5", "Expect: 100-continue"]).as_bytes(),
    );
    assert_eq!(client.answer("POST", PATIENCE).unwrap().status, 100);
    client.send(b"hello");
    assert_eq!(client.answer("POST", PATIENCE).unwrap().status, 200);
}

#[test]
fn a_client_that_stalls_is_told_so() {
    let upstream = Upstream::always(serve(OK));
    let world = world(&[upstream.address], "");
    let answer = ask_with(&world, &["POST /up/x HTTP/1.1", "Content-Length: 10"], b"abc");
    assert_eq!(answer.status, 408);
    assert!(answer.lists("connection", "close"));
    assert!(upstream.seen().is_empty());
    let answer = ask_with(&world, &["POST /up/x HTTP/1.1", "Content-Length: 2000000"], b"abc");
    assert_eq!(answer.status, 413);
}

#[test]
fn kept_connections_are_repeated_only_where_that_is_safe() {
    // Each connection answers once, waits for the next request and closes without an answer.
    let script = vec![Act::Read, send(OK), Act::Read];
    let upstream = Upstream::always(script);
    let world = world(&[upstream.address], "");
    let mut client = world.connect();
    let get = world.request(&["GET /up/x HTTP/1.1"]);
    let post = world.request(&["POST /up/x HTTP/1.1", "Content-Length: 0"]);
    assert_eq!(client.ask(get.as_bytes()).unwrap().status, 200);
    assert_eq!(client.ask(get.as_bytes()).unwrap().status, 200, "repeated on a new connection");
    assert_eq!(upstream.seen().len(), 3);
    let answer = client.ask(post.as_bytes()).unwrap();
    assert_eq!((answer.status, &*error_of(&answer)), (502, "connection_terminated"));
    assert_eq!(upstream.seen().iter().filter(|request| request.starts_with("POST")).count(), 1);
}

#[test]
fn conditional_writes_are_not_repeated() {
    let script = vec![Act::Read, send(OK), Act::Read];
    for (fields, repeated) in
        [(&["Content-Length: 2"][..], true), (&["Content-Length: 2", "If-Match: \"a\""], false)]
    {
        let upstream = Upstream::always(script.clone());
        let world = world(&[upstream.address], "");
        let mut client = world.connect();
        assert_eq!(client.ask(world.request(&["GET /up/x HTTP/1.1"]).as_bytes()).unwrap().status, 200);
        let lines = [&["PUT /up/x HTTP/1.1"][..], fields].concat();
        let answer = client.ask(format!("{}ab", world.request(&lines)).as_bytes()).unwrap();
        assert_eq!(answer.status == 200, repeated, "{fields:?}");
        let puts = upstream.seen().iter().filter(|request| request.starts_with("PUT")).count();
        assert_eq!(puts, if repeated { 2 } else { 1 }, "{fields:?}");
    }
}

#[test]
fn another_replica_is_tried_where_none_was_reached() {
    let upstream = Upstream::always(serve(OK));
    let world = world(&[closed_port(), upstream.address], "");
    for _ in 0..6 {
        assert_eq!(ask(&world, &["POST /up/x HTTP/1.1", "Content-Length: 0"]).status, 200);
    }
    assert_eq!(upstream.seen().len(), 6);
}

#[test]
fn an_open_breaker_says_when_to_come_back() {
    let world = world(&[closed_port()], ", breaker = { failures = 2, open = \"10s\" }");
    let mut last = ask(&world, &["GET /up/x HTTP/1.1"]);
    for _ in 0..4 {
        last = ask(&world, &["GET /up/x HTTP/1.1"]);
    }
    assert_eq!((last.status, &*error_of(&last)), (503, "destination_unavailable"));
    let seconds: u32 = last.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
}

#[test]
fn upstreams_that_wait_in_vain_are_the_gateways_fault() {
    let script = vec![Act::Read, send("HTTP/1.1 408 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")];
    let upstream = Upstream::always(script);
    let world1 = world(&[upstream.address], "");
    assert_eq!(ask(&world1, &["POST /up/x HTTP/1.1", "Content-Length: 0"]).status, 502);
    assert_eq!(upstream.seen().len(), 2);
    let wrong = vec![Act::Read, send("HTTP/1.1 421 X\r\nContent-Length: 0\r\n\r\n"), Act::Hold];
    let upstream = Upstream::start(vec![wrong, serve(OK)]);
    let world2 = world(&[upstream.address], "");
    assert_eq!(ask_with(&world2, &["POST /up/x HTTP/1.1", "Content-Length: 2"], b"ab").status, 200);
    assert_eq!(upstream.connections(), 2);
}

#[test]
fn annotated_answers_are_second_hand() {
    let more = ", annotate = { Link = '</notes>; rel=\"describedby\"' }";
    for (answer, status) in [
        (OK.to_owned(), 203),
        (OK.replace("ETag", "Cache-Control: no-transform\r\nETag"), 200),
        (OK.replace("200 OK", "404 X"), 404),
    ] {
        let upstream = Upstream::always(serve(&answer));
        let world = world(&[upstream.address], more);
        let answer = ask(&world, &["GET /up/x HTTP/1.1"]);
        assert_eq!((answer.status, answer.has("link")), (status, status == 203), "{}", answer.head());
        assert_eq!((answer.field("etag").as_deref(), answer.text().as_str()), (Some("\"a\""), "ok"));
    }
}

#[test]
fn one_of_two_upstreams_dies_again_and_again() {
    let mut mortals = [Mortal::start(), Mortal::start()];
    let world = world(&[mortals[0].address, mortals[1].address], "");
    let (done, answered, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..8 {
            let (world, done, answered, failed) = (&world, &done, &answered, &failed);
            scope.spawn(move || {
                let mut connection = world.connect();
                let mut number = 0;
                while !done.load(Ordering::SeqCst) {
                    number += 1;
                    // Every fourth request must not be sent twice, the others may.
                    let reads = number % 4 != 0;
                    let line = match reads {
                        true => format!("GET /up/{client}-{number} HTTP/1.1"),
                        false => format!("POST /up/{client}-{number} HTTP/1.1"),
                    };
                    let request = world.request(&[&line, "Content-Length: 0"]);
                    match connection.ask(request.as_bytes()) {
                        Ok(answer) if answer.status == 200 => {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(answer) if !reads && answer.status == 502 => {
                            failed.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(error_of(&answer), "connection_terminated");
                        }
                        other => panic!("{line}: {other:?}"),
                    }
                }
            });
        }
        for round in 0..20 {
            thread::sleep(Duration::from_millis(60));
            mortals[round % 2].kill();
            thread::sleep(Duration::from_millis(60));
            mortals[round % 2].revive();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(answered.load(Ordering::SeqCst) > 200, "{answered:?} answered, {failed:?} failed");
    let mut sent: HashMap<String, usize> = HashMap::new();
    for request in mortals.iter().flat_map(Mortal::seen).filter(|request| request.starts_with("POST")) {
        *sent.entry(request.lines().next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    assert!(sent.values().all(|&times| times == 1), "{sent:?}");
}
