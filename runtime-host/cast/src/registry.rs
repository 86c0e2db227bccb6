//! Spells, their versions, and where both are kept.
//!
//! It knows what a spell is. It must never know tables or files.

use crate::engines::{EngineChoice, FallbackOn};
use crate::quota::QuotaExceeded;
use crate::reach::Reach;
use crate::schema::Schemas;
use crate::workflows::Workflow;
use bytes::Bytes;
use semver::Version;
use spell_adapt::Abi;
use spell_types::{BoxFuture, Digest, Limit, SpellKey, TenantId};
use std::time::SystemTime;

/// A named program with versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// Its name for machines; never another spell's, not even after it is gone.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What its tenant calls it.
    pub key: SpellKey,
    /// What is said of it.
    pub about: About,
    /// The version that is cast when nobody names one.
    pub active: Option<Version>,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was changed last.
    pub updated_at: SystemTime,
}

/// What a tenant says of a spell, and may say anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// A name for people.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What executes it.
    pub engine: EngineChoice,
    /// The limits that it asks for; others are the operator's.
    pub limits: Vec<(Limit, u64)>,
    /// Whether it can be cast.
    pub is_active: bool,
    /// What it asks to reach.
    pub reach: Reach,
    /// What its input and output look like.
    pub schemas: Schemas,
    /// The workflow that casts it, where one does.
    pub workflow: Option<Workflow>,
    /// After which failures here the workflow casts, if both can; all of them where nobody says.
    pub fallback_on: Option<Vec<FallbackOn>>,
}

/// A spell of which nothing is said yet, and which can be cast.
impl Default for About {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            engine: EngineChoice::default(),
            limits: Vec::new(),
            is_active: true,
            reach: Reach::default(),
            schemas: Schemas::default(),
            workflow: None,
            fallback_on: None,
        }
    }
}

/// A version of a spell. What it is never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name for machines.
    pub id: String,
    /// Of which spell.
    pub spell_id: String,
    /// Which version.
    pub version: Version,
    /// What was uploaded.
    pub digest: Digest,
    /// How many bytes were uploaded.
    pub size_bytes: u64,
    /// What it was called.
    pub file_name: Option<String>,
    /// How it wants to be called.
    pub abi: String,
    /// The component that was made of it, and is cast.
    pub component: Digest,
    /// When it was uploaded.
    pub created_at: SystemTime,
}

impl Module {
    /// Whether it answers HTTP by itself, and is not cast.
    pub fn answers_http(&self) -> bool {
        self.abi.parse().is_ok_and(Abi::answers_http)
    }
}

/// A version that is to be kept, with its programs.
#[derive(Debug, Clone)]
pub struct NewModule {
    /// What is known of it.
    pub module: Module,
    /// What was uploaded.
    pub program: Bytes,
    /// What was made of it.
    pub component: Bytes,
    /// Whether it becomes the version that is cast when nobody names one.
    pub activates: bool,
}

/// Why the registry does not do what it is asked to. What belongs to another tenant is as absent as what never was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is no such spell.
    #[error("Spell not found")]
    NoSpell,
    /// There is no such version, or none is active.
    #[error("WASM module not found for spell")]
    NoModule,
    /// A spell of that key is there already.
    #[error("there is a spell with the key {0} already: change it, or take another key")]
    KeyTaken(SpellKey),
    /// That version is there already, and is another program.
    #[error("version {0} is there already, and is another program: versions never change, so upload it under a new one")]
    VersionTaken(Version),
    /// The version is the one that is cast.
    #[error("version {0} is active: activate another one before you delete it")]
    Active(Version),
    /// A program is not the one that was uploaded.
    #[error("what is kept of program {0} is not what was uploaded: it is not executed any more, and has to be uploaded anew")]
    Corrupt(Digest),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database cannot be used now.
    #[error("the registry cannot be used now")]
    Unavailable,
    /// The tenant has as much as it can have.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
}

/// What a call to the registry comes to.
pub type Registered<'a, T> = BoxFuture<'a, Result<T, RegistryError>>;

/// Where spells and their versions are kept. Whatever is acknowledged is on disk.
pub trait Registry: Send + Sync {
    /// Keeps a new spell.
    fn create<'a>(&'a self, spell: Spell) -> Registered<'a, Spell>;

    /// The spell of a tenant with this key, or this id.
    fn spell<'a>(&'a self, tenant: &'a TenantId, key_or_id: &'a str) -> Registered<'a, Spell>;

    /// The spells of a tenant in order of their keys, from the first one behind a key on.
    fn spells<'a>(&'a self, tenant: &'a TenantId, after: Option<&'a str>, count_max: usize) -> Registered<'a, Vec<Spell>>;

    /// Says something else of a spell.
    fn change<'a>(&'a self, tenant: &'a TenantId, id: &'a str, about: About, at: SystemTime) -> Registered<'a, Spell>;

    /// Forgets a spell and its versions. Its casts stay.
    fn delete<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Registered<'a, ()>;

    /// Keeps a version with its programs, all or nothing. The same version of the same program is kept once, and comes back.
    fn publish<'a>(&'a self, tenant: &'a TenantId, new: NewModule) -> Registered<'a, Module>;

    /// The versions of a spell, the newest upload first.
    fn modules<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str) -> Registered<'a, Vec<Module>>;

    /// A version of a spell, or the active one.
    fn module<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: Option<&'a Version>) -> Registered<'a, Module>;

    /// What a cast needs to know, in one look: the spell with this key, or this id, and the version or the active one, if it is there.
    fn castable<'a>(
        &'a self,
        tenant: &'a TenantId,
        key_or_id: &'a str,
        version: Option<&'a Version>,
    ) -> Registered<'a, (Spell, Option<Module>)>;

    /// Makes a version the one that is cast when nobody names one.
    fn activate<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: &'a Version, at: SystemTime) -> Registered<'a, Spell>;

    /// Forgets a version, unless it is the active one.
    fn delete_module<'a>(&'a self, tenant: &'a TenantId, module_id: &'a str) -> Registered<'a, ()>;

    /// The bytes of a program, as they were kept: they are what their digest says.
    fn program<'a>(&'a self, digest: &'a Digest) -> Registered<'a, Bytes>;
}
