//! What a guest says to databases and brokers. Knows how a URL tells it; must never know an interface.

use crate::query::Query;
use serde_json::Value;

/// Bytes of a value that are shown whole.
const SHOWN_BYTES_MAX: usize = 256;

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each argument is explained with its behaviour")]
pub enum Server {
    /// `/redis?address=A&do=LINES`: opens a connection and does each line of words: `open` opens one more beside it, a word in lower
    /// case is the function of that name, any other a command, whose words are sent as a number behind `int:`. JSON of each outcome,
    /// that of the first opening included.
    Redis { address: String, lines: Vec<Vec<String>> },
    /// `/mqtt?address=A&user=U&password=P&do=LINES`: opens a connection and publishes each line: a quality of 0 to 2, a topic and what is
    /// said, or so many bytes of it behind `bytes:`. JSON of each outcome, that of the opening included.
    Mqtt { address: String, user: String, password: String, lines: Vec<Vec<String>> },
    /// `/mysql?address=A&do=LINES`: the same as `/pg`, for MySQL.
    Mysql { address: String, lines: Vec<Value> },
    /// `/infer?model=M&text=T&max=N`: asks a language model, for at most N tokens if that is not 0. JSON of the outcome.
    Infer { model: String, text: String, tokens_max: u32 },
    /// `/embed?model=M&text=LINES`: asks a language model for the place of each line. JSON of the outcome.
    Embed { model: String, text: String },
    /// `/pg?address=A&do=LINES&v=N&ca=C`: opens a connection and does each line of JSON: `["open"]`, or `["query", S, P…]` or
    /// `["execute", S, P…]` with parameters such as `["int32", 5]`. JSON of each outcome, that of the first opening included. Of the
    /// interfaces of a revision, N chooses one; C is a certificate that is trusted, where the interface takes one.
    Postgres { address: String, lines: Vec<Value>, version: u64, certificate: Option<String> },
}

impl Server {
    pub(crate) fn of(segment: &str, query: &Query) -> Option<Self> {
        let address = || query.text("address", "");
        Some(match segment {
            "redis" => Self::Redis { address: address(), lines: lines(&query.text("do", "")) },
            "mqtt" => Self::Mqtt {
                address: address(),
                user: query.text("user", ""),
                password: query.text("password", ""),
                lines: lines(&query.text("do", "")),
            },
            "mysql" => Self::Mysql {
                address: address(),
                lines: query.text("do", "").lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            },
            "infer" => Self::Infer { model: query.text("model", ""), text: query.text("text", ""), tokens_max: query.number("max", 0) },
            "embed" => Self::Embed { model: query.text("model", ""), text: query.text("text", "") },
            "pg" => Self::Postgres {
                address: address(),
                lines: query.text("do", "").lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
                version: query.number("v", 0),
                certificate: query.given("ca"),
            },
            _ => return None,
        })
    }
}

/// The kind of a parameter, and its value.
#[must_use]
pub fn parameter(of: &Value) -> (&str, &Value) {
    (of[0].as_str().unwrap_or_default(), &of[1])
}

/// A value as an outcome shows it, or how long it would be.
#[must_use]
pub fn shown_debug(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let text = text.strip_prefix("DbValue::").or_else(|| text.strip_prefix("DbDataType::")).unwrap_or(&text);
    if text.len() > SHOWN_BYTES_MAX { format!("{} characters", text.len()) } else { text.to_owned() }
}

fn lines(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

/// What a word stands for: itself, or so many bytes.
#[must_use]
pub fn said(word: &str) -> Vec<u8> {
    let many = word.strip_prefix("bytes:").and_then(|number| number.parse().ok());
    many.map_or_else(|| word.as_bytes().to_vec(), |bytes| vec![b'x'; bytes])
}

/// Bytes as an outcome shows them: as text, or how many there are.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES_MAX { format!("{} bytes", bytes.len()) } else { String::from_utf8_lossy(bytes).into_owned() }
}
