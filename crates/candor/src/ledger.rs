//! `candor log`, `move`, `retire` and `restore` on a folder with a ledger.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use candor_semantics::address::Address;
use candor_semantics::field::http_date::HttpDate;
use candor_store::{Act, Change, Ledger, MarkKind, Moment, Record, RecordError, SqliteStore, StoreError};
use serde_json::json;

use crate::cli::{Log, MoveMark, Restore, Retire, SiteFolder};
use crate::exit::{Exit, Failure};
use crate::print;

/// Prints the acts of a ledger, newest first.
pub(crate) fn log(options: &Log) -> Result<(), Failure> {
    let (store, place) = open(&options.site, false)?;
    let path = options.path.as_deref().map(path).transpose()?;
    let acts = store.acts(path.as_deref(), None, options.most).map_err(|error| failed(&place, &error))?;
    if options.json {
        return print::json(&acts.iter().map(as_json).collect());
    }
    print::out(&acts.iter().map(as_line).collect::<String>())
}

/// Marks an address as moved.
pub(crate) fn move_mark(options: &MoveMark) -> Result<(), Failure> {
    let targets: Vec<String> = options.to.iter().map(|to| target(to)).collect::<Result<_, _>>()?;
    let until = options.until.as_deref().map(moment).transpose()?;
    let what = match (options.for_now, targets.as_slice()) {
        (true, [target]) => MarkKind::MovedForNow(target.clone(), until),
        (true, _) => return Err(usage("--for-now takes one address")),
        (false, _) if until.is_some() => return Err(usage("--until means nothing without --for-now")),
        (false, _) => MarkKind::Moved(targets),
    };
    let from = path(&options.from)?;
    if options.to.iter().any(|to| path(to).is_ok_and(|to| to == from)) {
        return Err(usage("an address cannot move to itself"));
    }
    act(&options.site, from, Change::Mark(what), None)
}

/// Marks an address as gone.
pub(crate) fn retire(options: &Retire) -> Result<(), Failure> {
    let from = options.at.as_deref().map(moment).transpose()?;
    let keep = options.keep.as_deref().map(duration).transpose()?;
    let begin = from.unwrap_or_else(Moment::now);
    let until = keep.map(|keep| Moment::at(begin.time() + keep));
    let what = MarkKind::Gone { note: options.note.clone(), from, until };
    act(&options.site, path(&options.path)?, Change::Mark(what), options.note.clone())
}

/// Lifts the mark of an address.
pub(crate) fn restore(options: &Restore) -> Result<(), Failure> {
    act(&options.site, path(&options.path)?, Change::Lift, None)
}

fn act(site: &SiteFolder, path: Vec<u8>, change: Change, note: Option<String>) -> Result<(), Failure> {
    let (store, place) = open(site, true)?;
    let author = std::env::var("USER").ok().filter(|name| !name.is_empty());
    let record = Record { author, note, ..Record::new(path, change) };
    match store.record(&record) {
        Ok(act) => print::out(&as_line(&act)),
        Err(RecordError::Store(error)) => Err(failed(&place, &error)),
        Err(error) => Err(usage(&error.to_string())),
    }
}

// ---- words ---------------------------------------------------------------------------------------------------

fn open(site: &SiteFolder, make: bool) -> Result<(SqliteStore, PathBuf), Failure> {
    if site.site.contains("://") {
        return Err(usage("a running candor cannot be asked yet; name its folder"));
    }
    let folder = Path::new(&site.site);
    if !folder.is_dir() {
        return Err(usage(&format!("{}: there is no such folder", folder.display())));
    }
    let root = std::path::absolute(folder).map_err(|error| usage(&error.to_string()))?;
    let state = site.state.as_deref().map(std::path::absolute).transpose();
    let state = state.map_err(|error| usage(&error.to_string()))?;
    let places = candor_server::state_places(&root, state.as_deref());
    let there = places.iter().find(|place| SqliteStore::is_there(place));
    let place = match (there, make) {
        (Some(place), _) => place.clone(),
        (None, true) => places.first().cloned().unwrap_or_default(),
        (None, false) => {
            let message = format!("{}: there is no ledger of this folder yet", folder.display());
            return Err(Failure::new(Exit::Refused, message));
        }
    };
    let store = SqliteStore::open(&place).map_err(|error| failed(&place, &error))?;
    Ok((store, place))
}

fn failed(place: &Path, error: &StoreError) -> Failure {
    Failure::new(Exit::NoAnswer, format!("{}: {error}", place.display()))
}

fn usage(message: &str) -> Failure {
    Failure::new(Exit::Usage, message)
}

/// The path of an address of the site, decoded.
fn path(written: &str) -> Result<Vec<u8>, Failure> {
    let address = written.starts_with('/').then(|| Address::parse(written.as_bytes()).ok()).flatten();
    match address.filter(Address::is_nameable) {
        Some(address) => Ok(address.path().to_vec()),
        None => Err(usage(&format!("{written:?} is no address of a site, such as /a.html or /a/"))),
    }
}

/// A reference that a mark leads to: an address of the site, or an http or https URL.
fn target(written: &str) -> Result<String, Failure> {
    if written.starts_with("http://") || written.starts_with("https://") {
        let plain = written.bytes().all(|byte| byte.is_ascii_graphic());
        return if plain { Ok(written.to_owned()) } else { Err(usage(&format!("{written:?} is no URL"))) };
    }
    let (before, after) = match written.find(['?', '#']) {
        Some(at) => written.split_at(at),
        None => (written, ""),
    };
    let path = path(before)?;
    if !after.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(usage(&format!("{written:?} is no address of a site")));
    }
    Ok(format!("{}{after}", candor_semantics::address::encode_path(&path)))
}

/// A time: RFC 3339, a date, or so long from now.
fn moment(written: &str) -> Result<Moment, Failure> {
    if let Ok(from_now) = duration(written) {
        return Ok(Moment::at(SystemTime::now() + from_now));
    }
    candor_server::configuration::moment(written)
        .map(Moment::at)
        .map_err(|_| usage(&format!("{written:?} is no time, such as 2030-01-31T12:00:00Z or 90d")))
}

fn duration(written: &str) -> Result<Duration, Failure> {
    candor_server::configuration::duration(written)
        .map_err(|_| usage(&format!("{written:?} is no length of time, such as 90d")))
}

fn as_line(act: &Act) -> String {
    let mut line = format!("{:>6}  {}  {:<8} {}", act.number, date(act), act.kind.word(), shown(&act.path));
    if let Some(target) = &act.target {
        line.push_str(&format!(" -> {}", shown(target)));
    }
    if let Some(author) = &act.author {
        line.push_str(&format!("  by {}", author.escape_debug()));
    }
    if let Some(note) = &act.note {
        line.push_str(&format!("  ({})", note.escape_debug()));
    }
    line.push('\n');
    line
}

fn date(act: &Act) -> String {
    let seconds = act.at.time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    String::from_utf8_lossy(&HttpDate::from_unix(seconds).to_fixdate()).into_owned()
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}

fn as_json(act: &Act) -> serde_json::Value {
    json!({
        "number": act.number,
        "at": act.at.0 / 1_000_000,
        "kind": act.kind.word(),
        "path": candor_semantics::address::encode_path(&act.path),
        "target": act.target.as_deref().map(String::from_utf8_lossy),
        "version": act.digest.map(|digest| digest.tag()),
        "author": act.author,
        "note": act.note,
    })
}
