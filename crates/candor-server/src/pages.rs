//! Pages for people, and their twins for programs.
//!
//! Pure functions from plain values to HTML or JSON text: no clock, no files, nothing loaded from elsewhere, no
//! script. What a page says is true of any request that got the same answer, so a page can be kept and sent
//! again. Whoever sends one adds `Content-Type: text/html; charset=utf-8` and [`CONTENT_SECURITY_POLICY`].

pub mod choices;
pub mod date;
pub mod gone;
pub mod listing;
pub mod made;
pub mod markup;
pub mod moved;
pub mod problem;
pub mod reference;
pub mod size;
mod style;

use candor_semantics::code::Code;

use markup::{Href, Markup};
pub use style::CONTENT_SECURITY_POLICY;

/// The prefix under which candor's own pages live, unless the configuration says another.
pub const DEFAULT_RESERVED: &str = "/-/";

/// The parts of a page, put together by [`layout`].
#[derive(Clone, Debug, Default)]
struct Layout<'a> {
    /// The text of the title bar, and of a bookmark.
    title: &'a str,
    /// What stands above the content: ways to elsewhere.
    above: Markup,
    /// The content, with the page's only `h1`.
    main: Markup,
    /// What stands below it, in small print.
    below: Markup,
}

/// A whole page.
fn layout(parts: &Layout<'_>) -> String {
    let mut page = Markup::with_capacity(style::STYLE.len() + parts.main.len() + 1024);
    page.literal("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .literal("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        // An empty icon of its own keeps browsers from asking for /favicon.ico.
        .literal("<link rel=\"icon\" href=\"data:,\">\n<title>")
        .text(parts.title)
        .literal("</title>\n<style>")
        .literal(style::STYLE)
        .literal("</style>\n</head>\n<body>\n");
    if !parts.above.is_empty() {
        page.literal("<header>\n").append(&parts.above).literal("</header>\n");
    }
    page.literal("<main>\n").append(&parts.main).literal("</main>\n");
    if !parts.below.is_empty() {
        page.literal("<footer>\n").append(&parts.below).literal("</footer>\n");
    }
    page.literal("</body>\n</html>\n");
    page.into_string()
}

/// The heading of a page about a code: the number large, the name beneath.
fn heading(code: Code) -> Markup {
    let mut heading = Markup::default();
    heading
        .literal("<h1><span>")
        .text(code.number())
        .literal("</span> ")
        .text(code.name())
        .literal("</h1>\n");
    heading
}

/// The small print of a page about a code: where to read what it promises.
fn about(code: Code, reserved: &str) -> Markup {
    let mut about = Markup::default();
    about
        .literal("<p>")
        .link(&code_page(code, reserved), format_args!("What {} promises", code.number()))
        .literal("</p>\n");
    about
}

/// The address of the reference page of a code, beneath the reserved prefix.
fn code_page(code: Code, reserved: &str) -> Href {
    markup::href(format!("{reserved}codes/{}", code.number()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every page must be: one heading, a language, a viewport, balanced landmarks, nothing from elsewhere.
    pub(super) fn check_page(html: &str) {
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        assert!(html.contains("<meta name=\"viewport\""));
        for (element, times) in [("h1", 1), ("main", 1), ("title", 1), ("body", 1)] {
            assert_eq!(html.matches(&format!("<{element}>")).count(), times, "{element}");
            assert_eq!(html.matches(&format!("</{element}>")).count(), times, "/{element}");
        }
        for foreign in ["<script", "src=", "@import", "url(", "style=\"", " onclick=", "<form"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        for element in ["p", "a", "table", "tr", "td", "th", "ul", "li", "ol", "pre", "dl", "dd", "dt", "h2"]
        {
            let opened =
                html.matches(&format!("<{element}>")).count() + html.matches(&format!("<{element} ")).count();
            assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{element}: {html}");
        }
    }

    #[test]
    fn a_title_cannot_break_out() {
        let mut main = Markup::default();
        main.literal("<h1>x</h1>");
        let html = layout(&Layout { title: "</title><script>", main, ..Layout::default() });
        check_page(&html);
        assert!(html.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }
}
