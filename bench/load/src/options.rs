//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ask::Ask;
use crate::pace::Phase;

/// What `load` prints when it does not understand.
pub const USAGE: &str = "usage: load --server ADDRESS:PORT [options] PATH...
  -X METHOD               default GET
  -H 'Name: value'        on every request; repeatable
  --mix FILE              requests from FILE instead of PATH: a line each,
                          METHOD PATH [TAB 'Name: value']...; used in turn;
                          {n} in a path becomes a running number
  --connections N         open from the start (default 64)
  --grow N                open more when all are busy, up to N (open loop only)
  --seconds S             closed loop: how long (default 3)
  --warm S                closed loop: seconds before counting starts (default 0)
  --rate N:S[,N:S]...     open loop: N requests a second for S seconds
  --per-connection N      close and reconnect after N requests
  --patience S            give a request up after S seconds (default 10)
  --slice MS              also count by slices of time of this length";

/// Everything the command line says.
pub struct Options {
    /// Where to connect.
    pub server: SocketAddr,
    /// The requests, used in turn.
    pub asks: Vec<Ask>,
    /// Connections opened before the first request.
    pub connections: usize,
    /// The most connections at any time.
    pub most_connections: usize,
    /// The length of a closed-loop run.
    pub length: Duration,
    /// How much at the start of a closed-loop run is not counted.
    pub warm: Duration,
    /// The phases of an open-loop run; empty for a closed loop.
    pub phases: Vec<Phase>,
    /// Requests after which a connection is closed and opened anew.
    pub per_connection: Option<u64>,
    /// When a request is given up.
    pub patience: Duration,
    /// The length of a slice of the time line.
    pub slice: Option<Duration>,
}

impl Options {
    /// Reads the arguments, or says what is wrong with them.
    pub fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut server = None;
        let mut method = "GET".to_owned();
        let mut fields = Vec::new();
        let mut paths = Vec::new();
        let mut mix = None;
        let mut options = Options {
            server: SocketAddr::from(([127, 0, 0, 1], 80)),
            asks: Vec::new(),
            connections: 64,
            most_connections: 0,
            length: Duration::from_secs(3),
            warm: Duration::ZERO,
            phases: Vec::new(),
            per_connection: None,
            patience: Duration::from_secs(10),
            slice: None,
        };
        while let Some(name) = arguments.next() {
            if !name.starts_with('-') {
                paths.push(name);
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--server" => server = Some(read(&name, &value)?),
                "-X" => method = value,
                "-H" => fields.push(value),
                "--mix" => mix = Some(value),
                "--connections" => options.connections = read(&name, &value)?,
                "--grow" => options.most_connections = read(&name, &value)?,
                "--seconds" => options.length = seconds(&name, &value)?,
                "--warm" => options.warm = seconds(&name, &value)?,
                "--rate" => options.phases = phases(&value)?,
                "--per-connection" => options.per_connection = Some(read(&name, &value)?),
                "--patience" => options.patience = seconds(&name, &value)?,
                "--slice" => {
                    options.slice = Some(Duration::from_millis(read::<u64>(&name, &value)?.max(1)));
                }
                _ => return Err(format!("unknown option {name}")),
            }
        }
        options.server = server.ok_or("--server is missing")?;
        options.most_connections = options.most_connections.max(options.connections);
        options.asks = match mix {
            Some(file) => Ask::from_mix(&file, options.server)?,
            None => paths.iter().map(|path| Ask::new(&method, path, &fields, options.server)).collect(),
        };
        if options.asks.is_empty() {
            return Err("nothing to ask for: give a PATH or --mix".to_owned());
        }
        if options.connections == 0 {
            return Err("--connections must be at least 1".to_owned());
        }
        Ok(options)
    }
}

fn phases(value: &str) -> Result<Vec<Phase>, String> {
    value
        .split(',')
        .map(|part| {
            let (rate, length) =
                part.split_once(':').ok_or_else(|| format!("--rate wants N:S, not {part:?}"))?;
            let per_second = read::<f64>("--rate", rate)?;
            if per_second.is_nan() || per_second <= 0.0 {
                return Err(format!("--rate must be above zero, not {rate}"));
            }
            Ok(Phase { per_second, length: seconds("--rate", length)? })
        })
        .collect()
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(read(name, value)?)
        .map_err(|_| format!("{name} wants seconds, not {value:?}"))
}

fn read<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} does not take {value:?}"))
}
