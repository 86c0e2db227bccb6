//! A program comes in: it is checked, made a component, compiled within bounds, and kept as a version, all or nothing.
//!
//! It knows the steps and their order. It must never know how programs are adapted, compiled or stored.

use crate::Platform;
use crate::adapter::{AdaptedProgram, AdapterError};
use crate::ids::{NoRandomness, new_id};
use crate::ledger::FailedKind;
use crate::registry::{Module, NewModule, RegistryError};
use bytes::Bytes;
use semver::Version;
use sha2::{Digest as _, Sha256};
use spell_types::{Digest, TenantId};

/// Bytes of an uploaded program at most: 50 MB.
pub const PROGRAM_BYTES_MAX: usize = 50 << 20;

/// A program that is to become a version of a spell.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Of which spell: its key, or its id.
    pub spell: String,
    /// Which version.
    pub version: Version,
    /// What the file was called.
    pub file_name: Option<String>,
    /// What is in it.
    pub program: Bytes,
    /// Whether it becomes the version that is cast when nobody names one.
    pub activates: bool,
}

/// Why a program does not become a version.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is too large.
    #[error("WASM file size ({size_bytes} bytes) exceeds maximum allowed size ({PROGRAM_BYTES_MAX} bytes)")]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
    },
    /// No component can be made of it, or not within the bounds of uploads.
    #[error("{0}")]
    Program(String),
    /// The host failed to make a component of it.
    #[error("{0}")]
    Adapter(String),
    /// It does not compile, or not within the bounds of uploads.
    #[error("Failed to compile WASM module: {0}")]
    Compile(String),
    /// There is no place to see whether it lives: the same upload may do in a moment.
    #[error("{0}")]
    Busy(String),
    /// It cannot be kept.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It cannot be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<AdapterError> for UploadError {
    fn from(error: AdapterError) -> Self {
        match error {
            AdapterError::Refused(reason) => UploadError::Program(reason),
            AdapterError::Busy(reason) => UploadError::Busy(reason),
            AdapterError::Failed(reason) => UploadError::Adapter(reason),
        }
    }
}

impl Platform {
    /// Keeps a program as a version of a spell.
    pub async fn upload(&self, tenant: &TenantId, upload: Upload) -> Result<Module, UploadError> {
        let size_bytes = upload.program.len();
        if size_bytes > PROGRAM_BYTES_MAX {
            return Err(UploadError::TooLarge { size_bytes });
        }
        let spell = self.registry.spell(tenant, &upload.spell).await?;
        let AdaptedProgram { abi, component } = self.adapter.adapt(upload.program.clone()).await?;
        let component_digest = digest_of(&component);
        self.runner.check(abi, component_digest, component.clone()).await.map_err(|failed| match failed.kind {
            FailedKind::Busy => UploadError::Busy(failed.message),
            _ => UploadError::Compile(failed.message),
        })?;
        self.observer.loaded(&spell.key);
        let now = (self.now)();
        let module = Module {
            id: new_id("mod", now)?,
            spell_id: spell.id,
            version: upload.version,
            digest: digest_of(&upload.program),
            size_bytes: size_bytes as u64,
            file_name: upload.file_name,
            abi: abi.name().to_owned(),
            component: component_digest,
            created_at: now,
        };
        let new = NewModule { module, program: upload.program, component, activates: upload.activates };
        Ok(self.registry.publish(tenant, new).await?)
    }
}

/// The SHA-256 of a program.
pub fn digest_of(program: &[u8]) -> Digest {
    Digest(Sha256::digest(program).into())
}
