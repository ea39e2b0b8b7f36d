//! The reference of the codes, under the reserved prefix: one page for each, and an index.

use candor_semantics::code::{Class, Content, Row, Sent, rows};

use super::markup::{Href, Markup};
use super::{Layout, code_page, heading, layout};

/// The page of one code. `reserved` is the prefix of candor's own pages.
pub fn page(row: &Row, reserved: &str) -> String {
    let mut main = heading(row.code);
    main.literal("<p class=\"lead\">")
        .text(row.brief)
        .literal("</p>\n<p>")
        .text(row.promise)
        .literal("</p>\n");
    write_section(&mut main, "What you can do as a visitor", row.visitor);
    write_section(&mut main, "If the site is yours", row.owner);
    write_section(&mut main, "What candor's user agent does", row.agent);
    main.literal("<h2>In detail</h2>\n<dl>\n");
    write_details(&mut main, row);
    main.literal("</dl>\n");
    let mut above = Markup::default();
    above
        .literal("<nav aria-label=\"Codes\">")
        .link(&index_address(reserved), "All codes")
        .literal("</nav>\n");
    layout(&Layout { title: &row.code.to_string(), above, main, below: Markup::default() })
}

/// The index of all codes.
pub fn index(reserved: &str) -> String {
    let mut main = Markup::with_capacity(24_000);
    main.literal("<h1>What the codes promise</h1>\n<p class=\"lead\">")
        .literal("A response code is a promise. Here is what each of them means on this server.</p>\n");
    for &class in Class::ALL {
        main.literal("<h2>").text(class.heading()).literal("</h2>\n<p>").text(class.sentence());
        main.literal("</p>\n<dl class=\"codes\">\n");
        for row in rows().filter(|row| row.code.class() == class) {
            main.literal("<dt>").link(&code_page(row.code, reserved), row.code).literal("</dt><dd>");
            main.text(row.brief);
            if row.sent == Sent::Never {
                main.literal(" <span class=\"soft\">Never said by candor itself.</span>");
            }
            main.literal("</dd>\n");
        }
        main.literal("</dl>\n");
    }
    layout(&Layout { title: "What the codes promise", main, ..Layout::default() })
}

fn index_address(reserved: &str) -> Href {
    super::markup::href(format!("{reserved}codes/").as_bytes())
}

fn write_section(main: &mut Markup, heading: &'static str, text: &str) {
    main.literal("<h2>").text(heading).literal("</h2>\n<p>").text(text).literal("</p>\n");
}

fn write_details(main: &mut Markup, row: &Row) {
    main.literal("<dt>Standard</dt><dd>")
        .link_if_safe(&row.section_address(), row.section)
        .literal("</dd>\n");
    if let Some(older) = row.renamed_from() {
        write_detail(main, "Once called", older);
    }
    write_detail(main, "Sent by", row.sent.phrase());
    write_list(main, "Fields", row.fields.iter().map(|field| (field.name, field.when)));
    write_list(main, "Never has", row.without.iter().map(|&name| (name, None)));
    match row.content {
        Content::Never => write_detail(main, "Content", "never"),
        content => write_detail(main, "Content", &format!("{}: {}", content.phrase(), row.says)),
    }
    write_detail(main, "A cache may keep it unasked", if row.cacheable { "yes" } else { "no" });
}

fn write_detail(main: &mut Markup, name: &'static str, value: &str) {
    main.literal("<dt>").literal(name).literal("</dt><dd>").text(value).literal("</dd>\n");
}

/// Names of fields, each with its condition; nothing where there are none.
fn write_list<'a>(
    main: &mut Markup,
    name: &'static str,
    fields: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) {
    let mut fields = fields.peekable();
    if fields.peek().is_none() {
        return;
    }
    main.literal("<dt>").literal(name).literal("</dt>");
    for (field, condition) in fields {
        main.literal("<dd><code>").text(field).literal("</code>");
        if let Some(condition) = condition {
            main.literal(" (").text(condition).literal(")");
        }
        main.literal("</dd>");
    }
    main.literal("\n");
}

#[cfg(test)]
mod tests {
    use candor_semantics::code::Code;

    use super::*;
    use crate::pages::DEFAULT_RESERVED;
    use crate::pages::tests::check_page;

    #[test]
    fn every_code_has_a_page_and_stands_in_the_index() {
        let index = index(DEFAULT_RESERVED);
        check_page(&index);
        for row in rows() {
            let page = page(row, DEFAULT_RESERVED);
            check_page(&page);
            assert!(page.contains(row.section));
            assert!(index.contains(&format!("<a href=\"{}\">", row.code.reference())), "{}", row.code);
        }
    }

    #[test]
    fn a_page_as_it_is_read() {
        let page = page(Code::NOT_ACCEPTABLE.row(), "/_candor/");
        assert!(page.contains("<nav aria-label=\"Codes\"><a href=\"/_candor/codes/\">All codes</a></nav>"));
        assert!(page.contains(
            "<h1><span>406</span> Not Acceptable</h1>\n\
             <p class=\"lead\">This document is not here in any form that was asked for.</p>\n"
        ));
        assert!(page.contains(
            "<dt>Standard</dt><dd><a href=\"https://www.rfc-editor.org/rfc/rfc9110#section-15.5.7\">\
             RFC 9110 section 15.5.7</a></dd>\n\
             <dt>Once called</dt><dd>None acceptable</dd>\n\
             <dt>Sent by</dt><dd>the origin server</dd>\n"
        ));
        assert!(page.contains(
            "<dd><code>Content-Language</code> (the default variant has one)</dd>\
             <dd><code>Vary</code> (the document is negotiated)</dd>"
        ));
        assert!(page.contains("<dt>Content</dt><dd>never</dd>\n"));
    }
}
