//! Answers stay true while the folder changes under them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod site;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use candor_origin::{Body, Folder, FolderOptions};
use candor_semantics::facts::Live;
use candor_semantics::representation::{Coding, CodingSet, OpenFault};
use site::{Site, bytes_of, set_modified};

async fn tag(site: &Site, target: &str) -> String {
    site.open(target).await.unwrap().metadata.etag.as_ref().unwrap().to_string()
}

#[tokio::test]
async fn a_root_that_cannot_be_served_is_named() {
    let place = tempfile::tempdir().unwrap();
    for (name, word) in [("missing", "No such file"), ("file", "Not a directory")] {
        let path = place.path().join(name);
        if name == "file" {
            fs::write(&path, "").unwrap();
        }
        let error = Folder::open(&path, FolderOptions::default()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(word), "{error}");
    }
}

#[tokio::test]
async fn edits_are_seen_at_once() {
    let site = Site::with(&["a.txt"]);
    for round in 0..200 {
        let content = format!("round {round:03}");
        fs::write(site.path("a.txt"), &content).unwrap();
        assert_eq!(site.bytes("/a.txt").await.unwrap(), content);
        assert_eq!(site.bytes("/a").await.unwrap(), content);
    }
}

#[tokio::test]
async fn edits_that_keep_length_and_time_are_seen() {
    let site = Site::with(&["a.txt"]);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let mut tags = std::collections::HashSet::new();
    for content in ["one", "two", "six"] {
        fs::write(site.path("a.txt"), content).unwrap();
        set_modified(&site.path("a.txt"), time);
        let opened = site.open("/a.txt").await.unwrap();
        assert_eq!(bytes_of(&opened), content);
        // The time says nothing new, so from the second content on it is told when that was first seen.
        let told = opened.metadata.last_modified.unwrap().unix();
        assert_eq!(told == 1_000_000_000, content == "one", "{content}: {told}");
        tags.insert(opened.metadata.etag.clone());
    }
    assert_eq!(tags.len(), 3);
}

#[tokio::test]
async fn names_that_come_and_go_are_seen_at_once() {
    let site = Site::with(&["a.txt"]);
    for _ in 0..50 {
        assert_eq!(site.words("/new").await, "nothing");
        fs::write(site.path("new.html"), "x").unwrap();
        assert_eq!(site.words("/new").await, "new.html");
        fs::write(site.path("new.md"), "x").unwrap();
        assert_eq!(site.words("/new").await, "new.html new.md");
        fs::remove_file(site.path("new.html")).unwrap();
        fs::rename(site.path("new.md"), site.path("new")).unwrap();
        assert_eq!(site.words("/new").await, "new");
        fs::remove_file(site.path("new")).unwrap();
        fs::create_dir(site.path("new")).unwrap();
        assert_eq!(site.words("/new").await, "slash /new/");
        fs::write(site.path("new/index.html"), "x").unwrap();
        assert_eq!(site.words("/new/").await, "index.html");
        fs::remove_dir_all(site.path("new")).unwrap();
        assert_eq!(site.words("/new/").await, "nothing");
    }
}

#[tokio::test]
async fn settled_answers_notice_changes_too() {
    let site = Site::with(&["a.txt", "b/c.txt"]);
    for target in ["/a.txt", "/b/c", "/b/none", "/none/none"] {
        site.words(target).await;
        site.words(target).await;
    }
    fs::write(site.path("a.txt"), "other").unwrap();
    fs::rename(site.path("b"), site.path("d")).unwrap();
    assert_eq!(site.bytes("/a.txt").await.unwrap(), "other");
    assert_eq!(site.words("/b/c").await, "nothing");
    assert_eq!(site.words("/d/c").await, "c.txt");
    fs::create_dir(site.path("none")).unwrap();
    fs::write(site.path("none/none"), "x").unwrap();
    assert_eq!(site.words("/none/none").await, "none");
}

#[tokio::test]
async fn a_turned_link_and_a_replaced_root_are_seen_at_once() {
    let place = tempfile::tempdir().unwrap();
    for release in ["one", "two"] {
        fs::create_dir_all(place.path().join(release).join("sub")).unwrap();
        fs::write(place.path().join(release).join("sub/page.html"), release).unwrap();
    }
    fs::write(place.path().join("two/sub/only.html"), "two").unwrap();
    let turn = |to: &str| {
        symlink(to, place.path().join("next")).unwrap();
        fs::rename(place.path().join("next"), place.path().join("current")).unwrap();
    };
    turn("one");
    let mut site = Site::empty();
    site.folder = Folder::open(&place.path().join("current"), FolderOptions::default()).unwrap();
    site.settle();
    for _ in 0..20 {
        turn("one");
        assert_eq!(site.bytes("/sub/page").await.unwrap(), "one");
        assert_eq!(site.words("/sub/only").await, "nothing");
        turn("two");
        assert_eq!(site.bytes("/sub/page").await.unwrap(), "two");
        assert_eq!(site.bytes("/sub/only").await.unwrap(), "two");
    }
    fs::remove_file(place.path().join("current")).unwrap();
    assert_eq!(site.words("/sub/page").await, "away");
    assert_eq!(site.words("/").await, "away");
    fs::rename(place.path().join("one"), place.path().join("current")).unwrap();
    assert_eq!(site.bytes("/sub/page").await.unwrap(), "one");
    fs::rename(place.path().join("current"), place.path().join("old")).unwrap();
    fs::rename(place.path().join("two"), place.path().join("current")).unwrap();
    assert_eq!(site.bytes("/sub/page").await.unwrap(), "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_mixes_two_states() {
    let site = Site::empty();
    site.write("page.html", "aaa");
    let stop = Arc::new(AtomicBool::new(false));
    let (path, next, stopped) = (site.path("page.html"), site.path("next"), stop.clone());
    let writer = std::thread::spawn(move || {
        for round in 0_u32.. {
            if stopped.load(Ordering::Relaxed) {
                return round;
            }
            let content =
                vec![b'a' + u8::try_from(round % 26).unwrap(); 1000 + (round as usize * 7919) % 90_000];
            fs::write(&next, content).unwrap();
            fs::rename(&next, &path).unwrap();
        }
        0
    });
    let mut tags = std::collections::HashMap::new();
    let begun = std::time::Instant::now();
    // A busy machine may not let the writer run for a while.
    for round in 0.. {
        if round > 3000 && tags.len() > 10 || begun.elapsed() > Duration::from_secs(60) {
            break;
        }
        match site.open("/page").await {
            Ok(opened) => {
                let bytes = bytes_of(&opened);
                assert_eq!(opened.metadata.length, Some(bytes.len() as u64));
                assert!(bytes.iter().all(|&b| b == bytes[0]), "two states in one answer");
                let tag = opened.metadata.etag.clone().unwrap();
                assert!(!tag.is_weak());
                let earlier = tags.insert(tag, bytes.clone());
                assert!(earlier.is_none_or(|earlier| earlier == bytes), "one tag for two contents");
            }
            Err(fault) => panic!("{fault:?}: the file is there all the time"),
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writer.join().unwrap() > 10 && tags.len() > 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_written_in_place_never_gets_one_tag_for_two_contents() {
    let site = Site::with(&["log.txt"]);
    let stop = Arc::new(AtomicBool::new(false));
    let (path, stopped) = (site.path("log.txt"), stop.clone());
    let writer = std::thread::spawn(move || {
        let file = fs::File::options().write(true).open(path).unwrap();
        for round in 0_u32.. {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            let block = [b'a' + u8::try_from(round % 26).unwrap(); 5000];
            std::os::unix::fs::FileExt::write_all_at(&file, &block, 0).unwrap();
        }
    });
    let mut tags = std::collections::HashMap::new();
    for _ in 0..1000 {
        let opened = site.open("/log.txt").await.unwrap();
        let Body::Bytes(bytes) = &opened.body else { continue };
        let tag = opened.metadata.etag.clone().unwrap();
        let earlier = tags.insert(tag, bytes.clone());
        assert!(earlier.is_none_or(|earlier| earlier == bytes));
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[tokio::test]
async fn what_vanishes_between_look_and_open_has_vanished() {
    let site = Site::with(&["a.txt"]);
    let standing = site.look("/a.txt").await;
    fs::remove_file(site.path("a.txt")).unwrap();
    let chosen = Some(candor_semantics::representation::Chosen { variant: 0, coding: Coding::Identity });
    let fault = site.folder.open_form(&standing, chosen, CodingSet::EMPTY).await.unwrap_err();
    assert_eq!(fault, OpenFault::Vanished);
    assert_eq!(site.words("/a.txt").await, "nothing");
}

#[tokio::test]
async fn tags_follow_the_bytes() {
    let site = Site::with(&["a.txt", "b.txt"]);
    fs::write(site.path("b.txt"), "a.txt").unwrap();
    site.settle();
    assert_eq!(tag(&site, "/a.txt").await, tag(&site, "/b.txt").await, "the same bytes");
    let before = tag(&site, "/a.txt").await;
    set_modified(&site.path("a.txt"), SystemTime::UNIX_EPOCH);
    assert_eq!(tag(&site, "/a.txt").await, before, "another time, the same bytes");
    fs::write(site.path("a.txt"), "other").unwrap();
    assert_ne!(tag(&site, "/a.txt").await, before);
    fs::write(site.path("a.txt"), "a.txt").unwrap();
    assert_eq!(tag(&site, "/a.txt").await, before, "rolled back");
}

#[tokio::test]
async fn large_files_are_not_held_back() {
    let site = Site::empty();
    site.write("large.bin", vec![7; 3_000_000]);
    site.write("medium.bin", vec![7; 300_000]);
    let mut young = String::new();
    for _ in 0..100 {
        set_modified(&site.path("large.bin"), SystemTime::now());
        young = tag(&site, "/large.bin").await;
        // On a busy machine it may be old by the time it is asked for.
        if young.starts_with("W/") {
            break;
        }
    }
    assert!(young.starts_with("W/"), "{young}");
    site.settle();
    let settled = tag(&site, "/large.bin").await;
    assert_eq!(young, format!("W/{settled}"));
    assert_eq!(tag(&site, "/large.bin").await, settled);
    // Another process gives the same.
    let other = Site { folder: Folder::open(&site.root, FolderOptions::default()).unwrap(), ..site };
    assert_eq!(tag(&other, "/large.bin").await, settled);
    assert!(!tag(&other, "/medium.bin").await.starts_with("W/"));
    let opened = other.open("/large.bin").await.unwrap();
    let Body::File { file, length, state } = &opened.body else { panic!() };
    assert_eq!(*length, 3_000_000);
    assert!(state.holds(file));
    fs::File::options().append(true).open(other.path("large.bin")).unwrap().set_len(2_999_999).unwrap();
    assert!(!state.holds(file));
}

#[tokio::test]
async fn times_are_never_later_than_now() {
    let site = Site::with(&["future.txt", "past.txt"]);
    set_modified(&site.path("future.txt"), SystemTime::now() + Duration::from_secs(10_000));
    set_modified(&site.path("past.txt"), SystemTime::UNIX_EPOCH - Duration::from_secs(10));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let future = site.open("/future.txt").await.unwrap().metadata.last_modified.unwrap().unix();
    assert!((now..now + 10).contains(&future));
    assert_eq!(site.open("/past.txt").await.unwrap().metadata.last_modified, None);
}

#[tokio::test]
async fn listings_leave_out_what_is_not_served() {
    let site = Site::with(&["b.txt", "a/x", ".hidden", "c.html"]);
    fs::write(site.place.path().join("secret"), "").unwrap();
    symlink("../secret", site.path("out")).unwrap();
    symlink("b.txt", site.path("in")).unwrap();
    symlink("none", site.path("dangling")).unwrap();
    let list = async || {
        let standing = site.look("/").await;
        assert_eq!(standing.live, Some(Live::Listing));
        site.folder.open_form(&standing, None, CodingSet::EMPTY).await.unwrap()
    };
    let opened = list().await;
    let Body::Listing(listing) = &opened.body else { panic!() };
    let told: Vec<(&[u8], bool, u64)> =
        listing.entries.iter().map(|e| (&e.name[..], e.is_folder, e.size)).collect();
    assert_eq!(told, [(&b"a"[..], true, 0), (b"b.txt", false, 5), (b"c.html", false, 6), (b"in", false, 5)]);
    assert!(listing.complete);
    assert_eq!(opened.metadata.vary.value(), Some("Accept"));
    assert_eq!(list().await.metadata.etag, opened.metadata.etag);
    fs::write(site.path("b.txt"), "longer").unwrap();
    assert_ne!(list().await.metadata.etag, opened.metadata.etag);
}

#[tokio::test]
async fn a_folder_with_very_many_names_answers_without_reading_them() {
    let site = Site::empty();
    fs::create_dir(site.path("many")).unwrap();
    for number in 0..50_010 {
        fs::File::create(site.path("many").join(format!("{number}.html"))).unwrap();
    }
    site.settle();
    assert_eq!(site.words("/many/4711").await, "4711.html");
    assert_eq!(site.words("/many/4711.html").await, "4711.html");
    assert_eq!(site.words("/many/none").await, "nothing");
    site.write("many/short.htm", "x");
    site.write("many/script.js", "x");
    site.settle();
    assert_eq!(site.words("/many/short").await, "short.htm");
    assert_eq!(site.words("/many/script.js").await, "script.js");
    assert_eq!(site.words("/many").await, "slash /many/");
    let standing = site.look("/many/").await;
    let opened = site.folder.open_form(&standing, None, CodingSet::EMPTY).await.unwrap();
    let Body::Listing(listing) = &opened.body else { panic!() };
    assert_eq!((listing.entries.len(), listing.complete), (50_000, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_for_a_changing_folder_get_the_truth() {
    let site = Arc::new(Site::with(&["a.txt"]));
    for round in 0..20 {
        fs::write(site.path(&format!("new{round}.html")), "x").unwrap();
        let asked: Vec<_> = (0..200)
            .map(|_| {
                let site = site.clone();
                tokio::spawn(async move { site.words(&format!("/new{round}")).await })
            })
            .collect();
        for answer in asked {
            assert_eq!(answer.await.unwrap(), format!("new{round}.html"));
        }
    }
}

#[tokio::test]
async fn tidying_gives_removed_files_back() {
    let site = Site::empty();
    site.write("large.bin", vec![7; 3_000_000]);
    site.settle();
    site.open("/large.bin").await.unwrap();
    let large = fs::canonicalize(site.path("large.bin")).unwrap();
    let open = || {
        let held = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        held.filter(|path| {
            path.starts_with(&large) || path.to_string_lossy().starts_with(&*large.to_string_lossy())
        })
        .count()
    };
    assert_eq!(open(), 1);
    fs::remove_file(site.path("large.bin")).unwrap();
    site.folder.tidy();
    assert_eq!(open(), 0);
}

/// Root may read everything, so this runs once more as nobody.
#[tokio::test]
async fn what_may_not_be_read_is_forbidden_and_never_missing() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    const AGAIN: &str = "CANDOR_TEST_AS_NOBODY";
    if rustix::process::geteuid().is_root() && std::env::var_os(AGAIN).is_none() {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("test");
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut command = std::process::Command::new(program);
        command.args(["--exact", "what_may_not_be_read_is_forbidden_and_never_missing"]);
        let done = command
            .env(AGAIN, "1")
            .env("TMPDIR", "/tmp")
            .uid(65534)
            .gid(65534)
            .current_dir("/")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let close =
        |path: std::path::PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let site = Site::with(&["closed.html", "shut/x.html", "unlisted/x.html", "unlisted/y", "open.txt"]);
    close(site.path("closed.html"), 0);
    close(site.path("shut"), 0);
    close(site.path("unlisted"), 0o111);
    site.settle();
    for target in ["/closed.html", "/closed", "/shut/x", "/shut/none", "/shut/"] {
        assert_eq!(site.open(target).await.unwrap_err(), OpenFault::Forbidden, "{target}");
        assert!(site.look(target).await.live.is_some(), "{target}");
    }
    for (target, words) in [
        ("/unlisted/x", "x.html"),
        ("/unlisted/y", "y"),
        ("/unlisted/none", "nothing"),
        ("/open", "open.txt"),
        ("/shut", "slash /shut/"),
    ] {
        assert_eq!(site.words(target).await, words, "{target}");
    }
    let standing = site.look("/unlisted/").await;
    let listed = site.folder.open_form(&standing, None, CodingSet::EMPTY).await;
    assert_eq!(listed.unwrap_err(), OpenFault::Forbidden);
    close(site.root.clone(), 0);
    for target in ["/open.txt", "/none", "/"] {
        assert_eq!(site.words(target).await, "away", "{target}");
    }
    close(site.root.clone(), 0o755);
    close(site.path("shut"), 0o755);
    close(site.path("unlisted"), 0o755);
    assert_eq!(site.words("/shut/x").await, "x.html");
}

// ---- codings -----------------------------------------------------------------------------------------------------

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn ready(site: &Site, target: &str) -> CodingSet {
    match site.look(target).await.live {
        Some(Live::Document { variants }) => variants[0].ready,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn siblings_are_codings_while_they_hold_the_same() {
    let site = Site::empty();
    let script = "let candor = 1;\n".repeat(100);
    site.write("app.js", &script);
    site.write("app.js.gz", gzip(script.as_bytes()));
    site.write("old.js", &script);
    site.write("old.js.gz", gzip(b"something else"));
    site.write("broken.js", "x");
    site.write("broken.js.gz", "no gzip");
    site.settle();
    assert!(ready(&site, "/app.js").await.contains(Coding::Gzip));
    let coded = site.open_coded("/app.js", Coding::Gzip).await.unwrap();
    let plain = site.open("/app.js").await.unwrap();
    assert_eq!(bytes_of(&coded), gzip(script.as_bytes()));
    assert_eq!(coded.metadata.coding, Coding::Gzip);
    assert_eq!(coded.metadata.content_type, plain.metadata.content_type);
    assert_ne!(coded.metadata.etag, plain.metadata.etag);
    assert_eq!(coded.metadata.vary.value(), Some("Accept-Encoding"));
    assert_eq!(coded.metadata.vary, plain.metadata.vary);
    for target in ["/old.js", "/broken.js"] {
        assert_eq!(site.open_coded(target, Coding::Gzip).await.unwrap_err(), OpenFault::Vanished, "{target}");
        assert!(!ready(&site, target).await.contains(Coding::Gzip), "{target}");
    }
    // The file goes on, its sibling stays behind.
    site.write("app.js", script.replace('1', "2"));
    assert_eq!(site.open_coded("/app.js", Coding::Gzip).await.unwrap_err(), OpenFault::Vanished);
}

#[tokio::test]
async fn copies_are_made_while_the_plain_bytes_are_served() {
    let site = Site::empty();
    site.write("a.css", "a { color: red }\n".repeat(1000));
    site.write("short.css", "a{}");
    site.write("photo.jpg", vec![1; 5000]);
    site.settle();
    let wanted = CodingSet::EMPTY.with(Coding::Brotli).with(Coding::Gzip);
    let plain = site.open_wanting("/a.css", Coding::Identity, wanted).await.unwrap();
    assert_eq!(plain.metadata.coding, Coding::Identity);
    for round in 0.. {
        if ready(&site, "/a.css").await.contains(Coding::Brotli) {
            break;
        }
        assert!(round < 500, "never made");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let coded = site.open_coded("/a.css", Coding::Brotli).await.unwrap();
    assert!(bytes_of(&coded).len() < 200);
    let (plain_tag, coded_tag) = (plain.metadata.etag.clone().unwrap(), coded.metadata.etag.clone().unwrap());
    assert_eq!(coded_tag.to_string(), format!("{}-br5\"", plain_tag.to_string().trim_end_matches('"')));
    assert_eq!(coded.metadata.length, Some(bytes_of(&coded).len() as u64));
    // An edit leaves the copy behind.
    site.write("a.css", "b { color: red }\n".repeat(1000));
    assert!(!ready(&site, "/a.css").await.contains(Coding::Brotli));
    // A client that takes nothing else waits for it.
    let made = site.open_coded("/a.css", Coding::Zstd).await.unwrap();
    assert_eq!(
        zstd::decode_all(&bytes_of(&made)[..]).unwrap(),
        "b { color: red }\n".repeat(1000).into_bytes()
    );
    for target in ["/short.css", "/photo.jpg"] {
        let metadata = site.open(target).await.unwrap().metadata;
        assert_eq!(metadata.vary.value(), None, "{target}");
    }
}

#[tokio::test]
async fn types_and_charsets() {
    let site = Site::empty();
    for (name, content, expected) in [
        ("a.html", &b"<p>plain"[..], "text/html; charset=utf-8"),
        ("l.html", b"<meta charset=latin1><p>gr\xfcn", "text/html"),
        ("m.html", b"<meta charset=latin1><p>ascii", "text/html"),
        ("a.js", b"1", "text/javascript; charset=utf-8"),
        ("README", b"words", "text/plain; charset=utf-8"),
        ("program", b"\x7fELF\0", "application/octet-stream"),
        ("a.png", b"\x89PNG", "image/png"),
        ("i.svgz", b"\x1f\x8b", "image/svg+xml"),
        ("r.html.ru.koi8-r", b"\xf0", "text/html; charset=koi8-r"),
        ("empty", b"", "text/plain; charset=utf-8"),
    ] {
        site.write(name, content);
        let coding = if name.ends_with("svgz") { Coding::Gzip } else { Coding::Identity };
        let metadata = site.open_coded(&format!("/{name}"), coding).await.unwrap().metadata;
        assert_eq!(String::from_utf8_lossy(&metadata.content_type), expected, "{name}");
        assert_eq!(metadata.coding, coding);
    }
}
