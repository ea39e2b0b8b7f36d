use super::*;
use proptest::prelude::*;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn fields(lines: &[(&'static str, &'static str)]) -> Fields {
    let mut fields = Fields::new();
    for &(name, value) in lines {
        fields.push_static(name, value);
    }
    fields
}

/// A request to change as a test needs it.
struct Scene {
    method: &'static str,
    url: Url,
    content: Sent,
    has_copy: bool,
    expects: bool,
    through_proxy: bool,
    tried: Tried,
    hops: Vec<Hop>,
    leave: Leave,
}

impl Scene {
    fn new(method: &'static str) -> Scene {
        let content =
            if matches!(method, "GET" | "HEAD" | "DELETE") { Sent::Nothing } else { Sent::Rewindable };
        Scene {
            method,
            url: url("https://a/x#p2"),
            content,
            has_copy: false,
            expects: false,
            through_proxy: false,
            tried: Tried::default(),
            hops: Vec::new(),
            leave: Leave::default(),
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            method: self.method,
            url: &self.url,
            content: self.content,
            has_copy: self.has_copy,
            expects: self.expects,
            through_proxy: self.through_proxy,
            tried: &self.tried,
            hops: &self.hops,
            leave: &self.leave,
            now: HttpDate::from_unix(1_700_000_000),
        }
    }

    fn react(&self, code: u16, lines: &[(&'static str, &'static str)]) -> Reaction {
        react(&self.asked(), &Answer { code, fields: &fields(lines) })
    }
}

#[test]
fn every_code_of_the_table_has_its_reaction() {
    let scene = Scene::new("GET");
    for &code in Code::ALL {
        let number = code.number();
        let word = match scene.react(number, &[]) {
            Reaction::Show => "show",
            Reaction::Record { .. } => "record",
            Reaction::Poll { .. } => "poll",
            Reaction::SecondHand { .. } => "second hand",
            Reaction::Keep => "keep",
            Reaction::Reset => "reset",
            Reaction::Part => "part",
            Reaction::Choose { .. } => "choose",
            Reaction::Halt(Stop::NoLocation) => "no location",
            Reaction::Repeat { .. } => "repeat",
            Reaction::Resolve { .. } => "resolve",
            Reaction::Unlink => "unlink",
            Reaction::DropPart => "drop part",
            Reaction::NeedsBase => "needs base",
            Reaction::Refused(_) => "refused",
            Reaction::Failed(_) => "failed",
            other => panic!("{number}: {other:?}"),
        };
        let expected = match number {
            100..=199 => "failed",
            200 | 207 => "show",
            201 => "record",
            202 => "poll",
            203 => "second hand",
            204 => "keep",
            205 => "reset",
            206 => "part",
            300 => "choose",
            301 | 302 | 303 | 307 | 308 => "no location",
            304 | 408 | 421 => "repeat",
            305 => "failed",
            409 | 412 => "resolve",
            410 => "unlink",
            416 => "drop part",
            428 => "needs base",
            400..=499 => "refused",
            _ => "failed",
        };
        assert_eq!(word, expected, "{number}");
    }
}

#[test]
fn unknown_codes_are_handled_as_their_class_and_invalid_ones_as_500() {
    let scene = Scene { leave: Leave { repeats: Some(5), ..Leave::default() }, ..Scene::new("GET") };
    assert_eq!(scene.react(299, &[]), Reaction::Show);
    assert_eq!(scene.react(471, &[]), Reaction::Refused(Refused::Plainly));
    assert_eq!(scene.react(742, &[]), Reaction::Failed(Failed::Plainly));
    assert_eq!(scene.react(99, &[]), Reaction::Failed(Failed::Plainly));
    assert_eq!(scene.react(399, &[("Location", "/y")]), Reaction::Failed(Failed::Strange));
}

#[test]
fn the_method_table_of_redirects() {
    for (method, code, expected) in [
        ("GET", 301, "GET"),
        ("HEAD", 302, "HEAD"),
        ("OPTIONS", 307, "OPTIONS"),
        ("POST", 301, "ask POST"),
        ("POST", 302, "ask POST"),
        ("PUT", 307, "ask PUT"),
        ("DELETE", 308, "ask DELETE"),
        ("BREW", 301, "ask BREW"),
        ("POST", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("GET", 300, "GET"),
        ("POST", 300, "ask POST"),
    ] {
        let said = match Scene::new(method).react(code, &[("Location", "/y")]) {
            Reaction::Follow(step) => step.method,
            Reaction::Confirm { step, doubt: Doubt::Unsafe } => format!("ask {}", step.method),
            other => panic!("{method} {code}: {other:?}"),
        };
        assert_eq!(said, expected, "{method} {code}");
    }
    let confirmed = Scene { leave: Leave { confirmed: true, ..Leave::default() }, ..Scene::new("POST") };
    match confirmed.react(301, &[("Location", "/y")]) {
        Reaction::Follow(step) => assert!(step.method == "POST" && step.with_content),
        other => panic!("{other:?}"),
    }
    match Scene::new("POST").react(303, &[("Location", "/x")]) {
        Reaction::Follow(step) => assert!(step.method == "GET" && !step.with_content),
        other => panic!("{other:?}"),
    }
}

#[test]
fn redirects_keep_fragments_and_shed_credentials() {
    let step = |location: &'static str| match Scene::new("GET").react(302, &[("Location", location)]) {
        Reaction::Follow(step) => (step.to.to_string(), step.with_credentials),
        other => panic!("{location}: {other:?}"),
    };
    assert_eq!(step("/y"), ("https://a/y#p2".into(), true));
    assert_eq!(step("/y#q"), ("https://a/y#q".into(), true));
    assert_eq!(step("https://b/y"), ("https://b/y#p2".into(), false));
    assert_eq!(step("https://a:444/y"), ("https://a:444/y#p2".into(), false));
}

#[test]
fn redirects_that_are_not_followed() {
    let scene = Scene::new("GET");
    assert_eq!(scene.react(302, &[("Location", "/x")]), Reaction::Halt(Stop::Loop));
    assert_eq!(scene.react(302, &[("Location", "javascript:1")]), Reaction::Halt(Stop::NotUrl));
    let downgrade = scene.react(302, &[("Location", "http://a/x")]);
    assert!(matches!(downgrade, Reaction::Confirm { doubt: Doubt::Downgrade, .. }), "{downgrade:?}");
    let hop = |n: usize| Hop {
        from: url(&format!("https://a/{n}")),
        code: 302,
        to: url("https://a/x"),
        is_second_hand: false,
    };
    let long = Scene { hops: (0..10).map(hop).collect(), ..Scene::new("GET") };
    assert_eq!(long.react(302, &[("Location", "/z")]), Reaction::Halt(Stop::TooMany));
    let looping = Scene { hops: vec![hop(1)], ..Scene::new("GET") };
    assert_eq!(looping.react(302, &[("Location", "/1")]), Reaction::Halt(Stop::Loop));
    let piped = Scene {
        content: Sent::Once,
        leave: Leave { confirmed: true, ..Leave::default() },
        ..Scene::new("POST")
    };
    assert_eq!(piped.react(301, &[("Location", "/y")]), Reaction::Halt(Stop::ContentGone));
}

#[test]
fn the_older_uri_field_is_read_where_location_is_absent() {
    for value in ["/new", "</new>", "<https://a/new>; public"] {
        match Scene::new("GET").react(301, &[("URI", value)]) {
            Reaction::Follow(step) => assert_eq!(step.to.path(), "/new", "{value}"),
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn choices() {
    const LINK: (&str, &str) = (
        "Link",
        "</d.de>; rel=alternate; hreflang=de; anchor=\"/x\", </d.en>; rel=alternate; hreflang=en, </o>; rel=next",
    );
    for code in [300, 406] {
        match Scene::new("GET").react(code, &[LINK]) {
            Reaction::Choose { choices, best } => assert_eq!((choices.len(), best), (2, None)),
            other => panic!("{other:?}"),
        }
        let german = Leave { languages: Some("de".into()), ..Leave::default() };
        match (Scene { leave: german, ..Scene::new("GET") }).react(code, &[LINK]) {
            Reaction::Choose { best, .. } => assert_eq!(best, Some(url("https://a/d.de"))),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn credentials_once_for_each_challenge() {
    let mut scene = Scene::new("GET");
    const ASKS: (&str, &str) = ("WWW-Authenticate", "Basic realm=\"priv\"");
    let Reaction::Authenticate { by: Asker::Origin, challenges } = scene.react(401, &[ASKS]) else {
        panic!()
    };
    scene.tried.answered = challenges;
    assert_eq!(scene.react(401, &[ASKS]), Reaction::Refused(Refused::Credentials));
    let proxy = [("Proxy-Authenticate", "Basic realm=\"p\"")];
    assert_eq!(Scene::new("GET").react(407, &proxy), Reaction::Refused(Refused::Plainly));
    let through = Scene { through_proxy: true, ..Scene::new("GET") };
    assert!(matches!(through.react(407, &proxy), Reaction::Authenticate { by: Asker::Proxy, .. }));
    assert!(matches!(Scene::new("GET").react(403, &[ASKS]), Reaction::Refused(Refused::OthersMay(_))));
    assert_eq!(Scene::new("GET").react(403, &[]), Reaction::Refused(Refused::Plainly));
}

#[test]
fn waiting_needs_a_time_and_an_idempotent_method() {
    let wait = |method, value| Scene::new(method).react(503, &[("Retry-After", value)]);
    assert_eq!(wait("GET", "7"), Reaction::Repeat { how: Again::Unchanged, after: 7 });
    assert_eq!(
        wait("GET", "Sun, 06 Nov 1994 08:49:37 GMT"),
        Reaction::Repeat { how: Again::Unchanged, after: 0 }
    );
    assert_eq!(wait("GET", "soon"), Reaction::Failed(Failed::Later { after: None }));
    assert_eq!(wait("GET", "86400"), Reaction::Failed(Failed::Later { after: Some(86400) }));
    assert_eq!(wait("POST", "7"), Reaction::Failed(Failed::Later { after: Some(7) }));
    assert_eq!(Scene::new("GET").react(429, &[]), Reaction::Refused(Refused::Later { after: None }));
    let allowed = Scene { leave: Leave { repeat_unsafe: true, ..Leave::default() }, ..Scene::new("POST") };
    assert!(matches!(allowed.react(503, &[("Retry-After", "7")]), Reaction::Repeat { .. }));
}

#[test]
fn a_gateway_failure_is_repeated_once_and_only_with_leave() {
    assert_eq!(Scene::new("GET").react(502, &[]), Reaction::Failed(Failed::OutcomeUnknown));
    let leave = Leave { repeats: Some(5), ..Leave::default() };
    let mut scene = Scene { leave: leave.clone(), ..Scene::new("GET") };
    assert!(matches!(scene.react(504, &[]), Reaction::Repeat { .. }));
    scene.tried.gateways = 1;
    assert_eq!(scene.react(504, &[]), Reaction::Failed(Failed::OutcomeUnknown));
    assert_eq!(
        Scene { leave, ..Scene::new("POST") }.react(502, &[]),
        Reaction::Failed(Failed::OutcomeUnknown)
    );
}

#[test]
fn breaks() {
    let of = |method, how| broken(&Scene::new(method).asked(), how);
    let again = Reaction::Repeat { how: Again::FreshConnection, after: 0 };
    assert_eq!(of("GET", Break::ReusedClosed), again);
    assert_eq!(of("PUT", Break::ReusedClosed), again);
    assert_eq!(of("POST", Break::ReusedClosed), Reaction::Failed(Failed::OutcomeUnknown));
    assert_eq!(of("GET", Break::Nothing), Reaction::Failed(Failed::Plainly));
    assert_eq!(of("PUT", Break::Nothing), Reaction::Failed(Failed::OutcomeUnknown));
    assert_eq!(of("POST", Break::NotProcessed), again);
    assert_eq!(of("GET", Break::NotSent), Reaction::Failed(Failed::NotSent));
    assert_eq!(of("GET", Break::Cut { resumable: true }), Reaction::Repeat { how: Again::Resumed, after: 0 });
    assert_eq!(of("GET", Break::Cut { resumable: false }), again);
    assert_eq!(of("POST", Break::Cut { resumable: false }), Reaction::Failed(Failed::OutcomeUnknown));
    let conditional = Scene { has_copy: true, ..Scene::new("PUT") };
    assert_eq!(broken(&conditional.asked(), Break::ReusedClosed), Reaction::Failed(Failed::OutcomeUnknown));
}

#[test]
fn small_print() {
    let mut scene = Scene::new("PUT");
    scene.expects = true;
    assert_eq!(scene.react(417, &[]), Reaction::Repeat { how: Again::WithoutExpect, after: 0 });
    scene.tried.without_expect = true;
    assert_eq!(scene.react(417, &[]), Reaction::Refused(Refused::Plainly));
    assert_eq!(scene.react(421, &[]), Reaction::Repeat { how: Again::FreshConnection, after: 0 });
    scene.tried.fresh_connection = true;
    assert_eq!(scene.react(421, &[]), Reaction::Refused(Refused::Plainly));
    let made = |lines: &[(&'static str, &'static str)]| match Scene::new("POST").react(201, lines) {
        Reaction::Record { address } => address.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(made(&[("Location", "n7")]), "https://a/n7");
    assert_eq!(made(&[]), "https://a/x");
    let methods = Reaction::Refused(Refused::Methods(vec!["GET".into(), "BREW".into()]));
    assert_eq!(Scene::new("PUT").react(405, &[("Allow", "GET, BREW")]), methods);
    let polled = Scene::new("POST").react(202, &[("Location", "/-/jobs/1"), ("Retry-After", "2")]);
    assert_eq!(polled, Reaction::Poll { monitor: Some(url("https://a/-/jobs/1")), after: Some(2) });
    let tag = EntityTag::strong("v2");
    assert_eq!(Scene::new("PUT").react(412, &[("ETag", "\"v2\"")]), Reaction::Resolve { tag });
    assert_eq!(Scene { has_copy: true, ..Scene::new("GET") }.react(304, &[]), Reaction::Freshen);
}

#[test]
fn a_timeout_is_repeated_at_once_then_slower_to_a_limit() {
    let mut scene = Scene::new("POST");
    let mut waits = Vec::new();
    while let Reaction::Repeat { how: Again::FreshConnection, after } = scene.react(408, &[]) {
        waits.push(after);
        scene.tried.timeouts += 1;
    }
    assert_eq!(waits, [0, 1, 2]);
    scene.tried.timeouts = 0;
    scene.content = Sent::Once;
    assert_eq!(scene.react(408, &[]), Reaction::Refused(Refused::Later { after: None }));
}

proptest! {
    /// An unsafe request is never sent to another address unasked, and never repeated where it may have been done.
    #[test]
    fn unsafe_requests_are_never_repeated_by_ourselves(code in 0_u16..1000, retries in proptest::option::of(0_u32..9)) {
        let scene = Scene { leave: Leave { repeats: retries, ..Leave::default() }, ..Scene::new("POST") };
        match scene.react(code, &[("Location", "/y"), ("Retry-After", "1")]) {
            Reaction::Follow(step) => prop_assert!(code == 303 && step.method == "GET"),
            Reaction::Repeat { .. } => prop_assert!(matches!(code, 408 | 421), "{code}"),
            _ => {}
        }
    }

    #[test]
    fn success_is_only_what_says_so(code in 0_u16..1000) {
        let shown = matches!(
            Scene::new("GET").react(code, &[]),
            Reaction::Show | Reaction::Keep | Reaction::Reset | Reaction::SecondHand { .. } | Reaction::Record { .. }
        );
        prop_assert_eq!(shown, (200..300).contains(&code) && code != 202 && code != 206);
    }

    #[test]
    fn any_field_values_are_met_without_panic(code in 0_u16..1000, value in "[ -~]{0,40}") {
        let mut fields = Fields::new();
        for name in ["Location", "URI", "Retry-After", "Link", "WWW-Authenticate", "Allow", "ETag", "Age"] {
            fields.push(name, value.clone());
        }
        let _ = react(&Scene::new("GET").asked(), &Answer { code, fields: &fields });
    }
}
