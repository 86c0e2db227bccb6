//! Key-value stores as `wasi:keyvalue@0.2.0-draft2` has them: buckets, batches and atomic operations.
//!
//! This module knows buckets and how much one call may ask for. It must never know how a store keeps its data.

use crate::Host;
use crate::bindings::plain::{atomics, batch, store};
use crate::key_value::{Answer, OpenError, OpenStore};
use futures_util::future::try_join_all;
use spell_types::KeyValueError;
use store::Error;
use wasmtime::component::Resource;

/// Most keys of one batch.
const BATCH_KEYS_MAX: usize = 1_000;
/// Most bytes of values that one batch gives back.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// What a comparison compares with: the value that a key had when it was made.
#[derive(Clone)]
pub struct Comparison {
    opened: OpenStore,
    key: String,
    seen: Option<Vec<u8>>,
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AccessDenied => Self::AccessDenied,
            OpenError::TableFull => Self::Other("too many stores are open; close some".to_owned()),
        }
    }
}

impl From<KeyValueError> for Error {
    fn from(error: KeyValueError) -> Self {
        Self::Other(error.to_string())
    }
}

impl store::Host for Host {
    async fn open(&mut self, identifier: String) -> Answer<Resource<OpenStore>, Error> {
        Ok(self.open_store(&identifier).map_err(Into::into))
    }
}

impl store::HostBucket for Host {
    async fn get(&mut self, bucket: Resource<OpenStore>, key: String) -> Answer<Option<Vec<u8>>, Error> {
        let opened = self.store(&bucket)?;
        Ok(opened.store.get(&opened.name, &key).await.map_err(Into::into))
    }

    async fn set(&mut self, bucket: Resource<OpenStore>, key: String, value: Vec<u8>) -> Answer<(), Error> {
        let opened = self.store(&bucket)?;
        Ok(opened.store.set(&opened.name, &key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, bucket: Resource<OpenStore>, key: String) -> Answer<(), Error> {
        let opened = self.store(&bucket)?;
        Ok(opened.store.delete(&opened.name, &key).await.map_err(Into::into))
    }

    async fn exists(&mut self, bucket: Resource<OpenStore>, key: String) -> Answer<bool, Error> {
        let opened = self.store(&bucket)?;
        Ok(opened.store.exists(&opened.name, &key).await.map_err(Into::into))
    }

    async fn list_keys(&mut self, bucket: Resource<OpenStore>, cursor: Option<String>) -> Answer<store::KeyResponse, Error> {
        let opened = self.store(&bucket)?;
        let page = opened.store.get_keys_after(&opened.name, cursor).await;
        Ok(page.map_err(Into::into).map(|page| {
            let cursor = if page.is_last { None } else { page.keys.last().cloned() };
            store::KeyResponse { keys: page.keys, cursor }
        }))
    }

    async fn drop(&mut self, bucket: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.close_store(bucket)
    }
}

/// Refuses a batch of too many keys.
fn check_batch(keys: usize) -> Result<(), Error> {
    if keys <= BATCH_KEYS_MAX {
        return Ok(());
    }
    Err(Error::Other(format!("{keys} keys: a batch has at most {BATCH_KEYS_MAX}")))
}

impl batch::Host for Host {
    async fn get_many(&mut self, bucket: Resource<OpenStore>, keys: Vec<String>) -> Answer<Vec<(String, Option<Vec<u8>>)>, Error> {
        let opened = self.store(&bucket)?;
        if let Err(error) = check_batch(keys.len()) {
            return Ok(Err(error));
        }
        let (mut values, mut bytes) = (Vec::with_capacity(keys.len()), 0_usize);
        // One after the other, so that no more is held than may be given.
        for key in keys {
            let value = match opened.store.get(&opened.name, &key).await {
                Ok(value) => value,
                Err(error) => return Ok(Err(error.into())),
            };
            bytes = bytes.saturating_add(value.as_ref().map_or(0, Vec::len));
            if bytes > BATCH_BYTES_MAX {
                return Ok(Err(Error::Other(format!("more than {BATCH_BYTES_MAX} bytes of values: too many for one batch"))));
            }
            values.push((key, value));
        }
        Ok(Ok(values))
    }

    async fn set_many(&mut self, bucket: Resource<OpenStore>, key_values: Vec<(String, Vec<u8>)>) -> Answer<(), Error> {
        let opened = self.store(&bucket)?;
        if let Err(error) = check_batch(key_values.len()) {
            return Ok(Err(error));
        }
        // Side by side, so that they share commits.
        let (keys, values): (Vec<_>, Vec<_>) = key_values.into_iter().unzip();
        let sets = keys.iter().zip(values).map(|(key, value)| opened.store.set(&opened.name, key, value));
        Ok(try_join_all(sets).await.map(drop).map_err(Into::into))
    }

    async fn delete_many(&mut self, bucket: Resource<OpenStore>, keys: Vec<String>) -> Answer<(), Error> {
        let opened = self.store(&bucket)?;
        if let Err(error) = check_batch(keys.len()) {
            return Ok(Err(error));
        }
        let deletes = keys.iter().map(|key| opened.store.delete(&opened.name, key));
        Ok(try_join_all(deletes).await.map(drop).map_err(Into::into))
    }
}

impl atomics::Host for Host {
    async fn increment(&mut self, bucket: Resource<OpenStore>, key: String, delta: i64) -> Answer<i64, Error> {
        let opened = self.store(&bucket)?;
        Ok(opened.store.increment(&opened.name, &key, delta).await.map_err(Into::into))
    }

    async fn swap(&mut self, cas: Resource<Comparison>, value: Vec<u8>) -> Answer<(), atomics::CasError> {
        let Comparison { opened, key, seen } = self.table.delete(cas)?;
        let failed = |error: KeyValueError| atomics::CasError::StoreError(error.into());
        match opened.store.replace_if(&opened.name, &key, seen, value).await {
            Ok(true) => return Ok(Ok(())),
            Ok(false) => {}
            Err(error) => return Ok(Err(failed(error))),
        }
        // The guest tries again from what is there now.
        let seen = match opened.store.get(&opened.name, &key).await {
            Ok(seen) => seen,
            Err(error) => return Ok(Err(failed(error))),
        };
        Ok(Err(atomics::CasError::CasFailed(self.table.push(Comparison { opened, key, seen })?)))
    }
}

impl atomics::HostCas for Host {
    async fn new(&mut self, bucket: Resource<OpenStore>, key: String) -> Answer<Resource<Comparison>, Error> {
        let opened = self.store(&bucket)?;
        Ok(match opened.store.get(&opened.name, &key).await {
            Ok(seen) => Ok(self.table.push(Comparison { opened, key, seen })?),
            Err(error) => Err(error.into()),
        })
    }

    async fn current(&mut self, cas: Resource<Comparison>) -> Answer<Option<Vec<u8>>, Error> {
        Ok(Ok(self.table.get(&cas)?.seen.clone()))
    }

    async fn drop(&mut self, cas: Resource<Comparison>) -> wasmtime::Result<()> {
        self.table.delete(cas)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_so_many_keys_and_no_more() {
        assert!(check_batch(BATCH_KEYS_MAX).is_ok());
        assert!(matches!(check_batch(BATCH_KEYS_MAX + 1), Err(Error::Other(text)) if text.contains("at most 1000")));
    }
}
