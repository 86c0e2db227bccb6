//! What belongs to one tenant is not there for another, whatever that one asks.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{about, acme, answer, api_key, at, cast, idempotency, other, upload, version, with_a_version};
use spell_cast::{KeyRing, Ledger, Registry, Reserved};

/// What is answered, as text.
fn told(answer: impl std::fmt::Debug) -> String {
    format!("{answer:?}")
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_absent() {
    let (_directory, database, module) = with_a_version().await;
    database.publish(&acme(), upload("mod_2", "spell_1", "2.0.0", "two")).await.unwrap();
    database.reserve(cast(acme(), "cast_1", at(50)), Some(idempotency("k", 1))).await.unwrap();
    database.finish("cast_1", answer("hello")).await.unwrap();
    database.add(api_key(acme(), "key_1", at(10)), [1; 32]).await.unwrap();
    let before = (database.spell(&acme(), "hello").await, database.modules(&acme(), "spell_1").await);

    let (they, one) = (other(), version("1.0.0"));
    for (call, answered, expected) in [
        ("spell, by key", told(database.spell(&they, "hello").await), "Err(NoSpell)"),
        ("spell, by id", told(database.spell(&they, "spell_1").await), "Err(NoSpell)"),
        ("spells", told(database.spells(&they, None, 10).await), "Ok([])"),
        ("change", told(database.change(&they, "spell_1", about("theirs"), at(60)).await), "Err(NoSpell)"),
        ("delete", told(database.delete(&they, "spell_1").await), "Err(NoSpell)"),
        ("publish", told(database.publish(&they, upload("mod_3", "spell_1", "3.0.0", "three")).await), "Err(NoSpell)"),
        ("modules", told(database.modules(&they, "spell_1").await), "Err(NoSpell)"),
        ("module, active", told(database.module(&they, "spell_1", None).await), "Err(NoSpell)"),
        ("castable", told(database.castable(&they, "hello", None).await), "Err(NoSpell)"),
        ("module, by version", told(database.module(&they, "spell_1", Some(&one)).await), "Err(NoSpell)"),
        ("activate", told(database.activate(&they, "spell_1", &version("2.0.0"), at(60)).await), "Err(NoSpell)"),
        ("delete_module, active", told(database.delete_module(&they, "mod_1").await), "Err(NoModule)"),
        ("delete_module", told(database.delete_module(&they, "mod_2").await), "Err(NoModule)"),
        ("known", told(database.known(&they, &idempotency("k", 1)).await), "Ok(None)"),
        ("cast", told(database.cast(&they, "cast_1").await), "Ok(None)"),
        ("casts", told(database.casts(&they, None, 10).await), "Ok([])"),
        ("casts, before", told(database.casts(&they, Some("cast_2"), 10).await), "Ok([])"),
        ("trends", told(database.trends(&they, "spell_1", at(0)).await), "Ok([])"),
        ("list", told(database.list(Some(&they)).await), "Ok([])"),
    ] {
        assert_eq!(answered, expected, "{call}");
    }

    let after = (database.spell(&acme(), "hello").await, database.modules(&acme(), "spell_1").await);
    assert_eq!(before, after, "nothing of it was changed");
    assert_eq!(database.module(&acme(), "spell_1", None).await, Ok(module));
    let reserved = database.reserve(cast(they.clone(), "cast_2", at(50)), Some(idempotency("k", 1))).await;
    assert_eq!(reserved, Ok(Reserved::New), "the same key of another tenant is another key");
}
