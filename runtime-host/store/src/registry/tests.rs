//! What happens where the disk is full, which is where SQLite may add no page.

use super::*;
use spell_cast::{EngineChoice, digest_of};
use std::time::Duration;

async fn set_pages_max(database: &Database, pages_max: &'static str) {
    let set = move |connection: &Connection| -> Result<(), Failure> {
        let sql = format!("PRAGMA max_page_count = {pages_max}");
        Ok(connection.query_row(&sql, [], |_| Ok(()))?)
    };
    database.write(set).await.expect("set");
}

fn about() -> About {
    let (name, description, engine) = (String::new(), String::new(), EngineChoice::Wasm);
    About { name, description, engine, limits: Vec::new(), is_active: true, workflow: None, fallback_on: None }
}

fn version(number: u64, program: &[u8]) -> NewModule {
    let module = Module {
        id: format!("mod_{number}"),
        spell_id: "spell_1".to_owned(),
        version: Version::new(number, 0, 0),
        digest: digest_of(program),
        size_bytes: program.len() as u64,
        file_name: None,
        abi: "cast".to_owned(),
        component: digest_of(program),
        created_at: SystemTime::UNIX_EPOCH + Duration::from_secs(number),
    };
    let program = Bytes::copy_from_slice(program);
    NewModule { module, component: program.clone(), program, activates: false }
}

#[tokio::test]
async fn a_full_disk_is_told_and_takes_nothing_and_ends_when_there_is_room() {
    let directory = tempfile::tempdir().expect("directory");
    for database in [Database::open(directory.path()).expect("open"), Database::in_memory().expect("open")] {
        let tenant: TenantId = "acme".parse().expect("tenant");
        let (key, created_at) = ("hello".parse().expect("key"), SystemTime::UNIX_EPOCH);
        let id = "spell_1".to_owned();
        let spell = Spell { id, tenant: tenant.clone(), key, about: about(), active: None, created_at, updated_at: created_at };
        database.create(spell).await.expect("create");
        let kept = database.publish(&tenant, version(1, b"small")).await.expect("publish");
        set_pages_max(&database, "1").await;
        let large = version(2, &[7; 1 << 20]);
        assert_eq!(database.publish(&tenant, large.clone()).await, Err(RegistryError::Full));
        assert_eq!(database.modules(&tenant, "spell_1").await, Ok(vec![kept.clone()]));
        assert_eq!(database.program(&kept.digest).await, Ok(Bytes::from_static(b"small")));
        assert_eq!(database.program(&large.module.digest).await, Err(RegistryError::NoModule));
        set_pages_max(&database, "1000000").await;
        assert_eq!(database.publish(&tenant, large.clone()).await, Ok(large.module));
    }
}
