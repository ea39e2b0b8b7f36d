//! Deploys as people do them, under the eyes of readers: every answer is one version, whole, or visibly
//! broken; and the new version is there as soon as the deploy is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, Trouble};
use crate::promises;
use crate::world::{Plan, World};

/// Pages of each release.
const PAGES: usize = 40;

/// What a reader may see besides whole pages of either release.
#[derive(Clone, Copy, PartialEq)]
struct Allowed {
    /// The page is not there, or the folder is not: 404 and 503.
    absence: bool,
    /// A page that is being written: the beginning of the new one.
    beginnings: bool,
}

/// A page of a release: long enough not to be written at once, each line saying whose it is.
fn page(release: char, number: usize) -> String {
    let mut text = String::new();
    // Lengths differ between releases and pages.
    for line in 0..400 + number + if release == 'A' { 0 } else { 37 } {
        text.push_str(&format!("release {release} page {number:02} line {line:04}\n"));
    }
    text + "end\n"
}

fn write_release(folder: &Path, release: char) {
    fs::create_dir_all(folder.join("sub")).unwrap();
    for number in 0..PAGES {
        fs::write(folder.join(name(number)), page(release, number)).unwrap();
    }
}

fn name(number: usize) -> String {
    if number.is_multiple_of(2) { format!("page{number}.txt") } else { format!("sub/page{number}.txt") }
}

/// What is wrong with an answer for this page, if anything.
fn fault(answer: &Answer, number: usize, allowed: Allowed) -> Option<String> {
    if let Some(promise) = promises::broken(answer, "GET").first() {
        return Some(promise.clone());
    }
    match answer.status {
        200 => {
            let text = answer.text();
            let (old, new) = (page('A', number), page('B', number));
            let beginning = allowed.beginnings && (new.starts_with(&text) || old.starts_with(&text));
            let whole = text == old || text == new || beginning;
            let mixed = || format!("page {number}: {} bytes that are neither release", text.len());
            (!whole).then(mixed)
        }
        404 | 503 if allowed.absence => None,
        status => Some(format!("page {number}: {status}")),
    }
}

/// Reads pages while `deploy` runs some rounds, then checks that the last release is what is served.
fn deploy_under_load(world: &World, allowed: Allowed, rounds: usize, deploy: impl Fn(char)) {
    let done = AtomicBool::new(false);
    let read = AtomicUsize::new(0);
    let faults = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for reader in 0..3 {
            let (done, read, faults) = (&done, &read, &faults);
            scope.spawn(move || {
                let mut connection = world.connect();
                for number in (reader..).map(|n| n % PAGES) {
                    if done.load(Ordering::Relaxed) || faults.lock().unwrap().len() > 10 {
                        return;
                    }
                    let request = world.request(&[&format!("GET /{} HTTP/1.1", name(number))]);
                    match connection.ask(request.as_bytes()) {
                        Ok(answer) => {
                            read.fetch_add(1, Ordering::Relaxed);
                            faults.lock().unwrap().extend(fault(&answer, number, allowed));
                        }
                        // A visibly broken answer tells no lie.
                        Err(Trouble::Cut(_) | Trouble::Closed) => connection = world.connect(),
                        Err(trouble) => {
                            faults.lock().unwrap().push(format!("page {number}: {trouble}"));
                            connection = world.connect();
                        }
                    }
                }
            });
        }
        for round in 0..rounds {
            let before = read.load(Ordering::Relaxed);
            let release = if round % 2 == 0 { 'B' } else { 'A' };
            deploy(release);
            check_release(world, release);
            // Each round is seen by some requests, but nobody waits for ever.
            let deadline = Instant::now() + Duration::from_secs(5);
            while read.load(Ordering::Relaxed) < before + 30 && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(2));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(read.load(Ordering::Relaxed) >= rounds * 30, "hardly anything was read");
}

/// Every page is the new one, now: folders are looked at, not remembered.
fn check_release(world: &World, release: char) {
    let mut connection = world.connect();
    for number in 0..PAGES {
        let request = world.request(&[&format!("GET /{} HTTP/1.1", name(number))]);
        let answer = connection.ask(request.as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "after the deploy of {release}: {}", name(number));
        assert!(answer.text() == page(release, number), "{} is not of release {release}", name(number));
    }
}

fn world(root: &str) -> World {
    let plan = Plan::empty(&format!("[[site]]\nroot = \"{root}\"\n"));
    write_release(&plan.folder().join("a"), 'A');
    write_release(&plan.folder().join("b"), 'B');
    if root == "current" {
        std::os::unix::fs::symlink("a", plan.folder().join("current")).unwrap();
    } else {
        write_release(&plan.folder().join(root), 'A');
    }
    plan.start()
}

fn release_folder(world: &World, release: char) -> PathBuf {
    world.folder.join(if release == 'A' { "a" } else { "b" })
}

#[test]
fn a_swapped_link_changes_everything_at_once() {
    let world = world("current");
    check_release(&world, 'A');
    let none = Allowed { absence: false, beginnings: false };
    deploy_under_load(&world, none, 12, |release| {
        let fresh = world.folder.join("next");
        std::os::unix::fs::symlink(if release == 'A' { "a" } else { "b" }, &fresh).unwrap();
        fs::rename(&fresh, world.folder.join("current")).unwrap();
    });
}

#[test]
fn a_renamed_folder_is_followed() {
    let world = world("public");
    check_release(&world, 'A');
    let absence = Allowed { absence: true, beginnings: false };
    deploy_under_load(&world, absence, 10, |release| {
        let (next, old) = (world.folder.join("next"), world.folder.join("old"));
        copy(&release_folder(&world, release), &next);
        fs::rename(world.folder.join("public"), &old).unwrap();
        fs::rename(&next, world.folder.join("public")).unwrap();
        fs::remove_dir_all(&old).unwrap();
    });
}

#[test]
fn a_folder_removed_and_copied_anew() {
    let world = world("public");
    let loose = Allowed { absence: true, beginnings: true };
    deploy_under_load(&world, loose, 8, |release| {
        fs::remove_dir_all(world.folder.join("public")).unwrap();
        copy(&release_folder(&world, release), &world.folder.join("public"));
    });
}

#[test]
fn files_renamed_into_place() {
    let world = world("public");
    let none = Allowed { absence: false, beginnings: false };
    deploy_under_load(&world, none, 8, |release| {
        for number in 0..PAGES {
            let fresh = world.folder.join("public").join(format!("{}.tmp", name(number)));
            fs::write(&fresh, page(release, number)).unwrap();
            fs::rename(&fresh, world.folder.join("public").join(name(number))).unwrap();
        }
    });
}

/// `rsync --delete` writes beside and renames, and removes what the new release has not.
#[test]
fn rsync_with_delete() {
    if Command::new("rsync").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "rsync is not installed");
        eprintln!("rsync is not installed: not tested");
        return;
    }
    let world = world("public");
    fs::write(world.folder.join("public/old.txt"), "only in the first release\n").unwrap();
    assert_eq!(world.ask(&["GET /old.txt HTTP/1.1"]).status, 200);
    let none = Allowed { absence: false, beginnings: false };
    deploy_under_load(&world, none, 8, |release| {
        let from = format!("{}/", release_folder(&world, release).display());
        let to = format!("{}/", world.folder.join("public").display());
        let status =
            Command::new("rsync").args(["-r", "--checksum", "--delete", &from, &to]).status().unwrap();
        assert!(status.success());
    });
    assert_eq!(world.ask(&["GET /old.txt HTTP/1.1"]).status, 404);
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(status.success());
}

/// Larger than any buffer between two processes, so that the reader is slower than the change.
const LARGE: usize = 48 << 20;

fn block(letter: u8) -> Vec<u8> {
    vec![letter; LARGE]
}

/// Starts to read `large.bin`, changes it by `change` in the middle, and reads on.
fn read_during(change: impl FnOnce(&Path)) -> Result<Answer, Trouble> {
    let world = Plan::empty("[[site]]\nroot = \"site\"\n").file("site/large.bin", block(b'A')).start();
    let mut connection = world.connect();
    connection.send(world.request(&["GET /large.bin HTTP/1.1"]).as_bytes());
    assert!(connection.sip(64 << 10) > 0);
    thread::sleep(Duration::from_millis(200));
    change(&world.folder.join("site/large.bin"));
    let answer = connection.answer("GET", Duration::from_secs(30));
    // Whatever became of that answer, the next one is the file as it is now.
    let now = fs::read(world.folder.join("site/large.bin")).unwrap();
    let next = world.ask(&["GET /large.bin HTTP/1.1"]);
    assert!(next.status == 200 && next.content == now, "the next answer is not the file as it is");
    answer
}

/// Fails if an answer looks whole and is not the file as it was before the change.
fn assert_old_or_broken(outcome: Result<Answer, Trouble>) {
    match outcome {
        Ok(answer) => {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.content.len(), LARGE);
            let strange = answer.content.iter().position(|&b| b != b'A');
            assert_eq!(strange, None, "the answer looks whole and holds bytes of two states");
        }
        Err(Trouble::Cut(_)) => {}
        Err(trouble) => panic!("{trouble}"),
    }
}

#[test]
fn a_file_overwritten_while_it_is_read() {
    assert_old_or_broken(read_during(|path| {
        use std::io::Write;
        // In place: same file, same length, other bytes.
        fs::File::options().write(true).open(path).unwrap().write_all(&block(b'B')).unwrap();
    }));
}

#[test]
fn a_file_truncated_while_it_is_read() {
    let outcome =
        read_during(|path| fs::File::options().write(true).open(path).unwrap().set_len(1000).unwrap());
    assert!(
        matches!(outcome, Err(Trouble::Cut(_))),
        "more was promised than there is: {:?}",
        outcome.map(|a| a.head())
    );
}

#[test]
fn a_file_grown_while_it_is_read() {
    assert_old_or_broken(read_during(|path| {
        use std::io::Write;
        fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    }));
}

#[test]
fn a_file_replaced_while_it_is_read() {
    let outcome = read_during(|path| {
        let fresh = path.with_extension("new");
        fs::write(&fresh, block(b'B')).unwrap();
        fs::rename(&fresh, path).unwrap();
    });
    // The open file is still the old one, whole.
    let answer = outcome.unwrap();
    assert!(answer.status == 200 && answer.content == block(b'A'));
}

#[test]
fn a_file_removed_while_it_is_read() {
    let world = Plan::empty("[[site]]\nroot = \"site\"\n").file("site/large.bin", block(b'A')).start();
    let mut connection = world.connect();
    connection.send(world.request(&["GET /large.bin HTTP/1.1"]).as_bytes());
    assert!(connection.sip(64 << 10) > 0);
    fs::remove_file(world.folder.join("site/large.bin")).unwrap();
    assert_old_or_broken(connection.answer("GET", Duration::from_secs(30)));
    assert_eq!(world.ask(&["GET /large.bin HTTP/1.1"]).status, 404);
}

/// A root that is away proves nothing about what is missing.
#[test]
fn a_root_that_is_away_is_no_404() {
    let world = world("public");
    fs::rename(world.folder.join("public"), world.folder.join("elsewhere")).unwrap();
    let answer = world.ask(&["GET /page0.txt HTTP/1.1"]);
    assert_eq!(answer.status, 503, "{}", answer.head());
    fs::rename(world.folder.join("elsewhere"), world.folder.join("public")).unwrap();
    assert_eq!(world.ask(&["GET /page0.txt HTTP/1.1"]).status, 200);
}
