//! The parts of an HTTP trigger that have a shape of their own: `route`, `executor` and `static_response`.

use super::optional_string;
use crate::app::{StaticResponse, TriggerRoute};
use crate::diagnostic::{Diagnostic, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};

/// Headers that say how an answer is framed on the wire, which only the server knows.
const FRAMING: [&str; 8] =
    ["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

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
        reader.check_keys(&table, &["private"], &[]);
        if let Some(private) = reader.required(&table, "private")
            && reader.boolean(&private) == Some(false)
        {
            let help = "write the path that it answers, such as \"/...\"";
            reader.report(Diagnostic::new("`private` can only be true", private.span).help(help.to_owned()));
        }
    }
    TriggerRoute::Private
}

/// Checks that the executor is one that Spell is anyway.
pub(super) fn read_executor(reader: &mut Reader, fields: &Fields<'_>) {
    let Some(table) = fields.get("executor").and_then(|node| reader.fields(&node, "`executor`")) else { return };
    let Some(node) = reader.required(&table, "type") else { return };
    match reader.string(&node) {
        Some("http" | "spin") => reader.check_keys(&table, &["type"], &[]),
        Some("wagi") => reader.unsupported(&node, "the executor `wagi`", "build the component for `wasi:http`"),
        Some(other) => {
            let help = reader.did_you_mean(other, ["http", "spin"]);
            reader.report(Diagnostic::new(format!("there is no executor {}", quote(other)), node.span).help(help));
        }
        None => {}
    }
}

/// Reads an answer, and refuses what could not be sent.
pub(super) fn read_static_response(reader: &mut Reader, node: &Node<'_>) -> StaticResponse {
    let mut response = StaticResponse { status_code: 200, headers: Vec::new(), body: None };
    let Some(fields) = reader.fields(node, "`static_response`") else { return response };
    reader.check_keys(&fields, &["status_code", "headers", "body"], &[]);
    // Below 200 are answers that are not the answer yet.
    if let Some(status) = fields.get("status_code").and_then(|node| reader.integer(&node, 200..=999)) {
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
    let name = quote(node.key);
    if !id::is_header_name(node.key) {
        reader.report(Diagnostic::new(format!("{name} is not the name of a header"), node.key_span.clone()));
    } else if FRAMING.contains(&node.key.to_ascii_lowercase().as_str()) {
        reader.report(Diagnostic::new(format!("{name} is set by the server"), node.key_span.clone()));
    }
    if !id::is_header_value(value) {
        reader.report(Diagnostic::new(format!("the value of {name} cannot be sent in a header"), node.span.clone()));
    }
    Some((node.key.to_owned(), value.to_owned()))
}
