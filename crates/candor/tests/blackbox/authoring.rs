//! Writing under load, under overlap and under `kill -9`: what was acknowledged is there, and one at a time wins.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::PATIENCE;
use crate::world::{Plan, World};

/// How often the server is killed. More rounds by `CANDOR_KILLS`.
const KILLS: usize = 8;

fn put(world: &World, path: &str, fields: &[&str], content: &str) -> String {
    let length = format!("Content-Length: {}", content.len());
    let line = format!("PUT {path} HTTP/1.1");
    let mut lines = vec![line.as_str(), length.as_str()];
    lines.extend(fields);
    world.request(&lines) + content
}

fn status(world: &World, request: &str) -> u16 {
    world.connect().ask(request.as_bytes()).unwrap().status
}

#[test]
fn one_of_many_writers_wins_each_round() {
    let world = Plan::world("candor").start();
    assert_eq!(status(&world, &put(&world, "/box/x", &[], "begin")), 201);
    for round in 0..4 {
        let get = world.request(&["GET /box/x HTTP/1.1"]);
        let current = world.connect().ask(get.as_bytes()).unwrap();
        let tag = current.field("ETag").unwrap();
        let condition = format!("If-Match: {tag}");
        let (won, lost) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        thread::scope(|scope| {
            for writer in 0..64 {
                let (world, condition, won, lost) = (&world, &condition, &won, &lost);
                scope.spawn(move || {
                    let text = format!("round {round} writer {writer}");
                    let fields = [condition.as_str(), "Accept: application/json"];
                    let answer =
                        world.connect().ask(put(world, "/box/x", &fields, &text).as_bytes()).unwrap();
                    match answer.status {
                        204 => won.lock().unwrap().push(text),
                        412 => {
                            assert!(answer.text().contains("\"differences\":"), "{}", answer.text());
                            lost.fetch_add(1, Ordering::Relaxed);
                        }
                        status => panic!("{status}: {}", answer.text()),
                    }
                });
            }
        });
        let won = won.into_inner().unwrap();
        assert_eq!((won.len(), lost.into_inner()), (1, 63), "round {round}");
        assert_eq!(world.connect().ask(get.as_bytes()).unwrap().text(), won[0]);
    }
}

#[test]
fn of_first_writers_one_creates() {
    let world = Plan::world("candor").start();
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        for writer in 0..16 {
            let (world, made) = (&world, &made);
            scope.spawn(move || match status(world, &put(world, "/box/new", &[], &format!("{writer}"))) {
                201 => {
                    made.fetch_add(1, Ordering::Relaxed);
                }
                204 | 409 => {}
                status => panic!("{status}"),
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn a_slow_writer_does_not_overwrite_what_came_meanwhile() {
    let world = Plan::world("candor").start();
    assert_eq!(status(&world, &put(&world, "/box/x", &[], "begin")), 201);
    let mut slow = world.connect();
    slow.send(world.request(&["PUT /box/x HTTP/1.1", "Content-Length: 4"]).as_bytes());
    slow.send(b"sl");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(status(&world, &put(&world, "/box/x", &[], "fast")), 204);
    slow.send(b"ow");
    assert_eq!(slow.answer("PUT", PATIENCE).unwrap().status, 409);
    let now = world.connect().ask(world.request(&["GET /box/x HTTP/1.1"]).as_bytes()).unwrap();
    assert_eq!(now.text(), "fast");
}

#[test]
fn an_edit_by_hand_is_no_longer_what_a_writer_saw() {
    let world = Plan::world("candor").start();
    let made = world.connect().ask(put(&world, "/box/x", &[], "begin").as_bytes()).unwrap();
    let condition = format!("If-Match: {}", made.field("ETag").unwrap());
    std::fs::write(world.folder.join("site/box/x"), "by hand").unwrap();
    assert_eq!(status(&world, &put(&world, "/box/x", &[&condition], "mine")), 412);
    let answer = world.connect().ask(put(&world, "/box/x", &[], "mine").as_bytes()).unwrap();
    assert_eq!(answer.status, 204);
    // What was there by hand is kept as a version.
    let tag = blake3_tag(b"by hand");
    let version = format!("GET /-/versions/{tag}/box/x HTTP/1.1");
    let kept = world.connect().ask(world.request(&[&version]).as_bytes()).unwrap();
    assert_eq!((kept.status, kept.text().as_str()), (200, "by hand"));
}

fn blake3_tag(content: &[u8]) -> String {
    candor_store::Digest::of(content).tag()
}

#[test]
fn what_was_acknowledged_outlives_the_server() {
    let kills = std::env::var("CANDOR_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let mut world = Plan::world("candor").start();
    // What the last acknowledged content of each address is, and what may be there instead.
    let mut known: HashMap<String, (Option<String>, Option<String>)> = HashMap::new();
    for round in 0..kills {
        let log = Mutex::new(Vec::new());
        let begun = Instant::now();
        let life = Duration::from_millis(40 + (round as u64 * 37) % 160);
        thread::scope(|scope| {
            for writer in 0..4 {
                let (world, log) = (&world, &log);
                scope.spawn(move || {
                    let mut connection = world.connect();
                    for number in 0.. {
                        let path = format!("/box/w{writer}-{}", number % 3);
                        let text = format!("round {round} writer {writer} number {number} ").repeat(50);
                        let gone = number % 7 == 6;
                        let request = match gone {
                            true => world.request(&[&format!("DELETE {path} HTTP/1.1")]),
                            false => put(world, &path, &[], &text),
                        };
                        let wanted = (!gone).then_some(text);
                        let told = connection.ask(request.as_bytes()).ok().map(|answer| answer.status);
                        let ended = told.is_none();
                        log.lock().unwrap().push((path, wanted, told));
                        if ended {
                            return;
                        }
                    }
                });
            }
            thread::sleep(life.saturating_sub(begun.elapsed()));
            world.signal("KILL");
        });
        for (path, wanted, told) in log.into_inner().unwrap() {
            let entry = known.entry(path).or_default();
            match told {
                Some(201 | 204) => *entry = (wanted.clone(), wanted),
                // Cut off: either is fine.
                None => entry.1 = wanted,
                Some(404) => {}
                Some(status) => panic!("{status}"),
            }
        }
        world.restart();
        for (path, (told, perhaps)) in &mut known {
            let get = world.request(&[&format!("GET {path} HTTP/1.1")]);
            let answer = world.connect().ask(get.as_bytes()).unwrap();
            let found = match answer.status {
                200 => Some(answer.text()),
                404 | 410 => None,
                status => panic!("{path}: {status}"),
            };
            assert!(found == *told || found == *perhaps, "round {round}: {path} is neither");
            (*told, *perhaps) = (found.clone(), found);
        }
        let left = std::fs::read_dir(world.folder.join("site/box")).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        assert!(
            !left.iter().any(|name| name.starts_with(".candor")),
            "something half written is left: {left:?}"
        );
    }
}

/// Runs the program beside a server, on its folder.
fn beside(world: &World, words: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_candor"));
    let output = command.args(words).args(["--state", "state"]).current_dir(&world.folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Waits until an address has this status: marks of another process are seen soon.
fn comes(world: &World, path: &str, expected: u16) {
    let get = world.request(&[&format!("GET {path} HTTP/1.1")]);
    let deadline = Instant::now() + PATIENCE;
    while status(world, &get) != expected {
        assert!(Instant::now() < deadline, "{path} is not {expected}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn owners_say_what_is_true_of_an_address() {
    let world = Plan::world("candor").start();
    beside(&world, &["retire", "site", "/a.txt", "--note", "the offer has ended"]);
    comes(&world, "/a.txt", 410);
    let gone = world.ask(&["GET /a.txt HTTP/1.1"]);
    assert!(gone.text().contains("the offer has ended"));
    // What an owner said holds against writers, too.
    beside(&world, &["retire", "site", "/box/x"]);
    comes(&world, "/box/x", 410);
    assert_eq!(status(&world, &put(&world, "/box/x", &[], "new")), 410);
    beside(&world, &["restore", "site", "/box/x"]);
    comes(&world, "/box/x", 404);
    assert_eq!(status(&world, &put(&world, "/box/x", &[], "new")), 201);

    beside(&world, &["move", "site", "/box/", "/elsewhere/"]);
    comes(&world, "/box/x", 301);
    let moved = world.ask(&["GET /box/x?y HTTP/1.1"]);
    assert_eq!(moved.field("Location").as_deref(), Some("/elsewhere/x?y"));
    beside(&world, &["move", "site", "/ro/a.txt", "/new.txt", "--for-now"]);
    comes(&world, "/ro/a.txt", 302);
    beside(&world, &["move", "site", "/talk", "/tie.pdf", "/tie.epub"]);
    comes(&world, "/talk", 300);
    // A move to what is gone is gone.
    beside(&world, &["move", "site", "/ver.txt", "/a.txt"]);
    comes(&world, "/ver.txt", 410);

    let log = beside(&world, &["log", "site"]);
    let kinds: Vec<&str> = log.lines().filter_map(|line| line.split_whitespace().nth(7)).collect();
    let expected = [
        "mark-moved",
        "mark-moved",
        "mark-moved-for-now",
        "mark-moved",
        "put",
        "restore",
        "retire",
        "retire",
    ];
    assert_eq!(kinds, expected, "{log}");
}
