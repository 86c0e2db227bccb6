//! The parts of an HTTP trigger that have a shape of their own: `route`, `executor` and `static_response`.
//!
//! It knows what can be written there. It must never know how a route matches.

use super::optional_string;
use crate::app::{Executor, StaticResponse, TriggerRoute, WAGI_ARGV, WAGI_ENTRYPOINT};
use crate::diagnostic::{Diagnostic, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::ops::RangeInclusive;

/// Headers that say how an answer is framed on the wire, which only the server knows.
const FRAMING: [&str; 8] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// The statuses that an answer can have: below 200 are answers that are not the answer yet.
pub(crate) const STATUS_CODES: RangeInclusive<u16> = 200..=999;

/// Reads which requests a trigger answers. The pattern itself is not checked.
pub(super) fn read_route(reader: &mut Reader, fields: &Fields<'_>) -> TriggerRoute {
    let Some(node) = reader.required(fields, "route") else { return TriggerRoute::Private };
    if let Some(route) = node.as_str() {
        return TriggerRoute::Public(route.to_owned());
    }
    if !node.is_table() {
        reader.wrong_kind(&node, "a string or `{ private = true }`");
        return TriggerRoute::Private;
    }
    if let Some(table) = reader.fields(&node, "`route`") {
        reader.check_keys(&table, &["private"]);
        if let Some(private) = reader.required(&table, "private")
            && reader.boolean(&private) == Some(false)
        {
            let help = "write the path that it answers, such as \"/...\"";
            reader.report(Diagnostic::new("`private` can only be true", private.span).help(help.to_owned()));
        }
    }
    TriggerRoute::Private
}

/// Reads how the component is spoken to.
pub(super) fn read_executor(reader: &mut Reader, fields: &Fields<'_>) -> Executor {
    let Some(table) = fields.get("executor").and_then(|node| reader.fields(&node, "`executor`")) else { return Executor::Http };
    let Some(node) = reader.required(&table, "type") else { return Executor::Http };
    match reader.string(&node) {
        Some("http" | "spin") => reader.check_keys(&table, &["type"]),
        Some("wagi") => return read_wagi(reader, &table),
        Some(other) => {
            let help = reader.did_you_mean(other, ["http", "spin", "wagi"]);
            reader.report(Diagnostic::new(format!("there is no executor {}", quote(other)), node.span).help(help));
        }
        None => {}
    }
    Executor::Http
}

fn read_wagi(reader: &mut Reader, table: &Fields<'_>) -> Executor {
    reader.check_keys(table, &["type", "argv", "entrypoint"]);
    let argv = optional_string(reader, table, "argv").unwrap_or_else(|| WAGI_ARGV.to_owned());
    let entrypoint = optional_string(reader, table, "entrypoint").unwrap_or_else(|| WAGI_ENTRYPOINT.to_owned());
    if let Some(node) = table.get("entrypoint")
        && entrypoint != WAGI_ENTRYPOINT
    {
        let message = format!("a Wagi program cannot be entered by {}", quote(&entrypoint));
        reader.report(Diagnostic::new(message, node.span).help(format!("`entrypoint` can only be \"{WAGI_ENTRYPOINT}\"; leave it out")));
    }
    Executor::Wagi { argv, entrypoint }
}

/// Reads an answer, and refuses what could not be sent.
pub(super) fn read_static_response(reader: &mut Reader, node: &Node<'_>) -> StaticResponse {
    let mut response = StaticResponse { status_code: 200, headers: Vec::new(), body: None };
    let Some(fields) = reader.fields(node, "`static_response`") else { return response };
    reader.check_keys(&fields, &["status_code", "headers", "body"]);
    let codes = i64::from(*STATUS_CODES.start())..=i64::from(*STATUS_CODES.end());
    if let Some(status) = fields.get("status_code").and_then(|node| reader.integer(&node, codes)) {
        response.status_code = u16::try_from(status).unwrap_or(200);
    }
    if let Some(headers) = fields.get("headers").and_then(|node| reader.fields(&node, "`headers`")) {
        response.headers = headers.iter().filter_map(|node| read_header(reader, &node)).collect();
    }
    response.body = optional_string(reader, &fields, "body");
    response
}

fn read_header(reader: &mut Reader, node: &Node<'_>) -> Option<(String, String)> {
    let value = reader.string(node)?;
    if let Err(problem) = check_header_name(node.key) {
        reader.report(Diagnostic::new(problem, node.key_span.clone()));
    }
    if let Err(problem) = check_header_value(node.key, value) {
        reader.report(Diagnostic::new(problem, node.span.clone()));
    }
    Some((node.key.to_owned(), value.to_owned()))
}

/// Checks that there can be such a header, and that it is not one that the server sends.
pub(crate) fn check_header_name(name: &str) -> Result<(), String> {
    if !id::is_header_name(name) {
        return Err(format!("{} is not the name of a header", quote(name)));
    }
    if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(format!("{} is set by the server", quote(name)));
    }
    Ok(())
}

/// Checks that the value of a header can be sent.
pub(crate) fn check_header_value(name: &str, value: &str) -> Result<(), String> {
    if id::is_header_value(value) { Ok(()) } else { Err(format!("the value of {} cannot be sent in a header", quote(name))) }
}
