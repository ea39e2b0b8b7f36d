//! Which forms answer where, over folders as people and tools leave them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod site;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use candor_origin::Rules;
use candor_semantics::facts::Live;
use candor_semantics::representation::Coding;
use site::Site;

async fn check(names: &[&str], expected: &[(&str, &str)]) {
    let site = Site::with(names);
    for (target, words) in expected {
        assert_eq!(site.words(target).await, *words, "{target} cold");
        assert_eq!(site.words(target).await, *words, "{target} hot");
    }
}

#[tokio::test]
async fn hugo() {
    check(
        &[
            "index.html",
            "index.xml",
            "404.html",
            "sitemap.xml",
            "robots.txt",
            "css/main.min.css",
            "posts/index.html",
            "posts/index.xml",
            "posts/one/index.html",
            "posts/one/hero.webp",
            "posts/one/hero.avif",
            "js/app.js",
            "js/app.js.map",
        ],
        &[
            ("/", "index.html index.xml"),
            ("/index.html", "index.html"),
            ("/index.xml", "index.xml"),
            ("/posts", "slash /posts/"),
            ("/posts/", "index.html index.xml"),
            ("/posts/one/?utm=1", "index.html"),
            ("/posts/one?utm=1&x=%20", "slash /posts/one/?utm=1&x=%20"),
            ("/posts/one/hero", "hero.avif hero.webp"),
            ("/posts/one/hero.avif", "hero.avif"),
            ("/posts/two/", "nothing"),
            ("/posts/two", "nothing"),
            ("/css/", "listing"),
            ("/js/app", "app.js"),
            ("/js/app.js", "app.js"),
            ("/robots", "robots.txt"),
            ("/sitemap.xml", "sitemap.xml"),
            ("/sitemap.xml/", "nothing"),
            ("/sitemap.xml/x", "nothing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn sphinx_and_mdbook() {
    check(
        &[
            "index.html",
            "genindex.html",
            "objects.inv",
            "searchindex.js",
            ".buildinfo",
            ".nojekyll",
            "_sources/index.rst.txt",
            "_static/jquery.js",
            "_static/doctools.js",
            "api/index.html",
            "api.html",
            "guide.html",
            "guide/install.html",
            "print.html",
            "book.js",
            "toc.html",
            "toc.js",
            "searchindex.json",
            "fonts/open-sans.woff2",
            "FontAwesome/css/font-awesome.css",
        ],
        &[
            ("/", "index.html"),
            ("/genindex.html", "genindex.html"),
            ("/genindex", "genindex.html"),
            ("/objects.inv", "objects.inv"),
            ("/objects", "nothing"),
            ("/.buildinfo", "nothing"),
            ("/_sources/index.rst.txt", "index.rst.txt"),
            ("/_sources/index", "nothing"),
            ("/_sources/", "listing"),
            ("/api", "api.html"),
            ("/api/", "index.html"),
            ("/guide", "guide.html"),
            ("/guide/", "listing"),
            ("/guide/install", "install.html"),
            ("/toc", "toc.html"),
            ("/searchindex", "searchindex.json"),
            ("/searchindex.js", "searchindex.js"),
            ("/print.html?highlight=x", "print.html"),
        ],
    )
    .await;
}

#[tokio::test]
async fn languages_and_types() {
    check(
        &[
            "doc.en.html",
            "doc.de.html",
            "doc.en.pdf",
            "tie.epub",
            "tie.pdf",
            "page.html",
            "page.md",
            "old.html.en",
            "old.html.fr",
            "old.html.ja.utf8",
            "both.html",
            "both.de.html",
            "polish.pl.html",
            "perl.pl",
            "exact",
            "exact.html",
            "photo.JPG",
            "photo.jpeg",
            "region.pt_BR.html",
        ],
        &[
            ("/doc", "doc.de.html[de] doc.en.html[en] doc.en.pdf[en]"),
            ("/doc.de", "doc.de.html"),
            ("/doc.de.html", "doc.de.html[de]"),
            ("/tie", "tie.epub tie.pdf"),
            ("/page", "page.html page.md"),
            ("/page.html", "page.html page.md"),
            ("/page.md", "page.md"),
            ("/old", "old.html.en[en] old.html.fr[fr] old.html.ja.utf8[ja]"),
            ("/old.html", "old.html.en[en] old.html.fr[fr] old.html.ja.utf8[ja]"),
            ("/both", "both.html both.de.html[de]"),
            ("/both.html", "both.html"),
            ("/polish", "polish.pl.html[pl]"),
            ("/perl", "perl.pl"),
            ("/exact", "exact"),
            ("/exact.html", "exact.html"),
            ("/photo", "photo.JPG"),
            ("/region", "region.pt_BR.html[pt-BR]"),
            ("/missing", "nothing"),
            ("/do", "nothing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_form_of_something_else() {
    check(
        &[
            "jquery.min.js",
            "archive.tar.gz",
            "log.gz",
            "manual.1",
            "README.md",
            "app.js",
            "app.js.br",
            "app.js.gz",
            "lone.css.gz",
            "index.js",
            "shop.css",
            "lib.js",
            "lib/x.js",
            "a.b/c.html",
            "twice.html",
            "twice.htm",
        ],
        &[
            ("/jquery", "nothing"),
            ("/jquery.min", "jquery.min.js"),
            ("/archive", "nothing"),
            ("/archive.tar", "nothing"),
            ("/archive.tar.gz", "archive.tar.gz"),
            ("/log", "nothing"),
            ("/log.gz", "log.gz"),
            ("/manual", "nothing"),
            ("/manual.1", "manual.1"),
            ("/README", "README.md"),
            ("/app", "app.js"),
            ("/app.js.br", "app.js.br"),
            ("/lone.css", "nothing"),
            ("/", "listing"),
            ("/lib", "slash /lib/"),
            ("/a", "nothing"),
            ("/a.b/c", "c.html"),
            ("/twice", "twice.html"),
        ],
    )
    .await;
}

#[tokio::test]
async fn index_documents() {
    check(
        &[
            "a/index.htm",
            "b/index.de.html",
            "b/index.en.html",
            "c/index.md",
            "d/index.json",
            "e/index.html",
            "e/index.js",
            "e/index.css",
            "e/index.md",
            "f/index.html.de",
            "g/",
        ],
        &[
            ("/a/", "index.htm"),
            ("/b/", "index.de.html[de] index.en.html[en]"),
            ("/c/", "index.md"),
            ("/d/", "listing"),
            ("/e/", "index.html index.md"),
            ("/f/", "index.html.de[de]"),
            ("/g/", "listing"),
            ("/g", "slash /g/"),
            ("/", "listing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn hidden_and_impossible_names() {
    let long = format!("/{}", "x".repeat(256));
    let deep = format!("/{}", "d/".repeat(3000));
    check(
        &[
            ".git/config",
            ".env",
            "a/.htpasswd",
            ".well-known/security.txt",
            ".well-known/.x",
            "v.html",
            ".v.html.swp",
        ],
        &[
            ("/.git/config", "nothing"),
            ("/.git/", "nothing"),
            ("/.git", "nothing"),
            ("/.env", "nothing"),
            ("/a/.htpasswd", "nothing"),
            ("/a/%2ehtpasswd", "nothing"),
            ("/.well-known/security.txt", "security.txt"),
            ("/.well-known/security", "security.txt"),
            ("/.well-known", "slash /.well-known/"),
            ("/.well-known/.x", "nothing"),
            ("/v", "v.html"),
            (&long, "nothing"),
            (&deep, "nothing"),
            ("/a%2f.htpasswd", "nothing"),
            ("//v.html", "nothing"),
            ("/a//", "nothing"),
            ("/.", "listing"),
        ],
    )
    .await;
}

#[tokio::test]
async fn names_that_are_not_text() {
    let site = Site::with(&["a b.html", "gr\u{fc}n/x.html"]);
    use std::os::unix::ffi::OsStrExt;
    fs::write(site.root.join(std::ffi::OsStr::from_bytes(b"\xff\xfe.txt")), "raw").unwrap();
    site.settle();
    assert_eq!(site.bytes("/%ff%fe.txt").await.as_deref(), Some(&b"raw"[..]));
    assert_eq!(site.words("/%ff%fe").await, "%FF%FE.txt");
    assert_eq!(site.words("/a%20b").await, "a%20b.html");
    assert_eq!(site.words("/gr%C3%BCn").await, "slash /gr%C3%BCn/");
}

#[tokio::test]
async fn links_inside_are_followed_and_links_out_are_nothing() {
    let site = Site::with(&["real/page.html", "real/a.txt", "here.txt"]);
    fs::write(site.place.path().join("secret.txt"), "secret").unwrap();
    fs::create_dir(site.place.path().join("outside")).unwrap();
    fs::write(site.place.path().join("outside/x.txt"), "secret").unwrap();
    symlink("real", site.path("alias")).unwrap();
    symlink("../here.txt", site.path("real/up.txt")).unwrap();
    symlink("../secret.txt", site.path("out.txt")).unwrap();
    symlink("../../secret.txt", site.path("real/out2.txt")).unwrap();
    symlink("../outside", site.path("outdir")).unwrap();
    symlink("/etc/passwd", site.path("passwd")).unwrap();
    symlink("/proc/self/root/etc/passwd", site.path("magic")).unwrap();
    symlink("nowhere", site.path("dangling")).unwrap();
    symlink("loop", site.path("loop")).unwrap();
    symlink(site.path("real"), site.path("absolute")).unwrap();
    symlink(site.path("here.txt"), site.path("real/absolute.txt")).unwrap();
    symlink("real/absolute.txt", site.path("twice.txt")).unwrap();
    symlink(site.path("absolute-loop"), site.path("absolute-loop")).unwrap();
    symlink(site.path("real/../../secret.txt"), site.path("sly.txt")).unwrap();
    symlink(site.place.path().join("site2"), site.path("beside")).unwrap();
    fs::create_dir(site.place.path().join("site2")).unwrap();
    site.settle();
    for (target, words) in [
        ("/alias/page", "page.html"),
        ("/alias/", "listing"),
        ("/alias", "slash /alias/"),
        ("/real/up.txt", "up.txt"),
        ("/out.txt", "nothing"),
        ("/out", "nothing"),
        ("/real/out2.txt", "nothing"),
        ("/outdir/x.txt", "nothing"),
        ("/outdir/", "nothing"),
        ("/outdir", "nothing"),
        ("/passwd", "nothing"),
        ("/magic", "nothing"),
        ("/dangling", "nothing"),
        ("/loop", "nothing"),
        ("/absolute", "slash /absolute/"),
        ("/absolute/page", "page.html"),
        ("/absolute/up.txt", "up.txt"),
        ("/absolute/absolute.txt", "absolute.txt"),
        ("/twice", "twice.txt"),
        ("/absolute-loop", "nothing"),
        ("/sly.txt", "nothing"),
        ("/beside/", "nothing"),
    ] {
        assert_eq!(site.words(target).await, words, "{target}");
        assert_eq!(site.words(target).await, words, "{target} again");
    }
    assert_eq!(site.bytes("/twice.txt").await.as_deref(), Some(&b"here.txt"[..]));
    fs::write(site.path("nowhere"), "now").unwrap();
    assert_eq!(site.bytes("/dangling").await.as_deref(), Some(&b"now"[..]));
}

#[tokio::test]
async fn only_regular_files_are_served() {
    let site = Site::with(&["a.txt"]);
    let made =
        std::process::Command::new("mkfifo").arg(site.path("fifo")).arg(site.path("index.html")).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(site.path("socket.txt")).unwrap();
    site.settle();
    for target in ["/fifo", "/socket.txt", "/socket", "/index.html"] {
        assert_eq!(site.words(target).await, "nothing", "{target}");
    }
    assert_eq!(site.words("/").await, "listing");
}

#[tokio::test]
async fn rules_shape_what_is_seen() {
    let mut site = Site::with(&["doc.en.html", "doc.de.html", "doc.fr.html", "empty/"]);
    site.rules = Arc::new(Rules {
        listing: false,
        languages: vec!["de".into(), "en".into()],
        default_variant: Some("doc.fr.html".into()),
        cache_control: Some("max-age=60".into()),
        compress: true,
    });
    assert_eq!(site.words("/empty/").await, "folder");
    let standing = site.look("/doc").await;
    let Some(Live::Document { variants }) = &standing.live else { panic!() };
    let told: Vec<(u8, bool)> = variants.iter().map(|v| (v.language_rank, v.default)).collect();
    assert_eq!(told, [(0, false), (1, false), (u8::MAX, true)]);
    assert_eq!(site.open("/doc").await.unwrap().metadata.cache_control.as_deref(), Some(&b"max-age=60"[..]));
    // Other rules, other answers, at once.
    site.rules = Arc::new(Rules { listing: true, ..Rules::default() });
    assert_eq!(site.words("/empty/").await, "listing");
    assert_eq!(site.open("/doc").await.unwrap().metadata.cache_control, None);
}

#[tokio::test]
async fn negotiated_answers_say_where_they_are() {
    let site =
        Site::with(&["doc.en.html", "doc.de.html", "page.html", "index.html", "a.html", "a.md", "s ü.txt"]);
    for (target, location, language, vary) in [
        ("/doc", Some("/doc.de.html"), Some("de"), Some("Accept-Language")),
        ("/doc.de.html", None, Some("de"), None),
        ("/page", Some("/page.html"), None, None),
        ("/page.html", None, None, None),
        ("/", None, None, None),
        ("/a.html", Some("/a.html"), None, Some("Accept")),
        ("/s%20%C3%BC", Some("/s%20%C3%BC.txt"), None, None),
    ] {
        let metadata = site.open(target).await.unwrap().metadata;
        let text =
            |bytes: &Option<bytes::Bytes>| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
        assert_eq!(text(&metadata.content_location).as_deref(), location, "{target}");
        assert_eq!(text(&metadata.content_language).as_deref(), language, "{target}");
        assert_eq!(metadata.vary.value(), vary, "{target}");
        assert!(metadata.ranges);
        assert_eq!(metadata.coding, Coding::Identity);
    }
}

#[tokio::test]
async fn ordinary_clients_are_never_bothered() {
    use candor_semantics::head::{Head, Scheme, Version};
    use candor_semantics::negotiation::{Selection, select};

    const CHROME: &str =
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";
    const SAFARI: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const FEEDS: &str =
        "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8, */*;q=0.5";
    const IMAGES: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
    let site = Site::with(&[
        "index.html",
        "index.xml",
        "index.json",
        "page.html",
        "page.md",
        "hero.avif",
        "hero.webp",
        "hero.jpg",
        "about",
        "main.js",
        "main.css",
        "notes.txt",
        "twin.html",
        "twin.htm",
    ]);
    for (accept, target, name) in [
        (CHROME, "/", "/index.html"),
        (SAFARI, "/", "/index.html"),
        ("*/*", "/", "/index.html"),
        (FEEDS, "/", "/index.xml"),
        ("application/json", "/", "/index.json"),
        (CHROME, "/page", "/page.html"),
        (CHROME, "/page.html", "/page.html"),
        ("*/*", "/page.html", "/page.html"),
        ("text/markdown, text/html;q=0.9, */*;q=0.1", "/page.html", "/page.md"),
        (IMAGES, "/hero", "/hero.avif"),
        (CHROME, "/about", "/about"),
        ("image/png", "/about", "/about"),
        ("*/*", "/main.js", "/main.js"),
        ("text/css,*/*;q=0.1", "/main.css", "/main.css"),
        (CHROME, "/notes", "/notes.txt"),
        (CHROME, "/twin", "/twin.html"),
    ] {
        let Some(Live::Document { variants }) = site.look(target).await.live else { panic!("{target}") };
        let head =
            Head::from_parts(b"GET", target.as_bytes(), Version::Http11, Scheme::Http, [("Accept", accept)]);
        let Selection::One(chosen) = select(&variants, &head, false) else { panic!("{target} {accept}") };
        assert_eq!(variants[chosen.variant].href, name, "{target} {accept}");
    }
}
