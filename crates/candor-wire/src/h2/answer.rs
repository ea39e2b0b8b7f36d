//! One exchange on HTTP/2: the request up to the service, its answer down into frames.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use ::h2::server::SendResponse;
use ::h2::{Reason, SendStream};
use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::method::Method;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::timeout;

use super::{Accepted, Shared, request};
use crate::date::date;
use crate::limits::Limits;
use crate::read;
use crate::service::{Answer, Content, Delivery, FilePart, Piece, Request, Service, Source};

/// Answers one request. What cannot be finished is reset with INTERNAL_ERROR, so that the client sees it; what the
/// client did not send before a whole answer is waived with NO_ERROR (RFC 9113 section 8.1), by the `h2` crate, when
/// both halves of the stream are let go.
pub(super) async fn exchange<S: Service>(
    shared: Arc<Shared<S>>,
    (request, reply): Accepted,
    received: Instant,
) {
    let (parts, stream) = request.into_parts();
    let (head, refusal) = request::head(&parts, shared.peer.scheme, &shared.limits);
    let is_head = head.is(Method::Head);
    let (reply, answer) = match refusal {
        Some(refusal) => (Reply::Own(reply), shared.service.refuse(&shared.peer, head, refusal, received)),
        None => {
            let (reply, ask) = match request::expects_continue(&parts.headers) && !stream.is_end_stream() {
                true => Reply::share(reply),
                false => (Reply::Own(reply), None),
            };
            let incoming = request::incoming(&parts.headers, stream, ask, &shared.content, &shared.limits);
            let request = Request { head, incoming, peer: Arc::clone(&shared.peer), received };
            (reply, shared.service.respond(request).await)
        }
    };
    let Answer { status, fields, content, record, .. } = answer;
    let mut open = Open { shared: &shared, record: Some(record), sent: 0 };
    let sending = Sending { limits: &shared.limits, sent: &mut open.sent };
    let complete = sending.send(reply, is_head, status, fields, content).await.is_ok();
    open.close(complete);
}

/// An answer on its way. However it ends, also if its task is dropped, the service hears of it once.
struct Open<'a, S: Service> {
    shared: &'a Shared<S>,
    record: Option<S::Record>,
    sent: u64,
}

impl<S: Service> Open<'_, S> {
    fn close(mut self, complete: bool) {
        if let Some(record) = self.record.take() {
            self.shared.finish(record, Delivery { content: self.sent, complete });
        }
    }
}

impl<S: Service> Drop for Open<'_, S> {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.shared.finish(record, Delivery { content: self.sent, complete: false });
        }
    }
}

/// The way to answer.
enum Reply {
    Own(SendResponse<Bytes>),
    Shared(request::Reply),
}

impl Reply {
    /// Two ends of one way.
    fn share(reply: SendResponse<Bytes>) -> (Reply, Option<request::Reply>) {
        let reply = Arc::new(Mutex::new(reply));
        (Reply::Shared(Arc::clone(&reply)), Some(reply))
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut SendResponse<Bytes>) -> T) -> T {
        match self {
            Reply::Own(reply) => act(reply),
            Reply::Shared(reply) => act(&mut reply.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// The answer was not sent to its end: the client went away, or its content could not be had.
#[derive(Debug)]
struct Broken;

impl From<::h2::Error> for Broken {
    fn from(_: ::h2::Error) -> Broken {
        Broken
    }
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Broken {
        Broken
    }
}

/// Sends one answer and counts what was sent of its content.
struct Sending<'a> {
    limits: &'a Limits,
    sent: &'a mut u64,
}

impl Sending<'_> {
    async fn send(
        mut self,
        mut reply: Reply,
        is_head: bool,
        status: u16,
        fields: Fields,
        content: Content,
    ) -> Result<(), Broken> {
        let length = length(status, &content);
        let content = if is_head || is_empty(status, &content) { Content::Nothing } else { content };
        let is_end = matches!(content, Content::Nothing);
        let Some(response) = head(status, fields, length) else {
            reply.with(|reply| reply.send_reset(Reason::INTERNAL_ERROR));
            return Err(Broken);
        };
        let mut stream = reply.with(|reply| reply.send_response(response, is_end))?;
        drop(reply);
        let result = self.content(&mut stream, content).await;
        if result.is_err() {
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        result
    }

    async fn content(&mut self, stream: &mut SendStream<Bytes>, content: Content) -> Result<(), Broken> {
        match content {
            Content::Nothing | Content::Omitted(_) => Ok(()),
            Content::Bytes(bytes) => self.bytes(stream, bytes, true).await,
            Content::File(part) => self.file(stream, part, true).await,
            Content::Pieces(pieces) => self.pieces(stream, pieces).await,
            Content::Stream { source, length } => self.stream(stream, source, length).await,
        }
    }

    async fn bytes(
        &mut self,
        stream: &mut SendStream<Bytes>,
        mut bytes: Bytes,
        is_last: bool,
    ) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let part = bytes.split_to(self.capacity(stream, bytes.len()).await?);
            self.data(stream, part, is_last && bytes.is_empty())?;
        }
        Ok(())
    }

    /// Reads no more than the client can take at the moment.
    async fn file(
        &mut self,
        stream: &mut SendStream<Bytes>,
        part: FilePart,
        is_last: bool,
    ) -> Result<(), Broken> {
        let (mut offset, mut left) = (part.offset, part.length);
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(read::CHUNK);
            let room = self.capacity(stream, want).await?;
            let bytes = read::read(&part.file, offset, room).await?;
            let length = bytes.len() as u64;
            // Looked at after reading: what was copied is what was promised.
            if length == 0 || length > left || !part.holds() {
                return Err(Broken);
            }
            offset = offset.checked_add(length).ok_or(Broken)?;
            left -= length;
            self.data(stream, bytes, is_last && left == 0)?;
        }
        Ok(())
    }

    async fn pieces(&mut self, stream: &mut SendStream<Bytes>, pieces: Vec<Piece>) -> Result<(), Broken> {
        let last = pieces.iter().rposition(|piece| piece.length() > 0);
        for (position, piece) in pieces.into_iter().enumerate() {
            let is_last = Some(position) == last;
            match piece {
                Piece::Bytes(bytes) => self.bytes(stream, bytes, is_last).await?,
                Piece::File(part) => self.file(stream, part, is_last).await?,
            }
        }
        Ok(())
    }

    async fn stream(
        &mut self,
        stream: &mut SendStream<Bytes>,
        mut source: Box<dyn Source>,
        length: Option<u64>,
    ) -> Result<(), Broken> {
        let mut left = length;
        while let Some(bytes) = next(stream, source.as_mut()).await? {
            if let Some(left) = &mut left {
                *left = left.checked_sub(bytes.len() as u64).ok_or(Broken)?;
            }
            self.bytes(stream, bytes, false).await?;
        }
        if left.is_some_and(|left| left > 0) {
            return Err(Broken);
        }
        match source.trailers() {
            Some(trailers) => stream.send_trailers(map(trailers, 0).ok_or(Broken)?)?,
            None => stream.send_data(Bytes::new(), true)?,
        }
        Ok(())
    }

    fn data(&mut self, stream: &mut SendStream<Bytes>, bytes: Bytes, is_last: bool) -> Result<(), Broken> {
        let length = bytes.len() as u64;
        stream.send_data(bytes, is_last)?;
        *self.sent += length;
        Ok(())
    }

    /// How much of `want` bytes can be sent now: at least one, after waiting for it.
    async fn capacity(&self, stream: &mut SendStream<Bytes>, want: usize) -> Result<usize, Broken> {
        let want = want.min(read::CHUNK);
        stream.reserve_capacity(want);
        let ready = stream.capacity();
        if ready > 0 {
            return Ok(ready.min(want));
        }
        let more = async {
            loop {
                match poll_fn(|cx| stream.poll_capacity(cx)).await {
                    Some(Ok(0)) => {}
                    Some(Ok(capacity)) => return Ok(capacity.min(want)),
                    Some(Err(_)) | None => return Err(Broken),
                }
            }
        };
        within(self.limits.write_timeout, more).await
    }
}

/// A wait that breaks the answer off when it takes too long.
async fn within<T>(limit: Duration, wait: impl Future<Output = Result<T, Broken>>) -> Result<T, Broken> {
    timeout(limit, wait).await.map_err(|_| Broken)?
}

/// The next bytes of a source that has any; a client that goes away meanwhile is noticed.
async fn next(stream: &mut SendStream<Bytes>, source: &mut dyn Source) -> Result<Option<Bytes>, Broken> {
    poll_fn(|cx| {
        loop {
            match source.poll_next(cx) {
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(next) => return Poll::Ready(next.transpose().map_err(Broken::from)),
                Poll::Pending => return stream.poll_reset(cx).map(|_| Err(Broken)),
            }
        }
    })
    .await
}

/// The value of `Content-Length`: what the content has, or what GET would announce (RFC 9110 section 8.6).
fn length(status: u16, content: &Content) -> Option<u64> {
    match content {
        _ if matches!(status, 204 | 304) => None,
        _ if status == 205 => Some(0),
        Content::Nothing => None,
        Content::Omitted(length) => *length,
        Content::Bytes(bytes) => Some(bytes.len() as u64),
        Content::File(part) => Some(part.length),
        Content::Pieces(pieces) => Some(pieces.iter().map(Piece::length).fold(0, u64::saturating_add)),
        Content::Stream { length, .. } => *length,
    }
}

/// Whether nothing follows the head.
fn is_empty(status: u16, content: &Content) -> bool {
    match content {
        _ if matches!(status, 204 | 205 | 304) => true,
        Content::Stream { .. } => false,
        content => {
            length(status, content).is_none_or(|length| length == 0) || matches!(content, Content::Omitted(_))
        }
    }
}

/// The head of an answer, if it can be said in HTTP/2.
fn head(status: u16, fields: Fields, length: Option<u64>) -> Option<Response<()>> {
    let is_dated = fields.has("Date");
    let mut map = map(fields, 2)?;
    if !is_dated {
        map.insert(DATE, HeaderValue::from_maybe_shared(date(Instant::now())).ok()?);
    }
    if let Some(length) = length {
        map.insert(CONTENT_LENGTH, length.into());
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational())?;
    *response.headers_mut() = map;
    Some(response)
}

/// The fields with room for some more, without those that belong to one connection of HTTP/1.x or to its framing
/// (RFC 9113 section 8.2.2).
fn map(fields: Fields, more: usize) -> Option<HeaderMap> {
    let mut map = HeaderMap::try_with_capacity(fields.len() + more).ok()?;
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        if !is_framing(&name) {
            map.try_append(name, HeaderValue::from_maybe_shared(value).ok()?).ok()?;
        }
    }
    Some(map)
}

fn is_framing(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == CONTENT_LENGTH
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || name == "keep-alive"
        || name == "proxy-connection"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_of_http_1_is_left_out_and_a_date_put_in() {
        let mut fields = Fields::new();
        fields.push_static("Connection", "close");
        fields.push_static("Content-Length", "7");
        fields.push_static("Vary", "Accept");
        fields.push_static("Vary", "Accept-Language");
        let response = head(200, fields, Some(3)).unwrap();
        let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["vary", "date", "content-length"]);
        assert_eq!(response.headers().get_all("vary").iter().count(), 2);
        assert_eq!(response.headers()["content-length"], "3");
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let mut fields = Fields::new();
        fields.push("X", "a\nb");
        assert!(head(200, fields, None).is_none());
        assert!(head(101, Fields::new(), None).is_none());
        assert!(head(42, Fields::new(), None).is_none());
    }

    #[test]
    fn lengths_follow_from_status_and_content() {
        let bytes = Content::Bytes(Bytes::from_static(b"abc"));
        assert_eq!((length(200, &bytes), is_empty(200, &bytes)), (Some(3), false));
        assert_eq!((length(304, &bytes), is_empty(304, &bytes)), (None, true));
        let none = Content::Bytes(Bytes::new());
        assert_eq!(length(205, &bytes), Some(0));
        assert_eq!((length(205, &none), is_empty(205, &none)), (Some(0), true));
        let omitted = Content::Omitted(Some(9));
        assert_eq!((length(200, &omitted), is_empty(200, &omitted)), (Some(9), true));
    }
}
