//! Spells, their versions and their programs, as tables. It knows which of them belong together, and to which tenant; it must never know
//! what a program does, or who may ask for it.

mod modules;
mod programs;
mod reach;
mod spells;

use crate::Database;
use crate::queue::JobError;
use bytes::Bytes;
use rusqlite::Connection;
use semver::Version;
use spell_cast::{About, Module, NewModule, Registered, Registry, RegistryError, Spell};
use spell_types::{Digest, TenantId};
use std::time::SystemTime;

type Failure = JobError<RegistryError>;

impl Registry for Database {
    fn create<'a>(&'a self, spell: Spell) -> Registered<'a, Spell> {
        let quotas = self.allowance().quotas;
        self.change_registry(move |connection| spells::create(connection, &spell, &quotas))
    }

    fn spell<'a>(&'a self, tenant: &'a TenantId, key_or_id: &'a str) -> Registered<'a, Spell> {
        let (tenant, key_or_id) = (tenant.clone(), key_or_id.to_owned());
        self.look_up(move |connection| spells::find(connection, &tenant, &key_or_id))
    }

    fn spells<'a>(&'a self, tenant: &'a TenantId, after: Option<&'a str>, count_max: usize) -> Registered<'a, Vec<Spell>> {
        let (tenant, after) = (tenant.clone(), after.map(str::to_owned));
        self.look_up(move |connection| spells::list(connection, &tenant, after.as_deref(), count_max))
    }

    fn change<'a>(&'a self, tenant: &'a TenantId, id: &'a str, about: About, at: SystemTime) -> Registered<'a, Spell> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.change_registry(move |connection| spells::change(connection, &tenant, &id, &about, at))
    }

    fn delete<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Registered<'a, ()> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.change_registry(move |connection| spells::delete(connection, &tenant, &id))
    }

    fn publish<'a>(&'a self, tenant: &'a TenantId, new: NewModule) -> Registered<'a, Module> {
        let (tenant, quotas) = (tenant.clone(), self.allowance().quotas);
        self.change_registry(move |connection| modules::publish(connection, &tenant, &new, &quotas))
    }

    fn modules<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str) -> Registered<'a, Vec<Module>> {
        let (tenant, spell_id) = (tenant.clone(), spell_id.to_owned());
        self.look_up(move |connection| modules::list(connection, &tenant, &spell_id))
    }

    fn module<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: Option<&'a Version>) -> Registered<'a, Module> {
        let (tenant, spell_id, version) = (tenant.clone(), spell_id.to_owned(), version.cloned());
        self.look_up(move |connection| modules::find(connection, &tenant, &spell_id, version.as_ref()))
    }

    fn castable<'a>(
        &'a self,
        tenant: &'a TenantId,
        key_or_id: &'a str,
        version: Option<&'a Version>,
    ) -> Registered<'a, (Spell, Option<Module>)> {
        let (tenant, key_or_id, version) = (tenant.clone(), key_or_id.to_owned(), version.map(Version::to_string));
        self.look_up(move |connection| modules::castable(connection, &tenant, &key_or_id, version.as_deref()))
    }

    fn activate<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, version: &'a Version, at: SystemTime) -> Registered<'a, Spell> {
        let (tenant, spell_id, version) = (tenant.clone(), spell_id.to_owned(), version.clone());
        self.change_registry(move |connection| modules::activate(connection, &tenant, &spell_id, &version, at))
    }

    fn delete_module<'a>(&'a self, tenant: &'a TenantId, module_id: &'a str) -> Registered<'a, ()> {
        let (tenant, module_id) = (tenant.clone(), module_id.to_owned());
        self.change_registry(move |connection| modules::delete(connection, &tenant, &module_id))
    }

    fn program<'a>(&'a self, digest: &'a Digest) -> Registered<'a, Bytes> {
        let digest = *digest;
        Box::pin(async move {
            let read = self.look_up(move |connection| programs::read(connection, &digest)).await;
            if read == Err(RegistryError::Corrupt(digest)) {
                // Where this fails, whoever asks next finds out anew.
                let _ = self.change_registry(move |connection| programs::quarantine(connection, &digest)).await;
            }
            read
        })
    }
}

impl Database {
    fn look_up<'a, T, F>(&'a self, work: F) -> Registered<'a, T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        Box::pin(async move { self.read(work).await.map_err(to_error) })
    }

    fn change_registry<'a, T, F>(&'a self, work: F) -> Registered<'a, T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        Box::pin(async move { self.write(work).await.map_err(to_error) })
    }
}

fn to_error(error: Failure) -> RegistryError {
    error.reason("registry", RegistryError::Full, RegistryError::Unavailable)
}

#[cfg(test)]
mod tests;
