//! Forms: what somebody filled in becomes a record in JSON, with the files beside it.
//!
//! `application/x-www-form-urlencoded` and `multipart/form-data` become an object from names to values: a text, a list
//! of texts where a name comes more than once, and for a file its name, type and length. An object in JSON is kept as
//! it was sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use candor_semantics::facts::ContentFact;
use candor_semantics::field::digest::Digests;
use candor_semantics::field::media_type::MediaType;
use candor_semantics::head::Head;
use candor_wire::incoming::{ContentFault, Incoming};
use multer::{Field, Multipart};
use serde_json::{Map, Value, json};

use super::Authoring;
use super::upload::{self, Taken, Upload, Writer, fact_of};

/// The types a form takes, as `Accept` tells them.
pub(crate) const TYPES: &str = "application/x-www-form-urlencoded, multipart/form-data, application/json";

/// Bytes of all texts of a form, at most; files count against `body_size` only.
const MOST_TEXT: u64 = 1024 * 1024;

/// Fields of a form, at most.
const MOST_FIELDS: usize = 1000;

/// A form that was filled in.
pub(crate) struct Submission {
    /// The record, in JSON.
    pub(crate) record: Upload,
    /// The first part of its name and of those of its files.
    pub(crate) id: String,
    /// The files.
    pub(crate) files: Vec<Attached>,
}

/// A file that came with a form.
pub(crate) struct Attached {
    /// Its name in the collection.
    pub(crate) name: String,
    /// The type that the sender declared.
    pub(crate) media_type: Option<String>,
    /// Its bytes.
    pub(crate) upload: Upload,
}

/// Why there is no submission.
pub(crate) enum Fault {
    /// The content ended otherwise than whole.
    Not(ContentFact),
    /// It cannot be used; the text names the field.
    Unusable(String),
    /// It could not be kept.
    Unkept(std::io::Error),
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        Fault::Unkept(error)
    }
}

/// Takes what was filled in, at most `limit` bytes of it.
///
/// # Errors
/// See [`Fault`].
pub(crate) async fn take(
    authoring: &Arc<Authoring>,
    incoming: &mut Incoming,
    head: &Head,
    limit: u64,
) -> Result<Submission, Fault> {
    let media_type = head.get("content-type").and_then(MediaType::parse);
    let Some(media_type) = media_type else {
        return Err(Fault::Unusable(format!("Content-Type: it must be one of {TYPES}.")));
    };
    let random = crate::credentials::random::<8>().map_err(|_| std::io::Error::other("no random bytes"))?;
    let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    if media_type.essence() == "multipart/form-data" {
        return take_parts(authoring, incoming, head, &media_type, limit, id).await;
    }
    let upload = match upload::take(authoring, incoming, head, Some(limit.min(MOST_TEXT))).await {
        Taken::Whole(upload) => upload,
        Taken::Not(fact) => return Err(Fault::Not(fact)),
        Taken::Unkept(error) => return Err(Fault::Unkept(error)),
    };
    let text = upload.bytes(MOST_TEXT).ok_or_else(|| std::io::Error::other("the content cannot be read"))?;
    if media_type.essence() == "application/json" {
        return match serde_json::from_slice::<Map<String, Value>>(&text) {
            Ok(_) => Ok(Submission { record: upload, id, files: Vec::new() }),
            Err(error) => Err(Fault::Unusable(format!("The content is no JSON object: {error}."))),
        };
    }
    let fields = decoded(&text).map_err(Fault::Unusable)?;
    Ok(Submission { record: record(fields), id, files: Vec::new() })
}

/// An object from names to values; a name that comes more than once has a list.
fn record(fields: Vec<(String, Value)>) -> Upload {
    let mut object: Map<String, Value> = Map::new();
    let mut lists = std::collections::HashSet::new();
    for (name, value) in fields {
        match object.get_mut(&name) {
            None => {
                object.insert(name, value);
            }
            Some(Value::Array(list)) if lists.contains(&name) => list.push(value),
            Some(first) => {
                *first = Value::Array(vec![first.take(), value]);
                lists.insert(name);
            }
        }
    }
    Upload::of((Value::Object(object).to_string() + "\n").into_bytes())
}

// ---- application/x-www-form-urlencoded ------------------------------------------------------------------------

fn decoded(text: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let mut fields = Vec::new();
    for (number, pair) in text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).enumerate() {
        if number >= MOST_FIELDS {
            return Err(format!("Field {}: a form has at most {MOST_FIELDS} fields.", number + 1));
        }
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) =
            (pair.get(..equals).unwrap_or_default(), pair.get(equals + 1..).unwrap_or_default());
        let Some(name) = unescaped(name).filter(|name| !name.is_empty()) else {
            return Err(format!("Field {}: its name is empty, or no UTF-8 in percent-encoding.", number + 1));
        };
        match unescaped(value) {
            Some(value) => fields.push((name, Value::String(value))),
            None => return Err(format!("{name}: its value is no UTF-8 in percent-encoding.")),
        }
    }
    Ok(fields)
}

fn unescaped(text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    let digit =
        |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(&byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

// ---- multipart/form-data (RFC 7578) ---------------------------------------------------------------------------

async fn take_parts(
    authoring: &Arc<Authoring>,
    incoming: &mut Incoming,
    head: &Head,
    media_type: &MediaType,
    limit: u64,
    id: String,
) -> Result<Submission, Fault> {
    let boundary = media_type.parameter("boundary").and_then(|value| String::from_utf8(value.to_vec()).ok());
    let Some(boundary) = boundary.filter(|boundary| (1..=70).contains(&boundary.len())) else {
        return Err(Fault::Unusable("Content-Type: a multipart form needs its boundary.".to_owned()));
    };
    let stated = Digests::from_head(head);
    let ended = Arc::new(Mutex::new(None));
    let sha256 = Arc::new(Mutex::new(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256)));
    let counted = Counted { incoming, length: 0, limit, ended: ended.clone(), sha256: sha256.clone() };
    let mut parts = Multipart::new(counted, boundary);
    let read = read_parts(authoring, &mut parts, &id).await;
    if let Some(fact) = ended.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(Fault::Not(fact));
    }
    let (fields, files) = read?;
    drop(parts);
    // What follows the last boundary is no part of the form, but of the content.
    while let Some(next) = incoming.next().await {
        let bytes = next.map_err(|fault| Fault::Not(fact_of(fault)))?;
        sha256.lock().unwrap_or_else(PoisonError::into_inner).update(&bytes);
    }
    if let Some(stated) = stated {
        let sha256 = sha256.lock().unwrap_or_else(PoisonError::into_inner).clone().finish();
        let digest: [u8; 32] = sha256.as_ref().try_into().unwrap_or_default();
        if [stated.content, stated.representation].into_iter().flatten().any(|stated| !stated.is(&digest)) {
            return Err(Fault::Not(ContentFact::Malformed));
        }
    }
    Ok(Submission { record: record(fields), id, files })
}

type Parts = (Vec<(String, Value)>, Vec<Attached>);

async fn read_parts(authoring: &Arc<Authoring>, parts: &mut Multipart<'_>, id: &str) -> Result<Parts, Fault> {
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    let mut room = MOST_TEXT;
    let mut number = 0_usize;
    loop {
        number += 1;
        let place = |name: Option<&str>| match name {
            Some(name) => name.to_owned(),
            None => format!("Field {number}"),
        };
        let part = parts.next_field().await.map_err(|error| unusable(&place(None), &error))?;
        let Some(mut part) = part else { return Ok((fields, files)) };
        if number > MOST_FIELDS {
            return Err(Fault::Unusable(format!("Field {number}: a form has at most {MOST_FIELDS} fields.")));
        }
        let Some(name) = part.name().filter(|name| !name.is_empty()).map(str::to_owned) else {
            return Err(Fault::Unusable(format!("Field {number}: it has no name.")));
        };
        match part.file_name().map(str::to_owned) {
            Some(file) => {
                let attached = take_file(authoring, &mut part, &name, &file, id, files.len()).await?;
                // A browser sends this where no file was chosen.
                if file.is_empty() && attached.upload.length == 0 {
                    fields.push((name, Value::Null));
                    continue;
                }
                let told = json!({
                    "file": attached.name,
                    "name": file,
                    "type": attached.media_type,
                    "length": attached.upload.length,
                });
                fields.push((name, told));
                files.push(attached);
            }
            None => {
                let text = take_text(&mut part, &name, &mut room).await?;
                fields.push((name, Value::String(text)));
            }
        }
    }
}

async fn take_text(part: &mut Field<'_>, name: &str, room: &mut u64) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| unusable(name, &error))? {
        let left = room.checked_sub(piece.len() as u64);
        *room = left.ok_or(Fault::Not(ContentFact::TooLarge(MOST_TEXT)))?;
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| Fault::Unusable(format!("{name}: its value is no UTF-8.")))
}

async fn take_file(
    authoring: &Arc<Authoring>,
    part: &mut Field<'_>,
    name: &str,
    file: &str,
    id: &str,
    number: usize,
) -> Result<Attached, Fault> {
    let media_type = part.content_type().map(|media_type| media_type.to_string());
    let mut writer = Writer::new(authoring.clone());
    while let Some(piece) = part.chunk().await.map_err(|error| unusable(name, &error))? {
        writer.write(&piece).await?;
    }
    let wished = super::draft::safe(file);
    let own = if wished.is_empty() { "file".to_owned() } else { wished };
    Ok(Attached {
        name: format!("{id}-{}-{own}", number + 1),
        media_type: media_type.filter(|media_type| media_type.len() <= 200),
        upload: writer.finish().await?,
    })
}

fn unusable(place: &str, error: &multer::Error) -> Fault {
    Fault::Unusable(format!("{}: {error}.", place.escape_debug()))
}

/// The content as a stream, counted and digested; how it ended is told beside it.
struct Counted<'a> {
    incoming: &'a mut Incoming,
    length: u64,
    limit: u64,
    ended: Arc<Mutex<Option<ContentFact>>>,
    sha256: Arc<Mutex<aws_lc_rs::digest::Context>>,
}

impl Counted<'_> {
    fn end(&self, fact: ContentFact) -> Poll<Option<Result<Bytes, std::io::Error>>> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(fact);
        Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())))
    }
}

impl futures_core::Stream for Counted<'_> {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next: Option<Result<Bytes, ContentFault>> = match self.incoming.poll_next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        match next {
            None => Poll::Ready(None),
            Some(Err(fault)) => self.end(fact_of(fault)),
            Some(Ok(bytes)) => {
                self.length = self.length.saturating_add(bytes.len() as u64);
                if self.length > self.limit {
                    return self.end(ContentFact::TooLarge(self.limit));
                }
                self.sha256.lock().unwrap_or_else(PoisonError::into_inner).update(&bytes);
                Poll::Ready(Some(Ok(bytes)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fields: Vec<(String, Value)>) -> String {
        String::from_utf8(record(fields).bytes(MOST_TEXT).unwrap()).unwrap()
    }

    #[test]
    fn urlencoded_fields() {
        let fields = decoded(b"name=amy+b&tag=1&&tag=2&tag=%C3%A4&empty=&bare").unwrap();
        let expected = "{\"bare\":\"\",\"empty\":\"\",\"name\":\"amy b\",\"tag\":[\"1\",\"2\",\"ä\"]}\n";
        assert_eq!(text(fields), expected);
        for (bad, place) in [("a=1&b=%zz", "b:"), ("a=%C3", "a:"), ("a=1&=2", "Field 2:"), ("a=%4", "a:")] {
            let why = decoded(bad.as_bytes()).unwrap_err();
            assert!(why.starts_with(place), "{bad}: {why}");
        }
    }
}
