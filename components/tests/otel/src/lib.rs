//! Tells what its path asks for by `wasi:otel`: `/context`, `/span`, `/unsampled`, `/bad-span`, `/log`, `/metrics`, `/bad-metrics`,
//! `/flood/<spans>`, `/heavy/<bytes>` and `/deep/<lists>`. Answers with JSON.
//!
//! A component of its own, because a host without telemetry refuses whoever imports it. Knows the interfaces; must never know where
//! what it tells is sent.

#[cfg(target_family = "wasm")]
mod handler;
#[cfg(target_family = "wasm")]
mod measured;
#[cfg(target_family = "wasm")]
mod told;

#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({
        inline: "package tests:otel; world telemetry { import wasi:otel/tracing@0.2.0-rc.2; import wasi:otel/metrics@0.2.0-rc.2; import wasi:otel/logs@0.2.0-rc.2; }",
        path: "../../../wit",
        world: "tests:otel/telemetry",
        generate_all,
    });
}
