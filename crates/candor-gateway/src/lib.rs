//! Answers from upstreams: forwarding, kept connections, health, and stored answers.
//!
//! What may be done is decided by `candor_semantics::gateway`; here it is carried out. HTTP/1.1 towards upstreams is
//! read and written here, over httparse: every way in which an exchange can fail must be told apart, and whether a
//! byte of the request was written decides what may be repeated.

mod call;
mod connect;
mod content;
mod counts;
mod flight;
mod gateway;
mod head;
mod health;
mod link;
mod outbound;
mod request;
mod settings;
mod store;
mod upstream;

pub use gateway::{Answered, Asked, Gateway, Note};
pub use settings::{Breaker, Health, Settings};
pub use store::Store;
