//! The command line as people meet it: the real program, its output, its exit codes.
//!
//! The help of every command is kept in `help/`; `REFRESH=1 cargo test -p candor --test command_line` writes it
//! anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent;
mod running;
mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use server::{Server, nobody_listens};

/// Runs the program in a folder of its own, with none of our environment but the path.
fn candor(arguments: &[&str]) -> Run {
    Run::new(arguments)
}

struct Run {
    command: Command,
    input: Vec<u8>,
}

impl Run {
    fn new(arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.args(arguments).env_clear().env("COLUMNS", "100");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Run { command, input: Vec::new() }
    }

    fn within(mut self, folder: &Path) -> Run {
        self.command.current_dir(folder);
        self
    }

    fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    fn input(mut self, input: &str) -> Run {
        self.input = input.into();
        self
    }

    /// Exit code, standard output, standard error.
    fn run(mut self) -> (i32, String, String) {
        let mut child = self.command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&self.input).unwrap();
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    /// The standard output of a run that is fine and has nothing to say on standard error.
    fn fine(self) -> String {
        let (code, out, error) = self.run();
        assert_eq!((code, error.as_str()), (0, ""), "{out}");
        out
    }

    /// The standard error of a run that ends with `code` and prints nothing.
    fn fails(self, code: i32) -> String {
        let (found, out, error) = self.run();
        assert_eq!((found, out.as_str()), (code, ""), "{error}");
        error
    }
}

/// A folder that goes away with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("candor-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn with(self, file: &str, content: &str) -> Folder {
        fs::write(self.0.join(file), content).unwrap();
        self
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

// ---- Help.

const COMMANDS: &[&[&str]] = &[
    &[],
    &["serve"],
    &["why"],
    &["explain"],
    &["get"],
    &["head"],
    &["put"],
    &["post"],
    &["delete"],
    &["wait"],
    &["links"],
    &["links", "check"],
    &["links", "fix"],
    &["links", "undo"],
    &["config"],
    &["config", "check"],
    &["user"],
    &["user", "hash"],
    &["log"],
    &["move"],
    &["retire"],
    &["restore"],
    &["completions"],
    &["man"],
];

#[test]
fn help_is_as_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/command_line/help");
    let mut stale = Vec::new();
    for command in COMMANDS {
        let help = candor(&[*command, &["--help"]].concat()).fine();
        let name = [&["candor"], *command].concat().join("-");
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("REFRESH").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &help).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != help {
            stale.push(format!("{name}:\n{help}"));
        }
    }
    assert!(stale.is_empty(), "run with REFRESH=1 if this is meant:\n{}", stale.join("\n"));
}

#[test]
fn every_command_has_its_help_kept_and_no_other_is_shown() {
    let help = candor(&["--help"]).fine();
    let commands = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let shown: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let expected = [
        "serve",
        "why",
        "explain",
        "get",
        "head",
        "put",
        "post",
        "delete",
        "wait",
        "links",
        "config",
        "user",
        "log",
        "move",
        "retire",
        "restore",
        "completions",
        "man",
        "help",
    ];
    assert_eq!(shown, expected);
    for command in COMMANDS.iter().filter(|command| !command.is_empty()) {
        assert!(shown.contains(&command[0]));
    }
}

#[test]
fn without_words_there_is_help_and_a_usage_exit() {
    let (code, _, error) = candor(&[]).run();
    assert_eq!(code, 2);
    assert!(error.contains("candor serve ./public"), "{error}");
    assert!(candor(&["sevre"]).fails(2).contains("serve"));
    assert!(candor(&["serve", "--nonsense"]).fails(2).contains("--nonsense"));
    assert!(candor(&["serve", "--tls-cert", "c.pem"]).fails(2).contains("--tls-key"));
    assert!(candor(&["--version"]).fine().starts_with("candor 0."));
}

// ---- serve and config check.

#[test]
fn serve_says_what_is_wrong_in_a_line() {
    let folder = Folder::new("serve");
    let error = candor(&["serve", "nowhere"]).within(&folder.0).fails(2);
    assert_eq!(
        error,
        format!("candor: nowhere: {}/nowhere: no such file or directory\n", folder.0.display())
    );
    let error = candor(&["serve", "--config", "nothing.toml"]).within(&folder.0).fails(2);
    assert_eq!(error, "candor: nothing.toml: cannot be read: no such file or directory\n");
    let error = candor(&["serve", "."]).within(&folder.0).env("CANDOR_LISTEN", "80").fails(2);
    assert!(
        error.starts_with("candor: CANDOR_LISTEN: \"80\" is not a place to listen; write \"0.0.0.0:80\""),
        "{error}"
    );
    let error = candor(&["serve", ".", "--listen", "x"]).within(&folder.0).fails(2);
    assert!(error.starts_with("candor: --listen: \"x\" is not a place to listen"), "{error}");
    let error = candor(&["serve"]).within(&folder.0).env("CANDOR_CONFIG", "other.toml").fails(2);
    assert!(error.starts_with("candor: other.toml: cannot be read"), "{error}");

    let folder = folder.with("candor.toml", "[[site]]\nroot = 'x'\n");
    let error = candor(&["serve"]).within(&folder.0).fails(2);
    assert!(error.starts_with("candor: there is a candor.toml here; say `--config candor.toml`"), "{error}");
}

#[test]
fn config_check_finds_everything() {
    let folder = Folder::new("check")
        .with(
            "good.toml",
            "listen = '127.0.0.1:0'\n[[site]]\nroot = '.'\n[[site.route]]\npath = '/a'\nmoved = '/b'\n",
        )
        .with("bad.toml", "lisen = '127.0.0.1:0'\n[[site]]\nroot = '.'\nlisting = 1\n")
        .with("gone.toml", "[[site]]\nroot = 'gone'\n");
    let check = |file: &str| candor(&["config", "check", file]).within(&folder.0);
    assert_eq!(check("good.toml").fine(), "good.toml is fine: 1 listener, 1 site, 1 route, 0 users\n");
    let expected = "\
candor: bad.toml:1:1: unknown key \"lisen\"; did you mean \"listen\"?
  1 | lisen = '127.0.0.1:0'
    | ^^^^^
bad.toml:4:11: \"listing\" must be true or false, not an integer
  4 | listing = 1
    |           ^
";
    assert_eq!(check("bad.toml").fails(2), expected);
    let error = check("gone.toml").fails(2);
    assert!(
        error.starts_with("candor: gone.toml:2:8: ") && error.contains("no such file or directory"),
        "{error}"
    );
}

// ---- why.

const TRACE: &str = "connection-limit=no, well-formed=yes;source=request, permitted=yes, moved-for-good=yes";

#[test]
fn why_shows_the_trace_to_whoever_can_read_the_key() {
    let folder = Folder::new("why");
    let server = Server::answer(&format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 301 Moved Permanently\r\nLocation: /new.txt\r\n\
         Candor-Trace: {TRACE}\r\nContent-Length: 0\r\n\r\n"
    ));
    let url = format!("http://{}/old.txt?q#f", server.address);
    server.leave_key(&folder.0, "0123abcd");
    let why = |arguments: &[&str]| {
        candor(&[&["why"], arguments, &[&url]].concat()).env("XDG_RUNTIME_DIR", &folder.0)
    };
    let tree = why(&["-H", "Accept: text/html"]).fine();
    assert!(tree.starts_with(&format!(
        "GET http://{}/old.txt?q\n301 Moved Permanently\nLocation: /new.txt\n\n",
        server.address
    )));
    for part in [
        "May we listen at all?\n└─  1 Is the hard connection limit reached?\n      no  (connection, configuration)\n",
        "Can we read it?\n└─  6 Is the message well formed, with one reading of its length?\n      yes  (request)\n",
        "└▶ 18 Does a holding mark say that it moved for good?\n      yes  (ledger)\n",
    ] {
        assert!(tree.contains(part), "{part}\nis not in\n{tree}");
    }
    let request = server.last_request();
    assert!(request.starts_with("GET /old.txt?q HTTP/1.1\r\n"), "{request}");
    for line in
        ["Accept: text/html", "Candor-Why: ?1", "Candor-Key: 0123abcd", &format!("Host: {}", server.address)]
    {
        assert!(request.contains(&format!("{line}\r\n")), "{line} is not in {request}");
    }

    let json: serde_json::Value = serde_json::from_str(&why(&["--json", "-X", "DELETE"]).fine()).unwrap();
    assert_eq!(json["status"], 301);
    assert_eq!(json["method"], "DELETE");
    assert_eq!(json["fields"]["location"][0], "/new.txt");
    assert_eq!(json["trace"][3]["question"], "moved-for-good");
    assert_eq!(json["trace"][3]["number"], 18);
    assert_eq!(json["trace"][3]["sources"][0], "ledger");
    assert!(server.last_request().starts_with("DELETE "));

    // Without the key in its place, the server is asked all the same, and told nothing.
    let elsewhere = Folder::new("why-elsewhere").with("key", "ffff\n");
    candor(&["why", &url]).env("XDG_RUNTIME_DIR", &elsewhere.0).fine();
    assert!(!server.last_request().contains("Candor-Key"), "{}", server.last_request());
    let key = elsewhere.0.join("key");
    why(&["--key", key.to_str().unwrap()]).fine();
    assert!(server.last_request().contains("Candor-Key: ffff\r\n"));
    candor(&["why", &format!("http://amy:secret@{}/", server.address)]).fine();
    assert!(server.last_request().contains("Authorization: Basic YW15OnNlY3JldA==\r\n"));
}

#[test]
fn why_without_a_trace_is_a_refusal() {
    let server = Server::answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let (code, out, error) = candor(&["why", &server.address.to_string()]).run();
    assert_eq!((code, out.as_str()), (1, "404 Not Found\n"));
    assert!(error.contains("gave no trace: no admin key for it was found here"), "{error}");
    let malformed = Server::answer("HTTP/1.1 200\r\nCandor-Trace: =\u{1b}[31m\r\n\r\n");
    let (code, out, _) = candor(&["why", &malformed.address.to_string()]).run();
    assert_ne!(code, 0);
    assert!(!out.contains('\u{1b}'));
}

#[test]
fn why_without_an_answer_says_so() {
    let address = nobody_listens();
    let error = candor(&["why", &format!("http://{address}/")]).fails(3);
    assert_eq!(error, format!("candor: nothing listens at {address}; is the server running?\n"));
    let silent = Server::answer("");
    let error = candor(&["why", &silent.address.to_string()]).fails(3);
    assert!(error.contains("closed the connection without an answer"), "{error}");
    let stranger = Server::answer("SSH-2.0-OpenSSH\r\n");
    assert!(candor(&["why", &stranger.address.to_string()]).fails(3).contains("what it sent is not HTTP"));
    let plain = Server::answer("HTTP/1.1 400 Bad Request\r\n\r\n");
    let error = candor(&["why", &format!("https://{}/", plain.address)]).fails(3);
    assert!(error.contains("no secure connection") && error.contains("does not speak TLS"), "{error}");
    for (arguments, word) in [
        (&["why", "ftp://x/"][..], "neither http nor https"),
        (&["why", "-H", "nonsense", "x"], "-H 'Name: value'"),
        (&["why", "-X", "G T", "x"], "is not a method"),
        (&["why", "--key", "/nowhere/key", "x"], "cannot be read"),
        (&["why"], "URL"),
    ] {
        let error = candor(arguments).fails(2);
        assert!(error.contains(word), "{error}");
    }
}

// ---- explain, user, completions, man.

#[test]
fn explain_tells_the_promise() {
    let list = candor(&["explain"]).fine();
    for code in ["200  OK", "410  Gone", "503  Service Unavailable"] {
        assert!(list.contains(code), "{list}");
    }
    let gone = candor(&["explain", "410"]).fine();
    assert!(gone.starts_with("410 Gone\nRFC 9110 section 15.5.11\n"), "{gone}");
    for heading in ["\nServer\n", "\nUser agent\n", "Sent by", "Caches keep"] {
        assert!(gone.contains(heading), "{heading} is not in {gone}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&candor(&["explain", "405", "--json"]).fine()).unwrap();
    assert_eq!((json["code"].as_u64(), json["fields"][0]["name"].as_str()), (Some(405), Some("Allow")));
    let all: serde_json::Value = serde_json::from_str(&candor(&["explain", "--json"]).fine()).unwrap();
    assert!(all.as_array().unwrap().len() > 28);
    let unknown = candor(&["explain", "299"]).fine();
    assert!(
        unknown.starts_with("299 is not in candor's table") && unknown.contains("\n200 OK\n"),
        "{unknown}"
    );
    for wrong in ["99", "600", "many"] {
        candor(&["explain", wrong]).fails(2);
    }
}

#[test]
fn hashes_can_be_used() {
    let hash = candor(&["user", "hash"]).input("correct horse\n").fine();
    let hash = hash.trim_end();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let parsed = argon2::PasswordHash::new(hash).unwrap();
    let verify = |password: &str| {
        argon2::PasswordVerifier::verify_password(&argon2::Argon2::default(), password.as_bytes(), &parsed)
            .is_ok()
    };
    assert!(verify("correct horse") && !verify("correct horse\n") && !verify("wrong"));
    assert_ne!(candor(&["user", "hash"]).input("correct horse").fine().trim_end(), hash);
    assert_eq!(candor(&["user", "hash"]).input("\n").fails(2), "candor: the password is empty\n");

    let token = candor(&["user", "hash", "--token"]).fine();
    let (token, tokens) = token.split_once('\n').unwrap();
    assert_eq!(token.len(), 43);
    let file = format!(
        "[[user]]\nname = 'amy'\npassword = '{hash}'\n[[user]]\nname = 'robot'\n{tokens}[[site]]\nroot = '.'\n"
    );
    let folder = Folder::new("hash").with("candor.toml", &file);
    let checked = candor(&["config", "check", "candor.toml"]).within(&folder.0).fine();
    assert_eq!(checked, "candor.toml is fine: 1 listener, 1 site, 0 routes, 2 users\n");
}

#[test]
fn completions_and_manual_cover_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = candor(&["completions", shell]).fine();
        for command in ["serve", "why", "explain", "completions"] {
            assert!(script.contains(command), "{shell} {command}");
        }
    }
    let manual = candor(&["man"]).fine();
    let folder = Folder::new("man");
    candor(&["man", "--dir", folder.0.to_str().unwrap()]).fine();
    let mut count = 0;
    for command in COMMANDS {
        let name = [&["candor"], *command].concat().join("-");
        let page = fs::read_to_string(folder.0.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {} 1", name.to_uppercase())), "{name}: {page}");
        assert!(manual.contains(&page));
        count += 1;
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), count);
    assert!(!manual.contains("candor\\-help(1)"), "{manual}");
    assert!(candor(&["man", "--dir", "/nowhere"]).fails(2).contains("cannot be written"));
}
