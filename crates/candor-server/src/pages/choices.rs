//! The list of the forms of a document: the content of 300 (section 15.4.1), and of 406 where a site wants one.

use candor_semantics::code::Code;
use serde_json::{Value, json};

use super::markup::Markup;
use super::{DEFAULT_RESERVED, Layout, about, heading, layout, size};

/// A document and the forms it is here in.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    /// 300 or 406.
    pub code: Code,
    /// The address that was asked for, as shown.
    pub address: &'a str,
    /// The forms, in the order in which they are listed.
    pub variants: &'a [Variant<'a>],
    /// The prefix of candor's own pages.
    pub reserved: &'a str,
}

/// One form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant<'a> {
    /// Its own address, percent-encoded.
    pub href: &'a str,
    /// Its media type.
    pub media_type: Option<&'a str>,
    /// Its language tag (BCP 47).
    pub language: Option<&'a str>,
    /// Its length in bytes.
    pub length: Option<u64>,
    /// The server's quality in thousandths, 0 to 1000.
    pub quality: u16,
}

impl<'a> Choices<'a> {
    /// The choices at an address, for 300.
    pub fn new(address: &'a str, variants: &'a [Variant<'a>]) -> Choices<'a> {
        Choices { code: Code::MULTIPLE_CHOICES, address, variants, reserved: DEFAULT_RESERVED }
    }

    /// The page.
    pub fn html(&self) -> String {
        let mut main = heading(self.code);
        main.literal("<p class=\"lead\">").text(self.code.row().brief).literal("</p>\n");
        main.literal("<p><code>").text(self.address).literal("</code> is here as:</p>\n");
        // The roles keep it a table for screen readers where a narrow screen lays it out in another way.
        main.literal("<table role=\"table\" class=\"own\">\n<thead role=\"rowgroup\"><tr role=\"row\">");
        main.literal("<th role=\"columnheader\" scope=\"col\">Address</th>")
            .literal("<th role=\"columnheader\" scope=\"col\">Type</th>")
            .literal("<th role=\"columnheader\" scope=\"col\">Language</th>")
            .literal("<th role=\"columnheader\" scope=\"col\" class=\"n\">Size</th>")
            .literal("<th role=\"columnheader\" scope=\"col\" class=\"n\">Quality</th>")
            .literal("</tr></thead>\n<tbody role=\"rowgroup\">\n");
        for variant in self.variants {
            variant.write_row(&mut main);
        }
        main.literal("</tbody>\n</table>\n");
        let below = about(self.code, self.reserved);
        layout(&Layout { title: &self.code.to_string(), main, below, ..Layout::default() })
    }

    /// The same for programs: an object with `variants`, each with `href`, `type`, `language`, `length` and
    /// `quality`, null where something is not known.
    pub fn json(&self) -> String {
        let variants: Vec<Value> = self.variants.iter().map(Variant::json).collect();
        json!({ "variants": variants }).to_string()
    }
}

impl Variant<'_> {
    fn write_row(&self, main: &mut Markup) {
        main.literal("<tr role=\"row\"><td role=\"cell\">").link_if_safe(self.href, self.href);
        main.literal("</td><td role=\"cell\">");
        if let Some(media_type) = self.media_type {
            if let Some(name) = type_name(media_type) {
                main.text(name).literal(" ");
            }
            main.literal("<code>").text(media_type).literal("</code>");
        }
        main.literal("</td><td role=\"cell\">");
        if let Some(language) = self.language {
            match language_name(language) {
                Some(name) => {
                    main.literal("<span lang=\"").text(language).literal("\">").text(name);
                    main.literal("</span> (").text(language).literal(")")
                }
                None => main.text(language),
            };
        }
        main.literal("</td><td role=\"cell\" class=\"n\">");
        if let Some(length) = self.length {
            main.literal("<span title=\"").text(size::exact(length)).literal("\">").text(size::human(length));
            main.literal("</span>");
        }
        main.literal("</td><td role=\"cell\" class=\"n\" data-k=\"quality\">")
            .text(f64::from(self.quality) / 1000.0)
            .literal("</td></tr>\n");
    }

    fn json(&self) -> Value {
        json!({
            "href": self.href,
            "type": self.media_type,
            "language": self.language,
            "length": self.length,
            "quality": f64::from(self.quality) / 1000.0,
        })
    }
}

/// What people call a media type.
fn type_name(media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "text/html" => "Web page",
        "text/plain" => "Plain text",
        "text/markdown" => "Markdown",
        "text/csv" => "Table (CSV)",
        "application/pdf" => "PDF",
        "application/epub+zip" => "EPUB book",
        "application/json" => "JSON",
        "application/xml" | "text/xml" => "XML",
        "image/jpeg" => "JPEG picture",
        "image/png" => "PNG picture",
        "image/svg+xml" => "SVG drawing",
        "image/webp" => "WebP picture",
        "image/avif" => "AVIF picture",
        _ => return None,
    })
}

/// What those who speak a language call it.
fn language_name(tag: &str) -> Option<&'static str> {
    let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    Some(match primary.as_str() {
        "ar" => "العربية",
        "cs" => "Čeština",
        "da" => "Dansk",
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fi" => "Suomi",
        "fr" => "Français",
        "hi" => "हिन्दी",
        "it" => "Italiano",
        "ja" => "日本語",
        "ko" => "한국어",
        "nl" => "Nederlands",
        "pl" => "Polski",
        "pt" => "Português",
        "ru" => "Русский",
        "sv" => "Svenska",
        "tr" => "Türkçe",
        "uk" => "Українська",
        "zh" => "中文",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::tests::check_page;

    const TIE: &[Variant<'static>] = &[
        Variant {
            href: "/tie.pdf",
            media_type: Some("application/pdf"),
            language: Some("de"),
            length: Some(1536),
            quality: 700,
        },
        Variant { href: "/tie.xyz", media_type: None, language: None, length: None, quality: 1000 },
    ];

    #[test]
    fn a_list_for_people() {
        let html = Choices::new("/tie<b>", TIE).html();
        check_page(&html);
        assert!(html.contains("<code>/tie&lt;b&gt;</code> is here as:"));
        assert!(html.contains(
            "<tr role=\"row\"><td role=\"cell\"><a href=\"/tie.pdf\">/tie.pdf</a></td>\
             <td role=\"cell\">PDF <code>application/pdf</code></td>\
             <td role=\"cell\"><span lang=\"de\">Deutsch</span> (de)</td>\
             <td role=\"cell\" class=\"n\"><span title=\"1,536 bytes\">1.5 KiB</span></td>\
             <td role=\"cell\" class=\"n\" data-k=\"quality\">0.7</td></tr>\n"
        ));
        assert!(html.contains("data-k=\"quality\">1</td>"));
    }

    #[test]
    fn a_list_for_programs() {
        let json: Value = serde_json::from_str(&Choices::new("/tie", TIE).json()).unwrap();
        assert_eq!(
            json,
            json!({ "variants": [
                { "href": "/tie.pdf", "type": "application/pdf", "language": "de", "length": 1536, "quality": 0.7 },
                { "href": "/tie.xyz", "type": null, "language": null, "length": null, "quality": 1.0 },
            ] })
        );
    }

    #[test]
    fn a_list_for_406() {
        let html = Choices { code: Code::NOT_ACCEPTABLE, ..Choices::new("/doc", TIE) }.html();
        check_page(&html);
        assert!(html.contains("<h1><span>406</span> Not Acceptable</h1>"));
    }

    #[test]
    fn what_a_variant_says_of_itself_is_only_text() {
        let evil = "x\"><script>";
        let variant =
            Variant { href: evil, media_type: Some(evil), language: Some(evil), length: None, quality: 0 };
        let html = Choices::new(evil, &[variant]).html();
        check_page(&html);
        assert!(!html.contains("<script"));
    }
}
