//! The traits and types of Spin's interfaces, generated from the contracts in `wit/`.
//!
//! This module knows the shape of each interface. It must never know what one does.

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code is not ours to style")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "spell:host/imports",
        imports: { default: async | trappable },
        with: {
            "fermyon:spin/key-value.store": crate::key_value::OpenStore,
            "spin:key-value/key-value.store": crate::key_value::OpenStore,
            "wasi:keyvalue/store.bucket": crate::key_value::OpenStore,
            "wasi:keyvalue/atomics.cas": crate::wasi_keyvalue::Comparison,
            "fermyon:spin/sqlite.connection": crate::sqlite::OpenDatabase,
            "spin:sqlite/sqlite.connection": crate::sqlite::OpenDatabase,
            "fermyon:spin/mqtt.connection": crate::mqtt::MqttConnection,
            "spin:mqtt/mqtt.connection": crate::mqtt::MqttConnection,
            "fermyon:spin/mysql.connection": crate::mysql::MysqlConnection,
            "spin:mysql/mysql.connection": crate::mysql::MysqlConnection,
            "fermyon:spin/redis.connection": crate::redis::RedisConnection,
            "spin:redis/redis.connection": crate::redis::RedisConnection,
            "fermyon:spin/postgres.connection": crate::postgres::PostgresConnection,
            "spin:postgres/postgres@3.0.0.connection": crate::postgres::PostgresConnection,
            "spin:postgres/postgres@4.2.0.connection": crate::postgres::PostgresConnection,
            "spin:postgres/postgres@4.2.0.connection-builder": crate::postgres::PostgresBuilder,
        },
    });
}

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code is not ours to style")]
mod generated_spin1 {
    wasmtime::component::bindgen!({
        path: "../../wit/spin1",
        world: "spell:spin1/imports",
        imports: { default: async | trappable },
    });
}

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code is not ours to style")]
mod generated_telemetry {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "spell:host/telemetry",
        imports: { default: trappable },
        require_store_data_send: true,
        with: {
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

/// `wasi:otel`, none of whose functions waits for anything.
pub(crate) mod otel {
    pub(crate) use super::generated_telemetry::wasi::otel::{logs, metrics, tracing, types};
    pub(crate) use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
}

/// `fermyon:spin` without a version, whose handles are numbers.
pub(crate) mod spin1 {
    pub(crate) use super::generated_spin1::fermyon::spin::{config, http, http_types, key_value, sqlite};
}

/// `fermyon:spin@2.0.0`, for components of WASI 0.2.
pub(crate) mod spin2 {
    pub(crate) use super::generated::fermyon::spin::{key_value, llm, mqtt, mysql, postgres, rdbms_types, redis, sqlite, variables};
}

pub(crate) use generated::spin::postgres3_0_0::postgres as postgres3;
pub(crate) use generated::spin::postgres4_2_0::postgres as postgres4;

/// `spin:…@3.0.0`, for components of WASI 0.3.
pub(crate) mod spin3 {
    pub(crate) use super::generated::spin::key_value::key_value;
    pub(crate) use super::generated::spin::mqtt::mqtt;
    pub(crate) use super::generated::spin::mysql::mysql;
    pub(crate) use super::generated::spin::redis::redis;
    pub(crate) use super::generated::spin::sqlite3_1_0::sqlite;
    pub(crate) use super::generated::spin::variables::variables;
}

/// Interfaces with plain functions that components of both generations import.
pub(crate) mod plain {
    pub(crate) use super::generated::spin::sqlite3_0_0::sqlite;
    pub(crate) use super::generated::wasi::config::store as config;
    pub(crate) use super::generated::wasi::keyvalue::{atomics, batch, store};
}
