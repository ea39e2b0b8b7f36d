//! Programs of `run` routes, by the conventions of CGI/1.1 (RFC 3875): the content of the request is their standard
//! input, what they write is the answer, a head first.
//!
//! Input and output are files without a name, so that a program which reads late or floods stalls nobody here; what
//! outgrows the limits ends with its process group.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use candor_semantics::address::Address;
use candor_semantics::facts::ContentFact;
use candor_semantics::fields::Fields;
use candor_semantics::head::Head;
use candor_semantics::method::Method;
use candor_wire::incoming::Incoming;
use candor_wire::service::{Content, FilePart};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::authoring::upload::fact_of;
use crate::configuration::{RoutePath, Run};
use crate::site;

/// Programs that run at once; more wait for their turn.
const MOST_AT_ONCE: usize = 64;

/// How long a program waits for its turn before the answer is 503: no work was begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// No program runs longer.
const MOST_TIME: Duration = Duration::from_secs(600);

/// Bytes of output, at most.
const MOST_OUTPUT: u64 = 1024 * 1024 * 1024;

/// Bytes of the head of an output, at most.
const MOST_HEAD: u64 = 64 * 1024;

/// Bytes of standard error that are told in the log.
const MOST_TOLD: u64 = 8 * 1024;

/// Where a program without a slash is looked for, and what it gets as its `PATH`.
const SEARCHED: &str = "/usr/local/bin:/usr/bin:/bin";

/// How often the size of what is written is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Bytes of content written to the file at once.
const PIECE: usize = 256 * 1024;

static SEATS: Semaphore = Semaphore::const_new(MOST_AT_ONCE);

/// What a program is run for.
pub(crate) struct Call<'a> {
    /// The request.
    pub(crate) head: &'a Head,
    /// Its address.
    pub(crate) address: &'a Address,
    /// The path of the route.
    pub(crate) route: &'a RoutePath,
    /// Who asks.
    pub(crate) client: Option<IpAddr>,
    /// The user's name, where it was verified.
    pub(crate) user: Option<&'a str>,
    /// The port that was asked.
    pub(crate) port: Option<u16>,
}

/// What a program answered.
pub(crate) struct Produced {
    /// The status, 200 to 599.
    pub(crate) status: u16,
    /// Its fields, without those of a connection.
    pub(crate) fields: Fields,
    /// Its content.
    pub(crate) content: Content,
    /// What it wrote to standard error.
    pub(crate) told: String,
}

/// Why a program gave no answer.
pub(crate) enum Fault {
    /// Too many others run.
    Busy,
    /// It failed; this is for the log.
    Failed(String),
}

/// The content of a request in a file.
#[derive(Default)]
pub(crate) struct Input {
    file: Option<File>,
    length: u64,
}

/// Why there is no input.
pub(crate) enum NoInput {
    /// The content ended otherwise than whole.
    Not(ContentFact),
    /// It could not be kept.
    Unkept(io::Error),
}

/// Runs a program to its end.
///
/// # Errors
/// It was not begun, or gave no answer that can be passed on.
pub(crate) async fn run(run: &Run, call: &Call<'_>, input: Input) -> Result<Produced, Fault> {
    let Ok(Ok(_seat)) = tokio::time::timeout(PATIENCE, SEATS.acquire()).await else {
        return Err(Fault::Busy);
    };
    let failed = |why: String| Fault::Failed(format!("{}: {why}", run.command.join(" ").escape_debug()));
    let (output, errors) = (unnamed().await, unnamed().await);
    let (output, errors) =
        (output.map_err(|e| failed(e.to_string()))?, errors.map_err(|e| failed(e.to_string()))?);
    let ended = execute(run, call, input, &output, &errors).await;
    let told = told(&errors);
    let with_told = |why: String| match told.is_empty() {
        true => failed(why),
        false => failed(format!("{why}; it says: {}", told.trim_end().escape_debug())),
    };
    let status = ended.map_err(&with_told)?;
    if let Some(signal) = status.signal() {
        return Err(with_told(format!("ended by signal {signal}")));
    }
    let is_head = call.head.is(Method::Head);
    let reads = call.head.method().is_some_and(Method::reads);
    let (parsed, start, length) = read_head(&output).map_err(|why| with_told(format!("{why} ({status})")))?;
    let (status, fields) = answer(parsed, length, reads).map_err(with_told)?;
    let content = match status {
        204 | 304 => Content::Nothing,
        205 => Content::Bytes(Bytes::new()),
        _ if is_head => Content::Omitted(None),
        _ => Content::File(FilePart { file: Arc::new(output), offset: start, length, state: None }),
    };
    Ok(Produced { status, fields, content, told })
}

/// Takes the content of a request, at most `limit` bytes of it.
///
/// # Errors
/// It did not arrive whole, or cannot be kept.
pub(crate) async fn take(incoming: &mut Incoming, limit: u64) -> Result<Input, NoInput> {
    let mut input = Input::default();
    let mut buffer = Vec::new();
    while let Some(next) = incoming.next().await {
        let bytes = next.map_err(|fault| NoInput::Not(fact_of(fault)))?;
        input.length = input.length.saturating_add(bytes.len() as u64);
        if input.length > limit {
            return Err(NoInput::Not(ContentFact::TooLarge(limit)));
        }
        buffer.extend_from_slice(&bytes);
        if buffer.len() >= PIECE {
            input.write(std::mem::take(&mut buffer)).await.map_err(NoInput::Unkept)?;
        }
    }
    if !buffer.is_empty() {
        input.write(buffer).await.map_err(NoInput::Unkept)?;
    }
    Ok(input)
}

impl Input {
    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => unnamed().await?,
        };
        let work = move || file.write_all(&bytes).map(|()| file);
        self.file = Some(blocking(work).await?);
        Ok(())
    }
}

/// The file of a command: as it is written where it has a slash, else looked for in the usual folders.
pub(crate) fn find(command: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    match command.contains('/') {
        true => Some(PathBuf::from(command)).filter(|path| runs(path)),
        false => SEARCHED.split(':').map(|folder| Path::new(folder).join(command)).find(|path| runs(path)),
    }
}

// ---- running -------------------------------------------------------------------------------------------------

/// The process group of a program, ended with this.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // Nobody is left where this fails.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

async fn execute(
    run: &Run,
    call: &Call<'_>,
    input: Input,
    output: &File,
    errors: &File,
) -> Result<ExitStatus, String> {
    let text = |error: io::Error| error.to_string();
    let mut child = spawn(run, call, input, output, errors).map_err(text)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let group = Group(pid);
    if let Some(pid) = pid {
        let limit = Rlimit { current: Some(MOST_OUTPUT), maximum: Some(MOST_OUTPUT) };
        // It may have ended already; sizes are looked at besides.
        let _ = prlimit(Some(pid), Resource::Fsize, limit);
    }
    let ended = tokio::time::timeout(MOST_TIME, ended(&mut child, output, errors)).await;
    // Whatever it left running goes with it.
    drop(group);
    match ended {
        Ok(Ok(status)) => Ok(status),
        Ok(Err(why)) => {
            let _ = child.wait().await;
            Err(why)
        }
        Err(_) => {
            let _ = child.wait().await;
            Err(format!("it did not end within {} s", MOST_TIME.as_secs()))
        }
    }
}

async fn ended(child: &mut Child, output: &File, errors: &File) -> Result<ExitStatus, String> {
    let is_flooded = || [output, errors].iter().any(|file| length(file) > MOST_OUTPUT);
    loop {
        match tokio::time::timeout(LOOK, child.wait()).await {
            Ok(Ok(_)) if is_flooded() => break,
            Ok(status) => return status.map_err(|error| error.to_string()),
            Err(_) if is_flooded() => break,
            Err(_) => {}
        }
    }
    Err(format!("it wrote more than {MOST_OUTPUT} bytes"))
}

fn spawn(run: &Run, call: &Call<'_>, input: Input, output: &File, errors: &File) -> io::Result<Child> {
    let (name, arguments) = run.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let program = find(name).ok_or(io::ErrorKind::NotFound)?;
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().process_group(0).kill_on_drop(true);
    if let Some(folder) = program.parent() {
        command.current_dir(folder);
    }
    for (name, value) in environment(call, input.length) {
        // What cannot be in an environment is left out of it.
        if !value.contains(&0) {
            command.env(name, std::ffi::OsStr::from_bytes(&value));
        }
    }
    command.stdin(match input.file {
        Some(mut file) => {
            file.seek(SeekFrom::Start(0))?;
            Stdio::from(file)
        }
        None => Stdio::null(),
    });
    command.stdout(output.try_clone()?).stderr(errors.try_clone()?).spawn()
}

/// Section 4.1 of RFC 3875. Of the request's fields those go along that cannot be mistaken for another variable, and
/// that are no secrets.
fn environment(call: &Call<'_>, length: u64) -> Vec<(String, Vec<u8>)> {
    let Call { head, address, route, client, user, port } = call;
    let (script, rest) = match route {
        RoutePath::Exact(path) => (path.as_bytes(), None),
        RoutePath::Subtree(prefix) => {
            let script = prefix.strip_suffix('/').unwrap_or(prefix).as_bytes();
            (script, address.path().strip_prefix(script))
        }
    };
    let mut set: Vec<(String, Vec<u8>)> = Vec::new();
    let mut put = |name: &str, value: &[u8]| set.push((name.to_owned(), value.to_vec()));
    put("PATH", SEARCHED.as_bytes());
    put("GATEWAY_INTERFACE", b"CGI/1.1");
    put("SERVER_SOFTWARE", concat!("candor/", env!("CARGO_PKG_VERSION")).as_bytes());
    put("SERVER_PROTOCOL", head.version().name().as_bytes());
    put("SERVER_NAME", site::authority(head).unwrap_or_default().as_bytes());
    put("SERVER_PORT", port.map(|port| port.to_string()).unwrap_or_default().as_bytes());
    put("REQUEST_METHOD", head.method_token());
    put("SCRIPT_NAME", script);
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        put("PATH_INFO", rest);
    }
    put("QUERY_STRING", address.query().unwrap_or_default());
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    put("REMOTE_ADDR", client.as_bytes());
    put("REMOTE_HOST", client.as_bytes());
    if let Some(user) = user {
        let stated = head.get("authorization").unwrap_or_default();
        put("AUTH_TYPE", stated.split(|&byte| byte == b' ').next().unwrap_or_default());
        put("REMOTE_USER", user.as_bytes());
    }
    if length > 0 || head.is(Method::Post) {
        put("CONTENT_LENGTH", length.to_string().as_bytes());
    }
    if let Some(value) = head.get("content-type") {
        put("CONTENT_TYPE", value);
    }
    if head.scheme().name() == "https" {
        put("HTTPS", b"on");
    }
    for (name, _) in head.fields() {
        let Some(variable) = variable(name) else { continue };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if set.iter().any(|(known, _)| *known == variable) {
            continue;
        }
        let value = if variable == "HTTP_COOKIE" {
            head.all(name).collect::<Vec<_>>().join(&b"; "[..])
        } else {
            head.list(name).map(|value| value.into_owned()).unwrap_or_default()
        };
        set.push((variable, value));
    }
    set
}

/// The variable of a field, if it has one. `Proxy` would be taken for a setting (CVE-2016-5385).
fn variable(name: &[u8]) -> Option<String> {
    const LEFT_OUT: &[&str] = &[
        "authorization",
        "proxy-authorization",
        "proxy",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "te",
        "upgrade",
        "keep-alive",
        "candor-why",
        "candor-key",
        "expect",
    ];
    let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let kept = plain && !LEFT_OUT.contains(&name.as_str()) && !name.starts_with("candor-");
    kept.then(|| format!("HTTP_{}", name.replace('-', "_").to_ascii_uppercase()))
}

// ---- the answer ----------------------------------------------------------------------------------------------

/// The fields of a head as they were written.
type Parsed = Vec<(String, Bytes)>;

/// The fields of a head, where the content begins, and how long it is.
fn read_head(output: &File) -> Result<(Parsed, u64, u64), String> {
    let whole = length(output);
    let mut start = Vec::new();
    let mut file = output;
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.take(MOST_HEAD).read_to_end(&mut start))
        .map_err(|error| error.to_string())?;
    if whole == 0 {
        return Err("it wrote nothing".to_owned());
    }
    let (fields, used) = parse_head(&start)?;
    let used = used as u64;
    Ok((fields, used, whole.saturating_sub(used)))
}

fn parse_head(start: &[u8]) -> Result<(Parsed, usize), String> {
    let mut fields = Vec::new();
    let mut used = 0;
    for line in start.split_inclusive(|&byte| byte == b'\n') {
        used += line.len();
        let Some(text) = line.strip_suffix(b"\n") else { break };
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() && !fields.is_empty() {
            return Ok((fields, used));
        }
        let colon =
            text.iter().position(|&byte| byte == b':').ok_or("its head has a line without a colon")?;
        let (name, value) = text.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let legal = value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
        let name =
            std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && name.bytes().all(|b| token(&b)));
        match name {
            Some(name) if legal => fields.push((name.to_owned(), Bytes::copy_from_slice(value))),
            _ => return Err("its head has a line that is no field".to_owned()),
        }
    }
    Err("its output has no head that ends".to_owned())
}

/// Status and fields as they are passed on, if the program keeps what its status promises.
fn answer(parsed: Parsed, length: u64, reads: bool) -> Result<(u16, Fields), String> {
    const OF_CONNECTIONS: &[&str] = &[
        "status",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "content-length",
        "proxy-authenticate",
        "proxy-connection",
        "date",
        "server",
        "x-content-type-options",
    ];
    let mut fields = Fields::new();
    let mut stated = None;
    for (name, value) in parsed {
        let lower = name.to_ascii_lowercase();
        if lower == "status" {
            stated = Some(status(&value).ok_or("its Status is none")?);
        }
        if !OF_CONNECTIONS.contains(&lower.as_str()) {
            fields.push(name, value);
        }
    }
    let status = match stated {
        Some(status) => status,
        None if fields.has("Location") => 302,
        None => 200,
    };
    let lacks = |name: &str| !fields.has(name);
    let promise = match status {
        201..=203 | 207 | 226 | 200 | 204 | 205 => None,
        206 if reads => lacks("Content-Range").then_some("Content-Range"),
        304 if reads => None,
        206 | 304 => Some("a method that reads"),
        300..=399 => lacks("Location").then_some("Location"),
        401 => lacks("WWW-Authenticate").then_some("WWW-Authenticate"),
        405 => lacks("Allow").then_some("Allow"),
        416 => lacks("Content-Range").then_some("Content-Range"),
        426 => Some("a connection of its own"),
        407 => Some("a proxy"),
        _ => None,
    };
    if let Some(missing) = promise {
        return Err(format!("status {status} needs {missing}"));
    }
    if length > 0 && !matches!(status, 204 | 205 | 304) && !fields.has("Content-Type") {
        return Err("its content has no Content-Type".to_owned());
    }
    if matches!(status, 204 | 205 | 304) {
        for name in ["Content-Type", "Content-Encoding", "Content-Language"] {
            fields.remove(name);
        }
    }
    if status == 304 && fields.has("ETag") {
        fields.remove("Last-Modified");
    }
    add_lifetime(&mut fields, status);
    Ok((status, fields))
}

/// What was made for one request is not used again unasked, unless the program says so.
fn add_lifetime(fields: &mut Fields, status: u16) {
    let never = matches!(status, 428 | 429 | 503);
    if never {
        fields.set("Cache-Control", "no-store");
    } else if !fields.has("Cache-Control") {
        fields.push_static("Cache-Control", "no-cache");
    }
}

fn status(value: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(value.get(..3)?).ok()?;
    let ends = value.get(3).is_none_or(|&byte| byte == b' ');
    let status: u16 = digits.parse().ok()?;
    (ends && (200..=599).contains(&status)).then_some(status)
}

// ---- files ---------------------------------------------------------------------------------------------------

fn length(file: &File) -> u64 {
    file.metadata().map_or(u64::MAX, |metadata| metadata.len())
}

fn told(errors: &File) -> String {
    let mut told = Vec::new();
    let mut file = errors;
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(MOST_TOLD).read_to_end(&mut told));
    if read.is_err() {
        told.clear();
    }
    String::from_utf8_lossy(&told).into_owned()
}

async fn unnamed() -> io::Result<File> {
    blocking(tempfile::tempfile).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<(u16, usize), String> {
        let (fields, used) = parse_head(text.as_bytes())?;
        let length = (text.len() - used) as u64;
        answer(fields, length, true).map(|(status, _)| (status, used))
    }

    #[test]
    fn heads_of_programs() {
        assert_eq!(head("Content-Type: text/plain\n\nhello"), Ok((200, 26)));
        assert_eq!(head("Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nno").map(|h| h.0), Ok(404));
        assert_eq!(head("Location: /x\n\n").map(|h| h.0), Ok(302));
        for bad in [
            "hello",
            "\n\nhello",
            "Content-Type: text/plain",
            "Status: 99\n\n",
            "Status: 2000\n\n",
            "Status: 101 Go\n\n",
            "Status: 401 No\n\n",
            "Status: 405 No\n\n",
            "Status: 303 See\n\n",
            "X: y\n\ncontent",
            "A b: c\n\n",
            "Status: 206 Part\nContent-Type: text/plain\n\nx",
        ] {
            assert!(head(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn variables_of_fields() {
        assert_eq!(variable(b"Accept-Language").as_deref(), Some("HTTP_ACCEPT_LANGUAGE"));
        for name in ["Proxy", "proxy", "Authorization", "X_Y", "Content_Length", "Candor-Key", "a.b"] {
            assert_eq!(variable(name.as_bytes()), None, "{name}");
        }
    }
}
