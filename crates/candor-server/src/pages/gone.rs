//! The page of an address that was removed on purpose (section 15.5.11): when, and what its owner says.

use std::time::SystemTime;

use candor_semantics::code::Code;
use serde_json::{Map, Value, json};

use super::date::Moment;
use super::problem::Problem;
use super::{DEFAULT_RESERVED, Layout, about, heading, layout};

/// What the ledger knows of a removal.
#[derive(Clone, Copy, Debug)]
pub struct Gone<'a> {
    /// When it was removed.
    pub since: Option<SystemTime>,
    /// What the owner says of it, as plain text.
    pub note: Option<&'a str>,
    /// The prefix of candor's own pages.
    pub reserved: &'a str,
}

impl Default for Gone<'_> {
    fn default() -> Self {
        Gone { since: None, note: None, reserved: DEFAULT_RESERVED }
    }
}

impl Gone<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let mut main = heading(Code::GONE);
        main.literal("<p class=\"lead\">");
        match self.since.map(Moment::of) {
            Some(since) => {
                main.literal("This was removed on purpose, on <time datetime=\"").text(since).literal("\">");
                main.text(since.to_day()).literal("</time>.")
            }
            None => main.text(Code::GONE.row().brief),
        };
        main.literal("</p>\n");
        if let Some(note) = self.note {
            main.literal("<blockquote>").text(note).literal("</blockquote>\n");
        }
        main.literal("<h2>What you can do</h2>\n<p>").text(Code::GONE.row().visitor).literal("</p>\n");
        let below = about(Code::GONE, self.reserved);
        layout(&Layout { title: &Code::GONE.to_string(), main, below, ..Layout::default() })
    }

    /// The same as `application/problem+json`, with `since` (RFC 3339) and `note`.
    pub fn json(&self, instance: Option<&str>) -> String {
        let mut more: Map<String, Value> = Map::new();
        if let Some(since) = self.since {
            more.insert("since".to_owned(), json!(Moment::of(since).to_string()));
        }
        if let Some(note) = self.note {
            more.insert("note".to_owned(), json!(note));
        }
        Problem { reserved: self.reserved, ..Problem::new(Code::GONE) }.json(instance, more)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::pages::tests::check_page;

    #[test]
    fn says_since_when_and_why() {
        let gone = Gone {
            since: Some(UNIX_EPOCH + Duration::from_secs(1_795_562_225)),
            note: Some("The offer has ended.\nThank you <all>."),
            ..Gone::default()
        };
        let html = gone.html();
        check_page(&html);
        assert!(html.contains(
            "<p class=\"lead\">This was removed on purpose, on \
             <time datetime=\"2026-11-24T23:17:05Z\">2026-11-24</time>.</p>\n\
             <blockquote>The offer has ended.\nThank you &lt;all&gt;.</blockquote>\n"
        ));
        let json: Value = serde_json::from_str(&gone.json(None)).unwrap();
        assert_eq!(json["since"], "2026-11-24T23:17:05Z");
        assert_eq!(json["note"], "The offer has ended.\nThank you <all>.");
        assert_eq!(json["status"], 410);
    }

    #[test]
    fn says_no_more_than_is_known() {
        let html = Gone::default().html();
        check_page(&html);
        assert!(html.contains("<p class=\"lead\">This was removed on purpose.</p>"));
        assert!(!html.contains("<blockquote>") && !html.contains("<time"));
    }
}
