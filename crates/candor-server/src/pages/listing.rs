//! The listing of a folder that has no index document.

use std::cmp::Ordering;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::date::Moment;
use super::markup::{self, Markup, visible};
use super::{Layout, layout, size};

/// A folder and what is in it.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// The decoded path of the folder, with its final slash.
    pub path: &'a [u8],
    /// Its members, in any order.
    pub entries: &'a [Entry<'a>],
    /// The order asked for. With `None` the order is that of the names, and the headings do not offer others.
    pub order: Option<Order>,
}

/// A member of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name, without a slash; it need not be text.
    pub name: &'a [u8],
    /// File or folder.
    pub kind: Kind,
    /// Size in bytes, of files.
    pub size: Option<u64>,
    /// When it was last modified.
    pub modified: Option<SystemTime>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder; folders are always listed before files.
    Folder,
    /// A file.
    File,
}

/// A column that can order a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    /// By name, capitals and small letters alike.
    #[default]
    Name,
    /// By size.
    Size,
    /// By time of last change.
    Modified,
}

impl Column {
    const fn word(self) -> &'static str {
        match self {
            Column::Name => "name",
            Column::Size => "size",
            Column::Modified => "modified",
        }
    }
}

/// The order of a listing, below the rule that folders come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The column that decides.
    pub column: Column,
    /// Largest, newest or last first.
    pub descending: bool,
}

impl Order {
    /// The order that a query asks for: `sort=name|size|modified` and `order=desc`. Anything else counts as not
    /// said.
    pub fn from_query(query: &[u8]) -> Order {
        let mut order = Order::default();
        for part in query.split(|&byte| byte == b'&') {
            match part {
                b"sort=name" => order.column = Column::Name,
                b"sort=size" => order.column = Column::Size,
                b"sort=modified" => order.column = Column::Modified,
                b"order=desc" => order.descending = true,
                b"order=asc" => order.descending = false,
                _ => {}
            }
        }
        order
    }

    fn compare(self, one: &Entry<'_>, other: &Entry<'_>) -> Ordering {
        let by_column = match self.column {
            Column::Name => Ordering::Equal,
            Column::Size => one.size.cmp(&other.size),
            Column::Modified => one.modified.cmp(&other.modified),
        };
        let ascending = by_column.then_with(|| compare_names(one.name, other.name));
        let within = if self.descending { ascending.reverse() } else { ascending };
        one.kind.cmp(&other.kind).then(within)
    }
}

fn compare_names(one: &[u8], other: &[u8]) -> Ordering {
    let folded = |name: &[u8]| name.iter().map(u8::to_ascii_lowercase).collect::<Vec<u8>>();
    folded(one).cmp(&folded(other)).then_with(|| one.cmp(other))
}

impl Listing<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let path = visible(self.path);
        let title = format!("Folder {path}");
        let mut main = Markup::with_capacity(512 + 384 * self.entries.len());
        main.literal("<h1><bdi>").text(self.own_name()).literal("</bdi></h1>\n<p class=\"soft\">");
        main.text(self.summary()).literal("</p>\n");
        let is_root = segments(self.path).next().is_none();
        if !is_root || !self.entries.is_empty() {
            self.write_table(&mut main, is_root);
        }
        layout(&Layout { title: &title, above: self.trail(), main, below: Markup::default() })
    }

    /// The same for programs: an array of objects with `name` (lossy where it is not UTF-8; `href` is exact),
    /// `type` ("file" or "folder"), `size`, `modified` (RFC 3339) and `href`, relative to the folder.
    pub fn json(&self) -> String {
        Value::Array(self.sorted().into_iter().map(Entry::json).collect()).to_string()
    }

    fn sorted(&self) -> Vec<&Entry<'_>> {
        let order = self.order.unwrap_or_default();
        let mut entries: Vec<&Entry<'_>> = self.entries.iter().collect();
        entries.sort_by(|one, other| order.compare(one, other));
        entries
    }

    fn own_name(&self) -> String {
        match segments(self.path).last() {
            Some(name) => visible(name) + "/",
            None => "/".to_owned(),
        }
    }

    fn summary(&self) -> String {
        let folders = self.entries.iter().filter(|entry| entry.kind == Kind::Folder).count();
        let files = self.entries.len() - folders;
        match (folders, files) {
            (0, 0) => "This folder is empty.".to_owned(),
            (0, files) => counted(files, "file"),
            (folders, 0) => counted(folders, "folder"),
            (folders, files) => format!("{}, {}", counted(folders, "folder"), counted(files, "file")),
        }
    }

    /// The way here from the top, each step a link.
    fn trail(&self) -> Markup {
        let mut trail = Markup::default();
        let depth = segments(self.path).count();
        if depth == 0 {
            return trail;
        }
        trail.literal("<nav aria-label=\"Folders above\">\n<ol>\n<li>");
        trail.link(&markup::above(depth), "Top").literal("</li>\n");
        for (position, name) in segments(self.path).enumerate() {
            let levels = depth - position - 1;
            if levels == 0 {
                trail.literal("<li aria-current=\"page\"><bdi>").text(visible(name)).literal("</bdi></li>\n");
            } else {
                trail
                    .literal("<li><bdi>")
                    .link(&markup::above(levels), visible(name))
                    .literal("</bdi></li>\n");
            }
        }
        trail.literal("</ol>\n</nav>\n");
        trail
    }

    fn write_table(&self, main: &mut Markup, is_root: bool) {
        main.literal("<table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">");
        self.write_heading(main, Column::Name, "Name");
        self.write_heading(main, Column::Size, "Size");
        self.write_heading(main, Column::Modified, "Modified (UTC)");
        main.literal("</tr></thead>\n<tbody role=\"rowgroup\">\n");
        if !is_root {
            main.literal("<tr role=\"row\"><td role=\"cell\">").link(&markup::above(1), "Folder above");
            main.literal("</td><td role=\"cell\"></td><td role=\"cell\"></td></tr>\n");
        }
        for entry in self.sorted() {
            entry.write_row(main);
        }
        main.literal("</tbody>\n</table>\n");
    }

    /// A heading; with orders on offer a link to the listing in its order, or in the opposite one if it has that
    /// already.
    fn write_heading(&self, main: &mut Markup, column: Column, text: &'static str) {
        main.literal("<th role=\"columnheader\" scope=\"col\"");
        main.literal(if column == Column::Size { " class=\"n\"" } else { " class=\"t\"" });
        let Some(order) = self.order else {
            main.literal(">").literal(text).literal("</th>");
            return;
        };
        let is_current = order.column == column;
        if is_current {
            main.literal(if order.descending {
                " aria-sort=\"descending\""
            } else {
                " aria-sort=\"ascending\""
            });
        }
        main.literal("><a href=\"?sort=").text(column.word());
        if is_current && !order.descending {
            main.literal("&amp;order=desc");
        }
        main.literal("\">").literal(text).literal("</a>");
        if is_current {
            main.literal(if order.descending { " \u{2193}" } else { " \u{2191}" });
        }
        main.literal("</th>");
    }
}

impl Entry<'_> {
    fn write_row(&self, main: &mut Markup) {
        let is_folder = self.kind == Kind::Folder;
        main.literal("<tr role=\"row\"><td role=\"cell\"><a href=\"")
            .text(markup::member(self.name, is_folder))
            .literal("\"><bdi>")
            .text(visible(self.name))
            .literal(if is_folder { "</bdi>/</a>" } else { "</bdi></a>" })
            .literal("</td><td role=\"cell\" class=\"n\">");
        if let Some(bytes) = self.size.filter(|_| !is_folder) {
            main.literal("<span title=\"").text(size::exact(bytes)).literal("\">").text(size::human(bytes));
            main.literal("</span>");
        }
        main.literal("</td><td role=\"cell\" class=\"t\">");
        if let Some(modified) = self.modified.map(Moment::of) {
            main.literal("<time datetime=\"").text(modified).literal("\">").text(modified.to_minute());
            main.literal("</time>");
        }
        main.literal("</td></tr>\n");
    }

    fn json(&self) -> Value {
        let is_folder = self.kind == Kind::Folder;
        json!({
            "name": String::from_utf8_lossy(self.name),
            "type": if is_folder { "folder" } else { "file" },
            "size": self.size.filter(|_| !is_folder),
            "modified": self.modified.map(|modified| Moment::of(modified).to_string()),
            "href": markup::member(self.name, is_folder).as_str(),
        })
    }
}

/// The segments of a folder's path that name something.
fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty())
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::pages::tests::check_page;

    const fn file(name: &'static [u8], size: u64) -> Entry<'static> {
        Entry { name, kind: Kind::File, size: Some(size), modified: Some(UNIX_EPOCH) }
    }

    const fn folder(name: &'static [u8]) -> Entry<'static> {
        Entry { name, kind: Kind::Folder, size: Some(4096), modified: None }
    }

    fn order_of(entries: &[Entry<'_>], query: &str) -> Vec<String> {
        let listing = Listing { path: b"/", entries, order: Some(Order::from_query(query.as_bytes())) };
        listing.sorted().iter().map(|entry| visible(entry.name)).collect()
    }

    #[test]
    fn folders_first_then_as_asked() {
        let entries = [file(b"b", 1), folder(b"z"), file(b"A", 3), file(b"c", 2), folder(b"Y")];
        assert_eq!(order_of(&entries, ""), ["Y", "z", "A", "b", "c"]);
        assert_eq!(order_of(&entries, "sort=size"), ["Y", "z", "b", "c", "A"]);
        assert_eq!(order_of(&entries, "sort=size&order=desc"), ["z", "Y", "A", "c", "b"]);
        assert_eq!(order_of(&entries, "sort=;drop"), ["Y", "z", "A", "b", "c"]);
    }

    #[test]
    fn names_that_are_markup_or_not_text() {
        let entries = [file(b"<img src=x>", 0), file(b"\xff&.txt", 5), file(b"javascript:alert(1)", 1)];
        let html = Listing { path: b"/<b>/\xfe/", entries: &entries, order: None }.html();
        check_page(&html.replace("src=x", ""));
        assert!(!html.contains("<img") && !html.contains("<b>"));
        assert!(html.contains("<a href=\"./%FF%26.txt\"><bdi>\u{fffd}&amp;.txt</bdi></a>"));
        assert!(html.contains("<a href=\"./javascript:alert(1)\">"));
        assert!(html.contains("<a href=\"../\">&lt;b&gt;</a>"));
    }

    #[test]
    fn a_page_as_it_is_read() {
        let modified = Some(UNIX_EPOCH + Duration::from_secs(1_795_562_225));
        let entries = [Entry { modified, ..file(b"a b.txt", 1536) }, folder(b"old")];
        let html = Listing { path: b"/docs/", entries: &entries, order: Some(Order::default()) }.html();
        check_page(&html);
        assert_eq!(
            html.split("<body>\n").nth(1).unwrap(),
            "<header>\n<nav aria-label=\"Folders above\">\n<ol>\n<li><a href=\"../\">Top</a></li>\n\
             <li aria-current=\"page\"><bdi>docs</bdi></li>\n</ol>\n</nav>\n</header>\n\
             <main>\n<h1><bdi>docs/</bdi></h1>\n<p class=\"soft\">1 folder, 1 file</p>\n\
             <table role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">\
             <th role=\"columnheader\" scope=\"col\" class=\"t\" aria-sort=\"ascending\">\
             <a href=\"?sort=name&amp;order=desc\">Name</a> \u{2191}</th>\
             <th role=\"columnheader\" scope=\"col\" class=\"n\"><a href=\"?sort=size\">Size</a></th>\
             <th role=\"columnheader\" scope=\"col\" class=\"t\">\
             <a href=\"?sort=modified\">Modified (UTC)</a></th></tr></thead>\n\
             <tbody role=\"rowgroup\">\n\
             <tr role=\"row\"><td role=\"cell\"><a href=\"../\">Folder above</a></td>\
             <td role=\"cell\"></td><td role=\"cell\"></td></tr>\n\
             <tr role=\"row\"><td role=\"cell\"><a href=\"./old/\"><bdi>old</bdi>/</a></td>\
             <td role=\"cell\" class=\"n\"></td><td role=\"cell\" class=\"t\"></td></tr>\n\
             <tr role=\"row\"><td role=\"cell\"><a href=\"./a%20b.txt\"><bdi>a b.txt</bdi></a></td>\
             <td role=\"cell\" class=\"n\"><span title=\"1,536 bytes\">1.5 KiB</span></td>\
             <td role=\"cell\" class=\"t\"><time datetime=\"2026-11-24T23:17:05Z\">2026-11-24 23:17</time>\
             </td></tr>\n</tbody>\n</table>\n</main>\n</body>\n</html>\n"
        );
    }

    #[test]
    fn an_empty_root() {
        let html = Listing { path: b"/", entries: &[], order: None }.html();
        check_page(&html);
        assert!(html.contains("This folder is empty.") && !html.contains("<table") && !html.contains("<nav"));
    }

    #[test]
    fn a_listing_for_programs() {
        let entries = [file(b"\xff\"\n", 7), folder(b"f")];
        let json = Listing { path: b"/", entries: &entries, order: None }.json();
        assert_eq!(
            serde_json::from_str::<Value>(&json).unwrap(),
            json!([
                { "name": "f", "type": "folder", "size": null, "modified": null, "href": "./f/" },
                {
                    "name": "\u{fffd}\"\n", "type": "file", "size": 7,
                    "modified": "1970-01-01T00:00:00Z", "href": "./%FF%22%0A"
                },
            ])
        );
    }
}
