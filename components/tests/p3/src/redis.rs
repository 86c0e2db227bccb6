//! Spin's Redis, version 3. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use test_behaviour::shown;

/// JSON of the outcome of opening, and of each line.
pub(crate) async fn talk(address: &str, lines: &[Vec<String>]) -> String {
    let mut connections = Vec::new();
    let mut outcomes = vec![open(address, &mut connections).await];
    for line in lines {
        let outcome = match (line.first().map(String::as_str), connections.first()) {
            (Some("open"), _) => open(address, &mut connections).await,
            (Some(word), Some(connection)) => outcome(act(connection, word, &line[1..]).await),
            _ => continue,
        };
        outcomes.push(outcome);
    }
    json!(outcomes).to_string()
}

async fn open(address: &str, connections: &mut Vec<Connection>) -> Value {
    outcome(Connection::open(address).await.map(|connection| {
        connections.push(connection);
        json!("open")
    }))
}

async fn act(connection: &Connection, word: &str, words: &[String]) -> Result<Value, Error> {
    let (key, rest) = words.split_first().map_or(("", words), |(key, rest)| (key.as_str(), rest));
    let value = rest.first().map(String::as_bytes).unwrap_or_default();
    Ok(match word {
        "publish" => connection.publish(key, value).await.map(|()| Value::Null)?,
        "get" => connection.get(key).await?.map_or(Value::Null, |value| json!(shown(&value))),
        "set" => connection.set(key, value).await.map(|()| Value::Null)?,
        "incr" => json!(connection.incr(key).await?),
        "del" => json!(connection.del(words).await?),
        "sadd" => json!(connection.sadd(key, rest).await?),
        "smembers" => json!(connection.smembers(key).await?),
        "srem" => json!(connection.srem(key, rest).await?),
        command => {
            let parameter = |word: &String| match word.strip_prefix("int:").and_then(|number| number.parse().ok()) {
                Some(number) => RedisParameter::Int64(number),
                None => RedisParameter::Binary(word.clone().into_bytes()),
            };
            let parameters: Vec<_> = words.iter().map(parameter).collect();
            json!(connection.execute(command, parameters).await?.into_iter().map(part).collect::<Vec<_>>())
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
