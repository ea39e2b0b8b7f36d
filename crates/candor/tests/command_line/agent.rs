//! The user agent's commands against scripted servers: what is printed, sent, and the exit code.

use std::fs;
use std::path::Path;

#[path = "../../../candor-agent/tests/agent/scripted.rs"]
#[allow(dead_code)]
mod scripted;

use scripted::{Scripted, answer, bare};

use crate::{Folder, Run};

/// The program with a home of its own.
fn at_home(home: &Path, arguments: &[&str]) -> Run {
    Run::new(arguments).env("HOME", home.as_os_str()).within(home)
}

#[test]
fn get_prints_content_and_says_what_a_refusal_means() {
    let home = Folder::new("agent-get");
    let server =
        Scripted::play(vec![answer(200, "", "hello\n"), answer(410, "", ""), answer(405, "Allow: GET", "")]);
    assert_eq!(at_home(&home.0, &["get", &server.url("/a")]).fine(), "hello\n");
    let error = at_home(&home.0, &["get", &server.url("/b")]).fails(1);
    assert!(error.contains("410 Gone"), "{error}");
    let error = at_home(&home.0, &["delete", &server.url("/c")]).fails(1);
    assert!(error.contains("405 Method Not Allowed") && error.contains("allowed there: GET"), "{error}");
}

#[test]
fn exit_codes_tell_the_ends_apart() {
    let home = Folder::new("agent-exits");
    let run = |play, arguments: &[&str]| {
        let server = Scripted::play(vec![play]);
        let url = server.url("/x");
        let arguments: Vec<&str> = arguments.iter().copied().chain([url.as_str()]).collect();
        let code = at_home(&home.0, &arguments).run().0;
        (code, server.lines().len())
    };
    assert_eq!(run(answer(500, "", ""), &["get"]), (1, 1));
    assert_eq!(run(answer(503, "", ""), &["get"]), (1, 1));
    assert_eq!(run(answer(301, "Location: /y", ""), &["post"]), (4, 1));
    assert_eq!(run(answer(300, "", "?"), &["get"]), (4, 1));
    assert_eq!(run(answer(409, "", ""), &["put"]), (4, 1));
    assert_eq!(run(answer(202, "Location: /m", ""), &["post"]), (5, 1));
    assert_eq!(run(scripted::Play::Close(String::new()), &["post"]), (3, 1));
    assert_eq!(run(answer(400, "", ""), &["get", "--retry", "5"]), (1, 1));
    assert_eq!(at_home(&home.0, &["get", "ftp://x/"]).run().0, 2);
    assert_eq!(at_home(&home.0, &["get", &format!("http://{}/", crate::nobody_listens())]).run().0, 3);
}

#[test]
fn yes_follows_an_unsafe_redirect_with_the_same_content() {
    let home = Folder::new("agent-yes");
    let server = Scripted::play(vec![answer(302, "Location: /y", ""), answer(201, "Location: /y/1", "")]);
    let printed = at_home(&home.0, &["post", "--yes", &server.url("/x")]).input("the text").fine();
    assert_eq!(printed, format!("{}\n", server.url("/y/1")));
    assert_eq!(server.lines(), ["POST /x", "POST /y"]);
    assert!(server.requests()[1].ends_with("the text"));
}

#[test]
fn waiting_follows_the_monitor() {
    let home = Folder::new("agent-wait");
    let state = |state: &str| {
        answer(200, "Retry-After: 1", &format!("{{\"state\":\"{state}\",\"code\":403,\"result\":\"/r\"}}"))
    };
    let accepted = answer(202, "Location: /m|Retry-After: 1", "");
    let server = Scripted::play(vec![accepted.clone(), state("queued"), state("done")]);
    assert_eq!(at_home(&home.0, &["post", "--wait", &server.url("/x")]).run().0, 0);
    assert_eq!(server.lines(), ["POST /x", "GET /m", "GET /m"]);
    let server = Scripted::play(vec![accepted, state("refused")]);
    let (code, _, error) = at_home(&home.0, &["post", "--wait", &server.url("/x")]).run();
    assert!(code == 1 && error.contains("refused: 403"), "{error}");
}

#[test]
fn put_is_based_on_what_get_saw_and_merges_after_a_yes() {
    let home = Folder::new("agent-put");
    let file = home.0.join("page.txt");
    let name = file.to_str().unwrap();
    const BASE: &str = "one\ntwo\nthree\nfour\nfive\n";
    let report = "{\"current_etag\":\"\\\"v2\\\"\",\"differences\":\"-five\\n+FIVE\\n\"}";
    let server = Scripted::play(vec![
        answer(200, "ETag: \"v1\"", BASE),
        answer(412, "Content-Type: application/problem+json", report),
        answer(412, "Content-Type: application/problem+json", report),
        answer(200, "ETag: \"v2\"", &BASE.replace("five", "FIVE")),
        bare(204, "ETag: \"v3\""),
        bare(204, "ETag: \"v4\""),
    ]);
    let url = server.url("/page.txt");
    at_home(&home.0, &["get", "-o", name, &url]).fine();
    fs::write(&file, BASE.replace("one", "ONE")).unwrap();

    let error = at_home(&home.0, &["put", &url, name]).fails(4);
    assert!(error.contains("+FIVE") && error.contains("412 Precondition Failed"), "{error}");
    assert_eq!(server.lines(), ["GET /page.txt", "PUT /page.txt"], "nothing is sent again unasked");
    assert!(server.requests()[1].contains("If-Match: \"v1\"\r\n"));
    assert!(server.requests()[1].contains("Accept: application/problem+json"));

    let (code, _, error) = at_home(&home.0, &["put", "--yes", &url, name]).run();
    assert_eq!(code, 0, "{error}");
    let requests = server.requests();
    assert!(requests[4].contains("If-Match: \"v2\"\r\n"), "{}", requests[4]);
    assert!(requests[4].ends_with("\r\n\r\nONE\ntwo\nthree\nfour\nFIVE\n"), "{}", requests[4]);

    assert_eq!(fs::read_to_string(&file).unwrap(), "ONE\ntwo\nthree\nfour\nFIVE\n", "the file has the merge");

    at_home(&home.0, &["put", &url, name]).run();
    assert!(
        server.requests()[5].contains("If-Match: \"v3\"\r\n"),
        "the tag of the last put is the base of the next"
    );
}

#[test]
fn a_second_hand_base_is_asked_about() {
    let home = Folder::new("agent-second-hand");
    let name = home.0.join("x.txt").to_str().unwrap().to_owned();
    let server = Scripted::play(vec![answer(203, "Age: 70|ETag: \"v1\"", "text"), bare(204, "")]);
    let url = server.url("/x.txt");
    let (code, _, error) = at_home(&home.0, &["get", "-o", &name, &url]).run();
    assert!(code == 0 && error.contains("second-hand copy, 70 s old"), "{error}");
    assert!(at_home(&home.0, &["put", &url, &name]).fails(4).contains("second-hand"));
    assert_eq!(server.lines().len(), 1);
    assert_eq!(at_home(&home.0, &["put", "--yes", &url, &name]).run().0, 0);
    assert!(!server.requests()[1].contains("If-Match"));
}

#[test]
fn a_true_conflict_is_never_sent() {
    let home = Folder::new("agent-conflict");
    let file = home.0.join("page.txt");
    fs::write(&file, "mine\n").unwrap();
    let server =
        Scripted::play(vec![answer(409, "ETag: \"v2\"", ""), answer(200, "ETag: \"v2\"", "theirs\n")]);
    let (code, _, error) =
        at_home(&home.0, &["put", "--yes", &server.url("/p"), file.to_str().unwrap()]).run();
    assert_eq!((code, server.lines().len()), (4, 2), "{error}");
    let marked = fs::read_to_string(home.0.join("page.txt.merge")).unwrap();
    assert!(marked.contains("mine") && marked.contains("theirs") && marked.contains("<<<<<<<"), "{marked}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine\n");
}

#[test]
fn links_are_checked_fixed_and_given_back() {
    let home = Folder::new("agent-links");
    let site = home.0.join("site");
    fs::create_dir(&site).unwrap();
    let server =
        Scripted::play(vec![answer(301, "Location: /new|Cache-Control: no-store", ""), answer(200, "", "")]);
    let before = format!("<p>ä\r\n<a href='{}'>x</a>", server.url("/old#f"));
    fs::write(site.join("x.html"), &before).unwrap();
    let (code, out, error) = at_home(&home.0, &["links", "check", "site"]).run();
    assert!(code == 1 && out.contains("x.html:2") && out.contains("/new#f"), "{out}{error}");

    let again = || {
        Scripted::play(vec![answer(301, "Location: /new|Cache-Control: no-store", ""), answer(200, "", "")])
    };
    let server = again();
    let before = format!("<p>ä\r\n<a href='{}'>x</a>", server.url("/old#f"));
    fs::write(site.join("x.html"), &before).unwrap();
    let diff = at_home(&home.0, &["links", "fix", "--dry-run", "site"]).fine();
    assert!(
        diff.contains("--- a/x.html") && diff.contains(&format!("+<a href='{}'>", server.url("/new#f"))),
        "{diff}"
    );
    assert_eq!(fs::read_to_string(site.join("x.html")).unwrap(), before);

    let server = again();
    let before = format!("<p>ä\r\n<a href='{}'>x</a>", server.url("/old#f"));
    fs::write(site.join("x.html"), &before).unwrap();
    at_home(&home.0, &["links", "fix", "site"]).fine();
    let after = before.replace("/old#f", "/new#f");
    assert_eq!(fs::read_to_string(site.join("x.html")).unwrap(), after);
    at_home(&home.0, &["links", "undo", "site"]).fine();
    assert_eq!(fs::read_to_string(site.join("x.html")).unwrap(), before);
}
