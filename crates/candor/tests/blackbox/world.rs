//! The test world: a copy of `tests/world` in a folder of its own, and the real program serving it.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::client::{Answer, Connection, method_of};
use crate::promises;

/// When every file of the world was last changed: Sun, 09 Sep 2001 01:46:40 GMT.
pub(crate) const MODIFIED: u64 = 1_000_000_000;

/// A user without rights, for tests of what may not be read.
const NOBODY: u32 = 65534;

/// A running server and the folder it serves. Dropping it ends both.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) folder: PathBuf,
    child: Child,
    guard: Child,
    log: Arc<Mutex<String>>,
}

/// What to start, before it is started.
pub(crate) struct Plan {
    folder: PathBuf,
    config: String,
    nobody: bool,
}

impl Plan {
    /// A copy of the test world, with `NAME.toml` of it as the configuration.
    pub(crate) fn world(name: &str) -> Plan {
        let folder = fresh_folder();
        copy_tree(&project().join("tests/world"), &folder);
        let config = fs::read_to_string(folder.join(format!("{name}.toml")))
            .unwrap_or_else(|error| panic!("tests/world/{name}.toml: {error}"));
        Plan { folder, config, nobody: false }
    }

    /// An empty `site` folder with this configuration; `listen` and `state` are added.
    pub(crate) fn empty(config: &str) -> Plan {
        let folder = fresh_folder();
        fs::create_dir(folder.join("site")).unwrap();
        let config = format!("listen = [\"127.0.0.1:8080\"]\nstate = \"state\"\n{config}");
        Plan { folder, config, nobody: false }
    }

    /// Replaces a piece of the configuration that must be there.
    pub(crate) fn replace(mut self, old: &str, new: &str) -> Plan {
        assert!(self.config.contains(old), "the configuration has no {old:?}");
        self.config = self.config.replace(old, new);
        self
    }

    /// Writes a file, making the folders above it.
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Plan {
        write(&self.folder.join(path), content.as_ref());
        self
    }

    /// The folder as it will be served.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs the server as a user without rights, if the tests themselves have all rights.
    pub(crate) fn by_nobody(mut self) -> Plan {
        self.nobody = true;
        self
    }

    pub(crate) fn start(self) -> World {
        let config = self.config.replace("127.0.0.1:8080", "127.0.0.1:0");
        fs::write(self.folder.join("candor.toml"), config).unwrap();
        let mut command = command(&self.folder);
        if self.nobody && is_root() {
            give(&self.folder, NOBODY);
            command.uid(NOBODY).gid(NOBODY);
        }
        World::run(command, self.folder)
    }
}

/// The program over a folder, with nothing of the test's own surroundings.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
    command.arg("serve").arg("--config").arg(folder.join("candor.toml"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CANDOR_")) {
        command.env_remove(name);
    }
    // Nothing of a test may reach the user's own folders.
    for (name, place) in [("HOME", "home"), ("XDG_STATE_HOME", "home/state"), ("XDG_RUNTIME_DIR", "home/run")]
    {
        fs::create_dir_all(folder.join(place)).unwrap();
        command.env(name, folder.join(place));
    }
    command.env_remove("STATE_DIRECTORY");
    command
}

impl World {
    /// The server that tests without side effects share: one for each configuration of the test world.
    pub(crate) fn shared(name: &str) -> &'static World {
        static WORLDS: OnceLock<Mutex<HashMap<String, &'static World>>> = OnceLock::new();
        let mut worlds =
            WORLDS.get_or_init(Mutex::default).lock().unwrap_or_else(|broken| broken.into_inner());
        worlds.entry(name.into()).or_insert_with(|| Box::leak(Box::new(Plan::world(name).start())))
    }

    fn run(mut command: Command, folder: PathBuf) -> World {
        let mut child = command.spawn().expect("the program starts");
        let guard = guard(child.id(), &folder);
        let log = Arc::new(Mutex::new(String::new()));
        keep_log(child.stdout.take().unwrap(), &log);
        keep_log(child.stderr.take().unwrap(), &log);
        let deadline = Instant::now() + Duration::from_secs(20);
        let address = loop {
            let bound = bound_address(&log.lock().unwrap());
            if let Some(address) = bound.filter(|address| TcpStream::connect(address).is_ok()) {
                break address;
            }
            let ended = child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let _ = child.kill();
                thread::sleep(Duration::from_millis(100));
                panic!("the server did not start (ended: {ended:?}); it said:\n{}", log.lock().unwrap());
            }
            thread::sleep(Duration::from_millis(5));
        };
        World { address, folder, child, guard, log }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Sends one request over a new connection and checks the answer against the promises. The request's
    /// lines are given without `Host`, which is added.
    pub(crate) fn ask(&self, lines: &[&str]) -> Answer {
        self.ask_with(lines, b"")
    }

    /// As [`World::ask`], with content.
    pub(crate) fn ask_with(&self, lines: &[&str], content: &[u8]) -> Answer {
        let request = [self.request(lines).as_bytes(), content].concat();
        let mut connection = self.connect();
        let answer = match connection.ask(&request) {
            Ok(answer) => answer,
            Err(trouble) => panic!("{lines:?}: {trouble}\n{}", self.log_tail()),
        };
        let broken = promises::broken(&answer, &method_of(&request));
        assert!(broken.is_empty(), "{lines:?}: {broken:?}\n      {}", answer.head());
        answer
    }

    /// The bytes of a request with `Host` after its first line.
    pub(crate) fn request(&self, lines: &[&str]) -> String {
        let (start, fields) = lines.split_first().unwrap();
        let mut request = format!("{start}\r\nHost: {}\r\n", self.address);
        for field in fields {
            request.push_str(field);
            request.push_str("\r\n");
        }
        request + "\r\n"
    }

    /// The process number of the server.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Whether the server still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal by name, as `kill` does.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.process().to_string()).status();
        assert!(status.is_ok_and(|s| s.success()), "kill -{name} failed");
    }

    /// Ends the server without a chance to tidy up, and starts it again over the same folder.
    pub(crate) fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut ended = World::run(command(&self.folder), self.folder.clone());
        std::mem::swap(self, &mut ended);
        // The folder stays: it is the new server's.
        ended.folder = PathBuf::new();
    }

    /// The last lines of what the server wrote.
    pub(crate) fn log_tail(&self) -> String {
        let log = self.log.lock().unwrap_or_else(|broken| broken.into_inner());
        let lines: Vec<&str> = log.lines().collect();
        format!("--- server's log, last lines\n{}\n---", lines[lines.len().saturating_sub(12)..].join("\n"))
    }

    /// Everything the server wrote.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(|broken| broken.into_inner()).clone()
    }

    /// Open descriptors of the server.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process())).map_or(0, Iterator::count)
    }

    /// Resident memory of the server in kibibytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The guard first, so that it cannot signal a number that another process has by then.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        if thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A process that outlives the tests by one moment, even when they are killed: when its input ends, it ends
/// the server and removes the folder. Shared servers, which nobody drops, rely on it.
fn guard(server: u32, folder: &Path) -> Child {
    Command::new("sh")
        .arg("-c")
        .arg("read -r _; kill -9 \"$0\" 2>/dev/null; sleep 0.2; rm -rf \"$1\"")
        .arg(server.to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

fn keep_log(mut from: impl Read + Send + 'static, log: &Arc<Mutex<String>>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            log.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    });
}

/// The address in the first `http://127.0.0.1:PORT` the server wrote on a finished line.
fn bound_address(log: &str) -> Option<SocketAddr> {
    let whole = &log[..=log.rfind('\n')?];
    let rest = whole.split("http://").nth(1)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
    rest[..end].trim_end_matches([':', '.']).parse().ok()
}

fn fresh_folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("candor-test-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // The path as the system knows it, in case the folder for temporary files is a link.
    folder.canonicalize().unwrap()
}

/// The project's top folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .is_ok_and(|s| s.lines().any(|l| l.starts_with("Uid:") && l.split_whitespace().nth(2) == Some("0")))
}

fn give(path: &Path, owner: u32) {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path(), owner));
    }
}

/// Copies a tree; modes do not depend on the umask of the checkout, times not on the clock.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let source = entry.unwrap().path();
        let target = to.join(source.file_name().unwrap());
        if source.is_dir() {
            copy_tree(&source, &target);
        } else {
            write(&target, &fs::read(&source).unwrap());
            let executable = from.file_name().is_some_and(|name| name == "bin");
            fs::set_permissions(&target, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))
                .unwrap();
        }
    }
}

/// Writes a file with the world's time, making the folders above it.
pub(crate) fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    age(path);
}

/// Gives a file the world's time.
pub(crate) fn age(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(MODIFIED)).unwrap();
}
