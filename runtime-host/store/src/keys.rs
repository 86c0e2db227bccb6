//! The keys of clients, as a table. It knows hashes of keys and what they are kept with; it must never know a key, or what it is shown for.

use crate::Database;
use crate::columns::{Count, Moment, Parsed, named};
use crate::queue::JobError;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use spell_cast::{ApiKey, KeyRing, KeyRingError, Quota, Quotas, Scope};
use spell_types::{BoxFuture, TenantId};
use std::time::SystemTime;

impl KeyRing for Database {
    fn add<'a>(&'a self, key: ApiKey, hash: [u8; 32]) -> BoxFuture<'a, Result<(), KeyRingError>> {
        let quotas = self.allowance().quotas;
        let add = move |connection: &Connection| {
            insert(connection, &key, &hash)?;
            bound(connection, &key.tenant, &quotas)
        };
        Box::pin(async move { self.write(add).await.map_err(to_error) })
    }

    fn find<'a>(&'a self, hash: [u8; 32]) -> BoxFuture<'a, Result<Option<ApiKey>, KeyRingError>> {
        let find = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT * FROM api_keys WHERE hash = ?1")?;
            Ok(select.query_row([hash], key).optional()?)
        };
        Box::pin(async move { self.read(find).await.map_err(to_error) })
    }

    fn list<'a>(&'a self, tenant: Option<&'a TenantId>) -> BoxFuture<'a, Result<Vec<ApiKey>, KeyRingError>> {
        let tenant = tenant.map(TenantId::to_string);
        let list = move |connection: &Connection| {
            let sql = "SELECT * FROM api_keys WHERE ?1 IS NULL OR tenant = ?1 ORDER BY created_at_ms, id";
            let keys = connection.prepare_cached(sql)?.query_map([&tenant], key)?.collect::<Result<_, _>>()?;
            Ok(keys)
        };
        Box::pin(async move { self.read(list).await.map_err(to_error) })
    }

    fn revoke<'a>(&'a self, tenant: Option<&'a TenantId>, id: &'a str, at: SystemTime) -> BoxFuture<'a, Result<bool, KeyRingError>> {
        let (tenant, id) = (tenant.map(TenantId::to_string), id.to_owned());
        let revoke = move |connection: &Connection| {
            // Whoever revokes it again does not make it worth something in between.
            let sql = "UPDATE api_keys SET revoked_at_ms = coalesce(revoked_at_ms, ?3) WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)";
            Ok(connection.prepare_cached(sql)?.execute(params![id, tenant, Moment(at)])? > 0)
        };
        Box::pin(async move { self.write(revoke).await.map_err(to_error) })
    }
}

fn to_error(error: JobError<KeyRingError>) -> KeyRingError {
    error.reason("keys", KeyRingError::Unavailable, KeyRingError::Unavailable)
}

fn insert(connection: &Connection, key: &ApiKey, hash: &[u8; 32]) -> Result<(), JobError<KeyRingError>> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO api_keys (id, tenant, name, prefix, scopes, hash, created_at_ms, revoked_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let scopes: serde_json::Value = key.scopes.iter().map(|scope| scope.name()).collect();
    let (created_at, revoked_at) = (Moment(key.created_at), key.revoked_at.map(Moment));
    insert.execute(params![key.id, key.tenant.as_str(), key.name, key.prefix, scopes.to_string(), hash, created_at, revoked_at])?;
    Ok(())
}

/// Refuses a key that is one too many, and forgets the oldest of too many that are worth nothing.
fn bound(connection: &Connection, tenant: &TenantId, quotas: &Quotas) -> Result<(), JobError<KeyRingError>> {
    let sql = "SELECT count(*) FROM api_keys WHERE tenant = ?1 AND revoked_at_ms IS NULL";
    let count = connection.prepare_cached(sql)?.query_row([tenant.as_str()], |row| row.get::<_, Count>(0))?.0;
    quotas.check(Quota::Keys, count).map_err(|exceeded| JobError::Refused(KeyRingError::Quota(exceeded)))?;
    let sql = "DELETE FROM api_keys WHERE tenant = ?1 AND revoked_at_ms IS NOT NULL AND id NOT IN
         (SELECT id FROM api_keys WHERE tenant = ?1 AND revoked_at_ms IS NOT NULL ORDER BY revoked_at_ms DESC, id DESC LIMIT ?2)";
    connection.prepare_cached(sql)?.execute(params![tenant.as_str(), Count(quotas.get(Quota::Keys))])?;
    Ok(())
}

fn key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        tenant: row.get::<_, Parsed<_>>("tenant")?.0,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        scopes: row.get::<_, Scopes>("scopes")?.0,
        created_at: row.get::<_, Moment>("created_at_ms")?.0,
        revoked_at: row.get::<_, Option<Moment>>("revoked_at_ms")?.map(|moment| moment.0),
    })
}

/// Scopes by their names, as a JSON array.
struct Scopes(Vec<Scope>);

impl FromSql for Scopes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let names: Vec<String> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        names.iter().map(|name| named(name, Scope::from_name)).collect::<Result<_, _>>().map(Self)
    }
}
