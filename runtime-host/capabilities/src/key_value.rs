//! Key-value stores: `fermyon:spin/key-value@2.0.0` and `spin:key-value/key-value@3.0.0` over one trait.
//!
//! This module knows labels and which of them are granted. It must never know how a store keeps its data.

use crate::bindings::{spin2, spin3};
use crate::host::HostAccess;
use crate::{GrantedStore, Host, Rule};
use spell_types::{KeyValueError, KeyValueStore};
use std::sync::Arc;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};

/// Most stores that one request holds open at once.
const STORES_OPEN_MAX: usize = 256;

/// A store that a guest has opened.
#[derive(Clone)]
pub struct OpenStore {
    pub(crate) store: Arc<dyn KeyValueStore>,
    pub(crate) name: Arc<str>,
}

/// Why a store was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    AccessDenied,
    TableFull,
}

impl Host {
    pub(crate) fn open_store(&mut self, label: &str) -> Result<Resource<OpenStore>, OpenError> {
        let Some(GrantedStore { database, name }) = self.grants.key_value_stores.get(label).cloned() else {
            self.grants.audit.refused(&self.grants.component, Rule::KeyValueStore, label, true);
            return Err(OpenError::AccessDenied);
        };
        if self.stores_open >= STORES_OPEN_MAX {
            return Err(OpenError::TableFull);
        }
        let opened = self.table.push(OpenStore { store: database, name }).map_err(|_| OpenError::TableFull)?;
        self.stores_open += 1;
        Ok(opened)
    }

    pub(crate) fn store(&self, opened: &Resource<OpenStore>) -> wasmtime::Result<OpenStore> {
        Ok(self.table.get(opened)?.clone())
    }

    pub(crate) fn close_store(&mut self, opened: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        self.stores_open = self.stores_open.saturating_sub(1);
        Ok(())
    }
}

pub(crate) type Answer<T, E> = wasmtime::Result<Result<T, E>>;

impl From<OpenError> for spin2::key_value::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AccessDenied => Self::AccessDenied,
            OpenError::TableFull => Self::StoreTableFull,
        }
    }
}

impl From<OpenError> for spin3::key_value::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AccessDenied => Self::AccessDenied,
            OpenError::TableFull => Self::StoreTableFull,
        }
    }
}

impl From<KeyValueError> for spin2::key_value::Error {
    fn from(error: KeyValueError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<KeyValueError> for spin3::key_value::Error {
    fn from(error: KeyValueError) -> Self {
        Self::Other(error.to_string())
    }
}

impl spin2::key_value::Host for Host {}

impl spin2::key_value::HostStore for Host {
    async fn open(&mut self, label: String) -> Answer<Resource<OpenStore>, spin2::key_value::Error> {
        Ok(self.open_store(&label).map_err(Into::into))
    }

    async fn get(&mut self, opened: Resource<OpenStore>, key: String) -> Answer<Option<Vec<u8>>, spin2::key_value::Error> {
        let opened = self.store(&opened)?;
        Ok(opened.store.get(&opened.name, &key).await.map_err(Into::into))
    }

    async fn set(&mut self, opened: Resource<OpenStore>, key: String, value: Vec<u8>) -> Answer<(), spin2::key_value::Error> {
        let opened = self.store(&opened)?;
        Ok(opened.store.set(&opened.name, &key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, opened: Resource<OpenStore>, key: String) -> Answer<(), spin2::key_value::Error> {
        let opened = self.store(&opened)?;
        Ok(opened.store.delete(&opened.name, &key).await.map_err(Into::into))
    }

    async fn exists(&mut self, opened: Resource<OpenStore>, key: String) -> Answer<bool, spin2::key_value::Error> {
        let opened = self.store(&opened)?;
        Ok(opened.store.exists(&opened.name, &key).await.map_err(Into::into))
    }

    async fn get_keys(&mut self, opened: Resource<OpenStore>) -> Answer<Vec<String>, spin2::key_value::Error> {
        let opened = self.store(&opened)?;
        Ok(opened.store.get_keys(&opened.name).await.map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.close_store(opened)
    }
}

impl spin3::key_value::Host for Host {}

impl spin3::key_value::HostStore for Host {
    async fn drop(&mut self, opened: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.close_store(opened)
    }
}

/// What `get-keys` gives: the keys, and whether they are all.
type Keys = (StreamReader<String>, FutureReader<Result<(), spin3::key_value::Error>>);

impl<T: Send> spin3::key_value::HostStoreWithStore<T> for HostAccess {
    async fn open(store: &Accessor<T, Self>, label: String) -> Answer<Resource<OpenStore>, spin3::key_value::Error> {
        Ok(store.with(|mut access| access.get().open_store(&label)).map_err(Into::into))
    }

    async fn get(store: &Accessor<T, Self>, opened: Resource<OpenStore>, key: String) -> Answer<Option<Vec<u8>>, spin3::key_value::Error> {
        let opened = find(store, &opened)?;
        Ok(opened.store.get(&opened.name, &key).await.map_err(Into::into))
    }

    async fn set(
        store: &Accessor<T, Self>,
        opened: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<(), spin3::key_value::Error> {
        let opened = find(store, &opened)?;
        Ok(opened.store.set(&opened.name, &key, value).await.map_err(Into::into))
    }

    async fn delete(store: &Accessor<T, Self>, opened: Resource<OpenStore>, key: String) -> Answer<(), spin3::key_value::Error> {
        let opened = find(store, &opened)?;
        Ok(opened.store.delete(&opened.name, &key).await.map_err(Into::into))
    }

    async fn exists(store: &Accessor<T, Self>, opened: Resource<OpenStore>, key: String) -> Answer<bool, spin3::key_value::Error> {
        let opened = find(store, &opened)?;
        Ok(opened.store.exists(&opened.name, &key).await.map_err(Into::into))
    }

    async fn get_keys(store: &Accessor<T, Self>, opened: Resource<OpenStore>) -> wasmtime::Result<Keys> {
        let opened = find(store, &opened)?;
        let listed = opened.store.get_keys(&opened.name).await;
        store.with(|access| give_keys(access, listed))
    }
}

fn find<T>(store: &Accessor<T, HostAccess>, opened: &Resource<OpenStore>) -> wasmtime::Result<OpenStore> {
    store.with(|mut access| access.get().store(opened))
}

fn give_keys<T>(mut access: Access<'_, T, HostAccess>, listed: Result<Vec<String>, KeyValueError>) -> wasmtime::Result<Keys> {
    let (keys, result) = match listed {
        Ok(keys) => (keys, Ok(())),
        Err(error) => (Vec::new(), Err(error.into())),
    };
    let stream = StreamReader::new(&mut access, keys)?;
    let future = FutureReader::new(&mut access, async move { wasmtime::error::Ok(result) })?;
    Ok((stream, future))
}

#[cfg(test)]
mod tests;
