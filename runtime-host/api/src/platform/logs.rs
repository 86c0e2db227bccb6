//! What a cast printed, as lines of JSON.
//!
//! It knows the form of a line. It must never know where lines are kept.

use crate::platform::Api;
use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::casts::not_found;
use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::{moment, unwritable};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use spell_cast::{CastLog, Scope};
use std::fmt::Write as _;
use std::sync::Arc;

const JSON_LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Tells what a cast printed
///
/// As lines of JSON: `time`, `stream` and `text` of each line. The last one has `dropped_bytes` instead, where something was not kept.
#[utoipa::path(
    get, path = "/api/v1/casts/{id}/logs", operation_id = "showCastLog", tag = "Casts",
    params(("id" = String, Path, description = "The cast's id", example = "cast_0199c5a1b2f300112233445566778899")),
    responses((status = 200, description = "The lines", content(("application/x-ndjson")))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::CastNotFound]))))
)]
pub(crate) async fn logs(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    api.platform.ledger.cast(tenant, &id).await?.ok_or_else(not_found)?;
    let log = api.platform.logs.log(tenant, &id).await?;
    let mut response = lines(&log)?.into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON_LINES);
    Ok(response)
}

#[derive(Serialize)]
struct LineShown<'a> {
    time: String,
    stream: &'static str,
    text: &'a str,
}

/// The last line, where something was not kept.
#[derive(Serialize)]
struct DroppedShown {
    dropped_bytes: u64,
}

fn lines(log: &CastLog) -> Result<String, Problem> {
    let mut text = String::new();
    for line in &log.lines {
        push(&mut text, &LineShown { time: moment(line.at), stream: line.stream.name(), text: &line.text })?;
    }
    if log.dropped_bytes > 0 {
        push(&mut text, &DroppedShown { dropped_bytes: log.dropped_bytes })?;
    }
    Ok(text)
}

/// Adds a line. Also those control characters are escaped that JSON would let stand: whoever shows the text as it comes shows it to a
/// terminal.
fn push(text: &mut String, line: &impl Serialize) -> Result<(), Problem> {
    for character in serde_json::to_string(line).map_err(|_| unwritable())?.chars() {
        if character.is_control() {
            // Writing to memory does not fail.
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use spell_cast::{LogLine, Stream};
    use std::time::SystemTime;

    #[test]
    fn lines_are_json_without_any_control_character_and_what_is_missing_is_counted() {
        let printed = "\u{1b}[2J\u{7f}\u{9b}1m\t\"grüße\"\u{2028}";
        let line = LogLine { at: SystemTime::UNIX_EPOCH, stream: Stream::Stderr, text: printed.to_owned() };
        let text = lines(&CastLog { lines: vec![line.clone(), line], dropped_bytes: 7 }).unwrap();
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
        let shown: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let expected = serde_json::json!({ "time": "1970-01-01T00:00:00.000Z", "stream": "stderr", "text": printed });
        assert_eq!(shown, [expected.clone(), expected, serde_json::json!({ "dropped_bytes": 7 })]);
        assert_eq!(lines(&CastLog::default()).unwrap(), "");
    }
}
