//! A real server and a real `why` beside it, with and without TLS.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{Folder, candor};

/// A running `candor serve`, stopped with its test.
struct Serving {
    child: Child,
    origin: String,
}

impl Serving {
    /// Starts a server and waits until it has said where it listens.
    fn start(folder: &Path, arguments: &[&str]) -> Serving {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.args(["serve", "site", "--state", "state", "--access-log", "off"]).args(arguments);
        command.current_dir(folder).env_clear().env("XDG_RUNTIME_DIR", folder);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut serving = Serving { child, origin: String::new() };
        let mut words = BufReader::new(serving.child.stderr.take().unwrap());
        let mut line = String::new();
        while words.read_line(&mut line).unwrap() > 0 {
            if let Some((_, place)) = line.rsplit_once(" at http") {
                let end = place.find(['"', ' ', '\n']).unwrap();
                serving.origin = format!("http{}", &place[..end]);
                // Somebody has to go on reading, or the server would stand still at its next word.
                std::thread::spawn(move || words.lines().count());
                return serving;
            }
            line.clear();
        }
        panic!("the server ended without a word about its address");
    }

    /// Asks it to stop, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        let number = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &number]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn site(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir(folder.0.join("site")).unwrap();
    fs::write(folder.0.join("site/a.txt"), "hello\n").unwrap();
    folder
}

#[test]
fn why_just_works_for_the_user_of_the_server() {
    let folder = site("running");
    let server = Serving::start(&folder.0, &["--listen", "127.0.0.1:0"]);
    let url = format!("{}/a.txt", server.origin);
    let tree = candor(&["why", &url]).env("XDG_RUNTIME_DIR", &folder.0).fine();
    assert!(
        tree.contains("\n200 OK\n") && tree.contains("├─ 20 Does a holding mark say that it is gone?"),
        "{tree}"
    );
    let json = candor(&["why", "--json", &format!("{}/nothing", server.origin)])
        .env("XDG_RUNTIME_DIR", &folder.0)
        .fine();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["status"], 404);
    assert!(
        json["trace"]
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["question"] == "live" && step["answer"] == "no")
    );

    // A key that is not the server's is no key.
    fs::write(folder.0.join("wrong"), "ab".repeat(32)).unwrap();
    let wrong = folder.0.join("wrong");
    let (code, _, error) = candor(&["why", "--key", wrong.to_str().unwrap(), &url]).run();
    assert_eq!(code, 1);
    assert!(error.contains("it does not take this admin key"), "{error}");

    assert_eq!(server.stop(), Some(0));
    let left = fs::read_dir(folder.0.join("candor")).unwrap().count();
    assert_eq!(left, 0, "the key goes with the server");
}

#[test]
fn why_over_tls_trusts_whom_the_system_trusts() {
    let folder = site("running-tls");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.0.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.0.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let server = Serving::start(&folder.0, &arguments);
    assert!(server.origin.starts_with("https://"), "{}", server.origin);
    let url = format!("{}/a.txt", server.origin.replace("127.0.0.1", "localhost"));
    let why = |arguments: &[&str]| {
        candor(&[&["why"], arguments, &[&url]].concat()).env("XDG_RUNTIME_DIR", &folder.0)
    };

    let error = why(&[]).env("SSL_CERT_FILE", "/dev/null").fails(3);
    assert!(error.contains("its certificate is not trusted") && error.contains("--insecure"), "{error}");
    assert!(why(&["--insecure"]).fine().contains("\n200 OK\n"));
    assert!(why(&[]).env("SSL_CERT_FILE", folder.0.join("cert.pem")).fine().contains("\n200 OK\n"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_taken_address_is_told() {
    let folder = site("running-taken");
    let server = Serving::start(&folder.0, &["--listen", "127.0.0.1:0"]);
    let address = server.origin.strip_prefix("http://").unwrap();
    let error = candor(&["serve", "site", "--listen", address]).within(&folder.0).fails(2);
    assert!(error.starts_with("candor: ") && error.contains(address), "{error}");
}
