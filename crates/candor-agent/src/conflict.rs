//! Conflicts: what a 409 or 412 reports, and merging by three ways before anything is sent again.

use candor_semantics::field::entity_tag::EntityTag;
use serde_json::Value;

/// What is known of a conflict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conflict {
    /// The tag to resubmit against.
    pub tag: Option<String>,
    /// The differences as the server shows them.
    pub differences: Option<String>,
    /// One sentence on what is in conflict.
    pub detail: Option<String>,
    /// Addresses of the base, of theirs, and of the page that helps to resolve.
    pub base: Option<String>,
    /// See [`Conflict::base`].
    pub theirs: Option<String>,
    /// See [`Conflict::base`].
    pub resolve: Option<String>,
}

/// Reads a report: `application/problem+json` (RFC 9457) with our members, or nothing but the tag of the head.
pub fn read(content: &[u8], tag: Option<&EntityTag>) -> Conflict {
    let report: Value = serde_json::from_slice(content).unwrap_or_default();
    let own = |name: &str| report.get(name).and_then(Value::as_str).map(str::to_owned);
    let link = |name: &str| {
        own(name).or_else(|| {
            report.get("links").and_then(|links| links.get(name)).and_then(Value::as_str).map(str::to_owned)
        })
    };
    let differences = own("differences").or_else(|| match report.get("differences") {
        Some(Value::Object(parts)) => {
            let texts: Vec<&str> = parts.values().filter_map(Value::as_str).collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    });
    Conflict {
        tag: own("current_etag").or_else(|| tag.map(ToString::to_string)),
        differences,
        detail: own("detail").or_else(|| own("title")),
        base: link("base"),
        theirs: link("theirs"),
        resolve: link("resolve"),
    }
}

/// The end of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Both changes are in it.
    Clean(String),
    /// Both changed the same lines; the conflicts are marked.
    Marked(String),
    /// Not text, or no base: there is nothing to merge by.
    Impossible,
}

/// Merges two changes of one base.
pub fn merge(base: &[u8], yours: &[u8], theirs: &[u8]) -> Merged {
    let (Ok(base), Ok(yours), Ok(theirs)) =
        (std::str::from_utf8(base), std::str::from_utf8(yours), std::str::from_utf8(theirs))
    else {
        return Merged::Impossible;
    };
    if [base, yours, theirs].iter().any(|text| text.contains('\0')) {
        return Merged::Impossible;
    }
    match diffy::merge(base, yours, theirs) {
        Ok(merged) => Merged::Clean(merged),
        Err(marked) => Merged::Marked(marked),
    }
}

/// A unified diff.
pub fn differences(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    diffy::DiffOptions::new()
        .set_original_filename(old_name.to_owned())
        .set_modified_filename(new_name.to_owned())
        .create_patch(old, new)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges() {
        let base = b"a\nb\nc\nd\ne\nf\n";
        let merged = merge(base, b"A\nb\nc\nd\ne\nf\n", b"a\nb\nc\nd\ne\nF\n");
        assert_eq!(merged, Merged::Clean("A\nb\nc\nd\ne\nF\n".into()));
        assert!(matches!(merge(base, b"x\nb\nc\nd\ne\nf\n", b"y\nb\nc\nd\ne\nf\n"), Merged::Marked(_)));
        assert_eq!(merge(base, b"\xff", base), Merged::Impossible);
    }

    #[test]
    fn reports() {
        let report = read(br#"{"current_etag":"\"v2\"","differences":"--- a","resolve":"/-/r"}"#, None);
        assert_eq!(report.tag.as_deref(), Some("\"v2\""));
        assert_eq!(report.differences.as_deref(), Some("--- a"));
        assert_eq!(report.resolve.as_deref(), Some("/-/r"));
        let bare = read(b"<html>", EntityTag::strong("v3").as_ref());
        assert_eq!(bare.tag.as_deref(), Some("\"v3\""));
    }
}
