//! Whole configurations: what legal ones mean, what is said about others and where.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::routes::*;
use super::site::*;
use super::*;

const WORLD: &str = include_str!("testdata/world.toml");
const COMPLETE: &str = include_str!("testdata/complete.toml");
const LATER: &str = include_str!("testdata/later.toml");

fn parse(text: &str) -> Result<Configuration, ConfigurationError> {
    parse_with(text, &Flags::default(), &[])
}

fn parse_with(
    text: &str,
    flags: &Flags,
    environment: &[(&str, &str)],
) -> Result<Configuration, ConfigurationError> {
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    // The name as people write it, the folder as a service has it.
    let parsed = Configuration::parse(text, Path::new("candor.toml"), flags, environment, noon());
    parsed.map(|mut configuration| {
        configuration.file = None;
        configuration
    })
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn here(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap()
}

/// The faults of a text, first lines only.
fn faults(text: &str) -> Vec<String> {
    let error = parse(text).expect_err(text);
    error.to_string().lines().filter(|line| !line.starts_with("  ")).map(str::to_owned).collect()
}

#[test]
fn the_complete_file_means_what_it_says() {
    let configuration = parse(COMPLETE).unwrap_or_else(|error| panic!("{error}"));
    let listeners: Vec<String> = configuration.listeners.iter().map(Listener::to_string).collect();
    assert_eq!(
        listeners,
        ["http://127.0.0.1:8080", "https://0.0.0.0:443", "unix:/run/candor.sock", "http://127.0.0.1:8081"]
    );
    assert!(configuration.listeners[3].proxy_protocol && !configuration.listeners[0].proxy_protocol);
    assert_eq!(configuration.state, Some(PathBuf::from("/var/lib/candor")));
    assert_eq!(
        configuration.access_log,
        Some(AccessLog { format: LogFormat::Json, file: Some(here("access.log")) })
    );
    assert_eq!(configuration.reserved, "/_candor/");
    assert!(configuration.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
    let usual = Limits::default();
    let rate = Some(Rate { count: 100, per: Duration::from_secs(1) });
    assert_eq!(configuration.limits, Limits { rate, ..usual });
    assert_eq!(configuration.user("amy").unwrap().groups, ["editors", "admins"]);
    assert_eq!(configuration.user("robot").unwrap().tokens[0].0[0], 0xe3);

    let site = &configuration.sites[0];
    assert_eq!(site.root, here("site"));
    assert_eq!(site.hosts, [Host::Name("example.org".into()), Host::Below("example.org".into())]);
    assert_eq!(site.languages, ["en", "de"]);
    assert_eq!(site.fallback.as_deref(), Some("index.html"));
    assert_eq!(site.error_pages[&404], "errors/404.html");
    assert_eq!(site.hsts, Some(Duration::from_secs(180 * 86_400)));
    assert_eq!(site.tls.as_ref().unwrap().key, here("key.pem"));
    assert!(
        site.redirect_to_https
            && site.strict_redirects
            && site.variant_list_in_content
            && site.lenient_accept
    );
    assert!(!site.listing);
    let field = |name: &str| site.fields.iter().find(|rule| rule.name == name).map(|rule| rule.values.len());
    assert_eq!(
        [field("X-Frame-Options"), field("Link"), field("X-Content-Type-Options")],
        [Some(1), Some(2), Some(0)]
    );
    assert_eq!(site.cors.as_ref().unwrap().origins, Origins::Only(vec!["https://app.example.org".into()]));

    let route = |path: &str| site.routes.find(path.as_bytes()).unwrap();
    let amy_and_robot = Callers::Only(["amy".to_owned(), "robot".to_owned()].into());
    assert_eq!(
        route("/priv/x").access,
        Access { realm: Some("priv".into()), read: amy_and_robot, write: None, conceal: None }
    );
    assert_eq!(route("/hush/x").access.conceal, Some(Conceal::As403));
    assert!(route("/hush/x").access.read.are_nobody());
    let RouteKind::Documents(documents) = &route("/doc").what else { panic!() };
    assert_eq!(documents.default_variant.as_deref(), Some("doc.en.html"));
    assert_eq!(route("/doc").rate, Some(Rate { count: 10, per: Duration::from_secs(60) }));
    assert_eq!(route("/doc").cors.as_ref().unwrap().origins, Origins::Any);
    let RouteKind::Moved(target) = &route("/old/x").what else { panic!() };
    assert_eq!(target.location(), "/new/");
    let RouteKind::MovedForNow { until, .. } = &route("/away").what else { panic!() };
    assert_eq!(*until, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_896_091_200)));
    let RouteKind::Gone { note, from, keep } = &route("/gone.txt").what else { panic!() };
    assert_eq!(
        (note.as_str(), from.is_some(), *keep),
        ("withdrawn", true, Some(Duration::from_secs(90 * 86_400)))
    );
    assert_eq!(
        route("/maint/x").what,
        RouteKind::Unavailable { until: noon().checked_add(Duration::from_secs(120)) }
    );
    assert!(configuration.notices.is_empty(), "{:?}", configuration.notices);
}

#[test]
fn the_test_world_loads_with_a_word_about_what_is_to_come() {
    let configuration = parse(WORLD).unwrap_or_else(|error| panic!("{error}"));
    let site = &configuration.sites[0];
    assert_eq!(site.routes.iter().count(), 17);
    assert_eq!(site.routes.find(b"/maint2/page.txt").unwrap().what, RouteKind::Unavailable { until: None });
    assert_eq!(site.routes.find(b"/hush4/x").unwrap().access.conceal, Some(Conceal::As404));
    let form = Form { into: "/box/".into(), after: FormAfter::Reset };
    assert_eq!(site.routes.find(b"/form/reset").unwrap().what, RouteKind::Form(form));
    let RouteKind::Run(run) = &site.routes.find(b"/boom").unwrap().what else { panic!() };
    assert_eq!(run.command, [here("bin/boom").to_string_lossy()]);
    assert_eq!(site.routes.find(b"/box/").unwrap().access.write, Some(Callers::Anyone));
    let notices: Vec<String> = configuration.notices.iter().map(|notice| notice.to_string()).collect();
    let about = |key: &str| notices.iter().filter(|notice| notice.contains(&format!("\"{key}\""))).count();
    // A key whose feature arrives leaves the list of what is not built, and this one.
    for key in ["form", "run"] {
        assert_eq!(about(key), 1, "{key}: {notices:#?}");
    }
}

#[test]
fn features_to_come_are_refused_where_serving_would_mislead() {
    let found = faults(LATER);
    for (line, key) in [(8, "vanished"), (9, "grace"), (22, "choices")] {
        let expected = format!("candor.toml:{line}:1: \"{key}\" is not in this build yet");
        assert!(found.contains(&expected), "{expected} is not in {found:#?}");
    }
    assert_eq!(found.len(), 3, "{found:#?}");
}

/// Each text with everything that is to be said about it.
const FAULTS: &[(&str, &[&str])] = &[
    ("lisen = 1\n[[site]]\nroot='s'", &["1:1: unknown key \"lisen\"; did you mean \"listen\"?"]),
    ("", &["1:1: \"site\" is missing; write [[site]] and root = \"…\", the folder to serve"]),
    (
        "[[site]]\nroot='s'\nmoved='/x'",
        &[
            "3:1: unknown key \"moved\" in \"site\"; known are hosts, root, listing, languages, fallback, error_pages, \
           redirect_to_https, hsts, tls, insecure_basic, strict_redirects, variant_list, lenient_accept, vanished, \
           grace, cache_control, fields, cors, route",
        ],
    ),
    (
        "listen = 8080\n[[site]]\nroot='s'",
        &["1:10: \"listen\" must be a list of addresses such as [\"127.0.0.1:8080\"], not an integer"],
    ),
    (
        "listen = [\"127.0.0.1:80\",\n  \":80\"]\n[[site]]\nroot='s'",
        &[
            "2:3: \":80\" is not a place to listen; write \"0.0.0.0:80\" for every address of this machine, or \
           \"127.0.0.1:80\" for this machine only",
        ],
    ),
    ("listen = []\n[[site]]\nroot='s'", &["1:10: there must be at least one place to listen"]),
    (
        "listen = ['[::1]:80', 'http://[::1]:80']\n[[site]]\nroot='s'",
        &["1:23: http://[::1]:80 is listened on twice"],
    ),
    (
        "listen = 'https://0.0.0.0:443'\n[[site]]\nroot='s'",
        &["1:10: https://0.0.0.0:443 needs a certificate: no site has tls = { cert, key }"],
    ),
    (
        "[limits]\nhead_timeout = 10\nhead_sise = '1KiB'\nbody_size = '1XB'\nrate = 'x'\nconnections = 0\n[[site]]\nroot='s'",
        &[
            "2:16: \"head_timeout\" must be a time such as \"10s\", \"5m\" or \"500ms\", not an integer",
            "3:1: unknown key \"head_sise\" in \"limits\"; did you mean \"head_size\"?",
            "4:13: \"1XB\" is not a size such as \"32KiB\" or \"1GiB\"",
            "5:8: \"x\" is not a rate such as \"100/s\" or \"10/m\"",
            "6:15: 0 is not between 1 and 10000000",
        ],
    ),
    (
        "access_log = 'combind'\n[[site]]\nroot='s'",
        &["1:14: \"combind\" is not known here; did you mean \"combined\"?"],
    ),
    ("[[site]]", &["1:1: \"root\" is missing; name the folder this site serves, such as root = \"public\""]),
    (
        "[[site]]\nroot='s'\ntls = { cert = 'c' }",
        &["3:7: \"key\" is missing; a certificate and its private key come together"],
    ),
    (
        "[[site]]\nroot='a'\nhosts=['x.org']\n[[site]]\nroot='b'\nhosts=['y.org', 'X.org']",
        &["6:17: another site has the host \"x.org\""],
    ),
    (
        "[[site]]\nroot='a'\n[[site]]\nroot='b'",
        &["3:1: another site has no \"hosts\" either; only one can answer for every other host"],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/x/'\nrealm='r'\nread=['amy']\nconceal=403\n[[user]]\nname='amy'\ntokens=[]",
        &["7:1: \"conceal\" together with \"realm\": a challenge would tell what is to be concealed"],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/x'\nconceal=401",
        &["5:9: conceal = 401: a subtree is concealed as 403 or as 404"],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/x'\ngone='g'\nmoved='/y'\nunavailable=true",
        &[
            "6:1: \"moved\" and \"gone\" on one route; a route does one of these",
            "7:1: \"unavailable\" and \"gone\" on one route; a route does one of these",
        ],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/x'\nmoved='/y'\ndefault_variant='y.html'\nkeep='1d'",
        &[
            "6:1: \"default_variant\" is for documents, and this route has \"moved\" instead",
            "7:1: \"keep\" means nothing without \"gone\"",
        ],
    ),
    (
        "[[user]]\nname='amy'\ntokens=[]\n[[site]]\nroot='s'\n[[site.route]]\npath='/x'\nwrite=['amy', 'any', '@eds']",
        &["8:15: there is no user \"any\"; did you mean \"amy\"?", "8:22: no user is in the group \"eds\""],
    ),
    (
        "[[user]]\nname='amy'\npassword='secret'\n[[user]]\nname='amy'\ntokens=[]\n[[user]]\n[[site]]\nroot='s'",
        &[
            "3:10: a password is written as its argon2id hash, \"$argon2id$…\"; `candor user hash` makes one",
            "4:1: there is another user \"amy\"",
            "7:1: \"name\" is missing; a user needs a name",
            "7:1: \"password\" is missing; without a password or tokens nobody can be this user",
        ],
    ),
    ("[[site]]\nroot='s'\n[[site.route]]\npath='/x'\nmoved='/x'", &["5:1: \"/x\" moves to itself"]),
    ("[[site]]\nroot='s'\n[[site.route]]\npath='/x/'\nmoved='/x/y/'", &["5:1: \"/x/\" moves to itself"]),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/a'\nmoved='/b'\n[[site.route]]\npath='/b'\nmoved_for_now='/c?q'\n\
         [[site.route]]\npath='/c'\nmoved='/a#f'",
        &["5:1: the redirects from \"/a\" lead in a circle"],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='x'\n[[site.route]]\nmoved='/x'\n[[site.route]]\npath='/y'\nmoved='y'",
        &[
            "4:6: \"x\" does not begin with \"/\"",
            "5:1: \"path\" is missing; say what the route covers: \"/x\" is one address, \"/x/\" a subtree",
            "9:7: \"y\" does not begin with \"/\"",
        ],
    ),
    (
        "[[site]]\nroot='s'\n[[site.route]]\npath='/x'\n[[site.route]]\npath='/%78'",
        &["6:6: another route of this site has the path \"/x\""],
    ),
    (
        "[[site]]\nroot='s'\nfields={Date='now', Cache-Control='no-store', 'a b'='c', X='a\\nb', Y=\"a\\nb\"}",
        &[
            "3:9: Date is set by candor itself",
            "3:21: Cache-Control is set by the key \"cache_control\"",
            "3:47: \"a b\" is not a field name",
            "3:70: \"a\\nb\" is not a legal field value",
        ],
    ),
    (
        "[[site]]\nroot='s'\ncors={origins='*', credentials=true}",
        &["3:20: credentials for any origin would let every page act for its reader; name the origins"],
    ),
    (
        "[[site]]\nroot='s'\nerror_pages={200='x.html', 404='../x'}",
        &[
            "3:14: \"200\" is not an error code, 400 to 599",
            "3:32: \"../x\" is not a file below the site's root",
        ],
    ),
    (
        "reserved = '/'\n[[site]]\nroot='s'",
        &["1:12: \"/\" is not a prefix of one segment between two slashes, such as \"/_candor/\""],
    ),
    ("äöü = 1\n[[site]]\nroot='s'", &["1:1: invalid unquoted key, expected letters, numbers, `-`, `_`"]),
    ("listen = '127.0.0.1:1'\nlisten = '127.0.0.1:2'\n[[site]]\nroot='s'", &["2:1: duplicate key"]),
    (
        "# ü\n[[site]]\nroot='s'\n[[site.route]]\n\"path\"='/ä'\n'gone' = \"ü\" # ä\n  unavailable='x'",
        &[
            "7:3: \"unavailable\" and \"gone\" on one route; a route does one of these",
            "7:15: \"unavailable\" must be true, a time such as \"10s\", \"5m\" or \"500ms\", or a moment such as 2030-01-31T12:00:00Z",
        ],
    ),
    (
        "listen='0.0.0.0:80'\n[[user]]\nname='amy'\ntokens=[]\n[[site]]\nroot='s'\n[[site.route]]\npath='/x'\nread=['amy']",
        &[
            "1:8: passwords would pass http://0.0.0.0:80 in the clear; use https://, or redirect_to_https in the site, or \
           say insecure_basic = true",
        ],
    ),
    ("site = 1", &["1:8: \"site\" must be written as [[site]], not an integer"]),
    ("[site]\nroot='s'", &["1:1: \"site\" must be written as [[site]], not a table"]),
];

#[test]
fn everything_wrong_is_told_where_it_stands() {
    for (text, expected) in FAULTS {
        let found = faults(text);
        let expected: Vec<String> = expected.iter().map(|fault| format!("candor.toml:{fault}")).collect();
        assert_eq!(found, expected, "\n{text}");
    }
}

#[test]
fn a_fault_shows_its_line() {
    let error = parse("[[site]]\nroot='s'\n\t'ünkown' = \"ü\" # ä").unwrap_err();
    let expected = "  3 | \t'ünkown' = \"ü\" # ä\n    | \t^^^^^^^^";
    assert_eq!(error.faults[0].excerpt.as_deref(), Some(expected), "{error}");
    assert!(error.to_string().starts_with("candor.toml:3:2: unknown key \"ünkown\""), "{error}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen=['127.0.0.1:1']\nstate='/file'\n[limits]\nhead_timeout='1s'\nbody_timeout='1s'\n[[site]]\nroot='s'";
    let environment = [
        ("CANDOR_LISTEN", "127.0.0.1:2, 127.0.0.1:3"),
        ("CANDOR_STATE", "/environment"),
        ("CANDOR_LIMITS_HEAD_TIMEOUT", "2s"),
        ("CANDOR_LIMITS_CONNECTIONS", "7"),
        ("CANDOR_ACCESS_LOG", "off"),
        ("CANDOR_LISTING", "true"),
        ("CANDOR_CONFIG", "x"),
        ("CANDOR_RESERVED", ""),
        ("PATH", "x"),
    ];
    let ports = |configuration: &Configuration| {
        let listeners = configuration.listeners.iter().map(Listener::to_string);
        listeners.map(|listener| listener.rsplit(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let configuration = parse_with(file, &Flags::default(), &environment).unwrap();
    assert_eq!(ports(&configuration), ["2", "3"]);
    assert_eq!(configuration.state, Some("/environment".into()));
    assert_eq!(configuration.limits.head_timeout, Duration::from_secs(2));
    assert_eq!(configuration.limits.body_timeout, Duration::from_secs(1));
    assert_eq!(configuration.limits.connections, 7);
    assert_eq!(configuration.access_log, None);
    assert!(configuration.sites[0].listing);
    assert!(configuration.notices.is_empty(), "{:?}", configuration.notices);

    let flags = Flags {
        listen: vec!["127.0.0.1:4".into()],
        state: Some("flag".into()),
        folder: Some("dir".into()),
        access_log: Some("json".into()),
        listing: Some(false),
        ..Flags::default()
    };
    let configuration = parse_with(file, &flags, &environment).unwrap();
    assert_eq!(ports(&configuration), ["4"]);
    assert_eq!(configuration.state, Some(here("flag")));
    assert_eq!(configuration.access_log.unwrap().format, LogFormat::Json);
    assert_eq!(configuration.sites[0].root, here("dir"));
    assert!(!configuration.sites[0].listing);
}

#[test]
fn faults_of_flags_and_variables_name_them() {
    let check = |flags: Flags, environment: &[(&str, &str)], expected: &str| {
        let error = parse_with("[[site]]\nroot='s'", &flags, environment).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let usual = Flags::default;
    check(
        usual(),
        &[("CANDOR_LIMITS_HEAD_SIZE", "x")],
        "CANDOR_LIMITS_HEAD_SIZE: \"x\" is not a size such as \"32KiB\" or \"1GiB\"",
    );
    check(
        usual(),
        &[("CANDOR_ACCESS_LOG", "on")],
        "CANDOR_ACCESS_LOG: \"on\" is not known here; write \"combined\" or \"json\" or \"off\"",
    );
    check(
        Flags { listen: vec!["example".into()], ..usual() },
        &[],
        "--listen: \"example\" is not a place to listen; write an IP address and a port, such as \"127.0.0.1:8080\" or \
         \"https://0.0.0.0:443\", or \"unix:/run/candor.sock\"",
    );
    check(
        Flags { tls_cert: Some("c".into()), ..usual() },
        &[],
        "--tls-cert: \"key\" is missing; a certificate and its private key come together",
    );
    let two = "[[site]]\nroot='a'\nhosts=['a']\n[[site]]\nroot='b'";
    let error = parse_with(two, &Flags { folder: Some("dir".into()), ..usual() }, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "dir: the configuration file has 2 sites, so it must name their folders itself; leave the folder out"
    );
    let misspelt = parse_with("[[site]]\nroot='s'", &usual(), &[("CANDOR_LISTN", "127.0.0.1:1")]).unwrap();
    assert_eq!(
        misspelt.notices[0].to_string(),
        "CANDOR_LISTN: unknown variable; did you mean CANDOR_LISTEN?"
    );
}

#[test]
fn a_certificate_among_the_flags_makes_bare_listeners_speak_tls() {
    let tls = Flags { tls_cert: Some("c".into()), tls_key: Some("k".into()), ..Flags::default() };
    let listen = |flags: &Flags, file: &str| parse_with(file, flags, &[]).unwrap().listeners[0].to_string();
    let site = "[[site]]\nroot='s'";
    assert_eq!(listen(&tls, site), "https://127.0.0.1:8080");
    assert_eq!(listen(&Flags { listen: vec!["0.0.0.0:1".into()], ..tls.clone() }, site), "https://0.0.0.0:1");
    assert_eq!(
        listen(&Flags { listen: vec!["http://0.0.0.0:1".into()], ..tls.clone() }, site),
        "http://0.0.0.0:1"
    );
    assert_eq!(listen(&tls, &format!("listen='127.0.0.1:1'\n{site}")), "http://127.0.0.1:1");
    assert_eq!(listen(&Flags::default(), site), "http://127.0.0.1:8080");
}

#[test]
fn a_route_below_a_closed_one_that_is_open_is_pointed_out() {
    let text =
        "[[site]]\nroot='s'\n[[site.route]]\npath='/p/'\nread=[]\n[[site.route]]\npath='/p/q'\nmoved='/r'";
    let notices = parse(text).unwrap().notices;
    assert_eq!(notices.len(), 1);
    assert!(
        notices[0]
            .to_string()
            .starts_with("candor.toml:7:1: this route is open to anyone although \"/p/\" is not")
    );
}

#[test]
fn a_folder_needs_no_file() {
    let configuration = Configuration::for_folder(Path::new("."), &Flags::default(), []).unwrap();
    assert_eq!(configuration.listeners[0].to_string(), "http://127.0.0.1:8080");
    assert!(configuration.sites[0].listing && configuration.sites[0].hosts.is_empty());
    assert_eq!(configuration.sites[0].root, here("."));
    assert_eq!(configuration.file, None);
    let quiet = Flags { listing: Some(false), ..Flags::default() };
    assert!(!Configuration::for_folder(Path::new("."), &quiet, []).unwrap().sites[0].listing);

    let error = Configuration::for_folder(Path::new("no/such/folder"), &Flags::default(), []).unwrap_err();
    let expected = format!("no/such/folder: {}: no such file or directory", here("no/such/folder").display());
    assert_eq!(error.to_string(), expected);
    let error = Configuration::load(Path::new("no/such.toml"), &Flags::default(), []).unwrap_err();
    assert_eq!(error.to_string(), "no/such.toml: cannot be read: no such file or directory");
}

#[test]
fn a_long_chain_and_many_routes_take_no_time() {
    let mut text = String::from("[[site]]\nroot='s'\n");
    for number in 0..20_000 {
        text.push_str(&format!("[[site.route]]\npath='/{number}'\nmoved='/{}'\n", number + 1));
    }
    let begun = std::time::Instant::now();
    assert_eq!(parse(&text).unwrap().sites[0].routes.iter().count(), 20_000);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// A file after some small accidents: bytes cut, doubled, exchanged, or words of another place put in.
fn damaged() -> impl Strategy<Value = String> {
    let accident = (any::<prop::sample::Index>(), 0_usize..24, prop::sample::select(SCRAPS));
    (prop::sample::select(&[WORLD, COMPLETE, LATER][..]), prop::collection::vec(accident, 1..6)).prop_map(
        |(file, accidents)| {
            let mut letters: Vec<char> = file.chars().collect();
            for (place, length, scrap) in accidents {
                let at = place.index(letters.len() + 1);
                let end = (at + length).min(letters.len());
                letters.splice(at..end, scrap.chars());
            }
            letters.into_iter().collect()
        },
    )
}

const SCRAPS: &[&str] = &[
    "",
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "=",
    "\n",
    "\r",
    "\0",
    "{",
    "}",
    "ü",
    "🦀",
    "9999999999999999999999",
    "-1",
    "0x",
    "1979-05-27T07:32:00Z",
    "9999-12-31T23:59:59-23:59",
    "true",
    "'''",
    "\"\"\"",
    ".",
    ",",
    "#",
    "/",
    "/%",
    "..",
    "[[site]]",
    "[[site.route]]\npath='/'",
    "moved='/a'\n",
    "conceal=404\n",
    "inf",
    "\\u{110000}",
    "\\uD800",
    "\u{feff}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is in a file: never a panic, and faults stand inside the file.
    #[test]
    fn damaged_files_are_told_about(text in damaged()) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.faults.is_empty());
            let lines = text.matches('\n').count() + 1;
            for fault in &error.faults {
                let line: usize = fault.origin.split(':').nth(1).unwrap().parse().unwrap();
                prop_assert!((1..=lines).contains(&line), "{fault}");
                prop_assert!(!fault.message.is_empty());
            }
        }
    }

    #[test]
    fn any_variable_is_told_about(name in "(CANDOR_)?[A-Z_]{0,20}", value in any::<String>()) {
        let _ = parse_with(WORLD, &Flags { listen: vec![value.clone()], ..Flags::default() }, &[(&name, &value)]);
    }
}
