//! Media types: which one a name ending tells, what a charset may be claimed for, and what is worth compressing.

/// Where the library is silent, old, or says what browsers do not take. Sorted.
const OURS: &[(&str, &str)] = &[
    ("adoc", "text/asciidoc"),
    ("asc", "text/plain"),
    ("asciidoc", "text/asciidoc"),
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("bib", "text/plain"),
    ("bz2", "application/x-bzip2"),
    ("c", "text/plain"),
    ("cc", "text/plain"),
    ("cfg", "text/plain"),
    ("cjs", "text/javascript"),
    ("conf", "text/plain"),
    ("cpp", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("deb", "application/vnd.debian.binary-package"),
    ("diff", "text/plain"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("geojson", "application/geo+json"),
    ("glb", "model/gltf-binary"),
    ("gltf", "model/gltf+json"),
    ("go", "text/plain"),
    ("gz", "application/gzip"),
    ("h", "text/plain"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("hpp", "text/plain"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar"),
    ("ini", "text/plain"),
    ("java", "text/plain"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("log", "text/plain"),
    ("m3u8", "application/vnd.apple.mpegurl"),
    ("m4a", "audio/mp4"),
    ("m4s", "video/iso.segment"),
    ("map", "application/json"),
    ("markdown", "text/markdown"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("mpd", "application/dash+xml"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("parquet", "application/vnd.apache.parquet"),
    ("patch", "text/plain"),
    ("pdf", "application/pdf"),
    ("pl", "text/plain"),
    ("py", "text/plain"),
    ("rb", "text/plain"),
    ("rs", "text/plain"),
    ("rss", "application/rss+xml"),
    ("rst", "text/plain"),
    ("sh", "text/plain"),
    ("srt", "text/plain"),
    ("svg", "image/svg+xml"),
    ("svgz", "image/svg+xml"),
    ("tex", "text/plain"),
    ("tgz", "application/gzip"),
    ("toml", "application/toml"),
    ("ts", "video/mp2t"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("usdz", "model/vnd.usdz+zip"),
    ("vtt", "text/vtt"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("weba", "audio/webm"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xht", "application/xhtml+xml"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "application/xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// The media type that an ending tells, without its dot.
pub(crate) fn of_ending(ending: &[u8]) -> Option<&'static str> {
    let ending = std::str::from_utf8(ending).ok().filter(|ending| ending.len() <= 24)?.to_ascii_lowercase();
    match OURS.binary_search_by(|(known, _)| (*known).cmp(ending.as_str())) {
        Ok(at) => OURS.get(at).map(|(_, media_type)| *media_type),
        Err(_) => mime_guess::from_ext(&ending).first_raw(),
    }
}

/// The media type that a file's name tells.
pub(crate) fn of_name(name: &[u8]) -> Option<&'static str> {
    let dot = memchr::memrchr(b'.', name).filter(|&dot| dot > 0)?;
    of_ending(name.get(dot + 1..)?)
}

/// Whether the type is a page that people read: what a folder yields its address to.
pub(crate) fn is_page(media_type: &str) -> bool {
    matches!(media_type, "text/html" | "application/xhtml+xml" | "text/markdown")
}

/// Whether the type is a part of pages and no document of its own: never an alternative to one.
pub(crate) fn is_asset(media_type: &str) -> bool {
    matches!(media_type, "text/css" | "text/javascript" | "application/wasm" | "video/mp2t")
        || media_type.starts_with("font/")
}

/// Whether the type is what another file was built from: asked for by its own name only.
pub(crate) fn is_source(media_type: &str) -> bool {
    matches!(media_type, "text/x-scss" | "text/x-sass" | "text/x-less" | "text/less" | "text/coffeescript")
}

/// Whether the bytes are text, so that saying `charset=utf-8` helps (RFC 6657; RFC 9239 for scripts).
pub(crate) fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/")
        || media_type.ends_with("+xml")
        || media_type.ends_with("+json")
        || matches!(
            media_type,
            "application/json"
                | "application/javascript"
                | "application/xml"
                | "application/toml"
                | "application/yaml"
                | "application/xml-dtd"
                | "application/x-sh"
                | "application/sql"
        )
}

/// Whether compressing such content makes it much smaller.
pub(crate) fn is_compressible(media_type: &str) -> bool {
    is_text(media_type)
        || matches!(
            media_type,
            "application/wasm"
                | "application/rtf"
                | "application/vnd.ms-fontobject"
                | "application/x-tar"
                | "image/bmp"
                | "image/vnd.microsoft.icon"
                | "font/ttf"
                | "font/otf"
                | "font/sfnt"
                | "model/gltf-binary"
        )
}

/// What the content itself shows about its characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Characters {
    /// All examined bytes are UTF-8.
    utf8: bool,
    /// A zero byte was seen.
    zero: bool,
    /// A declaration in the content (HTML `meta`, XML prolog, CSS `@charset`) names another encoding.
    declared_other: bool,
}

impl Characters {
    /// Examines content. With `whole` false, these are its first bytes and a character may be cut at their end.
    pub(crate) fn of(content: &[u8], whole: bool) -> Characters {
        let utf8 = match std::str::from_utf8(content) {
            Ok(_) => true,
            Err(error) => !whole && error.error_len().is_none(),
        };
        Characters {
            utf8,
            zero: memchr::memchr(0, content).is_some(),
            declared_other: declares_other(content),
        }
    }

    /// The value of `Content-Type` for content of a type, or of no known type.
    pub(crate) fn content_type(self, media_type: Option<&str>, named_charset: Option<&str>) -> String {
        match media_type {
            Some(media_type) if !is_text(media_type) => media_type.to_owned(),
            Some(media_type) => match named_charset {
                Some(charset) => format!("{media_type}; charset={charset}"),
                None if self.utf8 && !self.declared_other => format!("{media_type}; charset=utf-8"),
                None => media_type.to_owned(),
            },
            None if self.utf8 && !self.zero => "text/plain; charset=utf-8".to_owned(),
            None => "application/octet-stream".to_owned(),
        }
    }
}

/// Whether the first kilobyte declares an encoding other than UTF-8 (HTML section 4.2.5.4, XML section 4.3.3, CSS
/// Syntax section 3.2).
fn declares_other(content: &[u8]) -> bool {
    let head = content.get(..1024).unwrap_or(content).to_ascii_lowercase();
    let xml = head.starts_with(b"<?xml").then_some(&b"encoding="[..]);
    let css = head.starts_with(b"@charset").then_some(&b"@charset "[..]);
    let html = memchr::memmem::find(&head, b"<meta").is_some().then_some(&b"charset="[..]);
    [xml, css, html].into_iter().flatten().any(|mark| {
        let Some(at) = memchr::memmem::find(&head, mark) else { return false };
        let value = head.get(at + mark.len()..).unwrap_or_default().trim_ascii_start();
        let value = value
            .strip_prefix(b"\"")
            .or_else(|| value.strip_prefix(b"'"))
            .unwrap_or(value)
            .trim_ascii_start();
        let end = value
            .iter()
            .position(|b| !b.is_ascii_alphanumeric() && !b"-_:.".contains(b))
            .unwrap_or(value.len());
        let name = value.get(..end).unwrap_or_default();
        !name.is_empty() && !matches!(name, b"utf-8" | b"utf8" | b"us-ascii" | b"ascii")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(OURS.is_sorted_by_key(|(ending, _)| ending));
    }

    #[test]
    fn endings() {
        for (name, expected) in [
            ("a.html", Some("text/html")),
            ("A.HTM", Some("text/html")),
            ("a.tar.gz", Some("application/gzip")),
            ("photo.JPG", Some("image/jpeg")),
            ("a.mjs", Some("text/javascript")),
            ("a.woff2", Some("font/woff2")),
            ("README", None),
            ("x.1", None),
            (".htaccess", None),
            ("a.", None),
            ("a.\u{e4}", None),
        ] {
            assert_eq!(of_name(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn charset_is_claimed_only_where_it_is_true() {
        let check = |content: &[u8], media_type: Option<&str>, expected: &str| {
            assert_eq!(Characters::of(content, true).content_type(media_type, None), expected);
        };
        check(b"plain", Some("text/plain"), "text/plain; charset=utf-8");
        check("gr\u{fc}n".as_bytes(), Some("text/html"), "text/html; charset=utf-8");
        check(b"gr\xfcn", Some("text/html"), "text/html");
        check(b"<meta charset=\"iso-8859-1\">", Some("text/html"), "text/html");
        check(b"<META CHARSET='UTF-8'>", Some("text/html"), "text/html; charset=utf-8");
        check(
            b"<meta http-equiv=content-type content='text/html; charset=windows-1252'>",
            Some("text/html"),
            "text/html",
        );
        check(
            b"<?xml version='1.0' encoding='ISO-8859-15'?><a/>",
            Some("application/xml"),
            "application/xml",
        );
        check(
            b"<?xml version='1.0' encoding='utf-8'?><a/>",
            Some("image/svg+xml"),
            "image/svg+xml; charset=utf-8",
        );
        check(b"@charset \"latin1\";", Some("text/css"), "text/css");
        check(b"{}", Some("application/json"), "application/json; charset=utf-8");
        check(b"\x89PNG", Some("image/png"), "image/png");
        check(b"words", None, "text/plain; charset=utf-8");
        check(b"a\0b", None, "application/octet-stream");
        check(b"\xff\xfe", None, "application/octet-stream");
        check(b"", None, "text/plain; charset=utf-8");
    }

    #[test]
    fn a_character_may_be_cut_only_at_the_end_of_a_part() {
        assert!(Characters::of("\u{fc}".as_bytes().get(..1).unwrap(), false).utf8);
        assert!(!Characters::of("\u{fc}".as_bytes().get(..1).unwrap(), true).utf8);
    }
}
