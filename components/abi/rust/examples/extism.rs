//! An Extism plugin: one function for each spell, and for each thing that its host offers.

#![cfg(target_family = "wasm")]
#![allow(missing_docs, clippy::unnecessary_wraps, reason = "the functions are the spells, and all have the form that Extism wants")]

use extism_pdk::{Error, FnResult, HttpRequest, LogLevel, Memory, config, http, log, plugin_fn, var};

#[plugin_fn]
pub fn processed(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::processed(&input))
}

#[plugin_fn]
pub fn suffix(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::suffix(&input))
}

#[plugin_fn]
pub fn json(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::json(&input).map_err(Error::msg)?)
}

#[plugin_fn]
pub fn rle(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::rle(&input))
}

#[plugin_fn]
pub fn churn(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::churn(&input))
}

#[plugin_fn]
pub fn fails(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(abi_rust::fails(&input).map_err(Error::msg)?)
}

/// What a variable keeps while the plugin runs.
#[plugin_fn]
pub fn vars(input: Vec<u8>) -> FnResult<Vec<u8>> {
    var::set("kept", &input)?;
    var::set("other", "not asked for")?;
    var::remove("other")?;
    let is_gone = var::get::<Vec<u8>>("other")?.is_none();
    Ok(if is_gone { var::get("kept")?.unwrap_or_default() } else { b"it is still there".to_vec() })
}

/// What the configuration says for the name that it is given.
#[plugin_fn]
pub fn configured(name: String) -> FnResult<String> {
    Ok(config::get(&name)?.unwrap_or_else(|| "not configured".to_owned()))
}

/// The input as it came, and two lines in the log.
#[plugin_fn]
pub fn logs(input: Vec<u8>) -> FnResult<Vec<u8>> {
    log!(LogLevel::Info, "{} bytes", input.len());
    log!(LogLevel::Error, "this is no error");
    Ok(input)
}

/// The status and the body that the address answers with.
#[plugin_fn]
pub fn fetch(url: String) -> FnResult<Vec<u8>> {
    let request = HttpRequest::new(url.trim()).with_header("x-plugin", "abi");
    let response = http::request::<Memory>(&request, None)?;
    Ok([format!("{} ", response.status_code()).into_bytes(), response.body()].concat())
}
