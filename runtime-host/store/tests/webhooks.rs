//! Webhooks as the platform and the courier meet them: what is told, to whom, when, and when no more.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{acme, answer, at, cast, count, database, failure, other, tamper};
use spell_cast::{
    AboutWebhook, Attempted, DELIVERIES_WAITING_MAX, DELIVERY_TIME, Delivery, DeliveryState, Event, FAILING_TIME_MAX, FailedKind, Handed,
    Ledger, OffReason, Sealed, Verdict, WEBHOOKS_MAX, Webhook, WebhookError, Webhooks,
};
use spell_store::Database;
use spell_types::TenantId;
use std::time::SystemTime;

fn webhook(tenant: TenantId, id: &str, events: &[Event], spell: Option<&str>) -> Webhook {
    let about = AboutWebhook {
        url: "https://example.com/hook".to_owned(),
        description: "ours".to_owned(),
        events: events.to_vec(),
        spell: spell.map(|spell| spell.parse().unwrap()),
        is_active: true,
    };
    Webhook {
        id: id.to_owned(),
        tenant,
        about,
        secret: Sealed(vec![7; 60]),
        previous: None,
        created_at: at(10),
        updated_at: at(10),
        failing_since: None,
        off: None,
        waiting: 0,
        dropped: 0,
    }
}

async fn add(database: &Database, tenant: TenantId, id: &str) {
    database.add_webhook(webhook(tenant, id, &Event::OF_CASTS, None)).await.unwrap();
}

/// A cast that has ended, at second 100.
async fn end_one(database: &Database, tenant: TenantId, id: &str) {
    database.reserve(cast(tenant, id, at(50)), None, 0).await.unwrap();
    database.finish(id, answer("hello")).await.unwrap();
}

async fn told(database: &Database, id: &str) -> Vec<(Event, Option<String>)> {
    let deliveries = database.deliveries(id, None, 100).await.unwrap();
    deliveries.into_iter().map(|delivery| (delivery.event, delivery.cast_id)).collect()
}

async fn due(database: &Database, seconds: u64, busy: &[&str]) -> Vec<Delivery> {
    let busy = busy.iter().map(|id| (*id).to_owned()).collect();
    database.due_deliveries(at(seconds), busy, 10).await.unwrap().into_iter().map(|due| due.delivery).collect()
}

fn attempt(delivery: &Delivery, verdict: Verdict, seconds: u64, due_at: Option<SystemTime>) -> Attempted {
    let handed = Handed { verdict, status: Some(500), error: Some("it answered 500".to_owned()) };
    Attempted { delivery_id: delivery.id.clone(), handed, at: at(seconds), due_at }
}

#[tokio::test]
async fn the_end_of_a_cast_is_told_to_those_of_its_tenant_who_asked_for_it() {
    let (directory, database) = database();
    for (tenant, id, events, spell) in [
        (acme(), "all", &Event::OF_CASTS[..], None),
        (acme(), "failed", &[Event::Failed], None),
        (acme(), "hello", &[Event::Completed], Some("hello")),
        (acme(), "bye", &Event::OF_CASTS, Some("bye")),
        (other(), "other", &Event::OF_CASTS, None),
    ] {
        database.add_webhook(webhook(tenant, id, events, spell)).await.unwrap();
    }
    for (id, ending) in [("cast_1", answer("hello")), ("cast_2", failure(FailedKind::Trapped))] {
        database.reserve(cast(acme(), id, at(50)), None, 0).await.unwrap();
        assert!(told(&database, "all").await.len() < 2, "nothing is told of what runs");
        database.finish(id, ending.clone()).await.unwrap();
        assert!(database.finish(id, ending).await.is_err(), "it ends once");
    }
    database.reserve(cast(acme(), "cast_3", at(50)), None, 0).await.unwrap();
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.claim_casts().await, Ok(1));
    let of = |event, id: &str| (event, Some(id.to_owned()));
    let (completed, failed) = (of(Event::Completed, "cast_1"), of(Event::Failed, "cast_2"));
    let mut all = told(&database, "all").await;
    all.sort_by(|one, other| one.1.cmp(&other.1));
    assert_eq!(all, [completed.clone(), failed.clone(), of(Event::Indeterminate, "cast_3")]);
    assert_eq!(told(&database, "failed").await, [failed]);
    assert_eq!(told(&database, "hello").await, [completed]);
    assert_eq!((told(&database, "bye").await, told(&database, "other").await), (vec![], vec![]));
    let found = database.due_deliveries(at(4_000_000_000), Vec::new(), 10).await.unwrap();
    assert!(found.iter().all(|due| due.cast.as_ref().map(|cast| &cast.id) == due.delivery.cast_id.as_ref()));
    let names: std::collections::BTreeSet<_> = database.deliveries("all", None, 9).await.unwrap().into_iter().map(|one| one.id).collect();
    assert!(names.len() == 3 && names.iter().all(|name| name.starts_with("msg_") && name.len() == 36), "{names:?}");
}

#[tokio::test]
async fn one_delivery_to_each_endpoint_is_due_at_a_time_and_those_that_wait_longest_come_first() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        for id in ["one", "two"] {
            add(&database, acme(), id).await;
        }
        end_one(&database, acme(), "cast_1").await;
        end_one(&database, acme(), "cast_2").await;
        assert_eq!((due(&database, 99, &[]).await, database.next_due(Vec::new()).await), (vec![], Ok(Some(at(100)))));
        let first = due(&database, 100, &[]).await;
        assert_eq!(first.iter().map(|delivery| delivery.webhook_id.as_str()).collect::<Vec<_>>().len(), 2);
        assert_eq!(due(&database, 100, &["one"]).await.len(), 1);
        assert_eq!(
            (due(&database, 100, &["one", "two"]).await.len(), database.next_due(vec!["one".into(), "two".into()]).await),
            (0, Ok(None))
        );
        let one = first.iter().find(|delivery| delivery.webhook_id == "one").unwrap();
        database.attempted(attempt(one, Verdict::Again(None), 101, Some(at(200)))).await.unwrap();
        let next = due(&database, 101, &["two"]).await;
        assert_ne!(next[0].id, one.id, "the other cast does not wait for it");
        database.attempted(attempt(&next[0], Verdict::Taken, 102, None)).await.unwrap();
        assert_eq!((due(&database, 199, &["two"]).await, database.next_due(vec!["two".into()]).await), (vec![], Ok(Some(at(200)))));
        let again = due(&database, 200, &["two"]).await;
        let expected = Some((one.id.as_str(), 1, Some(500), Some("it answered 500")));
        assert_eq!(again.first().map(|one| (one.id.as_str(), one.attempts, one.last_status, one.last_error.as_deref())), expected);
        database.attempted(attempt(one, Verdict::Again(None), 201, None)).await.unwrap();
        let states: Vec<_> = database.deliveries("one", None, 9).await.unwrap().into_iter().map(|one| (one.state, one.due_at)).collect();
        assert!(states.contains(&(DeliveryState::Failed, None)) && states.contains(&(DeliveryState::Delivered, None)), "{states:?}");
        assert_eq!(database.webhook(&acme(), "one").await.unwrap().unwrap().waiting, 0);
        assert_eq!(database.webhook(&other(), "one").await, Ok(None));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_or_fails_for_days_is_switched_off_and_begins_anew_when_it_is_switched_on() {
    let (_directory, database) = database();
    for id in ["gone", "failing"] {
        add(&database, acme(), id).await;
    }
    end_one(&database, acme(), "cast_1").await;
    end_one(&database, acme(), "cast_2").await;
    let too_late = 100 + FAILING_TIME_MAX.as_secs();
    for delivery in due(&database, 100, &[]).await {
        if delivery.webhook_id == "gone" {
            database.attempted(attempt(&delivery, Verdict::Gone, 100, None)).await.unwrap();
        } else {
            database.attempted(attempt(&delivery, Verdict::Again(None), 100, Some(at(300)))).await.unwrap();
            database.attempted(attempt(&delivery, Verdict::Again(None), too_late - 1, Some(at(300)))).await.unwrap();
            assert!(database.webhook(&acme(), "failing").await.unwrap().unwrap().about.is_active);
            database.attempted(attempt(&delivery, Verdict::Again(None), too_late, Some(at(300)))).await.unwrap();
        }
    }
    end_one(&database, acme(), "cast_3").await;
    for (id, reason) in [("gone", OffReason::Gone), ("failing", OffReason::Failing)] {
        let found = database.webhook(&acme(), id).await.unwrap().unwrap();
        assert_eq!((found.about.is_active, found.off, found.waiting), (false, Some(reason), 0));
        let deliveries = database.deliveries(id, None, 9).await.unwrap();
        assert!(deliveries.len() == 2 && deliveries.iter().all(|delivery| delivery.state == DeliveryState::Failed), "{deliveries:?}");
        let about = AboutWebhook { is_active: true, ..found.about };
        database.change_webhook(id, about, at(200)).await.unwrap();
        let found = database.webhook(&acme(), id).await.unwrap().unwrap();
        assert_eq!((found.about.is_active, found.off, found.failing_since, found.updated_at), (true, None, None, at(200)));
    }
    let about = AboutWebhook { is_active: false, ..webhook(acme(), "gone", &Event::OF_CASTS, None).about };
    end_one(&database, acme(), "cast_4").await;
    database.change_webhook("gone", about, at(300)).await.unwrap();
    assert_eq!(due(&database, 300, &["failing"]).await, []);
}

#[tokio::test]
async fn endpoints_and_what_waits_for_them_are_bounded_and_go_with_what_they_are_about() {
    let (directory, database) = database();
    for number in 0..WEBHOOKS_MAX {
        add(&database, acme(), &format!("hook_{number}")).await;
    }
    let more = || database.add_webhook(webhook(acme(), "more", &[Event::Failed], None));
    assert_eq!(more().await, Err(WebhookError::TooMany));
    database.remove_webhook("hook_9").await.unwrap();
    assert_eq!(more().await, Ok(()));
    tamper(directory.path(), &format!("UPDATE webhooks SET waiting = {DELIVERIES_WAITING_MAX} WHERE id = 'hook_0'"));
    end_one(&database, acme(), "cast_1").await;
    let (full, free) =
        (database.webhook(&acme(), "hook_0").await.unwrap().unwrap(), database.webhook(&acme(), "hook_1").await.unwrap().unwrap());
    assert_eq!((full.dropped, told(&database, "hook_0").await, free.dropped, free.waiting), (1, vec![], 0, 1));
    let mut test = due(&database, 100, &[]).await.remove(0);
    (test.webhook_id, test.id, test.cast_id, test.event) = ("hook_0".to_owned(), "msg_1".to_owned(), None, Event::Test);
    assert_eq!(database.post_delivery(test.clone()).await, Err(WebhookError::TooManyWaiting));
    test.webhook_id = "hook_1".to_owned();
    database.post_delivery(test).await.unwrap();
    assert_eq!(database.webhook(&acme(), "hook_1").await.unwrap().unwrap().waiting, 2);
    assert_eq!(database.forget_some(at(60)).await, Ok(1), "the cast, and all that is on its way because of it");
    assert_eq!(count(directory.path(), "SELECT count(*) FROM deliveries"), 1);
    assert_eq!(database.webhook(&acme(), "hook_1").await.unwrap().unwrap().waiting, 1);
    database.remove_webhook("hook_1").await.unwrap();
    assert_eq!(count(directory.path(), "SELECT count(*) FROM deliveries"), 0);
}

#[tokio::test]
async fn secrets_take_turns_and_what_was_delivered_is_forgotten_after_days() {
    let (_directory, database) = database();
    add(&database, acme(), "one").await;
    database.rotate_webhook("one", Sealed(vec![8; 60]), at(90), at(80)).await.unwrap();
    let found = database.webhook(&acme(), "one").await.unwrap().unwrap();
    assert_eq!((found.secret, found.previous), (Sealed(vec![8; 60]), Some((Sealed(vec![7; 60]), at(90)))));
    end_one(&database, acme(), "cast_1").await;
    end_one(&database, acme(), "cast_2").await;
    let first = due(&database, 100, &[]).await.remove(0);
    database.attempted(attempt(&first, Verdict::Taken, 100, None)).await.unwrap();
    assert_eq!(database.forget_some_deliveries(at(100)).await, Ok(0));
    assert_eq!(database.forget_some_deliveries(at(100) + DELIVERY_TIME).await, Ok(1));
    let left = database.deliveries("one", None, 9).await.unwrap();
    assert_eq!((left.len(), left[0].state), (1, DeliveryState::Waiting), "what waits stays");
}
