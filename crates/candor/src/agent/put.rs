//! `candor put`: store, and resolve conflicts.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use candor_agent::conflict::{self, Conflict, Merged};
use candor_agent::{Agent, Content, Outcome, Request};
use candor_semantics::reaction::Reaction;
use candor_semantics::url::Url;

use super::get::finish;
use super::post::show;
use super::{Terminal, agent, block_on, content, request, say, set_type, tags};
use crate::cli::Put;
use crate::exit::{Exit, Failure};
use crate::print::shown;

/// The largest document that is merged, in bytes: 16 MiB.
const LARGEST: usize = 16 << 20;

/// How often somebody may be faster before we give up.
const MOST_ROUNDS: usize = 5;

/// Stores the file at the address.
pub(crate) fn run(options: &Put) -> Result<(), Failure> {
    let mut first = request("PUT", &options.url, &options.asking)?;
    first.content = content(&options.file)?;
    set_type(&mut first, options.media_type.as_deref(), &options.file);
    if !first.fields.has("Accept") {
        // Reports of conflicts are wanted as data (RFC 9457).
        first.fields.push_static("Accept", "application/problem+json, */*;q=0.9");
    }
    let stated = ["If-Match", "If-None-Match", "If-Unmodified-Since", "Derived-From"];
    let own_condition = stated.iter().any(|name| first.fields.has(name));
    if let Some(tag) = tags().of(&first.url, &options.file)
        && !own_condition
        && !options.force
    {
        first.fields.push("If-Match", tag.to_owned());
    }
    if tags().is_second_hand(&first.url, &options.file)
        && !own_condition
        && !options.force
        && !options.asking.yes
    {
        let question =
            "This file came from a second-hand copy, which others may have changed since. Store it?";
        if !Terminal::new(options.asking.json).agrees(question) {
            let file = options.file.display();
            return Err(Failure::new(
                Exit::Decide,
                format!("{file} came from a second-hand copy; fetch it anew, or store it with --yes"),
            ));
        }
    }
    let agent = agent(&options.asking, &options.url, true)?;
    block_on(store(&agent, options, first))
}

async fn store(agent: &Agent, options: &Put, mut request: Request) -> Result<(), Failure> {
    let asking = &options.asking;
    let mut terminal = Terminal::new(asking.json);
    let mut is_merge = false;
    for _ in 0..MOST_ROUNDS {
        let sent = bytes_of(&request.content);
        let mut outcome =
            agent.ask(request.clone(), &mut terminal).await.map_err(|trouble| say::no_answer(&trouble))?;
        let Reaction::Resolve { tag } = outcome.reaction.clone() else {
            if matches!(outcome.reaction, Reaction::Show | Reaction::Keep | Reaction::Record { .. }) {
                if is_merge {
                    take_over(&options.file, sent.as_deref())?;
                }
                remember(options, &request.url, &outcome, sent.as_deref());
            }
            show(&mut outcome, asking.json).await?;
            return finish(agent, &mut outcome, asking.wait, &mut terminal, asking.json).await;
        };
        let report = outcome.incoming.all(LARGEST).await.ok().flatten().unwrap_or_default();
        let conflict = conflict::read(&report, tag.as_ref());
        if asking.json {
            crate::print::json(&conflict_json(&outcome, &conflict))?;
        } else {
            tell(&conflict);
        }
        let agreed = asking.yes || terminal.agrees("Fetch what is there and merge?");
        let failure = say::failure(&outcome).unwrap_or_else(|| Failure::new(Exit::Decide, "a conflict"));
        if !agreed {
            return Err(failure);
        }
        let Some(yours) = sent else { return Err(failure) };
        let (merged, tag) = merge(agent, options, &request.url, &yours, &conflict, &mut terminal).await?;
        let resolved = resolve(options, merged, &mut terminal)?;
        request.fields.remove("Derived-From");
        request.fields.remove("If-Unmodified-Since");
        request.fields.set("If-Match", tag);
        request.content = Content::Bytes(resolved);
        is_merge = true;
    }
    Err(Failure::new(Exit::Decide, "others were faster again and again; your text is unchanged"))
}

/// The file becomes what was sent: put again as it was, it would undo what others did.
fn take_over(file: &Path, sent: Option<&[u8]>) -> Result<(), Failure> {
    let (Some(sent), true) = (sent, file != Path::new("-")) else { return Ok(()) };
    std::fs::write(file, sent).map_err(|error| {
        let name = file.display();
        Failure::new(Exit::Decide, format!("the merge was stored, but {name} cannot be written: {error}"))
    })?;
    eprintln!("candor: {} has the merge now", file.display());
    Ok(())
}

/// The tag of what we stored is what the next put is based on.
fn remember(options: &Put, url: &Url, outcome: &Outcome, content: Option<&[u8]>) {
    // A tag of a 200 with content belongs to that content, which may be a merge.
    let own = if outcome.head.code == 200 { None } else { content };
    let tag = outcome.answer().tag().map(|tag| tag.to_string());
    if let Err(error) = tags().note(url, &options.file, tag.as_deref(), own) {
        eprintln!("candor: the tag of {url} cannot be remembered: {error}");
    }
}

fn bytes_of(content: &Content) -> Option<Bytes> {
    match content {
        Content::Nothing => None,
        Content::Bytes(bytes) => Some(bytes.clone()),
        Content::File(path) => {
            let small = std::fs::metadata(path).is_ok_and(|there| there.len() <= LARGEST as u64);
            if small { std::fs::read(path).ok().map(Bytes::from) } else { None }
        }
    }
}

fn tell(conflict: &Conflict) {
    if let Some(detail) = &conflict.detail {
        eprintln!("candor: {}", shown(detail));
    }
    for line in conflict.differences.as_deref().unwrap_or_default().lines() {
        eprintln!("{}", shown(line));
    }
}

fn conflict_json(outcome: &Outcome, conflict: &Conflict) -> serde_json::Value {
    let mut value = say::as_json(outcome);
    if let Some(object) = value.as_object_mut() {
        object.insert("current_etag".to_owned(), conflict.tag.clone().into());
        object.insert("differences".to_owned(), conflict.differences.clone().into());
    }
    value
}

/// Fetches theirs and the base and merges; gives the tag to resubmit against, too.
async fn merge(
    agent: &Agent,
    options: &Put,
    url: &Url,
    yours: &[u8],
    conflict: &Conflict,
    terminal: &mut Terminal,
) -> Result<(Merged, String), Failure> {
    let undecided = |what: &str| Failure::new(Exit::Decide, format!("{url}: {what}; your text is unchanged"));
    let mut theirs = fetch(agent, url.clone(), terminal).await?;
    if theirs.0.head.code != 200 || matches!(theirs.0.reaction, Reaction::SecondHand { .. }) {
        return Err(undecided("what is there now cannot be had first-hand"));
    }
    let tag = theirs.0.answer().tag().filter(|tag| !tag.is_weak()).map(|tag| tag.to_string());
    let tag =
        tag.or_else(|| conflict.tag.clone()).ok_or_else(|| undecided("there is no tag to write against"))?;
    let base = match (tags().base(url, &options.file), &conflict.base) {
        (Some(base), _) => Some(base),
        (None, Some(reference)) => match url.join(reference) {
            Ok(address) => {
                let (outcome, content) = fetch(agent, address, terminal).await?;
                (outcome.head.code == 200).then_some(content)
            }
            Err(_) => None,
        },
        (None, None) => None,
    };
    let theirs = std::mem::take(&mut theirs.1);
    let merged = match base {
        Some(base) => conflict::merge(&base, yours, &theirs),
        // Without a base every difference is a conflict.
        None => match conflict::merge(b"", yours, &theirs) {
            Merged::Clean(text) if text.as_bytes() != yours => Merged::Marked(text),
            other => other,
        },
    };
    Ok((merged, tag))
}

async fn fetch(agent: &Agent, url: Url, terminal: &mut Terminal) -> Result<(Outcome, Vec<u8>), Failure> {
    let mut request = Request::new("GET", url.clone());
    request.fields.push_static("Cache-Control", "no-cache, no-store");
    let mut outcome = agent.ask(request, terminal).await.map_err(|trouble| say::no_answer(&trouble))?;
    let content = outcome.incoming.all(LARGEST).await;
    let content =
        content.map_err(|broken| Failure::new(Exit::NoAnswer, format!("{url}: {}", broken.what)))?;
    let content = content.ok_or_else(|| Failure::new(Exit::Decide, format!("{url}: too large to merge")))?;
    Ok((outcome, content))
}

/// The text to send: a clean merge after a yes, a marked one after somebody resolved it.
fn resolve(options: &Put, merged: Merged, terminal: &mut Terminal) -> Result<Bytes, Failure> {
    let decide = |what: String| Failure::new(Exit::Decide, what);
    match merged {
        Merged::Clean(text) => {
            eprintln!("candor: both changes fit together");
            if !options.asking.yes && !terminal.agrees("Send the merge?") {
                return Err(decide("nothing was sent; your text is unchanged".to_owned()));
            }
            Ok(text.into_bytes().into())
        }
        Merged::Marked(text) => {
            let file = beside(&options.file);
            std::fs::write(&file, &text)
                .map_err(|error| decide(format!("{} cannot be written: {error}", file.display())))?;
            let name = file.display();
            if !terminal.is_there() || !edit(&file) {
                return Err(decide(format!(
                    "both changed the same lines; resolve the marks in {name}, then put that file with -H 'If-Match: ...'"
                )));
            }
            let text =
                std::fs::read(&file).map_err(|error| decide(format!("{name} cannot be read: {error}")))?;
            let is_marked = text.split(|&b| b == b'\n').any(|line| line.starts_with(b"<<<<<<<"));
            if is_marked || !terminal.agrees("Send the edited text?") {
                return Err(decide(format!("nothing was sent; the text is in {name}")));
            }
            Ok(text.into())
        }
        Merged::Impossible => {
            Err(decide("this is not text, so it cannot be merged; your file is unchanged".to_owned()))
        }
    }
}

fn beside(file: &Path) -> PathBuf {
    if file == Path::new("-") {
        return PathBuf::from("candor.merge");
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".merge");
    PathBuf::from(name)
}

/// Opens the user's editor.
fn edit(file: &Path) -> bool {
    let Some(editor) = std::env::var_os("VISUAL").or_else(|| std::env::var_os("EDITOR")) else {
        return false;
    };
    std::process::Command::new(editor).arg(file).status().is_ok_and(|status| status.success())
}
