//! The page of a refusal, and its twin for programs, `application/problem+json` (RFC 9457).

use std::time::Duration;

use candor_semantics::code::Code;
use serde_json::{Map, Value, json};

use super::markup::Markup;
use super::{DEFAULT_RESERVED, Layout, about, code_page, date, heading, layout};

/// The media type of [`Problem::json`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What is wrong, and what can be done about it.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// The code of the answer.
    pub code: Code,
    /// Why, in one sentence. Shown to everybody who gets the answer, so nothing private.
    pub reason: &'a str,
    /// What the reader can do, in a sentence or two.
    pub advice: &'a str,
    /// The id under which the log has the full story.
    pub incident: Option<&'a str>,
    /// How long to wait, where that is known.
    pub retry_after: Option<Duration>,
    /// A unified diff, base to theirs and base to yours.
    pub differences: Option<&'a str>,
    /// Ways on.
    pub links: &'a [Link<'a>],
    /// The prefix of candor's own pages.
    pub reserved: &'a str,
}

/// A way on from a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Where it leads, percent-encoded: a path of this server, or http or https elsewhere. Others become text.
    pub href: &'a str,
    /// What is there.
    pub text: &'a str,
}

impl Problem<'_> {
    /// A problem of which no more is known than what the table says of its code.
    pub fn new(code: Code) -> Problem<'static> {
        Problem {
            code,
            reason: code.row().brief,
            advice: code.row().visitor,
            incident: None,
            retry_after: None,
            differences: None,
            links: &[],
            reserved: DEFAULT_RESERVED,
        }
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut main = heading(self.code);
        main.literal("<p class=\"lead\">").text(self.reason).literal("</p>\n");
        self.write_advice(&mut main);
        if let Some(differences) = self.differences.filter(|text| !text.is_empty()) {
            main.literal("<h2>The differences</h2>\n").append(&marked_diff(differences));
        }
        if let Some(incident) = self.incident {
            main.literal("<p class=\"soft\">Incident <code>").text(incident).literal("</code></p>\n");
        }
        let below = about(self.code, self.reserved);
        layout(&Layout { title: &self.code.to_string(), main, below, ..Layout::default() })
    }

    fn write_advice(&self, main: &mut Markup) {
        main.literal("<h2>What you can do</h2>\n<p>").text(self.advice).literal("</p>\n");
        if let Some(delay) = self.retry_after {
            main.literal("<p>Expected to be over in ").text(date::wait(delay)).literal(".</p>\n");
        }
        if !self.links.is_empty() {
            main.literal("<ul>\n");
            for link in self.links {
                main.literal("<li>").link_if_safe(link.href, link.text).literal("</li>\n");
            }
            main.literal("</ul>\n");
        }
    }

    /// The same as [`PROBLEM_JSON`]. `instance` is the reference of this occurrence, `more` holds the members of
    /// this kind of problem, such as `current_etag`; members that RFC 9457 names cannot be replaced by it.
    pub fn json(&self, instance: Option<&str>, more: Map<String, Value>) -> String {
        let mut members = more;
        let mut set = |name: &str, value: Value| members.insert(name.to_owned(), value);
        set("type", json!(code_page(self.code, self.reserved).as_str()));
        set("title", json!(self.code.name()));
        set("status", json!(self.code.number()));
        set("detail", json!(self.reason));
        if let Some(instance) = instance {
            set("instance", json!(instance));
        }
        if let Some(incident) = self.incident {
            set("incident", json!(incident));
        }
        if let Some(delay) = self.retry_after {
            set("retry_after", json!(delay.as_secs()));
        }
        if let Some(differences) = self.differences {
            set("differences", json!(differences));
        }
        Value::Object(members).to_string()
    }
}

/// A unified diff with its added and removed lines marked, by element as well as by sign.
fn marked_diff(diff: &str) -> Markup {
    let mut marked = Markup::with_capacity(diff.len() * 2);
    // Reachable by keyboard, so that long lines can be scrolled without a mouse.
    marked.literal("<pre tabindex=\"0\">");
    for line in diff.lines() {
        let header = line.starts_with("+++") || line.starts_with("---");
        match line.as_bytes().first() {
            Some(b'+') if !header => marked.literal("<ins>").text(line).literal("</ins>\n"),
            Some(b'-') if !header => marked.literal("<del>").text(line).literal("</del>\n"),
            _ => marked.text(line).literal("\n"),
        };
    }
    marked.literal("</pre>\n");
    marked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::check_page;

    #[test]
    fn every_code_has_a_page_and_a_twin() {
        for &code in Code::ALL {
            let problem = Problem::new(code);
            check_page(&problem.html());
            let json: Value = serde_json::from_str(&problem.json(None, Map::new())).unwrap();
            assert_eq!(json["status"], code.number());
            assert_eq!(json["type"], code.reference());
        }
    }

    #[test]
    fn nothing_from_outside_is_markup() {
        let evil = "</p><script>alert('x')</script>\" onclick=\"y";
        let problem = Problem {
            reason: evil,
            advice: evil,
            incident: Some(evil),
            differences: Some("--- a\n+++ b\n-<b>\n+<i>\n same"),
            links: &[
                Link { href: "javascript:alert(1)", text: "no" },
                Link { href: "/x\"><script>", text: "<yes>" },
            ],
            ..Problem::new(Code::CONFLICT)
        };
        let html = problem.html();
        check_page(&html.replace(" onclick=", ""));
        assert!(!html.contains("<script") && !html.contains("javascript:"));
        assert!(html.contains("<li>no</li>") && html.contains("&lt;yes&gt;</a>"));
        assert!(html.contains("<del>-&lt;b&gt;</del>\n<ins>+&lt;i&gt;</ins>\n same\n"));
    }

    #[test]
    fn a_problem_in_json() {
        let problem = Problem {
            incident: Some("7f3a"),
            retry_after: Some(Duration::from_secs(120)),
            differences: Some("-a\n+\"b\"\n"),
            ..Problem::new(Code::CONFLICT)
        };
        let more = [("current_etag", json!("\"v2\"")), ("status", json!(200))];
        let more = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let json: Value = serde_json::from_str(&problem.json(Some("/a.txt"), more)).unwrap();
        assert_eq!(
            json,
            json!({
                "type": "/-/codes/409",
                "title": "Conflict",
                "status": 409,
                "detail": "Something has changed, or is in the way.",
                "instance": "/a.txt",
                "incident": "7f3a",
                "retry_after": 120,
                "differences": "-a\n+\"b\"\n",
                "current_etag": "\"v2\"",
            })
        );
    }

    #[test]
    fn a_page_as_it_is_read() {
        let problem = Problem {
            incident: Some("7f3a"),
            retry_after: Some(Duration::from_secs(120)),
            links: &[Link { href: "/", text: "Front page" }],
            ..Problem::new(Code::SERVICE_UNAVAILABLE)
        };
        let html = problem.html();
        let body = html.split("<body>\n").nth(1).unwrap();
        assert_eq!(
            body,
            "<main>\n<h1><span>503</span> Service Unavailable</h1>\n\
             <p class=\"lead\">The server cannot answer just now.</p>\n\
             <h2>What you can do</h2>\n<p>Come back later; nothing was done.</p>\n\
             <p>Expected to be over in about 2 minutes.</p>\n\
             <ul>\n<li><a href=\"/\">Front page</a></li>\n</ul>\n\
             <p class=\"soft\">Incident <code>7f3a</code></p>\n</main>\n\
             <footer>\n<p><a href=\"/-/codes/503\">What 503 promises</a></p>\n</footer>\n</body>\n</html>\n"
        );
    }
}
