//! The transcripts, and the promise that every rule has one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::transcript::{self, Transcript};
use crate::world;

fn transcripts() -> Vec<Transcript> {
    transcript::all()
        .unwrap_or_else(|faults| panic!("transcripts that cannot be read:\n{}", faults.join("\n")))
}

/// `TRANSCRIPT=text` performs only those whose name has the text.
#[test]
fn every_transcript_comes_true() {
    let wanted = std::env::var("TRANSCRIPT").unwrap_or_default();
    let transcripts = transcripts();
    let chosen: Vec<&Transcript> = transcripts.iter().filter(|t| t.name.contains(&wanted)).collect();
    assert!(!chosen.is_empty(), "no transcript has {wanted:?} in its name");
    let failures = transcript::perform_all(&chosen);
    let count = chosen.len();
    assert!(
        failures.is_empty(),
        "{} failures in {count} transcripts:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// How a rule is shown to hold.
enum Shown {
    /// By the transcripts that name it.
    Transcripts,
    /// By test functions of this binary.
    Tests(Vec<String>),
    /// Not here, for the reason given.
    Elsewhere,
}

fn rules() -> BTreeMap<String, Shown> {
    let list = fs::read_to_string(world::project().join("tests/rules-covered.txt")).unwrap();
    let mut rules = BTreeMap::new();
    for line in list.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (rule, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (kind, more) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let shown = match kind {
            "transcripts" => Shown::Transcripts,
            "tests" => Shown::Tests(more.split_whitespace().map(str::to_string).collect()),
            "elsewhere" if !more.trim().is_empty() => Shown::Elsewhere,
            _ => panic!(
                "tests/rules-covered.txt: {line:?} is none of transcripts, tests NAMES, elsewhere REASON"
            ),
        };
        assert!(
            rules.insert(rule.to_string(), shown).is_none(),
            "{rule} stands twice in tests/rules-covered.txt"
        );
    }
    rules
}

#[test]
fn every_rule_is_shown_and_no_transcript_names_an_unknown_one() {
    let rules = rules();
    let transcripts = transcripts();
    let named: BTreeSet<&str> = transcripts.iter().flat_map(|t| t.rules.iter().map(String::as_str)).collect();
    let mut wrong = Vec::new();
    for transcript in &transcripts {
        for rule in transcript.rules.iter().filter(|rule| !rules.contains_key(*rule)) {
            wrong.push(format!("{}: there is no rule {rule}", transcript.name));
        }
    }
    let mut sources = String::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/blackbox")).unwrap() {
        sources += &fs::read_to_string(entry.unwrap().path()).unwrap();
    }
    for (rule, shown) in &rules {
        match shown {
            Shown::Transcripts if !named.contains(rule.as_str()) => {
                wrong.push(format!("{rule} has no transcript"))
            }
            Shown::Tests(names) => {
                let missing = names.iter().filter(|name| !sources.contains(&format!("fn {name}()")));
                wrong.extend(missing.map(|name| format!("{rule}: there is no test {name}")));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
