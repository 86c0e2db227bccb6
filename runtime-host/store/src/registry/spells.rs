//! Spells, as rows. It knows what is said of them; it must never know programs.

use super::Failure;
use super::reach::Reached;
use crate::columns::{Cells, Count, Engine, Moment, Parsed, Place, named, saturating};
use crate::queue::JobError;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use semver::Version;
use spell_cast::{About, FallbackOn, Quota, QuotaExceeded, Quotas, RegistryError, Schemas, Spell};
use spell_types::{Limit, TenantId};
use std::time::SystemTime;

/// The columns of a spell, in the order in which [`spell`] reads them.
pub(super) const COLUMNS: &str = "spells.id, tenant, key, name, description, engine, limits, is_active, reach, input_schema, output_schema,
    workflow, fallback_on, active_version, spells.created_at_ms, updated_at_ms";

/// The id of the spell of a tenant, ?1, that is named, ?2, by its id or its key. A key may look like the id of another spell: whoever has an
/// id keeps getting what it names.
pub(super) const NAMED: &str =
    "coalesce((SELECT id FROM spells WHERE tenant = ?1 AND id = ?2), (SELECT id FROM spells WHERE tenant = ?1 AND key = ?2))";

/// Keeps a spell, which has no version yet.
pub(super) fn create(connection: &Connection, spell: &Spell, quotas: &Quotas) -> Result<Spell, Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO spells (id, tenant, key, name, description, engine, limits, is_active, created_at_ms, updated_at_ms,
             reach, input_schema, output_schema, workflow, fallback_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (tenant, key) DO NOTHING",
    )?;
    let Spell { id, tenant, key, about, .. } = spell;
    let (limits, created_at, updated_at) = (Asked(about.limits.clone()), Moment(spell.created_at), Moment(spell.updated_at));
    let said = params![
        id,
        tenant.as_str(),
        key.as_str(),
        about.name,
        about.description,
        about.engine.name(),
        limits,
        about.is_active,
        created_at,
        updated_at,
        Reached(about.reach.clone()),
        about.schemas.input,
        about.schemas.output,
        about.workflow.clone().map(Place),
        about.fallback_on.clone().map(Failures)
    ];
    match insert.execute(said)? {
        0 => return Err(JobError::Refused(RegistryError::KeyTaken(key.clone()))),
        _ => quotas.check(Quota::Spells, count(connection, tenant)?).map_err(refused)?,
    }
    with_id(connection, tenant, id)
}

/// The spell of a tenant with this id, or this key.
pub(super) fn find(connection: &Connection, tenant: &TenantId, key_or_id: &str) -> Result<Spell, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM spells WHERE id = {NAMED}");
    let found = connection.prepare_cached(&sql)?.query_row([tenant.as_str(), key_or_id], only).optional()?;
    found.ok_or(JobError::Refused(RegistryError::NoSpell))
}

/// The spell of a tenant with this id.
pub(super) fn with_id(connection: &Connection, tenant: &TenantId, id: &str) -> Result<Spell, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM spells WHERE tenant = ?1 AND id = ?2");
    let found = connection.prepare_cached(&sql)?.query_row([tenant.as_str(), id], only).optional()?;
    found.ok_or(JobError::Refused(RegistryError::NoSpell))
}

/// Spells in order of their keys, from the first one behind a key on.
pub(super) fn list(connection: &Connection, tenant: &TenantId, after: Option<&str>, count_max: usize) -> Result<Vec<Spell>, Failure> {
    // No key is empty, so all of them come after the empty one.
    let sql = format!("SELECT {COLUMNS} FROM spells WHERE tenant = ?1 AND key > ?2 ORDER BY key LIMIT ?3");
    let mut select = connection.prepare_cached(&sql)?;
    let spells = select.query_map(params![tenant.as_str(), after.unwrap_or_default(), saturating(count_max as u128)], only)?;
    Ok(spells.collect::<Result<_, _>>()?)
}

/// Says something else of a spell.
pub(super) fn change(connection: &Connection, tenant: &TenantId, id: &str, about: &About, at: SystemTime) -> Result<Spell, Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE spells SET name = ?3, description = ?4, engine = ?5, limits = ?6, is_active = ?7, updated_at_ms = ?8,
             reach = ?9, input_schema = ?10, output_schema = ?11, workflow = ?12, fallback_on = ?13
         WHERE tenant = ?1 AND id = ?2",
    )?;
    let About { name, description, engine, limits, is_active, reach, schemas: Schemas { input, output }, workflow, fallback_on } = about;
    let (limits, reach) = (Asked(limits.clone()), Reached(reach.clone()));
    let (workflow, fallback_on) = (workflow.clone().map(Place), fallback_on.clone().map(Failures));
    let said = params![
        tenant.as_str(),
        id,
        name,
        description,
        engine.name(),
        limits,
        is_active,
        Moment(at),
        reach,
        input,
        output,
        workflow,
        fallback_on
    ];
    update.execute(said)?;
    with_id(connection, tenant, id)
}

/// Makes a version of a spell the one that is cast when nobody names one.
pub(super) fn set_active(connection: &Connection, id: &str, version: &Version, at: SystemTime) -> Result<(), Failure> {
    let sql = "UPDATE spells SET active_version = ?2, updated_at_ms = ?3 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, version.to_string(), Moment(at)])?;
    Ok(())
}

/// Forgets a spell. Its versions go with it, and programs that nothing else refers to.
pub(super) fn delete(connection: &Connection, tenant: &TenantId, id: &str) -> Result<(), Failure> {
    match connection.prepare_cached("DELETE FROM spells WHERE tenant = ?1 AND id = ?2")?.execute([tenant.as_str(), id])? {
        0 => Err(JobError::Refused(RegistryError::NoSpell)),
        _ => Ok(()),
    }
}

/// The refusal of what is too much. What was written before it is undone.
pub(super) fn refused(exceeded: QuotaExceeded) -> Failure {
    JobError::Refused(exceeded.into())
}

fn count(connection: &Connection, tenant: &TenantId) -> Result<u64, Failure> {
    let sql = "SELECT count(*) FROM spells WHERE tenant = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([tenant.as_str()], |row| row.get::<_, Count>(0))?.0)
}

/// A spell, from its [`COLUMNS`].
pub(super) fn spell(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Spell> {
    let (id, tenant, key) = (cells.next()?, cells.next::<Parsed<_>>()?.0, cells.next::<Parsed<_>>()?.0);
    let about = About {
        name: cells.next()?,
        description: cells.next()?,
        engine: cells.next::<Engine>()?.0,
        limits: cells.next::<Asked>()?.0,
        is_active: cells.next()?,
        reach: cells.next::<Reached>()?.0,
        schemas: Schemas { input: cells.next()?, output: cells.next()? },
        workflow: cells.next::<Option<Place>>()?.map(|workflow| workflow.0),
        fallback_on: cells.next::<Option<Failures>>()?.map(|failures| failures.0),
    };
    let active = cells.next::<Option<Parsed<_>>>()?.map(|version| version.0);
    Ok(Spell { id, tenant, key, about, active, created_at: cells.next::<Moment>()?.0, updated_at: cells.next::<Moment>()?.0 })
}

fn only(row: &Row<'_>) -> rusqlite::Result<Spell> {
    spell(&mut Cells::of(row))
}

/// The limits that a spell asks for, as a JSON array of pairs: `[["memory",1048576]]`.
struct Asked(Vec<(Limit, u64)>);

impl ToSql for Asked {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let pairs: serde_json::Value = self.0.iter().map(|(limit, value)| serde_json::json!([limit.key(), value])).collect();
        Ok(pairs.to_string().into())
    }
}

impl FromSql for Asked {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let pairs: Vec<(String, u64)> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        let limits = pairs.into_iter().map(|(key, value)| Ok((named(&key, Limit::from_key)?, value)));
        limits.collect::<Result<_, _>>().map(Self)
    }
}

/// Failures after which a workflow casts, as a JSON array of their names.
struct Failures(Vec<FallbackOn>);

impl ToSql for Failures {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let names: serde_json::Value = self.0.iter().map(|failure| failure.name()).collect();
        Ok(names.to_string().into())
    }
}

impl FromSql for Failures {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let names: Vec<String> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        names.iter().map(|name| named(name, FallbackOn::from_name)).collect::<Result<_, _>>().map(Self)
    }
}
