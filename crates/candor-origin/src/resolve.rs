//! Which forms answer at an address: names in, forms out. No file is touched here.

use bytes::Bytes;
use candor_semantics::representation::Coding;

use crate::ending::{self, CODED, Ending};
use crate::media;
use crate::names::{Directory, Kind};

/// A name that may answer, and what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// File name in its folder.
    pub(crate) name: Vec<u8>,
    /// Media type; `None` where the ending is not known.
    pub(crate) media_type: Option<&'static str>,
    /// Language tag.
    pub(crate) language: Option<String>,
    /// Charset told by the name.
    pub(crate) charset: Option<&'static str>,
    /// Endings after the document's own name.
    pub(crate) suffixes: u8,
    /// The file holds gzip: `.svgz`.
    pub(crate) gzipped: bool,
}

impl Form {
    /// A file asked for by its own name.
    fn exact(name: &[u8]) -> Form {
        let (media_type, language, charset) = ending::of_whole_name(name);
        let gzipped = name.to_ascii_lowercase().ends_with(b".svgz");
        Form { name: name.to_vec(), media_type, language, charset, suffixes: 0, gzipped }
    }

    fn of(name: &[u8], ending: Ending) -> Form {
        let gzipped = name.to_ascii_lowercase().ends_with(b".svgz");
        Form {
            name: name.to_vec(),
            media_type: Some(ending.media_type),
            language: ending.language,
            charset: ending.charset,
            suffixes: ending.suffixes,
            gzipped,
        }
    }

    /// Whether its type is known and one of these.
    pub(crate) fn is(&self, what: fn(&str) -> bool) -> bool {
        self.media_type.is_some_and(what)
    }
}

/// Endings asked for one by one where a folder is too large to be read, may not be, or changed meanwhile.
const PROBED: [&str; 10] = ["html", "htm", "xhtml", "md", "txt", "xml", "json", "pdf", "svg", "png"];

/// The forms of a file that is there under its own name: itself, and a page's Markdown beside it.
pub(crate) fn exact(directory: &Directory, name: &[u8]) -> Vec<Form> {
    let mut forms = vec![Form::exact(name)];
    let page = forms
        .first()
        .is_some_and(|form| matches!(form.media_type, Some("text/html" | "application/xhtml+xml")));
    let dot = memchr::memrchr(b'.', name).filter(|&dot| dot > 0 && page);
    if let Some(stem) = dot.and_then(|dot| name.get(..dot)) {
        let markdown = [stem, b".md"].concat();
        if matches!(directory.kind(&markdown), Some(Kind::File | Kind::Unsure)) {
            let mut form = Form::exact(&markdown);
            form.suffixes = 1;
            forms.push(form);
        }
    }
    forms
}

/// The forms of a document without a file of its own name: `report.html`, `report.de.html` for `report`. Not all
/// of them need be there.
pub(crate) fn forms(directory: &Directory, name: &[u8], languages: &[Bytes]) -> Vec<Form> {
    let base = media::of_name(name);
    let start = [name, b"."].concat();
    let read = |full: &[u8]| {
        let endings = full.get(start.len()..)?;
        let with_base = base.and_then(|media_type| ending::read(endings, Some(media_type)));
        with_base.or_else(|| ending::read(endings, None)).map(|ending| Form::of(full, ending))
    };
    let names = directory.names.iter().flat_map(|names| names.starting_with(&start));
    let files = names.filter(|(_, kind)| matches!(kind, Kind::File | Kind::Unsure));
    let mut found: Vec<Form> = files.filter_map(|(full, _)| read(full)).collect();
    if !directory.is_whole() {
        let mut unread = probes(&start, languages);
        unread.retain(|full| !found.iter().any(|form| form.name == *full));
        found.extend(unread.iter().filter_map(|full| read(full)));
    }
    found
}

/// Names to ask for where none can be read.
fn probes(start: &[u8], languages: &[Bytes]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for ending in PROBED {
        names.push([start, ending.as_bytes()].concat());
        for language in languages {
            names.push([start, language, b".", ending.as_bytes()].concat());
        }
    }
    names
}

/// Leaves out what nobody could choose: parts of pages beside documents, and a second file of the same type and
/// language. To be asked once it is known which files are there.
pub(crate) fn sorted_out<T>(mut there: Vec<T>, form: impl Fn(&T) -> &Form) -> Vec<T> {
    for beside in [media::is_source, media::is_asset] {
        if there.iter().any(|one| !form(one).is(beside)) {
            there.retain(|one| !form(one).is(beside));
        }
    }
    // `index.html` before `index.htm`, and the form with fewer endings first.
    there.sort_by(|a, b| {
        let (a, b) = (form(a), form(b));
        a.suffixes.cmp(&b.suffixes).then_with(|| preference(a).cmp(&preference(b)))
    });
    let mut kept: Vec<T> = Vec::with_capacity(there.len());
    for one in there {
        let is_twin = |other: &T| {
            form(other).media_type == form(&one).media_type && form(other).language == form(&one).language
        };
        if !kept.iter().any(is_twin) {
            kept.push(one);
        }
    }
    kept
}

fn preference(form: &Form) -> (bool, &[u8]) {
    let customary = [&b".html"[..], b".md", b".jpg", b".txt"];
    (!customary.iter().any(|ending| form.name.ends_with(ending)), &form.name)
}

/// Names of the coded siblings that a file has, as far as its folder tells.
pub(crate) fn coded_siblings(directory: &Directory, name: &[u8]) -> impl Iterator<Item = (Coding, Vec<u8>)> {
    CODED.iter().filter_map(move |(coding, ending)| {
        let sibling = [name, b".", ending].concat();
        matches!(directory.kind(&sibling), Some(Kind::File | Kind::Unsure)).then_some((*coding, sibling))
    })
}
