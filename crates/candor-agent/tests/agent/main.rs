//! The user agent against scripted servers: requests are counted, bytes compared.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod links;
mod scripted;
mod site;

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use candor_agent::copies::Copies;
use candor_agent::credentials::Credentials;
use candor_agent::download::{Progress, Target, download};
use candor_agent::monitor::{self, Report};
use candor_agent::moves::Moves;
use candor_agent::person::Nobody;
use candor_agent::proxy::Proxies;
use candor_agent::{Agent, Content, Outcome, Person, Request, Trouble};
use candor_semantics::field::challenge::Challenge;
use candor_semantics::reaction::choice::Choice;
use candor_semantics::reaction::{Asker, Doubt, Failed, Reaction, Refused, Step, Stop};
use candor_semantics::url::Url;
use scripted::{Play, Scripted, answer, bare};
use tokio::runtime::Runtime;

/// Connections belong to the runtime that opened them: there is one for all tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

fn run<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

fn agent() -> Agent {
    Agent::new().unwrap()
}

fn request(method: &str, url: &str) -> Request {
    let mut request = Request::new(method, Url::parse(url).unwrap());
    if matches!(method, "POST" | "PUT") {
        request.content = Content::Bytes(Bytes::from_static(b"the content"));
        request.fields.push_static("Content-Type", "text/plain");
    }
    request
}

fn ask(agent: &Agent, request: Request) -> Result<Outcome, Trouble> {
    run(agent.ask(request, &mut Nobody))
}

/// Asks once with a new agent and gives the outcome.
fn asked(method: &str, url: &str) -> Outcome {
    ask(&agent(), request(method, url)).unwrap_or_else(|trouble| panic!("{}", trouble.what))
}

fn content(outcome: &mut Outcome) -> String {
    String::from_utf8(run(outcome.incoming.all(1 << 20)).unwrap().unwrap()).unwrap()
}

/// Says yes, and takes the second choice.
struct Agreeable;

impl Person for Agreeable {
    fn follows(&mut self, _: &Step, _: Doubt) -> bool {
        true
    }
    fn chooses(&mut self, choices: &[Choice]) -> Option<Url> {
        choices.get(1).map(|choice| choice.url.clone())
    }
    fn credentials(&mut self, _: Asker, _: &Url, _: &Challenge) -> Option<(String, String)> {
        Some(("amy".into(), "pw".into()))
    }
    fn waits(&mut self, _: &str, _: u64) {}
}

struct Unseen;

impl Progress for Unseen {
    fn at(&mut self, _: u64, _: Option<u64>) {}
}

#[test]
fn framings_are_read_exactly() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\n\r\n";
    for (play, expected) in [
        (answer(200, "", "hello world"), "hello world"),
        (Play::Say(chunked.into()), "hello world"),
        (Play::Close("HTTP/1.0 200 OK\r\n\r\nhello world".into()), "hello world"),
        (
            Play::Close(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nhello".into(),
            ),
            "hello",
        ),
        (
            Play::Say(
                "HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    .into(),
            ),
            "ok",
        ),
    ] {
        let server = Scripted::play(vec![play]);
        assert_eq!(content(&mut asked("GET", &server.url("/"))), expected);
        assert_eq!(server.lines(), ["GET /"]);
    }
}

#[test]
fn cut_content_is_never_taken_for_whole() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\nhello\r\n0\r\n\r\n",
    ] {
        let server = Scripted::play(vec![Play::Close(text.into())]);
        let mut outcome = asked("GET", &server.url("/"));
        assert!(run(outcome.incoming.all(1 << 20)).is_err(), "{text}");
    }
}

#[test]
fn connections_are_kept_and_data_nobody_asked_for_drops_them() {
    let agent = agent();
    let server = Scripted::play(vec![answer(200, "", "a"), answer(200, "", "b")]);
    run(async {
        for _ in 0..3 {
            let mut outcome = agent.ask(request("GET", &server.url("/")), &mut Nobody).await.unwrap();
            outcome.incoming.all(10).await.unwrap();
        }
    });
    assert_eq!((server.lines().len(), server.connections()), (3, 1));

    let unsolicited = Play::Say(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n".into(),
    );
    let server = Scripted::play(vec![unsolicited, answer(200, "", "b")]);
    run(async {
        for expected in ["a", "b"] {
            let mut outcome = agent.ask(request("GET", &server.url("/")), &mut Nobody).await.unwrap();
            assert_eq!(outcome.head.code, 200);
            assert_eq!(outcome.incoming.all(10).await.unwrap().unwrap(), expected.as_bytes());
        }
    });
    assert_eq!((server.lines().len(), server.connections()), (2, 2));
}

#[test]
fn a_reused_connection_that_closes_repeats_idempotent_requests_once() {
    for (method, requests, works) in [("GET", 3, true), ("PUT", 3, true), ("POST", 2, false)] {
        let agent = agent();
        let server =
            Scripted::play(vec![answer(200, "", "a"), Play::Close(String::new()), answer(200, "", "b")]);
        let ended = run(async {
            let mut outcome = agent.ask(request("GET", &server.url("/")), &mut Nobody).await.unwrap();
            outcome.incoming.all(10).await.unwrap();
            agent.ask(request(method, &server.url("/")), &mut Nobody).await.map(|outcome| outcome.head.code)
        });
        assert_eq!(server.lines().len(), requests, "{method}");
        match ended {
            Ok(code) => assert!(works && code == 200),
            Err(trouble) => assert!(!works && trouble.failed == Failed::OutcomeUnknown),
        }
    }
    // On a fresh connection nothing is repeated.
    let server = Scripted::play(vec![Play::Close(String::new())]);
    let trouble = ask(&agent(), request("GET", &server.url("/"))).err().unwrap();
    assert_eq!((server.lines().len(), trouble.failed), (1, Failed::Plainly));
}

#[test]
fn codes_that_are_never_repeated() {
    for code in [
        400, 402, 403, 404, 405, 407, 409, 410, 412, 414, 415, 416, 422, 423, 428, 431, 451, 471, 500, 501,
        505, 599, 742,
    ] {
        for method in ["GET", "POST"] {
            let server = Scripted::play(vec![answer(code, "", "why")]);
            let mut agent = agent();
            agent.leave.repeats = Some(5);
            let outcome = ask(&agent, request(method, &server.url("/"))).unwrap();
            assert_eq!((server.lines().len(), outcome.head.code), (1, code), "{method} {code}");
        }
    }
}

#[test]
fn safe_requests_follow_and_unsafe_ones_ask() {
    for code in [301, 302, 307, 308] {
        let script = vec![answer(code, "Location: /new", ""), answer(200, "", "here")];
        let server = Scripted::play(script.clone());
        assert_eq!(content(&mut asked("GET", &server.url("/old#p2"))), "here");
        assert_eq!(server.lines(), ["GET /old", "GET /new"], "{code}");

        for method in ["POST", "PUT", "DELETE", "BREW"] {
            let server = Scripted::play(script.clone());
            let outcome = asked(method, &server.url("/old"));
            assert!(matches!(outcome.reaction, Reaction::Confirm { doubt: Doubt::Unsafe, .. }));
            assert_eq!(server.lines().len(), 1, "{method} {code}");
        }
        let server = Scripted::play(script);
        let outcome = run(agent().ask(request("POST", &server.url("/old")), &mut Agreeable)).unwrap();
        assert_eq!(outcome.head.code, 200);
        assert_eq!(server.lines(), ["POST /old", "POST /new"]);
        assert!(server.requests()[1].ends_with("\r\n\r\nthe content"), "{code}");
    }
}

#[test]
fn see_other_becomes_get_without_content() {
    let server = Scripted::play(vec![answer(303, "Location: /result", ""), answer(200, "", "done")]);
    let outcome = asked("POST", &server.url("/form"));
    assert_eq!(outcome.head.code, 200);
    assert_eq!(server.lines(), ["POST /form", "GET /result"]);
    let second = server.requests()[1].to_ascii_lowercase();
    assert!(!second.contains("content-"), "{second}");
}

#[test]
fn loops_and_long_chains_end() {
    let server = Scripted::play(vec![answer(302, "Location: /b", ""), answer(302, "Location: /a", "")]);
    let outcome = asked("GET", &server.url("/a"));
    assert_eq!(outcome.reaction, Reaction::Halt(Stop::Loop));
    assert!(server.lines().len() <= 3);

    let script = (0..20).map(|n| answer(302, &format!("Location: /{n}"), "")).collect();
    let server = Scripted::play(script);
    let outcome = asked("GET", &server.url("/start"));
    assert_eq!((outcome.reaction, server.lines().len()), (Reaction::Halt(Stop::TooMany), 11));
}

#[test]
fn credentials_and_cookies_stay_with_their_origin() {
    let other = Scripted::play(vec![answer(200, "", "x")]);
    let server = Scripted::play(vec![answer(302, &format!("Location: {}", other.url("/y")), "")]);
    let mut first = request("GET", &server.url("/x"));
    for (name, value) in [("Authorization", "Basic eDp5"), ("Cookie", "a=b"), ("X-Own", "c")] {
        first.fields.push_static(name, value);
    }
    ask(&agent(), first).unwrap();
    assert!(server.requests()[0].contains("Authorization: Basic eDp5\r\n"));
    let there = &other.requests()[0];
    assert!(
        !there.contains("Authorization") && !there.contains("Cookie") && there.contains("X-Own: c"),
        "{there}"
    );
}

#[test]
fn permanent_moves_are_remembered_and_temporary_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moves.json");
    for (code, fields, second) in [
        (301, "", vec!["GET /old", "GET /new", "GET /new"]),
        (308, "", vec!["GET /old", "GET /new", "GET /new"]),
        (301, "|Cache-Control: no-store", vec!["GET /old", "GET /new", "GET /old"]),
        (302, "", vec!["GET /old", "GET /new", "GET /old"]),
    ] {
        let _ = std::fs::remove_file(&file);
        let server = Scripted::play(vec![
            answer(code, &format!("Location: /new{fields}"), ""),
            answer(200, "", "x"),
            answer(200, "", "x"),
        ]);
        for _ in 0..2 {
            let mut agent = agent();
            agent.remember_moves_in(Moves::open(Some(file.clone())));
            ask(&agent, request("GET", &server.url("/old"))).unwrap();
            agent.save();
        }
        assert_eq!(server.lines(), second, "{code} {fields}");
    }
}

#[test]
fn credentials_are_given_once_when_asked_for() {
    let asks = answer(401, "WWW-Authenticate: Basic realm=\"priv\"", "who?");
    let server = Scripted::play(vec![asks.clone(), answer(200, "", "in")]);
    let mut agent = agent();
    agent.credentials.push(Credentials {
        origin: Url::parse(&server.url("/")).unwrap(),
        user: "amy".into(),
        password: "pw".into(),
    });
    assert_eq!(ask(&agent, request("PUT", &server.url("/x"))).unwrap().head.code, 200);
    assert!(!server.requests()[0].contains("Authorization"));
    assert!(server.requests()[1].contains("Authorization: Basic YW15OnB3\r\n"));
    assert!(server.requests()[1].ends_with("the content"));

    let server = Scripted::play(vec![asks]);
    let outcome = run(agent.ask(request("GET", &server.url("/x")), &mut Agreeable)).unwrap();
    assert_eq!((outcome.reaction, server.lines().len()), (Reaction::Refused(Refused::Credentials), 2));
}

#[test]
fn choices_are_offered_and_taken() {
    let list = "Link: </d.de>; rel=alternate; hreflang=de, </d.en>; rel=alternate; hreflang=en";
    for code in [300, 406] {
        let script = vec![answer(code, list, ""), answer(200, "", "chosen")];
        let server = Scripted::play(script.clone());
        let outcome = asked("GET", &server.url("/d"));
        assert!(matches!(outcome.reaction, Reaction::Choose { best: None, .. }));
        assert_eq!(server.lines().len(), 1);

        let server = Scripted::play(script.clone());
        run(agent().ask(request("GET", &server.url("/d")), &mut Agreeable)).unwrap();
        assert_eq!(server.lines(), ["GET /d", "GET /d.en"]);

        let server = Scripted::play(script);
        let mut agent = agent();
        agent.leave.languages = Some("de".into());
        ask(&agent, request("GET", &server.url("/d"))).unwrap();
        assert_eq!(server.lines(), ["GET /d", "GET /d.de"]);
    }
    let server = Scripted::play(vec![answer(300, "", "<a href=x>x</a>")]);
    assert!(matches!(asked("GET", &server.url("/d")).reaction, Reaction::Choose { .. }));
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn waits_are_as_long_as_the_server_says() {
    let server = Scripted::play(vec![answer(503, "Retry-After: 1", ""), answer(200, "", "x")]);
    let begun = Instant::now();
    assert_eq!(asked("GET", &server.url("/")).head.code, 200);
    assert!(begun.elapsed().as_millis() >= 1000 && server.lines().len() == 2);

    for (method, fields, requests) in [
        ("GET", "", 1),
        ("GET", "Retry-After: soon", 1),
        ("GET", "Retry-After: 99999", 1),
        ("GET", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 2),
        ("POST", "Retry-After: 1", 1),
    ] {
        let server = Scripted::play(vec![answer(503, fields, ""), answer(200, "", "x")]);
        asked(method, &server.url("/"));
        assert_eq!(server.lines().len(), requests, "{method} {fields}");
    }
}

#[test]
fn a_timeout_is_repeated_unchanged_on_a_new_connection() {
    let server = Scripted::play(vec![answer(408, "Connection: close", ""), answer(200, "", "x")]);
    assert_eq!(asked("POST", &server.url("/")).head.code, 200);
    assert_eq!(server.connections(), 2);
    let requests = server.requests();
    assert_eq!(requests[0], requests[1]);
}

#[test]
fn gateway_failures_are_repeated_only_with_leave() {
    for (retry, method, requests) in
        [(None, "GET", 1), (Some(3), "GET", 2), (Some(3), "POST", 1), (Some(0), "GET", 1)]
    {
        let server = Scripted::play(vec![answer(502, "", ""), answer(502, "", ""), answer(200, "", "x")]);
        let mut agent = agent();
        agent.leave.repeats = retry;
        ask(&agent, request(method, &server.url("/"))).unwrap();
        assert_eq!(server.lines().len(), requests, "{retry:?} {method}");
    }
}

#[test]
fn a_wrong_place_is_tried_once_on_a_fresh_connection() {
    let server = Scripted::play(vec![answer(421, "", "")]);
    assert_eq!(asked("POST", &server.url("/")).head.code, 421);
    assert_eq!((server.lines().len(), server.connections()), (2, 2));
}

#[test]
fn a_304_without_a_copy_is_repeated_once() {
    let server = Scripted::play(vec![bare(304, "ETag: \"v1\"")]);
    let outcome = asked("GET", &server.url("/"));
    assert_eq!((outcome.reaction, server.lines().len()), (Reaction::Failed(Failed::NoCopy), 2));
}

#[test]
fn copies_are_validated_and_freshened() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::play(vec![
        answer(200, "ETag: \"v1\"|Cache-Control: max-age=0", "the text"),
        bare(304, "ETag: \"v1\"|Cache-Control: max-age=3600"),
        answer(200, "", "wrong"),
    ]);
    for copy in [false, true, true] {
        let mut agent = agent();
        agent.copies = Copies::open(Some(folder.path().into()));
        let mut outcome = ask(&agent, request("GET", &server.url("/"))).unwrap();
        assert_eq!((content(&mut outcome).as_str(), outcome.is_copy), ("the text", copy));
    }
    assert_eq!(server.lines().len(), 2, "the third was fresh");
    assert!(server.requests()[1].contains("If-None-Match: \"v1\"\r\n"));
}

#[test]
fn cut_downloads_resume_under_a_strong_tag_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    let cut =
        |tag: &str| Play::Close(format!("HTTP/1.1 200 X\r\nContent-Length: 11\r\nETag: {tag}\r\n\r\nhello"));
    let rest = answer(206, "ETag: \"v1\"|Content-Range: bytes 5-10/11", " world");
    for (script, requests, ranged, expected) in [
        (vec![cut("\"v1\""), rest.clone()], 2, true, "hello world"),
        (vec![cut("\"v1\""), answer(200, "ETag: \"v2\"", "other")], 2, true, "other"),
        (vec![cut("W/\"v1\""), answer(200, "ETag: \"v2\"", "other")], 2, false, "other"),
        (
            vec![
                cut("\"v1\""),
                answer(206, "ETag: \"v2\"|Content-Range: bytes 5-10/11", " wrong"),
                answer(200, "", "whole"),
            ],
            3,
            true,
            "whole",
        ),
        (
            vec![
                cut("\"v1\""),
                answer(206, "ETag: \"v1\"|Content-Range: bytes 0-4/11", "wrong"),
                answer(200, "", "whole"),
            ],
            3,
            true,
            "whole",
        ),
    ] {
        let server = Scripted::play(script);
        let wanted = request("GET", &server.url("/"));
        let target = Target::File(file.clone());
        let done = run(download(&agent(), &wanted, target, &mut Nobody, &mut Unseen));
        assert!(done.is_ok());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
        assert_eq!(server.lines().len(), requests, "{expected}");
        let second = &server.requests()[1];
        assert_eq!(second.contains("Range: bytes=5-\r\nIf-Range: \"v1\"\r\n"), ranged, "{second}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
    }
}

#[test]
fn a_download_resumes_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    let cut = Play::Close("HTTP/1.1 200 X\r\nContent-Length: 11\r\nETag: \"v1\"\r\n\r\nhello".into());
    let gone = Play::Close(
        "HTTP/1.1 206 X\r\nContent-Length: 6\r\nETag: \"v1\"\r\nContent-Range: bytes 5-10/11\r\n\r\n".into(),
    );
    let rest = answer(206, "ETag: \"v1\"|Content-Range: bytes 5-10/11", " world");
    let server = Scripted::play(vec![cut, gone, rest]);
    let wanted = request("GET", &server.url("/"));
    let get = || run(download(&agent(), &wanted, Target::File(file.clone()), &mut Nobody, &mut Unseen));
    assert!(get().is_err());
    assert!(!file.exists(), "a cut file is never put in place");
    assert!(get().is_ok());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello world");
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn monitors_are_followed_to_their_end() {
    let state = |state: &str| {
        answer(
            200,
            "Content-Type: application/json|Retry-After: 1",
            &format!("{{\"state\":\"{state}\",\"code\":500}}"),
        )
    };
    let server = Scripted::play(vec![state("queued"), state("queued"), state("done")]);
    let url = Url::parse(&server.url("/-/jobs/1")).unwrap();
    let begun = Instant::now();
    let report = run(monitor::wait(&agent(), &url, None, None, &mut Nobody)).unwrap();
    assert!(matches!(report, Report::Done(_)) && begun.elapsed().as_secs() >= 2 && server.lines().len() == 3);

    let server = Scripted::play(vec![state("refused")]);
    let url = Url::parse(&server.url("/-/jobs/1")).unwrap();
    let report = run(monitor::wait(&agent(), &url, None, None, &mut Nobody)).unwrap();
    assert!(matches!(report, Report::Undone(report) if report["code"] == 500));
}

#[test]
fn accepted_and_created_name_their_addresses() {
    let server = Scripted::play(vec![answer(202, "Location: /-/jobs/1|Retry-After: 3", "")]);
    let monitor = Url::parse(&server.url("/-/jobs/1")).unwrap();
    let outcome = asked("POST", &server.url("/form"));
    assert_eq!(outcome.reaction, Reaction::Poll { monitor: Some(monitor), after: Some(3) });
    let server = Scripted::play(vec![answer(201, "Location: n7", "")]);
    let outcome = asked("POST", &server.url("/box/"));
    assert_eq!(outcome.reaction, Reaction::Record { address: Url::parse(&server.url("/box/n7")).unwrap() });
}

#[test]
fn a_proxy_is_authenticated_once_and_only_it() {
    let proxy = Scripted::play(vec![
        answer(407, "Proxy-Authenticate: Basic realm=\"p\"", ""),
        answer(200, "", "through"),
    ]);
    let mut agent = agent();
    let address = proxy.address;
    agent.proxies =
        Proxies::from_environment(move |name| (name == "http_proxy").then(|| format!("amy:pw@{address}")));
    let outcome = ask(&agent, request("GET", "http://origin.invalid/x")).unwrap();
    assert_eq!(outcome.head.code, 200);
    assert_eq!(proxy.lines(), ["GET http://origin.invalid/x", "GET http://origin.invalid/x"]);
    assert!(proxy.requests()[1].contains("Proxy-Authorization: Basic YW15OnB3\r\n"));

    let direct = Scripted::play(vec![answer(407, "Proxy-Authenticate: Basic realm=\"p\"", "")]);
    assert_eq!(asked("GET", &direct.url("/")).reaction, Reaction::Refused(Refused::Plainly));
    assert_eq!(direct.lines().len(), 1);
}

#[test]
fn large_content_waits_for_a_word() {
    // The script reads whole requests, so the refusal of the head is not seen here; the repeat without Expect is.
    let server = Scripted::play(vec![answer(417, "Connection: close", ""), answer(204, "", "")]);
    let mut large = request("PUT", &server.url("/x"));
    large.content = Content::Bytes(Bytes::from(vec![b'x'; 100_000]));
    assert_eq!(ask(&agent(), large).unwrap().head.code, 204);
    let requests = server.requests();
    assert!(requests[0].contains("Expect: 100-continue\r\n") && !requests[1].contains("Expect"));
}

#[test]
fn an_unknown_method_is_not_tried_again() {
    let agent = agent();
    let server = Scripted::play(vec![answer(501, "", "")]);
    run(async {
        assert_eq!(agent.ask(request("BREW", &server.url("/a")), &mut Nobody).await.unwrap().head.code, 501);
        let trouble = agent.ask(request("BREW", &server.url("/b")), &mut Nobody).await.err().unwrap();
        assert_eq!(trouble.failed, Failed::MethodUnknown);
    });
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn nobody_listens_and_nonsense_answers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let trouble = ask(&agent(), request("POST", &format!("http://{address}/"))).err().unwrap();
    assert_eq!(trouble.failed, Failed::NotSent);
    for nonsense in [
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
    ] {
        let server = Scripted::play(vec![Play::Close(nonsense.into())]);
        assert!(ask(&agent(), request("GET", &server.url("/"))).is_err(), "{nonsense}");
        assert_eq!(server.lines().len(), 1);
    }
}
