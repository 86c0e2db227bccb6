//! Versions of spells, as rows. It knows that what a version is never changes; it must never know what is in a program.

use super::{Failure, programs, spells};
use crate::columns::{Cells, Count, Moment, Parsed, Sha256};
use crate::queue::JobError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use semver::Version;
use spell_cast::{Module, NewModule, Quota, Quotas, RegistryError, Spell};
use spell_types::TenantId;
use std::time::SystemTime;

/// The columns of a version, in the order in which [`module`] reads them.
const COLUMNS: &str = "modules.id, spell_id, version, digest, size_bytes, file_name, abi, component, modules.created_at_ms";

/// Keeps a version and its programs. One that is there already, and is the same program, stays as it is.
pub(super) fn publish(connection: &Connection, tenant: &TenantId, new: &NewModule, quotas: &Quotas) -> Result<Module, Failure> {
    let wanted = &new.module;
    let spell = spells::with_id(connection, tenant, &wanted.spell_id)?;
    match of_version(connection, &spell.id, &wanted.version)? {
        Some(kept) if kept.digest != wanted.digest => {
            return Err(JobError::Refused(RegistryError::VersionTaken(kept.version)));
        }
        Some(kept) => repair(connection, &kept, new)?,
        None => {
            insert(connection, new)?;
            check(connection, tenant, &spell.id, quotas)?;
        }
    }
    let is_to_be_active = (new.activates && spell.active.as_ref() != Some(&wanted.version)) || spell.active.is_none();
    if is_to_be_active {
        spells::set_active(connection, &spell.id, &wanted.version, wanted.created_at)?;
    }
    of_version(connection, &spell.id, &wanted.version)?.ok_or(JobError::Refused(RegistryError::NoModule))
}

/// The versions of a spell, the newest upload first.
pub(super) fn list(connection: &Connection, tenant: &TenantId, spell_id: &str) -> Result<Vec<Module>, Failure> {
    let spell = spells::with_id(connection, tenant, spell_id)?;
    let sql = format!("SELECT {COLUMNS} FROM modules WHERE spell_id = ?1 ORDER BY created_at_ms DESC, id DESC");
    let mut select = connection.prepare_cached(&sql)?;
    let modules = select.query_map([spell.id], only)?.collect::<Result<_, _>>()?;
    Ok(modules)
}

/// A version of a spell, or the active one.
pub(super) fn find(connection: &Connection, tenant: &TenantId, spell_id: &str, version: Option<&Version>) -> Result<Module, Failure> {
    let spell = spells::with_id(connection, tenant, spell_id)?;
    let found = match version.or(spell.active.as_ref()) {
        Some(version) => of_version(connection, &spell.id, version)?,
        None => None,
    };
    found.ok_or(JobError::Refused(RegistryError::NoModule))
}

/// A spell, by its id or its key, and a version of it or the active one; refused if that is known to be corrupt.
pub(super) fn castable(
    connection: &Connection,
    tenant: &TenantId,
    key_or_id: &str,
    version: Option<&str>,
) -> Result<(Spell, Option<Module>), Failure> {
    // One statement, because each locks the file for reading, and because the version may be swapped between two.
    let sql = format!(
        "SELECT {of_spell}, (SELECT is_corrupt FROM programs WHERE programs.digest = modules.component), {COLUMNS}
         FROM spells LEFT JOIN modules ON modules.spell_id = spells.id AND modules.version = coalesce(?3, spells.active_version)
         WHERE spells.id = {named}",
        of_spell = spells::COLUMNS,
        named = spells::NAMED
    );
    let found = |row: &Row<'_>| {
        let mut cells = Cells::of(row);
        let (spell, is_corrupt) = (spells::spell(&mut cells)?, cells.next::<Option<bool>>()?);
        let module = if cells.is_null()? { None } else { Some(module(&mut cells)?) };
        Ok((spell, module, is_corrupt))
    };
    let mut select = connection.prepare_cached(&sql)?;
    match select.query_row(params![tenant.as_str(), key_or_id, version], found).optional()? {
        None => Err(JobError::Refused(RegistryError::NoSpell)),
        Some((_, Some(module), Some(true))) => Err(JobError::Refused(RegistryError::Corrupt(module.component))),
        Some((spell, module, _)) => Ok((spell, module)),
    }
}

/// Makes a version the one that is cast when nobody names one.
pub(super) fn activate(
    connection: &Connection,
    tenant: &TenantId,
    spell_id: &str,
    version: &Version,
    at: SystemTime,
) -> Result<Spell, Failure> {
    let module = find(connection, tenant, spell_id, Some(version))?;
    spells::set_active(connection, spell_id, &module.version, at)?;
    spells::with_id(connection, tenant, spell_id)
}

/// Forgets a version, unless it is the active one.
pub(super) fn delete(connection: &Connection, tenant: &TenantId, module_id: &str) -> Result<(), Failure> {
    let mut select = connection.prepare_cached(
        "SELECT modules.version, modules.version IS spells.active_version AS is_active
         FROM modules JOIN spells ON spells.id = modules.spell_id WHERE spells.tenant = ?1 AND modules.id = ?2",
    )?;
    let facts = |row: &Row<'_>| Ok((row.get::<_, Parsed<Version>>("version")?.0, row.get("is_active")?));
    match select.query_row([tenant.as_str(), module_id], facts).optional()? {
        None => Err(JobError::Refused(RegistryError::NoModule)),
        Some((version, true)) => Err(JobError::Refused(RegistryError::Active(version))),
        Some((_, false)) => {
            connection.prepare_cached("DELETE FROM modules WHERE id = ?1")?.execute([module_id])?;
            Ok(())
        }
    }
}

fn insert(connection: &Connection, new: &NewModule) -> Result<(), Failure> {
    let NewModule { module, program, component, .. } = new;
    programs::keep(connection, &module.digest, program)?;
    programs::keep(connection, &module.component, component)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO modules (id, spell_id, version, digest, size_bytes, file_name, abi, component, created_at_ms, stored_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        module.id,
        module.spell_id,
        module.version.to_string(),
        Sha256(module.digest),
        Count(module.size_bytes),
        module.file_name,
        module.abi,
        Sha256(module.component),
        Moment(module.created_at),
        stored_bytes(new),
    ])?;
    Ok(())
}

/// Refuses what was just written if it is too much. Each version counts with all its bytes, also those that are kept once for many: who has
/// the same as others learns nothing of them.
fn check(connection: &Connection, tenant: &TenantId, spell_id: &str, quotas: &Quotas) -> Result<(), Failure> {
    let number = |sql, whose: &str| -> Result<u64, Failure> {
        Ok(connection.prepare_cached(sql)?.query_row([whose], |row| row.get::<_, Count>(0))?.0)
    };
    let versions = number("SELECT count(*) FROM modules WHERE spell_id = ?1", spell_id)?;
    quotas.check(Quota::Versions, versions).map_err(spells::refused)?;
    let sql = "SELECT coalesce(sum(stored_bytes), 0) FROM spells JOIN modules ON modules.spell_id = spells.id WHERE spells.tenant = ?1";
    quotas.check(Quota::Stored, number(sql, tenant.as_str())?).map_err(spells::refused)
}

fn stored_bytes(new: &NewModule) -> Count {
    Count((new.program.len() as u64).saturating_add(new.component.len() as u64))
}

/// Puts what was uploaded in the place of what is corrupt.
fn repair(connection: &Connection, kept: &Module, new: &NewModule) -> Result<(), Failure> {
    programs::keep(connection, &kept.digest, &new.program)?;
    if programs::is_corrupt(connection, &kept.component)? {
        // A newer host may make another component of the same program.
        programs::keep(connection, &new.module.component, &new.component)?;
        let sql = "UPDATE modules SET component = ?2, stored_bytes = ?3 WHERE id = ?1";
        connection.prepare_cached(sql)?.execute(params![kept.id, Sha256(new.module.component), stored_bytes(new)])?;
    }
    Ok(())
}

fn of_version(connection: &Connection, spell_id: &str, version: &Version) -> Result<Option<Module>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM modules WHERE spell_id = ?1 AND version = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row([spell_id, &version.to_string()], only).optional()?)
}

fn only(row: &Row<'_>) -> rusqlite::Result<Module> {
    module(&mut Cells::of(row))
}

/// A version, from its [`COLUMNS`].
fn module(cells: &mut Cells<'_, '_>) -> rusqlite::Result<Module> {
    Ok(Module {
        id: cells.next()?,
        spell_id: cells.next()?,
        version: cells.next::<Parsed<_>>()?.0,
        digest: cells.next::<Sha256>()?.0,
        size_bytes: cells.next::<Count>()?.0,
        file_name: cells.next()?,
        abi: cells.next()?,
        component: cells.next::<Sha256>()?.0,
        created_at: cells.next::<Moment>()?.0,
    })
}
