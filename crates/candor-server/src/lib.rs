//! The server: configuration, sites, routes, access, and how the parts are put together.

pub mod configuration;
pub mod pages;
