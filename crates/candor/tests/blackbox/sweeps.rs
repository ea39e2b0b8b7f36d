//! Rules that are about every address and every method at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::client::{Answer, PATIENCE};
use crate::promises;
use crate::world::{Plan, World};

/// Everything the test world has something to say about.
const ADDRESSES: &[&str] = &[
    "/",
    "/a.txt",
    "/a.txt/",
    "/doc",
    "/doc.de.html",
    "/tie",
    "/old.txt",
    "/chain1",
    "/dead-end",
    "/away",
    "/gone.txt",
    "/box/",
    "/box/.keep",
    "/box/new",
    "/form/keep",
    "/form/reset",
    "/form/slow",
    "/boom",
    "/ver.txt",
    "/ro",
    "/ro/",
    "/ro/a.txt",
    "/priv/x",
    "/priv/none",
    "/hush/exists",
    "/hush/none",
    "/hush4/exists",
    "/maint/page.txt",
    "/maint2/page.txt",
    "/missing",
    "/missing/",
    "/%zz",
    "/-/",
    "/-/health",
    "/-/codes/404",
    "/-/nothing",
];

const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "OPTIONS",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "TRACE",
    "BREW",
    "get",
];

/// Request fields that change what is true, one set for each request.
const MOODS: &[&[&str]] = &[
    &[],
    &["Accept: image/png"],
    &["Accept: application/json"],
    &["Accept-Encoding: gzip, br, zstd"],
    &["If-None-Match: *"],
    &["If-Match: \"other\""],
    &["If-Modified-Since: Thu, 31 Dec 2099 23:59:59 GMT"],
    &["Range: bytes=0-1"],
    &["Range: bytes=100000-"],
    &["Authorization: Basic YW15OmFteS1zZWNyZXQ="],
    &["Authorization: Basic Ym9iOmJvYi1zZWNyZXQ="],
    &["Proxy-Authorization: Basic YW15OmFteS1zZWNyZXQ="],
    &["Expect: foo"],
];

/// All methods at all addresses: no code that is not ours to send, and everything that must come with a code.
#[test]
fn every_method_everywhere_keeps_the_promises() {
    // Of its own: once writing is offered, this changes the folder.
    let world = Plan::world("candor").start();
    let mut broken = Vec::new();
    for &address in ADDRESSES {
        for &method in METHODS {
            for &mood in MOODS.iter().filter(|mood| method == "GET" || mood.is_empty() || address == "/a.txt")
            {
                let start = format!("{method} {address} HTTP/1.1");
                let lines: Vec<&str> =
                    [start.as_str(), "Content-Length: 0"].into_iter().chain(mood.iter().copied()).collect();
                match world.connect().ask(world.request(&lines).as_bytes()) {
                    Ok(answer) => {
                        let list = promises::broken(&answer, method);
                        broken.extend(list.into_iter().map(|promise| format!("{start} {mood:?}: {promise}")));
                    }
                    Err(trouble) => broken.push(format!("{start} {mood:?}: {trouble}")),
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} broken promises:\n{}", broken.len(), broken.join("\n"));
}

/// HEAD runs the whole decision of GET, whatever is asked (section 9.3.2).
#[test]
fn head_is_get_without_content() {
    let mut wrong = Vec::new();
    for (name, addresses) in [
        ("candor", ADDRESSES),
        (
            "folders",
            &[
                "/",
                "/plain/",
                "/plain",
                "/page",
                "/welcome",
                "/report",
                "/coded/app.js",
                "/img/hero",
                "/empty.txt",
            ][..],
        ),
    ] {
        let world = World::shared(name);
        // Nothing coded on the way: its length is not known before it is made.
        for &mood in
            MOODS.iter().filter(|mood| !mood.iter().any(|f| f.starts_with("Range") || f.contains("gzip")))
        {
            for &address in addresses.iter().filter(|a| !matches!(**a, "/form/slow" | "/boom" | "/-/health"))
            {
                let ask = |method: &str| {
                    let start = format!("{method} {address} HTTP/1.1");
                    world.ask(&[&[start.as_str()], mood].concat())
                };
                let (get, head) = (ask("GET"), ask("HEAD"));
                if !head.content.is_empty() || compared(&get, &head) != compared(&head, &get) {
                    wrong.push(format!(
                        "{address} {mood:?}:\n    GET {}\n    HEAD {}",
                        get.head(),
                        head.head()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What GET and HEAD share: a length may be left out by HEAD, but not differ.
fn compared(answer: &Answer, other: &Answer) -> (u16, Vec<(String, String)>) {
    let mut fields: Vec<(String, String)> = answer.without_date().1;
    fields.retain(|(name, _)| {
        !name.eq_ignore_ascii_case("transfer-encoding")
            && !name.eq_ignore_ascii_case("retry-after")
            && (!name.eq_ignore_ascii_case("content-length") || other.has("content-length"))
    });
    fields.sort();
    (answer.status, fields)
}

/// A 304 carries the six fields that a cache updates, as the 200 had them (section 15.4.5).
#[test]
fn not_modified_carries_what_its_200_had() {
    let mut seen = 0;
    for (name, addresses) in [
        ("candor", &["/a.txt", "/doc", "/doc.en.pdf", "/new.txt", "/ro/a.txt", "/ver.txt"][..]),
        (
            "folders",
            &[
                "/",
                "/page",
                "/welcome",
                "/coded/app.js",
                "/coded/long.txt",
                "/img/hero",
                "/LICENSE",
                "/manual/",
                "/empty.txt",
            ],
        ),
    ] {
        let world = World::shared(name);
        for address in addresses {
            for wish in [
                "Accept-Encoding: identity",
                "Accept-Encoding: gzip",
                "Accept-Language: de",
                "Accept: text/html, image/*, */*;q=0.1",
            ] {
                let start = format!("GET {address} HTTP/1.1");
                let whole = world.ask(&[&start, wish]);
                assert_eq!(whole.status, 200, "{start} {wish}");
                let tag = whole.field("etag").unwrap_or_else(|| panic!("{start} {wish}: no ETag"));
                let same = world.ask(&[&start, wish, &format!("If-None-Match: {tag}")]);
                // The coded copy may have been finished between the two.
                if same.status == 200 && same.has("content-encoding") != whole.has("content-encoding") {
                    continue;
                }
                assert_eq!(same.status, 304, "{start} {wish}");
                for name in ["content-location", "etag", "vary", "cache-control", "expires"] {
                    assert_eq!(same.field(name), whole.field(name), "{start} {wish}: {name}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 40);
}

/// What OPTIONS says is what happens: a listed method is neither 405 nor 501, every other known one is 405.
#[test]
fn allow_is_true_for_every_method() {
    let world = Plan::world("candor").start();
    let allow = |lines: &[&str]| -> BTreeSet<String> {
        let answer = world.ask(lines);
        assert_eq!(answer.status, 204, "{lines:?}");
        answer.field("allow").unwrap().split(", ").map(str::to_string).collect()
    };
    let everywhere = allow(&["OPTIONS * HTTP/1.1"]);
    for method in ["CONNECT", "TRACE"] {
        assert!(!everywhere.contains(method), "{method} is offered");
    }
    let mut wrong = Vec::new();
    for address in ["/a.txt", "/doc", "/ro/a.txt", "/tie", "/-/health"] {
        let here = allow(&[&format!("OPTIONS {address} HTTP/1.1")]);
        if !here.is_subset(&everywhere) {
            wrong.push(format!("{address} allows {here:?}, the server as a whole {everywhere:?}"));
        }
        for &method in METHODS.iter().filter(|m| !matches!(**m, "TRACE" | "BREW" | "get")) {
            let answer = world.ask(&[&format!("{method} {address} HTTP/1.1"), "Content-Length: 0"]);
            let allowed = !matches!(answer.status, 405 | 501);
            if allowed != here.contains(method) {
                wrong.push(format!("{method} {address}: {}, but Allow is {here:?}", answer.status));
            }
            if answer.status == 405 {
                let said: BTreeSet<String> =
                    answer.field("allow").unwrap().split(", ").map(str::to_string).collect();
                if said != here {
                    wrong.push(format!("{method} {address}: Allow {said:?}, OPTIONS said {here:?}"));
                }
            }
            if answer.status == 501 && everywhere.contains(method) {
                wrong.push(format!("{method} {address}: 501, but the server has it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether something is there must not show in the time the refusal takes.
#[test]
fn concealment_does_not_leak_through_time() {
    let world = World::shared("candor");
    let mut connection = world.connect();
    let requests = [
        world.request(&["GET /hush4/exists HTTP/1.1"]).into_bytes(),
        world.request(&["GET /hush4/missing HTTP/1.1"]).into_bytes(),
    ];
    let mut times: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    for round in 0..400 {
        let which = round % 2;
        let start = Instant::now();
        let answer = connection.ask(&requests[which]).unwrap();
        times[which].push(start.elapsed());
        assert_eq!(answer.status, 404);
    }
    let medians = times.map(|mut list| {
        list.sort();
        list[list.len() / 2]
    });
    let (low, high) = (medians[0].min(medians[1]), medians[0].max(medians[1]));
    // Looking a file up costs several system calls; noise between interleaved requests is far below half.
    assert!(
        high < low + low / 2 + Duration::from_micros(50),
        "exists {:?}, missing {:?}",
        medians[0],
        medians[1]
    );
}

/// A 406 is empty by default; a site can ask for the list in the content, too.
#[test]
fn variants_are_listed_in_the_content_where_the_site_says_so() {
    let world = World::shared("options");
    let request = "GET /doc HTTP/1.1\r\nHost: body.example\r\nAccept: image/png\r\n\r\n";
    let mut connection = world.connect();
    let answer = connection.ask(request.as_bytes()).unwrap();
    assert_eq!(answer.status, 406, "{}", answer.head());
    for variant in ["doc.en.html", "doc.de.html", "doc.en.pdf"] {
        assert!(answer.text().contains(variant), "{variant} is not in {}", answer.text());
        assert!(answer.field("link").unwrap_or_default().contains(variant), "{variant} is not in Link");
    }
    let head = connection.ask(request.replace("GET", "HEAD").as_bytes()).unwrap();
    assert_eq!((head.status, head.content.len()), (406, 0));
}

/// Admission: one more than can be taken is told so at once, and those taken are finished.
#[test]
fn more_than_can_be_taken_is_refused_at_once() {
    let plan = Plan::empty("[limits]\nrequests_in_flight = 2\n\n[[site]]\nroot = \"site\"\n");
    let size = 64 << 20;
    let world = plan.file("site/large.bin", vec![7; size]).file("site/a.txt", "hello\n").start();
    let large = world.request(&["GET /large.bin HTTP/1.1"]);
    // Two readers that stop reading after the first bytes: their requests stay in flight.
    let mut readers = [world.connect(), world.connect()];
    for reader in &mut readers {
        reader.send(large.as_bytes());
        assert!(reader.sip(1000) > 0);
    }
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    let refused = world.ask(&["GET /a.txt HTTP/1.1"]);
    assert_eq!(refused.status, 503, "{}", refused.head());
    assert!(start.elapsed() < Duration::from_millis(500), "refused after {:?}", start.elapsed());
    for reader in &mut readers {
        let answer = reader.answer("GET", PATIENCE * 3).unwrap();
        assert_eq!((answer.status, answer.content.len()), (200, size));
    }
    assert_eq!(world.ask(&["GET /a.txt HTTP/1.1"]).status, 200);
}

/// The hard limit: further connections are not served, those open go on, and room that comes free is used.
#[test]
fn past_the_hard_limit_connections_are_refused() {
    let plan = Plan::empty("[limits]\nconnections = 8\n\n[[site]]\nroot = \"site\"\n");
    let world = plan.file("site/a.txt", "hello\n").start();
    let request = world.request(&["GET /a.txt HTTP/1.1"]);
    let mut open: Vec<_> = (0..8).map(|_| world.connect()).collect();
    for connection in &mut open {
        assert_eq!(connection.ask(request.as_bytes()).unwrap().status, 200);
    }
    // Closed unread, or left unread in the queue: but not answered.
    let mut further = world.connect();
    further.send(request.as_bytes());
    assert!(further.answer("GET", Duration::from_millis(500)).is_err());
    drop(further);
    for connection in &mut open {
        assert_eq!(connection.ask(request.as_bytes()).unwrap().status, 200);
    }
    drop(open);
    let deadline = Instant::now() + PATIENCE;
    while world.connect().ask(request.as_bytes()).map(|answer| answer.status) != Ok(200) {
        assert!(Instant::now() < deadline, "no room came free");
        std::thread::sleep(Duration::from_millis(50));
    }
}
