//! Spin's MQTT, version 3. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use spin_sdk::mqtt::{Connection, Error, Qos};
use test_behaviour::said;

const KEEP_ALIVE_SECS: u64 = 30;

/// JSON of the outcome of opening, and of each message.
pub(crate) async fn publish(address: &str, user: &str, password: &str, lines: &[Vec<String>]) -> String {
    let connection = match Connection::open(address, user, password, KEEP_ALIVE_SECS).await {
        Ok(connection) => connection,
        Err(error) => return json!([outcome(Err(error))]).to_string(),
    };
    let mut outcomes = vec![outcome(Ok(()))];
    for line in lines {
        let [quality, topic, word] = &line[..] else { continue };
        let quality = match quality.as_str() {
            "0" => Qos::AtMostOnce,
            "1" => Qos::AtLeastOnce,
            _ => Qos::ExactlyOnce,
        };
        outcomes.push(outcome(connection.publish(topic, said(word), quality).await));
    }
    json!(outcomes).to_string()
}

fn outcome(result: Result<(), Error>) -> Value {
    match result {
        Ok(()) => json!({ "ok": null }),
        Err(Error::InvalidAddress) => json!({ "error": "invalid-address" }),
        Err(Error::TooManyConnections) => json!({ "error": "too-many-connections" }),
        Err(Error::ConnectionFailed(text)) => json!({ "error": format!("connection-failed: {text}") }),
        Err(Error::Other(text)) => json!({ "error": format!("other: {text}") }),
    }
}
