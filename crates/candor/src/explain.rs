//! `candor explain`.

use candor_semantics::code::{Class, Code, Row, rows, understood};
use serde_json::json;

use crate::cli::Explain;
use crate::exit::Failure;
use crate::print;

/// Prints one code in full, or all in a line each.
pub(crate) fn run(options: &Explain) -> Result<(), Failure> {
    match (options.code, options.json) {
        (None, false) => print::out(&list()),
        (None, true) => print::json(&rows().map(row_json).collect()),
        (Some(number), false) => print::out(&page(number)),
        (Some(number), true) => print::json(&code_json(number)),
    }
}

fn list() -> String {
    let mut text = String::new();
    for class in Class::ALL {
        text.push_str(&format!("{}{}\n", if text.is_empty() { "" } else { "\n" }, class.heading()));
        for row in rows().filter(|row| row.code.class() == *class) {
            text.push_str(&format!("  {}  {}\n", row.code.number(), row.name));
        }
    }
    text
}

fn page(number: u16) -> String {
    match Code::from_number(number) {
        Some(code) => known(code.row()),
        None => {
            let code = understood(number);
            let note = format!(
                "{number} is not in candor's table and is never sent by it. Whoever receives it treats it as {} \
                 (RFC 9110 section 15):",
                code.number()
            );
            format!("{}\n{}", print::paragraph(&note, 0), known(code.row()))
        }
    }
}

fn known(row: &Row) -> String {
    let mut text = format!("{} {}\n{}\n\n", row.code.number(), row.name, row.section);
    text.push_str(&print::paragraph(row.brief, 0));
    text.push('\n');
    for (name, value) in facts(row) {
        text.push_str(&format!("{name:<13}{value}\n"));
    }
    for (heading, paragraph) in [("Server", row.promise), ("Owner", row.owner), ("User agent", row.agent)] {
        if !paragraph.is_empty() {
            text.push_str(&format!("\n{heading}\n{}", print::paragraph(paragraph, 2)));
        }
    }
    text
}

fn facts(row: &Row) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(older) = row.renamed_from() {
        facts.push(("Once called", older.to_owned()));
    }
    facts.push(("Sent by", row.sent.phrase().to_owned()));
    if !row.fields.is_empty() {
        let fields: Vec<String> = row.fields.iter().map(|field| field.to_string()).collect();
        facts.push(("Must have", fields.join(", ")));
    }
    if !row.without.is_empty() {
        facts.push(("Never has", row.without.join(", ")));
    }
    let says = if row.says.is_empty() { String::new() } else { format!(": {}", row.says) };
    facts.push(("Content", format!("{}{says}", row.content.phrase())));
    let caching = if row.cacheable { "by default" } else { "only if told so" };
    facts.push(("Caches keep", caching.to_owned()));
    facts.push(("User agent", row.reaction.to_owned()));
    facts
}

fn code_json(number: u16) -> serde_json::Value {
    let code = understood(number);
    let mut value = row_json(code.row());
    if code.number() != number
        && let Some(object) = value.as_object_mut()
    {
        object.insert("asked".to_owned(), json!(number));
    }
    value
}

fn row_json(row: &'static Row) -> serde_json::Value {
    let fields: Vec<_> =
        row.fields.iter().map(|field| json!({ "name": field.name, "when": field.when })).collect();
    json!({
        "code": row.code.number(),
        "name": row.name,
        "older_name": row.older_name,
        "section": row.section,
        "section_address": row.section_address(),
        "brief": row.brief,
        "sent": row.sent.phrase(),
        "fields": fields,
        "without": row.without,
        "content": row.content.phrase(),
        "says": row.says,
        "cacheable": row.cacheable,
        "reaction": row.reaction,
        "server": row.promise,
        "owner": row.owner,
        "user_agent": row.agent,
    })
}
