//! `Sec-Fetch-Mode` and `Sec-Fetch-Site` (Fetch Metadata Request Headers, sections 2.2 and 2.3): what a browser says
//! about the request it makes.
//!
//! Grammar: a structured-field token. Examples: `Sec-Fetch-Mode: navigate`, `Sec-Fetch-Site: cross-site`. Scripts
//! cannot set these fields; programs that are no browsers do not send them.

use super::accept::Accept;
use super::grammar::only_line;
use crate::head::Head;
use crate::method::Method;

/// How the request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To show a page.
    Navigate,
    /// Anything else: scripts, images, styles, and values of days to come.
    Other,
}

/// The mode of a request; `None` where it says none.
pub fn mode(head: &Head) -> Option<Mode> {
    let value = only_line(head, "sec-fetch-mode").ok()??;
    Some(if value == b"navigate" { Mode::Navigate } else { Mode::Other })
}

/// Whether another site made the browser send the request; `None` where the browser does not say. Pages of the same
/// site under another name of it count as foreign: only `same-origin`, and `none` for what the user typed, do not.
pub fn is_foreign(head: &Head) -> Option<bool> {
    match only_line(head, "sec-fetch-site") {
        Ok(value) => value.map(|value| value != b"same-origin" && value != b"none"),
        Err(_) => Some(true),
    }
}

/// Whether somebody wants to see a page: a GET or HEAD that a browser calls a navigation or, from clients that do
/// not say, one that names `text/html` in `Accept`.
///
/// ```
/// use candor_semantics::field::sec_fetch::is_navigation;
/// use candor_semantics::head::{Head, Scheme, Version};
/// let head = |name, value| Head::from_parts(b"GET", b"/", Version::Http11, Scheme::Http, [(name, value)]);
/// assert!(is_navigation(&head("Accept", "text/html, */*;q=0.8")));
/// assert!(!is_navigation(&head("Accept", "*/*")));
/// ```
pub fn is_navigation(head: &Head) -> bool {
    head.method().is_some_and(Method::reads)
        && match mode(head) {
            Some(mode) => mode == Mode::Navigate,
            None => Accept::from_head(head).names("text/html"),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;
    use crate::head::{Scheme, Version};

    #[test]
    fn modes_and_sites() {
        assert_eq!(mode(&head("Sec-Fetch-Mode", &["navigate"])), Some(Mode::Navigate));
        assert_eq!(mode(&head("Sec-Fetch-Mode", &["cors"])), Some(Mode::Other));
        assert_eq!(mode(&head("x", &[])), None);
        for (value, foreign) in
            [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)]
        {
            assert_eq!(is_foreign(&head("Sec-Fetch-Site", &[value])), Some(foreign));
        }
        assert_eq!(is_foreign(&head("Sec-Fetch-Site", &["none", "none"])), Some(true));
        assert_eq!(is_foreign(&head("x", &[])), None);
    }

    #[test]
    fn navigations() {
        for (method, mode, accept, expected) in [
            ("GET", Some("navigate"), "*/*", true),
            ("HEAD", Some("navigate"), "*/*", true),
            ("GET", Some("no-cors"), "text/html", false),
            ("GET", None, "text/html;q=0.9", true),
            ("GET", None, "text/html;q=0, */*", false),
            ("GET", None, "*/*", false),
            ("POST", Some("navigate"), "text/html", false),
        ] {
            let fields = mode.map(|m| ("Sec-Fetch-Mode", m)).into_iter().chain([("Accept", accept)]);
            let head = Head::from_parts(method.as_bytes(), b"/", Version::Http11, Scheme::Http, fields);
            assert_eq!(is_navigation(&head), expected, "{method} {mode:?} {accept}");
        }
    }
}
