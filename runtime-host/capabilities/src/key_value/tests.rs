//! The 0.2 interface over a store in memory.

use super::spin2::key_value::{Error, HostStore};
use super::*;
use crate::Grants;
use spell_types::{BoxFuture, Limits};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Default)]
struct Memory(Mutex<BTreeMap<(String, String), Vec<u8>>>);

impl Memory {
    fn answer<'a, T: Send + 'a>(
        &self,
        act: impl FnOnce(&mut BTreeMap<(String, String), Vec<u8>>) -> T,
    ) -> BoxFuture<'a, Result<T, KeyValueError>> {
        let answer = act(&mut self.0.lock().unwrap());
        Box::pin(std::future::ready(Ok(answer)))
    }
}

fn place(store: &str, key: &str) -> (String, String) {
    (store.to_owned(), key.to_owned())
}

impl KeyValueStore for Memory {
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        self.answer(|data| data.get(&place(store, key)).cloned())
    }
    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KeyValueError>> {
        self.answer(|data| drop(data.insert(place(store, key), value)))
    }
    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), KeyValueError>> {
        self.answer(|data| drop(data.remove(&place(store, key))))
    }
    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        self.answer(|data| data.contains_key(&place(store, key)))
    }
    fn get_keys<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        Box::pin(std::future::ready(Err(KeyValueError::Unavailable)))
    }
}

fn host() -> Host {
    let database: Arc<dyn KeyValueStore> = Arc::new(Memory::default());
    let granted = |name: &str| GrantedStore { database: Arc::clone(&database), name: name.into() };
    let key_value_stores = [("default", "default"), ("cache", "fast"), ("same", "fast")];
    let key_value_stores = key_value_stores.map(|(label, name)| (label.to_owned(), granted(name))).into();
    Arc::new(Grants { key_value_stores, ..Grants::none("test") }).host(&Limits::default())
}

#[tokio::test]
async fn a_granted_store_keeps_values() {
    let mut host = host();
    let store = host.open("default".to_owned()).await.unwrap().unwrap();
    let again = || Resource::new_borrow(store.rep());
    host.set(again(), "key".to_owned(), b"value".to_vec()).await.unwrap().unwrap();
    assert!(host.exists(again(), "key".to_owned()).await.unwrap().unwrap());
    assert_eq!(HostStore::get(&mut host, again(), "key".to_owned()).await.unwrap().unwrap(), Some(b"value".to_vec()));
    host.delete(again(), "key".to_owned()).await.unwrap().unwrap();
    assert_eq!(HostStore::get(&mut host, again(), "key".to_owned()).await.unwrap().unwrap(), None);
    assert!(matches!(host.get_keys(again()).await.unwrap(), Err(Error::Other(text)) if text.contains("unavailable")));
}

#[tokio::test]
async fn a_store_that_was_not_granted_is_denied() {
    assert!(matches!(host().open("other".to_owned()).await.unwrap(), Err(Error::AccessDenied)));
    let mut nothing = Arc::new(Grants::none("test")).host(&Limits::default());
    assert!(matches!(nothing.open("default".to_owned()).await.unwrap(), Err(Error::AccessDenied)));
}

#[tokio::test]
async fn labels_lead_to_the_stores_that_they_stand_for() {
    let mut host = host();
    let [default, cache, same] = ["default", "cache", "same"].map(|label| host.open_store(label).unwrap().rep());
    let at = |rep: u32| Resource::new_borrow(rep);
    host.set(at(cache), "key".to_owned(), b"value".to_vec()).await.unwrap().unwrap();
    assert!(host.exists(at(same), "key".to_owned()).await.unwrap().unwrap());
    assert!(!host.exists(at(default), "key".to_owned()).await.unwrap().unwrap());
}

#[tokio::test]
async fn only_so_many_stores_are_open_at_once() {
    let mut host = host();
    let mut stores = Vec::new();
    for _ in 0..STORES_OPEN_MAX {
        stores.push(host.open("default".to_owned()).await.unwrap().unwrap());
    }
    assert!(matches!(host.open("default".to_owned()).await.unwrap(), Err(Error::StoreTableFull)));
    HostStore::drop(&mut host, stores.pop().unwrap()).await.unwrap();
    assert!(host.open("default".to_owned()).await.unwrap().is_ok());
}
