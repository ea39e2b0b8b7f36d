//! What the end of a request means, in words and as an exit code.

use candor_agent::{Outcome, Trouble};
use candor_semantics::code::{Code, understood};
use candor_semantics::reaction::choice::Choice;
use candor_semantics::reaction::{Doubt, Failed, Reaction, Refused, Stop};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::print::{paragraph, shown};

/// A failure for an answer that did not do what was asked. None where it did.
pub(crate) fn failure(outcome: &Outcome) -> Option<Failure> {
    let (exit, more) = match &outcome.reaction {
        Reaction::Show
        | Reaction::Record { .. }
        | Reaction::SecondHand { .. }
        | Reaction::Keep
        | Reaction::Reset
        | Reaction::Part
        | Reaction::Freshen => return None,
        Reaction::Poll { monitor, .. } => (
            Exit::Accepted,
            match monitor {
                Some(monitor) => format!("not done yet; candor wait {monitor}"),
                None => "not done yet, and the server names no monitor".to_owned(),
            },
        ),
        Reaction::Choose { choices, .. } => (Exit::Decide, chosen(choices)),
        Reaction::Confirm { step, doubt } => (
            Exit::Decide,
            match doubt {
                Doubt::Unsafe => {
                    format!("{} was not repeated at {}; --yes does it", step.method, step.to)
                }
                Doubt::Downgrade => format!("it leads from https to {}; --yes goes there", step.to),
            },
        ),
        Reaction::Halt(stop) => (Exit::Refused, stopped(*stop).to_owned()),
        Reaction::Repeat { .. } => (Exit::Refused, String::new()),
        Reaction::Follow(step) => (Exit::Refused, format!("it leads to {}", step.to)),
        Reaction::Authenticate { .. } => {
            (Exit::Refused, "name and password can be given with -u USER:PASSWORD".to_owned())
        }
        Reaction::Resolve { tag } => (
            Exit::Decide,
            tag.as_ref().map_or_else(String::new, |tag| format!("what is there now has the tag {tag}")),
        ),
        Reaction::Unlink => (Exit::Refused, String::new()),
        Reaction::DropPart => (Exit::Refused, "the part that is here does not fit any more".to_owned()),
        Reaction::NeedsBase => {
            (Exit::Decide, "fetch what is there with candor get -o FILE, then put it".to_owned())
        }
        Reaction::Refused(refused) => (Exit::Refused, refusal(refused)),
        Reaction::Failed(failed) => (Exit::Refused, trouble_words(*failed)),
    };
    Some(Failure::new(exit, message(outcome, &more)))
}

/// The code, what it says in a sentence, and what can be done.
fn message(outcome: &Outcome, more: &str) -> String {
    let row = understood(outcome.head.code).row();
    let mut text = format!("{}: {}: {}", outcome.url, status(outcome), row.brief);
    if !more.is_empty() {
        text.push_str(&format!("\n{}", more.trim_end()));
    }
    if !row.visitor.is_empty() {
        text.push_str(&format!("\n{}", paragraph(row.visitor, 2).trim_end()));
    }
    text
}

/// Number and name of the answer's code.
pub(crate) fn status(outcome: &Outcome) -> String {
    let code = outcome.head.code;
    let known = Code::from_number(code).map(Code::name).unwrap_or_default();
    let name = if known.is_empty() { shown(&outcome.head.phrase) } else { known.to_owned() };
    format!("{code} {name}").trim_end().to_owned()
}

fn chosen(choices: &[Choice]) -> String {
    let mut text = String::from("choose one:");
    for choice_ in choices {
        text.push_str(&format!("\n  {}", choice(choice_)));
    }
    text
}

/// A form in a line.
pub(crate) fn choice(choice: &Choice) -> String {
    let parts = [&choice.media_type, &choice.language, &choice.title];
    let parts: Vec<String> = parts.into_iter().flatten().map(|part| shown(part)).collect();
    format!("{}  {}", choice.url, parts.join(", ")).trim_end().to_owned()
}

fn stopped(stop: Stop) -> &'static str {
    match stop {
        Stop::TooMany => "there are more redirects than are followed",
        Stop::Loop => "the redirects lead in a circle",
        Stop::NotUrl => "it leads to something that is neither http nor https",
        Stop::NoLocation => "it does not say where to",
        Stop::ContentGone => "the content was sent and cannot be sent again",
    }
}

fn refusal(refused: &Refused) -> String {
    match refused {
        Refused::Plainly => String::new(),
        Refused::Credentials => "the credentials did not help".to_owned(),
        Refused::OthersMay(_) => "other credentials may be let in".to_owned(),
        Refused::Methods(methods) if methods.is_empty() => "no method is allowed there now".to_owned(),
        Refused::Methods(methods) => format!("allowed there: {}", shown(&methods.join(", "))),
        Refused::Later { after } => later(*after),
    }
}

fn later(after: Option<u64>) -> String {
    after.map_or_else(String::new, |seconds| format!("the server says: not before {seconds} s from now"))
}

fn trouble_words(failed: Failed) -> String {
    match failed {
        Failed::Plainly | Failed::NoCopy | Failed::Strange => String::new(),
        Failed::MethodUnknown => "the method is of no use on this server".to_owned(),
        Failed::Later { after } => later(after),
        Failed::OutcomeUnknown => {
            "the request may have been acted on; see how things are before you repeat it".to_owned()
        }
        Failed::NotSent => "nothing was sent".to_owned(),
    }
}

/// A failure for a request that got no answer.
pub(crate) fn no_answer(trouble: &Trouble) -> Failure {
    let more = match trouble.failed {
        Failed::OutcomeUnknown => format!("\n{}", trouble_words(Failed::OutcomeUnknown)),
        _ => String::new(),
    };
    Failure::new(Exit::NoAnswer, format!("{}: {}{more}", trouble.url, shown(&trouble.what)))
}

/// Remarks on standard error about an answer that is fine.
pub(crate) fn remarks(outcome: &Outcome) {
    if let Reaction::SecondHand { age } = &outcome.reaction {
        let age = age.map_or_else(String::new, |age| format!(", {age} s old"));
        eprintln!("candor: {}: a second-hand copy{age}", outcome.url);
    }
    if outcome.head.code == 304 {
        eprintln!("candor: {}: not changed", outcome.url);
    }
}

/// An outcome for programs.
pub(crate) fn as_json(outcome: &Outcome) -> Value {
    let mut fields = serde_json::Map::new();
    for (name, value) in outcome.head.fields.iter() {
        let value = Value::from(String::from_utf8_lossy(value).into_owned());
        match fields.entry(name.to_ascii_lowercase()).or_insert_with(|| json!([])) {
            Value::Array(values) => values.push(value),
            _ => continue,
        }
    }
    let hops: Vec<Value> = outcome
        .hops
        .iter()
        .map(|hop| json!({"from": hop.from.to_string(), "code": hop.code, "to": hop.to.to_string()}))
        .collect();
    let mut value = json!({
        "method": outcome.method,
        "url": outcome.url.to_string(),
        "status": outcome.head.code,
        "reaction": word(&outcome.reaction),
        "fields": fields,
        "hops": hops,
        "copy": outcome.is_copy,
    });
    let extra = match &outcome.reaction {
        Reaction::Record { address } => Some(("created", json!(address.to_string()))),
        Reaction::Poll { monitor: Some(monitor), .. } => Some(("monitor", json!(monitor.to_string()))),
        Reaction::Confirm { step, .. } => Some(("to", json!(step.to.to_string()))),
        Reaction::Choose { choices, .. } => Some(("choices", choices.iter().map(choice_json).collect())),
        Reaction::Refused(Refused::Methods(methods)) => Some(("allow", json!(methods))),
        _ => None,
    };
    if let (Some((name, extra)), Some(object)) = (extra, value.as_object_mut()) {
        object.insert(name.to_owned(), extra);
    }
    value
}

fn choice_json(choice: &Choice) -> Value {
    json!({
        "href": choice.url.to_string(),
        "type": choice.media_type,
        "language": choice.language,
        "title": choice.title,
    })
}

fn word(reaction: &Reaction) -> &'static str {
    match reaction {
        Reaction::Show => "show",
        Reaction::Record { .. } => "record",
        Reaction::Poll { .. } => "poll",
        Reaction::SecondHand { .. } => "second-hand",
        Reaction::Keep => "keep",
        Reaction::Reset => "reset",
        Reaction::Part => "part",
        Reaction::Choose { .. } => "choose",
        Reaction::Follow(_) => "follow",
        Reaction::Confirm { .. } => "confirm",
        Reaction::Halt(_) => "halt",
        Reaction::Freshen => "freshen",
        Reaction::Repeat { .. } => "repeat",
        Reaction::Authenticate { .. } => "authenticate",
        Reaction::Resolve { .. } => "resolve",
        Reaction::Unlink => "unlink",
        Reaction::DropPart => "drop-part",
        Reaction::NeedsBase => "needs-base",
        Reaction::Refused(_) => "refused",
        Reaction::Failed(_) => "failed",
    }
}
