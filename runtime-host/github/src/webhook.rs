//! What GitHub says by itself: that a run has changed. It is proved by a signature over every byte, and heard once:
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>.
//!
//! It knows deliveries. It must never know what becomes of a run, and believes nothing but its number.

use crate::credentials::Secret;
use ring::hmac;
use serde::Deserialize;
use spell_cast::{Heard, Notice};
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Deliveries that are remembered. An older one that comes again wakes somebody who asks, and no more.
const REMEMBERED_MAX: usize = 10_000;
/// Characters of the name of a delivery at most.
const ID_CHARACTERS_MAX: usize = 100;
const EVENT: &str = "workflow_run";
const SCHEME: &str = "sha256=";

/// Hears deliveries.
pub(crate) struct Webhook {
    key: hmac::Key,
    heard: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    in_order: VecDeque<String>,
    all: HashSet<String>,
}

#[derive(Deserialize)]
struct Payload {
    workflow_run: RunNamed,
}

#[derive(Deserialize)]
struct RunNamed {
    id: u64,
}

impl Webhook {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), heard: Mutex::default() }
    }

    /// What becomes of a delivery, and the run that it is about.
    pub(crate) fn hear(&self, delivery: &Notice<'_>) -> (Heard, Option<u64>) {
        let signature = delivery.signature.strip_prefix(SCHEME).and_then(bytes_of_hex);
        // The comparison takes the same time wherever they differ.
        if signature.is_none_or(|signature| hmac::verify(&self.key, delivery.body, &signature).is_err()) {
            return (Heard::Forged, None);
        }
        if delivery.id.is_empty() || delivery.id.len() > ID_CHARACTERS_MAX {
            return (Heard::Forged, None);
        }
        if !self.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(delivery.id) {
            return (Heard::Replayed, None);
        }
        let run = (delivery.event == EVENT).then(|| serde_json::from_slice::<Payload>(delivery.body).ok()).flatten();
        (Heard::Taken, run.map(|payload| payload.workflow_run.id))
    }
}

impl Remembered {
    /// Whether this is new.
    fn insert(&mut self, id: &str) -> bool {
        if !self.all.insert(id.to_owned()) {
            return false;
        }
        self.in_order.push_back(id.to_owned());
        if self.in_order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.all.remove(&oldest);
        }
        true
    }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";
    /// The example of GitHub's documentation, for the body `Hello, World!`.
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn delivery<'a>(id: &'a str, signature: &'a str, body: &'a str) -> Notice<'a> {
        Notice { event: EVENT, id, signature, body: body.as_bytes() }
    }

    #[test]
    fn only_what_is_signed_is_heard_and_only_once() {
        let webhook = Webhook::new(&Secret::new(SECRET));
        let other = SIGNATURE.replace('7', "8");
        for (id, signature, body, expected) in [
            ("a", SIGNATURE, "Hello, World!", Heard::Taken),
            ("a", SIGNATURE, "Hello, World!", Heard::Replayed),
            ("b", SIGNATURE, "Hello, World?", Heard::Forged),
            ("b", other.as_str(), "Hello, World!", Heard::Forged),
            ("b", &SIGNATURE[7..], "Hello, World!", Heard::Forged),
            ("b", "sha256=", "Hello, World!", Heard::Forged),
            ("b", "sha256=zz", "Hello, World!", Heard::Forged),
            ("", SIGNATURE, "Hello, World!", Heard::Forged),
            ("b", SIGNATURE, "Hello, World!", Heard::Taken),
        ] {
            assert_eq!(webhook.hear(&delivery(id, signature, body)).0, expected, "{id} {signature} {body}");
        }
    }

    #[test]
    fn it_tells_the_run_and_remembers_so_many_deliveries() {
        let webhook = Webhook::new(&Secret::new(SECRET));
        let body = r#"{"action":"completed","workflow_run":{"id":7,"status":"completed"}}"#;
        let tag = hmac::sign(&webhook.key, body.as_bytes());
        let signature = format!("sha256={}", tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert_eq!(webhook.hear(&delivery("0", &signature, body)), (Heard::Taken, Some(7)));
        assert_eq!(webhook.hear(&Notice { event: "ping", ..delivery("1", &signature, body) }), (Heard::Taken, None));
        for id in 2..=REMEMBERED_MAX {
            webhook.hear(&delivery(&id.to_string(), &signature, body));
        }
        assert_eq!(webhook.hear(&delivery("1", &signature, body)).0, Heard::Replayed);
        let count = webhook.heard.lock().unwrap().all.len();
        assert!(count <= REMEMBERED_MAX, "{count}");
    }
}
