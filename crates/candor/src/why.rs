//! `candor why`.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candor_semantics::code::Code;
use candor_semantics::question::Part;
use candor_server::admin_key::{self, KEY_FIELD};
use serde_json::json;

use crate::cli::Why;
use crate::client::{Answer, Connection};
use crate::exit::{Exit, Failure};
use crate::print::{self, shown};
use crate::trace::{self, Step};
use crate::url::Url;

/// Makes the request and prints how its answer was reached.
pub(crate) fn run(options: &Why) -> Result<(), Failure> {
    let url = Url::parse(&options.url).map_err(usage)?;
    let mut fields = fields(options)?;
    if let Some(credentials) = url.credentials.as_ref().filter(|_| !has(&fields, "Authorization")) {
        fields.push(("Authorization".to_owned(), format!("Basic {}", STANDARD.encode(credentials))));
    }
    fields.push(("Candor-Why".to_owned(), "?1".to_owned()));
    let named = options.key.as_deref().map(key_in).transpose()?;
    let connection = Connection::open(&url, options.insecure)?;
    let key = named.or_else(|| admin_key::find(connection.peer(), connection.local().ip()));
    let has_key = key.is_some();
    if let Some(key) = key {
        fields.push((KEY_FIELD.to_owned(), key));
    }
    let answer = connection.ask(&options.method, &url, &fields)?;
    let steps = answer.list("Candor-Trace").and_then(|value| trace::parse(&value));
    match &steps {
        Some(steps) if options.json => print::json(&as_json(options, &url, &answer, Some(steps)))?,
        Some(steps) => print::out(&as_tree(options, &url, &answer, steps))?,
        None if options.json => print::json(&as_json(options, &url, &answer, None))?,
        None => print::out(&format!("{}\n", status_line(&answer)))?,
    }
    match steps {
        Some(_) => Ok(()),
        None => Err(Failure::new(Exit::Refused, no_trace(&url, has_key))),
    }
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// Why there is no trace, as far as this end can know.
fn no_trace(url: &Url, has_key: bool) -> String {
    let server = url.authority();
    if has_key {
        return format!("{server} gave no trace: it does not take this admin key, or it is not candor");
    }
    format!(
        "{server} gave no trace: no admin key for it was found here; \
         it is left by a candor of the same user on the same machine, or name its file with --key"
    )
}

fn fields(options: &Why) -> Result<Vec<(String, String)>, Failure> {
    if !is_token(&options.method) {
        return Err(usage(format!("{:?} is not a method", options.method)));
    }
    fields_of(&options.field)
}

/// Fields as they are written on the command line.
pub(crate) fn fields_of(written: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut fields = Vec::new();
    for written in written {
        let (name, value) = written.split_once(':').unwrap_or((written, ""));
        let value = value.trim_matches([' ', '\t']);
        if !written.contains(':') || !is_token(name) || value.contains(['\r', '\n', '\0']) {
            return Err(usage(format!("{written:?} is not a field; write -H 'Name: value'")));
        }
        fields.push((name.to_owned(), value.to_owned()));
    }
    Ok(fields)
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn has(fields: &[(String, String)], name: &str) -> bool {
    fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
}

fn key_in(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| usage(format!("the key in {} cannot be read: {error}", file.display())))?;
    let key = text.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(usage(format!("{} holds no admin key", file.display())));
    }
    Ok(key.to_owned())
}

// ---- For people.

fn status_line(answer: &Answer) -> String {
    let known = Code::from_number(answer.status).map(Code::name).unwrap_or_default();
    let phrase = if answer.phrase.is_empty() { known } else { &answer.phrase };
    format!("{} {}", answer.status, shown(phrase)).trim_end().to_owned()
}

/// The questions under the headings of their parts, the deciding one marked.
///
/// ```text
/// GET http://127.0.0.1:8080/old.txt
/// 301 Moved Permanently
/// Location: /new.txt
///
/// What is at the address?
/// └─▶ 18 Does a holding mark say that it moved for good?
///        yes (ledger)
/// ```
fn as_tree(options: &Why, url: &Url, answer: &Answer, steps: &[Step]) -> String {
    let mut text = format!("{} {url}\n{}\n", options.method, status_line(answer));
    for (name, value) in telling(answer) {
        text.push_str(&format!("{name}: {}\n", shown(value)));
    }
    let parts = parts(steps);
    for (part, steps_of_part) in &parts {
        text.push_str(&format!("\n{}\n", part.map_or("Other questions", Part::heading)));
        for (position, step) in steps_of_part.iter().enumerate() {
            let last = position + 1 == steps_of_part.len();
            let deciding = steps.last().is_some_and(|end| std::ptr::eq(end, *step));
            text.push_str(&line(step, last, deciding));
        }
    }
    text
}

fn line(step: &Step, last: bool, deciding: bool) -> String {
    let branch = match (last, deciding) {
        (_, true) => "└▶",
        (true, false) => "└─",
        (false, false) => "├─",
    };
    let stem = if last || deciding { " " } else { "│" };
    let number = step.question.map(|question| question.number().to_string()).unwrap_or_default();
    let question = step.question.map_or_else(|| shown(&step.name), |question| question.sentence().to_owned());
    let again = if step.round > 1 { format!(" (asked again, {})", step.round) } else { String::new() };
    let sources = if step.sources.is_empty() {
        String::new()
    } else {
        format!("  ({})", shown(&step.sources.join(", ")))
    };
    format!(
        "{branch} {number:>2} {question}{again}\n{stem}     {}{sources}\n",
        shown(&step.answer.replace('-', " "))
    )
}

/// Steps by part, in the order asked. A part that is returned to, as by a second address, has its heading again.
fn parts(steps: &[Step]) -> Vec<(Option<Part>, Vec<&Step>)> {
    let mut parts: Vec<(Option<Part>, Vec<&Step>)> = Vec::new();
    for step in steps {
        let part = step.question.map(|question| question.part());
        match parts.last_mut() {
            Some((last, of_part)) if *last == part => of_part.push(step),
            _ => parts.push((part, vec![step])),
        }
    }
    parts
}

/// The fields of the answer that its code promises.
fn telling(answer: &Answer) -> Vec<(&str, &str)> {
    let promised = Code::from_number(answer.status).map(|code| code.row().fields).unwrap_or_default();
    answer
        .fields
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("date"))
        .filter(|(name, _)| promised.iter().any(|field| field.name.eq_ignore_ascii_case(name)))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

// ---- For programs.

fn as_json(options: &Why, url: &Url, answer: &Answer, steps: Option<&Vec<Step>>) -> serde_json::Value {
    let mut fields: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in answer.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("candor-trace")) {
        fields.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    json!({
        "method": options.method,
        "url": url.to_string(),
        "status": answer.status,
        "phrase": answer.phrase,
        "fields": fields,
        "trace": steps.map(|steps| steps.iter().map(step_json).collect::<Vec<_>>()),
    })
}

fn step_json(step: &Step) -> serde_json::Value {
    json!({
        "question": step.name,
        "number": step.question.map(|question| question.number()),
        "part": step.question.map(|question| question.part().heading()),
        "sentence": step.question.map(|question| question.sentence()),
        "round": step.round,
        "answer": step.answer,
        "sources": step.sources,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Why {
        Why {
            method: "GET".into(),
            field: Vec::new(),
            key: None,
            insecure: false,
            json: false,
            url: url.into(),
        }
    }

    #[test]
    fn the_tree_has_parts_questions_answers_and_sources() {
        let options = options("http://127.0.0.1:8080/old.txt");
        let url = Url::parse(&options.url).unwrap();
        let fields =
            vec![("Location".to_owned(), "/new.txt".to_owned()), ("Server".to_owned(), "x".to_owned())];
        let answer = Answer { status: 301, phrase: String::new(), fields };
        let steps =
            trace::parse("well-formed=yes, permitted=yes, moved-for-good=yes;source=configuration, odd=no")
                .unwrap();
        let tree = as_tree(&options, &url, &answer, &steps);
        let expected = "\
GET http://127.0.0.1:8080/old.txt
301 Moved Permanently
Location: /new.txt

Can we read it?
└─  6 Is the message well formed, with one reading of its length?
      yes  (request)

May this caller know?
└─ 16 May this caller do this under this prefix?
      yes  (configuration)

What is at the address?
└─ 18 Does a holding mark say that it moved for good?
      yes  (configuration)

Other questions
└▶    odd
      no
";
        assert_eq!(tree, expected);
    }

    #[test]
    fn fields_are_checked() {
        let read = |field: &str| fields(&Why { field: vec![field.into()], ..options("x") });
        assert_eq!(read("Accept:text/html ").unwrap(), [("Accept".to_owned(), "text/html".to_owned())]);
        assert_eq!(read("X:").unwrap(), [("X".to_owned(), String::new())]);
        for field in ["Accept", "A b: c", ": x", "A: b\r\nC: d", ""] {
            assert!(read(field).is_err(), "{field:?}");
        }
        assert!(fields(&Why { method: "GET /".into(), ..options("x") }).is_err());
    }
}
