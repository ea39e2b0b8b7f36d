//! `links check`: every reference of a folder or a site, and what was found there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use candor_semantics::url::{NotUrl, Url};

use super::folder::{self, Folder};
use super::robots::Robots;
use super::targets::{self, Wanted, ask_all};
use super::{Reference, Settings, Source, Verdict};
use crate::agent::Agent;
use crate::person::Nobody;
use crate::request::Request;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// The documents.
    pub sources: Vec<Source>,
    /// Their references.
    pub references: Vec<Reference>,
    /// How many targets were asked over the network.
    pub asked: usize,
    /// Whether not everything was read, because there was too much.
    pub is_cut: bool,
}

impl Report {
    /// The references that need a word, by what is to be done, then by document and line.
    pub fn findings(&self) -> Vec<&Reference> {
        let mut found: Vec<&Reference> =
            self.references.iter().filter(|reference| reference.verdict.rank().is_some()).collect();
        found.sort_by_key(|reference| {
            (reference.verdict.rank(), reference.source, reference.link.range.start)
        });
        found
    }

    /// The document of a reference.
    pub fn source(&self, reference: &Reference) -> Option<&Source> {
        self.sources.get(reference.source)
    }
}

/// An address that nobody has (RFC 2606): the site of a folder of which nobody said where it is served.
const NOWHERE: &str = "http://folder.invalid/";

/// Checks the documents beneath a path. Addresses of the folder's own site are looked up in the folder; those that
/// are not there are asked of the server, if there is one.
///
/// # Errors
/// Where the folder cannot be read.
pub async fn check_folder(
    agent: &Arc<Agent>,
    path: &Path,
    settings: &Settings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> io::Result<Report> {
    let (folder, pages) = folder::read(path)?;
    let base = match &settings.base {
        Some(base) => base.clone(),
        None => Url::parse(NOWHERE).map_err(io::Error::other)?,
    };
    let mut report = Report::default();
    for page in pages {
        let Some(own) = folder::address(&base, &page.name) else { continue };
        let base_of_page = page.document.base.as_deref().and_then(|base| own.join(base).ok()).unwrap_or(own);
        let digest = *blake3::hash(&page.bytes).as_bytes();
        let source = report.sources.len();
        let lines = Lines::of(&page.bytes);
        for link in page.document.links {
            let line = lines.line(link.range.start);
            report.references.push(reference(source, link, line, &base_of_page));
        }
        report.sources.push(Source { name: page.name, file: Some(page.file), base: base_of_page, digest });
    }
    let is_served = settings.base.is_some();
    for reference in &mut report.references {
        if let Some(target) = reference.target.as_ref().filter(|target| target.same_origin(&base)) {
            reference.verdict = own_verdict(&folder, &base, target, is_served);
        }
    }
    ask(agent, &mut report, settings, progress).await;
    Ok(report)
}

/// The verdict on an address of the folder's own site.
fn own_verdict(folder: &Folder, base: &Url, target: &Url, is_served: bool) -> Verdict {
    let Some(path) = target.path().strip_prefix(base_folder(base)) else {
        return if is_served { PENDING } else { Verdict::Broken("outside of the folder".to_owned()) };
    };
    match folder.file_of(path) {
        Some(name) => match folder.anchors.get(&name) {
            Some(anchors) if targets::lacks(target, anchors) => Verdict::NoFragment,
            _ => Verdict::Fine,
        },
        None if is_served => PENDING,
        None => Verdict::Broken("no such file".to_owned()),
    }
}

fn base_folder(base: &Url) -> &str {
    base.path().rfind('/').and_then(|at| base.path().get(..=at)).unwrap_or("/")
}

/// Not known yet: the target is to be asked.
const PENDING: Verdict = Verdict::Skipped("not asked yet");

fn reference(source: usize, link: candor_links::Link, line: usize, base: &Url) -> Reference {
    let (target, verdict) = match base.join(&link.reference) {
        _ if link.is_hint => (None, Verdict::Skipped("a hint")),
        Ok(url) => (Some(url), PENDING),
        Err(NotUrl::Scheme) => (None, Verdict::Skipped("neither http nor https")),
        Err(NotUrl::Authority | NotUrl::Relative) => (None, Verdict::Broken("no legal address".to_owned())),
    };
    Reference { source, link, line, target, verdict }
}

/// Asks each target that is not known yet, once.
async fn ask(
    agent: &Arc<Agent>,
    report: &mut Report,
    settings: &Settings,
    progress: &(dyn Fn(usize, usize) + Sync),
) {
    if settings.offline {
        for reference in report.references.iter_mut().filter(|reference| reference.verdict == PENDING) {
            reference.verdict = Verdict::Skipped("not asked over the network");
        }
        return;
    }
    let mut wanted: HashMap<String, Wanted> = HashMap::new();
    for reference in report.references.iter().filter(|reference| reference.verdict == PENDING) {
        let Some(target) = &reference.target else { continue };
        let url = target.clone().without_fragment();
        let content = target.fragment().is_some_and(|fragment| !fragment.is_empty());
        wanted.entry(url.to_string()).or_insert(Wanted { url, content: false }).content |= content;
    }
    let found = ask_all(agent, wanted.into_values().collect(), settings, progress).await;
    report.asked += found.len();
    for reference in report.references.iter_mut().filter(|reference| reference.verdict == PENDING) {
        let Some(target) = &reference.target else { continue };
        if let Some(found) = found.get(&target.clone().without_fragment().to_string()) {
            reference.verdict = found.verdict(target);
        }
    }
}

/// Checks the pages of a site beneath an address, and what they refer to.
///
/// # Errors
/// Where the first page does not answer as a document with links.
pub async fn check_site(
    agent: &Arc<Agent>,
    start: &Url,
    settings: &Settings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> io::Result<Report> {
    let start = start.clone().without_fragment();
    let robots = robots(agent, &start).await;
    let scope = base_folder(&start).to_owned();
    let is_own =
        |url: &Url| url.same_origin(&start) && url.path().starts_with(&scope) && robots.allows(&url.target());
    let mut report = Report::default();
    let mut known: HashSet<String> = HashSet::from([start.to_string()]);
    let mut level: VecDeque<Url> = VecDeque::from([start.clone()]);
    let mut verdicts: HashMap<String, targets::Found> = HashMap::new();
    while !level.is_empty() {
        let room = settings.most_pages.saturating_sub(verdicts.len());
        report.is_cut |= level.len() > room;
        let wanted: Vec<Wanted> =
            level.drain(..).take(room).map(|url| Wanted { url, content: true }).collect();
        if wanted.is_empty() {
            break;
        }
        let found = ask_all(agent, wanted, settings, progress).await;
        for (url, one) in found {
            if let (Some(document), Some(bytes)) = (&one.document, &one.bytes)
                && is_own(&one.last)
            {
                let base = document.base.as_deref().and_then(|base| one.last.join(base).ok());
                let base = base.unwrap_or_else(|| one.last.clone());
                let source = report.sources.len();
                let lines = Lines::of(bytes);
                for link in &document.links {
                    let line = lines.line(link.range.start);
                    let reference = reference(source, link.clone(), line, &base);
                    if let Some(target) = reference.target.clone().map(Url::without_fragment)
                        && is_own(&target)
                        && known.insert(target.to_string())
                    {
                        level.push_back(target);
                    }
                    report.references.push(reference);
                }
                let digest = *blake3::hash(bytes).as_bytes();
                report.sources.push(Source { name: url.clone(), file: None, base, digest });
            }
            // The bytes are not needed any more.
            verdicts.insert(url, targets::Found { bytes: None, ..one });
        }
    }
    if report.sources.is_empty() {
        let why =
            verdicts.get(&start.to_string()).map(|found| found.verdict(&start).clause()).unwrap_or_default();
        return Err(io::Error::other(format!("{start} is no page with links: {why}")));
    }
    report.asked += verdicts.len();
    let is_public = !is_private(&start);
    for reference in &mut report.references {
        let Some(target) = reference.target.as_ref().filter(|_| reference.verdict == PENDING) else {
            continue;
        };
        if let Some(found) = verdicts.get(&target.clone().without_fragment().to_string()) {
            reference.verdict = found.verdict(target);
        } else if is_public && !settings.private && is_private(target) {
            reference.verdict = Verdict::Skipped("a private address");
        } else if target.same_origin(&start) && !robots.allows(&target.target()) {
            reference.verdict = Verdict::Skipped("robots.txt");
        }
    }
    ask(agent, &mut report, settings, progress).await;
    Ok(report)
}

async fn robots(agent: &Agent, start: &Url) -> Robots {
    let Ok(url) = start.join("/robots.txt") else { return Robots::default() };
    match agent.ask(Request::new("GET", url), &mut Nobody).await {
        Ok(mut outcome) if outcome.head.code == 200 => match outcome.incoming.all(512 << 10).await {
            Ok(Some(bytes)) => Robots::read(&String::from_utf8_lossy(&bytes)),
            _ => Robots::default(),
        },
        _ => Robots::default(),
    }
}

/// Whether a host is an address of this machine or of a network that is not public, as written.
fn is_private(url: &Url) -> bool {
    match url.host().parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
        }
        Ok(IpAddr::V6(address)) => {
            let first = address.segments().first().copied().unwrap_or(0);
            address.is_loopback()
                || address.is_unspecified()
                || first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
        }
        Err(_) => url.is_loopback(),
    }
}

/// Where lines begin, to find the line of a position.
struct Lines(Vec<usize>);

impl Lines {
    fn of(bytes: &[u8]) -> Lines {
        Lines(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect())
    }

    fn line(&self, position: usize) -> usize {
        self.0.partition_point(|end| *end < position) + 1
    }
}
