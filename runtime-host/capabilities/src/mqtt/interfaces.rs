//! The two generations of the interface, call by call.
//!
//! This module knows names. It must never decide anything.

use super::{Login, MqttConnection as Open, MqttError, Quality, SCHEMES};
use crate::Host;
use crate::bindings::{spin2::mqtt as v2, spin3::mqtt as v3};
use crate::host::HostAccess;
use wasmtime::component::{Accessor, Resource};

type Answer<T, E> = wasmtime::Result<Result<T, E>>;

/// Both generations have the same types under different names.
macro_rules! generation {
    ($version:ident) => {
        impl From<MqttError> for $version::Error {
            fn from(error: MqttError) -> Self {
                match error {
                    MqttError::InvalidAddress => Self::InvalidAddress,
                    MqttError::TooManyConnections => Self::TooManyConnections,
                    MqttError::Connection(text) => Self::ConnectionFailed(text),
                    MqttError::Other(text) => Self::Other(text),
                }
            }
        }

        impl From<$version::Qos> for Quality {
            fn from(quality: $version::Qos) -> Self {
                match quality {
                    $version::Qos::AtMostOnce => Self::AtMostOnce,
                    $version::Qos::AtLeastOnce => Self::AtLeastOnce,
                    $version::Qos::ExactlyOnce => Self::ExactlyOnce,
                }
            }
        }
    };
}

generation!(v2);
generation!(v3);

impl v2::Host for Host {}

impl v2::HostConnection for Host {
    async fn open(&mut self, address: String, user: String, password: String, keep_alive_secs: u64) -> Answer<Resource<Open>, v2::Error> {
        let opened = match self.outbound.admit_connection(&address, &SCHEMES) {
            Ok(passage) => super::open(passage, Login { user, password, keep_alive_secs }).await,
            Err(error) => Err(error.into()),
        };
        Ok(self.keep_mqtt(opened).map_err(Into::into))
    }

    async fn publish(&mut self, opened: Resource<Open>, topic: String, payload: Vec<u8>, quality: v2::Qos) -> Answer<(), v2::Error> {
        let connection = self.mqtt(&opened)?;
        Ok(super::publish(&connection, &topic, &payload, quality.into()).await.map_err(Into::into))
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

impl<T: Send> v3::HostConnectionWithStore<T> for HostAccess {
    async fn open(
        store: &Accessor<T, Self>,
        address: String,
        user: String,
        password: String,
        keep_alive_secs: u64,
    ) -> Answer<Resource<Open>, v3::Error> {
        let opened = match store.with(|mut access| access.get().outbound.admit_connection(&address, &SCHEMES)) {
            Ok(passage) => super::open(passage, Login { user, password, keep_alive_secs }).await,
            Err(error) => Err(error.into()),
        };
        Ok(store.with(|mut access| access.get().keep_mqtt(opened)).map_err(Into::into))
    }

    async fn publish(
        store: &Accessor<T, Self>,
        opened: Resource<Open>,
        topic: String,
        payload: Vec<u8>,
        quality: v3::Qos,
    ) -> Answer<(), v3::Error> {
        let connection = store.with(|mut access| access.get().mqtt(&opened))?;
        Ok(super::publish(&connection, &topic, &payload, quality.into()).await.map_err(Into::into))
    }
}
