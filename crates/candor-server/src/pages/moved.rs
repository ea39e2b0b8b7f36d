//! The short note of a redirect (sections 15.4.2 and 15.4.3). Few people ever see one, and many are sent, so it
//! has no style of its own beyond the reader's.

use std::time::SystemTime;

use candor_semantics::code::Code;

use super::date::Moment;
use super::markup::Markup;

/// The note: what happened, and a link to `to`, a percent-encoded reference. `until` is the known end of a move
/// for now.
pub fn note(code: Code, to: &str, until: Option<SystemTime>) -> String {
    let mut note = Markup::with_capacity(384 + 2 * to.len());
    note.literal("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n")
        .literal("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .literal("<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
        .text(code)
        .literal("</title>\n<main>\n<h1>")
        .text(code)
        .literal("</h1>\n<p>")
        .text(code.row().brief)
        .literal("</p>\n<p>")
        .link_if_safe(to, to);
    if let Some(until) = until {
        let until = Moment::of(until);
        note.literal(" until <time datetime=\"").text(until).literal("\">").text(until.to_minute());
        note.literal(" UTC</time>");
    }
    note.literal("</p>\n</main>\n</html>\n");
    note.into_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_note_is_short_and_links() {
        let note = note(Code::MOVED_PERMANENTLY, "/new.txt?a=1&b=2", None);
        assert!(note.len() < 420, "{}", note.len());
        assert_eq!(
            note.split("<main>\n").nth(1).unwrap(),
            "<h1>301 Moved Permanently</h1>\n<p>This has moved for good.</p>\n\
             <p><a href=\"/new.txt?a=1&amp;b=2\">/new.txt?a=1&amp;b=2</a></p>\n</main>\n</html>\n"
        );
    }

    #[test]
    fn an_end_is_told() {
        let until = UNIX_EPOCH + Duration::from_secs(86_400);
        let note = note(Code::FOUND, "/a.txt", Some(until));
        assert!(note.contains("until <time datetime=\"1970-01-02T00:00:00Z\">1970-01-02 00:00 UTC</time>"));
    }

    #[test]
    fn a_target_cannot_break_out() {
        let note = note(Code::FOUND, "javascript:\"><script>", None);
        assert!(!note.contains("<script") && !note.contains("href=\"javascript"));
    }
}
