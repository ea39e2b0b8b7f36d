//! Checking and fixing links: what is asked, what is found, and that nothing else in a file changes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use candor_agent::links::fix::{self, Proposal};
use candor_agent::links::journal::Journal;
use candor_agent::links::{Report, Settings, Verdict, check_folder, check_site};
use candor_semantics::url::Url;

use crate::site::Site;
use crate::{agent, run};

fn settings(state: &Path) -> Settings {
    Settings { state: Some(state.into()), ..Settings::default() }
}

fn check(folder: &Path, settings: &Settings) -> Report {
    let agent = Arc::new(agent());
    run(check_folder(&agent, folder, settings, &|_, _| {})).unwrap()
}

fn words(report: &Report) -> Vec<String> {
    report
        .findings()
        .iter()
        .map(|found| {
            format!(
                "{}:{} {} {}",
                report.sources[found.source].name,
                found.line,
                found.link.reference,
                found.verdict.word()
            )
        })
        .collect()
}

/// Makes all edits that need no yes, and those that a yes is enough for where `approve` says so.
fn fixed(
    report: &Report,
    settings: &Settings,
    journal: Option<&Journal>,
    approve: bool,
) -> (usize, Vec<Proposal>) {
    let proposals = fix::propose(report, settings);
    let (wanted, pending): (Vec<_>, Vec<_>) =
        proposals.iter().partition(|p| p.doubt.as_ref().is_none_or(|doubt| approve && doubt.yields));
    let made = fix::make(report, &wanted, journal).unwrap();
    assert!(made.left.is_empty(), "{made:?}");
    (made.fixed.len(), pending.into_iter().cloned().collect())
}

#[test]
fn a_folder_is_checked_without_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write(
        "index.html",
        "<h1 id=top-of>x</h1>\n<a href=sub/>s</a> <a href=/sub/page>p</a>\n<a href='sub/page.html#here'>h</a> <a href=sub/page#nowhere>n</a>\n<a href=missing.html>m</a> <a href='a b.txt'>b</a> <a href=mailto:a@b>m</a>",
    );
    write(
        "sub/page.html",
        "<p id=here><a href=../index.html#top-of>t</a> <a href=../../out>o</a> <img src=/pic.png>",
    );
    write("a b.txt", "text");
    write("notes.md", "# One Two\n\n[a](#one-two) [b](#three) [c](sub/page.html)\n");
    write(".hidden/x.html", "<a href=missing>");
    let report = check(folder.path(), &settings(folder.path()));
    assert_eq!(
        words(&report),
        [
            "index.html:4 missing.html broken",
            "sub/page.html:1 ../../out broken",
            "sub/page.html:1 /pic.png broken",
            "index.html:3 sub/page#nowhere no-fragment",
            "notes.md:3 #three no-fragment",
        ]
    );
    assert_eq!((report.sources.len(), report.asked), (3, 0));
}

const PAGE: (u16, &str, &str) = (200, "Content-Type: text/html", "<p id=p2>x");

fn moving_site() -> Site {
    Site::new(&[
        ("/new", PAGE.0, PAGE.1, PAGE.2),
        ("/old", 301, "Location: /new", ""),
        ("/old308", 308, "Location: /new#p2", ""),
        ("/away", 302, "Location: /new", ""),
        ("/mixed", 301, "Location: /away", ""),
        ("/first302", 302, "Location: /old", ""),
        ("/dead-end", 301, "Location: /nothing", ""),
        ("/gone", 410, "", ""),
        ("/forms", 300, "Link: </new>; rel=alternate, </away>; rel=alternate", ""),
        ("/fails", 500, "", ""),
        ("/no", 403, "", ""),
        ("/nohead", 405, "", ""),
        ("/second", 203, "Age: 60", "x"),
    ])
}

#[test]
fn each_target_is_asked_once_and_sorted_by_what_must_be_done() {
    let (folder, site) = (tempfile::tempdir().unwrap(), moving_site());
    let mut text = String::new();
    for path in [
        "/old",
        "/old#p2",
        "/away",
        "/mixed",
        "/first302",
        "/dead-end",
        "/gone",
        "/forms",
        "/fails",
        "/no",
        "/second",
        "/nothing",
        "/new#p3",
        "/old",
    ] {
        text.push_str(&format!("<a href=\"{}\">x</a>\n", site.url(path)));
    }
    fs::write(folder.path().join("x.html"), &text).unwrap();
    let report = check(folder.path(), &settings(folder.path()));
    let found: Vec<String> = words(&report).iter().map(|line| line.replace(&site.url(""), "")).collect();
    assert_eq!(
        found,
        [
            "x.html:1 /old relink",
            "x.html:2 /old#p2 relink",
            "x.html:4 /mixed relink",
            "x.html:6 /dead-end relink",
            "x.html:14 /old relink",
            "x.html:8 /forms choose",
            "x.html:7 /gone gone",
            "x.html:12 /nothing broken",
            "x.html:13 /new#p3 no-fragment",
            "x.html:11 /second second-hand",
            "x.html:9 /fails unknown",
            "x.html:10 /no unknown",
        ]
    );
    let requests = site.requests();
    assert_eq!(requests.iter().filter(|line| line.ends_with(" /gone")).count(), 1, "{requests:?}");
    assert_eq!(
        requests.iter().filter(|line| line.ends_with(" /old")).count(),
        2,
        "of /old and /first302: {requests:?}"
    );
}

#[test]
fn only_what_moved_for_good_is_edited_and_undo_gives_the_bytes_back() {
    let (folder, state, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), moving_site());
    let at = |path: &str| site.url(path);
    let before = format!(
        "<!-- kept --><A  HREF='{}'\tclass=x>a</A>\r\n<a href=\"{}\">b</a>&nbsp;\n<a href={}>c</a>\n<a href=\"{}\">d</a><a href=\"{}\">e</a><a href=\"{}\">f</a> <a href=\"{}\">gone <b>text</b></a>",
        at("/old"),
        at("/old#p2"),
        at("/mixed"),
        at("/away"),
        at("/first302"),
        at("/dead-end"),
        at("/gone"),
    );
    let after = before
        .replace(&format!("'{}'", at("/old")), &format!("'{}'", at("/new")))
        .replace(&at("/old#p2"), &at("/new#p2"))
        .replace(&at("/mixed"), &at("/away"));
    let file = folder.path().join("x.html");
    fs::write(&file, &before).unwrap();
    let settings = settings(state.path());
    let journal = Journal::of(state.path(), folder.path());

    let report = check(folder.path(), &settings);
    assert_eq!(fixed(&report, &settings, None, false).0, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), before, "a dry run changes nothing");

    let (count, pending) = fixed(&report, &settings, Some(&journal), false);
    assert_eq!(count, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), after);
    assert_eq!(pending.len(), 2, "the dead end and what is gone wait");

    let again = check(folder.path(), &settings);
    assert_eq!(fixed(&again, &settings, Some(&journal), false).0, 0, "a second run changes nothing");
    assert_eq!(fs::read_to_string(&file).unwrap(), after);

    assert_eq!(journal.undo().unwrap().0.len(), 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);

    let report = check(folder.path(), &settings);
    let (_, pending) = fixed(&report, &settings, Some(&journal), true);
    let removed =
        after.replace(&format!("<a href=\"{}\">gone <b>text</b></a>", at("/gone")), "gone <b>text</b>");
    assert_eq!(fs::read_to_string(&file).unwrap(), removed);
    assert_eq!(pending.len(), 1, "no yes makes up for a dead end");
    journal.undo().unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn relative_references_stay_relative() {
    let (folder, state, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), moving_site());
    fs::create_dir(folder.path().join("sub")).unwrap();
    let file = folder.path().join("sub/x.md");
    fs::write(&file, "[a](../old#f) [b](/old) [c]: x\n\n[r]: <../old>\n").unwrap();
    let mut settings = settings(state.path());
    settings.base = Some(Url::parse(&site.url("/")).unwrap());
    let report = check(folder.path(), &settings);
    fixed(&report, &settings, Some(&Journal::of(state.path(), folder.path())), false);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[a](../new#f) [b](/new) [c]: x\n\n[r]: <../new>\n");
}

#[test]
fn a_mass_of_moves_to_one_place_is_a_question() {
    let (folder, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let paths: Vec<String> = (0..8).map(|n| format!("/page{n}")).collect();
    let mut answers: Vec<(&str, u16, &str, &str)> =
        paths.iter().map(|path| (path.as_str(), 301, "Location: /start", "")).collect();
    answers.extend([
        ("/start", 200, "", "x"),
        ("/a", 301, "Location: /account/login", ""),
        ("/account/login", 200, "", "x"),
        ("/b", 301, "Location: /", ""),
        ("/", 200, "", "x"),
    ]);
    let site = Site::new(&answers);
    let lines: String = paths
        .iter()
        .map(String::as_str)
        .chain(["/a", "/b"])
        .map(|path| format!("{}\n", site.url(path)))
        .collect();
    let file = folder.path().join("x.urls");
    fs::write(&file, &lines).unwrap();
    let settings = settings(state.path());
    let report = check(folder.path(), &settings);
    let (count, pending) = fixed(&report, &settings, None, true);
    assert_eq!((count, pending.len()), (0, 10));
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let (folder, state, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), moving_site());
    let file = folder.path().join("x.html");
    fs::write(&file, format!("<a href={}>x</a>", site.url("/old"))).unwrap();
    let settings = settings(state.path());
    let report = check(folder.path(), &settings);
    fs::write(&file, "mine").unwrap();
    let proposals = fix::propose(&report, &settings);
    let wanted: Vec<_> = proposals.iter().collect();
    let made = fix::make(&report, &wanted, Some(&Journal::of(state.path(), folder.path()))).unwrap();
    assert_eq!((made.fixed.len(), made.left.len()), (0, 1));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[test]
fn a_site_is_crawled_within_its_bounds() {
    const HTML: &str = "Content-Type: text/html";
    let site = Site::new(&[
        ("/robots.txt", 200, "", "User-agent: *\nDisallow: /docs/private/"),
        (
            "/docs/",
            200,
            HTML,
            "<a href=a.html>a</a> <a href=/outside>o</a> <a href=private/x>p</a> <a href='javascript:1'>j</a>",
        ),
        (
            "/docs/a.html",
            200,
            HTML,
            "<p id=x><a href=./#no>n</a> <a href=b.html>b</a> <a href=a.html#x>x</a>",
        ),
        ("/outside", 200, HTML, "<a href=/never>n</a>"),
    ]);
    let start = Url::parse(&site.url("/docs/")).unwrap();
    let report = run(check_site(&Arc::new(agent()), &start, &Settings::default(), &|_, _| {})).unwrap();
    let mut found: Vec<String> = report
        .findings()
        .iter()
        .map(|found| format!("{} {}", found.link.reference, found.verdict.word()))
        .collect();
    found.sort();
    assert_eq!(found, ["./#no no-fragment", "b.html broken"]);
    let requests = site.requests();
    assert!(!requests.iter().any(|line| line.contains("private") || line.contains("never")), "{requests:?}");
    assert!(report.references.iter().any(|reference| reference.verdict == Verdict::Skipped("robots.txt")));
}

#[test]
fn what_is_not_text_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.html"), b"<a href=missing>\0</a>").unwrap();
    fs::write(folder.path().join("y.md"), b"\xff\xfe[x](missing)").unwrap();
    let report = check(folder.path(), &settings(folder.path()));
    assert_eq!(report.sources.len(), 0);
}
