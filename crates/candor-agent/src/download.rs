//! Content into a file or a stream, resumed where it was cut (sections 13.1.5, 14).

use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use candor_semantics::field::content_range::ContentRange;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::reaction::{Break, Failed, Reaction};
use serde::{Deserialize, Serialize};

use crate::agent::{Agent, Outcome, Trouble};
use crate::exchange::Broken;
use crate::person::Person;
use crate::request::Request;
use crate::storage;

/// Where content goes.
pub enum Target<'a> {
    /// A stream, from which nothing can be taken back.
    Stream(&'a mut dyn Write),
    /// A file, replaced once all is there. What came of a broken transfer stays beside it, in `FILE.part`.
    File(PathBuf),
}

/// How far a download is, for who shows it.
pub trait Progress: Send {
    /// So many bytes are there, of so many where that is known.
    fn at(&mut self, received: u64, complete: Option<u64>);
}

/// What a partial file belongs to.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    url: String,
    tag: String,
}

/// Asks with GET and writes the content where the answer is one to show. The outcome is given with its content
/// read; other answers are given with their content still to be read.
///
/// # Errors
/// [`Trouble`] where no answer, or not all of it, could be had; also where the target cannot be written.
pub async fn download(
    agent: &Agent,
    request: &Request,
    mut target: Target<'_>,
    person: &mut dyn Person,
    progress: &mut dyn Progress,
) -> Result<Outcome, Trouble> {
    let mut resume = resumable(request, &target);
    let mut attempts = 0;
    loop {
        let mut asked = request.clone();
        if let Some((length, tag)) = &resume {
            asked.fields.push("Range", format!("bytes={length}-"));
            asked.fields.push("If-Range", tag.to_bytes());
        }
        let mut outcome = agent.ask(asked, person).await?;
        let start = match &outcome.reaction {
            Reaction::Show | Reaction::SecondHand { .. } => 0,
            Reaction::Part if resume.is_none() => 0,
            Reaction::Part => match continues(&outcome, resume.as_ref()) {
                Some(start) => start,
                None => {
                    // Another part, or of something else: nothing of it fits.
                    resume = None;
                    attempts += 1;
                    if attempts > 2 || matches!(target, Target::Stream(_)) {
                        return Err(incomplete(
                            &outcome,
                            "the server answers with other parts than those asked for",
                        ));
                    }
                    continue;
                }
            },
            Reaction::DropPart if resume.is_some() => {
                resume = None;
                continue;
            }
            _ => return Ok(outcome),
        };
        let tag = outcome.answer().tag().filter(|tag| !tag.is_weak());
        match receive(&mut outcome, &mut target, start, progress).await {
            Ok(()) => return Ok(outcome),
            Err((received, broken)) => {
                attempts += 1;
                let grew = received > start;
                match tag {
                    Some(tag)
                        if matches!(broken.how, Break::Cut { .. })
                            && (attempts <= 1 || grew && attempts <= 8) =>
                    {
                        resume = Some((received, tag));
                    }
                    // Without a strong tag a file can be fetched anew, once; a stream cannot be taken back.
                    None if attempts <= 1
                        && matches!(broken.how, Break::Cut { .. })
                        && (received == 0 || matches!(target, Target::File(_))) =>
                    {
                        resume = None;
                    }
                    _ => return Err(incomplete(&outcome, &broken.what)),
                }
            }
        }
    }
}

fn incomplete(outcome: &Outcome, what: &str) -> Trouble {
    Trouble { failed: Failed::Plainly, url: Box::new(outcome.url.clone()), what: what.to_owned() }
}

/// What a run before left, if it belongs to the same address.
fn resumable(request: &Request, target: &Target<'_>) -> Option<(u64, EntityTag)> {
    let Target::File(file) = target else { return None };
    let part: Part = storage::read_json(&note_of(file))?;
    let length = fs::metadata(part_of(file)).ok()?.len();
    let same = part.url == request.url.clone().without_fragment().to_string();
    let tag = EntityTag::parse(part.tag.as_bytes()).filter(|tag| !tag.is_weak())?;
    (same && length > 0).then_some((length, tag))
}

/// The first position of a 206 that goes on where we are, under the same strong tag (section 15.3.7.3).
fn continues(outcome: &Outcome, resume: Option<&(u64, EntityTag)>) -> Option<u64> {
    let (length, tag) = resume?;
    let same = outcome.answer().tag().is_some_and(|own| own.strong_eq(tag.as_ref()));
    match outcome.head.fields.get("Content-Range").and_then(|value| ContentRange::parse(value)) {
        Some(ContentRange::Part { first, .. }) if same && first == *length => Some(first),
        _ => None,
    }
}

/// Reads the content; on an error tells how many bytes there are now.
async fn receive(
    outcome: &mut Outcome,
    target: &mut Target<'_>,
    start: u64,
    progress: &mut dyn Progress,
) -> Result<(), (u64, Broken)> {
    let complete = complete_length(outcome, start);
    let failed = |error: io::Error, at: u64| (at, Broken::new(Break::Head, format!("cannot write: {error}")));
    let mut received = start;
    let mut writer: Box<dyn Write + '_> = match target {
        Target::Stream(stream) => Box::new(&mut **stream),
        Target::File(file) => {
            Box::new(open_part(file, start, outcome).map_err(|error| failed(error, start))?)
        }
    };
    loop {
        match outcome.incoming.next().await {
            Ok(Some(part)) => {
                match writer.write_all(&part) {
                    // Who reads our output has had enough; that is fine.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    done => done.map_err(|error| failed(error, received))?,
                }
                received = received.saturating_add(part.len() as u64);
                progress.at(received, complete);
            }
            Ok(None) => break,
            Err(broken) => {
                let _ = writer.flush();
                return Err((received, broken));
            }
        }
    }
    writer.flush().map_err(|error| failed(error, received))?;
    drop(writer);
    // A 206 that ends early is cut, whatever its own length says.
    if outcome.head.code == 206 && complete.is_some_and(|complete| received < complete) {
        return Err((
            received,
            Broken::new(Break::Cut { resumable: true }, "the part ends before the whole does"),
        ));
    }
    if let Target::File(file) = target {
        finish(file).map_err(|error| failed(error, received))?;
    }
    Ok(())
}

fn complete_length(outcome: &Outcome, start: u64) -> Option<u64> {
    let fields = &outcome.head.fields;
    match fields.get("Content-Range").and_then(|value| ContentRange::parse(value)) {
        Some(ContentRange::Part { complete, .. }) if outcome.head.code == 206 && start > 0 => complete,
        _ => fields
            .get("Content-Length")
            .and_then(|value| candor_semantics::field::content_length::parse(value)),
    }
}

fn open_part(file: &Path, start: u64, outcome: &Outcome) -> io::Result<fs::File> {
    if start == 0
        && let Some(tag) = outcome.answer().tag().filter(|tag| !tag.is_weak())
    {
        let first = outcome.hops.first().map_or(&outcome.url, |hop| &hop.from);
        let part = Part { url: first.clone().without_fragment().to_string(), tag: tag.to_string() };
        fs::write(note_of(file), serde_json::to_vec(&part)?)?;
    } else if start == 0 {
        let _ = fs::remove_file(note_of(file));
    }
    let mut part = fs::OpenOptions::new().create(true).write(true).truncate(false).open(part_of(file))?;
    part.set_len(start)?;
    part.seek(io::SeekFrom::Start(start))?;
    Ok(part)
}

fn finish(file: &Path) -> io::Result<()> {
    fs::File::open(part_of(file))?.sync_data()?;
    fs::rename(part_of(file), file)?;
    let _ = fs::remove_file(note_of(file));
    Ok(())
}

fn part_of(file: &Path) -> PathBuf {
    with_ending(file, ".part")
}

fn note_of(file: &Path) -> PathBuf {
    with_ending(file, ".part.json")
}

fn with_ending(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
