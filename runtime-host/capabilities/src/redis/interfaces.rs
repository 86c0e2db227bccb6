//! The two generations of the interface, call by call.
//!
//! This module knows which function is which command. It must never decide anything.

use super::{Part, RedisConnection as Open, RedisError, SCHEMES, words};
use crate::Host;
use crate::bindings::{spin2::redis as v2, spin3::redis as v3};
use crate::host::HostAccess;
use crate::outbound::Turns;
use std::sync::Arc;
use wasmtime::component::{Accessor, Resource};

type Answer<T, E> = wasmtime::Result<Result<T, E>>;

/// Both generations have the same types under different names.
macro_rules! generation {
    ($version:ident) => {
        impl From<RedisError> for $version::Error {
            fn from(error: RedisError) -> Self {
                match error {
                    RedisError::InvalidAddress => Self::InvalidAddress,
                    RedisError::TooManyConnections => Self::TooManyConnections,
                    RedisError::Type => Self::TypeError,
                    RedisError::Other(text) => Self::Other(text),
                }
            }
        }

        impl From<Part> for $version::RedisResult {
            fn from(part: Part) -> Self {
                match part {
                    Part::Nil => Self::Nil,
                    Part::Status(text) => Self::Status(text),
                    Part::Integer(number) => Self::Int64(number),
                    Part::Bytes(bytes) => Self::Binary(bytes),
                }
            }
        }

        impl From<$version::RedisParameter> for Vec<u8> {
            fn from(parameter: $version::RedisParameter) -> Self {
                match parameter {
                    $version::RedisParameter::Int64(number) => number.to_string().into_bytes(),
                    $version::RedisParameter::Binary(bytes) => bytes,
                }
            }
        }
    };
}

generation!(v2);
generation!(v3);

impl v2::Host for Host {}

impl v2::HostConnection for Host {
    async fn open(&mut self, address: String) -> Answer<Resource<Open>, v2::Error> {
        let opened = match self.outbound.admit_connection(&address, &SCHEMES) {
            Ok(passage) => super::open(passage).await,
            Err(error) => Err(error.into()),
        };
        Ok(self.keep_redis(opened).map_err(Into::into))
    }

    async fn publish(&mut self, opened: Resource<Open>, channel: String, payload: Vec<u8>) -> Answer<(), v2::Error> {
        let words: [&[u8]; 3] = [b"PUBLISH", channel.as_bytes(), &payload];
        Ok(Open::run(&*self.redis(&opened)?, &words).await.map(|_| ()).map_err(Into::into))
    }

    async fn get(&mut self, opened: Resource<Open>, key: String) -> Answer<Option<Vec<u8>>, v2::Error> {
        Ok(Open::get(&*self.redis(&opened)?, &key).await.map_err(Into::into))
    }

    async fn set(&mut self, opened: Resource<Open>, key: String, value: Vec<u8>) -> Answer<(), v2::Error> {
        let words: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
        Ok(Open::run(&*self.redis(&opened)?, &words).await.map(|_| ()).map_err(Into::into))
    }

    async fn incr(&mut self, opened: Resource<Open>, key: String) -> Answer<i64, v2::Error> {
        Ok(Open::integer(&*self.redis(&opened)?, &[b"INCR", key.as_bytes()]).await.map_err(Into::into))
    }

    async fn del(&mut self, opened: Resource<Open>, keys: Vec<String>) -> Answer<u32, v2::Error> {
        Ok(Open::count(&*self.redis(&opened)?, &words("DEL", None, &keys)).await.map_err(Into::into))
    }

    async fn sadd(&mut self, opened: Resource<Open>, key: String, values: Vec<String>) -> Answer<u32, v2::Error> {
        Ok(Open::count(&*self.redis(&opened)?, &words("SADD", Some(&key), &values)).await.map_err(Into::into))
    }

    async fn smembers(&mut self, opened: Resource<Open>, key: String) -> Answer<Vec<String>, v2::Error> {
        Ok(Open::members(&*self.redis(&opened)?, &key).await.map_err(Into::into))
    }

    async fn srem(&mut self, opened: Resource<Open>, key: String, values: Vec<String>) -> Answer<u32, v2::Error> {
        Ok(Open::count(&*self.redis(&opened)?, &words("SREM", Some(&key), &values)).await.map_err(Into::into))
    }

    async fn execute(
        &mut self,
        opened: Resource<Open>,
        command: String,
        arguments: Vec<v2::RedisParameter>,
    ) -> Answer<Vec<v2::RedisResult>, v2::Error> {
        let connection = self.redis(&opened)?;
        let parts = Open::execute(&connection, &command, arguments.into_iter().map(Into::into).collect()).await;
        Ok(parts.map(|parts| parts.into_iter().map(Into::into).collect()).map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}

impl v3::Host for Host {}

impl v3::HostConnection for Host {
    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}

fn find<T>(store: &Accessor<T, HostAccess>, opened: &Resource<Open>) -> wasmtime::Result<Arc<Turns<super::Wire>>> {
    store.with(|mut access| access.get().redis(opened))
}

impl<T: Send> v3::HostConnectionWithStore<T> for HostAccess {
    async fn open(store: &Accessor<T, Self>, address: String) -> Answer<Resource<Open>, v3::Error> {
        let opened = match store.with(|mut access| access.get().outbound.admit_connection(&address, &SCHEMES)) {
            Ok(passage) => super::open(passage).await,
            Err(error) => Err(error.into()),
        };
        Ok(store.with(|mut access| access.get().keep_redis(opened)).map_err(Into::into))
    }

    async fn publish(store: &Accessor<T, Self>, opened: Resource<Open>, channel: String, payload: Vec<u8>) -> Answer<(), v3::Error> {
        let words: [&[u8]; 3] = [b"PUBLISH", channel.as_bytes(), &payload];
        Ok(Open::run(&*find(store, &opened)?, &words).await.map(|_| ()).map_err(Into::into))
    }

    async fn get(store: &Accessor<T, Self>, opened: Resource<Open>, key: String) -> Answer<Option<Vec<u8>>, v3::Error> {
        Ok(Open::get(&*find(store, &opened)?, &key).await.map_err(Into::into))
    }

    async fn set(store: &Accessor<T, Self>, opened: Resource<Open>, key: String, value: Vec<u8>) -> Answer<(), v3::Error> {
        let words: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
        Ok(Open::run(&*find(store, &opened)?, &words).await.map(|_| ()).map_err(Into::into))
    }

    async fn incr(store: &Accessor<T, Self>, opened: Resource<Open>, key: String) -> Answer<i64, v3::Error> {
        Ok(Open::integer(&*find(store, &opened)?, &[b"INCR", key.as_bytes()]).await.map_err(Into::into))
    }

    async fn del(store: &Accessor<T, Self>, opened: Resource<Open>, keys: Vec<String>) -> Answer<u32, v3::Error> {
        Ok(Open::count(&*find(store, &opened)?, &words("DEL", None, &keys)).await.map_err(Into::into))
    }

    async fn sadd(store: &Accessor<T, Self>, opened: Resource<Open>, key: String, values: Vec<String>) -> Answer<u32, v3::Error> {
        Ok(Open::count(&*find(store, &opened)?, &words("SADD", Some(&key), &values)).await.map_err(Into::into))
    }

    async fn smembers(store: &Accessor<T, Self>, opened: Resource<Open>, key: String) -> Answer<Vec<String>, v3::Error> {
        Ok(Open::members(&*find(store, &opened)?, &key).await.map_err(Into::into))
    }

    async fn srem(store: &Accessor<T, Self>, opened: Resource<Open>, key: String, values: Vec<String>) -> Answer<u32, v3::Error> {
        Ok(Open::count(&*find(store, &opened)?, &words("SREM", Some(&key), &values)).await.map_err(Into::into))
    }

    async fn execute(
        store: &Accessor<T, Self>,
        opened: Resource<Open>,
        command: String,
        arguments: Vec<v3::RedisParameter>,
    ) -> Answer<Vec<v3::RedisResult>, v3::Error> {
        let connection = find(store, &opened)?;
        let parts = Open::execute(&connection, &command, arguments.into_iter().map(Into::into).collect()).await;
        Ok(parts.map(|parts| parts.into_iter().map(Into::into).collect()).map_err(Into::into))
    }
}
