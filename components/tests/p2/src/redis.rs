//! Spin's Redis, version 2. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use test_behaviour::shown;

use crate::bindings::fermyon::spin::redis::{Connection, Error, RedisParameter, RedisResult};

/// JSON of the outcome of opening, and of each line.
pub(crate) fn talk(address: &str, lines: &[Vec<String>]) -> String {
    let mut connections = Vec::new();
    let mut outcomes = vec![open(address, &mut connections)];
    for line in lines {
        let outcome = match (line.first().map(String::as_str), connections.first()) {
            (Some("open"), _) => open(address, &mut connections),
            (Some(word), Some(connection)) => outcome(act(connection, word, &line[1..])),
            _ => continue,
        };
        outcomes.push(outcome);
    }
    json!(outcomes).to_string()
}

fn open(address: &str, connections: &mut Vec<Connection>) -> Value {
    outcome(Connection::open(address).map(|connection| {
        connections.push(connection);
        json!("open")
    }))
}

fn act(connection: &Connection, word: &str, words: &[String]) -> Result<Value, Error> {
    let (key, rest) = words.split_first().map_or(("", words), |(key, rest)| (key.as_str(), rest));
    let value = rest.first().map(String::as_bytes).unwrap_or_default();
    Ok(match word {
        "publish" => connection.publish(key, value).map(|()| Value::Null)?,
        "get" => connection.get(key)?.map_or(Value::Null, |value| json!(shown(&value))),
        "set" => connection.set(key, value).map(|()| Value::Null)?,
        "incr" => json!(connection.incr(key)?),
        "del" => json!(connection.del(words)?),
        "sadd" => json!(connection.sadd(key, rest)?),
        "smembers" => json!(connection.smembers(key)?),
        "srem" => json!(connection.srem(key, rest)?),
        command => {
            let parameter = |word: &String| match word.strip_prefix("int:").and_then(|number| number.parse().ok()) {
                Some(number) => RedisParameter::Int64(number),
                None => RedisParameter::Binary(word.clone().into_bytes()),
            };
            let parameters: Vec<_> = words.iter().map(parameter).collect();
            json!(connection.execute(command, &parameters)?.into_iter().map(part).collect::<Vec<_>>())
        }
    })
}

fn part(result: RedisResult) -> Value {
    match result {
        RedisResult::Nil => Value::Null,
        RedisResult::Status(text) => json!({ "status": text }),
        RedisResult::Int64(number) => json!(number),
        RedisResult::Binary(bytes) => json!(shown(&bytes)),
    }
}

fn outcome(result: Result<Value, Error>) -> Value {
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(Error::InvalidAddress) => json!({ "error": "invalid-address" }),
        Err(Error::TooManyConnections) => json!({ "error": "too-many-connections" }),
        Err(Error::TypeError) => json!({ "error": "type-error" }),
        Err(Error::Other(text)) => json!({ "error": format!("other: {text}") }),
    }
}
