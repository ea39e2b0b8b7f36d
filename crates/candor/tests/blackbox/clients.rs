//! Ordinary clients are never bothered: what real programs send, over folders as real tools leave them,
//! brings neither a list of choices (300) nor a refusal (406).

use crate::world::{Plan, World};

/// A client in one of its situations: the fields with which it asks.
struct Client {
    name: &'static str,
    accept: Option<&'static str>,
    language: Option<&'static str>,
    encoding: Option<&'static str>,
    /// Other fields that may steer the answer.
    other: &'static [&'static str],
}

const fn client(
    name: &'static str,
    accept: Option<&'static str>,
    language: Option<&'static str>,
    encoding: Option<&'static str>,
) -> Client {
    Client { name, accept, language, encoding, other: &[] }
}

const fn with(client: Client, other: &'static [&'static str]) -> Client {
    Client { other, ..client }
}

const EN: Option<&str> = Some("en-US,en;q=0.9");
const EN_FIREFOX: Option<&str> = Some("en-US,en;q=0.5");
const EN_SAFARI: Option<&str> = Some("en-GB,en;q=0.9");
const DE: Option<&str> = Some("de,en-US;q=0.7,en;q=0.3");
const ZH: Option<&str> = Some("zh-CN,zh;q=0.9");
const CLEAR: Option<&str> = Some("gzip, deflate");
const BROWSER: Option<&str> = Some("gzip, deflate, br, zstd");
const SAFARI: Option<&str> = Some("gzip, deflate, br");
const ANY: Option<&str> = Some("*/*");
const CHROME_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
const PLAIN_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const FIREFOX_PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8";
const CHROME_IMAGE: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";

/// Whoever opens pages: people's browsers, and programs that read pages.
const PAGES: &[Client] = &[
    client("Chrome", Some(CHROME_PAGE), EN, BROWSER),
    client("Chrome without TLS", Some(CHROME_PAGE), EN, CLEAR),
    client("Chrome in Chinese", Some(CHROME_PAGE), ZH, CLEAR),
    client("Firefox", Some(PLAIN_PAGE), EN_FIREFOX, BROWSER),
    client("Firefox 128", Some(FIREFOX_PAGE), DE, CLEAR),
    client(
        "Firefox 92",
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
        DE,
        SAFARI,
    ),
    client("Safari", Some(PLAIN_PAGE), EN_SAFARI, SAFARI),
    client("Edge of old", Some("text/html, application/xhtml+xml, image/jxr, */*"), EN, CLEAR),
    client(
        "Internet Explorer 8",
        Some(
            "image/jpeg, application/x-ms-application, image/gif, application/xaml+xml, image/pjpeg, application/x-ms-xbap, */*",
        ),
        EN,
        CLEAR,
    ),
    client(
        "Opera of old",
        Some(
            "text/html, application/xml;q=0.9, application/xhtml+xml, image/png, image/webp, image/jpeg, image/gif, image/x-xbitmap, */*;q=0.1",
        ),
        EN,
        CLEAR,
    ),
    client(
        "Lynx",
        Some("text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01"),
        Some("en"),
        Some("gzip, compress, bzip2"),
    ),
    client(
        "w3m",
        Some("text/html, text/*;q=0.5, image/*, application/*"),
        Some("en;q=1.0"),
        Some("gzip, compress, bzip, bzip2, deflate"),
    ),
    client("Turbo", Some("text/html, application/xhtml+xml"), EN, BROWSER),
    client("Mastodon's cards", Some("text/html"), None, Some("gzip")),
    client(
        "Googlebot",
        Some(
            "text/html,application/xhtml+xml,application/signed-exchange;v=b3,application/xml;q=0.9,*/*;q=0.8",
        ),
        None,
        SAFARI,
    ),
    client("Common Crawl", Some(PLAIN_PAGE), EN_FIREFOX, Some("br,gzip")),
    client("Baidu", ANY, Some("zh-cn,zh-tw"), Some("gzip")),
    client("Bingbot", ANY, None, Some("gzip, deflate, br")),
    client("Yandex", ANY, Some("ru, uk;q=0.8, be;q=0.8, en;q=0.7, *;q=0.01"), Some("gzip,deflate")),
    client(
        "Telegram",
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        None,
        Some("gzip"),
    ),
    client(
        "wget2",
        Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        None,
        Some("gzip, deflate, xz, lzma, bzip2, br, zstd, lzip"),
    ),
];

/// Whoever takes anything: tools, libraries, link unfurlers, scripts in pages.
const TOOLS: &[Client] = &[
    client("curl", ANY, None, None),
    client("curl --compressed", ANY, None, Some("deflate, gzip, br, zstd")),
    client("wget", ANY, None, Some("identity")),
    client("Go", None, None, Some("gzip")),
    client("Python urllib", None, None, Some("identity")),
    client("Python requests", ANY, None, SAFARI),
    client("HTTPie", ANY, None, CLEAR),
    client("Java", Some("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"), None, None),
    client("Node fetch", ANY, Some("*"), Some("br, gzip, deflate")),
    client("axios", Some("application/json, text/plain, */*"), EN, BROWSER),
    client("jQuery", Some("application/json, text/javascript, */*; q=0.01"), EN, BROWSER),
    client("fetch()", ANY, EN, BROWSER),
    client("XMLHttpRequest in Firefox", ANY, EN_FIREFOX, CLEAR),
    client("a language model's reader", Some("text/markdown, text/html, */*"), None, SAFARI),
    with(client("Slack", ANY, None, Some("gzip")), &["Range: bytes=0-32768"]),
    client("Twitter", ANY, None, CLEAR),
    with(client("Facebook", ANY, None, Some("deflate, gzip")), &["Range: bytes=0-524287"]),
    client("WhatsApp", ANY, Some("en"), Some("deflate, gzip")),
    client("LinkedIn", ANY, None, Some("gzip, deflate")),
    client("Discord", ANY, None, None),
    client("no fields at all", None, None, None),
    client("empty fields", Some(""), Some(""), Some("")),
];

const IMAGES: &[Client] = &[
    client("Chrome image", Some(CHROME_IMAGE), EN, BROWSER),
    client(
        "Firefox image",
        Some("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"),
        EN_FIREFOX,
        CLEAR,
    ),
    client("Firefox image of old", Some("image/avif,image/webp,*/*"), DE, CLEAR),
    client(
        "Safari image",
        Some(
            "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        ),
        EN_SAFARI,
        SAFARI,
    ),
    client(
        "Safari image of old",
        Some("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"),
        EN_SAFARI,
        CLEAR,
    ),
    client("Internet Explorer image", Some("image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5"), EN, CLEAR),
];

const STYLES: &[Client] = &[
    client("Chrome style", Some("text/css,*/*;q=0.1"), EN, BROWSER),
    client("Firefox style", Some("text/css,*/*;q=0.1"), DE, CLEAR),
    client("Safari style", Some("text/css,*/*;q=0.1"), EN_SAFARI, SAFARI),
];

const SCRIPTS: &[Client] = &[
    client("Chrome script", ANY, EN, BROWSER),
    client("Firefox script", ANY, EN_FIREFOX, CLEAR),
    client("Safari script", ANY, EN_SAFARI, SAFARI),
    with(client("Chrome module", ANY, EN, BROWSER), &["Sec-Fetch-Dest: script", "Sec-Fetch-Mode: cors"]),
    client("Internet Explorer script", Some("application/javascript, */*;q=0.8"), EN, CLEAR),
    client(
        "a loader that is strict",
        Some("text/javascript, application/javascript, application/ecmascript, application/x-ecmascript"),
        EN,
        CLEAR,
    ),
];

const FONTS: &[Client] = &[
    client(
        "Firefox font",
        Some("application/font-woff2;q=1.0,application/font-woff;q=0.9,*/*;q=0.8"),
        EN,
        Some("identity"),
    ),
    client("Chrome font", ANY, EN, BROWSER),
];

const VIDEOS: &[Client] = &[
    with(client("Chrome video", ANY, EN, Some("identity;q=1, *;q=0")), &["Range: bytes=0-"]),
    with(
        client(
            "Firefox video",
            Some("video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5"),
            DE,
            None,
        ),
        &["Range: bytes=0-"],
    ),
    with(
        client(
            "Firefox audio",
            Some(
                "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5",
            ),
            DE,
            Some("identity"),
        ),
        &["Range: bytes=0-"],
    ),
    with(
        client("Safari video", ANY, EN_SAFARI, Some("identity")),
        &["Range: bytes=0-1", "X-Playback-Session-Id: 1"],
    ),
];

const FEEDS: &[Client] = &[
    client(
        "SimplePie",
        Some(
            "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, text/html;q=0.7, unknown/unknown;q=0.1, application/unknown;q=0.1, */*;q=0.1",
        ),
        None,
        Some("deflate, gzip"),
    ),
    client(
        "Miniflux",
        Some(
            "application/xml, application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, text/html, */*;q=0.9",
        ),
        None,
        Some("gzip"),
    ),
    client(
        "feedparser",
        Some(
            "application/atom+xml,application/rdf+xml,application/rss+xml,application/x-netcdf,application/xml;q=0.9,text/xml;q=0.2,*/*;q=0.1",
        ),
        None,
        CLEAR,
    ),
    client(
        "a reader without wildcard",
        Some(
            "application/rss+xml, application/rdf+xml;q=0.8, application/atom+xml;q=0.6, application/xml;q=0.4, text/xml;q=0.4",
        ),
        None,
        Some("gzip"),
    ),
    client("newsboat", ANY, Some("en"), CLEAR),
    client("Feedly", ANY, None, Some("gzip")),
    client("Thunderbird", Some(PLAIN_PAGE), EN_FIREFOX, CLEAR),
];

const APT: &[Client] = &[
    with(client("apt, index", Some("text/*"), None, None), &["Cache-Control: max-age=0"]),
    client("apt, package", None, None, None),
    client("dnf", ANY, None, None),
];

const PIP: &[Client] = &[client(
    "pip",
    Some(
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    ),
    None,
    CLEAR,
)];

const NPM: &[Client] = &[client(
    "npm",
    Some("application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*"),
    None,
    Some("gzip,deflate"),
)];

/// The start of a media type that must come; several are separated by `|`.
type Wanted = &'static str;

/// Clients, and the addresses they ask with the types that must come.
type Expected = (&'static [Client], &'static [(&'static str, Wanted)]);

const EXPECTED: &[Expected] = &[
    (
        PAGES,
        &[
            ("/hugo/", "text/html"),
            ("/hugo/posts/first/", "text/html"),
            ("/hugo/tags/", "text/html"),
            ("/hugo/404.html", "text/html"),
            ("/sphinx/", "text/html"),
            ("/sphinx/genindex.html", "text/html"),
            ("/sphinx/install", "text/html"),
            ("/mdbook/", "text/html"),
            ("/mdbook/chapter_1.html", "text/html"),
            ("/mdbook/print", "text/html"),
            ("/hand/", "text/html"),
            ("/hand/page", "text/html"),
            ("/hand/page.html", "text/html"),
            ("/hand/about", "text/html"),
            ("/hand/about/", "text/html"),
            ("/hand/two-languages", "text/html"),
            ("/hand/cv", "text/html"),
        ],
    ),
    (
        &[PAGES[0].anew(), PAGES[3].anew(), PAGES[6].anew(), PAGES[10].anew(), PAGES[14].anew()],
        &[
            // What people open by a link, and what is saved rather than shown.
            ("/hugo/index.xml", "application/xml|text/xml|application/rss+xml"),
            ("/hugo/sitemap.xml", "application/xml|text/xml"),
            ("/hugo/robots.txt", "text/plain"),
            ("/hand/paper.pdf", "application/pdf"),
            ("/hand/page.md", "text/markdown"),
            ("/hand/archive.tar.gz", "application/"),
            ("/hand/hero.webp", "image/webp"),
            ("/hand/hero", "image/"),
            ("/hand/LICENSE", ""),
            ("/hand/Makefile", ""),
            ("/hand/data.json", "application/json"),
            ("/sphinx/_sources/install.rst.txt", "text/plain"),
            ("/sphinx/objects.inv", ""),
        ],
    ),
    (
        TOOLS,
        &[
            // Scripts that ask for JSON first may have it.
            ("/hugo/", "text/html|application/json"),
            ("/hugo/index.xml", ""),
            ("/hugo/index.json", ""),
            ("/hugo/sitemap.xml", ""),
            ("/hugo/robots.txt", "text/plain"),
            ("/hugo/posts/first/", "text/html"),
            ("/sphinx/install", ""),
            ("/sphinx/searchindex.js", "text/javascript"),
            ("/sphinx/objects.inv", ""),
            ("/mdbook/", "text/html"),
            ("/mdbook/searchindex.json", "application/json"),
            ("/hand/", "text/html"),
            ("/hand/page", "text/"),
            ("/hand/page.md", "text/markdown"),
            ("/hand/hero", "image/"),
            ("/hand/hero.avif", "image/avif"),
            ("/hand/LICENSE", ""),
            ("/hand/archive.tar.gz", "application/"),
            ("/hand/feed", ""),
            ("/hand/data", ""),
            ("/hand/two-languages", "text/html"),
        ],
    ),
    (
        IMAGES,
        &[
            ("/hand/hero", "image/"),
            ("/hand/hero.avif", "image/avif"),
            ("/hand/hero.webp", "image/webp"),
            ("/hand/hero.jpg", "image/jpeg"),
            ("/hand/logo", "image/"),
            ("/hand/logo.svg", "image/svg+xml"),
            ("/hugo/favicon.ico", "image/"),
            ("/mdbook/favicon.svg", "image/svg+xml"),
            ("/mdbook/favicon", "image/"),
            ("/hand/photo", ""),
        ],
    ),
    (
        STYLES,
        &[
            ("/hugo/css/main.css", "text/css"),
            ("/sphinx/_static/basic.css", "text/css"),
            ("/hand/style", "text/css"),
        ],
    ),
    (
        SCRIPTS,
        &[
            ("/hugo/js/main.js", "text/javascript"),
            ("/sphinx/searchindex.js", "text/javascript"),
            ("/mdbook/searchindex.js", "text/javascript"),
            ("/hand/module.mjs", "text/javascript"),
        ],
    ),
    (FONTS, &[("/mdbook/fonts/serif.woff2", "font/woff2"), ("/mdbook/fonts/serif.ttf", "font/ttf")]),
    (
        VIDEOS,
        &[("/hand/film.mp4", "video/mp4"), ("/hand/film.webm", "video/webm"), ("/hand/song.mp3", "audio/")],
    ),
    (
        FEEDS,
        &[
            ("/hugo/index.xml", "application/xml|text/xml|application/rss+xml"),
            ("/hugo/tags/index.xml", "application/xml|text/xml|application/rss+xml"),
            ("/hand/feed.xml", "application/xml|text/xml"),
            ("/hand/feed", ""),
            ("/hand/blog.atom", "application/atom+xml"),
        ],
    ),
    (
        APT,
        &[
            ("/debian/dists/stable/InRelease", ""),
            ("/debian/dists/stable/Release", ""),
            ("/debian/dists/stable/main/binary-amd64/Packages", ""),
        ],
    ),
    (
        &[APT[1].anew(), APT[2].anew()],
        &[
            ("/debian/dists/stable/main/binary-amd64/Packages.gz", ""),
            ("/debian/dists/stable/main/binary-amd64/Packages.xz", ""),
            ("/debian/pool/main/h/hello_2.10-3_amd64.deb", ""),
        ],
    ),
    (PIP, &[("/simple/", "text/html"), ("/simple/hello/", "text/html")]),
    (NPM, &[("/hand/data.json", "application/json"), ("/hand/data", "")]),
];

impl Client {
    /// The same client for another list.
    const fn anew(&self) -> Client {
        Client {
            name: self.name,
            accept: self.accept,
            language: self.language,
            encoding: self.encoding,
            other: self.other,
        }
    }

    fn lines(&self, start: &str) -> Vec<String> {
        let mut lines = vec![start.to_string()];
        for (name, value) in
            [("Accept", self.accept), ("Accept-Language", self.language), ("Accept-Encoding", self.encoding)]
        {
            lines.extend(value.map(|value| format!("{name}: {value}")));
        }
        lines.extend(self.other.iter().map(|line| line.to_string()));
        lines
    }
}

/// Folders as generators, repositories and people leave them.
fn folders() -> World {
    let page = |text: &str| {
        format!("<!doctype html>\n<html lang=\"en\"><title>{text}</title><p>{text}</p></html>\n")
    };
    let feed = "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Feed</title></channel></rss>\n";
    let mut plan = Plan::empty("[[site]]\nroot = \"site\"\nlisting = true\n");
    for path in [
        "hugo/index.html",
        "hugo/404.html",
        "hugo/posts/index.html",
        "hugo/posts/first/index.html",
        "hugo/tags/index.html",
        "sphinx/index.html",
        "sphinx/genindex.html",
        "sphinx/install.html",
        "mdbook/index.html",
        "mdbook/chapter_1.html",
        "mdbook/print.html",
        "mdbook/toc.html",
        "hand/index.html",
        "hand/page.html",
        "hand/about.html",
        "hand/about/index.html",
        "hand/feed.html",
        "hand/cv.html",
        "hand/two-languages.en.html",
        "hand/two-languages.de.html",
        "simple/index.html",
        "simple/hello/index.html",
    ] {
        plan = plan.file(&format!("site/{path}"), page(path));
    }
    for path in [
        "hugo/index.xml",
        "hugo/posts/index.xml",
        "hugo/tags/index.xml",
        "hugo/sitemap.xml",
        "hand/feed.xml",
        "hand/feed.rss",
    ] {
        plan = plan.file(&format!("site/{path}"), feed);
    }
    for (path, content) in [
        ("hugo/index.json", "[]\n"),
        ("hugo/robots.txt", "User-agent: *\n"),
        ("hugo/css/main.css", "p { color: black }\n"),
        ("hugo/js/main.js", "console.log(1)\n"),
        ("hugo/js/main.js.map", "{}\n"),
        ("hugo/favicon.ico", "\0\0\u{1}\0"),
        ("sphinx/_sources/install.rst.txt", "Install\n=======\n"),
        ("sphinx/_sources/index.rst.txt", "Index\n=====\n"),
        ("sphinx/_static/basic.css", "p {}\n"),
        ("sphinx/searchindex.js", "Search.setIndex({})\n"),
        ("sphinx/objects.inv", "# Sphinx inventory version 2\n"),
        ("sphinx/.buildinfo", "config: 1\n"),
        ("mdbook/searchindex.js", "window.search = {}\n"),
        ("mdbook/searchindex.json", "{}\n"),
        ("mdbook/favicon.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"),
        ("mdbook/favicon.png", "\u{89}PNG"),
        ("mdbook/fonts/serif.woff2", "wOF2 and more"),
        ("mdbook/fonts/serif.woff", "wOFF"),
        ("mdbook/fonts/serif.ttf", "ttf and much more than that"),
        ("hand/page.md", "# Page\n"),
        ("hand/page.txt", "Page\n"),
        ("hand/cv.pdf", "%PDF-1.4\n"),
        ("hand/cv.docx", "PK"),
        ("hand/style.css", "p {}\n"),
        ("hand/style.scss", "p {}\n"),
        ("hand/style.css.map", "{}\n"),
        ("hand/hero.avif", "avif: the smallest"),
        ("hand/hero.webp", "webp: a little larger"),
        ("hand/hero.jpg", "jpeg: the largest of them all"),
        ("hand/logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"),
        ("hand/logo.png", "PNG"),
        ("hand/photo.heic", "heic"),
        ("hand/photo.tiff", "tiff, larger"),
        ("hand/module.mjs", "export default 1\n"),
        ("hand/film.mp4", "an MPEG-4 film"),
        ("hand/film.webm", "a WebM film"),
        ("hand/song.mp3", "a song"),
        ("hand/song.ogg", "the same song"),
        ("hand/paper.pdf", "%PDF-1.4\n"),
        ("hand/archive.tar.gz", "\u{1f}packed"),
        ("hand/archive.zip", "PK"),
        ("hand/LICENSE", "Do as you like.\n"),
        ("hand/Makefile", "all:\n"),
        ("hand/README", "Read me\n"),
        ("hand/README.md", "# Read me\n"),
        ("hand/data.json", "{}\n"),
        ("hand/data.csv", "a,b\n"),
        ("hand/data", "raw\n"),
        ("hand/feed.json", "{}\n"),
        ("hand/blog.atom", "<feed xmlns=\"http://www.w3.org/2005/Atom\"/>\n"),
        ("hand/index.php", "<?php\n"),
        ("hand/index.css", "p {}\n"),
        ("hand/index.js", "1\n"),
        ("debian/dists/stable/InRelease", "-----BEGIN PGP SIGNED MESSAGE-----\n"),
        ("debian/dists/stable/Release", "Origin: Debian\n"),
        ("debian/dists/stable/Release.gpg", "-----BEGIN PGP SIGNATURE-----\n"),
        ("debian/dists/stable/main/binary-amd64/Packages", "Package: hello\n"),
        ("debian/dists/stable/main/binary-amd64/Packages.gz", "\u{1f}packed"),
        ("debian/dists/stable/main/binary-amd64/Packages.xz", "\u{fd}7zXZ packed"),
        ("debian/pool/main/h/hello_2.10-3_amd64.deb", "!<arch>\n"),
    ] {
        plan = plan.file(&format!("site/{path}"), content);
    }
    plan.start()
}

#[test]
fn ordinary_clients_are_never_bothered() {
    let world = folders();
    let mut bothered = Vec::new();
    let mut asked = 0;
    for (clients, addresses) in EXPECTED {
        for client in *clients {
            let mut connection = world.connect();
            for (address, wanted) in *addresses {
                let lines = client.lines(&format!("GET {address} HTTP/1.1"));
                let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
                asked += 1;
                let answer = match connection.ask(world.request(&lines).as_bytes()) {
                    Ok(answer) => answer,
                    Err(trouble) => {
                        bothered.push(format!("{} {address}: {trouble}", client.name));
                        connection = world.connect();
                        continue;
                    }
                };
                let kind = answer.field("content-type").unwrap_or_default();
                let fits = wanted.split('|').any(|start| kind.starts_with(start));
                let ranged = client.other.iter().any(|line| line.starts_with("Range"));
                if !(answer.status == 200 || ranged && answer.status == 206) || !fits {
                    let accept = client.accept.unwrap_or("nothing");
                    bothered.push(format!(
                        "{} {address}: {} {kind:?} (wanted {wanted:?}; accepts {accept})",
                        client.name, answer.status
                    ));
                }
            }
        }
    }
    assert!(asked > 900, "only {asked} questions asked");
    assert!(bothered.is_empty(), "{} of {asked} bothered:\n{}", bothered.len(), bothered.join("\n"));
}

/// A client that really excludes everything is told so: the table above would pass if 406 never came.
#[test]
fn who_excludes_everything_is_told() {
    let world = folders();
    assert_eq!(world.ask(&["GET /hand/page HTTP/1.1", "Accept: image/png"]).status, 406);
    assert_eq!(world.ask(&["GET /hand/paper.pdf HTTP/1.1", "Accept: text/html"]).status, 406);
}

/// A page's language settles nothing for a client that has no wish, but it must not be a matter of luck.
#[test]
fn the_same_question_gets_the_same_answer() {
    let world = folders();
    for address in
        ["/hand/hero", "/hand/feed", "/hand/two-languages", "/hand/data", "/hand/page", "/mdbook/favicon"]
    {
        let ask = || world.ask(&[&format!("GET {address} HTTP/1.1"), "Accept: */*"]).without_date();
        let first = ask();
        for _ in 0..5 {
            assert_eq!(ask(), first, "{address}");
        }
    }
}
