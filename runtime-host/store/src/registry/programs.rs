//! Bytes under their digests. It knows whether they are still what their digest says; it must never know which spells they belong to.

use super::Failure;
use crate::columns::Sha256;
use crate::queue::JobError;
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};
use spell_cast::{RegistryError, digest_of};
use spell_types::Digest;

/// Keeps bytes, once. They take the place of those that are known to be corrupt.
pub(super) fn keep(connection: &Connection, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO programs (digest, bytes) VALUES (?1, ?2)
         ON CONFLICT (digest) DO UPDATE SET is_corrupt = 0, bytes = excluded.bytes WHERE is_corrupt",
    )?;
    upsert.execute(params![Sha256(*digest), bytes])?;
    Ok(())
}

/// The bytes of a digest, if that is what they are.
pub(super) fn read(connection: &Connection, digest: &Digest) -> Result<Bytes, Failure> {
    if is_corrupt(connection, digest)? {
        return Err(JobError::Refused(RegistryError::Corrupt(*digest)));
    }
    let mut select = connection.prepare_cached("SELECT bytes FROM programs WHERE digest = ?1")?;
    let bytes: Option<Vec<u8>> = select.query_row([Sha256(*digest)], |row| row.get("bytes")).optional()?;
    let bytes = bytes.ok_or(JobError::Refused(RegistryError::NoModule))?;
    if digest_of(&bytes) != *digest {
        return Err(JobError::Refused(RegistryError::Corrupt(*digest)));
    }
    Ok(bytes.into())
}

/// Whether bytes are known not to be what their digest says.
pub(super) fn is_corrupt(connection: &Connection, digest: &Digest) -> Result<bool, Failure> {
    let mut select = connection.prepare_cached("SELECT is_corrupt FROM programs WHERE digest = ?1")?;
    Ok(select.query_row([Sha256(*digest)], |row| row.get("is_corrupt")).optional()?.unwrap_or(false))
}

/// Takes note that bytes are not what their digest says, unless they were replaced meanwhile.
pub(super) fn quarantine(connection: &Connection, digest: &Digest) -> Result<(), Failure> {
    if let Err(JobError::Refused(RegistryError::Corrupt(_))) = read(connection, digest) {
        let sql = "UPDATE programs SET is_corrupt = 1 WHERE digest = ?1 AND NOT is_corrupt";
        if connection.prepare_cached(sql)?.execute([Sha256(*digest)])? > 0 {
            tracing::error!(%digest, "what is kept of a program is not what was uploaded: it is not executed any more");
        }
    }
    Ok(())
}
