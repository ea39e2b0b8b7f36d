//! From an HTTP/2 request to a head and its content.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::h2::RecvStream;
use ::h2::server::SendResponse;
use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme, Version};
use candor_semantics::refusal::Refusal;
use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use tokio::time::{Instant, Sleep, sleep};

use super::CONTENT_WANTED;
use crate::incoming::{ContentFault, Incoming, Pull};
use crate::limits::Limits;

/// The longest method read, as in HTTP/1.1 (question 4).
const METHOD_SIZE: usize = 64;

/// The head of a request, and what is wrong with it if anything is. The pseudo-fields become method, target and a
/// first `host` field; the crumbs of `cookie` are joined (RFC 9113 sections 8.2.3 and 8.3.1).
pub(super) fn head(parts: &Parts, scheme: Scheme, limits: &Limits) -> (Head, Option<Refusal>) {
    let target = target(parts, scheme);
    let cookie = cookie(&parts.headers);
    let lines = || {
        let host = parts.uri.authority().map(|authority| (&b"host"[..], authority.as_str().as_bytes()));
        let named_host = parts.uri.authority().is_some();
        let rest = parts
            .headers
            .iter()
            .filter(move |(name, _)| *name != COOKIE && !(named_host && *name == HOST))
            .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        host.into_iter().chain(rest).chain(cookie.as_deref().map(|cookie| (&b"cookie"[..], cookie)))
    };
    let method = parts.method.as_str().as_bytes();
    let size =
        lines().map(|(name, value)| name.len() + value.len()).sum::<usize>() + method.len() + target.len();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(method);
    bytes.extend_from_slice(target.as_bytes());
    for (name, value) in lines() {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
    }
    let mut end = method.len() + target.len();
    let mut head = Head::new(bytes.into(), 0..method.len(), method.len()..end, Version::Http2, scheme);
    for (name, value) in lines() {
        let middle = end + name.len();
        head.push(end..middle, middle..middle + value.len());
        end = middle + value.len();
    }
    (head, refusal(parts, &target, limits))
}

/// The target in the form it would have in HTTP/1.1 (RFC 9112 section 3.2). A request whose scheme is not the
/// connection's keeps it, in absolute form, so that it can be seen to be for somebody else.
fn target(parts: &Parts, scheme: Scheme) -> std::borrow::Cow<'_, str> {
    let uri = &parts.uri;
    match (uri.scheme_str(), uri.authority(), uri.path_and_query()) {
        (_, Some(authority), _) if parts.method == Method::CONNECT => authority.as_str().into(),
        (Some(other), Some(authority), Some(path)) if !other.eq_ignore_ascii_case(scheme.name()) => {
            format!("{other}://{authority}{path}").into()
        }
        (_, _, Some(path)) => path.as_str().into(),
        (_, _, None) => "".into(),
    }
}

/// All crumbs of `cookie` in one line, if there are several or one.
fn cookie(fields: &HeaderMap) -> Option<Vec<u8>> {
    let mut crumbs = fields.get_all(COOKIE).iter();
    let mut joined = crumbs.next()?.as_bytes().to_vec();
    for crumb in crumbs {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    Some(joined)
}

/// What is wrong with a request that is well formed for HTTP/2.
fn refusal(parts: &Parts, target: &str, limits: &Limits) -> Option<Refusal> {
    if parts.method.as_str().len() > METHOD_SIZE {
        return Some(Refusal::MethodTooLong);
    }
    if target.len() > limits.target_size {
        return Some(Refusal::TargetTooLong);
    }
    if !has_one_host(parts) {
        return Some(Refusal::Host);
    }
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let is_legal = match parts.method {
        Method::CONNECT => true,
        Method::OPTIONS => path.starts_with('/') || path == "*",
        _ => path.starts_with('/'),
    };
    (!is_legal).then_some(Refusal::TargetForm)
}

/// Whether there is exactly one authority, without user information (RFC 9113 section 8.3.1).
fn has_one_host(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return false;
    }
    match (parts.uri.authority(), first) {
        (None, None) => false,
        (None, Some(host)) => !host.is_empty(),
        (Some(authority), None) => !authority.as_str().contains('@'),
        (Some(authority), Some(host)) => {
            !authority.as_str().contains('@')
                && authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())
        }
    }
}

/// The way to answer, shared with the content where that has to ask for itself with a 100.
pub(super) type Reply = Arc<Mutex<SendResponse<Bytes>>>;

/// Whether the client waits for an interim 100 before it sends its content (RFC 9110 section 10.1.1).
pub(super) fn expects_continue(fields: &HeaderMap) -> bool {
    fields.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The content of a request; `reply` is there if a 100 is to be sent when it is first asked for, and `wanted` is
/// told of that, too.
pub(super) fn incoming(
    fields: &HeaderMap,
    stream: RecvStream,
    reply: Option<Reply>,
    wanted: &Arc<AtomicU8>,
    limits: &Limits,
) -> Incoming {
    if stream.is_end_stream() {
        return Incoming::empty();
    }
    let length = fields.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    Incoming::new(
        length,
        Box::new(StreamContent::new(stream, reply, Arc::clone(wanted), limits.body_timeout)),
    )
}

/// Content that comes in DATA frames.
struct StreamContent {
    stream: RecvStream,
    reply: Option<Reply>,
    wanted: Arc<AtomicU8>,
    /// Bytes given out whose place in the window the client gets back when more is asked for.
    held: usize,
    silence: Option<Pin<Box<Sleep>>>,
    is_silent: bool,
    timeout: Duration,
    trailers: Option<Fields>,
}

impl StreamContent {
    fn new(
        stream: RecvStream,
        reply: Option<Reply>,
        wanted: Arc<AtomicU8>,
        timeout: Duration,
    ) -> StreamContent {
        StreamContent {
            stream,
            reply,
            wanted,
            held: 0,
            silence: None,
            is_silent: false,
            timeout,
            trailers: None,
        }
    }

    /// The next frame's bytes or the end, however long it takes.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ContentFault>>> {
        loop {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => {
                    self.held = bytes.len();
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Err(_)) => return Poll::Ready(Some(Err(ContentFault::Gone))),
                None => return self.poll_trailers(cx),
            }
        }
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ContentFault>>> {
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => {
                self.trailers = trailers.map(fields);
                Poll::Ready(None)
            }
            Err(_) => Poll::Ready(Some(Err(ContentFault::Gone))),
        }
    }

    /// Whether nothing has come for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.timeout;
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(timeout)));
        if !self.is_silent {
            self.is_silent = true;
            silence.as_mut().reset(Instant::now() + timeout);
        }
        silence.as_mut().poll(cx)
    }

    /// Tells the client that its content is wanted, once, and the connection that there is such content.
    fn ask(&mut self) {
        if self.wanted.load(Ordering::Relaxed) == 0 {
            self.wanted.store(CONTENT_WANTED, Ordering::Relaxed);
        }
        if let Some(reply) = self.reply.take() {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            // It fails where the stream is gone, which reading it will show.
            let _ = reply.lock().unwrap_or_else(PoisonError::into_inner).send_informational(interim);
        }
    }
}

impl Pull for StreamContent {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ContentFault>>> {
        if self.held > 0 {
            // It fails where the stream is gone, which reading it will show.
            let _ = self.stream.flow_control().release_capacity(self.held);
            self.held = 0;
        }
        if let Poll::Ready(next) = self.poll_frame(cx) {
            self.is_silent = false;
            self.reply = None;
            return Poll::Ready(next);
        }
        self.ask();
        self.poll_silence(cx).map(|()| Some(Err(ContentFault::Stalled)))
    }

    fn trailers(&mut self) -> Option<Fields> {
        self.trailers.take()
    }
}

/// Fields as the crates above know them.
fn fields(map: HeaderMap) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in &map {
        fields.push(name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn read(method: &str, uri: &str, fields: &[(&str, &str)]) -> (Head, Option<Refusal>) {
        head(&parts(method, uri, fields), Scheme::Https, &Limits::default())
    }

    #[test]
    fn pseudo_fields_become_method_target_and_host() {
        let (head, refusal) = read(
            "GET",
            "https://example.org/a?b",
            &[("cookie", "x=1"), ("accept", "*/*"), ("cookie", "y=2")],
        );
        assert_eq!(refusal, None);
        assert_eq!(head.method_token(), b"GET");
        assert_eq!(head.target(), b"/a?b");
        assert_eq!(head.version(), Version::Http2);
        let lines: Vec<_> = head.fields().collect();
        assert_eq!(
            lines,
            [
                (&b"host"[..], &b"example.org"[..]),
                (&b"accept"[..], &b"*/*"[..]),
                (&b"cookie"[..], &b"x=1; y=2"[..])
            ]
        );
    }

    #[test]
    fn there_is_one_host() {
        let of = |uri, fields: &[(&str, &str)]| read("GET", uri, fields).1;
        assert_eq!(of("https://a.example/", &[("host", "A.example")]), None);
        assert_eq!(read("GET", "https://a.example/", &[("host", "A.example")]).0.all("host").count(), 1);
        assert_eq!(of("https://a.example/", &[("host", "b.example")]), Some(Refusal::Host));
        assert_eq!(of("/", &[("host", "b.example")]), None);
        assert_eq!(of("/", &[]), Some(Refusal::Host));
        assert_eq!(of("/", &[("host", "")]), Some(Refusal::Host));
        assert_eq!(of("/", &[("host", "b.example"), ("host", "b.example")]), Some(Refusal::Host));
        assert_eq!(of("https://u:p@a.example/", &[]), Some(Refusal::Host));
    }

    #[test]
    fn targets_have_the_form_of_their_method() {
        let host = [("host", "a.example")];
        assert_eq!(read("OPTIONS", "*", &host).1, None);
        assert_eq!(read("OPTIONS", "*", &host).0.target(), b"*");
        assert_eq!(read("GET", "*", &host).1, Some(Refusal::TargetForm));
        let (connect, refusal) = read("CONNECT", "a.example:443", &[]);
        assert_eq!((connect.target(), refusal), (&b"a.example:443"[..], None));
        assert_eq!(connect.get("host"), Some(&b"a.example:443"[..]));
        let long = format!("/{}", "x".repeat(Limits::default().target_size));
        assert_eq!(read("GET", &long, &host).1, Some(Refusal::TargetTooLong));
        assert_eq!(read(&"X".repeat(65), "/", &host).1, Some(Refusal::MethodTooLong));
    }

    #[test]
    fn a_foreign_scheme_shows_in_the_target() {
        assert_eq!(read("GET", "http://a.example/x", &[]).0.target(), b"http://a.example/x");
        assert_eq!(read("GET", "HTTPS://a.example/x", &[]).0.target(), b"/x");
    }
}
