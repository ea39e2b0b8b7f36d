//! `candor get` and `candor head`.

use std::io::Write;
use std::path::Path;

use candor_agent::download::{self, Target};
use candor_agent::{Agent, Outcome};
use candor_semantics::reaction::Reaction;
use candor_semantics::url::Url;

use super::terminal::Bar;
use super::{Terminal, agent, block_on, request, say, tags};
use crate::cli::{Get, Head};
use crate::exit::{Exit, Failure};
use crate::print;

/// Content that is put into JSON, in bytes: 1 MiB.
const LARGEST_IN_JSON: usize = 1 << 20;

/// Fetches each address.
pub(crate) fn run(options: &Get) -> Result<(), Failure> {
    if options.output.is_some() && options.url.len() > 1 {
        return Err(Failure::new(Exit::Usage, "-o takes one URL"));
    }
    each(&options.url, |url| {
        let mut agent = agent(&options.asking, url, !options.no_cache)?;
        agent.leave.languages.clone_from(&options.lang);
        agent.leave.types.clone_from(&options.accept);
        let done = block_on(fetch(&agent, options, url));
        agent.save();
        done
    })
}

/// Runs a command for each of several addresses; the first failure counts, the others are said.
pub(super) fn each(urls: &[String], run: impl Fn(&str) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut first = Ok(());
    for url in urls {
        match (run(url), &first) {
            (Err(failure), Ok(())) => first = Err(failure),
            (Err(failure), Err(_)) => {
                failure.report();
            }
            (Ok(()), _) => {}
        }
    }
    first
}

async fn fetch(agent: &Agent, options: &Get, url: &str) -> Result<(), Failure> {
    let asking = &options.asking;
    let mut request = request("GET", url, asking)?;
    for (name, value) in [("Accept", &options.accept), ("Accept-Language", &options.lang)] {
        if let Some(value) = value.as_ref().filter(|_| !request.fields.has(name)) {
            request.fields.push(name, value.clone());
        }
    }
    let mut terminal = Terminal::new(asking.json);
    let mut bar = Bar::new(!asking.json && options.output.is_some());
    let mut buffer = Vec::new();
    let mut out = std::io::stdout();
    let target = match &options.output {
        Some(file) => Target::File(file.clone()),
        None if asking.json => Target::Stream(&mut buffer),
        None => Target::Stream(&mut out),
    };
    let done = download::download(agent, &request, target, &mut terminal, &mut bar).await;
    bar.end();
    let mut outcome = done.map_err(|trouble| say::no_answer(&trouble))?;
    if let Some(file) = &options.output {
        // Only the next put would want it; the document is here all the same.
        let _ = note(&outcome, &request.url, file);
    }
    if asking.json {
        let content = (buffer.len() <= LARGEST_IN_JSON).then(|| String::from_utf8(buffer).ok()).flatten();
        let mut value = say::as_json(&outcome);
        if let Some(object) = value.as_object_mut() {
            object.insert("content".to_owned(), content.into());
        }
        print::json(&value)?;
    } else {
        say::remarks(&outcome);
    }
    finish(agent, &mut outcome, asking.wait, &mut terminal, asking.json).await
}

/// Remembers what a put of the file will be based on.
fn note(outcome: &Outcome, url: &Url, file: &Path) -> std::io::Result<()> {
    match outcome.reaction {
        Reaction::Show => {
            let tag = outcome.answer().tag().map(|tag| tag.to_string());
            tags().note(url, file, tag.as_deref(), std::fs::read(file).ok().as_deref())
        }
        Reaction::SecondHand { .. } => tags().note_second_hand(url, file),
        _ => Ok(()),
    }
}

/// Asks with HEAD and shows the head.
pub(crate) fn head(options: &Head) -> Result<(), Failure> {
    let options = &options.each;
    each(&options.url, |url| {
        let agent = agent(&options.asking, url, false)?;
        block_on(async {
            let request = request("HEAD", url, &options.asking)?;
            let mut terminal = Terminal::new(options.asking.json);
            let outcome =
                agent.ask(request, &mut terminal).await.map_err(|trouble| say::no_answer(&trouble))?;
            if options.asking.json {
                print::json(&say::as_json(&outcome))?;
            } else {
                print::out(&shown_head(&outcome))?;
            }
            say::failure(&outcome).map_or(Ok(()), Err)
        })
    })
}

fn shown_head(outcome: &Outcome) -> String {
    let mut text = String::new();
    for hop in &outcome.hops {
        text.push_str(&format!("{} {} -> {}\n", hop.code, hop.from, hop.to));
    }
    text.push_str(&format!("{}\n", say::status(outcome)));
    for (name, value) in outcome.head.fields.iter() {
        text.push_str(&format!(
            "{}: {}\n",
            print::shown(name),
            print::shown(&String::from_utf8_lossy(value))
        ));
    }
    text
}

/// Waits for accepted work where that is wanted; then turns the outcome into an end.
pub(super) async fn finish(
    agent: &Agent,
    outcome: &mut Outcome,
    waits: bool,
    terminal: &mut Terminal,
    json: bool,
) -> Result<(), Failure> {
    if let (true, Reaction::Poll { monitor: Some(monitor), after }) = (waits, outcome.reaction.clone()) {
        return super::wait::follow(agent, &monitor, after, None, terminal, json).await;
    }
    let Some(failure) = say::failure(outcome) else { return Ok(()) };
    if !json {
        explain(outcome).await;
    }
    Err(failure)
}

/// Shows what the server has to say, if it is short and made for terminals.
async fn explain(outcome: &mut Outcome) {
    let kind = outcome.answer().text("Content-Type").unwrap_or("").to_ascii_lowercase();
    let readable =
        kind.starts_with("text/plain") || kind.starts_with("text/markdown") || kind.contains("json");
    if !readable {
        return;
    }
    if let Ok(Some(content)) = outcome.incoming.all(4 << 10).await {
        let text = String::from_utf8_lossy(&content);
        let mut out = std::io::stderr();
        for line in text.lines() {
            let _ = writeln!(out, "  {}", print::shown(line));
        }
    }
}
