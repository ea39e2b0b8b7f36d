//! Stored answers: fresh, validated, past their lifetime, joined.

use std::thread;
use std::time::Duration;

use crate::client::Answer;
use crate::upstream::{Act, Upstream, send, serve};
use crate::world::{Plan, World};

fn world(upstream: &Upstream, more: &str) -> World {
    Plan::empty(&format!(
        "[[site]]\nroot = \"site\"\n[[site.route]]\npath = \"/up/\"\n\
         gateway = {{ to = [\"http://{}\"], connect_timeout = \"1s\", response_timeout = \"2s\", cache = true{more} }}\n",
        upstream.address
    ))
    .start()
}

fn ask(world: &World, lines: &[&str]) -> Answer {
    world
        .connect()
        .ask(world.request(lines).as_bytes())
        .unwrap_or_else(|trouble| panic!("{lines:?}: {trouble}\n{}", world.log_tail()))
}

fn get(world: &World) -> Answer {
    ask(world, &["GET /up/x HTTP/1.1"])
}

fn answer(control: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"a\"\r\nCache-Control: {control}\r\n\r\nok")
}

/// Answers once, then is gone: connections are refused by a reset.
fn once(control: &str) -> Upstream {
    Upstream::start(vec![
        vec![Act::Read, send(&answer(control).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))],
        vec![Act::Reset],
    ])
}

#[test]
fn fresh_answers_are_hits() {
    let upstream = Upstream::always(serve(&answer("max-age=60")));
    let world = world(&upstream, "");
    let first = get(&world);
    assert_eq!(first.field("cache-status").as_deref(), Some("candor; fwd=uri-miss; stored"));
    assert!(!first.has("age"));
    let second = get(&world);
    assert_eq!((second.status, second.text().as_str()), (200, "ok"));
    let status = second.field("cache-status").unwrap();
    assert!(status == "candor; hit; ttl=60" || status == "candor; hit; ttl=59", "{status}");
    assert!(second.has("age"));
    let head = ask(&world, &["HEAD /up/x HTTP/1.1"]);
    assert_eq!((head.status, head.field("content-length").as_deref()), (200, Some("2")));
    assert_eq!(ask(&world, &["GET /up/x HTTP/1.1", "If-None-Match: \"a\""]).status, 304);
    let part = ask(&world, &["GET /up/x HTTP/1.1", "Range: bytes=1-"]);
    assert_eq!((part.status, part.text().as_str()), (206, "k"));
    assert_eq!(part.field("content-range").as_deref(), Some("bytes 1-1/2"));
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn stale_answers_stand_in_only_where_nothing_forbids_it() {
    let upstream = once("max-age=1");
    let world1 = world(&upstream, "");
    assert_eq!(get(&world1).status, 200);
    thread::sleep(Duration::from_millis(2100));
    let stale = get(&world1);
    assert_eq!((stale.status, stale.text().as_str()), (203, "ok"), "{}", stale.head());
    assert!(stale.field("cache-status").unwrap().contains("hit; ttl=-"), "{}", stale.head());
    assert!(stale.has("age") && stale.has("etag"));
    let upstream = once("max-age=1, must-revalidate");
    let world2 = world(&upstream, "");
    assert_eq!(get(&world2).status, 200);
    thread::sleep(Duration::from_millis(2100));
    let refused = get(&world2);
    assert_eq!(refused.status, 504);
    assert!(refused.field("proxy-status").unwrap().contains("error=connection_terminated"));
}

#[test]
fn validated_answers_are_200() {
    let confirmed = "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=1\r\n\r\n";
    let upstream = Upstream::start(vec![vec![
        Act::Read,
        send(&answer("max-age=1")),
        Act::Read,
        send(confirmed),
        Act::Hold,
    ]]);
    let world = world(&upstream, "");
    // One client, so that one kept connection serves both requests.
    let mut client = world.connect();
    let request = world.request(&["GET /up/x HTTP/1.1"]);
    assert_eq!(client.ask(request.as_bytes()).unwrap().status, 200);
    thread::sleep(Duration::from_millis(2100));
    let second = client.ask(request.as_bytes()).unwrap();
    assert_eq!((second.status, second.text().as_str()), (200, "ok"));
    assert_eq!(second.field("cache-status").as_deref(), Some("candor; fwd=stale; fwd-status=304; stored"));
    assert!(upstream.seen()[1].contains("If-None-Match: \"a\""));
}

#[test]
fn only_if_cached_asks_nobody() {
    let upstream = Upstream::always(serve(&answer("max-age=60")));
    let world = world(&upstream, "");
    let lines = ["GET /up/x HTTP/1.1", "Cache-Control: only-if-cached"];
    assert_eq!(ask(&world, &lines).status, 504);
    get(&world);
    assert_eq!(ask(&world, &lines).status, 200);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn writes_make_stored_answers_invalid() {
    let upstream = Upstream::always(serve(&answer("max-age=60")));
    let world = world(&upstream, "");
    get(&world);
    assert_eq!(ask(&world, &["PUT /up/x HTTP/1.1", "Content-Length: 0"]).status, 200);
    get(&world);
    assert_eq!(upstream.seen().len(), 3);
}

#[test]
fn forms_are_kept_apart() {
    let upstream = Upstream::always(serve(&answer("max-age=60\r\nVary: Accept-Language")));
    let world = world(&upstream, "");
    for language in ["en", "de", "en", "de"] {
        ask(&world, &["GET /up/x HTTP/1.1", &format!("Accept-Language: {language}")]);
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn many_that_wait_for_one_answer_ask_once() {
    let upstream =
        Upstream::always(vec![Act::Read, Act::Sleep(300), send(&answer("max-age=60")), Act::Again]);
    let world = world(&upstream, "");
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert_eq!(get(&world).status, 200));
        }
    });
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn a_stale_answer_is_used_while_it_is_validated() {
    let upstream = Upstream::always(serve(&answer("max-age=2, stale-while-revalidate=60")));
    let world = world(&upstream, "");
    get(&world);
    thread::sleep(Duration::from_millis(3100));
    let stale = get(&world);
    assert_eq!(stale.status, 203);
    upstream.wait_for(2);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(get(&world).status, 200);
}
