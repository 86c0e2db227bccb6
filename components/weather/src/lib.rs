//! The weather in a city, from a public service: `curl http://127.0.0.1:3000/weather/berlin`.
//!
//! Knows the service's JSON and the variable that names its address; must never reach any other host.

pub mod city;
pub mod forecast;
#[cfg(target_family = "wasm")]
mod handler;
