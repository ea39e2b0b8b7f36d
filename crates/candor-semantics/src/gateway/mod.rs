//! The gateway's rules as pure functions: whose fault it was, what may be repeated, what crosses a gateway, and when
//! a stored answer may be used.
//!
//! The questions themselves are data in [`crate::question`] (50 to 70); what drives them is in candor-gateway.

pub mod cause;
pub mod forwarding;
pub mod freshness;
pub mod relay;
pub mod retry;
pub mod reuse;
