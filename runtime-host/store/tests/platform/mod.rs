//! Spells, versions, casts and keys to keep, and the files that keep them.
#![allow(dead_code, reason = "not each test binary asks for all of it")]

use bytes::Bytes;
use semver::Version;
use spell_cast::{
    About, ApiKey, CastRecord, CastState, Ending, EngineChoice, Failed, FailedKind, Idempotency, Module, NewModule, Registry, Scope, Spell,
    digest_of,
};
use spell_store::Database;
use spell_types::{Content, Limit, TenantId, Usage};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

pub(crate) const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(crate) fn database() -> (TempDir, Database) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path()).unwrap();
    (directory, database)
}

/// What a statement counts in the file, past the host.
pub(crate) fn count(state_dir: &Path, sql: &str) -> i64 {
    let connection = rusqlite::Connection::open(state_dir.join("spell.db")).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Has a statement change the file, past the host.
pub(crate) fn tamper(state_dir: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(state_dir.join("spell.db")).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn acme() -> TenantId {
    "acme".parse().unwrap()
}

pub(crate) fn other() -> TenantId {
    "other".parse().unwrap()
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub(crate) fn about(name: &str) -> About {
    let limits = vec![(Limit::Time, 1_000), (Limit::Memory, u64::MAX)];
    About { name: name.to_owned(), description: "says hello".to_owned(), limits, ..About::default() }
}

pub(crate) fn spell(tenant: TenantId, id: &str, key: &str) -> Spell {
    let key = key.parse().unwrap();
    Spell { id: id.to_owned(), tenant, key, about: about("Hello"), active: None, created_at: at(10), updated_at: at(10) }
}

/// A version of a spell; the component is made of the program.
pub(crate) fn upload(id: &str, spell_id: &str, number: &str, program: &'static str) -> NewModule {
    let component = Bytes::from(format!("component of {program}"));
    let module = Module {
        id: id.to_owned(),
        spell_id: spell_id.to_owned(),
        version: version(number),
        digest: digest_of(program.as_bytes()),
        size_bytes: program.len() as u64,
        file_name: Some("hello.wasm".to_owned()),
        abi: "wasi-command".to_owned(),
        component: digest_of(&component),
        created_at: at(20),
    };
    NewModule { module, program: Bytes::from_static(program.as_bytes()), component, activates: false }
}

/// A database in which `acme` has the spell `spell_1`, called `hello`, with the version 1.0.0.
pub(crate) async fn with_a_version() -> (TempDir, Database, Module) {
    let (directory, database) = database();
    database.create(spell(acme(), "spell_1", "hello")).await.unwrap();
    let module = database.publish(&acme(), upload("mod_1", "spell_1", "1.0.0", "one")).await.unwrap();
    (directory, database, module)
}

pub(crate) fn cast(tenant: TenantId, id: &str, created_at: SystemTime) -> CastRecord {
    CastRecord {
        id: id.to_owned(),
        tenant,
        spell_id: "spell_1".to_owned(),
        spell_key: "hello".parse().unwrap(),
        spell_name: "Hello".to_owned(),
        version: Some(version("1.0.0-rc.1+build")),
        engine: EngineChoice::Wasm,
        created_at,
        state: CastState::Running,
        engine_reason: spell_cast::CONFIGURED_FOR_WASM.to_owned(),
        run: None,
    }
}

pub(crate) fn usage(wall_ms: u64, memory_bytes_peak: u64) -> Usage {
    let (wall, cpu) = (Duration::from_millis(wall_ms), Duration::from_micros(7));
    Usage { wall, cpu, fuel: 5, memory_bytes_peak, bytes_in: 2, bytes_out: 3 }
}

pub(crate) fn answer(text: &'static str) -> Ending {
    let content = Content { bytes: Bytes::from_static(text.as_bytes()), content_type: Some("text/plain".to_owned()) };
    Ending { result: Ok(content), usage: usage(10, 1 << 20), cost_cents: 4, ended_at: at(100) }
}

pub(crate) fn failure(kind: FailedKind) -> Ending {
    let failed = Failed { kind, code: "memory".to_owned(), message: "met its limit".to_owned() };
    Ending { result: Err(failed), usage: usage(30, 3 << 20), cost_cents: 1, ended_at: at(100) }
}

pub(crate) fn ended(mut cast: CastRecord, ending: Ending) -> CastRecord {
    cast.state = CastState::Ended(Box::new(ending));
    cast
}

pub(crate) fn idempotency(key: &str, request: u8) -> Idempotency {
    Idempotency { key: key.to_owned(), fingerprint: [request; 32] }
}

pub(crate) fn api_key(tenant: TenantId, id: &str, created_at: SystemTime) -> ApiKey {
    let (name, prefix) = ("laptop".to_owned(), "sk_01234567".to_owned());
    ApiKey { id: id.to_owned(), tenant, name, prefix, scopes: vec![Scope::Upload, Scope::Read], created_at, revoked_at: None }
}
