/// The kinds of documents that have links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// HTML.
    Html,
    /// Markdown (CommonMark).
    Markdown,
    /// CSS.
    Css,
    /// Atom, RSS and sitemaps.
    Xml,
    /// A list of URLs, one a line.
    List,
}

impl Kind {
    /// The kind a file's name tells. XML only where the name says that it is a feed or a sitemap.
    pub fn of_name(name: &str) -> Option<Kind> {
        let lower = name.to_ascii_lowercase();
        let (stem, ending) = lower.rsplit_once('.')?;
        match ending {
            "html" | "htm" | "xhtml" => Some(Kind::Html),
            "md" | "markdown" => Some(Kind::Markdown),
            "css" => Some(Kind::Css),
            "atom" | "rss" => Some(Kind::Xml),
            "xml" if ["sitemap", "feed", "atom", "rss", "index"].iter().any(|known| stem.contains(known)) => {
                Some(Kind::Xml)
            }
            "urls" => Some(Kind::List),
            _ => None,
        }
    }

    /// The kind a media type tells.
    pub fn of_media_type(essence: &str) -> Option<Kind> {
        match essence {
            "text/html" | "application/xhtml+xml" => Some(Kind::Html),
            "text/markdown" => Some(Kind::Markdown),
            "text/css" => Some(Kind::Css),
            "application/atom+xml" | "application/rss+xml" | "application/xml" | "text/xml" => {
                Some(Kind::Xml)
            }
            "text/uri-list" => Some(Kind::List),
            _ => None,
        }
    }
}
