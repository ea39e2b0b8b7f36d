//! `candor wait`.

use std::time::Duration;

use candor_agent::Agent;
use candor_agent::monitor::{self, Report};
use candor_semantics::code::understood;
use candor_semantics::url::Url;
use serde_json::Value;

use super::get::each;
use super::{Terminal, address, agent, block_on, say};
use crate::cli::Wait;
use crate::exit::{Exit, Failure};
use crate::print::{self, shown};

/// Follows each monitor to its end.
pub(crate) fn run(options: &Wait) -> Result<(), Failure> {
    let asking = &options.asking;
    each(&options.url, |url| {
        let agent = agent(asking, url, false)?;
        let limit = options.limit.map(Duration::from_secs);
        let monitor = address(url)?;
        block_on(follow(&agent, &monitor, None, limit, &mut Terminal::new(asking.json), asking.json))
    })
}

/// Follows a monitor and says how the work ended.
pub(super) async fn follow(
    agent: &Agent,
    url: &Url,
    first: Option<u64>,
    limit: Option<Duration>,
    terminal: &mut Terminal,
    json: bool,
) -> Result<(), Failure> {
    let report = monitor::wait(agent, url, first, limit, terminal)
        .await
        .map_err(|trouble| say::no_answer(&trouble))?;
    let text =
        |report: &Value, name: &str| report.get(name).and_then(Value::as_str).map(shown).unwrap_or_default();
    match report {
        Report::Done(report) if json => print::json(&report),
        Report::Done(report) => {
            let result = text(&report, "result");
            print::out(&if result.is_empty() { "done\n".to_owned() } else { format!("done: {result}\n") })
        }
        Report::Undone(report) => {
            if json {
                print::json(&report)?;
            }
            let code = report.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            let code = code.map_or_else(String::new, |code| format!(": {code} {}", understood(code).name()));
            let (state, reason) = (text(&report, "state"), text(&report, "reason"));
            let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
            Err(Failure::new(Exit::Refused, format!("{url}: the work was {}{code}{reason}", past(&state))))
        }
        Report::Pending(report) => {
            if let (true, Some(report)) = (json, &report) {
                print::json(report)?;
            }
            Err(Failure::new(Exit::Accepted, format!("{url}: not done yet")))
        }
        Report::NoMonitor(code) => {
            let name = understood(code).name();
            Err(Failure::new(
                Exit::Refused,
                format!("{url}: {code} {name}: this is no monitor, or not any more"),
            ))
        }
    }
}

fn past(state: &str) -> &str {
    if state == "failed" { "tried and failed" } else { state }
}
