//! `candor post` and `candor delete`.

use candor_agent::{Outcome, Request};
use candor_semantics::reaction::Reaction;

use super::get::{each, finish};
use super::{Terminal, agent, block_on, content, request, say, set_type, tags};
use crate::cli::{Asking, Delete, Post};
use crate::exit::Failure;
use crate::print;

/// Sends content.
pub(crate) fn run(options: &Post) -> Result<(), Failure> {
    let mut request = request("POST", &options.url, &options.asking)?;
    request.content = content(&options.file)?;
    set_type(&mut request, options.media_type.as_deref(), &options.file);
    send(request, &options.url, &options.asking)
}

/// Removes each address.
pub(crate) fn delete(options: &Delete) -> Result<(), Failure> {
    let options = &options.each;
    each(&options.url, |url| {
        let mut request = request("DELETE", url, &options.asking)?;
        let stated = ["If-Match", "If-Unmodified-Since", "If-None-Match"];
        if let Some(tag) = tags().newest(&request.url)
            && !stated.iter().any(|name| request.fields.has(name))
        {
            request.fields.push("If-Match", tag.to_owned());
        }
        let url_there = request.url.clone();
        send(request, url, &options.asking)?;
        let _ = tags().forget(&url_there);
        Ok(())
    })
}

fn send(request: Request, url: &str, asking: &Asking) -> Result<(), Failure> {
    let agent = agent(asking, url, true)?;
    block_on(async {
        let mut terminal = Terminal::new(asking.json);
        let mut outcome =
            agent.ask(request, &mut terminal).await.map_err(|trouble| say::no_answer(&trouble))?;
        show(&mut outcome, asking.json).await?;
        finish(&agent, &mut outcome, asking.wait, &mut terminal, asking.json).await
    })
}

/// Shows what a write gave: the address that was made, or the content.
pub(super) async fn show(outcome: &mut Outcome, json: bool) -> Result<(), Failure> {
    if json {
        return print::json(&say::as_json(outcome));
    }
    match outcome.reaction.clone() {
        Reaction::Record { address } => print::out(&format!("{address}\n")),
        Reaction::Show | Reaction::SecondHand { .. } => {
            say::remarks(outcome);
            let broken = |what: String| Failure::new(crate::exit::Exit::NoAnswer, what);
            loop {
                match outcome.incoming.next().await.map_err(|broke| broken(broke.what))? {
                    None => return Ok(()),
                    Some(part) => print::bytes(&part)?,
                }
            }
        }
        _ => Ok(()),
    }
}
