//! `links fix`: edits that follow from a check, under the rule of trust.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;

use candor_links::{Edit, apply};
use candor_semantics::url::Url;

use super::evidence::Evidence;
use super::journal::{self, Change, Entry, Journal};
use super::{Reference, Report, Settings, Verdict};
use crate::agent::now;
use crate::conflict::differences;

/// An edit that is proposed, or was made.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The number of its reference in the report.
    pub reference: usize,
    /// The new reference; none: the link goes, its text stays.
    pub new: Option<String>,
    /// Why it is not made without a yes; none: it is.
    pub doubt: Option<Doubt>,
}

/// Why an edit waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The reason, as a clause.
    pub clause: String,
    /// Whether `--approve` is enough; else only an answer to the single question is.
    pub yields: bool,
}

/// From so many addresses on, a common new target is a question.
const MANY: usize = 6;

/// What a check proposes. Sightings are taken note of.
pub fn propose(report: &Report, settings: &Settings) -> Vec<Proposal> {
    let mut evidence = Evidence::open(settings.state.as_ref().map(|state| state.join("links/evidence.json")));
    let crowded = crowded(report);
    let mut proposals = Vec::new();
    for (number, reference) in report.references.iter().enumerate() {
        let Some(source) = report.source(reference).filter(|source| source.file.is_some()) else { continue };
        match (&reference.verdict, &reference.target) {
            (Verdict::Relink { to, trust }, Some(target)) => {
                let seen = evidence.note(target, to, now());
                let Some(new) = written(reference, to, &source.base) else { continue };
                let doubt = match trust {
                    Err(why) => Some(Doubt { clause: why.clause().to_owned(), yields: why.yields() }),
                    Ok(()) => odd(target, to, &crowded).or_else(|| {
                        (!seen).then(|| Doubt {
                            clause: "it was seen only once so far".to_owned(),
                            yields: true,
                        })
                    }),
                };
                proposals.push(Proposal { reference: number, new: Some(new), doubt });
            }
            (Verdict::Gone { trust }, _) if reference.link.removed().is_some() => {
                let clause = trust.as_ref().err().map_or("removals want a yes", |why| why.clause());
                let yields = trust.as_ref().err().is_none_or(|why| why.yields());
                let doubt = Some(Doubt { clause: clause.to_owned(), yields });
                proposals.push(Proposal { reference: number, new: None, doubt });
            }
            _ => {}
        }
    }
    // Evidence that is lost only means that the next run waits longer.
    let _ = evidence.save(now());
    proposals
}

/// Targets to which suspiciously many addresses moved at once.
fn crowded(report: &Report) -> HashSet<String> {
    let mut from: HashMap<String, HashSet<String>> = HashMap::new();
    for reference in &report.references {
        if let (Verdict::Relink { to, .. }, Some(target)) = (&reference.verdict, &reference.target) {
            let from = from.entry(to.clone().without_fragment().to_string()).or_default();
            from.insert(target.clone().without_fragment().to_string());
        }
    }
    from.into_iter().filter(|(_, addresses)| addresses.len() >= MANY).map(|(to, _)| to).collect()
}

/// What makes a move look like something else: a mass of addresses, a login page, a front page.
fn odd(from: &Url, to: &Url, crowded: &HashSet<String>) -> Option<Doubt> {
    let question = |clause: &str| Some(Doubt { clause: clause.to_owned(), yields: false });
    if crowded.contains(&to.clone().without_fragment().to_string()) {
        return question("many addresses moved there at once");
    }
    let path = to.path().to_ascii_lowercase();
    let words = ["login", "signin", "sign-in", "sign_in", "sso", "oauth"];
    if path.split(['/', '.']).any(|part| words.contains(&part)) {
        return question("it looks like a login page");
    }
    if to.path() == "/" && to.query().is_none() && from.path() != "/" {
        return question("it is the front page of a site");
    }
    None
}

/// The new reference in the manner of the old one: relative stays relative, a path stays a path.
fn written(reference: &Reference, to: &Url, base: &Url) -> Option<String> {
    let old = reference.link.reference.as_str();
    let is_absolute = Url::parse(old).is_ok();
    let text = if is_absolute || !to.same_origin(base) {
        to.to_string()
    } else if old.starts_with("//") {
        to.to_string().split_once(':').map(|(_, rest)| rest.to_owned())?
    } else if old.starts_with('/') {
        to.absolute_path()
    } else {
        to.relative_to(base)
    };
    reference.link.rewritten(&text)?;
    (text != old).then_some(text)
}

/// What became of a file.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Its name.
    pub name: String,
    /// The differences.
    pub differences: String,
    /// How many references were changed.
    pub count: usize,
}

/// What became of all files.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The files that were edited.
    pub fixed: Vec<Fixed>,
    /// The names of those that were left alone, and why.
    pub left: Vec<(String, String)>,
}

/// Makes the edits of the proposals in all files; each file is changed as a whole or not at all. With a journal the
/// files are written; without, only the differences are given.
///
/// # Errors
/// Where the journal cannot be written.
pub fn make(report: &Report, proposals: &[&Proposal], journal: Option<&Journal>) -> io::Result<Made> {
    let mut by_source: BTreeMap<usize, Vec<&Proposal>> = BTreeMap::new();
    for proposal in proposals {
        if let Some(reference) = report.references.get(proposal.reference) {
            by_source.entry(reference.source).or_default().push(proposal);
        }
    }
    let run = now().unix();
    let mut made = Made::default();
    for (number, proposals) in by_source {
        let Some(source) = report.sources.get(number) else { continue };
        let Some(file) = &source.file else { continue };
        match edited(report, source.digest, file, &proposals) {
            Err(why) => made.left.push((source.name.clone(), why)),
            Ok((before, after, edits)) => {
                if let Some(journal) = journal {
                    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.clone());
                    let (digest_before, digest_after) = (journal::digest(&before), journal::digest(&after));
                    journal.append(&Entry {
                        run,
                        file: file.clone(),
                        before: digest_before,
                        after: digest_after,
                        edits,
                    })?;
                    if let Err(error) = journal::replace(&file, &after) {
                        made.left.push((source.name.clone(), format!("it cannot be written: {error}")));
                        continue;
                    }
                }
                let (old, new) = (String::from_utf8_lossy(&before), String::from_utf8_lossy(&after));
                let shown =
                    differences(&old, &new, &format!("a/{}", source.name), &format!("b/{}", source.name));
                made.fixed.push(Fixed {
                    name: source.name.clone(),
                    differences: shown,
                    count: proposals.len(),
                });
            }
        }
    }
    Ok(made)
}

type Edited = (Vec<u8>, Vec<u8>, Vec<Change>);

fn edited(
    report: &Report,
    digest: [u8; 32],
    file: &PathBuf,
    proposals: &[&Proposal],
) -> Result<Edited, String> {
    let before = std::fs::read(file).map_err(|error| format!("it cannot be read: {error}"))?;
    if *blake3::hash(&before).as_bytes() != digest {
        return Err("it changed since it was checked".to_owned());
    }
    let mut edits: Vec<(Edit, String)> = Vec::new();
    for proposal in proposals {
        let Some(reference) = report.references.get(proposal.reference) else { continue };
        let because = reference.verdict.clause();
        match &proposal.new {
            Some(new) => edits.extend(reference.link.rewritten(new).map(|edit| (edit, because))),
            None => edits
                .extend(reference.link.removed().into_iter().flatten().map(|edit| (edit, because.clone()))),
        }
    }
    edits.sort_by_key(|(edit, _)| edit.range.start);
    let only: Vec<Edit> = edits.iter().map(|(edit, _)| edit.clone()).collect();
    let after = apply(&before, &only).map_err(|_| "its links overlap".to_owned())?;
    let mut changes = Vec::with_capacity(edits.len());
    for (edit, because) in edits {
        let old = before.get(edit.range.clone()).unwrap_or_default();
        let old = std::str::from_utf8(old).map_err(|_| "a link is not in UTF-8".to_owned())?.to_owned();
        changes.push(Change { at: edit.range.start, old, new: edit.text, because });
    }
    Ok((before, after, changes))
}
