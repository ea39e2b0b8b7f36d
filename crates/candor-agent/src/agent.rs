//! The loop: ask, see what the answer wants, do it, until there is nothing left to do but show.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use candor_semantics::field::challenge::Challenge;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::fields::Fields;
use candor_semantics::method::Method;
use candor_semantics::reaction::redirect::{LEFT_BEHIND, OF_CONTENT};
use candor_semantics::reaction::{
    self, Again, Answer, Asked, Asker, Break, Failed, Hop, Leave, Reaction, Step, Tried,
};
use candor_semantics::url::Url;
use rustls::ClientConfig;

use crate::connect::{self, Connection};
use crate::copies::{Copies, Copy};
use crate::credentials::{self, Credentials};
use crate::exchange::{self, Broken, Head, Opening};
use crate::incoming::Incoming;
use crate::moves::Moves;
use crate::person::Person;
use crate::pool::Pool;
use crate::proxy::{Proxies, Proxy};
use crate::request::{Content, Request};

/// Content from this size on is announced with `Expect: 100-continue`, in bytes.
const ANNOUNCED: u64 = 64 << 10;

/// Content of answers on the way that is read to keep the connection, in bytes.
const DRAINED: usize = 64 << 10;

/// The user agent. Shared by all requests of a run.
pub struct Agent {
    /// What the user allows without being asked.
    pub leave: Leave,
    /// Copies of documents.
    pub copies: Copies,
    /// Credentials the user gave.
    pub credentials: Vec<Credentials>,
    /// The proxies.
    pub proxies: Proxies,
    /// How long a server may be silent.
    pub patience: Duration,
    moves: Mutex<Moves>,
    pool: Arc<Pool>,
    tls: Arc<ClientConfig>,
    /// Values of `Authorization` that an origin took in this run.
    taken: Mutex<Vec<(Url, String)>>,
    /// The value of `Proxy-Authorization`, once a proxy asked for it.
    for_proxy: Mutex<Option<String>>,
    /// Methods an origin does not know, and addresses that are gone: not asked again in this run.
    useless: Mutex<HashSet<(String, String)>>,
}

/// The end of a request.
pub struct Outcome {
    /// What there is to do about the answer, if anything.
    pub reaction: Reaction,
    /// The head of the answer.
    pub head: Head,
    /// Its content, still to be read.
    pub incoming: Incoming,
    /// The address that answered.
    pub url: Url,
    /// The method it was asked with.
    pub method: String,
    /// The redirects on the way.
    pub hops: Vec<Hop>,
    /// Whether the content is a copy of our own, fresh or just validated.
    pub is_copy: bool,
}

impl Outcome {
    /// The head as the rules read it.
    pub fn answer(&self) -> Answer<'_> {
        Answer { code: self.head.code, fields: &self.head.fields }
    }
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// What is known of the request.
    pub failed: Failed,
    /// The address that was asked.
    pub url: Box<Url>,
    /// What happened, lower case, without a full stop.
    pub what: String,
}

/// One request on its way.
struct Errand {
    request: Request,
    tried: Tried,
    hops: Vec<Hop>,
    authorization: Option<String>,
    fresh_connection: bool,
    expects: bool,
}

impl Agent {
    /// An agent that keeps nothing between runs.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new() -> Result<Agent, rustls::Error> {
        Ok(Agent {
            leave: Leave::default(),
            copies: Copies::default(),
            credentials: Vec::new(),
            proxies: Proxies::default(),
            patience: Duration::from_secs(60),
            moves: Mutex::default(),
            pool: Arc::default(),
            tls: connect::tls()?,
            taken: Mutex::default(),
            for_proxy: Mutex::default(),
            useless: Mutex::default(),
        })
    }

    /// Remembers permanent moves in these.
    pub fn remember_moves_in(&mut self, moves: Moves) {
        self.moves = Mutex::new(moves);
    }

    /// Writes what is kept between runs.
    pub fn save(&self) {
        locked(&self.moves).save(now());
    }

    /// Asks, and does all that may be done without or with the person, until the answer is one to show.
    ///
    /// # Errors
    /// [`Trouble`] where no answer could be had.
    pub async fn ask(&self, request: Request, person: &mut dyn Person) -> Result<Outcome, Trouble> {
        let mut errand = Errand {
            request,
            tried: Tried::default(),
            hops: Vec::new(),
            authorization: None,
            fresh_connection: false,
            expects: false,
        };
        self.take_known_moves(&mut errand);
        loop {
            self.shun(&errand)?;
            let copy = self.copy_for(&errand);
            if let Some(copy) = copy.as_ref().filter(|copy| copy.is_fresh(now()))
                && let Some(outcome) = from_copy(&errand, copy, Reaction::Show)
            {
                return Ok(outcome);
            }
            let copy = copy.filter(|_| !errand.tried.unconditional);
            match self.send(&mut errand, copy.as_ref()).await {
                Err(broken) => self.after_break(&mut errand, &broken)?,
                Ok((head, incoming)) => {
                    if let Some(outcome) = self.after_answer(&mut errand, copy, head, incoming, person).await
                    {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    fn take_known_moves(&self, errand: &mut Errand) {
        let safe = Method::from_token(errand.request.method.as_bytes()).is_some_and(Method::reads);
        while safe && errand.hops.len() < self.leave.hops {
            let Some(hop) = locked(&self.moves).of(&errand.request.url, now()) else { break };
            let known = errand.hops.iter().any(|before| before.from.same_resource(&hop.to));
            if known || errand.request.url.is_tls() && !hop.to.is_tls() {
                break;
            }
            let to = hop.to.clone().inheriting_fragment(&errand.request.url);
            if !to.same_origin(&errand.request.url) {
                LEFT_BEHIND.iter().for_each(|name| errand.request.fields.remove(name));
            }
            errand.request.url = to;
            errand.hops.push(hop);
        }
    }

    /// Methods that an origin does not know are not tried again in the same run.
    fn shun(&self, errand: &Errand) -> Result<(), Trouble> {
        let useless = (errand.request.method.clone(), errand.request.url.origin());
        if !locked(&self.useless).contains(&useless) {
            return Ok(());
        }
        let (method, origin) = useless;
        let what = format!("{origin} does not know the method {method}");
        Err(Trouble { failed: Failed::MethodUnknown, url: Box::new(errand.request.url.clone()), what })
    }

    fn copy_for(&self, errand: &Errand) -> Option<Copy> {
        const OWN: [&str; 6] =
            ["Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since", "If-Range"];
        let fields = &errand.request.fields;
        let plain = errand.request.method == "GET"
            && !OWN.iter().any(|name| fields.has(name))
            && !fields.get("Cache-Control").is_some_and(|value| value.windows(8).any(|w| w == b"no-store"));
        if plain { self.copies.of(&errand.request.url, fields) } else { None }
    }

    fn proxy_of(&self, url: &Url) -> Option<&Proxy> {
        self.proxies.of(url)
    }

    /// One exchange.
    async fn send(&self, errand: &mut Errand, copy: Option<&Copy>) -> Result<(Head, Incoming), Broken> {
        let url = errand.request.url.clone().without_fragment();
        let proxy = self.proxy_of(&url).cloned();
        let mut fields = errand.request.fields.clone();
        if let Some(value) = errand.authorization.clone().or_else(|| self.taken_by(&url))
            && !fields.has("Authorization")
        {
            fields.push("Authorization", value);
        }
        for (name, value) in copy.map(Copy::conditions).unwrap_or_default() {
            fields.push(name, value);
        }
        let plain_proxy = proxy.as_ref().filter(|_| !url.is_tls());
        if plain_proxy.is_some()
            && let Some(value) = locked(&self.for_proxy).clone()
        {
            fields.push("Proxy-Authorization", value);
        }
        let target = if plain_proxy.is_some() { url.to_string() } else { url.target() };
        errand.expects = !errand.tried.without_expect && length_of(&errand.request.content) >= ANNOUNCED;
        let place = place_of(&url, proxy.as_ref());
        let opening = Opening {
            method: &errand.request.method,
            target: &target,
            host: &url.authority(),
            fields: &fields,
            content: &errand.request.content,
            expects: errand.expects,
        };
        let fresh = errand.fresh_connection || errand.tried.timeouts > 0;
        let kept = if fresh { None } else { self.pool.take(&place).await };
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.open(&url, proxy.as_ref()).await?,
        };
        let (head, withheld) = exchange::exchange(&mut connection, &opening, self.patience).await?;
        let framing = head.framing(&errand.request.method)?;
        let keep = (head.keeps_open() && !withheld).then(|| (Arc::clone(&self.pool), place));
        Ok((head, Incoming::from_wire(connection, framing, keep, self.patience)))
    }

    async fn open(&self, url: &Url, proxy: Option<&Proxy>) -> Result<Connection, Broken> {
        let not_sent = |error: std::io::Error, to: &Url| {
            let authority = to.authority();
            Broken::new(
                Break::NotSent,
                match error.kind() {
                    std::io::ErrorKind::ConnectionRefused => format!("nothing listens at {authority}"),
                    _ => format!("no connection to {authority}: {error}"),
                },
            )
        };
        let first = proxy.map_or(url, |proxy| &proxy.url);
        let mut connection = connect::plain(first).await.map_err(|error| not_sent(error, first))?;
        if let Some(proxy) = proxy {
            if proxy.url.is_tls() {
                connection = connect::encrypt(connection, &proxy.url, Arc::clone(&self.tls))
                    .await
                    .map_err(|error| not_sent(error, &proxy.url))?;
            }
            if url.is_tls() {
                connection = self.tunnel(connection, url, proxy).await?;
            }
        }
        if !url.is_tls() {
            return Ok(connection);
        }
        connect::encrypt(connection, url, Arc::clone(&self.tls)).await.map_err(|error| not_sent(error, url))
    }

    /// A tunnel through a proxy (section 9.3.6); a 407 is answered once.
    async fn tunnel(
        &self,
        mut connection: Connection,
        url: &Url,
        proxy: &Proxy,
    ) -> Result<Connection, Broken> {
        let target = match url.host().contains(':') {
            true => format!("[{}]:{}", url.host(), url.port()),
            false => format!("{}:{}", url.host(), url.port()),
        };
        let refused = |what: String| Broken::new(Break::NotSent, what);
        for _ in 0..2 {
            let mut fields = Fields::new();
            let known = locked(&self.for_proxy).clone();
            if let Some(value) = known.clone() {
                fields.push("Proxy-Authorization", value);
            }
            let opening = Opening {
                method: "CONNECT",
                target: &target,
                host: &target,
                fields: &fields,
                content: &Content::Nothing,
                expects: false,
            };
            let (head, _) = exchange::exchange(&mut connection, &opening, self.patience)
                .await
                .map_err(|broken| refused(broken.what))?;
            if (200..300).contains(&head.code) {
                return Ok(connection);
            }
            let answer = Answer { code: head.code, fields: &head.fields };
            let answered =
                (head.code == 407 && known.is_none()).then(|| proxy_answer(proxy, &answer)).flatten();
            let Some(value) = answered else {
                return Err(refused(format!(
                    "the proxy {} refused the tunnel: {}",
                    proxy.url.authority(),
                    head.code
                )));
            };
            *locked(&self.for_proxy) = Some(value);
            let broken = |error: std::io::Error| refused(error.to_string());
            connection = connect::plain(&proxy.url).await.map_err(broken)?;
            if proxy.url.is_tls() {
                connection =
                    connect::encrypt(connection, &proxy.url, Arc::clone(&self.tls)).await.map_err(broken)?;
            }
        }
        Err(refused("the proxy asks for credentials again and again".to_owned()))
    }

    fn taken_by(&self, url: &Url) -> Option<String> {
        locked(&self.taken).iter().find(|(origin, _)| origin.same_origin(url)).map(|(_, value)| value.clone())
    }

    fn after_break(&self, errand: &mut Errand, broken: &Broken) -> Result<(), Trouble> {
        let reaction = {
            let request = errand.request.clone();
            reaction::broken(&self.asked(errand, &request, has_own_condition(&request)), broken.how)
        };
        if let Reaction::Repeat { .. } = reaction {
            errand.tried.broken = true;
            errand.fresh_connection = true;
            return Ok(());
        }
        let failed = if let Reaction::Failed(failed) = reaction { failed } else { Failed::Plainly };
        Err(Trouble { failed, url: Box::new(errand.request.url.clone()), what: broken.what.clone() })
    }

    fn asked<'a>(&'a self, errand: &'a Errand, request: &'a Request, has_copy: bool) -> Asked<'a> {
        Asked {
            method: &request.method,
            url: &request.url,
            content: request.content.sent(),
            has_copy,
            expects: errand.expects,
            through_proxy: !request.url.is_tls() && self.proxy_of(&request.url).is_some(),
            tried: &errand.tried,
            hops: &errand.hops,
            leave: &self.leave,
            now: now(),
        }
    }

    /// Does what the answer wants. None: ask again, as the errand now says.
    async fn after_answer(
        &self,
        errand: &mut Errand,
        copy: Option<Copy>,
        head: Head,
        mut incoming: Incoming,
        person: &mut dyn Person,
    ) -> Option<Outcome> {
        errand.fresh_connection = false;
        let request = errand.request.clone();
        let answer = Answer { code: head.code, fields: &head.fields };
        // A condition the user wrote has its own answer: 304 is what was asked for.
        let has_copy = copy.is_some() || has_own_condition(&request);
        let reaction = reaction::react(&self.asked(errand, &request, has_copy), &answer);
        let goes_on = match &reaction {
            Reaction::Follow(step) => {
                self.follow(errand, step, &answer);
                true
            }
            Reaction::Confirm { step, doubt } if person.follows(step, *doubt) => {
                self.follow(errand, step, &answer);
                true
            }
            Reaction::Choose { choices, best } => match best.clone().or_else(|| person.chooses(choices)) {
                Some(url) if errand.hops.len() < self.leave.hops => {
                    let step = Step {
                        with_credentials: url.same_origin(&request.url),
                        to: url.inheriting_fragment(&request.url),
                        method: request.method.clone(),
                        with_content: false,
                        code: head.code,
                    };
                    self.follow(errand, &step, &answer);
                    true
                }
                _ => false,
            },
            Reaction::Repeat { how, after } => {
                self.repeat(errand, *how, *after, head.code, person).await;
                true
            }
            Reaction::Authenticate { by, challenges } => {
                self.authenticate(errand, *by, challenges, &answer, person)
            }
            Reaction::Failed(Failed::MethodUnknown) => {
                locked(&self.useless).insert((request.method.clone(), request.url.origin()));
                false
            }
            Reaction::Freshen => {
                if let Some(mut copy) = copy {
                    copy.freshen(&head, now());
                    return from_copy(errand, &copy, Reaction::Show);
                }
                false
            }
            _ => false,
        };
        if goes_on {
            // What is left of the answer is read, if it is short, so that the connection can serve again.
            let _ = tokio::time::timeout(Duration::from_secs(1), incoming.all(DRAINED)).await;
            return None;
        }
        self.settle(&request, &head);
        let writing = if request.method == "GET" && matches!(reaction, Reaction::Show) {
            self.copies.start(&request.url, &request.fields, &head, now())
        } else {
            None
        };
        Some(Outcome {
            reaction,
            incoming: incoming.keeping(writing),
            url: request.url,
            method: request.method,
            hops: std::mem::take(&mut errand.hops),
            head,
            is_copy: false,
        })
    }

    /// What a final answer means for what is kept.
    fn settle(&self, request: &Request, head: &Head) {
        let safe = Method::from_token(request.method.as_bytes()).is_some_and(Method::is_safe);
        if !safe && (200..400).contains(&head.code) {
            self.copies.forget(&request.url);
        }
    }

    fn follow(&self, errand: &mut Errand, step: &Step, answer: &Answer<'_>) {
        let request = &mut errand.request;
        let hop = Hop {
            from: request.url.clone().without_fragment(),
            code: step.code,
            to: step.to.clone(),
            is_second_hand: answer.age().is_some(),
        };
        if step.is_permanent() {
            let mut named = hop.clone();
            // The fragment of the reference is no part of what moved.
            if let Some(own) = candor_semantics::reaction::redirect::location(&request.url, answer) {
                named.to = own;
            }
            locked(&self.moves).note(&named, answer, now());
        }
        if !step.with_credentials {
            LEFT_BEHIND.iter().for_each(|name| request.fields.remove(name));
        }
        if !step.with_content {
            request.content = Content::Nothing;
        }
        if step.method != request.method {
            OF_CONTENT.iter().for_each(|name| request.fields.remove(name));
        }
        request.method.clone_from(&step.method);
        request.url = step.to.clone();
        errand.hops.push(hop);
        errand.authorization = None;
        errand.tried =
            Tried { waits: errand.tried.waits, timeouts: errand.tried.timeouts, ..Tried::default() };
    }

    async fn repeat(&self, errand: &mut Errand, how: Again, after: u64, code: u16, person: &mut dyn Person) {
        match code {
            304 => errand.tried.unconditional = true,
            408 => errand.tried.timeouts += 1,
            417 => errand.tried.without_expect = true,
            421 => errand.tried.fresh_connection = true,
            502 | 504 => errand.tried.gateways += 1,
            _ => errand.tried.waits += 1,
        }
        errand.fresh_connection = how == Again::FreshConnection;
        if how == Again::Unconditional {
            for name in ["If-None-Match", "If-Modified-Since"] {
                errand.request.fields.remove(name);
            }
        }
        if after > 0 {
            person.waits(&format!("{} answered {code}", errand.request.url.authority()), after);
            tokio::time::sleep(Duration::from_secs(after) + jitter(after)).await;
        }
    }

    fn authenticate(
        &self,
        errand: &mut Errand,
        by: Asker,
        challenges: &[Challenge],
        answer: &Answer<'_>,
        person: &mut dyn Person,
    ) -> bool {
        errand.tried.answered.extend(challenges.iter().cloned());
        let Some(challenge) = challenges.iter().find(|challenge| credentials::is_basic(challenge)) else {
            return false;
        };
        let url = errand.request.url.clone();
        if by == Asker::Proxy {
            let known = self.proxy_of(&url).and_then(|proxy| proxy_answer(proxy, answer));
            let value = known.or_else(|| {
                let (user, password) = person.credentials(by, &url, challenge)?;
                credentials::answer(challenge, &user, &password)
            });
            let has_value = value.is_some();
            *locked(&self.for_proxy) = value;
            return has_value;
        }
        // The user wrote a field of their own: it is not overruled.
        if errand.request.fields.has("Authorization") {
            return false;
        }
        let own = self.credentials.iter().find(|own| own.origin.same_origin(&url));
        let given = match own {
            Some(own) => own.answer(challenge),
            None => person
                .credentials(by, &url, challenge)
                .and_then(|(user, password)| credentials::answer(challenge, &user, &password)),
        };
        let Some(value) = given else { return false };
        let mut taken = locked(&self.taken);
        taken.retain(|(origin, _)| !origin.same_origin(&url));
        taken.push((url, value.clone()));
        errand.authorization = Some(value);
        true
    }
}

fn has_own_condition(request: &Request) -> bool {
    ["If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"]
        .iter()
        .any(|name| request.fields.has(name))
}

fn proxy_answer(proxy: &Proxy, answer: &Answer<'_>) -> Option<String> {
    let (user, password) = proxy.credentials.as_ref()?;
    let value = answer.list("Proxy-Authenticate")?;
    candor_semantics::field::challenge::challenges(&value)
        .iter()
        .find_map(|challenge| credentials::answer(challenge, user, password))
}

fn from_copy(errand: &Errand, copy: &Copy, reaction: Reaction) -> Option<Outcome> {
    let file = copy.open().ok()?;
    Some(Outcome {
        reaction,
        head: Head { code: 200, phrase: String::new(), fields: copy.fields(), is_current: true },
        incoming: Incoming::from_file(file),
        url: errand.request.url.clone(),
        method: errand.request.method.clone(),
        hops: errand.hops.clone(),
        is_copy: true,
    })
}

fn length_of(content: &Content) -> u64 {
    match content {
        Content::Nothing => 0,
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::File(path) => std::fs::metadata(path).map_or(0, |there| there.len()),
    }
}

/// Where a connection leads: requests to the same place can share it.
fn place_of(url: &Url, proxy: Option<&Proxy>) -> String {
    match proxy {
        Some(proxy) if url.is_tls() => format!("{} through {}", url.origin(), proxy.url.origin()),
        Some(proxy) => proxy.url.origin(),
        None => url.origin(),
    }
}

/// Up to a tenth of the wait, so that many who wait do not come back together.
fn jitter(seconds: u64) -> Duration {
    let nanos =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| u64::from(d.subsec_nanos()));
    Duration::from_millis(seconds.saturating_mul(nanos % 101))
}

pub(crate) fn now() -> HttpDate {
    HttpDate::from(SystemTime::now())
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
