//! Keys by which clients show who they are: what one may, and how it is told from all others without being kept.
//!
//! It knows keys and scopes. It must never know headers, tables or files.

use crate::ids::{NoRandomness, new_id, random_hex};
use crate::quota::QuotaExceeded;
use spell_types::{BoxFuture, TenantId};
use std::time::SystemTime;

/// What every key begins with.
const MARK: &str = "sk_";
/// Characters of a key that lists show.
pub const PREFIX_CHARACTERS: usize = 11;
/// Random bytes of a key.
const SECRET_BYTES: usize = 32;

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// To look at spells, casts and numbers.
    Read,
    /// To cast.
    Cast,
    /// To make and change spells, and to upload programs.
    Upload,
    /// Everything, other keys of the tenant included.
    Admin,
}

impl Scope {
    /// Every scope, the smallest first.
    pub const ALL: [Scope; 4] = [Scope::Read, Scope::Cast, Scope::Upload, Scope::Admin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Cast => "cast",
            Scope::Upload => "upload",
            Scope::Admin => "admin",
        }
    }

    /// The scope of this name.
    pub fn from_name(name: &str) -> Option<Scope> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// What a key is known by; the key itself is known to its owner alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name for machines.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is for, in its owner's words.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: SystemTime,
    /// Since when it is worth nothing.
    pub revoked_at: Option<SystemTime>,
}

impl ApiKey {
    /// Whether it allows this.
    pub fn allows(&self, scope: Scope) -> bool {
        self.revoked_at.is_none() && (self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin))
    }
}

/// What hashes of keys are made with: without it, a copy of the database does not tell whether a key is in it.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// The one that was made before.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A keyed hash: what is kept of a key.
    ///
    /// ```
    /// use spell_cast::Pepper;
    /// let (one, other) = (Pepper::from_bytes([1; 32]), Pepper::from_bytes([2; 32]));
    /// assert_ne!(one.hash("sk_x"), other.hash("sk_x"));
    /// ```
    pub fn hash(&self, key: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, key.as_bytes()).as_bytes()
    }

    /// A key for another purpose, from which this secret cannot be told.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, &self.0)
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Pepper(…)")
    }
}

/// A key that was just made.
#[derive(Debug)]
pub struct NewApiKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// The key, which nobody but its owner keeps.
    pub secret: String,
}

/// Makes a key.
pub fn new_api_key(tenant: TenantId, name: String, scopes: Vec<Scope>, now: SystemTime) -> Result<NewApiKey, NoRandomness> {
    let secret = new_secret()?;
    let prefix = secret.chars().take(PREFIX_CHARACTERS).collect();
    let key = ApiKey { id: new_id("key", now)?, tenant, name, prefix, scopes, created_at: now, revoked_at: None };
    Ok(NewApiKey { key, secret })
}

/// A new key: `sk_` and 64 hexadecimal digits of 256 random bits, which nobody guesses.
fn new_secret() -> Result<String, NoRandomness> {
    Ok(format!("{MARK}{}", random_hex::<SECRET_BYTES>()?))
}

/// Where keys are kept. The database cannot be used if a call fails.
pub trait KeyRing: Send + Sync {
    /// Keeps a key by its hash.
    fn add<'a>(&'a self, key: ApiKey, hash: [u8; 32]) -> BoxFuture<'a, Result<(), KeyRingError>>;

    /// The key of a hash, also if it is worth nothing any more.
    fn find<'a>(&'a self, hash: [u8; 32]) -> BoxFuture<'a, Result<Option<ApiKey>, KeyRingError>>;

    /// All keys, of one tenant or of all, the oldest first.
    fn list<'a>(&'a self, tenant: Option<&'a TenantId>) -> BoxFuture<'a, Result<Vec<ApiKey>, KeyRingError>>;

    /// Makes a key worth nothing; `false` if there is none of this id, or it is not this tenant's. The operator revokes those of all.
    fn revoke<'a>(&'a self, tenant: Option<&'a TenantId>, id: &'a str, at: SystemTime) -> BoxFuture<'a, Result<bool, KeyRingError>>;
}

/// Why keys are not read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// It cannot be done now.
    #[error("the keys cannot be read or written now")]
    Unavailable,
    /// The tenant has as many keys as it can have.
    #[error(transparent)]
    Quota(QuotaExceeded),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &[Scope], revoked_at: Option<SystemTime>) -> ApiKey {
        let tenant = "acme".parse().unwrap();
        let (id, name, prefix) = (String::new(), String::new(), String::new());
        ApiKey { id, tenant, name, prefix, scopes: scopes.to_vec(), created_at: SystemTime::UNIX_EPOCH, revoked_at }
    }

    #[test]
    fn a_key_allows_its_scopes_and_an_admins_allows_all_until_it_is_revoked() {
        for scope in Scope::ALL {
            assert!(key(&[scope], None).allows(scope) && key(&[Scope::Admin], None).allows(scope));
            assert!(!key(&[], None).allows(scope) && !key(&[Scope::Admin], Some(SystemTime::UNIX_EPOCH)).allows(scope));
            assert_eq!(Scope::from_name(scope.name()), Some(scope));
        }
        assert!(!key(&[Scope::Read], None).allows(Scope::Cast));
    }

    #[test]
    fn no_key_is_like_another() {
        let (one, other) = (new_secret().unwrap(), new_secret().unwrap());
        assert!(one != other && one.starts_with(MARK) && one.len() == MARK.len() + 2 * SECRET_BYTES, "{one}");
    }
}
