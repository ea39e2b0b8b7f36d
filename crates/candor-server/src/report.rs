//! What the server tells its operator: text on a terminal, JSON otherwise, on standard error.

use std::io::{IsTerminal, Write};
use std::sync::LazyLock;

static TERMINAL: LazyLock<bool> = LazyLock::new(|| std::io::stderr().is_terminal());

/// Something an operator may want to know.
pub(crate) fn note(message: &str) {
    write("info", message);
}

/// Something that may be wrong although the server goes on.
pub(crate) fn warn(message: &str) {
    write("warning", message);
}

/// Something that went wrong.
pub(crate) fn error(message: &str) {
    write("error", message);
}

fn write(level: &str, message: &str) {
    let line = match (*TERMINAL, level) {
        (true, "info") => format!("{message}\n"),
        (true, _) => format!("{level}: {message}\n"),
        (false, _) => {
            let time = std::time::SystemTime::now();
            let time = time.duration_since(std::time::UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64());
            format!("{}\n", serde_json::json!({ "time": time, "level": level, "message": message }))
        }
    };
    // Nobody is left to tell if standard error is closed.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
