//! The user agent's commands: what they have in common.

pub(crate) mod get;
pub(crate) mod post;
pub(crate) mod put;
pub(crate) mod say;
mod terminal;
pub(crate) mod wait;

use std::path::Path;

use candor_agent::copies::Copies;
use candor_agent::credentials::{self, Credentials};
use candor_agent::moves::Moves;
use candor_agent::proxy::Proxies;
use candor_agent::tags::Tags;
use candor_agent::{Agent, Content, Request, storage};
use candor_semantics::fields::Fields;
use candor_semantics::url::{self, Url};

use crate::cli::Asking;
use crate::exit::{Exit, Failure};

pub(crate) use terminal::Terminal;

/// Runs something asynchronous to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::NoAnswer, format!("cannot start: {error}")))?
        .block_on(work)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The agent as the options want it. `keeps`: with copies and moves remembered from earlier runs.
pub(crate) fn agent(asking: &Asking, url: &str, keeps: bool) -> Result<Agent, Failure> {
    let mut agent = Agent::new()
        .map_err(|error| Failure::new(Exit::NoAnswer, format!("TLS cannot be set up: {error}")))?;
    agent.leave.repeats = asking.retry;
    agent.leave.confirmed = asking.yes;
    agent.proxies = Proxies::from_environment(variable);
    if keeps && let Some(folder) = storage::cache_folder(variable) {
        agent.remember_moves_in(Moves::open(Some(folder.join("moves.json"))));
        agent.copies = Copies::open(Some(folder));
    }
    if let Some(written) = asking.user.clone().or_else(|| url::credentials(url)) {
        let (user, password) = credentials::split(&written);
        let password = match password {
            Some(password) => password,
            None => match variable("CANDOR_PASSWORD") {
                Some(password) => password,
                None => crate::user::ask(&format!("Password of {user}: "))?,
            },
        };
        agent.credentials.push(Credentials { origin: address(url)?, user, password });
    }
    Ok(agent)
}

/// The tags remembered between runs.
pub(crate) fn tags() -> Tags {
    Tags::open(storage::state_folder(variable).map(|folder| folder.join("tags")))
}

/// Reads a URL as people type it: without a scheme it is http.
pub(crate) fn address(text: &str) -> Result<Url, Failure> {
    let written = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&written).map_err(|why| {
        Failure::new(Exit::Usage, format!("{text:?} is not a URL such as http://127.0.0.1:8080/x: {why}"))
    })
}

pub(crate) fn request(method: &str, url: &str, asking: &Asking) -> Result<Request, Failure> {
    let mut request = Request::new(method, address(url)?);
    request.fields = fields(&asking.field)?;
    Ok(request)
}

fn fields(written: &[String]) -> Result<Fields, Failure> {
    let mut fields = Fields::new();
    for (name, value) in crate::why::fields_of(written)? {
        let framing = ["Content-Length", "Transfer-Encoding", "Connection", "Expect"];
        if framing.iter().any(|own| own.eq_ignore_ascii_case(&name)) {
            return Err(Failure::new(Exit::Usage, format!("{name} is not for you to set")));
        }
        fields.push(name, value);
    }
    Ok(fields)
}

/// Content from a file, or from standard input, which is read to its end first.
pub(crate) fn content(file: &Path) -> Result<Content, Failure> {
    let wrong = |error: std::io::Error| {
        Failure::new(Exit::Usage, format!("{} cannot be read: {error}", file.display()))
    };
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map_err(wrong)?;
        return Ok(Content::Bytes(bytes.into()));
    }
    if !std::fs::metadata(file).map_err(wrong)?.is_file() {
        return Err(Failure::new(Exit::Usage, format!("{} is not a file", file.display())));
    }
    std::fs::File::open(file).map_err(wrong)?;
    Ok(Content::File(file.to_owned()))
}

/// Sets the media type: as said, or by the file's name.
pub(crate) fn set_type(request: &mut Request, said: Option<&str>, file: &Path) {
    if request.fields.has("Content-Type") {
        return;
    }
    let known = match file.extension().and_then(|ending| ending.to_str()).unwrap_or("") {
        "html" | "htm" => "text/html",
        "txt" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "css" => "text/css",
        "js" => "text/javascript",
        "json" => "application/json",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    };
    request.fields.push("Content-Type", said.unwrap_or(known).to_owned());
}
