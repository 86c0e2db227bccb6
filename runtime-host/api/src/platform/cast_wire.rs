//! Casts as they stand in requests and answers: inputs become bytes, and outputs become JSON.
//!
//! It knows forms. It must never know how a cast is made.

use crate::platform::body::essence;
use crate::platform::description::choice;
use crate::platform::engine_wire::RunShown;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::{moment, unwritable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use spell_cast::{CastRecord, CastRequest, CastState, Ending, Failed, FailedKind, Idempotency};
use spell_types::{Content, Limit, Usage};
use utoipa::ToSchema;
use utoipa::openapi::Object;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is to be cast.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewCast)]
#[serde(deny_unknown_fields)]
pub(crate) struct CastAsked {
    #[schema(value_type = String, required = true, min_length = 1)]
    spell_key: Option<Value>,
    #[schema(
        pattern = "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$"
    )]
    version: Option<String>,
    /// As it was written: numbers keep their digits, and members their order.
    #[schema(value_type = Value, required = false)]
    #[serde(default, deserialize_with = "present")]
    input: Option<Box<RawValue>>,
    /// Instead of `input`, for bytes.
    #[schema(content_encoding = "base64")]
    input_base64: Option<String>,
}

/// Also `null` is an input.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

impl CastAsked {
    pub(crate) fn into_request(self, idempotency: Option<Idempotency>) -> Result<CastRequest, Problem> {
        let Some(Value::String(spell)) = self.spell_key else {
            return Err(Problem::new(Refusal::Invalid, "spell_key is required and must be a string"));
        };
        let version = self.version.as_deref().map(version).transpose()?;
        let input = match (self.input, self.input_base64) {
            (None, None) => Content::default(),
            (Some(input), None) => content(input.get())?,
            (None, Some(base64)) => decoded(&base64)?,
            (Some(_), Some(_)) => return Err(Problem::new(Refusal::Invalid, "there are input and input_base64: say one of them")),
        };
        Ok(CastRequest { spell, version, input, idempotency })
    }
}

fn content(json: &str) -> Result<Content, Problem> {
    let (text, content_type) = if json.starts_with('"') {
        (serde_json::from_str(json).map_err(|_| Problem::new(Refusal::Invalid, "input must be a string of Unicode"))?, TEXT)
    } else {
        (compact(json), JSON)
    };
    Ok(Content { bytes: text.into(), content_type: Some(content_type.to_owned()) })
}

fn decoded(base64: &str) -> Result<Content, Problem> {
    let bytes = STANDARD.decode(base64).map_err(|error| Problem::new(Refusal::Invalid, format!("input_base64 must be base64: {error}")))?;
    Ok(Content { bytes: bytes.into(), content_type: None })
}

/// Valid JSON without the spaces between its parts.
fn compact(json: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |character: &char| {
        let is_space = !is_text && matches!(character, ' ' | '\t' | '\n' | '\r');
        is_text ^= *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        !is_space
    };
    json.chars().filter(is_kept).collect()
}

/// A cast in an answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Cast)]
pub(crate) struct CastShown<'a> {
    cast_id: &'a str,
    spell_key: &'a str,
    spell_name: &'a str,
    /// A workflow has none.
    version: Option<String>,
    #[schema(schema_with = status)]
    status: &'static str,
    engine: &'static str,
    engine_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunShown<'a>>,
    cost_cents: Option<u64>,
    usage: Option<UsageShown>,
    /// Text, JSON, or bytes as `{"base64": …}`; lists leave it out.
    #[schema(value_type = Value, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<OutputShown<'a>>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    message: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
struct UsageShown {
    wall_time_ms: u64,
    cpu_time_ms: u64,
    fuel: u64,
    memory_bytes_peak: u64,
    bytes_in: u64,
    bytes_out: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutputShown<'a> {
    None,
    Json(&'a RawValue),
    Text(&'a str),
    Bytes { base64: String },
}

impl<'a> CastShown<'a> {
    /// A cast with its output, as far as there is one.
    pub(crate) fn whole(record: &'a CastRecord) -> Self {
        let output = match &record.state {
            CastState::Ended(ending) => ending.result.as_ref().map_or(OutputShown::None, output),
            CastState::Running | CastState::Indeterminate => OutputShown::None,
        };
        Self { output: Some(output), ..Self::listed(record) }
    }

    /// The same in one line of JSON.
    pub(crate) fn line(&self) -> Result<String, Problem> {
        let json = serde_json::to_string(self).map_err(|_| unwritable())?;
        // Programs may answer with lines.
        Ok(if json.contains(['\n', '\r']) { compact(&json) } else { json })
    }

    /// A cast without its output.
    pub(crate) fn listed(record: &'a CastRecord) -> Self {
        let ending = match &record.state {
            CastState::Ended(ending) => Some(ending),
            CastState::Running | CastState::Indeterminate => None,
        };
        Self {
            cast_id: &record.id,
            spell_key: record.spell_key.as_str(),
            spell_name: &record.spell_name,
            version: record.version.as_ref().map(ToString::to_string),
            status: record.state.name(),
            engine: record.engine.name(),
            engine_reason: &record.engine_reason,
            run: record.run.as_ref().map(RunShown::of),
            cost_cents: ending.map(|ending| ending.cost_cents),
            usage: ending.map(|ending| usage(&ending.usage)),
            output: None,
            created_at: moment(record.created_at),
            finished_at: ending.map(|ending| moment(ending.ended_at)),
            message: message(&record.state),
        }
    }
}

/// A cast that gave no answer, as a problem.
pub(crate) fn failed(record: &CastRecord, ending: &Ending, failed: &Failed) -> Problem {
    let usage = serde_json::to_value(usage(&ending.usage)).unwrap_or_default();
    let problem = reason(&record.id, failed).with("cost_cents", ending.cost_cents).with("usage", usage);
    match record.run.as_ref().map(RunShown::of) {
        Some(run) => problem.with("run", serde_json::to_value(run).unwrap_or_default()),
        None => problem,
    }
}

/// Why a cast gave no answer, as a problem.
pub(crate) fn reason(cast_id: &str, failed: &Failed) -> Problem {
    let limit = failed.code.strip_prefix("limit-").unwrap_or(&failed.code);
    let (refusal, detail) = match failed.kind {
        FailedKind::Refused => (Refusal::CastRefused, failed.message.as_str()),
        FailedKind::Trapped => (Refusal::CastTrapped, failed.message.as_str()),
        FailedKind::TimedOut => (Refusal::CastTimedOut, "Execution timeout exceeded"),
        FailedKind::Limit if limit == Limit::Memory.key() => (Refusal::CastLimit, "Memory usage exceeded limit"),
        FailedKind::Limit => (Refusal::CastLimit, failed.message.as_str()),
        FailedKind::Cancelled => (Refusal::CastCancelled, failed.message.as_str()),
        FailedKind::Busy => (Refusal::CastBusy, failed.message.as_str()),
        FailedKind::Corrupt => (Refusal::ModuleCorrupt, failed.message.as_str()),
        FailedKind::Full => (Refusal::StorageFull, failed.message.as_str()),
        FailedKind::Host => (Refusal::CastFailed, failed.message.as_str()),
        FailedKind::OutputInvalid => (Refusal::OutputInvalid, failed.message.as_str()),
    };
    let problem = Problem::new(refusal, detail).with("cast_id", cast_id).with("reason", failed.code.as_str());
    if failed.kind == FailedKind::Limit { problem.with("limit", limit) } else { problem }
}

fn message(state: &CastState) -> &str {
    match state {
        CastState::Running => "The cast runs",
        CastState::Indeterminate => "Nobody knows what the cast did: the host ended, or whoever ran it fell silent",
        CastState::Ended(ending) => ending.result.as_ref().map_or_else(|failed| failed.message.as_str(), |_| "Spell cast successfully"),
    }
}

fn output(content: &Content) -> OutputShown<'_> {
    let is_json = content.content_type.as_deref().is_some_and(|said| essence(said).eq_ignore_ascii_case(JSON));
    let json = if is_json { serde_json::from_slice(&content.bytes).ok() } else { None };
    match (json, std::str::from_utf8(&content.bytes)) {
        (Some(json), _) => OutputShown::Json(json),
        (None, Ok(text)) => OutputShown::Text(text),
        (None, Err(_)) => OutputShown::Bytes { base64: STANDARD.encode(&content.bytes) },
    }
}

fn status() -> Object {
    choice(&["running", "completed", "failed", "indeterminate"])
}

fn usage(usage: &Usage) -> UsageShown {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    UsageShown {
        wall_time_ms: ms(usage.wall),
        cpu_time_ms: ms(usage.cpu),
        fuel: usage.fuel,
        memory_bytes_peak: usage.memory_bytes_peak,
        bytes_in: usage.bytes_in,
        bytes_out: usage.bytes_out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spell_cast::EngineChoice;
    use std::time::SystemTime;

    #[test]
    fn json_is_made_compact_and_stays_as_it_was_written() {
        for (written, expected) in [
            (" { \"b\" : [ 1 , 2.50 ] ,\n\t\"a\" : 123456789012345678901 }", r#"{"b":[1,2.50],"a":123456789012345678901}"#),
            (r#"[ "a b" , "\" c" , "\\" , " d" ]"#, r#"["a b","\" c","\\"," d"]"#),
            ("null", "null"),
        ] {
            assert_eq!(compact(written), expected);
        }
    }

    #[test]
    fn a_cast_is_written_in_one_line_whatever_the_program_wrote() {
        let content = Content { bytes: "{\r\n  \"a b\": \"\\n\"\n}".into(), content_type: Some(JSON.to_owned()) };
        let result = Ok(content);
        let ending = Ending { result, usage: Usage::default(), cost_cents: 1, ended_at: SystemTime::UNIX_EPOCH };
        let record = CastRecord {
            id: "cast_1".to_owned(),
            tenant: "acme".parse().unwrap(),
            spell_id: "spell_1".to_owned(),
            spell_key: "echo".parse().unwrap(),
            spell_name: "two\nlines".to_owned(),
            version: Some("1.0.0".parse().unwrap()),
            engine: EngineChoice::Wasm,
            created_at: SystemTime::UNIX_EPOCH,
            state: CastState::Ended(Box::new(ending)),
            engine_reason: spell_cast::CONFIGURED_FOR_WASM.to_owned(),
            run: None,
        };
        let line = CastShown::whole(&record).line().unwrap();
        assert!(line.contains(r#""output":{"a b":"\n"}"#) && line.contains(r#""two\nlines""#), "{line}");
        assert!(!line.contains(['\r', '\n']), "{line}");
    }
}
