//! The courier: what is due is handed over, one at a time for each endpoint, until it is taken or was tried often enough.
//!
//! It knows the pipeline, over a real store without a file. It must never know how a letter is handed over: here a closure is told.

#![expect(clippy::expect_used, reason = "a helper that cannot go on fails its test")]

use bytes::Bytes;
use spell_cast::{
    Abi, AboutWebhook, Courier, Delivery, DeliveryState, Event, Executed, Failed, Handed, Letter, Parts, Pepper, Platform, Reach, Runner,
    UrlRefused, Verdict, WebhookFailure, Witness,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limits, TenantId};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

/// Executes nothing.
struct Nothing;

impl Runner for Nothing {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(std::future::pending())
    }

    fn run<'a>(&'a self, _: Digest, _: Content, _: &'a Limits, _: &'a Reach, _: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        Box::pin(std::future::pending())
    }
}

/// Keeps letters, and does with each what its URL says.
#[derive(Default)]
struct Kept(Mutex<Vec<Letter>>);

impl Courier for Kept {
    fn judge(&self, url: &str) -> Result<(), UrlRefused> {
        if url.starts_with("https:") { Ok(()) } else { Err(UrlRefused("no".to_owned())) }
    }

    fn hand_over<'a>(&'a self, letter: Letter) -> BoxFuture<'a, Handed> {
        let verdict = match letter.url.as_str() {
            "https:take" => Some(Verdict::Taken),
            "https:refuse" => Some(Verdict::Again(None)),
            _ => None,
        };
        self.0.lock().expect("a lock").push(letter);
        Box::pin(async move {
            match verdict {
                Some(verdict) => Handed { verdict, status: Some(200), error: None },
                None => std::future::pending().await,
            }
        })
    }
}

impl Kept {
    /// Which attempts were made of what goes to a URL, and under how many names.
    fn attempts(&self, url: &str) -> (Vec<u32>, usize) {
        let letters = self.0.lock().expect("a lock");
        let of_url: Vec<_> = letters.iter().filter(|letter| letter.url == url).collect();
        let names: std::collections::BTreeSet<_> = of_url.iter().map(|letter| &letter.id).collect();
        (of_url.iter().map(|letter| letter.attempt).collect(), names.len())
    }
}

fn platform() -> (Arc<Platform>, Arc<Kept>) {
    let (database, courier) = (Arc::new(Database::in_memory().expect("database")), Arc::new(Kept::default()));
    let platform = Platform::new(Parts {
        retention: Duration::ZERO,
        courier: courier.clone(),
        webhook_retry_first: Duration::ZERO,
        ..Parts::over(&database, Arc::new(Nothing), Pepper::from_bytes([7; 32]))
    });
    (Arc::new(platform), courier)
}

fn acme() -> TenantId {
    "acme".parse().expect("a name")
}

async fn add(platform: &Platform, url: &str) -> Result<String, WebhookFailure> {
    let (url, description, events) = (url.to_owned(), String::new(), Event::OF_CASTS.to_vec());
    let about = AboutWebhook { url, description, events, spell: None, is_active: true };
    Ok(platform.add_webhook(&acme(), about).await?.webhook.id)
}

/// The only delivery to an endpoint, once it has ended.
async fn ended(platform: &Platform, webhook_id: &str) -> Delivery {
    loop {
        let delivery = platform.webhooks.deliveries(webhook_id, None, 1).await.expect("deliveries").remove(0);
        if delivery.state != DeliveryState::Waiting {
            return delivery;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_nobody_takes_is_tried_ten_times_and_holds_up_nobody_else() {
    let (platform, courier) = platform();
    let mut ids = Vec::new();
    for url in ["https:hang", "https:refuse", "https:take"] {
        let id = add(&platform, url).await.expect("made");
        platform.test_webhook(&acme(), &id).await.expect("posted");
        ids.push(id);
    }
    platform.test_webhook(&acme(), &ids[0]).await.expect("posted");
    let delivering = tokio::spawn(platform.clone().deliver_webhooks());
    let (refused, taken) = (ended(&platform, &ids[1]).await, ended(&platform, &ids[2]).await);
    assert_eq!((refused.state, refused.attempts), (DeliveryState::Failed, 10));
    assert_eq!((taken.state, taken.attempts), (DeliveryState::Delivered, 1));
    assert_eq!(courier.attempts("https:refuse"), ((1..=10).collect(), 1));
    assert_eq!(courier.attempts("https:hang"), (vec![1], 1), "the second waits for the first");
    let failing = platform.webhook(&acme(), &ids[1]).await.expect("it is there");
    assert!(failing.failing_since.is_some() && failing.about.is_active);
    delivering.abort();
}

#[tokio::test]
async fn what_is_under_way_when_the_courier_ends_is_handed_over_again_by_the_next() {
    let (platform, courier) = platform();
    let id = add(&platform, "https:hang").await.expect("made");
    platform.test_webhook(&acme(), &id).await.expect("posted");
    for round in 1..=2 {
        let delivering = tokio::spawn(platform.clone().deliver_webhooks());
        while courier.attempts("https:hang").0.len() < round {
            sleep(Duration::from_millis(1)).await;
        }
        delivering.abort();
    }
    assert_eq!(courier.attempts("https:hang"), (vec![1, 1], 1));
}

#[tokio::test]
async fn where_nothing_may_be_delivered_nothing_is_made_or_changed() {
    let (platform, _) = platform();
    assert!(matches!(add(&platform, "ftp:a").await, Err(WebhookFailure::Url(_))));
    let id = add(&platform, "https:take").await.expect("made");
    let about = platform.webhook(&acme(), &id).await.expect("it is there").about;
    let changed = platform.change_webhook(&acme(), &id, AboutWebhook { url: "ftp:a".to_owned(), ..about.clone() }).await;
    assert!(matches!(changed, Err(WebhookFailure::Url(_))));
    let other: TenantId = "other".parse().expect("a name");
    for refused in [
        platform.change_webhook(&other, &id, about).await.err(),
        platform.rotate_webhook(&other, &id).await.err(),
        platform.remove_webhook(&other, &id).await.err(),
        platform.test_webhook(&other, &id).await.err(),
    ] {
        assert!(matches!(refused, Some(WebhookFailure::NotFound)), "{refused:?}");
    }
}
