//! The interfaces of the first Spin, `fermyon:spin` without a version: the same stores, databases and variables under handles that
//! are plain numbers.
//!
//! This module knows numbers and what they stand for. It must never know how anything is kept.

use crate::bindings::spin1::{config, key_value, sqlite};
use crate::key_value::{Answer, OpenError, OpenStore};
use crate::sqlite::OpenDatabase;
use crate::variables::NoVariable;
use crate::{Host, sqlite as databases};
use spell_types::KeyValueError;
use wasmtime::component::Resource;

impl From<OpenError> for key_value::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AccessDenied => Self::AccessDenied,
            OpenError::TableFull => Self::StoreTableFull,
        }
    }
}

impl From<KeyValueError> for key_value::Error {
    fn from(error: KeyValueError) -> Self {
        Self::Io(error.to_string())
    }
}

impl Host {
    /// The store that a number stands for. The table knows what kind of thing each number is.
    fn numbered_store(&self, number: u32) -> Result<OpenStore, key_value::Error> {
        self.store(&Resource::new_borrow(number)).map_err(|_| key_value::Error::InvalidStore)
    }

    fn numbered_database(&self, number: u32) -> Result<OpenDatabase, sqlite::Error> {
        self.database(&Resource::new_borrow(number)).map_err(|_| sqlite::Error::InvalidConnection)
    }
}

impl key_value::Host for Host {
    async fn open(&mut self, label: String) -> Answer<u32, key_value::Error> {
        Ok(self.open_store(&label).map(|opened| opened.rep()).map_err(Into::into))
    }

    async fn get(&mut self, store: u32, key: String) -> Answer<Vec<u8>, key_value::Error> {
        let opened = match self.numbered_store(store) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.store.get(&opened.name, &key).await.map_err(Into::into).and_then(|value| value.ok_or(key_value::Error::NoSuchKey)))
    }

    async fn set(&mut self, store: u32, key: String, value: Vec<u8>) -> Answer<(), key_value::Error> {
        let opened = match self.numbered_store(store) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.store.set(&opened.name, &key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, store: u32, key: String) -> Answer<(), key_value::Error> {
        let opened = match self.numbered_store(store) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.store.delete(&opened.name, &key).await.map_err(Into::into))
    }

    async fn exists(&mut self, store: u32, key: String) -> Answer<bool, key_value::Error> {
        let opened = match self.numbered_store(store) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.store.exists(&opened.name, &key).await.map_err(Into::into))
    }

    async fn get_keys(&mut self, store: u32) -> Answer<Vec<String>, key_value::Error> {
        let opened = match self.numbered_store(store) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.store.get_keys(&opened.name).await.map_err(Into::into))
    }

    async fn close(&mut self, store: u32) -> wasmtime::Result<()> {
        if self.numbered_store(store).is_ok() {
            self.close_store(Resource::new_own(store))?;
        }
        Ok(())
    }
}

databases::words!(crate::bindings::spin1::sqlite);

impl sqlite::Host for Host {
    async fn open(&mut self, label: String) -> Answer<u32, sqlite::Error> {
        Ok(self.open_database(&label).map(|opened| opened.rep()).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        connection: u32,
        statement: String,
        parameters: Vec<sqlite::Value>,
    ) -> Answer<sqlite::QueryResult, sqlite::Error> {
        let opened = match self.numbered_database(connection) {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        Ok(opened.execute(statement, parameters).await.map(Into::into).map_err(Into::into))
    }

    async fn close(&mut self, connection: u32) -> wasmtime::Result<()> {
        if self.numbered_database(connection).is_ok() {
            self.close_database(Resource::new_own(connection))?;
        }
        Ok(())
    }
}

impl config::Host for Host {
    async fn get_config(&mut self, key: String) -> Answer<String, config::Error> {
        Ok(self.variable(&key).map_err(|error| match error {
            NoVariable::InvalidName(text) => config::Error::InvalidKey(text),
            NoVariable::Undefined(text) => config::Error::Provider(text),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grants;
    use spell_types::Limits;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_number_that_stands_for_nothing_is_told_so() {
        let mut host = Arc::new(Grants::none("test")).host(&Limits::default());
        for number in [0, 1, u32::MAX] {
            assert!(matches!(key_value::Host::get(&mut host, number, "k".into()).await.unwrap(), Err(key_value::Error::InvalidStore)));
            let answer = sqlite::Host::execute(&mut host, number, "SELECT 1".into(), vec![]).await.unwrap();
            assert!(matches!(answer, Err(sqlite::Error::InvalidConnection)));
            key_value::Host::close(&mut host, number).await.unwrap();
            sqlite::Host::close(&mut host, number).await.unwrap();
        }
        assert!(matches!(key_value::Host::open(&mut host, "default".into()).await.unwrap(), Err(key_value::Error::AccessDenied)));
        assert!(matches!(config::Host::get_config(&mut host, "a".into()).await.unwrap(), Err(config::Error::Provider(_))));
        assert!(matches!(config::Host::get_config(&mut host, "A".into()).await.unwrap(), Err(config::Error::InvalidKey(_))));
    }
}
