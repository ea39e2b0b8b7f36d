//! The server: configuration, sites, routes, access, and how the parts are put together.

mod access;
pub mod access_log;
pub mod admin_key;
pub mod admission;
mod answer;
mod authoring;
pub mod configuration;
mod credentials;
mod exchange;
mod forwarding;
mod listing;
pub mod metrics;
mod own;
pub mod pages;
mod programs;
mod report;
mod reserved;
mod server;
pub mod share;
mod site;
mod standing;
mod start;
mod world;

pub use authoring::state::places as state_places;
pub use start::{ServeError, serve};
