//! Spells, versions and programs as the platform meets them.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use bytes::Bytes;
use platform::{about, acme, at, count, database, other, spell, tamper, upload, version, with_a_version};
use spell_cast::{Registry, RegistryError, digest_of};
use spell_store::Database;

const PROGRAMS: &str = "SELECT count(*) FROM programs";

#[tokio::test]
async fn a_spell_is_kept_changed_and_found_by_its_key_and_its_id_also_in_a_file_that_was_opened_again() {
    let (directory, database) = database();
    let made = spell(acme(), "spell_1", "hello");
    assert_eq!(database.create(made.clone()).await, Ok(made));
    let mut said = about("Hello again");
    said.is_active = false;
    said.limits.clear();
    said.reach.network.push("https://api.example.com".to_owned());
    said.reach.tmp = true;
    said.reach.environment.insert("PLACE".to_owned(), "here".to_owned());
    said.schemas.input = Some(r#"{"type": "string"}"#.to_owned());
    let changed = database.change(&acme(), "spell_1", said.clone(), at(30)).await.unwrap();
    assert_eq!((&changed.about, changed.created_at, changed.updated_at), (&said, at(10), at(30)));
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    for name in ["hello", "spell_1"] {
        assert_eq!(database.spell(&acme(), name).await, Ok(changed.clone()));
    }
}

#[tokio::test]
async fn a_key_is_one_spells_within_a_tenant() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        database.create(spell(acme(), "spell_1", "hello")).await.unwrap();
        let taken = Err(RegistryError::KeyTaken("hello".parse().unwrap()));
        assert_eq!(database.create(spell(acme(), "spell_2", "hello")).await, taken);
        database.create(spell(other(), "spell_3", "hello")).await.unwrap();
        database.create(spell(acme(), "spell_4", "spell_1")).await.unwrap();
        assert_eq!(database.spell(&acme(), "spell_1").await.unwrap().id, "spell_1", "an id goes before a key that looks like it");
    }
}

#[tokio::test]
async fn spells_are_listed_by_their_keys_a_page_at_a_time() {
    let (_directory, database) = database();
    for (id, key) in [("s1", "c"), ("s2", "a"), ("s3", "b"), ("s4", "0"), ("s5", "a.b")] {
        database.create(spell(acme(), id, key)).await.unwrap();
    }
    database.create(spell(other(), "s6", "aa")).await.unwrap();
    for (after, count_max, expected) in [
        (None, 10, vec!["0", "a", "a.b", "b", "c"]),
        (None, 2, vec!["0", "a"]),
        (Some("a"), 2, vec!["a.b", "b"]),
        (Some("aa"), 10, vec!["b", "c"]),
        (Some("c"), 10, vec![]),
        (None, 0, vec![]),
        (None, usize::MAX, vec!["0", "a", "a.b", "b", "c"]),
    ] {
        let spells = database.spells(&acme(), after, count_max).await.unwrap();
        assert_eq!(spells.iter().map(|spell| spell.key.as_str()).collect::<Vec<_>>(), expected, "{after:?}, {count_max}");
    }
}

#[tokio::test]
async fn a_version_is_kept_with_its_programs_and_the_first_one_is_active() {
    let (directory, database, module) = with_a_version().await;
    let new = upload("mod_1", "spell_1", "1.0.0", "one");
    assert_eq!(module, new.module);
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.module(&acme(), "spell_1", None).await, Ok(module.clone()));
    assert_eq!(database.module(&acme(), "spell_1", Some(&version("1.0.0"))).await, Ok(module));
    assert_eq!(database.program(&new.module.digest).await, Ok(new.program));
    assert_eq!(database.program(&new.module.component).await, Ok(new.component));
    let spell = database.spell(&acme(), "hello").await.unwrap();
    assert_eq!((spell.active, spell.updated_at), (Some(version("1.0.0")), at(20)));
}

#[tokio::test]
async fn a_spell_without_versions_has_none_to_cast() {
    let (_directory, database) = database();
    database.create(spell(acme(), "spell_1", "hello")).await.unwrap();
    assert_eq!(database.module(&acme(), "spell_1", None).await, Err(RegistryError::NoModule));
    assert_eq!(database.modules(&acme(), "spell_1").await, Ok(vec![]));
    assert_eq!(database.activate(&acme(), "spell_1", &version("1.0.0"), at(9)).await, Err(RegistryError::NoModule));
}

#[tokio::test]
async fn what_a_version_is_never_changes() {
    let (directory, database, module) = with_a_version().await;
    let again = upload("mod_2", "spell_1", "1.0.0", "one");
    assert_eq!(database.publish(&acme(), again).await, Ok(module.clone()), "the same program is the version that is there");
    let another = upload("mod_3", "spell_1", "1.0.0", "another");
    assert_eq!(database.publish(&acme(), another).await, Err(RegistryError::VersionTaken(version("1.0.0"))));
    assert_eq!(database.modules(&acme(), "spell_1").await, Ok(vec![module]));
    assert_eq!(count(directory.path(), PROGRAMS), 2, "nothing is kept of what was refused");
}

#[tokio::test]
async fn a_version_becomes_active_when_it_is_asked_to_and_versions_are_listed_from_the_newest_upload() {
    let (_directory, database, _) = with_a_version().await;
    let active = async || database.module(&acme(), "spell_1", None).await.unwrap().version.to_string();
    for (id, number, seconds, activates, expected) in
        [("mod_2", "2.0.0", 40, false, "1.0.0"), ("mod_3", "1.5.0", 30, true, "1.5.0"), ("mod_4", "1.5.1", 40, false, "1.5.0")]
    {
        let mut new = upload(id, "spell_1", number, "one");
        (new.module.created_at, new.activates) = (at(seconds), activates);
        database.publish(&acme(), new).await.unwrap();
        assert_eq!(active().await, expected, "after {number}");
    }
    let spell = database.activate(&acme(), "spell_1", &version("2.0.0"), at(50)).await.unwrap();
    assert_eq!((spell.active, spell.updated_at), (Some(version("2.0.0")), at(50)));
    let mut again = upload("mod_5", "spell_1", "1.0.0", "one");
    again.activates = true;
    assert_eq!(database.publish(&acme(), again).await.unwrap().id, "mod_1");
    assert_eq!(active().await, "1.0.0", "a version that is there already becomes active as well");
    let modules = database.modules(&acme(), "spell_1").await.unwrap();
    assert_eq!(modules.iter().map(|module| module.id.as_str()).collect::<Vec<_>>(), ["mod_4", "mod_2", "mod_3", "mod_1"]);
}

#[tokio::test]
async fn the_active_version_is_not_deleted_and_others_are() {
    let (_directory, database, _) = with_a_version().await;
    database.publish(&acme(), upload("mod_2", "spell_1", "2.0.0", "two")).await.unwrap();
    assert_eq!(database.delete_module(&acme(), "mod_1").await, Err(RegistryError::Active(version("1.0.0"))));
    assert_eq!(database.delete_module(&acme(), "mod_2").await, Ok(()));
    assert_eq!(database.delete_module(&acme(), "mod_2").await, Err(RegistryError::NoModule));
    assert_eq!(database.module(&acme(), "spell_1", Some(&version("2.0.0"))).await, Err(RegistryError::NoModule));
}

#[tokio::test]
async fn the_same_bytes_are_kept_once_and_go_with_the_last_version_that_has_them() {
    let (directory, database, _) = with_a_version().await;
    let programs = || count(directory.path(), PROGRAMS);
    let digest = digest_of(b"one");
    database.publish(&acme(), upload("mod_2", "spell_1", "2.0.0", "one")).await.unwrap();
    database.create(spell(other(), "spell_2", "theirs")).await.unwrap();
    database.publish(&other(), upload("mod_3", "spell_2", "1.0.0", "one")).await.unwrap();
    assert_eq!(programs(), 2);
    database.delete_module(&acme(), "mod_2").await.unwrap();
    database.delete(&acme(), "spell_1").await.unwrap();
    assert_eq!(database.program(&digest).await, Ok(Bytes::from_static(b"one")));
    database.delete(&other(), "spell_2").await.unwrap();
    assert_eq!((programs(), count(directory.path(), "SELECT count(*) FROM modules")), (0, 0));
    assert_eq!(database.program(&digest).await, Err(RegistryError::NoModule));
    assert_eq!(database.spell(&acme(), "spell_1").await, Err(RegistryError::NoSpell));
}

#[tokio::test]
async fn a_program_that_goes_bad_is_refused_until_it_is_uploaded_anew() {
    let (directory, database, module) = with_a_version().await;
    for (what, digest) in [("program", module.digest), ("component", module.component)] {
        let before = database.program(&digest).await.unwrap();
        let flip = "UPDATE programs SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'00' AS BLOB)";
        tamper(directory.path(), &format!("{flip} WHERE digest = x'{digest}'"));
        assert_eq!(database.program(&digest).await, Err(RegistryError::Corrupt(digest)), "{what}");
        // It stays refused, whatever is read of it now.
        let bytes: String = before.iter().map(|byte| format!("{byte:02x}")).collect();
        tamper(directory.path(), &format!("UPDATE programs SET bytes = x'{bytes}' WHERE digest = x'{digest}'"));
        assert_eq!(database.program(&digest).await, Err(RegistryError::Corrupt(digest)), "{what}");
        let again = upload("mod_2", "spell_1", "1.0.0", "one");
        assert_eq!(database.publish(&acme(), again).await, Ok(module.clone()), "{what}");
        assert_eq!(database.program(&digest).await, Ok(before), "{what}");
    }
}

#[tokio::test]
async fn a_component_that_went_bad_may_be_replaced_by_what_a_newer_host_makes_of_the_program() {
    let (directory, database, module) = with_a_version().await;
    let newer = Bytes::from_static(b"made by a newer host");
    let mut again = upload("mod_2", "spell_1", "1.0.0", "one");
    (again.module.component, again.component) = (digest_of(&newer), newer.clone());
    assert_eq!(database.publish(&acme(), again.clone()).await, Ok(module.clone()), "what is well stays");
    tamper(directory.path(), &format!("UPDATE programs SET bytes = x'00' WHERE digest = x'{}'", module.component));
    assert_eq!(database.program(&module.component).await, Err(RegistryError::Corrupt(module.component)));
    let repaired = database.publish(&acme(), again.clone()).await.unwrap();
    assert_eq!((repaired.id.as_str(), repaired.component), ("mod_1", again.module.component));
    assert_eq!(database.program(&repaired.component).await, Ok(newer));
    assert_eq!(count(directory.path(), PROGRAMS), 2, "what went bad is gone");
}

#[tokio::test]
async fn what_a_cast_needs_is_found_in_one_look_as_it_is_in_several() {
    let (directory, database, module) = with_a_version().await;
    database.publish(&acme(), upload("mod_2", "spell_1", "2.0.0", "two")).await.unwrap();
    database.create(spell(acme(), "spell_2", "empty")).await.unwrap();
    // A key that is the id of another spell names that one.
    database.create(spell(acme(), "spell_3", "spell_1")).await.unwrap();
    database.create(spell(other(), "spell_4", "theirs")).await.unwrap();
    for (name, number) in [
        ("hello", None),
        ("spell_1", None),
        ("hello", Some("1.0.0")),
        ("hello", Some("2.0.0")),
        ("hello", Some("3.0.0")),
        ("empty", None),
        ("spell_3", Some("1.0.0")),
        ("theirs", None),
        ("spell_4", None),
        ("absent", None),
    ] {
        let number = number.map(version);
        let found = database.castable(&acme(), name, number.as_ref()).await;
        let expected = match database.spell(&acme(), name).await {
            Ok(spell) => Ok((spell.clone(), database.module(&acme(), &spell.id, number.as_ref()).await.ok())),
            Err(error) => Err(error),
        };
        assert_eq!(found, expected, "{name} {number:?}");
    }
    tamper(directory.path(), &format!("UPDATE programs SET is_corrupt = 1 WHERE digest = x'{}'", module.component));
    assert_eq!(database.castable(&acme(), "hello", None).await, Err(RegistryError::Corrupt(module.component)));
    assert!(database.castable(&acme(), "hello", Some(&version("2.0.0"))).await.unwrap().1.is_some(), "others are well");
}

#[tokio::test]
async fn programs_whose_bytes_were_swapped_are_both_refused() {
    let (directory, database, one) = with_a_version().await;
    let two = database.publish(&acme(), upload("mod_2", "spell_1", "2.0.0", "two")).await.unwrap();
    let connection = rusqlite::Connection::open(directory.path().join("spell.db")).unwrap();
    let components = format!("x'{}', x'{}'", one.component, two.component);
    let were = format!("CREATE TEMP TABLE were AS SELECT digest, bytes FROM programs WHERE digest IN ({components})");
    connection.execute(&were, []).unwrap();
    let swap = "UPDATE programs AS p SET bytes = (SELECT were.bytes FROM were WHERE were.digest <> p.digest)
        WHERE digest IN (SELECT digest FROM were)";
    assert_eq!(connection.execute(swap, []).unwrap(), 2);
    for digest in [one.component, two.component] {
        assert_eq!(database.program(&digest).await, Err(RegistryError::Corrupt(digest)));
    }
}
