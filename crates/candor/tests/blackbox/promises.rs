//! What must be true of every answer, whatever was asked: the promises behind the codes that can be seen on
//! the answer alone.

use crate::client::{Answer, Framing};
use crate::dates;

/// Codes an origin server of ours may send. 103, 203, 303, 305, 306, 402, 407, 411, 422, 424, 425, 426, 502,
/// 504, 506, 508, 510 and 511 are not among them; 307 and 308 belong to strict redirects, 207 and 423 to
/// WebDAV's own methods.
const ALLOWED: &[u16] = &[
    100, 200, 201, 202, 204, 205, 206, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409,
    410, 412, 413, 414, 415, 416, 417, 421, 428, 429, 431, 451, 500, 501, 503, 505, 507,
];

/// All fields a 304 may carry: those a cache updates, and those about the connection and the page's safety.
const ON_304: &[&str] = &[
    "date",
    "server",
    "etag",
    "cache-control",
    "expires",
    "vary",
    "content-location",
    "last-modified",
    "connection",
    "keep-alive",
    "content-security-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "referrer-policy",
    "strict-transport-security",
    "timing-allow-origin",
    "x-content-type-options",
    "x-frame-options",
    "candor-trace",
];

/// Fields that stand on one line only.
const SINGLE: &[&str] = &[
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server",
];

/// Every promise that this answer, to a request with this method, breaks.
pub(crate) fn broken(answer: &Answer, method: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut must = |kept: bool, promise: &str| {
        if !kept {
            broken.push(format!("{} to {method}: {promise}", answer.status));
        }
    };
    let status = answer.status;
    let value = |name: &str| answer.field(name).unwrap_or_default();
    must(ALLOWED.contains(&status), "this code is never sent by an origin server");
    must(
        !matches!(status, 307 | 308) || !matches!(method, "GET" | "HEAD"),
        "strict redirects spare GET and HEAD",
    );
    for name in SINGLE {
        let lines = answer.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count();
        must(lines <= 1, &format!("{name} stands on {lines} lines"));
    }
    must(!answer.has("uri"), "the URI field was dropped long ago");
    must(!answer.has("proxy-status"), "an origin server does not generate Proxy-Status");
    must(!answer.has("proxy-authenticate"), "nobody authenticates to a proxy here");
    must(matches!(value("server").as_str(), "" | "candor"), "Server names the program and nothing more");
    if status < 200 {
        must(
            answer.framing == Framing::None && !answer.has("content-length"),
            "an interim answer has no content",
        );
        return broken;
    }
    check_dates(answer, &mut must);
    check_framing(answer, method, &mut must);
    check_fields_of_codes(answer, method, &mut must);
    check_freshness(answer, &mut must);
    broken
}

fn check_dates(answer: &Answer, must: &mut impl FnMut(bool, &str)) {
    let date = answer.field("date").and_then(|d| dates::parse_imf(&d));
    must(date.is_some_and(|d| (d - dates::now()).abs() <= 5), "Date is missing, malformed or wrong");
    for name in ["last-modified", "expires"] {
        if let Some(text) = answer.field(name) {
            must(dates::parse_imf(&text).is_some(), &format!("{name} is not in the preferred form"));
        }
    }
    if let (Some(modified), Some(date)) =
        (answer.field("last-modified").and_then(|m| dates::parse_imf(&m)), date)
    {
        must(modified <= date, "Last-Modified is later than Date");
    }
}

fn check_framing(answer: &Answer, method: &str, must: &mut impl FnMut(bool, &str)) {
    let status = answer.status;
    if matches!(status, 204 | 304) {
        must(!answer.has("content-length"), "there is no content whose length could be told");
        must(!answer.has("content-type"), "there is no content whose type could be told");
    }
    if matches!(status, 204 | 304) || method == "HEAD" {
        must(!answer.has("transfer-encoding"), "there is no content to be framed");
    }
    must(
        !answer.has("transfer-encoding") || answer.framing == Framing::Chunked,
        "Transfer-Encoding where not due",
    );
    must(
        !matches!(status, 205 | 406) || answer.field("content-length").as_deref() == Some("0"),
        "Content-Length: 0 is due",
    );
    if answer.framing == Framing::Close {
        must(answer.lists("connection", "close"), "the end of the connection ends the content, unannounced");
    }
    must(answer.content.is_empty() || answer.has("content-type"), "content without Content-Type");
    must(answer.trailers.is_empty() || status != 204, "204 with trailer fields");
}

fn check_fields_of_codes(answer: &Answer, method: &str, must: &mut impl FnMut(bool, &str)) {
    let status = answer.status;
    let has = |name: &str| answer.has(name);
    must(status != 401 || has("www-authenticate"), "no challenge");
    must(!has("www-authenticate") || matches!(status, 401 | 403), "a challenge where none is due");
    must(status != 405 || has("allow"), "no Allow");
    must(!has("allow") || status == 405 || method == "OPTIONS", "Allow where none is due");
    must(!matches!(status, 301 | 302 | 307 | 308) || has("location"), "no Location");
    must(
        !has("location") || matches!(status, 201 | 202 | 301 | 302 | 307 | 308),
        "Location where none is due",
    );
    must(status != 304 || matches!(method, "GET" | "HEAD"), "not modified is an answer to GET and HEAD");
    must(!matches!(status, 206 | 416) || method == "GET", "ranges are for GET");
    must(!matches!(status, 409) || !matches!(method, "GET" | "HEAD"), "reading never conflicts");
    let parts = answer.field("content-type").is_some_and(|t| t.starts_with("multipart/byteranges"));
    must(status != 206 || has("content-range") != parts, "either Content-Range or multipart/byteranges");
    must(!has("content-range") || matches!(status, 206 | 416), "Content-Range where none is due");
    if status == 416 {
        must(
            answer.field("content-range").is_some_and(|r| r.starts_with("bytes */")),
            "the length is not told",
        );
    }
    must(
        !matches!(status, 408 | 431 | 505) || answer.lists("connection", "close"),
        "the end is not announced",
    );
    if let Some(tag) = answer.field("etag") {
        let opaque = tag.strip_prefix("W/").unwrap_or(&tag);
        let quoted = opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"');
        let inside = opaque.get(1..opaque.len().max(2) - 1).unwrap_or_default();
        must(
            quoted && inside.bytes().all(|b| b == b'!' || (b'#'..=b'~').contains(&b)),
            "ETag is not an entity tag",
        );
        must(
            status < 300 || matches!(status, 304 | 409 | 412),
            "a validator of something that was not selected",
        );
    }
    if status == 304 {
        for (name, _) in &answer.fields {
            let name = name.to_ascii_lowercase();
            let known = ON_304.contains(&name.as_str()) || name.starts_with("access-control-");
            must(known, &format!("{name} does not belong on a 304"));
        }
        must(!(has("etag") && has("last-modified")), "Last-Modified beside an entity tag");
    }
}

fn check_freshness(answer: &Answer, must: &mut impl FnMut(bool, &str)) {
    let status = answer.status;
    let control = answer.field("cache-control").unwrap_or_default();
    must(
        !matches!(status, 503 | 428 | 429) || control.contains("no-store"),
        "Cache-Control: no-store is due",
    );
    must(status != 404 || !control.is_empty(), "no Cache-Control");
    must(!matches!(status, 500 | 503) || !control.contains("max-age"), "freshness of a failure");
    if let Some(after) = answer.field("retry-after") {
        must(after.bytes().all(|b| b.is_ascii_digit()), "Retry-After is not a whole number of seconds");
        must(matches!(status, 202 | 301 | 302 | 413 | 429 | 503), "Retry-After where nothing will change");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn answer(status: u16, framing: Framing, fields: &[(&str, &str)]) -> Answer {
        let date = ("Date".to_string(), dates::imf(dates::now()));
        let fields = fields.iter().map(|&(n, v)| (n.into(), v.into())).chain([date]).collect();
        Answer { status, fields, content: Vec::new(), trailers: Vec::new(), framing, took: Duration::ZERO }
    }

    #[test]
    fn an_ordinary_answer_keeps_all() {
        let ok =
            answer(200, Framing::Length, &[("Content-Length", "0"), ("ETag", "\"x\""), ("Server", "candor")]);
        assert_eq!(broken(&ok, "GET"), Vec::<String>::new());
    }

    #[test]
    fn each_breach_is_seen() {
        let length = ("Content-Length", "0");
        for (status, fields) in [
            (203, vec![length]),
            (303, vec![length, ("Location", "/")]),
            (401, vec![length]),
            (404, vec![length]),
            (405, vec![length]),
            (301, vec![length]),
            (304, vec![("Content-Type", "text/plain")]),
            (304, vec![("ETag", "\"x\""), ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")]),
            (204, vec![length]),
            (206, vec![length]),
            (406, vec![("Content-Length", "1")]),
            (416, vec![length]),
            (200, vec![length, ("ETag", "x")]),
            (200, vec![length, ("ETag", "\"")]),
            (200, vec![length, ("Allow", "GET")]),
            (200, vec![length, ("Server", "candor/0.1")]),
            (200, vec![length, ("URI", "/x")]),
            (200, vec![length, ("Last-Modified", "yesterday")]),
            (503, vec![length]),
            (503, vec![length, ("Cache-Control", "no-store"), ("Retry-After", "soon")]),
        ] {
            let framing = if matches!(status, 204 | 304) { Framing::None } else { Framing::Length };
            assert!(!broken(&answer(status, framing, &fields), "GET").is_empty(), "{status} {fields:?}");
        }
    }
}
