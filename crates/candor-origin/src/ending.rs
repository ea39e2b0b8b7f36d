//! What the endings of a file name say after a document's own name: type, language, charset.
//!
//! `report` is answered by `report.html`, `report.de.html`, `report.html.de`, `report.html.ja.utf8`. Exactly one
//! part tells the type, the others a language or a charset, each once. Anything else is another document:
//! `jquery.min.js` is no form of `jquery`, `archive.tar.gz` none of `archive`, `app.js.map` none of `app`.

use candor_semantics::representation::Coding;

use crate::{language, media};

/// What the endings of one form tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Media type.
    pub(crate) media_type: &'static str,
    /// Language tag.
    pub(crate) language: Option<String>,
    /// Charset, where the name itself tells it.
    pub(crate) charset: Option<&'static str>,
    /// Number of endings after the document's own name.
    pub(crate) suffixes: u8,
}

/// Endings of coded siblings.
pub(crate) const CODED: [(Coding, &[u8]); 3] =
    [(Coding::Brotli, b"br"), (Coding::Zstd, b"zst"), (Coding::Gzip, b"gz")];

/// Charsets as file names write them.
const CHARSETS: &[(&[u8], &str)] = &[
    (b"big5", "big5"),
    (b"euc-jp", "euc-jp"),
    (b"euc-kr", "euc-kr"),
    (b"gb2312", "gb2312"),
    (b"gb18030", "gb18030"),
    (b"gbk", "gbk"),
    (b"iso-8859-1", "iso-8859-1"),
    (b"iso-8859-2", "iso-8859-2"),
    (b"iso-8859-15", "iso-8859-15"),
    (b"iso8859-1", "iso-8859-1"),
    (b"koi8-r", "koi8-r"),
    (b"latin1", "iso-8859-1"),
    (b"shift_jis", "shift_jis"),
    (b"sjis", "shift_jis"),
    (b"utf-8", "utf-8"),
    (b"utf8", "utf-8"),
];

/// Reads the endings after a document's name, without the first dot: `de.html`. `base` is the type that the
/// document's name tells already, as for `report.html.de` asked for as `report.html`.
pub(crate) fn read(endings: &[u8], base: Option<&'static str>) -> Option<Ending> {
    let parts: Vec<&[u8]> = endings.split(|&b| b == b'.').collect();
    // A coding makes no form: `report.gz` is a document of its own, and `page.html.br` is not Breton.
    let is_coded = CODED.iter().any(|(_, ending)| parts.last() == Some(ending));
    if parts.len() > 3 || is_coded || parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    if let Some(media_type) = base {
        return qualify(&parts, usize::MAX, media_type);
    }
    // The last part is the likeliest to be the type; `page.pl.html` is Polish, `page.html.pl` too.
    (0..parts.len()).rev().find_map(|place| qualify(&parts, place, media::of_ending(parts.get(place)?)?))
}

/// All parts but the one at `place` have to be a language or a charset.
fn qualify(parts: &[&[u8]], place: usize, media_type: &'static str) -> Option<Ending> {
    let suffixes = u8::try_from(parts.len()).ok()?;
    let mut ending = Ending { media_type, language: None, charset: None, suffixes };
    for (_, part) in parts.iter().enumerate().filter(|(at, _)| *at != place) {
        if let (Some(tag), None) = (language::tag(part), &ending.language) {
            ending.language = Some(tag);
        } else if let (Some(charset), None) = (charset(part), ending.charset) {
            ending.charset = Some(charset);
        } else {
            return None;
        }
    }
    Some(ending)
}

fn charset(part: &[u8]) -> Option<&'static str> {
    CHARSETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(part)).map(|(_, charset)| *charset)
}

/// The language that the whole name of a document tells: `report.de.html`, `report.html.de`. Only documents are
/// in a language; `vue.is.js` is not Icelandic.
pub(crate) fn of_whole_name(name: &[u8]) -> (Option<&'static str>, Option<String>, Option<&'static str>) {
    let plain = media::of_name(name);
    let is_document = |media_type: &str| {
        media::is_page(media_type)
            || matches!(media_type, "text/plain" | "application/pdf" | "application/epub+zip")
    };
    let mut at = name.len();
    for _ in 0..3 {
        let Some(dot) = memchr::memrchr(b'.', name.get(..at).unwrap_or_default()).filter(|&dot| dot > 0)
        else {
            break;
        };
        at = dot;
        let Some(ending) = name.get(dot + 1..).and_then(|endings| read(endings, None)) else { continue };
        if ending.language.is_some() && is_document(ending.media_type) {
            return (Some(ending.media_type), ending.language, ending.charset);
        }
    }
    (plain, None, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(endings: &str, base: Option<&'static str>) -> String {
        read(endings.as_bytes(), base).map_or("-".to_owned(), |e| {
            format!("{} {} {}", e.media_type, e.language.as_deref().unwrap_or("-"), e.charset.unwrap_or("-"))
        })
    }

    #[test]
    fn endings_of_forms() {
        for (endings, expected) in [
            ("html", "text/html - -"),
            ("de.html", "text/html de -"),
            ("html.de", "text/html de -"),
            ("pl.html", "text/html pl -"),
            ("html.pl", "text/html pl -"),
            ("pl", "text/plain - -"),
            ("pt-br.html", "text/html pt-BR -"),
            ("html.ja.utf8", "text/html ja utf-8"),
            ("html.ru.koi8-r", "text/html ru koi8-r"),
            ("pdf", "application/pdf - -"),
            ("min.js", "-"),
            ("tar.gz", "-"),
            ("gz", "-"),
            ("html.gz", "-"),
            ("js.map", "-"),
            ("js.br", "-"),
            ("html.br", "-"),
            ("br.html", "text/html br -"),
            ("1", "-"),
            ("de", "-"),
            ("de.en.html", "-"),
            ("", "-"),
            ("html.", "-"),
            (".html", "-"),
            ("rst.txt", "-"),
            ("d.ts", "-"),
        ] {
            assert_eq!(text(endings, None), expected, "{endings}");
        }
        assert_eq!(text("de", Some("text/html")), "text/html de -");
        assert_eq!(text("html", Some("text/html")), "-");
    }

    #[test]
    fn whole_names() {
        for (name, media_type, language) in [
            ("report.de.html", Some("text/html"), Some("de")),
            ("report.html.de", Some("text/html"), Some("de")),
            ("index.html.pt-br.utf8", Some("text/html"), Some("pt-BR")),
            ("report.html", Some("text/html"), None),
            ("de.html", Some("text/html"), None),
            ("vue.is.js", Some("text/javascript"), None),
            ("README", None, None),
            ("x.1", None, None),
        ] {
            let found = of_whole_name(name.as_bytes());
            assert_eq!((found.0, found.1.as_deref()), (media_type, language), "{name}");
        }
    }
}
