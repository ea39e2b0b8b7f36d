//! The page of a 201: what was made, and where it is.

use candor_semantics::code::Code;
use serde_json::json;

use super::markup::Markup;
use super::{Layout, about, heading, layout};

/// The page for people. References are percent-encoded.
pub fn html(location: &str, items: &[String], reserved: &str) -> String {
    let mut main = heading(Code::CREATED);
    main.literal("<p class=\"lead\">This was made:</p>\n<ul>\n");
    for href in std::iter::once(location).chain(items.iter().map(String::as_str)) {
        main.literal("<li>").link_if_safe(href, href).literal("</li>\n");
    }
    main.literal("</ul>\n");
    let below = about(Code::CREATED, reserved);
    layout(&Layout { title: &Code::CREATED.to_string(), main, below, above: Markup::default() })
}

/// The same for programs.
pub fn json(location: &str, items: &[String]) -> String {
    let mut told = json!({ "location": location });
    if !items.is_empty() {
        told["items"] = json!(items);
    }
    told.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::check_page;

    #[test]
    fn what_was_made_is_linked() {
        let page = html("/box/a%20b", &[], "/-/");
        check_page(&page);
        assert!(page.contains("href=\"/box/a%20b\""));
        assert_eq!(json("/box/n", &[]), r#"{"location":"/box/n"}"#);
    }
}
