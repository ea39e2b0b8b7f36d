//! `candor links`.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use candor_agent::links::fix::{self, Proposal};
use candor_agent::links::journal::Journal;
use candor_agent::links::{Reference, Report, Settings, check_folder, check_site};
use candor_agent::{Agent, storage};
use candor_semantics::url::Url;
use serde_json::{Value, json};

use crate::agent::{Terminal, address};
use crate::cli::{Linking, LinksCheck, LinksFix, LinksUndo};
use crate::exit::{Exit, Failure};
use crate::print::{self, shown};

/// Says what is wrong with the links, by what is to be done.
pub(crate) fn check(options: &LinksCheck) -> Result<(), Failure> {
    let report = report(&options.linking)?;
    let findings = report.findings();
    if options.linking.json {
        print::json(&as_json(&report, &findings))?;
    } else {
        print::out(&table(&report, &findings))?;
        annotate(&report, &findings)?;
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Refused, summary(&report, findings.len())))
}

/// Edits what moved, and asks about the rest.
pub(crate) fn fix(options: &LinksFix) -> Result<(), Failure> {
    let linking = &options.linking;
    if is_url(&linking.path) {
        return Err(Failure::new(Exit::Usage, "links are fixed in a folder or a document, not on a site"));
    }
    let report = report(linking)?;
    let settings = settings(linking)?;
    let proposals = fix::propose(&report, &settings);
    let mut terminal = Terminal::new(linking.json || options.dry_run);
    let (wanted, pending): (Vec<&Proposal>, Vec<&Proposal>) =
        proposals.iter().partition(|proposal| agreed(&report, proposal, options.approve, &mut terminal));
    let journal = match settings.state.as_ref().filter(|_| !options.dry_run) {
        Some(state) => Some(Journal::of(state, Path::new(&linking.path))),
        None if options.dry_run => None,
        None => {
            return Err(Failure::new(
                Exit::Usage,
                "there is no place for the journal: set HOME or XDG_STATE_HOME",
            ));
        }
    };
    let fix::Made { fixed, left } = fix::make(&report, &wanted, journal.as_ref())
        .map_err(|error| Failure::new(Exit::NoAnswer, format!("the journal cannot be written: {error}")))?;
    if linking.json {
        let files: Vec<Value> = fixed
            .iter()
            .map(|file| json!({"file": file.name, "links": file.count, "differences": file.differences}))
            .collect();
        let pending: Vec<Value> =
            pending.iter().filter_map(|proposal| pending_json(&report, proposal)).collect();
        let left: Vec<Value> = left.iter().map(|(name, why)| json!({"file": name, "why": why})).collect();
        print::json(&json!({"dry_run": options.dry_run, "files": files, "pending": pending, "left": left}))?;
    } else {
        for file in &fixed {
            print::out(&if options.dry_run {
                file.differences.clone()
            } else {
                format!("{}: {}\n", file.name, plural(file.count, "link", "links"))
            })?;
        }
        for (name, why) in &left {
            eprintln!("candor: {name} was left alone: {why}");
        }
        for proposal in &pending {
            eprintln!("candor: pending: {}", sentence(&report, proposal));
        }
    }
    match (pending.len(), left.is_empty()) {
        (0, true) => Ok(()),
        (0, false) => Err(Failure::new(Exit::Refused, "not every file could be edited")),
        (count, _) => Err(Failure::new(
            Exit::Decide,
            format!(
                "{} for a decision; --approve says yes where that is enough",
                plural(count, "edit waits", "edits wait")
            ),
        )),
    }
}

/// Takes the last run back.
pub(crate) fn undo(options: &LinksUndo) -> Result<(), Failure> {
    let state = storage::state_folder(|name| std::env::var(name).ok());
    let state = state.ok_or_else(|| {
        Failure::new(Exit::Usage, "there is no journal: neither HOME nor XDG_STATE_HOME is set")
    })?;
    let journal = Journal::of(&state, &options.path);
    let (undone, changed) = journal.undo().map_err(|error| {
        Failure::new(Exit::Usage, format!("there is nothing to undo for {}: {error}", options.path.display()))
    })?;
    for file in &undone {
        print::out(&format!("{}\n", file.display()))?;
    }
    if changed.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = changed.iter().map(|file| file.display().to_string()).collect();
    Err(Failure::new(Exit::Refused, format!("changed since, and left alone: {}", names.join(", "))))
}

fn is_url(path: &str) -> bool {
    path.contains("://")
}

fn settings(linking: &Linking) -> Result<Settings, Failure> {
    Ok(Settings {
        base: linking.base.as_deref().map(folder_address).transpose()?,
        per_host: linking.per_host,
        offline: linking.offline,
        state: storage::state_folder(|name| std::env::var(name).ok()),
        ..Settings::default()
    })
}

fn folder_address(text: &str) -> Result<Url, Failure> {
    let url = address(text)?.without_fragment();
    if url.path().ends_with('/') {
        return Ok(url);
    }
    address(&format!("{url}/"))
}

fn report(linking: &Linking) -> Result<Report, Failure> {
    let settings = settings(linking)?;
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::NoAnswer, error.to_string());
    let mut agent = Agent::new().map_err(|error| failed(&error))?;
    agent.proxies = candor_agent::proxy::Proxies::from_environment(|name| std::env::var(name).ok());
    // Pages that were read are asked for with their validators in the next run.
    agent.copies = candor_agent::copies::Copies::open(storage::cache_folder(|name| std::env::var(name).ok()));
    agent.leave.repeats = Some(1);
    agent.leave.longest_wait = 30;
    agent.patience = std::time::Duration::from_secs(20);
    let agent = Arc::new(agent);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| failed(&error))?;
    let draws = std::io::stderr().is_terminal() && !linking.json;
    let progress = move |done: usize, of: usize| {
        if draws && (done.is_multiple_of(16) || done == of) {
            eprint!("\r{done} of {of} targets\x1b[K");
        }
    };
    let done = runtime.block_on(async {
        if is_url(&linking.path) {
            check_site(&agent, &address(&linking.path)?, &settings, &progress)
                .await
                .map_err(|error| failed(&error))
        } else {
            let path = Path::new(&linking.path);
            check_folder(&agent, path, &settings, &progress).await.map_err(|error| {
                Failure::new(Exit::Usage, format!("{} cannot be read: {error}", path.display()))
            })
        }
    });
    if draws {
        eprint!("\r\x1b[K");
    }
    done
}

// ---- For people.

fn place(report: &Report, reference: &Reference) -> String {
    let name = report.source(reference).map(|source| source.name.as_str()).unwrap_or_default();
    format!("{name}:{}", reference.line)
}

fn table(report: &Report, findings: &[&Reference]) -> String {
    let mut text = String::new();
    let mut last = None;
    for reference in findings {
        let word = reference.verdict.word();
        if last != Some(word) {
            text.push_str(&format!("{}{word}\n", if last.is_some() { "\n" } else { "" }));
            last = Some(word);
        }
        let (place, clause) = (place(report, reference), reference.verdict.clause());
        text.push_str(&format!(
            "  {}  {}  {}\n",
            shown(&place),
            shown(&reference.link.reference),
            shown(&clause)
        ));
    }
    text
}

fn summary(report: &Report, findings: usize) -> String {
    let cut = if report.is_cut { "; there were more pages than are read" } else { "" };
    format!(
        "{} in {} of {}; {} asked{cut}",
        plural(findings, "finding", "findings"),
        plural(report.references.len(), "link", "links"),
        plural(report.sources.len(), "document", "documents"),
        plural(report.asked, "target", "targets"),
    )
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The lines that GitHub shows beside the source.
fn annotate(report: &Report, findings: &[&Reference]) -> Result<(), Failure> {
    if std::env::var_os("GITHUB_ACTIONS").is_none_or(|value| value != "true") {
        return Ok(());
    }
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let mut text = String::new();
    for reference in findings {
        let Some(source) = report.source(reference) else { continue };
        let level = if matches!(reference.verdict.word(), "broken" | "gone" | "no-fragment") {
            "error"
        } else {
            "warning"
        };
        let file =
            source.file.as_ref().map_or_else(|| source.name.clone(), |file| file.display().to_string());
        let file = escaped(&file).replace(':', "%3A").replace(',', "%2C");
        let message = escaped(&format!("{}: {}", reference.link.reference, reference.verdict.clause()));
        text.push_str(&format!("::{level} file={file},line={}::{message}\n", reference.line));
    }
    print::out(&text)
}

fn agreed(report: &Report, proposal: &Proposal, approves: bool, terminal: &mut Terminal) -> bool {
    match &proposal.doubt {
        None => true,
        Some(doubt) if approves && doubt.yields => true,
        Some(_) => terminal.is_there() && terminal.agrees(&format!("{}. Do it?", sentence(report, proposal))),
    }
}

fn sentence(report: &Report, proposal: &Proposal) -> String {
    let Some(reference) = report.references.get(proposal.reference) else { return String::new() };
    let (place, old) = (shown(&place(report, reference)), shown(&reference.link.reference));
    let doubt = proposal.doubt.as_ref().map(|doubt| format!(" ({})", doubt.clause)).unwrap_or_default();
    match &proposal.new {
        Some(new) => format!("{place}: {old} moved for good to {}{doubt}", shown(new)),
        None => format!("{place}: {old} is gone for good; the link would go, its text would stay{doubt}"),
    }
}

// ---- For programs.

fn as_json(report: &Report, findings: &[&Reference]) -> Value {
    let findings: Vec<Value> = findings.iter().map(|reference| reference_json(report, reference)).collect();
    json!({
        "documents": report.sources.len(),
        "links": report.references.len(),
        "asked": report.asked,
        "cut": report.is_cut,
        "findings": findings,
    })
}

fn reference_json(report: &Report, reference: &Reference) -> Value {
    json!({
        "document": report.source(reference).map(|source| source.name.clone()),
        "line": reference.line,
        "place": reference.link.place,
        "reference": reference.link.reference,
        "target": reference.target.as_ref().map(ToString::to_string),
        "verdict": reference.verdict.word(),
        "says": reference.verdict.clause(),
    })
}

fn pending_json(report: &Report, proposal: &Proposal) -> Option<Value> {
    let mut value = reference_json(report, report.references.get(proposal.reference)?);
    let object = value.as_object_mut()?;
    object.insert("new".to_owned(), json!(proposal.new));
    object.insert("why".to_owned(), json!(proposal.doubt.as_ref().map(|doubt| doubt.clause.clone())));
    Some(value)
}
