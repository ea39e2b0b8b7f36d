//! The documents under `docs/codes/` are made from the table of the codes. This test says when they are stale;
//! with `CANDOR_REFRESH=1` in the environment it writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use candor_semantics::code::{Class, Content, Row, rows};

const NOTE: &str = "<!-- Made from the table of the codes (candor-semantics, src/code/table.rs): change it there, \
                    then run the tests of candor-semantics with CANDOR_REFRESH=1. -->\n\n";

#[test]
fn documents_agree_with_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/codes");
    let documents = documents();
    if std::env::var_os("CANDOR_REFRESH").is_some_and(|value| value == "1") {
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &documents {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let stale: Vec<_> = documents
        .iter()
        .filter(|(name, text)| fs::read_to_string(folder.join(name)).ok().as_ref() != Some(text))
        .map(|(name, _)| name)
        .collect();
    assert!(stale.is_empty(), "stale in docs/codes, refresh with CANDOR_REFRESH=1: {stale:?}");

    let expected: BTreeSet<PathBuf> = documents.iter().map(|(name, _)| folder.join(name)).collect();
    let present: BTreeSet<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|item| item.unwrap().path()).collect();
    let strays: Vec<_> = present.difference(&expected).collect();
    assert!(strays.is_empty(), "no code of the table has these: {strays:?}");
}

/// Every document: file name and text.
fn documents() -> Vec<(String, String)> {
    let pages = rows().map(|row| (format!("{}.md", row.code.number()), page(row)));
    std::iter::once(("README.md".to_owned(), index())).chain(pages).collect()
}

fn index() -> String {
    let mut text = String::from("# The codes\n\n");
    text.push_str(NOTE);
    text.push_str(
        "For candor a response code is a promise. Each page says what the server promises with a code, what the \
         owner of a site can do about it, and what candor's user agent does when it meets it. A running candor \
         shows the same under `/-/codes/`, and `candor explain CODE` in a terminal.\n\n\
         A code that is not listed is handled as the x00 of its class; a number outside 100 to 599 as a 500.\n",
    );
    for &class in Class::ALL {
        let _ = write!(text, "\n## {}\n\n{}\n\n", class.heading(), class.sentence());
        text.push_str("| Code | Name | In short | Sent by | User agent |\n| --- | --- | --- | --- | --- |\n");
        for row in rows().filter(|row| row.code.class() == class) {
            let number = row.code.number();
            let _ = writeln!(
                text,
                "| [{number}]({number}.md) | {} | {} | {} | {} |",
                row.name,
                row.brief,
                row.sent.phrase(),
                row.reaction
            );
        }
    }
    text
}

fn page(row: &Row) -> String {
    let mut text = format!("# {}\n\n{NOTE}{}\n\n{}\n\n", row.code, row.brief, row.promise);
    text.push_str("| | |\n| --- | --- |\n");
    for (name, value) in facts(row) {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    let _ = write!(
        text,
        "\n## What a visitor can do\n\n{}\n\n## What the owner of a site can do\n\n{}\n\n## What candor's user agent does\n\n{}\n\n[All codes](README.md)\n",
        row.visitor, row.owner, row.agent
    );
    text
}

/// The short facts of a row, in the order of the page.
fn facts(row: &Row) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Standard", format!("[{}]({})", row.section, row.section_address()))];
    if let Some(older) = row.renamed_from() {
        facts.push(("Older name", older.to_owned()));
    }
    facts.push(("Class", row.code.class().heading().to_owned()));
    facts.push(("Sent by", row.sent.phrase().to_owned()));
    if !row.fields.is_empty() {
        facts.push((
            "Fields",
            joined(row.fields.iter().map(|field| match field.when {
                None => format!("`{}`", field.name),
                Some(condition) => format!("`{}` ({condition})", field.name),
            })),
        ));
    }
    if !row.without.is_empty() {
        facts.push(("Never has", joined(row.without.iter().map(|name| format!("`{name}`")))));
    }
    facts.push((
        "Content",
        match row.content {
            Content::Never => "never".to_owned(),
            content => format!("{}: {}", content.phrase(), row.says),
        },
    ));
    facts.push(("A cache may keep it unasked", if row.cacheable { "yes" } else { "no" }.to_owned()));
    facts.push(("User agent, in short", row.reaction.to_owned()));
    facts
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
