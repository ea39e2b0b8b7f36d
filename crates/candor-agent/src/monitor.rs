//! Waiting for accepted work: the monitor of a 202, to its end.

use std::time::Duration;

use candor_semantics::field::retry_after::RetryAfter;
use candor_semantics::url::Url;
use serde_json::Value;

use crate::agent::{Agent, Trouble, now};
use crate::person::Person;
use crate::request::Request;

/// What a monitor says, or how asking it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The work is done.
    Done(Value),
    /// It was refused or failed; the report has the code it would have got.
    Undone(Value),
    /// Not at its end when asking stopped.
    Pending(Option<Value>),
    /// The address answers, but not as a monitor does.
    NoMonitor(u16),
}

/// The shortest and the longest time between two questions, in seconds.
const SHORTEST: u64 = 1;
const LONGEST: u64 = 60;

/// Asks a monitor until the work is at its end, as often as `Retry-After` advises, or for `limit`.
///
/// # Errors
/// [`Trouble`] where the monitor does not answer.
pub async fn wait(
    agent: &Agent,
    monitor: &Url,
    first: Option<u64>,
    limit: Option<Duration>,
    person: &mut dyn Person,
) -> Result<Report, Trouble> {
    let begun = std::time::Instant::now();
    let mut pause = first.unwrap_or(0);
    let mut last = None;
    loop {
        if pause > 0 {
            let pause = pause.clamp(SHORTEST, LONGEST);
            if limit.is_some_and(|limit| begun.elapsed() + Duration::from_secs(pause) > limit) {
                return Ok(Report::Pending(last));
            }
            person.waits("the work is not done yet", pause);
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
        let mut request = Request::new("GET", monitor.clone());
        request.fields.push_static("Accept", "application/json");
        request.fields.push_static("Cache-Control", "no-cache, no-store");
        let mut outcome = agent.ask(request, person).await?;
        let advised = outcome
            .head
            .fields
            .get("Retry-After")
            .and_then(|value| RetryAfter::parse(value, now()))
            .map(|when| when.delay(now()));
        let broken = |what: String| Trouble {
            failed: candor_semantics::reaction::Failed::Plainly,
            url: Box::new(monitor.clone()),
            what,
        };
        let content =
            outcome.incoming.all(1 << 20).await.map_err(|broke| broken(broke.what))?.unwrap_or_default();
        let report: Option<Value> = serde_json::from_slice(&content).ok();
        let state =
            report.as_ref().and_then(|report| report.get("state")).and_then(Value::as_str).unwrap_or("");
        match (outcome.head.code, state) {
            (200, "done") => return Ok(Report::Done(report.unwrap_or_default())),
            (200, "refused" | "failed") => return Ok(Report::Undone(report.unwrap_or_default())),
            (200 | 202, "queued" | "running") | (202, _) => {
                last = report;
                pause = advised.unwrap_or_else(|| pause.saturating_mul(2).clamp(SHORTEST, 10));
            }
            (code, _) => return Ok(Report::NoMonitor(code)),
        }
    }
}
