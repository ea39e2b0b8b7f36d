//! Transcripts: text files that say what is sent and what must come back. `tests/transcripts/README.md` is
//! their grammar.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{self, Answer, Connection, End, PATIENCE, Trouble};
use crate::dates;
use crate::promises;
use crate::world::{self, Plan, World};

/// A transcript, read but not performed.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The path below `tests/transcripts`.
    pub(crate) name: String,
    /// The rules it shows.
    pub(crate) rules: Vec<String>,
    /// The configuration it runs under.
    world: String,
    /// Whether it needs a server for itself.
    own: bool,
    nobody: bool,
    replacements: Vec<(String, String)>,
    steps: Vec<(usize, Step)>,
}

#[derive(Debug)]
enum Step {
    /// Lines of a request head, and what follows it; `raw` bytes are sent as they are.
    Send {
        head: Vec<String>,
        content: Vec<String>,
        raw: bool,
    },
    Pause(Duration),
    NewConnection,
    HalfClose,
    Expect {
        expectations: Vec<(usize, Expectation)>,
        captures: Vec<(String, String)>,
    },
    Connection {
        open: bool,
        within: Duration,
    },
    Disk(String),
}

#[derive(Debug)]
enum Expectation {
    Status(Vec<u16>),
    Is(String, String),
    Like(String, String),
    Between(String, i64, i64),
    Present(String),
    Absent(String),
    Lists(String, String, bool),
    Contains(String, String, bool),
    NoContent,
    SomeContent,
    Content(String),
    ContentLength(usize),
    ContentContains(String, bool),
    SameAs(String),
    FieldsAs(String),
    ContentAs(String),
    Took(Duration, Duration),
}

/// Every transcript of the project, sorted by name.
pub(crate) fn all() -> Result<Vec<Transcript>, Vec<String>> {
    let top = world::project().join("tests/transcripts");
    let mut paths = Vec::new();
    collect(&top, &mut paths);
    paths.sort();
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&top).unwrap().display().to_string();
        match Transcript::parse(&name, &fs::read_to_string(&path).unwrap()) {
            Ok(transcript) => good.push(transcript),
            Err(fault) => bad.push(fault),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|e| e == "http") {
            paths.push(path);
        }
    }
}

impl Transcript {
    fn parse(name: &str, text: &str) -> Result<Transcript, String> {
        let mut transcript = Transcript {
            name: name.into(),
            rules: Vec::new(),
            world: "candor".into(),
            own: false,
            nobody: false,
            replacements: Vec::new(),
            steps: Vec::new(),
        };
        // Whether the next line may still belong to the request or answer before it.
        let mut joined = false;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let fault = |what: String| format!("{name}:{number}: {what}");
            if line.trim().is_empty() {
                joined = false;
            } else if let Some(comment) = line.strip_prefix('#') {
                transcript.directive(comment.trim()).map_err(fault)?;
            } else {
                transcript.line(number, line.trim_end(), joined).map_err(fault)?;
                joined = true;
            }
        }
        if transcript.rules.is_empty() {
            return Err(format!("{name}: no `# rule` line"));
        }
        let answers =
            transcript.steps.iter().any(|(_, s)| matches!(s, Step::Expect { .. } | Step::Connection { .. }));
        if answers { Ok(transcript) } else { Err(format!("{name}: expects nothing")) }
    }

    fn directive(&mut self, comment: &str) -> Result<(), String> {
        let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
        match word {
            "rule" => self.rules.extend(rest.split_whitespace().map(str::to_string)),
            "world" => self.world = rest.trim().into(),
            "own" => self.own = true,
            "nobody" => (self.own, self.nobody) = (true, true),
            "replace" => {
                let (old, rest) = quoted(rest)?;
                let (new, _) = quoted(rest)?;
                let (old, new) = (unescaped(&old)?, unescaped(&new)?);
                self.own = true;
                self.replacements.push((old, new));
            }
            _ => {}
        }
        Ok(())
    }

    fn line(&mut self, number: usize, line: &str, joined: bool) -> Result<(), String> {
        if line == "---" {
            self.steps.push((number, Step::NewConnection));
        } else if let Some(rest) = line.strip_prefix(">>") {
            let text = quoted(rest)?.0;
            match self.steps.last_mut() {
                Some((_, Step::Send { content, raw: false, .. })) if joined => content.push(text),
                _ => return Err("content without a request before it".into()),
            }
        } else if let Some(rest) = line.strip_prefix(">!") {
            let text = quoted(rest)?.0;
            match self.steps.last_mut() {
                Some((_, Step::Send { head, raw: true, .. })) if joined => head.push(text),
                _ => {
                    self.steps.push((number, Step::Send { head: vec![text], content: Vec::new(), raw: true }))
                }
            }
        } else if line == "> (end)" {
            self.steps.push((number, Step::HalfClose));
        } else if let Some(text) = line.strip_prefix("> ") {
            match self.steps.last_mut() {
                Some((_, Step::Send { head, content, raw: false })) if joined && content.is_empty() => {
                    head.push(text.into());
                }
                _ => {
                    let send = Step::Send { head: vec![text.into()], content: Vec::new(), raw: false };
                    self.steps.push((number, send));
                }
            }
        } else if let Some(rest) = line.strip_prefix("< ") {
            self.expectation(number, rest, joined)?;
        } else if let Some(rest) = line.strip_prefix("= ") {
            let (name, what) = rest.split_once(' ').ok_or("a capture is `= name Field`")?;
            match self.steps.last_mut() {
                Some((_, Step::Expect { captures, .. })) => captures.push((name.into(), what.trim().into())),
                _ => return Err("a capture without an answer before it".into()),
            }
        } else if let Some(rest) = line.strip_prefix("~ ") {
            self.steps.push((number, Step::Pause(duration(rest)?)));
        } else if let Some(rest) = line.strip_prefix("! ") {
            if !self.own {
                return Err("only a transcript with `# own` may change the folder".into());
            }
            self.steps.push((number, Step::Disk(rest.into())));
        } else {
            return Err(format!("not understood: {line}"));
        }
        Ok(())
    }

    fn expectation(&mut self, number: usize, rest: &str, joined: bool) -> Result<(), String> {
        let (word, more) = rest.split_once(' ').unwrap_or((rest, ""));
        if matches!(word, "open" | "closed") {
            let within = match more.strip_prefix("within ") {
                Some(text) => duration(text)?,
                None if word == "open" => Duration::from_millis(150),
                None => Duration::from_secs(3),
            };
            self.steps.push((number, Step::Connection { open: word == "open", within }));
            return Ok(());
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let codes: Result<_, _> = word.split('|').map(str::parse).collect();
            let codes = codes.map_err(|_| format!("not a status code: {word}"))?;
            let step = Step::Expect {
                expectations: vec![(number, Expectation::Status(codes))],
                captures: Vec::new(),
            };
            self.steps.push((number, step));
            return Ok(());
        }
        match self.steps.last_mut() {
            Some((_, Step::Expect { expectations, .. })) if joined => {
                expectations.push((number, expectation(rest)?));
                Ok(())
            }
            _ => Err("an expectation without a status code before it".into()),
        }
    }

    /// Performs the transcript; every expectation that failed, as `file:line: wanted, got`.
    pub(crate) fn perform(&self) -> Vec<String> {
        let fresh;
        let world = if self.own {
            let mut plan = Plan::world(&self.world);
            for (old, new) in &self.replacements {
                plan = plan.replace(old, &Script::default().fill(new).unwrap_or_else(|_| new.clone()));
            }
            fresh = if self.nobody { plan.by_nobody().start() } else { plan.start() };
            &fresh
        } else {
            World::shared(&self.world)
        };
        let mut script = Script::default();
        script.values.insert("authority".into(), world.authority());
        script.values.insert("port".into(), world.address.port().to_string());
        for (number, step) in &self.steps {
            script.line = *number;
            if !script.perform(world, step) {
                break;
            }
        }
        script
            .failures
            .iter()
            .map(|(line, what)| format!("tests/transcripts/{}:{line}: {what}", self.name))
            .collect()
    }
}

/// The state of a transcript that is being performed.
#[derive(Default)]
struct Script {
    connection: Option<Connection>,
    /// What was written down but not yet sent, so that pipelined requests go out together.
    unsent: Vec<u8>,
    /// Methods of the requests whose answers are still to come.
    methods: Vec<String>,
    values: HashMap<String, String>,
    answers: HashMap<String, Answer>,
    /// The line of the step being performed.
    line: usize,
    /// Line and what is wrong there.
    failures: Vec<(usize, String)>,
}

impl Script {
    /// Performs one step; `false` if going on makes no sense.
    fn perform(&mut self, world: &World, step: &Step) -> bool {
        if !matches!(step, Step::Send { .. }) {
            self.flush(world);
        }
        match step {
            Step::Send { head, content, raw } => match self.request(world, head, content, *raw) {
                Ok(bytes) => self.unsent.extend(bytes),
                Err(fault) => return self.give_up(&fault),
            },
            Step::Pause(time) => thread::sleep(*time),
            Step::NewConnection => {
                self.connection = None;
                self.methods.clear();
            }
            Step::HalfClose => {
                if let Some(connection) = &mut self.connection {
                    connection.finish();
                }
            }
            Step::Disk(command) => {
                if let Err(fault) = change(world, command) {
                    return self.give_up(&fault);
                }
            }
            Step::Connection { open, within } => return self.check_connection(world, *open, *within),
            Step::Expect { expectations, captures } => {
                return self.check_answer(world, expectations, captures);
            }
        }
        true
    }

    fn flush(&mut self, world: &World) {
        if !self.unsent.is_empty() {
            let bytes = std::mem::take(&mut self.unsent);
            self.connection.get_or_insert_with(|| world.connect()).send(&bytes);
        }
    }

    fn request(
        &mut self,
        world: &World,
        head: &[String],
        content: &[String],
        raw: bool,
    ) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for (index, line) in head.iter().enumerate() {
            bytes.extend(if raw { unescape(&self.fill(line)?)? } else { self.fill(line)?.into_bytes() });
            if !raw {
                bytes.extend(b"\r\n");
            }
            let has_host = || head.iter().any(|line| line.to_ascii_lowercase().starts_with("host:"));
            if index == 0 && !raw && !has_host() {
                bytes.extend(format!("Host: {}\r\n", world.authority()).bytes());
            }
        }
        if !raw {
            bytes.extend(b"\r\n");
        }
        for text in content {
            bytes.extend(unescape(&self.fill(text)?)?);
        }
        let method = client::method_of(&bytes);
        if !raw || (!method.is_empty() && client::find(&bytes, b" HTTP/").is_some()) {
            self.methods.push(method);
        }
        Ok(bytes)
    }

    fn check_connection(&mut self, world: &World, open: bool, within: Duration) -> bool {
        let connection = self.connection.get_or_insert_with(|| world.connect());
        match (open, connection.end(within)) {
            (true, End::Open) | (false, End::Closed) => true,
            (true, End::Closed) => self.give_up("wanted the connection to stay open, it was closed"),
            (false, End::Open) => {
                self.give_up(&format!("wanted the connection closed, it is open after {within:?}"))
            }
            (_, End::Data(bytes)) => {
                self.give_up(&format!("bytes nobody asked for: {}", client::shown(&bytes)))
            }
        }
    }

    fn give_up(&mut self, why: &str) -> bool {
        self.failures.push((self.line, why.into()));
        false
    }

    fn check_answer(
        &mut self,
        world: &World,
        list: &[(usize, Expectation)],
        captures: &[(String, String)],
    ) -> bool {
        let Some(connection) = &mut self.connection else { return self.give_up("no request was sent") };
        // An interim answer leaves its request waiting for the final one.
        let method = self.methods.first().cloned().unwrap_or_else(|| "GET".into());
        let answer = match connection.answer(&method, PATIENCE) {
            Ok(answer) => answer,
            Err(trouble) => {
                let wanted = list.first().map(|(_, e)| format!("{e:?}")).unwrap_or_default();
                let cut =
                    matches!(trouble, Trouble::Silence(_)).then(|| world.log_tail()).unwrap_or_default();
                return self.give_up(&format!("wanted {wanted}, {trouble} {cut}"));
            }
        };
        if answer.status >= 200 && !self.methods.is_empty() {
            self.methods.remove(0);
        }
        let mut wrong = Vec::new();
        for (number, expectation) in list {
            if let Err(fault) = self.check(&answer, expectation) {
                wrong.push((*number, fault));
            }
        }
        let broken = promises::broken(&answer, &method);
        wrong.extend(broken.iter().map(|promise| (self.line, format!("broken promise: {promise}"))));
        if let Some((_, first)) = wrong.first_mut() {
            first.push_str(&format!("\n      {}\n      {}", answer.head(), client::shown(&answer.content)));
        }
        self.failures.extend(wrong);
        for (name, what) in captures {
            match what.as_str() {
                "answer" => drop(self.answers.insert(name.clone(), answer.clone())),
                "content" => drop(self.values.insert(name.clone(), answer.text())),
                field => match answer.field(field) {
                    Some(value) => drop(self.values.insert(name.clone(), value)),
                    None => return self.give_up(&format!("no {field} to capture")),
                },
            }
        }
        true
    }

    fn check(&self, answer: &Answer, expectation: &Expectation) -> Result<(), String> {
        let value = |name: &str| answer.field(name);
        let said = |name: &str| value(name).map_or("nothing".into(), |v| format!("{v:?}"));
        let demand = |kept: bool, wanted: String, got: String| match kept {
            true => Ok(()),
            false => Err(format!("wanted {wanted}, got {got}")),
        };
        match expectation {
            Expectation::Status(codes) => {
                let wanted: Vec<String> = codes.iter().map(u16::to_string).collect();
                demand(codes.contains(&answer.status), wanted.join(" or "), answer.status.to_string())
            }
            Expectation::Is(name, wanted) => {
                let wanted = self.fill(wanted)?;
                demand(value(name).as_deref() == Some(&wanted), format!("{name}: {wanted}"), said(name))
            }
            Expectation::Like(name, pattern) => {
                let pattern = self.fill(pattern)?;
                let fits = |value: String| pattern.split(" | ").any(|p| glob(p.trim(), &value));
                demand(value(name).is_some_and(fits), format!("{name} like {pattern}"), said(name))
            }
            Expectation::Between(name, from, to) => {
                let number = value(name).and_then(|v| v.parse::<i64>().ok());
                demand(
                    number.is_some_and(|n| (*from..=*to).contains(&n)),
                    format!("{name} in {from}..{to}"),
                    said(name),
                )
            }
            Expectation::Present(name) => demand(answer.has(name), format!("a {name} field"), "none".into()),
            Expectation::Absent(name) => demand(!answer.has(name), format!("no {name}"), said(name)),
            Expectation::Lists(name, element, wanted) => {
                let verb = if *wanted { "has" } else { "lacks" };
                demand(answer.lists(name, element) == *wanted, format!("{name} {verb} {element}"), said(name))
            }
            Expectation::Contains(name, text, wanted) => {
                let text = self.fill(text)?;
                let verb = if *wanted { "with" } else { "without" };
                let has = value(name).is_some_and(|v| v.contains(&text));
                demand(has == *wanted, format!("{name} {verb} {text:?}"), said(name))
            }
            Expectation::NoContent => {
                demand(answer.content.is_empty(), "no content".into(), client::shown(&answer.content))
            }
            Expectation::SomeContent => {
                demand(!answer.content.is_empty(), "some content".into(), "none".into())
            }
            Expectation::Content(text) => {
                let wanted = unescape(&self.fill(text)?)?;
                demand(answer.content == wanted, format!("content {text:?}"), client::shown(&answer.content))
            }
            Expectation::ContentLength(length) => demand(
                answer.content.len() == *length,
                format!("{length} bytes"),
                answer.content.len().to_string(),
            ),
            Expectation::ContentContains(text, wanted) => {
                let text = unescape(&self.fill(text)?)?;
                let has = client::find(&answer.content, &text).is_some();
                let verb = if *wanted { "with" } else { "without" };
                demand(
                    has == *wanted,
                    format!("content {verb} {}", client::shown(&text)),
                    client::shown(&answer.content),
                )
            }
            Expectation::SameAs(name) => {
                let other = self.answers.get(name).ok_or("no such answer was captured")?;
                demand(
                    answer.without_date() == other.without_date(),
                    format!("the answer {name}"),
                    differences(other, answer),
                )
            }
            Expectation::FieldsAs(name) => {
                let other = self.answers.get(name).ok_or("no such answer was captured")?;
                let fields = |a: &Answer, b: &Answer| {
                    // The length may be left out where there is no content (section 9.3.2).
                    let told = b.has("content-length") && a.has("content-length");
                    let mut fields = a.without_date().1;
                    fields.retain(|(n, _)| {
                        let n = n.to_ascii_lowercase();
                        n != "transfer-encoding" && (told || n != "content-length")
                    });
                    (a.status, fields)
                };
                let same = fields(answer, other) == fields(other, answer);
                demand(same, format!("status and fields of {name}"), differences(other, answer))
            }
            Expectation::ContentAs(name) => {
                let other = self.answers.get(name).ok_or("no such answer was captured")?;
                let same = answer.content == other.content;
                demand(same, client::shown(&other.content), client::shown(&answer.content))
            }
            Expectation::Took(from, to) => demand(
                (*from..=*to).contains(&answer.took),
                format!("{from:?} to {to:?}"),
                format!("{:?}", answer.took),
            ),
        }
    }

    /// Replaces `{name}` by what was captured: `{date+5s}`, `{date:rfc850}`, `{tag:weak}`; `{now}` is always there.
    fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, after) = rest.split_at(start);
            filled.push_str(before);
            let end = after.find('}').unwrap_or(0);
            let inner = after.get(1..end).unwrap_or_default();
            let is_name = inner.starts_with(|c: char| c.is_ascii_lowercase())
                && inner
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:+-".contains(&b));
            if is_name {
                filled.push_str(&self.value(inner)?);
                rest = &after[end + 1..];
            } else {
                filled.push('{');
                rest = &after[1..];
            }
        }
        Ok(filled + rest)
    }

    fn value(&self, inner: &str) -> Result<String, String> {
        let end = inner.find([':', '+', '-']).unwrap_or(inner.len());
        let (name, change) = inner.split_at(end);
        let value = match (self.values.get(name), name) {
            (Some(value), _) => value.clone(),
            (None, "now") => dates::imf(dates::now()),
            (None, _) => return Err(format!("nothing was captured as {name}")),
        };
        let date = || dates::parse_imf(&value).ok_or(format!("{name} is no date: {value}"));
        match change {
            "" => Ok(value),
            ":weak" => Ok(format!("W/{value}")),
            ":rfc850" => Ok(dates::rfc850(date()?)),
            ":asctime" => Ok(dates::asctime(date()?)),
            ":length" => Ok(value.len().to_string()),
            _ => {
                let (change, rfc3339) =
                    change.split_once(':').map_or((change, false), |(c, f)| (c, f == "rfc3339"));
                let seconds: i64 =
                    change.trim_end_matches('s').parse().map_err(|_| format!("what is {{{inner}}}?"))?;
                let form = if rfc3339 { dates::rfc3339 } else { dates::imf };
                Ok(form(date()? + seconds))
            }
        }
    }
}

fn expectation(text: &str) -> Result<Expectation, String> {
    let contains = |rest: &str| Ok::<_, String>(quoted(rest)?.0);
    if text == "(no content)" {
        return Ok(Expectation::NoContent);
    }
    if text == "(some content)" {
        return Ok(Expectation::SomeContent);
    }
    if let Some(rest) = text.strip_prefix("content: ") {
        return Ok(Expectation::Content(quoted(rest)?.0));
    }
    if let Some(rest) = text.strip_prefix("content length ") {
        return Ok(Expectation::ContentLength(rest.parse().map_err(|_| "content length is a number")?));
    }
    if let Some(rest) = text.strip_prefix("content contains ") {
        return Ok(Expectation::ContentContains(contains(rest)?, true));
    }
    if let Some(rest) = text.strip_prefix("content lacks ") {
        return Ok(Expectation::ContentContains(contains(rest)?, false));
    }
    if let Some(name) = text.strip_prefix("same as ") {
        return Ok(Expectation::SameAs(name.into()));
    }
    if let Some(name) = text.strip_prefix("fields as ") {
        return Ok(Expectation::FieldsAs(name.into()));
    }
    if let Some(name) = text.strip_prefix("content as ") {
        return Ok(Expectation::ContentAs(name.into()));
    }
    if let Some(rest) = text.strip_prefix("took ") {
        let (from, to) = rest.split_once("..").ok_or("took FROM..TO")?;
        return Ok(Expectation::Took(duration(from)?, duration(to)?));
    }
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Expectation::Absent(name.into()));
    }
    let (name, rest) = text.split_once(' ').ok_or_else(|| format!("not understood: {text}"))?;
    let Some(field) = name.strip_suffix(':') else {
        let (verb, object) = rest.split_once(' ').unwrap_or((rest, ""));
        return match verb {
            "has" => Ok(Expectation::Lists(name.into(), object.into(), true)),
            "lacks" => Ok(Expectation::Lists(name.into(), object.into(), false)),
            "contains" => Ok(Expectation::Contains(name.into(), unescaped(&quoted(object)?.0)?, true)),
            "omits" => Ok(Expectation::Contains(name.into(), unescaped(&quoted(object)?.0)?, false)),
            _ => Err(format!("not understood: {text}")),
        };
    };
    if rest == "*" {
        return Ok(Expectation::Present(field.into()));
    }
    if let Some(pattern) = rest.strip_prefix("~ ") {
        return Ok(Expectation::Like(field.into(), pattern.into()));
    }
    if let Some((from, to)) = rest.strip_prefix('#').and_then(|range| range.split_once("..")) {
        let number = |text: &str| text.parse().map_err(|_| format!("not a number: {text}"));
        return Ok(Expectation::Between(field.into(), number(from)?, number(to)?));
    }
    Ok(Expectation::Is(field.into(), rest.into()))
}

/// Changes the folder or the server while it runs.
fn change(world: &World, command: &str) -> Result<(), String> {
    let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
    let (path, rest) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let place = world.folder.join(path);
    let text = || unescape(&quoted(rest)?.0);
    let done = match verb {
        "write" => {
            world::write(&place, &text()?);
            Ok(())
        }
        // Content changes, size and time stay: what a validator made from those would miss.
        "overwrite" => {
            use std::io::Write;
            let text = text()?;
            let opened = fs::File::options().write(true).open(&place);
            opened.and_then(|mut file| file.write_all(&text)).map(|()| world::age(&place))
        }
        "touch" => fs::File::options()
            .write(true)
            .open(&place)
            .and_then(|f| f.set_modified(std::time::SystemTime::now())),
        "remove" if place.is_dir() && !place.is_symlink() => fs::remove_dir_all(&place),
        "remove" => fs::remove_file(&place),
        "mkdir" => fs::create_dir_all(&place),
        "rename" => fs::rename(&place, world.folder.join(rest)),
        "link" => std::os::unix::fs::symlink(rest, &place),
        "mode" => {
            let mode = u32::from_str_radix(rest, 8).map_err(|_| format!("not a mode: {rest}"))?;
            fs::set_permissions(&place, fs::Permissions::from_mode(mode))
        }
        "replace" => {
            let (old, more) = quoted(rest)?;
            let (new, _) = quoted(more)?;
            let (old, new) = (unescaped(&old)?, unescaped(&new)?);
            let before = fs::read_to_string(&place).map_err(|e| e.to_string())?;
            if !before.contains(&old) {
                return Err(format!("{path} has no {old:?}"));
            }
            fs::write(&place, before.replace(&old, &new))
        }
        "reload" => {
            world.signal("HUP");
            Ok(())
        }
        _ => return Err(format!("unknown change: {command}")),
    };
    done.map_err(|error| format!("{command}: {error}"))
}

/// The text in the first pair of quotation marks, escapes untouched, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let start = text.find('"').ok_or_else(|| format!("a quoted text is missing: {text}"))?;
    let inside = &text[start + 1..];
    let mut escaped = false;
    for (index, c) in inside.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return Ok((inside[..index].into(), &inside[index + 1..])),
            _ => escaped = false,
        }
    }
    Err(format!("a quotation mark is missing: {text}"))
}

/// `\r \n \t \" \\ \xHH`, and `\*N` after one character: that character N times.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let kind = rest.chars().next().ok_or("a backslash at the end")?;
        rest = &rest[kind.len_utf8()..];
        match kind {
            'r' => bytes.push(b'\r'),
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            '0' => bytes.push(0),
            '"' | '\\' => bytes.push(kind as u8),
            'x' => {
                let digits = rest.get(..2).ok_or("\\x needs two digits")?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| format!("\\x{digits}"))?);
                rest = &rest[2..];
            }
            '*' => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let times: usize = rest[..end].parse().map_err(|_| "\\* needs a number")?;
                let last = bytes.pop().ok_or("\\* needs a character before it")?;
                bytes.extend(std::iter::repeat_n(last, times));
                rest = rest[end..].strip_prefix(';').unwrap_or(&rest[end..]);
            }
            _ => return Err(format!("unknown escape \\{kind}")),
        }
    }
    Ok(bytes)
}

/// As [`unescape`], for what must be text.
fn unescaped(text: &str) -> Result<String, String> {
    String::from_utf8(unescape(text)?).map_err(|_| format!("not text: {text}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.trim().trim_end_matches('s').parse().map_err(|_| format!("not a time: {text}"))?;
    Ok(Duration::from_secs_f64(seconds))
}

/// Whether the whole text fits a pattern where `*` is any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// What makes two answers differ, for messages.
fn differences(wanted: &Answer, got: &Answer) -> String {
    if wanted.status != got.status {
        return format!("{} instead of {}", got.status, wanted.status);
    }
    let list = |a: &Answer| a.without_date().1;
    let missing: Vec<_> = list(wanted).into_iter().filter(|f| !list(got).contains(f)).collect();
    let added: Vec<_> = list(got).into_iter().filter(|f| !list(wanted).contains(f)).collect();
    if missing.is_empty() && added.is_empty() {
        return match wanted.content == got.content {
            true => "the same fields in another order".into(),
            false => format!("content {}", client::shown(&got.content)),
        };
    }
    format!("missing {missing:?}, added {added:?}")
}

/// Performs many transcripts, several at a time; all failures.
pub(crate) fn perform_all(transcripts: &[&Transcript]) -> Vec<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failures = std::sync::Mutex::new(Vec::new());
    let slow = Duration::from_secs(60);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(transcript) =
                    transcripts.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let start = Instant::now();
                    let outcome =
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| transcript.perform()));
                    let mut list = outcome.unwrap_or_else(|panic| {
                        let said =
                            panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "panicked".into());
                        vec![format!("tests/transcripts/{}: {said}", transcript.name)]
                    });
                    if start.elapsed() > slow {
                        list.push(format!(
                            "tests/transcripts/{}: took {:?}",
                            transcript.name,
                            start.elapsed()
                        ));
                    }
                    failures.lock().unwrap().append(&mut list);
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_read_as_written() {
        let text = "# rule S206-1\n> GET /a.txt HTTP/1.1\n> Range: bytes=0-4\n< 206\n< Content-Range: bytes 0-4/12\n= tag ETag\n\n> HEAD / HTTP/1.1\n\n> GET / HTTP/1.1\n< 200\n< closed\n";
        let transcript = Transcript::parse("x", text).unwrap();
        assert_eq!(transcript.rules, ["S206-1"]);
        assert_eq!(transcript.steps.len(), 6);
        assert!(Transcript::parse("x", "> GET / HTTP/1.1\n< 200\n").is_err(), "no rule");
        assert!(Transcript::parse("x", "# rule A\n> GET / HTTP/1.1\n").is_err(), "no expectation");
        assert!(Transcript::parse("x", "# rule A\n< Name: x\n").is_err(), "no status");
        assert!(Transcript::parse("x", "# rule A\n! remove site/a.txt\n< 200\n").is_err(), "shared folder");
    }

    #[test]
    fn patterns_escapes_and_values() {
        assert!(glob("text/html*", "text/html; charset=utf-8") && glob("a*c*e", "abcde") && glob("x", "x"));
        assert!(!glob("a*b", "ab c") && !glob("ab*ba", "aba") && !glob("x", "xy"));
        assert_eq!(unescape(r#"a\*3;b\x00\r\n"#).unwrap(), b"aaab\0\r\n");
        let mut script = Script::default();
        script.values.insert("lm".into(), "Sun, 06 Nov 1994 08:49:37 GMT".into());
        assert_eq!(script.fill("{lm-1s}").unwrap(), "Sun, 06 Nov 1994 08:49:36 GMT");
        assert_eq!(script.fill("{\"a\":1} {lm:asctime}").unwrap(), "{\"a\":1} Sun Nov  6 08:49:37 1994");
        assert!(script.fill("{unknown}").is_err());
    }

    /// A transcript that expects something else than what happens fails, at each line that is wrong.
    #[test]
    fn wrong_expectations_are_reported() {
        let text = "# rule A\n> GET /a.txt HTTP/1.1\n< 404\n< Content-Length: 13\n< Vary: *\n< !ETag\n\
                    < Accept-Ranges lacks bytes\n< content: \"hello\"\n< content contains \"bye\"\n< (no content)\n\
                    < Content-Type: ~ image/*\n< Content-Length: #13..20\n< took 5s..6s\n= tag ETag\n\n\
                    > GET /missing HTTP/1.1\n< 404\n< ETag: {tag}\n< closed within 0.2s\n";
        let failures = Transcript::parse("x", text).unwrap().perform();
        let lines: Vec<_> =
            failures.iter().filter_map(|f| f.split(':').nth(1)?.parse::<usize>().ok()).collect();
        assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 18, 19], "{failures:#?}");
    }
}
