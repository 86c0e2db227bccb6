//! Greets the name in the route: `curl http://127.0.0.1:3000/hello/world`.
//!
//! Knows the header in which Spin passes a route parameter; must never know which route it is mounted under.

pub mod greeting;
#[cfg(target_family = "wasm")]
mod handler;
