//! Input that means harm: bounded time and memory, true codes, nothing from outside the root, no request
//! smuggled, no descriptor lost.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, Connection, End, PATIENCE, Trouble, method_of};
use crate::promises;
use crate::world::{Plan, World};

const LIMITS: &str =
    "[limits]\nhead_timeout = \"1s\"\nidle_timeout = \"2s\"\n\n[[site]]\nroot = \"site\"\nlisting = true\n";

/// Says so if the server does not answer an ordinary request at once.
fn check_health(world: &World) {
    let start = Instant::now();
    let answer = world.ask(&["GET /a.txt HTTP/1.1"]);
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello\n"));
    assert!(start.elapsed() < Duration::from_secs(2), "an ordinary request took {:?}", start.elapsed());
}

fn world() -> World {
    Plan::empty(LIMITS)
        .file("site/a.txt", "hello\n")
        .file("site/sub/b.txt", "b\n")
        .file("secret.txt", "OUTSIDE\n")
        .start()
}

/// Waits until the server has no more descriptors than before, and a few for what it keeps open.
fn check_descriptors(world: &World, before: usize) {
    let deadline = Instant::now() + PATIENCE;
    while world.descriptors() > before + 4 {
        assert!(Instant::now() < deadline, "{} descriptors, {before} before", world.descriptors());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn slow_and_half_open_connections_stop_nobody() {
    let world = world();
    check_health(&world);
    let before = world.descriptors();
    let mut idle: Vec<Connection> = Vec::new();
    for number in 0..300 {
        let mut connection = world.connect();
        match number % 3 {
            0 => {}
            1 => connection.send(b"GET /a.txt HTTP/1.1\r\nHo"),
            _ => connection.send(b"G"),
        }
        idle.push(connection);
    }
    check_health(&world);
    for (number, connection) in idle.iter_mut().enumerate() {
        if number % 3 == 0 {
            assert_eq!(connection.end(PATIENCE), End::Closed, "silence is answered with silence");
        } else {
            let answer = connection.answer("GET", PATIENCE).unwrap();
            assert_eq!(answer.status, 408);
            assert!(promises::broken(&answer, "GET").is_empty(), "{}", answer.head());
        }
    }
    check_health(&world);
    check_descriptors(&world, before);
}

#[test]
fn readers_who_never_read_are_let_go() {
    let world =
        Plan::empty(LIMITS).file("site/a.txt", "hello\n").file("site/large.bin", vec![1; 32 << 20]).start();
    check_health(&world);
    let before = world.descriptors();
    let stuck: Vec<Connection> = (0..50)
        .map(|_| {
            let mut connection = world.connect();
            connection.send(world.request(&["GET /large.bin HTTP/1.1"]).as_bytes());
            connection
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    check_health(&world);
    let memory = world.memory();
    assert!(memory < 200 << 10, "{memory} KiB for 50 readers who do not read");
    drop(stuck);
    check_health(&world);
    check_descriptors(&world, before + 1);
}

#[test]
fn floods_of_fields_are_cut_off() {
    let world = world();
    check_health(&world);
    let (before, memory) = (world.descriptors(), world.memory());
    // Without end, and without an end in sight.
    let mut connection = world.connect();
    connection.send(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n");
    for number in 0..20_000 {
        connection.send(format!("X-{number}: {number}\r\n").as_bytes());
    }
    match connection.answer("GET", PATIENCE) {
        Ok(answer) => assert_eq!(answer.status, 431),
        // The rest of the flood may have reset the connection before the answer was read.
        Err(Trouble::Closed | Trouble::Cut(_)) => {}
        Err(trouble) => panic!("{trouble}"),
    }
    // Within the size, but very many.
    let mut many = String::from("GET /a.txt HTTP/1.1\r\nHost: x\r\n");
    (0..4000).for_each(|_| many.push_str("a:\r\n"));
    let answer = world.connect().ask((many + "\r\n").as_bytes()).unwrap();
    assert!(matches!(answer.status, 200 | 431), "{}", answer.head());
    // One line without end.
    let mut connection = world.connect();
    connection.send(b"GET /");
    for _ in 0..200 {
        connection.send(&[b'a'; 10_000]);
    }
    match connection.answer("GET", PATIENCE) {
        Ok(answer) => assert_eq!(answer.status, 414),
        Err(Trouble::Closed | Trouble::Cut(_)) => {}
        Err(trouble) => panic!("{trouble}"),
    }
    check_health(&world);
    check_descriptors(&world, before);
    assert!(world.memory() < memory + (32 << 10), "{memory} KiB before, {} after", world.memory());
}

/// Shapes in which a second request hides: one answer and the end, never a second answer.
#[test]
fn nothing_is_smuggled() {
    let world = world();
    let hidden = "GET /sub/b.txt HTTP/1.1\r\nHost: x\r\n\r\n";
    for shape in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX",
        "Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "Content-Length: 0, 44\r\n\r\n",
        "Content-Length: 00x\r\n\r\n",
        "Content-Length : 44\r\n\r\n",
        "Content-Length: 4 4\r\n\r\n",
        "Content-Length: 0x2c\r\n\r\n",
        "Content-Length: \"0\"\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\r\n: chunked\r\n\r\n0\r\n\r\n",
        "X: y\n\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1 \n\r\na\r\n0\r\n\r\n",
    ] {
        let mut connection = world.connect();
        connection.send(format!("POST /a.txt HTTP/1.1\r\nHost: x\r\n{shape}{hidden}").as_bytes());
        match connection.answer("POST", PATIENCE) {
            Ok(answer) => {
                assert!(answer.status >= 400, "{shape:?}: {}", answer.status);
                let broken = promises::broken(&answer, "POST");
                assert!(broken.is_empty(), "{shape:?}: {broken:?}");
                // 405 is the answer to a good head; the content behind it decides about the connection.
                assert!(matches!(answer.status, 400 | 405 | 501), "{shape:?}: {}", answer.status);
            }
            Err(Trouble::Closed) => {}
            Err(trouble) => panic!("{shape:?}: {trouble}"),
        }
        let end = connection.end(PATIENCE);
        assert_eq!(end, End::Closed, "{shape:?}: the connection must not be used further");
    }
    check_health(&world);
}

/// Content of a refused request is no request, however it looks.
#[test]
fn content_is_never_read_as_a_request() {
    let world = world();
    let hidden = "GET /sub/b.txt HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [
        format!("POST /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        format!(
            "POST /a.txt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n",
            hidden.len()
        ),
        format!("GET /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        format!("OPTIONS /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
    ] {
        let mut connection = world.connect();
        connection.send(request.as_bytes());
        connection.send(world.request(&["GET /a.txt HTTP/1.1", "Connection: close"]).as_bytes());
        let first = connection.answer(&method_of(request.as_bytes()), PATIENCE).unwrap();
        assert!(matches!(first.status, 200 | 204 | 405), "{}", first.head());
        // Either the content was taken off the line and the next request is answered, or the line is closed.
        if let Ok(second) = connection.answer("GET", PATIENCE) {
            assert_eq!((second.status, second.text().as_str()), (200, "hello\n"), "{request:?}");
        }
    }
}

#[test]
fn nothing_outside_the_root() {
    let plan = Plan::empty(LIMITS)
        .file("site/a.txt", "hello\n")
        .file("site/sub/b.txt", "b\n")
        .file("secret.txt", "OUTSIDE\n");
    let site = plan.folder().join("site");
    let link = |target: &str, name: &str| std::os::unix::fs::symlink(target, site.join(name)).unwrap();
    link("../secret.txt", "out.txt");
    link("/etc/passwd", "passwd");
    link("..", "up");
    link("/", "slash");
    link("/dev/zero", "zero");
    link("/proc/self/environ", "environ");
    link("loop", "loop");
    link("nowhere", "dangling");
    link("sub/b.txt", "inside.txt");
    let fifo = Command::new("mkfifo").arg(site.join("pipe")).status().unwrap();
    assert!(fifo.success());
    let _socket = UnixListener::bind(site.join("socket")).unwrap();
    let world = plan.start();
    for target in [
        "/out.txt",
        "/passwd",
        "/up/secret.txt",
        "/up/",
        "/slash/etc/passwd",
        "/zero",
        "/environ",
        "/loop",
        "/dangling",
        "/pipe",
        "/socket",
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E/secret.txt",
        "/.%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e/secret.txt",
        "/sub/..%2f..%2fsecret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/..%00/secret.txt",
        "/a.txt%00.html",
        "/....//secret.txt",
        "//../secret.txt",
        "/./../secret.txt",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/..;/secret.txt",
        "/.candor/ledger",
        "/state/ledger",
    ] {
        let start = Instant::now();
        let mut connection = world.connect();
        let answer = connection.ask(world.request(&[&format!("GET {target} HTTP/1.1")]).as_bytes());
        let answer = answer.unwrap_or_else(|trouble| panic!("{target}: {trouble}"));
        assert!(matches!(answer.status, 400 | 403 | 404), "{target}: {}", answer.head());
        assert!(!answer.text().contains("OUTSIDE") && !answer.text().contains("root:"), "{target} leaks");
        let broken = promises::broken(&answer, "GET");
        assert!(broken.is_empty(), "{target}: {broken:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "{target} took {:?}", start.elapsed());
    }
    let inside = world.ask(&["GET /inside.txt HTTP/1.1"]);
    assert_eq!((inside.status, inside.text().as_str()), (200, "b\n"), "a link that stays inside is a file");
    let listing = world.ask(&["GET / HTTP/1.1", "Accept: text/html"]);
    assert_eq!(listing.status, 200);
    check_health(&world);
}

#[test]
fn a_link_swapped_while_it_is_asked_never_leads_outside() {
    let plan = Plan::empty(LIMITS)
        .file("site/a.txt", "hello\n")
        .file("site/in/x.txt", "INSIDE\n")
        .file("out/x.txt", "OUTSIDE\n");
    let world = plan.start();
    let (inside, outside) = (world.folder.join("site/in"), world.folder.join("out"));
    let door = world.folder.join("site/door");
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut connection = world.connect();
            let request = world.request(&["GET /door/x.txt HTTP/1.1"]);
            for _ in 0..400 {
                let answer = connection.ask(request.as_bytes()).unwrap();
                assert!(matches!(answer.status, 200 | 403 | 404 | 500 | 503), "{}", answer.head());
                assert!(!answer.text().contains("OUTSIDE"), "the door was open");
            }
        });
        let mut turn = false;
        while !reader.is_finished() {
            turn = !turn;
            let fresh = world.folder.join("site/door.new");
            let target = if turn { "in".into() } else { outside.display().to_string() };
            std::os::unix::fs::symlink(target, &fresh).unwrap();
            fs::rename(&fresh, &door).unwrap();
        }
        reader.join().unwrap();
    });
    assert!(inside.exists());
}

#[test]
fn range_bombs_do_not_multiply() {
    let size = 1 << 20;
    let world =
        Plan::empty(LIMITS).file("site/a.txt", "hello\n").file("site/file.bin", vec![3; size]).start();
    check_health(&world);
    let memory = world.memory();
    let many = |range: &str, times: usize| format!("Range: bytes={}", vec![range; times].join(","));
    let steps: Vec<String> = (0..1500).map(|n| format!("{}-{}", n * 2, n * 2)).collect();
    for range in [
        many("0-", 1000),
        many("-1000000", 1000),
        many("0-1048575", 1500),
        format!("Range: bytes={}", steps.join(",")),
    ] {
        let start = Instant::now();
        let answer = world.ask(&["GET /file.bin HTTP/1.1", &range]);
        assert!(matches!(answer.status, 200 | 206 | 416), "{}", answer.head());
        assert!(answer.content.len() <= size + (64 << 10), "{} bytes of {size}", answer.content.len());
        assert!(start.elapsed() < Duration::from_secs(3));
    }
    assert!(world.memory() < memory + (32 << 10), "{memory} KiB before, {} after", world.memory());
}

#[test]
fn compression_on_request_is_bounded() {
    // Compresses a thousandfold, far past the size that is coded on the way.
    let plan = Plan::empty(LIMITS).file("site/a.txt", "hello\n").file("site/huge.txt", vec![b'a'; 64 << 20]);
    let world = plan.file("site/fits.txt", vec![b'b'; 8 << 20]).start();
    check_health(&world);
    let memory = world.memory();
    let asks: Vec<_> = (0..12)
        .map(|number| {
            let mut connection = world.connect();
            let file = if number % 2 == 0 { "huge" } else { "fits" };
            let coding = ["gzip", "br", "zstd"][number / 2 % 3];
            let lines = [&format!("GET /{file}.txt HTTP/1.1"), &format!("Accept-Encoding: {coding}")];
            connection.send(world.request(&lines.map(String::as_str)).as_bytes());
            connection
        })
        .collect();
    check_health(&world);
    for mut connection in asks {
        let answer: Answer = connection.answer("GET", Duration::from_secs(60)).unwrap();
        assert_eq!(answer.status, 200);
        if !answer.has("content-encoding") {
            assert!(matches!(answer.content.len(), 0x400_0000 | 0x80_0000));
        }
        check_health(&world);
    }
    assert!(world.memory() < memory + (160 << 10), "{memory} KiB before, {} after", world.memory());
}

/// Random bytes, cut and mixed requests: an answer of ours or the end, and nothing is left behind.
#[test]
fn noise_is_survived() {
    let mut world = world();
    check_health(&world);
    let before = world.descriptors();
    let pieces: &[&[u8]] = &[
        b"GET ",
        b"HEAD ",
        b"/a.txt",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"\r",
        b"Host: x\r\n",
        b"\0",
        b"\xff\xfe",
        b":",
        b" ",
        b"%",
        b"%2",
        b"Range: bytes=",
        b"0-",
        b",",
        b"If-None-Match: \"",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 3\r\n",
        b"\r\n\r\n",
        b"Accept: */*;q=",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00\x00\x04\x08",
        b"Upgrade: h2c\r\n",
        b"Expect: 100-continue\r\n",
    ];
    // A small generator is enough, and the same noise comes every time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for round in 0..600 {
        let count = 1 + next(12);
        let bytes: Vec<u8> = (0..count).flat_map(|_| pieces[next(pieces.len())].to_vec()).collect();
        let mut connection = world.connect();
        connection.send(&bytes);
        connection.finish();
        match connection.answer("GET", PATIENCE) {
            Ok(answer) if answer.status >= 500 => {
                assert!(matches!(answer.status, 501 | 505), "{bytes:?}: {}", answer.head())
            }
            Ok(_) | Err(Trouble::Closed | Trouble::Cut(_)) => {}
            Err(Trouble::Malformed(_)) if bytes.starts_with(b"PRI") => {}
            Err(Trouble::Silence(_)) => panic!("round {round}: no end after {}", bytes.escape_ascii()),
            Err(trouble) => panic!("round {round}: {trouble} after {}", bytes.escape_ascii()),
        }
    }
    assert!(world.is_alive());
    assert!(!world.log().contains("panicked"), "{}", world.log_tail());
    check_health(&world);
    check_descriptors(&world, before);
}

/// Clients that go away in the middle of anything leave nothing open.
#[test]
fn descriptors_come_back() {
    let world =
        Plan::empty(LIMITS).file("site/a.txt", "hello\n").file("site/large.bin", vec![1; 8 << 20]).start();
    for address in ["/a.txt", "/large.bin", "/", "/missing"] {
        world.ask(&[&format!("GET {address} HTTP/1.1")]);
    }
    thread::sleep(Duration::from_millis(300));
    let before = world.descriptors();
    for round in 0..200 {
        let mut connection = world.connect();
        let address = ["/large.bin", "/a.txt", "/missing", "/"][round % 4];
        let request = world.request(&[&format!("GET {address} HTTP/1.1"), "Accept-Encoding: gzip"]);
        connection.send(&request.as_bytes()[..request.len() - (round % 3) * 2]);
        if round % 5 == 0 {
            connection.sip(1000);
        }
    }
    check_descriptors(&world, before);
    check_health(&world);
}
