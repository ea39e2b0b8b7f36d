//! HTTP's rules as pure functions: what is true of a request, and how that is said.
//!
//! No I/O, no clock, no async. Time, files, configuration and the ledger arrive as facts; the same facts give
//! the same outcome. Section signs without an RFC number mean RFC 9110.

pub mod address;
pub mod code;
pub mod decision;
pub mod facts;
pub mod field;
pub mod fields;
pub mod flow;
pub mod framing;
pub mod gateway;
pub mod head;
pub mod method;
pub mod negotiation;
pub mod outcome;
pub mod precondition;
pub mod question;
pub mod reaction;
pub mod refusal;
pub mod render;
pub mod representation;
pub mod trace;
pub mod url;
