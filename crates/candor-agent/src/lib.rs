//! The user agent: it asks, and keeps its side of what the answer promises.
//!
//! What is to be done about an answer is decided in [`candor_semantics::reaction`]; here it is done. An [`Agent`]
//! keeps connections, credentials, copies of documents and the addresses that moved for good. Whatever needs a
//! person goes through [`Person`]; programs give one that never agrees.

pub mod agent;
pub mod conflict;
mod connect;
pub mod copies;
pub mod credentials;
pub mod download;
mod exchange;
mod incoming;
pub mod links;
pub mod monitor;
pub mod moves;
pub mod person;
mod pool;
pub mod proxy;
pub mod request;
pub mod storage;
pub mod tags;

pub use agent::{Agent, Outcome, Trouble};
pub use exchange::Head;
pub use incoming::Incoming;
pub use person::Person;
pub use request::{Content, Request};
